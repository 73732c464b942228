"""Workflow: from a resolved experiment to a folder with tables, accounts and figures; and back from the folder."""

from __future__ import annotations

import io
import itertools
import json
import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim import checkpoint, forks
from evosim.analysis.account import Account, Accountant, gaps_of_pair
from evosim.clock import Clock
from evosim.compose import Setting, build, changes, landscape_digest, unit_of
from evosim.control_runs import simulate_one
from evosim.controls import controls_of
from evosim.cost import disk_of
from evosim.errors import AtOnce, Interrupted, Stop, UserError, unknown
from evosim.files import Full, ReadOnly, Unwritable, check_room, make_folder, may_write, unwritable, write_atomically
from evosim.intact import Damaged, files_in, read_json, read_sums, read_table, write_sums
from evosim.machine import processors
from evosim.params import Experiment, SelectionChoice
from evosim.places import ACCOUNTS, in_use, partial_of
from evosim.progress import Progress
from evosim.record import (
    CHECKPOINT,
    FIGURE_LIST,
    SUMMARY,
    Recorded,
    Writer,
    already_there,
    complete,
    half_in_place,
    peak_memory_mib,
    read_run,
    run_folder,
    same_sources,
    write_json,
)

if TYPE_CHECKING:
    from evosim.figures import Source

ANALYSIS, FIGURES = "analysis", "figures"
USUAL_FORMATS = ("png", "svg", "pdf")
COMMONEST = 5  # classes of a population that are named
MUCH = 60.0  # seconds of unfinished work that are not thrown away unasked

Analysed = tuple[dict[str, pl.DataFrame], dict[str, Any]]  # tables and summary of an account
_unwritten: WeakKeyDictionary[Recorded, Analysed] = WeakKeyDictionary()  # of runs whose folders cannot be written


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
    every: float = checkpoint.EVERY,
    tell: Callable[[str], object] = lambda words: None,
    asked: Callable[[], bool] = lambda: False,
) -> tuple[Recorded, bool]:
    """Run an experiment, or read it back if its folder already holds it whole. Tells which. Counts its time on the clock.

    `meanwhile` is called when the first generation is about to come: what is needed later can be got ready then. `resume`: go on
    with an interrupted run if there is one. `watch` is asked between generations whether to stop; a checkpoint is written then,
    `every` so many seconds, and when `asked` says so. `tell` hears what a user should know.

    Raises `UserError`; when it is stopped, `Interrupted`, leaving a readable partial folder that says what it is.
    """
    forks.check()
    folder = run_folder(experiment, out)
    if not folder.name:
        folder = folder.resolve()
    check_threads(threads)
    there = (not force or half_in_place(folder)) and complete(folder, experiment)
    there |= already_there(folder, experiment)
    partial, clock = partial_of(folder), clock or Clock()
    kept = checkpoint.WholeRun(partial / CHECKPOINT, experiment, clock, watch, every, lambda words: tell(f"no checkpoint now: {words}"))
    kept.asked, kept.noted = asked, lambda: tell("a checkpoint is written, as a signal asked for it")
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
        import evosim.simulate  # noqa: F401 (brings the compiler with it)
        from evosim.landscape import Landscape
        from evosim.measures import MEASURES

        use_threads(threads)
    finished, settings = kept.finished, {"": setting, **{name: build(control) for name, control in controls_of(experiment).items()}}
    writer = Writer(folder, experiment, go_on=go_on)
    try:
        if go_on:
            tell(f"going on at {_how_far(kept, experiment)}, after {sum(map(_seconds, kept.interruptions)):.0f} s of work")
            if progress:
                progress.skip(_generations_done(kept, experiment))
        with _timed(clock, "landscape"):
            landscape = Landscape(setting, progress=progress.genomes if progress else None)
            landscape.note(finished.lived())
        meanwhile()
        for stage, names in (("evolution", [""]), ("controls", [name for name in settings if name])):
            over = {name: finished.endings(name) for name in names}
            with _timed(clock, stage):
                for name, seed in itertools.product(names, experiment.seeds):
                    if str(seed) not in over[name]:
                        done = simulate_one(name, settings[name], landscape, seed, progress, kept)
                        finished.add(name, seed, done.status, done.generations, done.tables, done.lived, done.blocks)
        with _timed(clock, "landscape"):
            for measure in () if landscape.exact else MEASURES:
                landscape.best(measure, experiment.seed, experiment.analysis.restarts)
        with clock.stage("tables"):
            writer.table("landscape", landscape.frame())
            _write_tables(writer, finished, settings)
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


