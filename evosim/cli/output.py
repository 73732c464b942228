"""Output of several commands: the account of a run, warnings, the last line."""

from __future__ import annotations

import contextlib
import json
import shlex
from typing import TYPE_CHECKING, Any

import typer

from evosim.runtime.terminal import echo
from evosim.runtime.timing import Clock

if TYPE_CHECKING:
    from rich.console import Console

    from evosim.analysis.summary import RunSummary
    from evosim.config.schema import Experiment

SHORTEST_STAGE = 0.05  # seconds; shorter stages are not listed


def warn(message: str) -> None:
    """Print a line on standard error. A closed standard error is ignored."""
    with contextlib.suppress(OSError):
        echo(f"evosim: {message}", err=True)


def warn_of_imports(experiment: Experiment) -> None:
    """Name the modules that will be imported because a file names them."""
    from evosim.config.external_code import will_import
    from evosim.runs.source_hash import choice_of

    for message in will_import([choice_of(experiment)]):
        warn(message)


def warn_of_other_code(recorded: Any) -> None:
    """Warn if other code made a run. In JSON, `same_code` says the same."""
    from evosim.runs import accounts

    if not accounts.same_code(recorded):
        version = recorded.provenance["evosim"]
        warn(
            f"{recorded.folder} was made by other code (evosim {version}); --force repeats the run."
        )


def warn_of_read_only(recorded: Any) -> None:
    """Warn that this user cannot write to the folder of a run."""
    warn(
        f"{recorded.folder} is read-only for this user. Accounts are shown but not stored, and no"
        " figures are drawn there."
    )


def warn_of_unusual_values(experiment: Experiment) -> None:
    """Warn of legal values that look like slips."""
    from evosim.config.differences import unusual_values

    for message in unusual_values(experiment):
        warn(message)


def print_account(
    recorded: Any,
    summary: RunSummary,
    as_json: bool,
    clock: Clock,
    *,
    labels: bool = False,
    details: bool = False,
    shown_again: bool | None = None,
) -> None:
    """Print the account of a run as JSON, or as tables and sentences.

    JSON has `shown_again` where it is not None: whether an earlier command made the run.
    """
    from evosim.runs import accounts

    seconds = clock.as_dict()
    elapsed = round(sum(seconds.values()), 3)
    if as_json:
        facts: dict[str, object] = {} if shown_again is None else {"shown_again": shown_again}
        facts |= {"same_code": accounts.same_code(recorded), "elapsed_s": elapsed}
        typer.echo(json.dumps({**summary.as_dict(), **facts, "seconds": seconds}, indent=1))
        return
    from evosim.runtime.text_layout import Screen
    from evosim.tables import screen

    console = Screen()
    title = recorded.experiment.title or recorded.experiment.name
    screen.show(console, title, summary, details=details)
    if labels:
        screen.show_labels(console, summary)
    place = f"{_contents(recorded)}: {recorded.folder}"
    if details:
        stages = ", ".join(
            f"{name} {value:.1f}" for name, value in seconds.items() if value >= SHORTEST_STAGE
        )
        print_end(console, place, f"({elapsed:.1f} s: {stages})")
        return
    print_end(console, place, f"({elapsed:.1f} s)" if elapsed < 99.0 else f"({elapsed:.0f} s)")
    folder = shlex.quote(str(recorded.folder))
    console.print(f"Next: evosim analyze {folder} --details", soft_wrap=True, markup=False)
    console.print("      evosim explain shift", soft_wrap=True, markup=False)


def _contents(recorded: Any) -> str:
    """The contents of the folder of a run."""
    from evosim.runs import accounts, figures

    has_figures = figures.has_figures(recorded)
    if accounts.only_in_memory(recorded):
        return "Tables and figures" if has_figures else "Tables"
    return "Tables, accounts and figures" if has_figures else "Tables and accounts"


def print_end(console: Console, place: str, elapsed: str) -> None:
    """Print where the results are, in one unbroken line, and the time that the command took.

    The time follows on the same line if the terminal is wide enough, else on a line of its own.
    """
    from evosim.runtime.text_layout import say

    fits = len(place) + 3 + len(elapsed) <= console.width
    console.print(f"\n{place}{f'   {elapsed}' if fits else ''}", soft_wrap=True, markup=False)
    if not fits:
        say(console, elapsed)
