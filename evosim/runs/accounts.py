"""Analyse a recorded run, and store or reuse its accounts."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.account import Account, Accountant
from evosim.analysis.class_account import (
    ClassAccount,
    RungClass,
    class_account,
    rung_class,
    with_certificates,
)
from evosim.analysis.recorded_run import Recorded
from evosim.analysis.repaired_planners import RuleScorer
from evosim.analysis.summary import AnalysisCost, RunHeader, RunSummary, SeedEnding
from evosim.analysis.summary_reader import read_summary
from evosim.analysis.values import ByWorld
from evosim.config.differences import changes_from_packaged, note_on_expected
from evosim.config.resolve import Problem, build, payoff_unit
from evosim.config.schema import Experiment, SelectionChoice
from evosim.errors import UserError
from evosim.runs.finished import Finished
from evosim.runs.folder import RunWriter
from evosim.runs.provenance import SCHEMA_VERSION, peak_memory_mib, same_sources, write_json
from evosim.runs.reader import SUMMARY
from evosim.runtime.atomic_files import (
    ReadOnly,
    make_folder,
    may_write,
    unwritable,
    write_atomically,
)
from evosim.runtime.checksums import Damaged, files_in, read_json, read_sums, read_table, write_sums
from evosim.runtime.dataclass_json import InvalidJson
from evosim.runtime.output_folders import ACCOUNTS
from evosim.worlds import TabularMdp, WorldPair

if TYPE_CHECKING:
    pass


ANALYSIS, FIGURES = "analysis", "figures"
MOST_COMMON = 5  # classes of a population that are listed

Analysed = tuple[dict[str, pl.DataFrame], RunSummary]  # tables and summary of an account
# Of runs whose folders cannot be written
_unwritten: WeakKeyDictionary[Recorded, Analysed] = WeakKeyDictionary()


def write_tables(writer: RunWriter, finished: Finished, controls: Iterable[str]) -> None:
    """Write the tables of complete replicates.

    Parameters
    ----------
    writer : RunWriter
        Of the run's folder.
    finished : Finished
        Complete replicates.
    controls : iterable of str
        Names of the controls, with the empty name of the run itself.
    """
    for control in controls:
        for name, table in finished.tables(control).items():
            writer.table(name, table, control)
        writer.blocks(finished.blocks(control), control)


def analyze(recorded: Recorded) -> Account:
    """Analyse a run and write the accounts into its folder.

    If the folder is read-only, they stay in memory.
    """
    start = time.perf_counter()
    account = accountant(recorded).account()
    cost = AnalysisCost(round(time.perf_counter() - start, 3), peak_memory_mib())
    summary = RunSummary(header_of(recorded), account.summary, cost)
    _unwritten.pop(recorded, None)
    try:
        _store(recorded.folder, account.tables, summary)
    except ReadOnly:
        _unwritten[recorded] = (account.tables, summary)
    return account


def _store(folder: Path, tables: dict[str, pl.DataFrame], summary: RunSummary) -> None:
    """Write the tables and the summary of an analysis into the folder of its run.

    Raises
    ------
    ReadOnly
        If the folder is read-only. Nothing is changed then.
    Unwritable
        If writing fails.
    """
    if not all(may_write(place) for place in (folder, folder / ANALYSIS) if place.is_dir()):
        raise ReadOnly(
            f"{folder} must be writable to keep its analysis, but is not. Copy it to a folder that"
            " is yours."
        )
    make_folder(folder / ANALYSIS)
    try:
        # The summary is written last. If it exists, all files are of one analysis.
        (folder / SUMMARY).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(folder / SUMMARY, error) from None
    for name, table in tables.items():
        data = io.BytesIO()
        table.write_parquet(data, compression="zstd")
        write_atomically(folder / ANALYSIS / f"{name}.parquet", data.getbuffer())
    write_json(folder / SUMMARY, summary.as_dict())
    known = {
        name: checksum
        for name, checksum in read_sums(folder).items()
        if name != SUMMARY and not name.startswith(f"{ANALYSIS}/")
    }
    write_sums(folder, files_in(folder, SUMMARY, ANALYSIS), known)


def only_in_memory(recorded: Recorded) -> bool:
    """Return whether the accounts of a run are in memory only, because its folder is read-only.

    Parameters
    ----------
    recorded : Recorded
        The run.
    """
    return recorded in _unwritten


def accountant(recorded: Recorded) -> Accountant:
    """Return the accountant of a recorded run.

    Raises
    ------
    UserError
        If an earlier version recorded only some classes of a grid with heterozygotes. Its
        landscape may lack the best genomes that breed true.
    """
    setting: Problem = build(recorded.experiment)
    grid, version = setting.genome.grid, recorded.provenance["schema_version"]
    lacks_best = version < SCHEMA_VERSION and not grid.all_breed_true
    if lacks_best and recorded.tables["landscape"].height < grid.size:
        raise UserError(
            f"{recorded.folder} must be of schema version {SCHEMA_VERSION} to be analysed, but is"
            f" of {version}. It lacks the best genomes that breed true. Run it again with"
            " 'evosim run'."
        )
    return Accountant(
        setting,
        recorded.tables,
        recorded.controls,
        exact=recorded.provenance["landscape"]["exact"],
        make_scorer=_make_scorer,
    )


def _make_scorer(world: TabularMdp, pair: WorldPair) -> RuleScorer:
    from evosim.fitness.scorer import Scorer  # loads compiled code, and few accounts need it

    return Scorer(world, pair)


def offset_of(experiment: Experiment) -> ByWorld[float] | None:
    """Payoff at birth in each world: the parameter `offset`; None if it is 0 or does not exist."""
    ancestral = float(experiment.world.ancestral.get("offset", 0.0))
    modern = float(experiment.world.modern.get("offset", ancestral))
    return ByWorld(ancestral, modern) if ancestral or modern else None


def account_of_population(
    setting: Problem, census: pl.DataFrame, landscape: pl.DataFrame, *, exact: bool
) -> Account:
    """Analyse given populations as if each were at the swap of worlds.

    Their later generations are unknown, so recovery in the result has no meaning.

    Parameters
    ----------
    setting : Problem
        The experiment with its worlds and genome.
    census : pl.DataFrame
        Columns `seed`, `class`, `count`, `kept`.
    landscape : pl.DataFrame
        Fitness of classes, of `landscape_of`.
    exact : bool
        Whether the best classes in it are exact.
    """
    rows = census.with_columns(class_wild=pl.col("class"), kept_wild=pl.col("kept"))
    populations = pl.concat(
        [rows.with_columns(moment=pl.lit(moment)) for moment in ("swap", "end")]
    )
    plain = replace(
        setting, experiment=setting.experiment.model_copy(update={"selection": SelectionChoice()})
    )
    return Accountant(
        plain,
        {"populations": populations, "landscape": landscape},
        exact=exact,
        make_scorer=_make_scorer,
    ).account()


def landscape_of(setting: Problem, classes: NDArray[np.int64]) -> tuple[pl.DataFrame, bool]:
    """Evaluate the classes of a grid.

    Parameters
    ----------
    setting : Problem
        The experiment with its worlds and genome.
    classes : NDArray
        Ids of classes that the table must have.

    Returns
    -------
    tuple of pl.DataFrame and bool
        The table of all classes if the grid is stored whole. Otherwise it has `classes` and the
        best. The second value says whether the best are exact.
    """
    from evosim.fitness.landscape import Landscape

    landscape = Landscape(setting)
    landscape.fitness(classes)
    landscape.observe_best(setting.experiment.seed, setting.experiment.analysis.restarts)
    return landscape.frame(), landscape.exact


def header_of(recorded: Recorded) -> RunHeader:
    """Return the header of a run's summary."""
    experiment = recorded.experiment
    return RunHeader(
        experiment=experiment.name,
        seed=experiment.seed,
        replicates=experiment.replicates,
        expected=experiment.expected,
        expected_note=note_on_expected(experiment),
        changed=tuple(changes_from_packaged(experiment)),
        confidence=experiment.analysis.confidence,
        unit=payoff_unit(experiment),
        offset=offset_of(experiment),
        digest=recorded.provenance["digest"],
        out=str(recorded.folder),
        runs={
            seed: SeedEnding(run["status"], run["generations"])
            for seed, run in recorded.provenance["runs"].items()
        },
        schema_version=SCHEMA_VERSION,
    )


