"""The commands `evosim list`, `show` and `verify`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from evosim.cli.options import AsJson, ExperimentName, Settings
from evosim.cli.output import warn, warn_of_unusual_values
from evosim.runtime.interrupts import stoppable
from evosim.runtime.terminal import echo

if TYPE_CHECKING:
    from evosim.verify import Verdict


def list_(
    what: Annotated[
        str | None,
        typer.Argument(help="One kind (worlds, genomes, ...) or one name. Default: all."),
    ] = None,
) -> None:
    """List experiments, worlds, genomes and base optimizers."""
    from rich.table import Table

    from evosim.config.entry_points import broken
    from evosim.config.registry import offered
    from evosim.config.toml_files import named_experiments, read_toml
    from evosim.optimizers.params import WHAT
    from evosim.optimizers.vector_params import VECTOR_WHAT
    from evosim.runtime.text_layout import Screen
    from evosim.runtime.text_layout import show as show_table
    from evosim.worlds import LANDSCAPES

    groups: dict[str, dict[str, str]] = {
        "experiments": {
            name: read_toml(path).get("title", "") for name, path in named_experiments().items()
        },
        "worlds": offered("world"),
        "landscapes": {name: entry.description for name, entry in LANDSCAPES.items()},
        "genomes": offered("genome"),
        "optimizers": WHAT,
        "optimizers on a landscape": VECTOR_WHAT,
    }
    groups = _chosen(groups, what) if what is not None else groups
    for message in broken():
        warn(message)
    console = Screen()
    widest = max(len(name) for entries in groups.values() for name in entries)
    for kind, entries in groups.items():
        console.print(kind, style="bold", highlight=False)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column()
        table.add_column()
        for name, what in entries.items():
            if not console.is_terminal:  # one line for each, for grep
                echo(f"  {name:{widest}}  {what}")
            table.add_row(f"  {name:{widest}}", what)
        if console.is_terminal:
            show_table(console, table)


def _chosen(groups: dict[str, dict[str, str]], what: str) -> dict[str, dict[str, str]]:
    """The groups of a kind, in the singular or the plural, or the entries of a name.

    Raises `UserError`.
    """
    from evosim.errors import unknown

    requested = what.lower()
    for kind in groups:
        if requested in (kind, kind.removesuffix("s")):
            return {name: entries for name, entries in groups.items() if name.startswith(kind)}
    named = {
        kind: {name: text for name, text in entries.items() if name == what}
        for kind, entries in groups.items()
    }
    matches = {kind: entries for kind, entries in named.items() if entries}
    if not matches:
        raise unknown(
            "the argument",
            what,
            {*groups, *(name for entries in groups.values() for name in entries)},
        )
    return matches


def show(experiment: ExperimentName = "three-losses", settings: Settings = None) -> None:
    """Print an experiment with all parameters: a TOML file from which to start your own."""
    from evosim.config.differences import note_on_expected, with_own_words
    from evosim.config.experiments import read_experiment
    from evosim.config.landscape_search import build_landscape, on_landscape
    from evosim.config.resolve import build, resolve
    from evosim.config.settings import apply_settings
    from evosim.config.toml_out import to_commented_toml

    resolved = with_own_words(resolve(apply_settings(read_experiment(experiment), settings or [])))
    if on_landscape(resolved):
        build_landscape(resolved, resolved.seed)
    else:
        build(resolved)

    warn_of_unusual_values(resolved)
    if note := note_on_expected(resolved):
        warn(f"expected: {note}")
    echo(to_commented_toml(resolved), nl=False)


@stoppable("some laws were not checked; nothing was written")
def verify(
    laws: Annotated[
        list[str] | None,
        typer.Argument(
            help="Laws to check, hyphens for spaces; all by default ('evosim verify --list')."
        ),
    ] = None,
    slow: Annotated[
        bool, typer.Option("--slow", help="All cases with all replicates. Takes minutes.")
    ] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="Also plant faults. Each must make its law fail.")
    ] = False,
    list_only: Annotated[
        bool, typer.Option("--list", help="List laws, their sources and their faults, and stop.")
    ] = False,
    details: Annotated[bool, typer.Option("--details", help="Print every comparison.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check this installation against population genetics. Exit code 1 if a law does not hold."""
    from evosim.errors import unknown
    from evosim.runtime.text_layout import Screen
    from evosim.verify import LAWS, check_laws, tables

    console = Screen()
    start = time.perf_counter()

    names = [name if name in LAWS else name.replace("-", " ") for name in laws or ()]
    for name in names:
        if name not in LAWS:
            raise unknown("a law", name, LAWS)
    chosen = [LAWS[name] for name in names] or list(LAWS.values())
    if list_only:
        tables.show_laws(console, chosen)
        return
    if slow and len(chosen) == len(LAWS):
        warn(
            "all cases with all replicates take about 6 min on two idle processors"
            + (", and the faults more" if faults else "")
        )

    def print_verdict(verdict: Verdict) -> None:
        if not as_json:
            tables.show_verdict(console, verdict, details=details)

    verdicts = check_laws(chosen, slow=slow, faults=faults, on_verdict=print_verdict)
    failed = [verdict for verdict in verdicts if verdict.holds == bool(verdict.fault)]
    if as_json:
        typer.echo(json.dumps(tables.summary_as_dict(verdicts), indent=1))
    else:
        tables.show_summary(console, verdicts, time.perf_counter() - start)
    if failed:
        raise typer.Exit(1)
