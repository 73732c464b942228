"""The commands `evosim sweep ...`: parse, print, exit. Heavy imports happen inside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evosim.cli.options import AsJson, FigureFormats, FigureSize, with_option_groups
from evosim.cli.output import warn
from evosim.cli.sweep_output import (
    FAILED,
    collect_and_print,
    print_check,
    print_end,
    print_estimate,
    print_status,
    warn_of_unusual_values,
)
from evosim.errors import Interrupted, UserError
from evosim.runtime.interrupts import StopRequests, describe_wall_time, wall_time_of
from evosim.runtime.terminal import echo
from evosim.runtime.words import count_of
from evosim.sweeps.job_array import MEMORY, TIME, Batch

if TYPE_CHECKING:
    from rich.console import Console

    from evosim.sweeps.events import OnEvent
    from evosim.sweeps.job_array import Shard
    from evosim.sweeps.store import Store

sweep = typer.Typer(
    help="Many runs of one experiment: parameters that vary, seeds, several processors or machines."
)

SweepPath = Annotated[Path, typer.Argument(help="A sweep file (TOML).", metavar="SWEEP.toml")]
Folder = Annotated[Path, typer.Argument(help="The folder of a sweep.")]
Out = Annotated[
    Path | None, typer.Option(help="Folder of the sweep. Default: results/sweeps/NAME-DIGEST.")
]
OtherSources = Annotated[
    bool, typer.Option("--other-sources", help="Continue although the code has changed since.")
]
SLURM = "Slurm"


@dataclass(frozen=True)
class SlurmOptions:
    """The request of each Slurm job: options of `evosim sweep run` and `script`."""

    time: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Slurm: limit of each job, e.g. 1:00:00, 90m or 1-12.",
            rich_help_panel=SLURM,
        ),
    ] = TIME
    memory: Annotated[
        str, typer.Option(metavar="2G", help="Slurm: memory of each job.", rich_help_panel=SLURM)
    ] = MEMORY
    partition: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Slurm: partition of the jobs. Default: that of Slurm.",
            rich_help_panel=SLURM,
        ),
    ] = None
    account: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Slurm: account to charge. Default: that of Slurm.",
            rich_help_panel=SLURM,
        ),
    ] = None
    sbatch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTION",
            help="Slurm: a further option of sbatch without dashes, e.g. qos=long.",
            rich_help_panel=SLURM,
        ),
    ] = None

    def batch(self) -> Batch:
        """The request for each job. Raises `UserError`."""
        return Batch(self.time, self.memory, self.partition, self.account, tuple(self.sbatch or ()))


@dataclass(frozen=True)
class ComputeOptions:
    """The options of `evosim sweep run`."""

    out: Out = None
    engine: Annotated[
        str,
        typer.Option(help="The engine of the runs: local, dask or slurm; see docs/clusters.md."),
    ] = "local"
    address: Annotated[
        str | None,
        typer.Option(
            help=(
                "dask: a scheduler's tcp://HOST:PORT or file. slurm: address or interface to"
                " listen at."
            )
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes. Default: one for each processor; for slurm 10 jobs."),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads of the kernels in each. Default: 1, or all with one worker."
        ),
    ] = None
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Compute only every N-th chunk; 'auto/N' in a job array of N tasks."
        ),
    ] = None
    wall_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=(
                "Stop within this time, e.g. 02:00:00 or 90m. Rerun the same command to continue."
                " Exit code 75."
            ),
        ),
    ] = None
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute failed runs again.")
    ] = False
    other_sources: OtherSources = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time and disk, and write nothing.")
    ] = False
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Write the plan for other processes, and stop.")
    ] = False
    collect: Annotated[
        bool,
        typer.Option("--collect/--no-collect", help="Collect the tables when all runs are done."),
    ] = True


@sweep.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    """Many runs of one experiment: parameters that vary, seeds, several processors or machines."""
    if context.invoked_subcommand is None:
        echo(context.get_help())


@sweep.command()
@with_option_groups
def run(file: SweepPath, *, options: ComputeOptions, slurm: SlurmOptions) -> None:
    """Run a sweep. After an interruption, rerun the same command."""
    from evosim.config.external_code import will_import
    from evosim.runtime.text_layout import Screen
    from evosim.sweeps.engines import engine as engine_of
    from evosim.sweeps.engines import need
    from evosim.sweeps.execute import begin
    from evosim.sweeps.job_array import read_shard
    from evosim.sweeps.plan import choices_of, make_plan
    from evosim.sweeps.progress import planning_progress
    from evosim.sweeps.schema import read_sweep

    console = Screen(stderr=True)
    engine_of(options.engine)
    batch = slurm.batch()
    shard = read_shard(options.shard) if options.shard is not None else None
    limit = None if options.wall_time is None else wall_time_of(options.wall_time)
    written = read_sweep(file)
    if options.dry_run:
        with planning_progress(console) as progress:
            plan = make_plan(written, progress)
        warn_of_unusual_values(written)
        print_estimate(written, plan, options.out, options.workers)
        return
    if not options.plan_only:
        need(options.engine)
    with planning_progress(console) as progress:
        store = begin(written, options.out, other_sources=options.other_sources, progress=progress)
    warn_of_unusual_values(written)
    for message in will_import(choices_of(store.manifest.tree, store.plan, store.kinds)):
        warn(message)
    if options.plan_only:
        echo(f"{store.folder}: {count_of(store.runs, 'run')} in {count_of(store.chunks, 'chunk')}")
        return
    if options.wall_time is not None:
        warn(describe_wall_time(options.wall_time))
    _compute(store, options, batch, shard, limit, console)
    print_end(store, shard)


def _compute(
    store: Store,
    options: ComputeOptions,
    batch: Batch,
    shard: Shard | None,
    limit: float | None,
    console: Console,
) -> None:
    """Compute the missing runs of a sweep, with a progress bar, until a stop request."""
    from evosim.sweeps.execute import RunOptions, resume
    from evosim.sweeps.progress import sweep_progress

    @contextmanager
    def show_progress(runs: int, chunks: int) -> Iterator[OnEvent]:
        part = f"shard {shard.index}/{shard.count}, " if shard else ""
        echo(
            f"{store.folder}: {part}{count_of(runs, 'run')} to do in {count_of(chunks, 'chunk')}",
            err=True,
        )
        with sweep_progress(console, runs, 0, 0) as on_progress:
            yield on_progress

    run_options = RunOptions(
        engine=options.engine,
        workers=options.workers,
        threads=options.threads,
        address=options.address,
        shard=shard,
        retry_failed=options.retry_failed,
        other_sources=options.other_sources,
        batch=batch,
    )
    # Chunks are in other processes, or ask for stops themselves: nothing is forced.
    with StopRequests(limit, forced=False) as stop_requested:
        try:
            resume(
                store,
                run_options,
                stop_requested=stop_requested,
                progress=show_progress,
                collect=collect_and_print if options.collect else None,
            )
        except Interrupted as error:
            stop = stop_requested()
            raise Interrupted(str(error), stop.code if stop else error.code) from None


@dataclass(frozen=True)
class ArrayOptions:
    """The size of a job array: options of `evosim sweep script`."""

    tasks: Annotated[
        int | None,
        typer.Option(min=1, help="Slurm: tasks of the array. Default: 100, or one for each chunk."),
    ] = None
    throttle: Annotated[
        int | None,
        typer.Option(min=1, help="Slurm: how many tasks may run at once. Default: no limit."),
    ] = None
    cores: Annotated[
        int, typer.Option(min=1, help="Slurm: processors, and worker processes, of each task.")
    ] = 1


@sweep.command()
@with_option_groups
def script(
    file: SweepPath,
    slurm: Annotated[bool, typer.Option("--slurm", help="For Slurm.")] = False,
    out: Out = None,
    *,
    array: ArrayOptions,
    job: SlurmOptions,
    other_sources: OtherSources = False,
) -> None:
    """Write the plan, and print the batch file of a job array that computes it.

    Example: evosim sweep script SWEEP.toml --slurm > job.sh
    """
    from evosim.runtime.text_layout import Screen
    from evosim.sweeps import job_array
    from evosim.sweeps.execute import begin
    from evosim.sweeps.progress import planning_progress
    from evosim.sweeps.schema import read_sweep

    if not slurm:
        raise UserError(
            "no scheduler was chosen. Add --slurm; docs/clusters.md explains how to use others."
        )
    batch = job.batch()
    written = read_sweep(file)
    with planning_progress(Screen(stderr=True)) as progress:
        store = begin(written, out, other_sources=other_sources, progress=progress)
    echo(
        f"{store.folder}: {count_of(store.runs, 'run')} in {count_of(store.chunks, 'chunk')}; a"
        " task has"
        f" {batch.limit} (D-HH:MM:SS)",
        err=True,
    )
    text = job_array.script(
        store.manifest.name,
        file,
        store.folder,
        store.chunks,
        batch,
        job_array.ArraySize(array.tasks, array.throttle, array.cores),
        other_sources=other_sources,
    )
    typer.echo(text, nl=False)


@sweep.command()
def status(folder: Folder, as_json: AsJson = False) -> None:
    """Show the progress of a sweep: done, running, failed, time left."""
    from dataclasses import asdict

    from evosim.sweeps.status import status_of
    from evosim.sweeps.store import Store

    store = Store(folder)
    state = status_of(store)
    if as_json:
        typer.echo(json.dumps(asdict(state), indent=1))
    else:
        print_status(store, state, folder)


@sweep.command()
def collect(folder: Folder) -> None:
    """Put the chunks together: runs.parquet, the stored tables, manifest.json."""
    from evosim.sweeps.store import Store

    collect_and_print(Store(folder))


@sweep.command()
def check(
    folder: Folder,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Remove wrong files, so that 'sweep run' computes them again."
        ),
    ] = False,
) -> None:
    """Verify all files. Exit code 1 if any is wrong."""
    from evosim.runtime.progress import bar
    from evosim.sweeps import check as checking
    from evosim.sweeps.store import Store

    store = Store(folder)
    with bar("checking") as progress:
        result = checking.check(store, progress)
    print_check(store, result)
    if repair and (result.damaged or result.strange or result.stale):
        checking.repair(store, result)
        missing = len(result.missing) + len(result.damaged)
        echo(
            f"removed; {count_of(missing, 'chunk')} to compute: 'evosim sweep run"
            f" {folder}/sweep.toml --out {folder}'"
            if missing
            else "removed"
        )
    elif not result.sound:
        echo(
            f"'evosim sweep check {folder} --repair' removes the wrong files. Then 'evosim sweep"
            " run' computes them again."
        )
        raise typer.Exit(FAILED)


@sweep.command()
def analyze(
    folder: Folder,
    of: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUANTITY",
            help="Show this column of runs.parquet: its name, the end of it, or a pattern.",
        ),
    ] = None,
    list_only: Annotated[
        bool, typer.Option("--list", help="List the quantities and swept parameters, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show parameter effects: cell means, main effects, pairs, shares of variance, intervals."""
    from evosim.runtime.progress import bar
    from evosim.runtime.text_layout import Screen
    from evosim.sweeps import analysis as sweeps_analysis
    from evosim.sweeps import queries, tables
    from evosim.sweeps.store import Store

    store = Store(folder)
    with bar("analysing") as progress:
        analysis = sweeps_analysis.analysis_of(store, progress=progress)
    if list_only:
        for name in [*queries.parameters_of(analysis), *queries.chosen(analysis, ["*"])]:
            echo(name)
        return
    quantities = queries.chosen(analysis, of or [])
    if as_json:
        typer.echo(json.dumps(queries.as_data(analysis, quantities), indent=1, allow_nan=False))
        return
    console = Screen()
    tables.show(console, analysis, quantities)
    if sweeps_analysis.is_stored(store, analysis):
        console.print(f"\nTables: {sweeps_analysis.folder_of(store)}", soft_wrap=True, markup=False)
    else:
        warn(f"{folder} is read-only for this user. The analysis is shown but not stored.")


