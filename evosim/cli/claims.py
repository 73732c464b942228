"""The command `evosim claims`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evosim.errors import Interrupted, Stop
from evosim.runtime.atomic_files import write_atomically
from evosim.runtime.interrupts import Watch, how_read, wall_time_of
from evosim.runtime.machine import processors
from evosim.runtime.output_folders import must_be_writable
from evosim.runtime.terminal import echo

if TYPE_CHECKING:
    from rich.console import Console

    from evosim.claims.evaluate import Gate

SCRATCH = Path("results") / "runs"
MINUTE = 60.0


def claims(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Claims by name or number; all of them by default."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="Full size: 20 seeds and more. Quick: minutes.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for verdicts, tables and figures. Default: results/runs/claims-SIZE."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; as many as processors by default.")
    ] = None,
    wall_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Stop within this time; the same command goes on. Exit code 75."
        ),
    ] = None,
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="Draw the figures.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="List the claims and their predictions, and stop.")
    ] = False,
) -> None:
    """Test the claims of the texts behind this project: each as an experiment with predictions
    registered in its file.

    What was computed is kept: a command that was stopped goes on where it was.
    """
    from evosim.claims import tables
    from evosim.claims.evaluate import Gate, named, verdicts_of
    from evosim.runtime.text_layout import Screen

    console, size = Screen(), "full" if full else "quick"
    chosen = named(names or ())
    if listed:
        _list(console, chosen)
        return
    folder = out or SCRATCH / f"claims-{size}"
    must_be_writable(folder)
    start = time.monotonic()
    with Watch(None if wall_time is None else wall_time_of(wall_time)) as watch:
        try:
            if wall_time is not None:
                echo(f"evosim: {how_read(wall_time)}", err=True)
            gate = Gate(chosen, size, SCRATCH / "claims-parts")
            _compute(gate, workers, watch, quiet=as_json)
            tested = [gate.test(name, folder, figures=figures) for name in chosen]
        except (Exception, Stop) as error:
            if stop := watch.behind(error):
                raise Interrupted(
                    f"stopped by {stop}; parts that are done are kept: the same command goes on",
                    stop.code,
                ) from None
            raise
    write_atomically(
        folder / "verdicts.csv", verdicts_of(tested).write_csv(float_precision=6).encode()
    )
    write_atomically(folder / "verdicts.md", tables.as_markdown(tested, size).encode())
    if as_json:
        found = {
            t.name: {
                "number": t.choice.number,
                "statement": t.choice.statement,
                "verdict": t.verdict,
                "predictions": t.rows,
            }
            for t in tested
        }
        typer.echo(json.dumps({"size": size, "out": str(folder), "claims": found}, indent=1))
        return
    tables.show(console, tested)
    tables.show_overall(console, tested)
    console.print(
        f"\nVerdicts, tables and figures: {folder}   ({time.monotonic() - start:.0f} s)",
        soft_wrap=True,
        markup=False,
    )


def _compute(gate: Gate, workers: int | None, watch: Watch, *, quiet: bool) -> None:
    """Compute what is left, with a progress line, and an estimate first if it takes long."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from evosim.runtime.text_layout import Screen

    left = gate.left
    many = min(workers or processors(), max(1, len(left)))
    seconds = sum(task.part.cost for task in left) / many
    console = Screen(stderr=True, quiet=quiet)
    if seconds > MINUTE:
        # What parts cost is said for full size
        told = (
            f"about {seconds / MINUTE:.0f} min" if gate.size == "full" else "a few minutes at most"
        )
        console.print(
            f"{len(left)} parts to compute: {told} with {many} processes", highlight=False
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
        gate.compute(
            many,
            watch,
            lambda task, took: bar.update(
                line, advance=1, description=f"{task.claim}: {task.part.name}"
            ),
            lambda words: typer.echo(f"evosim: {words}", err=True),
        )


def _list(console: Console, chosen: list[str]) -> None:
    """Claims and their predictions."""
    from rich.text import Text

    from evosim.claims.evaluate import experiment_of, told
    from evosim.runtime.text_layout import say

    for name in chosen:
        choice = experiment_of(name, "full").claim
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
                f"   {prediction.quantity}: {told(prediction)}  {prediction.why}",
                hang=5,
                highlight=False,
            )
