"""A recorded run and its tables, as the analysis reads them."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from evosim.analysis.table_schemas import Shape
from evosim.config.schema import Experiment
from evosim.errors import UserError
from evosim.runtime.checksums import Damaged, check_sum, read_table

MOST_KEPT = 2**20  # rows of a table that is read whole and kept


class Tables(Mapping[str, pl.DataFrame]):
    """Tables of a recorded run by name.

    Each is read when it is first asked for; `rows` reads a part of one.

    A run whose tables have no checksums is read at once, so that damage shows.
    """

    def __init__(
        self, folder: Path, places: Mapping[str, str], shape: Shape, sums: Mapping[str, str | None]
    ) -> None:
        """Make tables of files.

        Parameters
        ----------
        folder : Path
            Of the run.
        places : Mapping[str, str]
            By name, the path of each table in the folder.
        shape : Shape
            The schemas and limits that the tables are checked against.
        sums : Mapping[str, str | None]
            By name, the checksum of each file, where there is one.

        Raises
        ------
        UserError
            Where a table is missing or is not what was written.
        """
        # Absolute, so that a table is found when the program has changed its working folder.
        self._folder, self._places, self._shape = folder.absolute(), places, shape
        self._read: dict[str, pl.DataFrame] = {}
        for name, place in places.items():
            if sums[name] is None:
                self._read[name] = read_own_table(folder, place, shape, None)
                continue
            with self._refusing(name), (folder / place).open("rb") as file:
                check_sum(file, sums[name])

    @contextlib.contextmanager
    def _refusing(self, name: str) -> Iterator[None]:
        try:
            yield
        except Damaged as error:
            raise UserError(damaged_run(self._folder, self._places[name], error)) from None
        except FileNotFoundError:
            raise UserError(
                damaged_run(self._folder, self._places[name], Damaged("is missing"))
            ) from None
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UserError(
                damaged_run(self._folder, self._places[name], Damaged(f"cannot be read ({error})"))
            ) from None

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._read:
            self._read[name] = read_own_table(self._folder, self._places[name], self._shape, None)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def rows(self, name: str, those: pl.Expr) -> pl.DataFrame:
        """Some rows of a table, in its order, without keeping the others. Raises `UserError`."""
        if name in self._read or self._shape.most_rows(name) <= MOST_KEPT:
            return self[name].filter(those)
        with self._refusing(name):
            return (
                pl.scan_parquet(self._folder / self._places[name], glob=False)
                .filter(those)
                .collect()
            )


@dataclass(frozen=True, eq=False)
class Recorded:
    """A run read back from its folder, with the tables of its controls by name."""

    folder: Path
    experiment: Experiment
    provenance: dict[str, Any]
    tables: Tables
    controls: dict[str, Tables]


def read_own_table(folder: Path, place: str, shape: Shape, expected: str | None) -> pl.DataFrame:
    """Read a table of a run, if it is what was written.

    Parameters
    ----------
    folder : Path
        The run's folder.
    place : str
        Path of the table in it.
    shape : Shape
        The schemas and limits that the table is checked against.
    expected : str or None
        Its checksum, where there is one.

    Returns
    -------
    pl.DataFrame
        The table.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another shape.
    """
    path = folder / place
    try:
        table = read_table(path, expected, shape.most_rows(path.stem))
        shape.check(path.stem, table)
    except Damaged as error:
        raise UserError(damaged_run(folder, place, error)) from None
    return table


def damaged_run(folder: Path, name: str, why: Damaged) -> str:
    """Say which file of a run is damaged, and how to get it back."""
    again = f"'evosim run {shlex.quote(str(folder / 'experiment.toml'))} --out FOLDER'"
    return (
        f"{folder}/{name} must be what was written, but {why}. Restore it from a copy, or run it"
        f" again: {again}."
    )
