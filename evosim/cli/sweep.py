"""The commands `evosim sweep ...`: parse, print, exit. Heavy imports happen inside them."""

from __future__ import annotations

import json
import signal
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evosim.errors import Interrupted, UserError
from evosim.runtime.interrupts import (
    ASKING,
    OUT_OF_TIME,
    SIGNALS,
    how_read,
    last_resort,
    reserve_of,
    wall_time_of,
)
from evosim.runtime.terminal import echo
from evosim.sweeps.job_array import MEMORY, TIME, Batch

if TYPE_CHECKING:
    from evosim.sweeps.collect import Collected
    from evosim.sweeps.job_array import Shard
    from evosim.sweeps.plan import Plan
    from evosim.sweeps.schema import Written
    from evosim.sweeps.store import Store
    from evosim.sweeps.worker import Tell

sweep = typer.Typer(
    help="Many runs of one experiment: parameters that vary, seeds, several processors or machines."
)

SweepPath = Annotated[Path, typer.Argument(help="A sweep file (TOML).", metavar="SWEEP.toml")]
Folder = Annotated[Path, typer.Argument(help="A sweep's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Out = Annotated[
    Path | None, typer.Option(help="Folder of the sweep. Default: results/sweeps/NAME-DIGEST.")
]
OtherSources = Annotated[
    bool, typer.Option("--other-sources", help="Go on though the code has changed since.")
]
SLURM = "Slurm"
Time = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="Slurm: limit of each job, e.g. 1:00:00, 90m or 1-12.",
        rich_help_panel=SLURM,
    ),
]
Memory = Annotated[
    str, typer.Option(metavar="2G", help="Slurm: memory of each job.", rich_help_panel=SLURM)
]
Partition = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Slurm: where jobs run. Default: its own.", rich_help_panel=SLURM
    ),
]
Account = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Slurm: the account to charge. Default: its own.",
        rich_help_panel=SLURM,
    ),
]
Sbatch = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OPTION",
        help="Slurm: a further option of sbatch without dashes, e.g. qos=long.",
        rich_help_panel=SLURM,
    ),
]
FAILED = 1


@sweep.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    """Many runs of one experiment: parameters that vary, seeds, several processors or machines."""
    if context.invoked_subcommand is None:
        echo(context.get_help())


