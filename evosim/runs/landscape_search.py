"""Search a landscape over real vectors as a run in a folder, with table, summary and figures.

There is no second world and no genome, so there are no accounts. A search takes seconds, so there
are no checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from evosim.analysis.intervals import interval
from evosim.analysis.summary import SearchQuantity, SearchSummary, SeedEnding
from evosim.analysis.summary_reader import read_search_summary
from evosim.config.differences import changes_from_packaged, note_on_expected
from evosim.config.landscape_search import build_landscape
from evosim.config.resolve import resolve
from evosim.config.schema import Experiment
from evosim.config.toml_files import read_toml
from evosim.errors import Interrupted, Stop, UserError
from evosim.optimizers.real_vectors import COLUMNS, search
from evosim.runs.accounts import FIGURES
from evosim.runs.figures import USUAL_FORMATS, figures_missing, list_figures
from evosim.runs.folder import (
    RunWriter,
    finish_publishing,
    holds_run,
    is_half_published,
    run_folder,
)
from evosim.runs.provenance import Ending, RunOutcome, same_sources, write_json
from evosim.runs.reader import expected_sum, read_provenance
from evosim.runtime.checksums import Damaged, read_json, read_sums, read_table
from evosim.runtime.dataclass_json import InvalidJson
from evosim.runtime.timing import Clock

ROWS = 500  # of a path, in addition to its start
TABLE, SUMMARY = "paths", "summary.json"


def explore(
    experiment: Experiment,
    *,
    out: Path | None,
    force: bool,
    figures: bool,
    clock: Clock,
    stop_requested: Callable[[], Stop | None] = lambda: None,
) -> tuple[SearchSummary, bool]:
    """Search the landscapes of all seeds, or read the result if the folder already holds it.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    out : Path or None
        Folder of the run; None for the default.
    force : bool
        Repeat a search that is there.
    figures : bool
        Draw figures.
    clock : Clock
        Counts seconds by stage.
    stop_requested : Callable
        Called between seeds. A `Stop` that it returns ends the search.

    Returns
    -------
    tuple of dict and bool
        The summary, and whether it was computed now.

    Raises
    ------
    UserError
        If the experiment or the folder does not allow the search.
    Interrupted
        If the search was stopped. Nothing stays.
    """
    folder = run_folder(experiment, out)
    if not folder.name:
        folder = folder.resolve()
    there = (not force or is_half_published(folder)) and finish_publishing(folder, experiment)
    there |= holds_run(folder, experiment)
    if there and not force:
        if figures and figures_missing(folder) != []:
            _draw(_table(folder), experiment, folder)
        return summary_there(folder), False
    build_landscape(experiment, experiment.seed)  # raises now what would be raised later
    writer = RunWriter(folder, experiment)
    try:
        with clock.stage("search"):
            table = pl.concat(
                [_path(experiment, seed, stop_requested) for seed in experiment.seeds]
            )
        writer.table(TABLE, table)
        ended: dict[str, Ending] = {
            str(seed): {"status": "complete", "generations": experiment.generations}
            for seed in experiment.seeds
        }
        summary = SearchSummary(
            experiment=experiment.name,
            seed=experiment.seed,
            replicates=experiment.replicates,
            expected=experiment.expected,
            expected_note=note_on_expected(experiment),
            changed=tuple(changes_from_packaged(experiment)),
            confidence=experiment.analysis.confidence,
            digest=experiment.digest(),
            out=str(folder),
            runs={
                str(seed): SeedEnding("complete", experiment.generations)
                for seed in experiment.seeds
            },
            search=measured(table, experiment),
        )
        if figures:
            with clock.stage("figures"):
                _draw(table, experiment, writer.partial)
        write_json(writer.partial / SUMMARY, summary.as_dict())
        writer.finish(RunOutcome(seconds=clock.as_dict(), runs=ended))
    except (Stop, KeyboardInterrupt) as stop:
        writer.discard()
        words = (
            f"stopped by {stop or type(stop).__name__}; searches of landscapes are not kept by"
            " halves: the same command begins again"
        )
        raise Interrupted(words, stop.code if isinstance(stop, Stop) else 130) from None
    except BaseException:
        writer.discard()
        raise
    return summary, True


def measured(table: pl.DataFrame, experiment: Experiment) -> tuple[SearchQuantity, ...]:
    """Return the results: means over seeds, with intervals from five seeds on."""
    ends = table.group_by("seed", maintain_order=True).last()
    tenth = (
        table.filter(pl.col("evaluation") <= 0.9 * experiment.generations)
        .group_by("seed", maintain_order=True)
        .last()
    )
    speed = (ends["x_0"] - tenth["x_0"]) / (ends["evaluation"] - tenth["evaluation"])
    values = {
        "x_0 at the end": ends["x_0"],
        "distance from the x_0 axis at the end": ends["aside"],
        "speed along x_0 over the last tenth": speed,
        "lowest loss found": ends["best"],
        "x_0 at the lowest loss": ends["best_x_0"],
    }
    out = []
    for name, numbers in values.items():
        x = numbers.to_numpy()
        bounds = interval(x, experiment.analysis.bootstrap, experiment.analysis.confidence)
        low, high = bounds or (None, None)
        out.append(SearchQuantity(name, float(np.mean(x)), low, high, len(x)))
    return tuple(out)


def _path(
    experiment: Experiment, seed: int, stop_requested: Callable[[], Stop | None]
) -> pl.DataFrame:
    """Search the landscape of one seed. Raises `Stop` if requested."""
    if stop := stop_requested():
        raise stop
    hills, params = build_landscape(experiment, seed)
    total = experiment.generations
    return search(hills, params, total, seed, max(1, total // ROWS))


def _draw(table: pl.DataFrame, experiment: Experiment, folder: Path) -> None:
    from evosim.figures import draw_charts
    from evosim.figures.inputs import Searched
    from evosim.figures.registry import SEARCH_FIGURES

    source = Searched(table, experiment)
    charts = ((name, figure.draw(source)) for name, figure in SEARCH_FIGURES.items())
    list_figures(folder, draw_charts(folder / FIGURES, charts, USUAL_FORMATS))


def _table(folder: Path) -> pl.DataFrame:
    path = folder / "tables" / f"{TABLE}.parquet"
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(
            f"{path} must be readable, but is missing or damaged. Repeat the run with --force."
        ) from None


def summary_there(folder: Path) -> SearchSummary:
    """The summary of a search as it was written. Raises `UserError`."""
    expected = expected_sum(folder, SUMMARY, read_provenance(folder), read_sums(folder))
    try:
        summary = read_search_summary(read_json(folder / SUMMARY, expected))
    except FileNotFoundError:
        raise _not_whole(folder / SUMMARY, "is missing") from None
    except (Damaged, InvalidJson) as error:
        raise _not_whole(folder / SUMMARY, str(error)) from None
    return replace(summary, out=str(folder))


def paths_there(folder: Path) -> pl.DataFrame:
    """Return the stored table of a search: one row for each seed and recorded evaluation.

    Raises `UserError`.
    """
    place = f"tables/{TABLE}.parquet"
    facts = read_provenance(folder)
    experiment = resolve(read_toml(folder / "experiment.toml"))
    try:
        most = len(experiment.seeds) * (2 * ROWS + 2)
        table = read_table(
            folder / place, expected_sum(folder, place, facts, read_sums(folder)), most
        )
        schema = {"seed": pl.Int64, "evaluation": pl.Int64, **dict.fromkeys(COLUMNS, pl.Float64)}
        if dict(table.schema) != schema:
            raise Damaged("has other columns than such a table has")
        if sum(table.null_count().row(0)) or set(table["seed"]) != set(experiment.seeds):
            raise Damaged("has other rows than the search of its seeds gives")
    except Damaged as error:
        raise _not_whole(folder / place, str(error)) from None
    return table


def _not_whole(path: Path, why: str) -> UserError:
    return UserError(f"{path} must be what was written, but {why}. Repeat the run with --force.")


def same_code(folder: Path) -> bool:
    """Return whether the code that runs now has made a search."""
    return same_sources(read_provenance(folder), resolve(read_toml(folder / "experiment.toml")))
