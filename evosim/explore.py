"""Explore: the search of a landscape over real vectors as a run in a folder, with a table, a summary and a figure.

There is no second world and no genome, so no account; and a run takes seconds, so there are no checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evosim.analysis.intervals import interval
from evosim.clock import Clock
from evosim.compose import build_landscape, changes, resolve
from evosim.errors import Interrupted, Stop, UserError
from evosim.params import Experiment, read_toml
from evosim.record import (
    Writer,
    already_there,
    complete,
    half_in_place,
    read_provenance,
    run_folder,
    same_sources,
    write_json,
)
from evosim.slopes import search
from evosim.workflow import FIGURES, USUAL_FORMATS, figures_missing, list_figures

ROWS = 500  # of a path, beside its start
TABLE, SUMMARY = "paths", "summary.json"


def explore(
    experiment: Experiment, *, out: Path | None, force: bool, figures: bool, clock: Clock, watch: Callable[[], Stop | None] = lambda: None
) -> tuple[dict[str, Any], bool]:
    """Search the landscapes of all seeds, or read back what the folder already holds whole. Gives the summary, and which it was.

    Raises `UserError`; when it is stopped, `Interrupted`, and nothing is kept.
    """
    folder = run_folder(experiment, out)
    if not folder.name:
        folder = folder.resolve()
    there = (not force or half_in_place(folder)) and complete(folder, experiment)
    there |= already_there(folder, experiment)
    if there and not force:
        if figures and figures_missing(folder) != []:
            _draw(_table(folder), experiment, folder)
        return summary_there(folder), False
    build_landscape(experiment, experiment.seed)  # refuse now what cannot be built later
    writer = Writer(folder, experiment)
    try:
        with clock.stage("search"):
            table = pl.concat([_path(experiment, seed, watch) for seed in experiment.seeds])
        writer.table(TABLE, table)
        ended = {str(seed): {"status": "complete", "generations": experiment.generations} for seed in experiment.seeds}
        summary = {
            "experiment": experiment.name, "seed": experiment.seed, "replicates": experiment.replicates, "expected": experiment.expected,
            "changed": changes(experiment), "digest": experiment.digest(), "out": str(folder), "runs": ended,
            "search": measured(table, experiment),
        }  # fmt: skip
        if figures:
            with clock.stage("figures"):
                _draw(table, experiment, writer.partial)
        write_json(writer.partial / SUMMARY, summary)
        writer.finish({"seconds": clock.told(), "runs": ended})
    except (Stop, KeyboardInterrupt) as stop:
        writer.discard()
        words = f"stopped by {stop or type(stop).__name__}; searches of landscapes are not kept by halves: the same command begins again"
        raise Interrupted(words, stop.code if isinstance(stop, Stop) else 130) from None
    except BaseException:
        writer.discard()
        raise
    return summary, True


def measured(table: pl.DataFrame, experiment: Experiment) -> list[dict[str, Any]]:
    """What the runs came to: means over seeds, with intervals from five seeds on."""
    ends = table.group_by("seed", maintain_order=True).last()
    tenth = table.filter(pl.col("evaluation") <= 0.9 * experiment.generations).group_by("seed", maintain_order=True).last()
    speed = (ends["x_0"] - tenth["x_0"]) / (ends["evaluation"] - tenth["evaluation"])
    values = {
        "x_0 at the end": ends["x_0"], "distance from the x_0 axis at the end": ends["aside"], "speed along x_0 over the last tenth": speed,
        "lowest loss found": ends["best"], "x_0 at the lowest loss": ends["best_x_0"],
    }  # fmt: skip
    out = []
    for name, numbers in values.items():
        x = numbers.to_numpy()
        found = interval(x, experiment.analysis.bootstrap, experiment.analysis.confidence)
        out.append({"quantity": name, "mean": float(np.mean(x)), "interval": list(found) if found else None})
    return out


def _path(experiment: Experiment, seed: int, watch: Callable[[], Stop | None]) -> pl.DataFrame:
    """The path of one seed. Raises `Stop` if it is time to."""
    if stop := watch():
        raise stop
    hills, params = build_landscape(experiment, seed)
    total = experiment.generations
    return search(hills, params, total, seed, max(1, total // ROWS))


def _draw(table: pl.DataFrame, experiment: Experiment, folder: Path) -> None:
    from evosim.press import have_a_home

    have_a_home()
    from evosim.figures import draw_charts
    from evosim.figures.paths import SEARCH_FIGURES
    from evosim.figures.source import Searched

    source = Searched(table, experiment)
    charts = ((name, figure.draw(source)) for name, figure in SEARCH_FIGURES.items())
    list_figures(folder, draw_charts(folder / FIGURES, charts, USUAL_FORMATS))


def _table(folder: Path) -> pl.DataFrame:
    path = folder / "tables" / f"{TABLE}.parquet"
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(f"{path} must be readable, but is missing or damaged. Repeat the run with --force.") from None


def summary_there(folder: Path) -> dict[str, Any]:
    """What a search came to, as it was written. Raises `UserError`."""
    try:
        summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        summary["search"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{folder / SUMMARY} must be readable, but is missing or damaged. Repeat the run with --force.") from None
    return summary | {"out": str(folder)}


def same_code(folder: Path) -> bool:
    """Whether a search was made by the very sources that are running now."""
    return same_sources(read_provenance(folder), resolve(read_toml(folder / "experiment.toml")))
