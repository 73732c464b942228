"""Command line, table and figure that the scripts about finished runs share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import altair as alt
import polars as pl

import evosim

Rows = Callable[[evosim.Run], pl.DataFrame]
RUN = alt.Row(
    "run:N", title=None, header=alt.Header(labelAngle=0, labelAnchor="start", labelOrient="top")
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print an error about the arguments, and exit with 2."""
        self.exit(2, f"{self.prog}: {message}. See '{self.prog} --help'.\n")


def main_of(
    doc: str,
    name: str,
    rows: Rows,
    figure: Callable[[pl.DataFrame, str], Any],
    arguments: list[str] | None,
) -> int:
    """Make one table from all runs, print it, and write `NAME.csv` and `NAME.png`.

    Parameters
    ----------
    doc : str
        Help of the script.
    name : str
        Name of the default folder and of the files.
    rows : callable
        Makes the rows of one run.
    figure : callable
        Draws the table, given the unit of payoff.
    arguments : list of str or None
        Command line without the program; None for that of the process.

    Returns
    -------
    int
        Exit code: 2 after a mistake of the user.
    """
    parser = Parser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results") / "runs" / name,
        help="folder for table and figure",
    )
    given = parser.parse_args(arguments)
    try:
        runs = [run_of(folder) for folder in given.runs]
        table = pl.concat(
            [rows(run).select(pl.lit(run.folder.name).alias("run"), pl.all()) for run in runs],
            how="diagonal_relaxed",
        )
        units = {run.unit for run in runs}
        given.out.mkdir(parents=True, exist_ok=True)
        table.write_csv(given.out / f"{name}.csv")
        figure(table, units.pop() if len(units) == 1 else "payoff").save(
            str(given.out / f"{name}.png"), ppi=150
        )
    except evosim.UserError as error:
        return mistake(str(error))
    except OSError as error:
        return mistake(
            f"The folder {given.out} cannot be written: {error.strerror}. Choose another folder"
            " with --out."
        )
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=200,
        float_precision=4,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        fmt_str_lengths=80,
    ):
        print(table)
    print(f"table and figure: {given.out}")
    return 0


def run_of(folder: Path) -> evosim.Run:
    """Load the run in a folder. Raises `UserError` if it holds something else."""
    loaded = evosim.load(folder)
    if not isinstance(loaded, evosim.Run):
        raise evosim.UserError(
            f"{folder} is a {type(loaded).__name__.lower()}, not a run. List runs: ls results/runs"
        )
    return loaded


def bars(table: pl.DataFrame, y: alt.Y, color: Any, unit: str, height: int, **more: Any) -> Any:
    """Means as bars with their intervals, a panel for every run."""
    base = alt.Chart(table).encode(y, **more)
    layers = base.mark_bar().encode(alt.X("mean:Q", title=f"{unit} in a life"), color=color)
    whiskers = base.mark_rule(color="#000000").encode(alt.X("low:Q"), alt.X2("high:Q"))
    return alt.layer(layers, whiskers).properties(width=420, height=height).facet(row=RUN)


def mistake(message: str) -> int:
    """Print an error in one line, and return the exit code."""
    print(message, file=sys.stderr)
    return 2
