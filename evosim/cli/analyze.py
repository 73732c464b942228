"""The commands `evosim analyze`, `compare` and `export`: results of finished runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from evosim.cli.common import (
    FORMATS,
    AsJson,
    RunFolder,
    print_account,
    warn_of_other_code,
    warn_of_read_only,
)
from evosim.errors import UserError
from evosim.runtime.interrupts import stoppable
from evosim.runtime.terminal import echo
from evosim.runtime.timing import Clock


@stoppable("the account was not written; the same command makes it")
def analyze(
    folder: RunFolder,
    genome: Annotated[
        int | None, typer.Option("--class", help="Account for one class of the grid instead.")
    ] = None,
    never: Annotated[
        list[str] | None,
        typer.Option(
            "--never",
            metavar="STATE",
            help=(
                "With --class: certify that it never enters this state (beginning of a name, *), in"
                " every world of the experiment."
            ),
        ),
    ] = None,
    loses_at_most: Annotated[
        float | None,
        typer.Option(
            "--loses-at-most",
            metavar="LOSS",
            help="With --class: certify that it loses at most this against the best policy.",
        ),
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Also print what each author calls each step.")
    ] = False,
    details: Annotated[
        bool,
        typer.Option(
            "--details",
            help="Also print how far lives in A and in M can differ at all (total variation).",
        ),
    ] = False,
    rungs: Annotated[
        bool,
        typer.Option(
            "--rungs",
            help="Print the classes behind the rungs R1 to R5, with their genomes, and stop.",
        ),
    ] = False,
    states: Annotated[
        bool, typer.Option("--states", help="List the states of the worlds, for --never, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Account for a recorded run again, from its tables, with the reference code."""
    clock = Clock()
    with clock.stage("imports"):
        from evosim.runs import accounts
        from evosim.runs.reader import read_run

    recorded = read_run(folder)
    if genome is None and (never or loses_at_most is not None):
        raise UserError(
            "--class must be given with --never and --loses-at-most, but is not. Say which class;"
            f" 'evosim analyze {folder} --rungs' names some."
        )
    if loses_at_most is not None and not 0.0 <= loses_at_most < float("inf"):
        raise UserError(
            f"--loses-at-most must be a finite loss of at least 0, but is {loses_at_most}."
            " Change it."
        )
    if sum((genome is not None, rungs, states)) > 1:
        raise UserError(
            "--class, --rungs and --states must be asked for one at a time, but several are. Leave"
            " the others out."
        )
    if genome is not None or rungs or states:
        _print_part(recorded, genome, never, loses_at_most, rungs, as_json)
        return
    warn_of_other_code(recorded)
    with clock.stage("analysis"):
        summary = accounts.summary_of(recorded, again=True)
    if accounts.only_in_memory(recorded):
        warn_of_read_only(recorded)
    print_account(recorded, summary, as_json, clock, labels=labels, details=details)


def _print_part(
    recorded: Any,
    genome: int | None,
    never: list[str] | None,
    loses_at_most: float | None,
    rungs: bool,
    as_json: bool,
) -> None:
    """One class, the classes of the rungs, or the states of the worlds."""
    from evosim.runs import accounts
    from evosim.runtime.text_layout import Screen
    from evosim.tables import genotype

    found: Any
    if genome is not None:
        found = accounts.account_of_class(recorded, genome, never or (), loses_at_most)
    else:
        found = accounts.classes_of_rungs(recorded) if rungs else accounts.states_of(recorded)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    elif genome is not None:
        genotype.show_class(Screen(), found)
    elif rungs:
        genotype.show_rungs(Screen(), found)
    else:
        for world, names in found.items():
            echo(f"{world} ({len(names)} states):")
            for name in names:
                echo(f"  {name}")


def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Folders of runs; the first is what the others are held against.",
        ),
    ],
    draw: Annotated[
        bool,
        typer.Option("--figures", help="Draw figures, into compare-BASE-OTHER beside the base."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the figures.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Of the figures, comma-separated: png, svg, pdf.")
    ] = "png,svg,pdf",
    force: Annotated[
        bool, typer.Option("--force", help="With --out: write over figures that are there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hold runs against each other: parameters that differ, accounts side by side, differences with
    intervals.
    """
    from evosim.api import comparison
    from evosim.errors import unknown
    from evosim.runs.reader import read_run
    from evosim.runtime.text_layout import Screen

    wanted = tuple(f.strip() for f in formats.split(","))
    for name in wanted:
        if name not in FORMATS:
            raise unknown("--format", name, FORMATS)
    if out is not None and not draw:
        raise UserError(
            "--out must be given with --figures, which it is for, but is not. Add --figures."
        )
    found = comparison.compared([read_run(folder) for folder in folders])
    drawn = found.draw(out, wanted, force=force or out is None) if draw else []
    if as_json:
        typer.echo(
            json.dumps(
                found.as_data() | {"figures": [str(path) for path in drawn]},
                indent=1,
                allow_nan=False,
            )
        )
        return
    console = Screen()
    comparison.show(console, found)
    if drawn:
        console.print(f"\nFigures: {drawn[0].parent}", soft_wrap=True, markup=False)


def export(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a run, a sweep, a search, or of kept results (CSV).")
    ],
    tables: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TABLE]...", help="Tables by name; all by default."),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="csv, parquet or json.")] = "csv",
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|-",
            help="Folder of the files, or - to print one table. Default: NAME-FORMAT here.",
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the tables, with rows and what they are, and stop.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write over files that are there.")
    ] = False,
    spreadsheets: Annotated[
        bool,
        typer.Option(
            "--for-spreadsheets",
            help="CSV: put ' before texts that a spreadsheet would compute (= + - @).",
        ),
    ] = False,
) -> None:
    """Write tables as CSV, Parquet or JSON: every digit, nothing for what was not measured."""
    from evosim.api import export as exporting

    if format_ not in exporting.FORMATS:
        from evosim.errors import unknown

        raise unknown("--format", format_, exporting.FORMATS)
    source = exporting.source_of(folder)
    if listed:
        _list_tables(source)
        return
    if out == "-":
        if len(tables or ()) != 1:
            raise UserError(
                f"--out - must be given with one table, but is with {len(tables or ()) or 'all'}."
                " Name one; '--list' lists them."
            )
        name = (tables or [""])[0]
        sys.stdout.flush()
        sys.stdout.buffer.write(
            exporting.encoded(source.table(name), name, format_, spreadsheets=spreadsheets)
        )
        return
    target = Path(out) if out is not None else exporting.folder_for(source, format_)
    for path in exporting.write(
        source, tables, target, format_, force=force, spreadsheets=spreadsheets
    ):
        echo(str(path))


def _list_tables(source: Any) -> None:
    from rich.table import Table

    from evosim.runtime.text_layout import Screen
    from evosim.runtime.text_layout import show as show_table

    shown = Table(box=None)
    for column in ("table", "rows", "what it is"):
        shown.add_column(column, justify="right" if column == "rows" else "left")
    for row in source.listed().iter_rows(named=True):
        shown.add_row(row["table"], f"{row['rows']:,}", row["what"])
    show_table(Screen(), shown)