def _end_early(error: BaseException, writer: Writer, kept: checkpoint.WholeRun, experiment: Experiment, settings: dict[str, Setting]) -> None:
    """Keep what was done, say what the partial folder is, and say in one line how the run goes on. Raises `Interrupted`.

    A mistake of the user's that shows before anything was kept leaves nothing behind.
    """
    asked: Any = kept.should_stop()  # and whoever asked lets what comes now take its time
    if asked and not isinstance(error, AtOnce | UserError):
        error = asked  # a compiler that is stopped fails in its own way
    if writer.whole and isinstance(error, Stop | KeyboardInterrupt):
        writer.close("interrupted when it was whole, but for its name")
        words = f"stopped by {error or type(error).__name__}; the run is whole, and the same command shows it"
        raise Interrupted(words, error.code if isinstance(error, Stop) else 130) from None
    mistake = isinstance(error, UserError) and not isinstance(error, Unwritable)
    if mistake and not kept.exists:
        writer.discard()
        return
    by = str(error) if isinstance(error, Stop) else "KeyboardInterrupt" if isinstance(error, KeyboardInterrupt) else type(error).__name__
    by = "a full disk" if isinstance(error, Full) else by
    at_once = isinstance(error, AtOnce)
    if not (mistake or at_once or kept.stopped_by):
        kept.stopped_by = by
        kept.save()
    with suppress(UserError):
        if not (at_once or kept.failed):
            _write_tables(writer, kept.finished, settings)
    writer.close(f"interrupted by {by} after {len(kept.finished.endings())} of {experiment.replicates} replicates; not whole")
    go_on = f"go on with 'evosim run {shlex.quote(str(writer.partial))} --resume'" if kept.exists else ""
    lost = "what was not kept before is lost" if at_once or kept.failed else ""
    words = "; ".join(part for part in (f"stopped by {by} at {_how_far(kept, experiment)}", kept.failed and f"no checkpoint: {kept.failed}", lost, go_on) if part)
    if isinstance(error, Stop | KeyboardInterrupt):
        raise Interrupted(words, error.code if isinstance(error, Stop) else 130) from None
    if isinstance(error, Unwritable) and go_on:
        since = "; what came after its last checkpoint is lost" if kept.failed else ""
        raise UserError(f"{error} Then {go_on}{since}.") from None


def _lose_nothing(partial: Path, tell: Callable[[str], object]) -> None:
    """Refuse to write over an interrupted run that took long, and say so of one that did not. Raises `UserError`."""
    seconds = 0.0 if in_use(partial) else checkpoint.work_in(partial / CHECKPOINT)
    if seconds >= MUCH:
        much = f"{seconds / 60:.0f} min of it" if seconds < float("inf") else "some"
        raise UserError(f"{partial} must not hold unfinished work, but has {much}. Go on with it (--resume), or start afresh (--force).")
    if seconds:
        tell(f"starting afresh: the {seconds:.0f} s of work in {partial} are thrown away (--resume goes on with an interrupted run)")


def _how_far(kept: checkpoint.WholeRun, experiment: Experiment) -> str:
    """Where a run is, in words."""
    runs = f"{len(kept.finished)} of {number_of_runs(experiment)} runs done"
    if (facts := kept.under_way) is None:
        return runs
    return f"{facts['label']}, generation {facts['generation']} of {facts['generations']} ({runs})"


def _generations_done(kept: checkpoint.WholeRun, experiment: Experiment) -> int:
    return len(kept.finished) * experiment.generations + (kept.under_way["generation"] + 1 if kept.under_way else 0)


def _seconds(part: dict[str, Any]) -> float:
    return float(sum(part["seconds"].values()))


def _summed(parts: list[dict[str, float]]) -> dict[str, float]:
    """Seconds by stage of all parts together."""
    stages = dict.fromkeys(stage for part in parts for stage in part)
    return {stage: round(sum(part.get(stage, 0.0) for part in parts), 3) for stage in stages}