@sweep.command()
def run(
    file: SweepPath,
    out: Out = None,
    engine: Annotated[
        str, typer.Option(help="Who computes: local, dask or slurm; see docs/clusters.md.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help=(
                "dask: a scheduler's tcp://HOST:PORT or file. slurm: address or interface to"
                " listen at."
            )
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes. Default: one for each processor; for slurm 10 jobs."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads of the kernels in each. Default: 1, or all with one worker."
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Compute only every N-th chunk; 'auto/N' in a job array of N tasks."
        ),
    ] = None,
    wall_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=(
                "Stop within this time, e.g. 02:00:00 or 90m; the same command goes on. Exit"
                " code 75."
            ),
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute runs that failed again.")
    ] = False,
    other_sources: OtherSources = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it will take, and write nothing.")
    ] = False,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Write the plan, for others to compute, and stop.")
    ] = False,
    collected: Annotated[
        bool, typer.Option("--collect/--no-collect", help="Collect the tables when all is done.")
    ] = True,
    time: Time = TIME,
    memory: Memory = MEMORY,
    partition: Partition = None,
    account: Account = None,
    sbatch: Sbatch = None,
) -> None:
    """Compute a sweep, or go on with it. Stopped at any moment, the same line again goes on."""
    from evosim.config.registry import will_import
    from evosim.runtime.text_layout import Screen
    from evosim.sweeps.engines import engine as engine_of
    from evosim.sweeps.engines import need
    from evosim.sweeps.execute import begin, go_on
    from evosim.sweeps.job_array import read_shard
    from evosim.sweeps.plan import choices_of, make_plan
    from evosim.sweeps.progress import planning, progressing
    from evosim.sweeps.schema import read_sweep

    console = Screen(stderr=True)
    engine_of(engine)
    batch = Batch(time, memory, partition, account, tuple(sbatch or ()))
    part = read_shard(shard) if shard is not None else None
    limit = None if wall_time is None else wall_time_of(wall_time)
    written = read_sweep(file)
    if dry_run:
        with planning(console) as progress:
            plan = make_plan(written, progress)
        _note(written)
        _estimate(written, plan, out, workers)
        return
    if not plan_only:
        need(engine)
    with planning(console) as progress:
        store = begin(written, out, other_sources=other_sources, progress=progress)
    _note(written)
    for words in will_import(choices_of(store.facts["tree"], store.plan, store.kinds)):
        echo(f"evosim: {words}", err=True)
    if plan_only:
        echo(f"{store.folder}: {store.runs:,} runs in {_many(store.chunks, 'chunk')}")
        return
    if wall_time is not None:
        echo(f"evosim: {how_read(wall_time)}", err=True)
    with _stoppable(limit) as should_stop:

        @contextmanager
        def showing(runs: int, chunks: int) -> Iterator[Tell]:
            which = f"shard {part.index}/{part.count}, " if part else ""
            echo(
                f"{store.folder}: {which}{runs:,} runs to do in {_many(chunks, 'chunk')}", err=True
            )
            with progressing(console, runs, 0, 0) as tell:
                yield tell

        try:
            go_on(
                store,
                by=engine,
                workers=workers,
                threads=threads,
                address=address,
                part=part,
                retry_failed=retry_failed,
                other_sources=other_sources,
                batch=batch,
                should_stop=should_stop,
                showing=showing,
                collecting=_collect if collected else None,
            )
        except Interrupted as error:
            raise Interrupted(str(error), should_stop.code) from None
    _tell_end(store, part)


@sweep.command()
def script(
    file: SweepPath,
    slurm: Annotated[bool, typer.Option("--slurm", help="For Slurm.")] = False,
    out: Out = None,
    tasks: Annotated[
        int | None,
        typer.Option(min=1, help="Slurm: tasks of the array. Default: 100, or one for each chunk."),
    ] = None,
    throttle: Annotated[
        int | None,
        typer.Option(min=1, help="Slurm: how many tasks may run at once. Default: no limit."),
    ] = None,
    cores: Annotated[
        int, typer.Option(min=1, help="Slurm: processors, and worker processes, of each task.")
    ] = 1,
    time: Time = TIME,
    memory: Memory = MEMORY,
    partition: Partition = None,
    account: Account = None,
    sbatch: Sbatch = None,
    other_sources: OtherSources = False,
) -> None:
    """Write the plan, and print a job array's batch file that computes it: 'evosim sweep script
    SWEEP.toml --slurm > job.sh'.
    """
    from evosim.runtime.text_layout import Screen
    from evosim.sweeps import job_array as batches
    from evosim.sweeps.execute import begin
    from evosim.sweeps.progress import planning
    from evosim.sweeps.schema import read_sweep

    if not slurm:
        raise UserError(
            "a batch file must be for a batch system, but none was named. Write --slurm;"
            " docs/clusters.md says how others are used."
        )
    batch = Batch(time, memory, partition, account, tuple(sbatch or ()))
    written = read_sweep(file)
    with planning(Screen(stderr=True)) as progress:
        store = begin(written, out, other_sources=other_sources, progress=progress)
    echo(
        f"{store.folder}: {store.runs:,} runs in {_many(store.chunks, 'chunk')}; a task has"
        f" {batch.limit} (D-HH:MM:SS)",
        err=True,
    )
    typer.echo(
        batches.script(
            store.facts["name"],
            file,
            store.folder,
            store.chunks,
            batch,
            tasks=tasks,
            throttle=throttle,
            cores=cores,
            other_sources=other_sources,
        ),
        nl=False,
    )


