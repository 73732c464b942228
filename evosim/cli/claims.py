"""The command `evosim claims`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evosim.cli.options import AsJson, with_option_groups
from evosim.cli.output import warn
from evosim.errors import Interrupted, Stop
from evosim.runtime.atomic_files import write_atomically
from evosim.runtime.interrupts import StopRequests, describe_wall_time, wall_time_of
from evosim.runtime.machine import processors
from evosim.runtime.output_folders import must_be_writable
from evosim.runtime.words import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from evosim.claims.evaluate import ClaimResult, ClaimRunner

SCRATCH = Path("results") / "runs"
MINUTE = 60.0


@dataclass(frozen=True)
class ClaimOptions:
    """The options of `evosim claims`."""

    full: Annotated[
        bool, typer.Option("--full/--quick", help="Full size: 20 seeds and more. Quick: minutes.")
    ] = False
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for verdicts, tables and figures. Default: results/runs/claims-SIZE."
        ),
    ] = None
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes. Default: one for each processor.")
    ] = None
    wall_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Stop within this time. Rerun the same command to continue. Exit code 75.",
        ),
    ] = None
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the figures.")] = (
        True
    )
    as_json: AsJson = False
    list_only: Annotated[
        bool, typer.Option("--list", help="List the claims and their predictions, and stop.")
    ] = False


@with_option_groups
def claims(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Claims by name or number. Default: all."),
    ] = None,
    *,
    options: ClaimOptions,
) -> None:
    """Test the claims behind this project: experiments with registered predictions.

    Finished parts are stored: rerun a stopped command to continue.
    """
    from evosim.claims import tables
    from evosim.claims.evaluate import claims_by_name, verdicts_table
    from evosim.runtime.text_layout import Screen

    console, size = Screen(), "full" if options.full else "quick"
    chosen = claims_by_name(names or ())
    if options.list_only:
        _list(console, chosen)
        return
    folder = options.out or SCRATCH / f"claims-{size}"
    must_be_writable(folder)
    start = time.monotonic()
    tested = _test(chosen, size, folder, options)
    write_atomically(
        folder / "verdicts.csv", verdicts_table(tested).write_csv(float_precision=6).encode()
    )
    write_atomically(folder / "verdicts.md", tables.as_markdown(tested, size).encode())
    if options.as_json:
        verdicts = {
            claim.name: {
                "number": claim.choice.number,
                "statement": claim.choice.statement,
                "verdict": claim.verdict,
                "predictions": [asdict(row) for row in claim.rows],
            }
            for claim in tested
        }
        typer.echo(json.dumps({"size": size, "out": str(folder), "claims": verdicts}, indent=1))
        return
    tables.show(console, tested)
    tables.show_overall(console, tested)
    console.print(
        f"\nVerdicts, tables and figures: {folder}   ({time.monotonic() - start:.0f} s)",
        soft_wrap=True,
        markup=False,
    )


def _test(chosen: list[str], size: str, folder: Path, options: ClaimOptions) -> list[ClaimResult]:
    """Compute the missing parts of claims, and give each claim its verdict."""
    from evosim.claims.evaluate import ClaimRunner

    wall_time = options.wall_time
    with StopRequests(None if wall_time is None else wall_time_of(wall_time)) as stop_requests:
        try:
            if wall_time is not None:
                warn(describe_wall_time(wall_time))
            runner = ClaimRunner(chosen, size, SCRATCH / "claims-parts")
            _compute(runner, options.workers, stop_requests, quiet=options.as_json)
            return [runner.test(name, folder, figures=options.figures) for name in chosen]
        except (Exception, Stop) as error:
            if stop := stop_requests.behind(error):
                raise Interrupted(
                    f"stopped by {stop}; finished parts are stored. Rerun the same command to"
                    " continue",
                    stop.code,
                ) from None
            raise


def _compute(
    runner: ClaimRunner, workers: int | None, stop_requests: StopRequests, *, quiet: bool
) -> None:
    """Compute the missing parts with a progress bar. Long work begins with an estimate."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from evosim.runtime.text_layout import Screen

    left = runner.left
    processes = min(workers or processors(), max(1, len(left)))
    seconds = sum(task.part.cost for task in left) / processes
    console = Screen(stderr=True, quiet=quiet)
    if seconds > MINUTE:
        # The costs of parts are known for the full size only.
        duration = (
            f"about {seconds / MINUTE:.0f} min"
            if runner.size == "full"
            else "a few minutes at most"
        )
        console.print(
            f"{count_of(len(left), 'part')} to compute: {duration} with"
            f" {count_of(processes, 'process', 'processes')}",
            highlight=False,
        )
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bar:
        line = bar.add_task("parts", total=len(left))
        runner.compute(
            processes,
            stop_requests,
            lambda task, took: bar.update(
                line, advance=1, description=f"{task.claim}: {task.part.name}"
            ),
            warn,
        )


def _list(console: Console, chosen: list[str]) -> None:
    """Print claims and their predictions."""
    from rich.text import Text

    from evosim.claims.evaluate import format_prediction
    from evosim.claims.experiments import claim_experiment
    from evosim.runtime.text_layout import say

    for name in chosen:
        choice = claim_experiment(name, "full").claim
        assert choice is not None
        say(
            console,
            Text.assemble(
                (f"{choice.number}. {name}", "bold"), f"  {choice.statement}  ({choice.source})"
            ),
            highlight=False,
        )
        for prediction in choice.predictions:
            say(
                console,
                f"   {prediction.quantity}: {format_prediction(prediction)}  {prediction.why}",
                indent=5,
                highlight=False,
            )