@contextmanager
def _timed(clock: Clock, stage: str) -> Iterator[None]:
    """A stage of the clock, without the time in which kernels are compiled: that is a stage of its own, and of the first run."""
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


def _write_tables(writer: Writer, finished: checkpoint.Finished, settings: Iterable[str]) -> None:
    """The tables of the replicates that are over, of the run and of its controls."""
    for control in settings:
        for name, table in finished.tables(control).items():
            writer.table(name, table, control)
        writer.blocks(finished.blocks(control), control)


def check_threads(threads: int | None) -> None:
    """Raise `UserError` for a number of threads that there cannot be, without loading the compiler."""
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    most = int(asked) if asked.isdecimal() else processors(batch=False)
    if threads is not None and not 1 <= threads <= most:
        raise UserError(f"--threads must lie in 1..{most}, but is {threads}. Change it.")


def use_threads(threads: int | None) -> None:
    """Let the kernels have so many threads. Raises `UserError`."""
    check_threads(threads)
    if threads is not None:
        import numba

        numba.set_num_threads(threads)


def analyze(recorded: Recorded) -> Account:
    """Make the account of a run and write it into its folder. Where this user may not write, memory keeps it."""
    start = time.perf_counter()
    account = accountant(recorded).account()
    facts = {"analysis_seconds": round(time.perf_counter() - start, 3), "peak_memory_mib": peak_memory_mib()}
    summary = headline(recorded) | account.summary | facts
    _unwritten.pop(recorded, None)
    try:
        _keep(recorded.folder, account.tables, summary)
    except ReadOnly:
        _unwritten[recorded] = account.tables, json.loads(json.dumps(summary))  # as it is read from a file
    return account


def _keep(folder: Path, tables: dict[str, pl.DataFrame], summary: dict[str, Any]) -> None:
    """Write an account into the folder of its run. Raises `Unwritable`; `ReadOnly` if nothing there was changed."""
    if not all(may_write(place) for place in (folder, folder / ANALYSIS) if place.is_dir()):
        raise ReadOnly(f"{folder} must be writable to keep its analysis, but is not. Copy it to a folder that is yours.")
    make_folder(folder / ANALYSIS)
    try:
        (folder / SUMMARY).unlink(missing_ok=True)  # written last: where it is, all is of one account
    except OSError as error:
        raise unwritable(folder / SUMMARY, error) from None
    for name, table in tables.items():
        data = io.BytesIO()
        table.write_parquet(data, compression="zstd")
        write_atomically(folder / ANALYSIS / f"{name}.parquet", data.getbuffer())
    write_json(folder / SUMMARY, summary)
    known = {name: found for name, found in read_sums(folder).items() if name != SUMMARY and not name.startswith(f"{ANALYSIS}/")}
    write_sums(folder, files_in(folder, SUMMARY, ANALYSIS), known)


def only_in_memory(recorded: Recorded) -> bool:
    """Tell whether the account of a run could not be written into its folder.

    Parameters
    ----------
    recorded : Recorded
        A run that was analysed by this process, or not at all.

    Returns
    -------
    bool
        True if memory alone has the account.
    """
    return recorded in _unwritten


def accountant(recorded: Recorded) -> Accountant:
    """The accountant of a recorded run."""
    setting: Setting = build(recorded.experiment)
    return Accountant(setting, recorded.tables, recorded.controls, exact=recorded.provenance["landscape"]["exact"])


def offset_of(experiment: Experiment) -> dict[str, float] | None:
    """What is paid at birth in each world, where a world has such a parameter (`offset`) and it is not 0."""
    before = experiment.world.ancestral.get("offset", 0.0)
    paid = {"ancestral": float(before), "modern": float(experiment.world.modern.get("offset", before))}
    return paid if any(paid.values()) else None


