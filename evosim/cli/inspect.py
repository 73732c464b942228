"""The commands `evosim list`, `show` and `verify`."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from evosim.cli.common import AsJson, Settings, Which, note, warn
from evosim.runtime.interrupts import stoppable
from evosim.runtime.terminal import echo


def list_(
    what: Annotated[
        str | None,
        typer.Argument(help="One kind (worlds, genomes, ...) or one name. Default: all."),
    ] = None,
) -> None:
    """List experiments, worlds, genomes and base optimizers."""
    from rich.table import Table

    from evosim.config.registry import broken, offered
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
    for words in broken():
        warn(words)
    console = Screen()
    widest = max(len(name) for entries in groups.values() for name in entries)
    for kind, entries in groups.items():
        console.print(kind, style="bold", highlight=False)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column()
        table.add_column()
        for name, what in entries.items():
            if not console.is_terminal:  # for grep: a line each
                echo(f"  {name:{widest}}  {what}")
            table.add_row(f"  {name:{widest}}", what)
        if console.is_terminal:
            show_table(console, table)


def _chosen(groups: dict[str, dict[str, str]], what: str) -> dict[str, dict[str, str]]:
    """The groups of a kind, in the singular or the plural, or the entries of a name.

    Raises `UserError`.
    """
    from evosim.errors import unknown

    wanted = what.lower()
    for kind in groups:
        if wanted in (kind, kind.removesuffix("s")):
            return {name: entries for name, entries in groups.items() if name.startswith(kind)}
    named = {
        kind: {name: words for name, words in entries.items() if name == what}
        for kind, entries in groups.items()
    }
    found = {kind: entries for kind, entries in named.items() if entries}
    if not found:
        raise unknown(
            "what is listed",
            what,
            {*groups, *(name for entries in groups.values() for name in entries)},
        )
    return found


def show(experiment: Which = "birth-control", settings: Settings = None) -> None:
    """Print an experiment with every parameter filled in: a TOML file to start one's own from."""
    from evosim.config.landscape_search import build_landscape, on_landscape
    from evosim.config.resolve import build, resolve
    from evosim.config.toml_files import apply_settings, read_experiment
    from evosim.config.toml_out import commented, with_own_words

    resolved = with_own_words(resolve(apply_settings(read_experiment(experiment), settings or [])))
    if on_landscape(resolved):
        build_landscape(resolved, resolved.seed)
    else:
        build(resolved)

    note(resolved)
    echo(commented(resolved), nl=False)


@stoppable("not all laws were checked; nothing was written")
def verify(
    laws: Annotated[
        list[str] | None,
        typer.Argument(
            help="Laws to check, hyphens for spaces; all by default ('evosim verify --list')."
        ),
    ] = None,
    slow: Annotated[
        bool, typer.Option("--slow", help="Every case with all replicates: minutes.")
    ] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="Also plant faults: each must turn its law red.")
    ] = False,
    listed: Annotated[
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

    wanted = [name.replace("-", " ") if name not in LAWS else name for name in laws or ()]
    for name in wanted:
        if name not in LAWS:
            raise unknown("a law", name, LAWS)
    chosen = [LAWS[name] for name in wanted] or list(LAWS.values())
    if listed:
        tables.show_laws(console, chosen)
        return
    if slow and len(chosen) == len(LAWS):
        warn(
            "every case with all replicates: about 6 min on two processors that have nothing else"
            " to do" + (", and the faults" if faults else "")
        )
    say = (
        (lambda verdict: None)
        if as_json
        else (lambda verdict: tables.show_verdict(console, verdict, details=details))
    )
    verdicts = check_laws(chosen, slow=slow, faults=faults, on_verdict=say)
    wrong = [v for v in verdicts if v.holds == bool(v.fault)]
    if as_json:
        typer.echo(json.dumps(tables.summary_as_dict(verdicts), indent=1))
    else:
        tables.show_summary(console, verdicts, time.perf_counter() - start)
    if wrong:
        raise typer.Exit(1)
