"""What scripts about recorded runs share: which runs, their accounts, and where tables and figures go."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from evosim.analysis.account import Account
from evosim.analysis.intervals import interval
from evosim.errors import UserError
from evosim.record import Recorded, read_run
from evosim.workflow import accountant

Rows = Callable[[Recorded, Account], list[dict[str, Any]]]


def main_of(doc: str, name: str, rows: Rows, figure: Callable[[pl.DataFrame], Any], arguments: list[str] | None) -> int:
    """Read runs, make one table of what `rows` finds in each, print it, and write `NAME.csv` and `NAME.png`. Exit code 2 after a mistake."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--out", type=Path, default=Path("results") / "runs" / name, help="folder for table and figure")
    given = parser.parse_args(arguments)
    try:
        recorded = [read_run(folder) for folder in given.runs]
        table = pl.DataFrame([{"run": run.folder.name} | row for run in recorded for row in rows(run, accountant(run).account())], infer_schema_length=None)
        given.out.mkdir(parents=True, exist_ok=True)
        table.write_csv(given.out / f"{name}.csv", float_precision=6)
        figure(table).save(str(given.out / f"{name}.png"), ppi=150)
    except UserError as error:
        return mistake(str(error))
    except OSError as error:
        return mistake(f"{given.out} must be a folder that can be written, but is not: {error.strerror}. Give another --out.")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, float_precision=4, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, fmt_str_lengths=80):
        print(table)
    print(f"table and figure: {given.out}")
    return 0


def mistake(message: str) -> int:
    """Say what was wrong in one line; the exit code."""
    print(message, file=sys.stderr)
    return 2


def over_seeds(values: Iterable[float | None]) -> dict[str, float | int | None]:
    """Mean, ends of the 95% bootstrap interval (none from fewer than five seeds), and how many seeds."""
    x = [value for value in values if value is not None]
    low, high = interval(x, 2000, 0.95) or (None, None)
    return {"value": sum(x) / len(x) if x else None, "low": low, "high": high, "seeds": len(x)}