@sweep.command()
def figures(
    folder: Folder,
    x: Annotated[
        str | None,
        typer.Option(
            metavar="PARAM",
            help="Horizontal axis. Default: the parameter with the largest share of variance.",
        ),
    ] = None,
    y: Annotated[
        str | None, typer.Option(metavar="PARAM", help="Vertical axis. Default: the next largest.")
    ] = None,
    of: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUANTITY",
            help="Draw this column of runs.parquet: its name, the end of it, or a pattern.",
        ),
    ] = None,
    formats: FigureFormats = "png,svg,pdf",
    size: FigureSize = "screen",
) -> None:
    """Draw the phase diagram, main effects and ladder steps of a sweep into its folder."""
    from evosim.runtime.progress import bar
    from evosim.sweeps import analysis as sweeps_analysis
    from evosim.sweeps import figures as sweeps_figures
    from evosim.sweeps import queries
    from evosim.sweeps.store import Store

    store = Store(folder)
    with bar("analysing") as progress:
        analysis = sweeps_analysis.analysis_of(store, progress=progress)
    quantities = queries.chosen(analysis, of or [])
    paths = sweeps_figures.draw(
        store.folder,
        analysis,
        quantities,
        x,
        y,
        options=sweeps_figures.DrawOptions(
            tuple(name.strip() for name in formats.split(",")), size=size
        ),
    )
    refused = queries.refused(analysis, quantities)
    if not paths:
        reasons = (
            "; ".join(f"{name}: {reason}" for name, reason in refused.items())
            or "no quantity was measured"
        )
        raise UserError(
            f"{folder} has nothing to draw of {', '.join(quantities)} ({reasons}). Choose another"
            f" quantity with --of; 'evosim sweep analyze {folder} --list' lists them."
        )
    for path in paths:
        echo(str(path))
    for name, reason in refused.items():
        warn(f"no effects of {name} are drawn: {reason}.")
