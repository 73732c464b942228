"""The commands `evosim analyze`, `compare` and `export`: results of finished runs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from evosim.cli.options import FORMATS, AsJson, RunFolder, with_option_groups
from evosim.cli.output import print_account, warn_of_other_code, warn_of_read_only
from evosim.errors import UserError
from evosim.runtime.interrupts import stoppable
from evosim.runtime.terminal import echo
from evosim.runtime.timing import Clock
from evosim.runtime.words import count_of


@dataclass(frozen=True)
class PartOptions:
    """Options of `evosim analyze` that show one part instead of the account."""

    class_id: Annotated[
        int | None, typer.Option("--class", help="Show the account of one class of the grid.")
    ] = None
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
    ] = None
    loses_at_most: Annotated[
        float | None,
        typer.Option(
            "--loses-at-most",
            metavar="LOSS",
            help="With --class: certify that it loses at most this against the best policy.",
        ),
    ] = None
    rungs: Annotated[
        bool,
        typer.Option(
            "--rungs", help="Print the classes of the rungs R1 to R5, with their genomes, and stop."
        ),
    ] = False
    states: Annotated[
        bool, typer.Option("--states", help="List the states of the worlds, for --never, and stop.")
    ] = False

    def is_given(self) -> bool:
        """Whether one of `--class`, `--rungs` and `--states` is given."""
        return self.class_id is not None or self.rungs or self.states

    def check(self, folder: Path) -> None:
        """Raise `UserError` for options that do not fit together."""
        if self.class_id is None and (self.never or self.loses_at_most is not None):
            raise UserError(
                "--never and --loses-at-most require --class, which is missing. 'evosim analyze"
                f" {folder} --rungs' lists some classes."
            )
        if self.loses_at_most is not None and not 0.0 <= self.loses_at_most < float("inf"):
            raise UserError(
                f"--loses-at-most must be a finite loss of at least 0, but is {self.loses_at_most}."
                " Write for example --loses-at-most 0.1."
            )
        if sum((self.class_id is not None, self.rungs, self.states)) > 1:
            raise UserError(
                "--class, --rungs and --states are mutually exclusive. Leave all but one out."
            )


@stoppable("the account was not written; rerun the same command")
@with_option_groups
def analyze(
    folder: RunFolder,
    *,
    part: PartOptions,
    labels: Annotated[
        bool, typer.Option("--labels", help="Also print what each author calls each step.")
    ] = False,
    details: Annotated[
        bool,
        typer.Option(
            "--details",
            help=(
                "Also print all accounts: the ladder, loss by act, desires, causes, greedy genes,"
                " the search ledger, total variation."
            ),
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Recompute the analysis of a finished run with the slow reference code."""
    clock = Clock()
    with clock.stage("imports"):
        from evosim.runs import accounts
        from evosim.runs.reader import read_run

    recorded = read_run(folder)
    part.check(folder)
    if part.is_given():
        _print_part(recorded, part, as_json)
        return
    warn_of_other_code(recorded)
    with clock.stage("analysis"):
        summary = accounts.summary_of(recorded, again=True)
    if accounts.only_in_memory(recorded):
        warn_of_read_only(recorded)
    print_account(recorded, summary, as_json, clock, labels=labels, details=details)


def _print_part(recorded: Any, part: PartOptions, as_json: bool) -> None:
    """Print one class, the classes of the rungs, or the states of the worlds."""
    from evosim.runs import accounts
    from evosim.runtime.dataclass_json import to_json
    from evosim.runtime.text_layout import Screen
    from evosim.tables import genotype

    answer: Any
    if part.class_id is not None:
        answer = accounts.account_of_class(
            recorded, part.class_id, part.never or (), part.loses_at_most
        )
    elif part.rungs:
        answer = accounts.classes_of_rungs(recorded)
    else:
        answer = accounts.states_of(recorded)
    if as_json:
        typer.echo(json.dumps(to_json(answer), indent=1))
    elif part.class_id is not None:
        genotype.show_class(Screen(), answer)
    elif part.rungs:
        genotype.show_rungs(Screen(), answer)
    else:
        for world, names in answer.items():
            echo(f"{world} ({count_of(len(names), 'state')}):")
            for name in names:
                echo(f"  {name}")


def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...", help="Folders of runs. The others are compared with the first."
        ),
    ],
    draw: Annotated[
        bool,
        typer.Option("--figures", help="Draw figures into compare-BASE-OTHER next to the base."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the figures.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Of the figures, comma-separated: png, svg, pdf.")
    ] = "png,svg,pdf",
    force: Annotated[
        bool, typer.Option("--force", help="With --out: overwrite existing figures.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare runs: different parameters, accounts side by side, differences with intervals."""
    from evosim.api import comparison, comparison_text
    from evosim.errors import unknown
    from evosim.runs.reader import read_run
    from evosim.runtime.text_layout import Screen

    names = tuple(name.strip() for name in formats.split(","))
    for name in names:
        if name not in FORMATS:
            raise unknown("--format", name, FORMATS)
    if out is not None and not draw:
        raise UserError("--out requires --figures. Add --figures.")
    result = comparison.compared([read_run(folder) for folder in folders])
    paths = result.draw(out, names, force=force or out is None) if draw else []
    if as_json:
        typer.echo(
            json.dumps(
                result.as_data() | {"figures": [str(path) for path in paths]},
                indent=1,
                allow_nan=False,
            )
        )
        return
    console = Screen()
    comparison_text.show(console, result)
    if paths:
        console.print(f"\nFigures: {paths[0].parent}", soft_wrap=True, markup=False)


def export(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a run, a sweep, a search, or of stored CSV tables.")
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
            help=(
                "Folder of the files, or - to print one table. Default: NAME-FORMAT in the current"
                " folder."
            ),
        ),
    ] = None,
    list_only: Annotated[
        bool, typer.Option("--list", help="List the tables, with rows and content, and stop.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    spreadsheets: Annotated[
        bool,
        typer.Option(
            "--for-spreadsheets",
            help="CSV: put ' before text that a spreadsheet would compute (= + - @).",
        ),
    ] = False,
) -> None:
    """Write tables as CSV, Parquet or JSON: full precision, unmeasured values stay empty."""
    from evosim.api import export as exporting

    if format_ not in exporting.FORMATS:
        from evosim.errors import unknown

        raise unknown("--format", format_, exporting.FORMATS)
    source = exporting.source_of(folder)
    if list_only:
        _list_tables(source)
        return
    if out == "-":
        if len(tables or ()) != 1:
            raise UserError(
                f"--out - prints one table, but {len(tables or ()) or 'all'} are requested. Name"
                f" one; 'evosim export {folder} --list' lists them."
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

    table = Table(box=None)
    for column in ("table", "rows", "what it is"):
        table.add_column(column, justify="right" if column == "rows" else "left")
    for row in source.list_tables().iter_rows(named=True):
        table.add_row(row["table"], f"{row['rows']:,}", row["what"])
    show_table(Screen(), table)
