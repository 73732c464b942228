"""Workflow: from a resolved experiment to a folder with tables, accounts and figures; and back from the folder."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from evosim.analysis.account import Account, Accountant, gaps_of_pair
from evosim.clock import Clock
from evosim.compose import Setting, build, changes, landscape_digest
from evosim.controls import controls_of, simulate_control, under_their_seeds
from evosim.errors import Interrupted, UserError, unknown
from evosim.params import Experiment
from evosim.progress import Progress
from evosim.record import (
    Recorded,
    Writer,
    already_there,
    peak_memory_mib,
    read_run,
    run_folder,
    sources_digest,
    write_json,
)

ANALYSIS = "analysis"
ACCOUNTS = ("ladder", "steps", "ties", "behaviour", "desires", "recovery", "hack")
SUMMARY = "summary.json"


def run(
    experiment: Experiment,
    *,
    out: Path | None = None,
    threads: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[Recorded, bool]:
    """Run an experiment, or read it back if its folder already holds it whole. Tells which. Counts its time on the clock.

    `meanwhile` is called when the first generation is about to come: what is needed later can be got ready then.

    Raises `UserError`; on an interrupt leaves a readable partial folder that says what it is.
    """
    folder = run_folder(experiment, out)
    if not folder.name:
        folder = folder.resolve()
    if already_there(folder, experiment) and not force:
        return read_run(folder), False
    setting = build(experiment)
    gaps_of_pair(setting.pair)  # refuse now what could not be accounted for later
    clock = clock or Clock()
    with clock.stage("imports"):
        from evosim import simulate as simulation
        from evosim.landscape import Landscape
        from evosim.measures import MEASURES

        _use_threads(threads)
    writer = Writer(folder, experiment)
    runs: list[simulation.Run] = []
    controls: dict[str, list[simulation.Run]] = {}
    try:
        with _timed(clock, "landscape"):
            landscape = Landscape(setting, progress=progress.genomes if progress else None)
        meanwhile()
        with _timed(clock, "evolution"):
            for seed in experiment.seeds:
                runs.append(simulation.simulate(setting, landscape, seed, progress))  # noqa: PERF401 (an interrupt keeps what is done)
        with _timed(clock, "controls"):
            for name, control in controls_of(experiment).items():
                controls[name] = simulate_control(name, control, landscape, progress)
        with _timed(clock, "landscape"):
            for measure in () if landscape.exact else MEASURES:
                landscape.best(measure, experiment.seed, experiment.analysis.restarts)
            writer.table("landscape", landscape.frame())
    except UserError:
        writer.discard()
        raise
    except BaseException as error:
        writer.note(f"interrupted by {type(error).__name__} after {len(runs)} of {experiment.replicates} replicates; not whole")
        _write_tables(writer, runs)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(str(writer.partial)) from None
        raise
    with clock.stage("tables"):
        _write_tables(writer, runs)
        for name, replicates in controls.items():
            _write_tables(writer, replicates, control=name)
    a, m = landscape.scorers
    writer.finish(
        {
            "seconds": clock.told(),
            "runs": _endings(runs),
            "controls": {name: _endings(replicates) for name, replicates in controls.items()},
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
    )
    return read_run(folder), True


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


def _write_tables(writer: Writer, runs: list[Any], control: str = "") -> None:
    """The tables of replicates of a run, or of one of its controls."""
    for name, table in under_their_seeds(runs).items():
        writer.table(name, table, control)


def _endings(runs: list[Any]) -> dict[str, Any]:
    return {str(r.seed): {"status": r.status, "generations": r.generations} for r in runs}


def _use_threads(threads: int | None) -> None:
    import numba

    if threads is None:
        return
    if not 1 <= threads <= numba.config.NUMBA_NUM_THREADS:
        raise UserError(f"--threads must lie in 1..{numba.config.NUMBA_NUM_THREADS}, but is {threads}. Change it.")
    numba.set_num_threads(threads)


def analyze(recorded: Recorded) -> Account:
    """Make the account of a run and write it into its folder."""
    start = time.perf_counter()
    account = accountant(recorded).account()
    folder = recorded.folder / ANALYSIS
    try:
        folder.mkdir(exist_ok=True)
        for name, table in account.tables.items():
            table.write_parquet(folder / f"{name}.parquet", compression="zstd")
        facts = {"analysis_seconds": round(time.perf_counter() - start, 3), "peak_memory_mib": peak_memory_mib()}
        write_json(recorded.folder / SUMMARY, headline(recorded) | account.summary | facts)
    except OSError as error:
        raise UserError(f"{recorded.folder} must be writable to keep its analysis, but is not: {error.strerror or error}. Mend its permissions.") from None
    return account


def accountant(recorded: Recorded) -> Accountant:
    """The accountant of a recorded run."""
    setting: Setting = build(recorded.experiment)
    return Accountant(setting, recorded.tables, recorded.controls, exact=recorded.provenance["landscape"]["exact"])


def headline(recorded: Recorded) -> dict[str, Any]:
    """What identifies a run, first in every summary."""
    facts = recorded.provenance
    return {
        "experiment": recorded.experiment.name,
        "seed": recorded.experiment.seed,
        "replicates": recorded.experiment.replicates,
        "expected": recorded.experiment.expected,
        "changed": changes(recorded.experiment),
        "digest": facts["digest"],
        "out": str(recorded.folder),
        "runs": facts["runs"],
    }


def summary_of(recorded: Recorded, *, again: bool) -> dict[str, Any]:
    """The run's summary: read back if it is there, made (again) otherwise."""
    path = recorded.folder / SUMMARY
    if again or not path.is_file() or not same_code(recorded):
        analyze(recorded)
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        summary["ladder"], summary["behaviour"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path} must be readable, but is damaged. Make it again with 'evosim analyze {recorded.folder}'.") from None
    return summary | {"out": str(recorded.folder)}


