"""Output of the commands `evosim sweep ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from evosim.cli.output import warn
from evosim.runtime.terminal import echo

if TYPE_CHECKING:
    from pathlib import Path

    from evosim.sweeps.check import CheckResult
    from evosim.sweeps.collect import Collected
    from evosim.sweeps.job_array import Shard
    from evosim.sweeps.plan import Plan
    from evosim.sweeps.schema import Written
    from evosim.sweeps.status import SweepStatus
    from evosim.sweeps.store import Store

FAILED = 1  # the exit code if runs failed or files are wrong


def count_of(count: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: `1 chunk`, `2,000 chunks`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def warn_of_unusual_values(written: Written) -> None:
    """Warn of legal values of all cells that look like slips."""
    from evosim.config.differences import unusual_values
    from evosim.sweeps.design import base_tree, experiment_of

    for message in unusual_values(experiment_of(base_tree(written), {})):
        warn(message)


def print_estimate(written: Written, plan: Plan, out: Path | None, workers: int | None) -> None:
    """Time a few runs, and print what the sweep would take."""
    from evosim.runtime.atomic_files import free_at
    from evosim.runtime.machine import processors
    from evosim.sweeps.design import all_are_built
    from evosim.sweeps.estimate import estimate
    from evosim.sweeps.execute import sweep_folder
    from evosim.sweeps.progress import duration, size

    folder = sweep_folder(written, out)
    processes = min(workers or processors(), plan.chunks)
    echo(
        f"{folder}: {count_of(plan.cells, 'cell')}, {plan.frame.height:,} runs in"
        f" {count_of(plan.chunks, 'chunk')}; keeps {', '.join(plan.keep) or 'no tables'}"
    )
    built = (
        "all were built"
        if all_are_built(plan.cells)
        else "cells with extreme values, and some others, were built"
    )
    echo(f"checked: all cells resolve and differ; {built}")
    echo("timing a few runs ...", err=True)
    cost, free = estimate(plan, processes), free_at(folder)
    echo(
        f"time:    about {duration(cost.wall)} on {count_of(processes, 'worker')}."
        f" {cost.seconds:.2g} s a run on one thread (mean of {cost.sampled}, the slowest"
        f" {cost.slowest:.2g} s). Add {cost.preparing:.2g} s for the first run with each of"
        f" {count_of(cost.landscapes, 'landscape')}"
    )
    room = ""
    if free is not None:
        room = f"; {size(free)} free" + ("" if 2 * cost.size <= free else ", which is not enough")
    echo(
        f"disk:    about {size(cost.size)} in {cost.files:,} files; collecting makes as much"
        f" again{room}"
    )
    if cost.failed:
        echo(
            f"failed:  {cost.failed} of the {cost.sampled} timed runs; a sweep records their errors"
        )


def print_status(store: Store, state: SweepStatus, folder: Path) -> None:
    """Print how far a sweep is."""
    from evosim.sweeps.progress import duration

    echo(
        f"{store.manifest.name} {store.digest[:8]}: {store.manifest.cells:,} cells, {state.runs:,}"
        f" runs, {count_of(state.chunks, 'chunk')}"
    )
    echo(
        f"done     {state.done:,} runs ({state.done / state.runs:.0%}) in {state.chunks_done:,}"
        f" whole chunks; {state.extinct:,} died out"
    )
    retry = " ('evosim sweep run ... --retry-failed' tries them again)" if state.failed else ""
    echo(f"failed   {state.failed:,} runs{retry}")
    echo(f"running  {count_of(state.running, 'process', 'processes')} by the logs")
    if state.seconds_left is not None:
        echo(f"left     about {duration(state.seconds_left)}")
    for chunk, reason in state.damaged.items():
        echo(f"damaged  chunk {chunk}: {reason}")
    if state.chunks_done < state.chunks:
        echo("digest   not yet: some chunks are missing")
    elif state.digest:
        echo(f"digest   {state.digest}")
    else:
        echo(f"digest   not yet: run 'evosim sweep collect {folder}'")


def print_check(store: Store, result: CheckResult) -> None:
    """Print which chunks are whole, and which files are wrong."""
    echo(
        f"{count_of(result.done, 'chunk')} of {store.chunks:,} whole, {len(result.missing):,}"
        f" missing, {len(result.damaged):,} damaged; {result.failed:,} runs failed"
    )
    for chunk, reason in result.damaged.items():
        echo(f"damaged  chunk {chunk}: {reason}")
    for word, paths in (
        ("strange", result.strange),
        ("stale", result.stale),
        ("in work", result.young),
    ):
        for path in paths:
            echo(f"{word:8} {path}")


def collect_and_print(store: Store) -> Collected:
    """Collect the tables of a sweep, and print what they hold."""
    from evosim.runtime.progress import bar
    from evosim.sweeps.collect import collect

    with bar("collecting") as progress:
        collected = collect(store, progress)
    table = store.folder / "runs.parquet"
    if collected.missing:
        echo(
            f"{collected.missing:,} of {store.runs:,} runs are not done yet and are missing from"
            f" {table}"
        )
    if collected.mixed:
        warn(
            f"the runs of {store.folder} were made by different sources; 'sources' in its"
            " manifest.json names them."
        )
    echo(
        f"{table}: {collected.runs:,} runs, {collected.failed:,} failed; content {collected.digest}"
    )
    return collected


def print_end(store: Store, shard: Shard | None) -> None:
    """Print how far the sweep is at the end of a command. Exit with 1 if runs failed."""
    from evosim.sweeps.status import status_of

    state = status_of(store)
    message = (
        f"{store.folder}: {state.done:,} of {state.runs:,} runs done, {state.failed:,} failed,"
        f" {state.extinct:,} died out"
    )
    if shard and (left := state.chunks - state.chunks_done):
        message += (
            f"; {count_of(left, 'chunk')} of shards other than {shard.index}/{shard.count} not done"
            " yet"
        )
    echo(message)
    if state.failed and not shard:
        warn(
            f"{state.failed:,} runs failed; column 'error' gives the reasons, and --retry-failed"
            " computes them again."
        )
        raise typer.Exit(FAILED)