def account_of_population(setting: Setting, census: pl.DataFrame, landscape: pl.DataFrame, *, exact: bool) -> Account:
    """The account of populations that were given, as if each were at the swap: columns `seed`, `class`, `count`, `kept`.

    What became of them afterwards is not known: recovery in it says nothing.
    """
    rows = census.with_columns(class_wild=pl.col("class"), kept_wild=pl.col("kept"))
    populations = pl.concat([rows.with_columns(moment=pl.lit(moment)) for moment in ("swap", "end")])
    plain = replace(setting, experiment=setting.experiment.model_copy(update={"selection": SelectionChoice()}))
    return Accountant(plain, {"populations": populations, "landscape": landscape}, exact=exact).account()


def landscape_of(setting: Setting, classes: NDArray[np.int64]) -> tuple[pl.DataFrame, bool]:
    """The worth of all classes of a grid that is kept whole, otherwise of the best and of those given; and whether the best are exact."""
    from evosim.landscape import Landscape
    from evosim.measures import MEASURES

    landscape = Landscape(setting)
    landscape.worth(classes)
    for measure in () if landscape.exact else MEASURES:
        landscape.best(measure, setting.experiment.seed, setting.experiment.analysis.restarts)
    return landscape.frame(), landscape.exact


def headline(recorded: Recorded) -> dict[str, Any]:
    """What identifies a run, first in every summary."""
    facts = recorded.provenance
    return {
        "experiment": recorded.experiment.name,
        "seed": recorded.experiment.seed,
        "replicates": recorded.experiment.replicates,
        "expected": recorded.experiment.expected,
        "changed": changes(recorded.experiment),
        "confidence": recorded.experiment.analysis.confidence,
        "unit": unit_of(recorded.experiment),
        "offset": offset_of(recorded.experiment),
        "digest": facts["digest"],
        "out": str(recorded.folder),
        "runs": facts["runs"],
    }


def summary_of(recorded: Recorded, *, again: bool) -> dict[str, Any]:
    """The run's summary: read back if it is there, made (again) otherwise."""
    summary = None if again or not (recorded in _unwritten or same_code(recorded)) else _summary_there(recorded)
    if summary is None:
        analyze(recorded)
        summary = _summary_there(recorded)
    if summary is None:
        raise UserError(f"{recorded.folder / SUMMARY} must be what was written just now, but is not. Check the disk, and do it again.")
    return summary | {"out": str(recorded.folder)}


def _summary_there(recorded: Recorded) -> dict[str, Any] | None:
    """The summary as it was written; nothing if it is missing or damaged, for it can be made again."""
    if recorded in _unwritten:
        return _unwritten[recorded][1]
    expected = read_sums(recorded.folder).get(SUMMARY)
    try:
        summary: dict[str, Any] | None = read_json(recorded.folder / SUMMARY, expected)
    except (OSError, Damaged):
        return None
    return summary if expected else None


def same_code(recorded: Recorded) -> bool:
    """Whether the run was made by the very sources that are running now."""
    return same_sources(recorded.provenance, recorded.experiment)


def account_of_class(recorded: Recorded, number: int, never: Sequence[str] = (), loses_at_most: float | None = None) -> dict[str, Any]:
    """The account of one class of the grid: its genome, worth and ledger in both worlds, and the certificates asked for."""
    maker = accountant(recorded)
    grid = maker.conducts.genome.grid
    if not 0 <= number < grid.size:
        raise UserError(f"--class must lie in 0..{grid.size - 1}, but is {number}. See tables/landscape.parquet.")
    asked = {"certificates": maker.certificates(number, never, loses_at_most)} if never or loses_at_most is not None else {}
    return maker.single(number) | {"unit": unit_of(recorded.experiment)} | asked


def classes_of_rungs(recorded: Recorded) -> list[dict[str, Any]]:
    """The classes behind the rungs: of R1 to R3 that which stands for the tie set, of R4 and R5 the most common at the swap, over all seeds.

    Each with `rung`, `class`, `share` (of a population; null for a rung of the grid), `loci` (expressed values by locus), and its worth in
    both worlds. R4 is there where there are controls.
    """
    maker = accountant(recorded)
    rows: list[dict[str, Any]] = [{"rung": rung, "class": number, "share": None} for rung, number in maker.rung_classes().items()]
    arms = {"control": recorded.controls.get("fair"), "population": recorded.tables}
    for rung, tables in arms.items():
        swap = tables["populations"].filter(pl.col("moment") == "swap") if tables else pl.DataFrame()
        if swap.height:
            common = swap.group_by("class").agg(pl.col("count").sum()).sort("count", "class", descending=[True, False])
            total = int(common["count"].sum())
            rows += [{"rung": rung, "class": number, "share": count / total} for number, count in common.head(COMMONEST).iter_rows()]
    return [row | maker.worth_of(row["class"]) for row in rows]


