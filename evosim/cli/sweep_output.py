"""Output of the commands `evosim sweep ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from evosim.cli.output import warn
from evosim.runtime.terminal import echo
from evosim.runtime.words import count_of

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
        f"{folder}: {count_of(plan.cells, 'cell')}, {count_of(plan.frame.height, 'run')} in"
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
        f"disk:    about {size(cost.size)} in {count_of(cost.files, 'file')}; collecting makes as"
        " much"
        f" again{room}"
    )
    if cost.failed:
        echo(
            f"failed:  {cost.failed} of {count_of(cost.sampled, 'timed run')}; a sweep records"
            " their errors"
        )


def print_status(store: Store, state: SweepStatus, folder: Path) -> None:
    """Print how far a sweep is."""
    from evosim.sweeps.progress import duration

    echo(
        f"{store.manifest.name} {store.digest[:8]}: {count_of(store.manifest.cells, 'cell')},"
        f" {count_of(state.runs, 'run')},"
        f" {count_of(state.chunks, 'chunk')}"
    )
    echo(
        f"done     {count_of(state.done, 'run')} ({state.done / state.runs:.0%}) in"
        f" {count_of(state.chunks_done, 'whole chunk')}; {state.extinct:,} died out"
    )
    retry = " ('evosim sweep run ... --retry-failed' tries them again)" if state.failed else ""
    echo(f"failed   {count_of(state.failed, 'run')}{retry}")
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
        f" missing, {len(result.damaged):,} damaged; {count_of(result.failed, 'run')} failed"
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
            f"{count_of(collected.missing, 'run')} of {store.runs:,} not done yet; {table} has the"
            " others"
        )
    if collected.mixed:
        warn(
            f"the runs of {store.folder} were made by different sources; 'sources' in its"
            " manifest.json names them."
        )
    echo(
        f"{table}: {count_of(collected.runs, 'run')}, {collected.failed:,} failed; content"
        f" {collected.digest}"
    )
    return collected


def print_end(store: Store, shard: Shard | None) -> None:
    """Print how far the sweep is at the end of a command. Exit with 1 if runs failed."""
    from evosim.sweeps.status import status_of

    state = status_of(store)
    message = (
        f"{store.folder}: {state.done:,} of {count_of(state.runs, 'run')} done, {state.failed:,}"
        " failed,"
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
            f"{count_of(state.failed, 'run')} failed; column 'error' gives the reasons, and"
            " --retry-failed"
            " computes them again."
        )
        raise typer.Exit(FAILED)