@sweep.command()
def status(folder: Folder, as_json: AsJson = False) -> None:
    """How far a sweep is: done, running, failed, time left."""
    from dataclasses import asdict

    from evosim.sweeps.progress import duration
    from evosim.sweeps.status import state_of
    from evosim.sweeps.store import Store

    store = Store(folder)
    state = state_of(store)
    if as_json:
        typer.echo(json.dumps(asdict(state), indent=1))
        return
    echo(
        f"{store.facts['name']} {store.digest[:8]}: {store.facts['cells']:,} cells, {state.runs:,}"
        f" runs, {_many(state.chunks, 'chunk')}"
    )
    echo(
        f"done     {state.done:,} runs ({state.done / state.runs:.0%}) in {state.chunks_done:,}"
        f" whole chunks; {state.extinct:,} died out"
    )
    echo(
        f"failed   {state.failed:,} runs"
        + (" ('evosim sweep run ... --retry-failed' tries them again)" if state.failed else "")
    )
    echo(f"running  {_many(state.running, 'process', 'processes')} by the logs")
    if state.seconds_left is not None:
        echo(f"left     about {duration(state.seconds_left)}")
    for chunk, why in state.damaged.items():
        echo(f"damaged  chunk {chunk}: {why}")
    if state.chunks_done < state.chunks:
        echo("digest   not yet: not all is done")
    else:
        echo(
            f"digest   {state.digest}"
            if state.digest
            else f"digest   not yet: run 'evosim sweep collect {folder}'"
        )


@sweep.command()
def collect(folder: Folder) -> None:
    """Put the chunks together: runs.parquet, the kept tables, manifest.json."""
    from evosim.sweeps.store import Store

    _collect(Store(folder))