def states_of(recorded: Recorded) -> dict[str, list[str]]:
    """The names of the states of both worlds, and of those of the family that have others."""
    pair = build(recorded.experiment).pair
    return {"ancestral": list(pair.ancestral.states), "modern": list(pair.modern.states)}


def figures_there(recorded: Recorded) -> bool:
    """Whether the run's usual figures have been drawn, all of them."""
    return figures_missing(recorded.folder) == []


def figures_missing(folder: Path) -> list[str] | None:
    """Usual figures of a run or a search that are not there in every usual format.

    Parameters
    ----------
    folder : Path
        Of the run.

    Returns
    -------
    list of str, or None
        Names. None if they were never drawn to the end, so that it is not known what there is to draw.
    """
    try:
        names = json.loads((folder / FIGURE_LIST).read_text(encoding="utf-8"))["figures"]
        return [name for name in names if not all((folder / FIGURES / f"{name}.{kind}").is_file() for kind in USUAL_FORMATS)]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def list_figures(folder: Path, drawn: Iterable[Path]) -> None:
    """Keep which usual figures a run or a search has, once all are drawn. Raises `UserError`.

    Parameters
    ----------
    folder : Path
        Of the run.
    drawn : iterable of Path
        Their files, in any format.
    """
    write_json(folder / FIGURE_LIST, {"figures": sorted({path.stem for path in drawn})})


def analysed(recorded: Recorded) -> Analysed:
    """Tables and summary of the analysis of a run, which is made (again) if it is not there or was made by other code."""
    summary = summary_of(recorded, again=False)
    if recorded in _unwritten:
        return _unwritten[recorded]
    sums = read_sums(recorded.folder)
    try:
        places = {name: f"{ANALYSIS}/{name}.parquet" for name in ACCOUNTS}
        analysis = {name: read_table(recorded.folder / place, sums[place]) for name, place in places.items()}
    except (KeyError, Damaged):  # the analysis is disposable: make it again
        analysis, summary = analyze(recorded).tables, summary_of(recorded, again=False)
    return analysis, summary


def source_of(recorded: Recorded) -> Source:
    """What figures of a run are drawn from, analysing it first if that was not done."""
    from evosim.press import have_a_home

    have_a_home()
    from evosim.figures import Source

    return Source(recorded, *analysed(recorded))


def draw(
    recorded: Recorded, formats: tuple[str, ...], each: Callable[[Path], object] = id, names: Iterable[str] | None = None, size: str = "screen",
    failed: Callable[[str], object] | None = None, asked: Iterable[str] = (),
) -> list[Path]:  # fmt: skip
    """Draw figures of a run (the usual ones), analysing it first if that was not done. `each` file is told when it is there.

    `failed` hears in one line of each figure that could not be drawn; by default that is a warning.
    Raises `UserError`, also where the run has nothing that one of the figures `asked` for could show.
    """
    from evosim.press import have_a_home

    have_a_home()
    from evosim.figures import FIGURES, FORMATS, SIZES, draw_run, warned

    if size not in SIZES:
        raise unknown("--size", size, SIZES)
    for name in formats:
        if name not in FORMATS:
            raise unknown("--format", name, FORMATS)
    names = None if names is None else list(names)
    for name in names or ():
        if name not in FIGURES:
            raise unknown("a figure", name, FIGURES)
    drawn = draw_run(source_of(recorded), formats, each, names, size, failed or warned, asked)
    usual = {name for name, figure in FIGURES.items() if figure.usual}
    if size == "screen" and (names is None or usual <= set(names)):
        list_figures(recorded.folder, (path for path in drawn if path.stem in usual))
    return drawn


def ready_to_draw() -> None:
    """Load all that drawing needs, and start its engine."""
    from evosim.press import have_a_home

    have_a_home()
    from evosim.figures import warm

    warm()

