"""Export tables of runs, sweeps, searches and claims as CSV, Parquet or JSON.

CSV has every digit of a number, so that reading it back gives the same number. A null is an empty
cell, and an empty text is `""`. CSV cannot hold a column of lists, which is refused. A text that
begins like a formula gets an apostrophe on request, for spreadsheets. JSON is one array of rows;
infinities and NaN become null.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from evosim import accounts
from evosim.config.file_kinds import (
    PARTIAL_FOLDER,
    RUN_FOLDER,
    SEARCH_FOLDER,
    SWEEP_FOLDER,
    refuse_other_kind,
)
from evosim.errors import UserError, unknown
from evosim.runs.accounts import analysed
from evosim.runs.landscape_search import paths_there
from evosim.runs.reader import CHECKPOINT, read_run
from evosim.runtime.atomic_files import make_folder, must_be_free, write_atomically
from evosim.runtime.checksums import Damaged, read_table
from evosim.runtime.output_folders import PARTIAL, check_place

if TYPE_CHECKING:
    from evosim.sweeps.store import Store

FORMATS = ("csv", "parquet", "json")
SWEEP_FILE = "sweep.json"
FORMULA = r"^[\t\r\n ]*[=+\-@]"

WHAT = {
    "generations": "fitness of newborns in both worlds, one row a generation and seed",
    "loci": "mean and spread of the expressed value of each locus through time",
    "alleles": "frequency of each allele through time",
    "populations": "snapshots: which classes, how many of each",
    "search": (
        "the search ledger (Price equation): what moved each trait from generation to generation"
    ),
    "landscape": "the fitness of classes in both worlds",
    **accounts.TABLES,
    "paths": "where a search of a landscape was, and what it had found",
    "runs": "one row a run: its parameters, how it ended, every number of its account",
    "plan": "one row a run that was planned",
    "cells": "mean and interval of each quantity in each cell",
    "ledger": "entries of the behaviour ledger in each cell",
    "quantities": "reasons for missing effects; variance between and within cells",
    "effects": "means at each level of each parameter over all others",
    "contrasts": "differences between levels, seed by seed",
    "pairs": "means of two parameters together, and what one adds to the other's effect",
    "shares": "shares of the variance between cells",
    "sampled": "effects of the parameters of a design",
    "fits": "the models of a design",
}


@dataclass(frozen=True)
class Source:
    """A folder with tables.

    Attributes
    ----------
    folder : Path
        The folder.
    kind : str
        `run`, `sweep`, `search` or `results`.
    readers : mapping
        Functions that read the tables, by name.
    """

    folder: Path
    kind: str
    readers: Mapping[str, Callable[[], pl.DataFrame]]

    def table(self, name: str) -> pl.DataFrame:
        """One table. Raises `UserError`."""
        if name not in self.readers:
            raise unknown(f"a table of {self.folder}", name, self.readers)
        return self.readers[name]()

    def list_tables(self) -> pl.DataFrame:
        """All tables: `table`, `rows`, `columns`, `what`."""
        rows = []
        for name in self.readers:
            table = self.table(name)
            rows.append(
                {
                    "table": name,
                    "rows": table.height,
                    "columns": table.width,
                    "what": self.what(name),
                }
            )
        return pl.DataFrame(rows)

    def what(self, name: str) -> str:
        """Description of a table, in one line."""
        first, _, rest = name.partition("/")
        if self.kind == "results":
            return ""
        if first == "controls":
            arm, _, table = rest.partition("/")
            return f"of the control '{arm}': {WHAT[table]}"
        return WHAT[rest or first]


def source_of(folder: Path) -> Source:
    """The tables of a run, a sweep, a search or stored results. Raises `UserError`.

    Stored results are CSV files in the folder or in its subfolders.
    """
    refuse_other_kind(folder, RUN_FOLDER, SWEEP_FOLDER, SEARCH_FOLDER, PARTIAL_FOLDER)
    if not folder.is_dir():
        raise UserError(
            f"the source of an export must be a folder, but {folder} is not one. Check the path"
            " with 'ls results'."
        )
    if (folder / SWEEP_FILE).is_file():
        return _of_sweep(folder)
    if (folder / "experiment.toml").is_file() and (
        (folder / "tables").is_dir()
        or folder.name.endswith(PARTIAL)
        or (folder / CHECKPOINT).is_dir()
    ):
        if (folder / "tables" / "paths.parquet").is_file():
            return Source(folder, "search", {"paths": partial(paths_there, folder)})
        return _of_run(folder)
    files = sorted(
        [*folder.glob("*.csv"), *folder.glob("*/*.csv")], key=lambda path: (len(path.parts), path)
    )
    if not files:
        raise UserError(
            f"{folder} must hold a run, a sweep, a search, or results with tables, but holds none."
            " Check the path with 'ls results'."
        )
    return Source(
        folder,
        "results",
        {
            path.relative_to(folder).with_suffix("").as_posix(): partial(_csv, path)
            for path in files
        },
    )


def _of_run(folder: Path) -> Source:
    recorded = read_run(folder)
    readers = {name: partial(recorded.tables.__getitem__, name) for name in recorded.tables}
    readers |= {name: partial(_the, table) for name, table in analysed(recorded)[0].items()}
    readers |= {
        f"controls/{arm}/{name}": partial(tables.__getitem__, name)
        for arm, tables in recorded.controls.items()
        for name in tables
    }
    return Source(folder, "run", readers)


def _of_sweep(folder: Path) -> Source:
    from evosim.sweeps.analysis import analysis_of, fresh_digest
    from evosim.sweeps.store import Store

    store = Store(folder)
    readers: dict[str, Callable[[], pl.DataFrame]] = {"plan": partial(_the, store.plan)}
    if store.done():
        fresh_digest(store)
        readers |= {name: partial(_collected, store, name) for name in ("runs", *store.keep)}
        readers |= {
            f"analysis/{name}": partial(_the, table)
            for name, table in analysis_of(store).tables.items()
        }
    return Source(folder, "sweep", readers)


def _the(table: pl.DataFrame) -> pl.DataFrame:
    return table


def _collected(store: Store, name: str) -> pl.DataFrame:
    try:
        # Equal tables are equal bytes, wherever their rows lie
        return store.collected(name).collect().rechunk()
    except (OSError, pl.exceptions.PolarsError):
        path = store.folder / f"{name}.parquet"
        raise UserError(
            f"{path} must be a readable table, but is missing or damaged. Make it again with"
            f" 'evosim sweep collect {store.folder}'."
        ) from None


def _parquet(path: Path) -> pl.DataFrame:
    try:
        return read_table(path)
    except Damaged as error:
        raise UserError(f"{path} must be a table, but {error}. Make it again.") from None


def _csv(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema_length=None, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(
            f"{path} must be a readable table, but is not. Make it again with the script of its"
            " name."
        ) from None


def for_spreadsheet(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before texts that a spreadsheet would compute.

    In a spreadsheet, a cell that begins with `=`, `+`, `-` or `@` is a formula (CWE-1236). So is
    one that has a tab or a line break before this character. Numbers stay as they are. Names of
    columns are texts too.

    Parameters
    ----------
    table : polars.DataFrame
        Any table.

    Returns
    -------
    polars.DataFrame
        The same table, with texts and names of columns that begin with none of these signs.
    """
    texts = (pl.String, pl.Categorical, pl.Enum)
    plain = table.with_columns(
        pl.col(name).cast(pl.String) for name, kind in table.schema.items() if kind in texts
    )
    plain = plain.with_columns(
        pl.when(pl.col(pl.String).str.contains(FORMULA))
        .then(pl.lit("'") + pl.col(pl.String))
        .otherwise(pl.col(pl.String))
        .name.keep()
    )
    return plain.rename({name: f"'{name}" for name in plain.columns if re.match(FORMULA, name)})