def same_code(recorded: Recorded) -> bool:
    """Whether the run was made by the very sources that are running now."""
    return bool(recorded.provenance.get("sources") == sources_digest())


def account_of_class(recorded: Recorded, number: int) -> dict[str, Any]:
    """The account of one class of the grid: its genome, worth and ledger in both worlds."""
    maker = accountant(recorded)
    grid = maker.conducts.genome.grid
    if not 0 <= number < grid.size:
        raise UserError(f"--class must lie in 0..{grid.size - 1}, but is {number}. See tables/landscape.parquet.")
    return maker.single(number)


def figures_there(recorded: Recorded) -> bool:
    """Whether the run's figures have been drawn."""
    return (recorded.folder / "figures").is_dir()


def draw(recorded: Recorded, formats: tuple[str, ...], each: Callable[[Path], object] = id) -> list[Path]:
    """Draw the figures of a run, analysing it first if that was not done. `each` file is told when it is there."""
    from evosim.press import have_a_home

    have_a_home()
    from evosim.figures import FORMATS, Source, draw_run

    for name in formats:
        if name not in FORMATS:
            raise unknown("--format", name, FORMATS)
    summary = summary_of(recorded, again=False)
    try:
        analysis = {name: pl.read_parquet(recorded.folder / ANALYSIS / f"{name}.parquet", glob=False) for name in ACCOUNTS}
    except (OSError, pl.exceptions.PolarsError):  # the analysis is disposable: make it again
        analysis, summary = analyze(recorded).tables, summary_of(recorded, again=False)
    return draw_run(Source(recorded, analysis, summary), formats, each)


@contextmanager
def drawing(recorded: Recorded) -> Iterator[None]:
    """Figures are drawn in this block; if it fails or is interrupted, none stay, so that none is taken for whole."""
    try:
        yield
    except BaseException:
        shutil.rmtree(recorded.folder / "figures", ignore_errors=True)
        raise


def ready_to_draw() -> None:
    """Load all that drawing needs, and start its engine."""
    from evosim.press import have_a_home

    have_a_home()
    from evosim.figures import warm

    warm()

