"""The application: its options, and what several commands print."""

from __future__ import annotations

import contextlib
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from evosim.runtime.terminal import echo
from evosim.runtime.timing import Clock

ALLOW = "allow_import"


def _allow(modules: list[str] | None) -> None:
    """Let files name these modules, in this process and in those that it starts."""
    if modules:
        from evosim.config.registry import allow_import

        allow_import(*modules)


Allow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODULE",
        help="Import this module if a file names it as gymnasium:MODULE:Env. May be repeated.",
        callback=_allow,
        is_eager=True,
        expose_value=False,
    ),
]


@cache
def _allowing() -> Any:
    """The option `--allow-import`, made as that of any command."""
    of_none = typer.Typer()

    @of_none.command()
    def none(allow_import: Allow = None) -> None:
        """Nothing but its option is used."""

    return next(option for option in typer.main.get_command(of_none).params if option.name == ALLOW)


class Whole(TyperGroup):
    """A group of commands whose help has the whole first sentence of each, and not its beginning.

    Each of its commands has the option `--allow-import`.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, with a short help that is not cut."""
        command = super().get_command(ctx, cmd_name)
        if command is None:
            return command
        if command.help and not command.short_help:
            command.short_help = command.help.partition("\n\n")[0].partition("\f")[0]
        grouped = isinstance(command, TyperGroup)
        if not grouped and all(option.name != ALLOW for option in command.params):
            command.params.append(_allowing())
        return command


Which = Annotated[str, typer.Argument(help="An experiment of 'evosim list', or a TOML file.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a parameter, e.g. optimizer.population=100."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
RunFolder = Annotated[Path, typer.Argument(help="A run's folder.")]
LEAST_TOLD = 0.05  # seconds
FORMATS = ("png", "svg", "pdf")


def warn_of_imports(chosen: Any) -> None:
    """Say which modules are about to be imported because a file names them."""
    from evosim.config.registry import will_import
    from evosim.runs.source_hash import choice_of

    for words in will_import([choice_of(chosen)]):
        warn(words)


def warn_of_other_code(recorded: Any) -> None:
    """Say on standard error where a run was made by other sources than these; `same_code` in JSON
    says it too.
    """
    from evosim.runs import accounts

    if not accounts.same_code(recorded):
        made_by = recorded.provenance["evosim"]
        echo(
            f"evosim: {recorded.folder} was made by other code (evosim {made_by}); --force"
            " repeats it.",
            err=True,
        )


def warn_of_read_only(recorded: Any) -> None:
    """Say on standard error that this user may not write into the folder of a run."""
    warn(
        f"{recorded.folder} is read-only for this user: accounts are shown and not kept, and no"
        " figures are drawn there."
    )


def print_account(
    recorded: Any,
    summary: dict[str, Any],
    as_json: bool,
    clock: Clock,
    *,
    labels: bool = False,
    details: bool = False,
) -> None:
    """Print the account of a run as JSON or as tables and sentences."""
    from evosim.runs import accounts, figures

    seconds = clock.told()
    whole = {"elapsed_s": round(sum(seconds.values()), 3), "seconds": seconds}
    summary = {**summary, "same_code": accounts.same_code(recorded), **whole}
    if as_json:
        typer.echo(json.dumps(summary, indent=1))
        return
    from evosim.runtime.text_layout import Screen
    from evosim.tables import screen

    console = Screen()
    screen.show(
        console, recorded.experiment.title or recorded.experiment.name, summary, details=details
    )
    if labels:
        screen.show_labels(console, summary)
    whole_account = (
        "Tables"
        if accounts.only_in_memory(recorded)
        else "Tables, accounts"
        if figures.figures_there(recorded)
        else "Tables and accounts"
    )
    what = f"{whole_account} and figures" if figures.figures_there(recorded) else whole_account
    spent = ", ".join(
        f"{name} {value:.1f}" for name, value in seconds.items() if value >= LEAST_TOLD
    )
    show_end(console, f"{what}: {recorded.folder}", f"({summary['elapsed_s']:.1f} s: {spent})")


def show_end(console: Any, where: str, spent: str) -> None:
    """Where all is, in a line that no break of ours cuts, and the time it took: behind it or,
    without room, below it.
    """
    from evosim.runtime.text_layout import say

    beside = len(where) + 3 + len(spent) <= console.width
    console.print(f"\n{where}{f'   {spent}' if beside else ''}", soft_wrap=True, markup=False)
    if not beside:
        say(console, spent)


def note(chosen: Any) -> None:
    """Note legal values that look like slips, on standard error."""
    from evosim.config.toml_out import oddities

    for words in oddities(chosen):
        warn(words)


def warn(words: str) -> None:
    """A line on standard error, if somebody is still there to read it."""
    with contextlib.suppress(OSError):
        echo(f"evosim: {words}", err=True)
