"""Execute an experiment into a folder, with checkpoints, and read it back."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.analysis.account import gaps_of_pair
from evosim.analysis.recorded_run import Recorded
from evosim.config.landscape_search import landscape_digest
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.errors import AtOnce, Interrupted, Stop, UserError
from evosim.runs import checkpoints
from evosim.runs.accounts import write_tables
from evosim.runs.estimate import disk_of
from evosim.runs.folder import Writer, already_there, complete, half_in_place, run_folder
from evosim.runs.reader import CHECKPOINT, read_run
from evosim.runtime import forked_processes
from evosim.runtime.atomic_files import Full, Unwritable, check_room
from evosim.runtime.output_folders import in_use, partial_of
from evosim.runtime.progress import Progress
from evosim.runtime.threads import check_threads, use_threads
from evosim.runtime.timing import Clock
from evosim.simulation import state
from evosim.simulation.control_runs import simulate_one
from evosim.simulation.controls import controls_of

if TYPE_CHECKING:
    pass

MUCH = 60.0  # seconds of unfinished work that are not thrown away unasked


def run(
    experiment: Experiment,
    *,
    out: Path | None = None,
    threads: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    resume: bool = False,
    watch: Callable[[], Stop | None] = lambda: None,
    every: float = state.EVERY,
    tell: Callable[[str], object] = lambda words: None,
    asked: Callable[[], bool] = lambda: False,
) -> tuple[Recorded, bool]:
    """Run an experiment, or read it back if its folder already holds it whole.

    Tells which. Counts its time on the clock.

    `meanwhile` is called when the first generation is about to come: what is needed later can be
    got ready then. `resume`: go on with an interrupted run if there is one. `watch` is asked
    between generations whether to stop; a checkpoint is written then, `every` so many seconds, and
    when `asked` says so. `tell` hears what a user should know.

    Raises `UserError`; when it is stopped, `Interrupted`, leaving a readable partial folder that
    says what it is.
    """
    forked_processes.check()
    folder = run_folder(experiment, out)
    if not folder.name:
        folder = folder.resolve()
    check_threads(threads)
    there = (not force or half_in_place(folder)) and complete(folder, experiment)
    there |= already_there(folder, experiment)
    partial, clock = partial_of(folder), clock or Clock()
    kept = checkpoints.WholeRun(
        partial / CHECKPOINT,
        experiment,
        clock,
        watch,
        every,
        lambda words: tell(f"no checkpoint now: {words}"),
    )
    kept.asked, kept.noted = (
        asked,
        lambda: tell("a checkpoint is written, as a signal asked for it"),
    )
    go_on = resume and kept.exists
    if there and not force and not go_on:
        return read_run(folder), False
    setting = build(experiment)
    gaps_of_pair(setting.pair)  # refuse now what could not be accounted for later
    check_room(folder, disk_of(setting))
    if go_on:
        kept.resume()
    elif resume and partial.is_dir():
        tell(f"{partial} has no checkpoint; starting at the beginning")
    elif not force:
        _lose_nothing(partial, tell)
    with clock.stage("imports"):
        import evosim.simulation.loop  # noqa: F401
        from evosim.fitness.landscape import Landscape
        from evosim.reference.selection import MEASURES

        use_threads(threads)
    finished, settings = (
        kept.finished,
        {
            "": setting,
            **{name: build(control) for name, control in controls_of(experiment).items()},
        },
    )
    writer = Writer(folder, experiment, go_on=go_on)
    try:
        if go_on:
            tell(
                f"going on at {_how_far(kept, experiment)}, after"
                f" {sum(map(_seconds, kept.interruptions)):.0f} s of work"
            )
            if progress:
                progress.skip(_generations_done(kept, experiment))
        with _timed(clock, "landscape"):
            landscape = Landscape(setting, progress=progress.genomes if progress else None)
            landscape.note(finished.lived())
        meanwhile()
        for stage, names in (
            ("evolution", [""]),
            ("controls", [name for name in settings if name]),
        ):
            over = {name: finished.endings(name) for name in names}
            with _timed(clock, stage):
                for name, seed in itertools.product(names, experiment.seeds):
                    if str(seed) not in over[name]:
                        done = simulate_one(name, settings[name], landscape, seed, progress, kept)
                        finished.add(
                            name,
                            seed,
                            done.status,
                            done.generations,
                            done.tables,
                            done.lived,
                            done.blocks,
                        )
        with _timed(clock, "landscape"):
            for measure in () if landscape.exact else MEASURES:
                landscape.best(measure, experiment.seed, experiment.analysis.restarts)
        with clock.stage("tables"):
            writer.table("landscape", landscape.frame())
            write_tables(writer, finished, settings)
        a, m = landscape.scorers
        facts = {
            "seconds": _summed([*(part["seconds"] for part in kept.interruptions), clock.told()]),
            "interruptions": kept.interruptions,
            "runs": finished.endings(),
            "controls": {name: finished.endings(name) for name in settings if name},
            "landscape": {
                "digest": landscape_digest(experiment),
                "exact": landscape.exact,
                "grid": setting.genome.grid.size,
                "policies_ancestral": a.evaluated,
                "policies_modern": m.evaluated,
                "kept_whole": landscape.whole,
                "survey": landscape.survey.facts() if landscape.survey else None,
            },
        }
        writer.finish(facts)
    except BaseException as error:
        _end_early(error, writer, kept, experiment, settings)
        raise
    return read_run(folder), True


def _end_early(
    error: BaseException,
    writer: Writer,
    kept: checkpoints.WholeRun,
    experiment: Experiment,
    settings: dict[str, Problem],
) -> None:
    """Keep what was done, say what the partial folder is, and say in one line how the run goes on.

    Raises `Interrupted`.

    A mistake of the user's that shows before anything was kept leaves nothing behind.
    """
    asked: Any = kept.should_stop()  # and whoever asked lets what comes now take its time
    if asked and not isinstance(error, AtOnce | UserError):
        error = asked  # a compiler that is stopped fails in its own way
    if writer.whole and isinstance(error, Stop | KeyboardInterrupt):
        writer.close("interrupted when it was whole, but for its name")
        words = (
            f"stopped by {error or type(error).__name__}; the run is whole, and the same command"
            " shows it"
        )
        raise Interrupted(words, error.code if isinstance(error, Stop) else 130) from None
    mistake = isinstance(error, UserError) and not isinstance(error, Unwritable)
    if mistake and not kept.exists:
        writer.discard()
        return
    by = (
        str(error)
        if isinstance(error, Stop)
        else "KeyboardInterrupt"
        if isinstance(error, KeyboardInterrupt)
        else type(error).__name__
    )
    by = "a full disk" if isinstance(error, Full) else by
    at_once = isinstance(error, AtOnce)
    if not (mistake or at_once or kept.stopped_by):
        kept.stopped_by = by
        kept.save()
    with suppress(UserError):
        if not (at_once or kept.failed):
            write_tables(writer, kept.finished, settings)
    writer.close(
        f"interrupted by {by} after {len(kept.finished.endings())} of {experiment.replicates}"
        " replicates; not whole"
    )
    go_on = (
        f"go on with 'evosim run {shlex.quote(str(writer.partial))} --resume'"
        if kept.exists
        else ""
    )
    lost = "what was not kept before is lost" if at_once or kept.failed else ""
    words = "; ".join(
        part
        for part in (
            f"stopped by {by} at {_how_far(kept, experiment)}",
            kept.failed and f"no checkpoint: {kept.failed}",
            lost,
            go_on,
        )
        if part
    )
    if isinstance(error, Stop | KeyboardInterrupt):
        raise Interrupted(words, error.code if isinstance(error, Stop) else 130) from None
    if isinstance(error, Unwritable) and go_on:
        since = "; what came after its last checkpoint is lost" if kept.failed else ""
        raise UserError(f"{error} Then {go_on}{since}.") from None


def _lose_nothing(partial: Path, tell: Callable[[str], object]) -> None:
    """Refuse to write over an interrupted run that took long, and say so of one that did not.

    Raises `UserError`.
    """
    seconds = 0.0 if in_use(partial) else checkpoints.work_in(partial / CHECKPOINT)
    if seconds >= MUCH:
        much = f"{seconds / 60:.0f} min of it" if seconds < float("inf") else "some"
        raise UserError(
            f"{partial} must not hold unfinished work, but has {much}. Go on with it (--resume), or"
            " start afresh (--force)."
        )
    if seconds:
        tell(
            f"starting afresh: the {seconds:.0f} s of work in {partial} are thrown away (--resume"
            " goes on with an interrupted run)"
        )


def _how_far(kept: checkpoints.WholeRun, experiment: Experiment) -> str:
    """Where a run is, in words."""
    runs = f"{len(kept.finished)} of {number_of_runs(experiment)} runs done"
    if (facts := kept.under_way) is None:
        return runs
    return f"{facts['label']}, generation {facts['generation']} of {facts['generations']} ({runs})"


def _generations_done(kept: checkpoints.WholeRun, experiment: Experiment) -> int:
    return len(kept.finished) * experiment.generations + (
        kept.under_way["generation"] + 1 if kept.under_way else 0
    )


def _seconds(part: dict[str, Any]) -> float:
    return float(sum(part["seconds"].values()))


def _summed(parts: list[dict[str, float]]) -> dict[str, float]:
    """Seconds by stage of all parts together."""
    stages = dict.fromkeys(stage for part in parts for stage in part)
    return {stage: round(sum(part.get(stage, 0.0) for part in parts), 3) for stage in stages}


@contextmanager
def _timed(clock: Clock, stage: str) -> Iterator[None]:
    """A stage of the clock, without the time in which kernels are compiled: that is a stage of its
    own, and of the first run.
    """
    from numba.core.event import TimingListener, install_listener

    compiler = TimingListener()
    with clock.stage(stage):
        try:
            with install_listener("numba:compile", compiler):
                yield
        finally:
            if compiler.done:
                clock.add("compilation", compiler.duration)


def number_of_runs(experiment: Experiment) -> int:
    """Replicates of the experiment and of its controls."""
    return experiment.replicates * (1 + len(controls_of(experiment)))