def encoded(table: pl.DataFrame, name: str, format: str, *, spreadsheets: bool = False) -> bytes:
    """Encode a table as the bytes of a file.

    Parameters
    ----------
    table : polars.DataFrame
        The table.
    name : str
        Its name in messages.
    format : str
        One of `FORMATS`.
    spreadsheets : bool
        Whether texts that begin like a formula get an apostrophe (CSV alone).

    Returns
    -------
    bytes
        All of the file.

    Raises
    ------
    UserError
        If the format is unknown or has no place for a column.
    """
    if format not in FORMATS:
        raise unknown("--format", format, FORMATS)
    if spreadsheets and format != "csv":
        raise UserError(
            f"--for-spreadsheets must be given for CSV, but the format is {format}. Leave it out,"
            " or use --format csv."
        )
    nested = [column for column, kind in table.schema.items() if kind.is_nested()]
    if format == "csv" and nested:
        raise UserError(
            f"a column in CSV must hold single values, but '{nested[0]}' of {name} holds"
            f" {table.schema[nested[0]]}. Use --format parquet or json."
        )
    data = io.BytesIO()
    if format == "csv":
        (for_spreadsheet(table) if spreadsheets else table).write_csv(data)
    elif format == "parquet":
        table.write_parquet(data, compression="zstd")
    else:
        table.write_json(data)
        data.write(b"\n")
    return data.getvalue()


def write(
    source: Source,
    tables: Iterable[str] | None,
    folder: Path,
    format: str = "csv",
    *,
    force: bool = False,
    spreadsheets: bool = False,
) -> list[Path]:
    """Write tables (by default all) as files in a folder; controls have their own subfolders.

    The folder is made if missing. `spreadsheets` is as in `encoded`. Raises `UserError` and writes
    nothing if a file exists, unless `force` is set.
    """
    if isinstance(tables, str):
        raise UserError(
            f"tables must be a list of names, but is the text '{tables}'. Write ['{tables}']."
        )
    names = list(source.readers if tables is None else dict.fromkeys(tables))
    # Refuse tables that cannot be written before any file is written.
    files = {
        name: encoded(source.table(name), name, format, spreadsheets=spreadsheets) for name in names
    }
    if not folder.exists():
        check_place(folder)
    elif not folder.is_dir():
        raise UserError(
            f"--out must be a folder, or - for one table, but {folder} is a file. Give another."
        )
    if folder.resolve() == source.folder.resolve():
        raise UserError(
            f"--out must be a folder of its own, but is {folder}, which holds what is exported."
            " Give another."
        )
    paths = {name: folder / f"{name}.{format}" for name in files}
    if not force:
        for path in paths.values():
            must_be_free(
                path,
                "an exported table",
                "Give another folder with --out, or --force to write over it (in Python,"
                " force=True).",
            )
    written = []
    for name, data in files.items():
        path = paths[name]
        for parent in reversed([path.parent, *path.parent.parents]):
            if not parent.exists():
                make_folder(parent)
        write_atomically(path, data)
        written.append(path)
    return written


def folder_for(source: Source, format: str) -> Path:
    """Where tables go if nothing is said: `NAME-FORMAT` here."""
    return Path(f"{source.folder.resolve().name}-{format}")


__all__ = ["FORMATS", "WHAT", "Source", "encoded", "folder_for", "source_of", "write"]