@sweep.command()
def check(
    folder: Folder,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Remove what is wrong, for 'sweep run' to compute it again."),
    ] = False,
) -> None:
    """Hold every file against its checksum and the plan. Exit code 1 if any is wrong."""
    from evosim.runtime.progress import bar
    from evosim.sweeps import check as checking
    from evosim.sweeps.store import Store

    store = Store(folder)
    with bar("checking") as progress:
        found = checking.check(store, progress)
    echo(
        f"{_many(found.done, 'chunk')} of {store.chunks:,} whole, {len(found.missing):,} missing,"
        f" {len(found.damaged):,} damaged; {found.failed:,} runs failed"
    )
    for chunk, why in found.damaged.items():
        echo(f"damaged  chunk {chunk}: {why}")
    for word, paths in (
        ("strange", found.strange),
        ("stale", found.stale),
        ("in work", found.young),
    ):
        for path in paths:
            echo(f"{word:8} {path}")
    if repair and (found.damaged or found.strange or found.stale):
        checking.repair(store, found)
        again = len(found.missing) + len(found.damaged)
        echo(
            f"removed; {_many(again, 'chunk')} to compute: 'evosim sweep run {folder}/sweep.toml"
            f" --out {folder}'"
            if again
            else "removed"
        )
    elif not found.sound:
        echo(
            f"'evosim sweep check {folder} --repair' removes what is wrong, for 'evosim sweep run'"
            " to compute it again."
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
    listed: Annotated[
        bool, typer.Option("--list", help="List the quantities and swept parameters, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What the parameters do: means of cells, main effects, pairs, shares of variance; with
    intervals over seeds.
    """
    from evosim.runtime.progress import bar
    from evosim.runtime.text_layout import Screen
    from evosim.sweeps import analysis as sweeps_analysis
    from evosim.sweeps import tables
    from evosim.sweeps.store import Store

    store = Store(folder)
    with bar("analysing") as progress:
        analysis = sweeps_analysis.analysis_of(store, progress=progress)
    if listed:
        for name in [
            *sweeps_analysis.parameters_of(analysis),
            *sweeps_analysis.chosen(analysis, ["*"]),
        ]:
            echo(name)
        return
    quantities = sweeps_analysis.chosen(analysis, of or [])
    if as_json:
        typer.echo(
            json.dumps(sweeps_analysis.as_data(analysis, quantities), indent=1, allow_nan=False)
        )
        return
    console = Screen()
    tables.show(console, analysis, quantities)
    if sweeps_analysis.is_kept(store, analysis):
        console.print(f"\nTables: {sweeps_analysis.folder_of(store)}", soft_wrap=True, markup=False)
    else:
        typer.echo(
            f"evosim: {folder} is read-only for this user: the analysis is shown and not kept.",
            err=True,
        )


@sweep.command()
def figures(
    folder: Folder,
    x: Annotated[
        str | None,
        typer.Option(
            metavar="PARAM",
            help="Across. Default: the parameter with the largest share of variance.",
        ),
    ] = None,
    y: Annotated[
        str | None, typer.Option(metavar="PARAM", help="Upwards. Default: the next largest.")
    ] = None,
    of: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUANTITY",
            help="Draw this column of runs.parquet: its name, the end of it, or a pattern.",
        ),
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Comma-separated: png, svg, pdf, html.")
    ] = "png,svg,pdf",
    size: Annotated[
        str, typer.Option(help="screen; one: a column of 85 mm; two: two columns, 178 mm.")
    ] = "screen",
) -> None:
    """Draw the phase diagram, the main effects and the ladder's steps of a sweep into its
    folder.
    """
    from evosim.runtime.progress import bar
    from evosim.sweeps import analysis as sweeps_analysis
    from evosim.sweeps import figures as sweeps_figures
    from evosim.sweeps.store import Store

    store = Store(folder)
    with bar("analysing") as progress:
        analysis = sweeps_analysis.analysis_of(store, progress=progress)
    quantities = sweeps_analysis.chosen(analysis, of or [])
    drawn = sweeps_figures.draw(
        store.folder,
        analysis,
        quantities,
        x,
        y,
        tuple(f.strip() for f in formats.split(",")),
        size=size,
    )
    refused = sweeps_analysis.refused(analysis, quantities)
    if not drawn:
        why = (
            "; ".join(f"{name}: {words}" for name, words in refused.items())
            or "no quantity was measured"
        )
        raise UserError(
            f"{folder} must have something to draw of {', '.join(quantities)}, but has not ({why})."
            " Name another with --of; '--list' of 'evosim sweep analyze' lists them."
        )
    for path in drawn:
        echo(str(path))
    for name, why in refused.items():
        echo(f"evosim: no effects of {name} are drawn: {why}.", err=True)


def _note(written: Written) -> None:
    """Note legal values of all cells that look like slips, on standard error."""
    from evosim.config.toml_out import oddities
    from evosim.sweeps.design import base_tree, experiment_of

    for words in oddities(experiment_of(base_tree(written), {})):
        echo(f"evosim: {words}", err=True)


def _estimate(written: Written, plan: Plan, out: Path | None, workers: int | None) -> None:
    from evosim.runtime.atomic_files import free_at
    from evosim.runtime.machine import processors
    from evosim.sweeps.design import all_are_built
    from evosim.sweeps.estimate import estimate
    from evosim.sweeps.execute import sweep_folder
    from evosim.sweeps.progress import duration, size

    runs = plan.frame.height
    crew = min(workers or processors(), plan.chunks)
    echo(
        f"{sweep_folder(written, out)}: {_many(plan.cells, 'cell')}, {runs:,} runs in"
        f" {_many(plan.chunks, 'chunk')}; keeps {', '.join(plan.keep) or 'no tables'}"
    )
    tried = (
        "all were built"
        if all_are_built(plan.cells)
        else "of so many only those with extreme values, and some others, were built"
    )
    echo(f"checked: all cells resolve and differ; {tried}")
    echo("timing a few runs ...", err=True)
    found, free = estimate(plan, crew), free_at(sweep_folder(written, out))
    each = (
        f"{found.seconds:.2g} s a run on one thread (mean of {found.sampled}, the slowest"
        f" {found.slowest:.2g} s)"
    )
    first = (
        f"{found.preparing:.2g} s more for the first with each of"
        f" {_many(found.landscapes, 'landscape')}"
    )
    echo(f"time:    about {duration(found.wall)} on {_many(crew, 'worker')}; {each}, {first}")
    there = (
        ""
        if free is None
        else f"; {size(free)} free" + ("" if 2 * found.size <= free else ", which is not enough")
    )
    echo(
        f"disk:    about {size(found.size)} in {found.files:,} files; collecting makes as much"
        f" again{there}"
    )
    if found.failed:
        echo(
            f"failed:  {found.failed} of the {found.sampled} timed runs; their errors would be"
            " recorded"
        )


def _collect(store: Store) -> Collected:
    from evosim.runtime.progress import bar
    from evosim.sweeps.collect import collect as put_together

    with bar("collecting") as progress:
        found = put_together(store, progress)
    if found.missing:
        echo(
            f"{found.missing:,} of {store.runs:,} runs are not done yet and are missing from"
            f" {store.folder / 'runs.parquet'}"
        )
    if found.mixed:
        echo(
            f"evosim: the runs of {store.folder} were made by different sources; 'sources' in its"
            " manifest.json names them.",
            err=True,
        )
    echo(
        f"{store.folder / 'runs.parquet'}: {found.runs:,} runs, {found.failed:,} failed; content"
        f" {found.digest}"
    )
    return found


def _tell_end(store: Store, part: Shard | None) -> None:
    from evosim.sweeps.status import state_of

    state = state_of(store)
    words = (
        f"{store.folder}: {state.done:,} of {state.runs:,} runs done, {state.failed:,} failed,"
        f" {state.extinct:,} died out"
    )
    if part and (left := state.chunks - state.chunks_done):
        words += (
            f"; {_many(left, 'chunk')} of shards other than {part.index}/{part.count} not done yet"
        )
    echo(words)
    if state.failed and not part:
        echo(
            f"evosim: {state.failed:,} runs failed; column 'error' says why, and --retry-failed"
            " computes them again.",
            err=True,
        )
        raise typer.Exit(FAILED)


@contextmanager
def _stoppable(seconds: float | None) -> Iterator[_Asked]:
    """Signals, or the end of so many seconds, ask for an end in this block; a second Ctrl-C is an
    interrupt as always.

    Signals by which batch systems warn have what is finished kept. A signal that is ignored stays
    ignored: who starts a command by nohup, or in the background, wants that.
    """
    from evosim.sweeps.worker import ASKED

    asked = _Asked(seconds)
    handlers: dict[int, Any] = dict.fromkeys(SIGNALS, asked.hear) | dict.fromkeys(
        ASKING, lambda *_: ASKED.set()
    )
    heard = [
        number for number in handlers if signal.getsignal(number) not in (signal.SIG_IGN, None)
    ]
    before = {number: signal.signal(number, handlers[number]) for number in heard}
    try:
        with last_resort():
            yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Asked:
    """Whether, and by which signal or by the time, an end was asked for."""

    def __init__(self, seconds: float | None) -> None:
        self._number = 0
        self._deadline = (
            None if seconds is None else clock.monotonic() + seconds - reserve_of(seconds)
        )

    def __call__(self) -> bool:
        return self._number != 0 or (
            self._deadline is not None and clock.monotonic() >= self._deadline
        )

    def hear(self, number: int, _: Any) -> None:
        """A signal came."""
        if self._number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._number = self._number or number

    @property
    def code(self) -> int:
        """The exit code: 128 and the signal's number, or 75 for the time."""
        return 128 + self._number if self._number else OUT_OF_TIME


def _many(count: int, one: str, more: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"