def summary_of(recorded: Recorded, *, again: bool) -> RunSummary:
    """The summary of a run, read from its folder.

    Parameters
    ----------
    recorded : Recorded
        The run.
    again : bool
        Compute the account even if the folder has one of the same code.

    Returns
    -------
    RunSummary
        Its `out` is the folder where the run is now.

    Raises
    ------
    UserError
        If what was written cannot be read back.
    """
    summary = (
        None
        if again or not (recorded in _unwritten or same_code(recorded))
        else _summary_there(recorded)
    )
    if summary is None:
        analyze(recorded)
        summary = _summary_there(recorded)
    if summary is None:
        raise UserError(
            f"{recorded.folder / SUMMARY} changed right after it was written. Check the disk, then"
            f" run 'evosim analyze {recorded.folder}'."
        )
    return replace(summary, header=replace(summary.header, out=str(recorded.folder)))


def _summary_there(recorded: Recorded) -> RunSummary | None:
    """Return the stored summary; None if it is missing, damaged, or has another form."""
    if recorded in _unwritten:
        return _unwritten[recorded][1]
    expected = read_sums(recorded.folder).get(SUMMARY)
    try:
        summary = read_summary(read_json(recorded.folder / SUMMARY, expected))
    except (OSError, Damaged, InvalidJson):
        return None
    return summary if expected else None


