"""Figures: frames in, charts out. `FIGURES` is the catalogue of what a run can be drawn as."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import vl_convert

from evosim.analysis.search import TERMS
from evosim.errors import UserError
from evosim.figures.behaviour import behaviour
from evosim.figures.drive import drive
from evosim.figures.fitness import fitness
from evosim.figures.ladders import ladders
from evosim.figures.loci import gated_loci, planner_loci, reflex_loci
from evosim.figures.search import search
from evosim.figures.theme import themed
from evosim.press import print_figure
from evosim.record import Recorded

FORMATS = ("png", "svg", "pdf")
PRESSES = 2
MOST_CHANGES = 2
BANDS = "bands hold 95% of them"


@dataclass(frozen=True, eq=False)
class Source:
    """What figures are drawn from: a recorded run and its analysis."""

    run: Recorded
    analysis: dict[str, pl.DataFrame]
    summary: dict[str, Any]

    @property
    def which(self) -> str:
        """The experiment and its seeds, for a subtitle."""
        e = self.run.experiment
        name = f"{e.name}; seed {e.seed}" if e.replicates == 1 else f"{e.name}; {e.replicates} seeds from {e.seed}"
        changed = self.summary["changed"]
        if len(changed) > MOST_CHANGES:
            changed = [*changed[:MOST_CHANGES], f"and {len(changed) - MOST_CHANGES} more"]
        return f"{name}; changed: {', '.join(changed)}" if changed else name

    def adopted(self, table: pl.DataFrame) -> pl.DataFrame:
        """A table by generation, without the generations in which exhaustive search still tries every genome."""
        if self.run.experiment.optimizer["name"] != "exhaustive":
            return table
        starts = np.cumsum([0, *(phase.generations for phase in self.run.experiment.phases)])[:-1]
        return table.filter(~pl.col("generation").is_in(starts.tolist()))

    def many(self, note: str) -> str:
        """`which`, what marks the spread over seeds if there are several, and how many of them died out."""
        out = f"{self.which}; {note}" if self.run.experiment.replicates > 1 else self.which
        extinct = sum(run["status"] == "extinct" for run in self.summary["runs"].values())
        return f"{out}; {extinct} died out, later means are of the others" if extinct else out


def _fitness(s: Source) -> Any:
    best = {world: float(s.run.tables["landscape"][world].max()) for world in ("ancestral", "modern")}  # type: ignore[arg-type]
    chart = fitness(s.adopted(s.run.tables["generations"]), best, s.run.experiment.swap)
    return themed(chart, "Fitness of newborns in both worlds", [s.many(BANDS)])


def _ladders(s: Source) -> Any:
    note = "representation: what no genome can do; shift: a perfect ancestral optimizer loses it too; search: the rest"
    if "fair" in s.run.controls:
        note = note.replace("search: the rest", "search: imperfect even if meiosis is fair; hack: unfair meiosis")
    return themed(ladders(s.summary["ladder"]), "The ladder: which stage lost it", [s.many("whiskers: 95% bootstrap interval of the mean"), note])


def _behaviour(s: Source) -> Any:
    note = f"population in the last ancestral generation, generation {s.run.experiment.swap - 1}"
    return themed(behaviour(s.analysis["behaviour"]), "The behaviour ledger: which acts lost it", [s.many("means"), note])


def _loci(s: Source) -> Any:
    swap = s.run.experiment.swap
    if s.run.experiment.genome["name"] == "reflex":
        subtitle = [s.many("means"), "share of alleles in each observation class"]
        return themed(reflex_loci(s.adopted(s.run.tables["alleles"]), swap), "Reflexes through time", subtitle)
    subtitle = [s.many(BANDS), "weights with a single allele are fixed and not shown"]
    genome = s.run.experiment.genome
    weights = [w for w, locus in genome["weights"].items() if len(locus["alleles"]) > 1]
    if genome["name"] == "gated":
        second = [w for w, locus in genome["second"].items() if len(locus["alleles"]) > 1]
        gates = s.adopted(s.run.tables["alleles"]).filter(pl.col("locus") == "gate")
        if not weights and not second and gates["allele"].n_unique() == 1:
            return None
        chart = gated_loci(s.adopted(s.run.tables["loci"]), gates, weights, second, swap)
        return themed(chart, "Desires, hidden desires and the gate through time", subtitle)
    if not weights and len(genome["horizon"]["alleles"]) == 1:
        return None  # nothing varies
    return themed(planner_loci(s.adopted(s.run.tables["loci"]), weights, swap), "Desires and foresight through time", subtitle)


def _search(s: Source) -> Any:
    if "search" not in s.run.tables or s.run.tables["search"].is_empty():
        return None
    chart = search(s.run.tables["search"], TERMS, ["fitness in A", "fitness in M"], s.run.experiment.swap)
    return themed(chart, "The search ledger: who moved fitness", [s.many(BANDS), "cumulative terms of the Price equation; black: their sum"])


def _drive(s: Source) -> Any:
    if "fair" not in s.run.controls:
        return None
    arms = {"run": s.run.tables, **{name: s.run.controls[name] for name in ("fair", "absent")}}
    sites = [(row["locus"], row["allele"]) for row in s.summary["hack"]["frequencies"]]
    chart = drive(
        {name: tables["alleles"] for name, tables in arms.items()},
        {name: tables["generations"] for name, tables in arms.items()},
        sites,
        s.run.experiment.swap,
    )
    return themed(chart, "Drivers, and what they cost", [s.many(BANDS)])


FIGURES: dict[str, Callable[[Source], Any]] = {
    "fitness": _fitness,
    "ladders": _ladders,
    "behaviour": _behaviour,
    "loci": _loci,
    "search": _search,
    "drive": _drive,
}


def warm() -> None:
    """Draw something small, so that what comes next need not wait for the engine."""
    pl.DataFrame({"x": [1, 2]}).group_by("x").len()
    vl_convert.vegalite_to_svg({"mark": "point"}, vl_version=alt.SCHEMA_VERSION.rpartition(".")[0])


def draw_run(source: Source, formats: tuple[str, ...], each: Callable[[Path], object] = id) -> list[Path]:
    """Draw every figure of a run into its `figures/` folder; gives the paths, and tells `each` as soon as it is there."""
    charts = ((name, figure(source)) for name, figure in FIGURES.items())
    return draw_charts(source.run.folder / "figures", charts, formats, each)


def draw_charts(
    folder: Path, charts: Iterable[tuple[str, Any]], formats: tuple[str, ...], each: Callable[[Path], object] = id
) -> list[Path]:
    """Draw charts by name into a folder. Raises `UserError` if it cannot be written.

    A figure is drawn once, as SVG, and the other formats made of that, while the next is being described. One thread draws:
    a second would wait for the engine and hold up all of Python meanwhile.
    """
    try:
        folder.mkdir(exist_ok=True)
        with alt.data_transformers.disable_max_rows(), ThreadPoolExecutor(1) as engine, ThreadPoolExecutor(PRESSES) as presses:
            drawn = []
            for name, chart in charts:
                if chart is None:  # there is nothing of the kind
                    continue
                described = chart.to_dict(validate=False)  # tests validate every figure
                files = [folder / f"{name}.{kind}" for kind in formats]
                drawn.append(engine.submit(_draw, described, files, presses, each))
            return [printed.result() for figure in drawn for printed in figure.result()]
    except OSError as error:
        raise UserError(f"{folder} must be writable for figures, but is not: {error.strerror}. Mend its permissions.") from None


def _draw(
    described: dict[str, Any], files: list[Path], presses: Executor, each: Callable[[Path], object]
) -> list[Future[Path]]:
    """One figure from its description; its files are on their way."""
    svg = vl_convert.vegalite_to_svg(described, vl_version=alt.SCHEMA_VERSION.rpartition(".")[0])
    return [presses.submit(_printed, svg, file, each) for file in files]


def _printed(svg: str, file: Path, each: Callable[[Path], object]) -> Path:
    each(print_figure(svg, file))
    return file
