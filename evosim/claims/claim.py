"""Parts, measurements and figures of a claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl

from evosim.claims.measurements import Measurement
from evosim.config.schema import Experiment

Tables: TypeAlias = Mapping[str, pl.DataFrame]
Charts: TypeAlias = dict[str, Any]  # Altair charts by name
Cell: TypeAlias = str | float | bool | None
Row: TypeAlias = dict[str, Cell]  # of a table that is built row by row


@dataclass(frozen=True)
class Part:
    """A piece of a claim's work. A process computes it and stores its table as a file.

    Attributes
    ----------
    name : str
        Name of the table: letters, digits and hyphens.
    make : callable
        A function at the top of a module that returns the table.
    arguments : tuple
        Its arguments: plain values or experiments. Together with the sources they name the file.
    cost : float
        About how many seconds it takes at full size. Expensive parts start first.
    """

    name: str
    make: Callable[..., pl.DataFrame]
    arguments: tuple[Any, ...] = ()
    cost: float = 1.0


def all_tables(tables: Tables, experiment: Experiment) -> dict[str, pl.DataFrame]:
    """Store the tables of all parts as they are."""
    return dict(tables)


@dataclass(frozen=True)
class Claim:
    """How a claim is tested. Its predictions are in the experiment file of the same name.

    Attributes
    ----------
    parts : callable
        Lists what to compute for an experiment with the settings of the chosen size.
    measure : callable
        Measures quantities by name from the tables of all parts.
    figures : callable
        Makes charts by name from the same tables.
    tables : callable
        Selects the tables to store with the verdict. By default those of all parts.
    """

    parts: Callable[[Experiment], list[Part]]
    measure: Callable[[Tables, Experiment], dict[str, Measurement]]
    figures: Callable[[Tables, Experiment], Charts]
    tables: Callable[[Tables, Experiment], dict[str, pl.DataFrame]] = all_tables