def same_code(recorded: Recorded) -> bool:
    """Return whether the code that runs now has made a run."""
    return same_sources(recorded.provenance, recorded.experiment)


def account_of_class(
    recorded: Recorded, class_id: int, never: Sequence[str] = (), loses_at_most: float | None = None
) -> ClassAccount:
    """The account of one class of the grid, with certificates if they are requested.

    Raises
    ------
    UserError
        If the grid has no such class, or the worlds have no such state.
    """
    cache = accountant(recorded).cache
    size = cache.evaluator.genome.grid.size
    if not 0 <= class_id < size:
        raise UserError(
            f"--class must lie in 0..{size - 1}, but is {class_id}. See tables/landscape.parquet."
        )
    account = class_account(cache, class_id, payoff_unit(recorded.experiment))
    if not never and loses_at_most is None:
        return account
    return with_certificates(account, cache, recorded.experiment, never, loses_at_most)


def classes_of_rungs(recorded: Recorded) -> list[RungClass]:
    """The classes behind the rungs.

    R1 to R3: the class that stands for the tie set. R4 (with controls) and R5: the most common at
    the swap, over all seeds.
    """
    maker = accountant(recorded)
    rungs: list[tuple[str, int, float | None]] = [
        (rung, class_id, None) for rung, class_id in maker.best_classes.of_rungs().items()
    ]
    arms = {"control": recorded.controls.get("fair"), "population": recorded.tables}
    for rung, tables in arms.items():
        swap = (
            tables["populations"].filter(pl.col("moment") == "swap") if tables else pl.DataFrame()
        )
        if swap.height:
            common = (
                swap.group_by("class")
                .agg(pl.col("count").sum())
                .sort("count", "class", descending=[True, False])
            )
            total = int(common["count"].sum())
            rungs += [
                (rung, class_id, count / total)
                for class_id, count in common.head(MOST_COMMON).iter_rows()
            ]
    return [rung_class(maker.cache, *rung) for rung in rungs]


def states_of(recorded: Recorded) -> dict[str, list[str]]:
    """Return the names of the states of both worlds."""
    pair = build(recorded.experiment).pair
    return {"ancestral": list(pair.ancestral.states), "modern": list(pair.modern.states)}


def analysed(recorded: Recorded) -> Analysed:
    """Return tables and summary of the analysis of a run.

    The run is analysed if it has no analysis, or one of other code.
    """
    summary = summary_of(recorded, again=False)
    if recorded in _unwritten:
        return _unwritten[recorded]
    sums = read_sums(recorded.folder)
    try:
        places = {name: f"{ANALYSIS}/{name}.parquet" for name in ACCOUNTS}
        analysis = {
            name: read_table(recorded.folder / place, sums[place]) for name, place in places.items()
        }
    except (KeyError, Damaged):  # the analysis can be computed again
        analysis, summary = analyze(recorded).tables, summary_of(recorded, again=False)
    return analysis, summary
