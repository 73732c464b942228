"""Figures: frames in, charts out. `FIGURES` is the catalogue of what a run can be drawn as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from evosim.errors import UserError
from evosim.figures.behaviour import behaviour
from evosim.figures.fitness import fitness
from evosim.figures.ladders import ladders
from evosim.figures.loci import planner_loci, reflex_loci
from evosim.figures.theme import themed
from evosim.record import Recorded

FORMATS = ("png", "svg", "pdf")
PIXELS_PER_INCH = 200


@dataclass(frozen=True, eq=False)
class Source:
    """What figures are drawn from: a recorded run and its analysis."""

    run: Recorded
    analysis: dict[str, pl.DataFrame]
    summary: dict[str, Any]

    @property
    def seeds(self) -> str:
        """The seeds, for a subtitle."""
        e = self.run.experiment
        return f"seed {e.seed}" if e.replicates == 1 else f"{e.replicates} seeds from {e.seed}, bands hold 95% of them"


def _fitness(s: Source) -> Any:
    rungs = {world: s.summary["ladder"][world]["rungs"]["best_for_payoff"] for world in ("ancestral", "modern")}
    chart = fitness(s.run.tables["generations"], rungs, s.run.experiment.swap)
    return themed(chart, "Fitness of newborns in both worlds", [f"{s.run.experiment.name}; {s.seeds}"])


def _ladders(s: Source) -> Any:
    note = "representation: no genome of the grid is better; shift: a perfect ancestral optimizer loses it too; search: the rest"
    return themed(ladders(s.summary["ladder"]), "The ladder: which stage lost it", [f"{s.run.experiment.name}; {s.seeds}", note])


def _behaviour(s: Source) -> Any:
    note = f"population in the last ancestral generation, generation {s.run.experiment.swap - 1}"
    return themed(behaviour(s.analysis["behaviour"]), "The behaviour ledger: which acts lost it", [f"{s.run.experiment.name}; {s.seeds}", note])


def _loci(s: Source) -> Any:
    swap, name = s.run.experiment.swap, f"{s.run.experiment.name}; {s.seeds}"
    if s.run.experiment.genome["name"] == "reflex":
        return themed(reflex_loci(s.run.tables["alleles"], swap), "Reflexes through time", [name])
    weights = [w for w, locus in s.run.experiment.genome["weights"].items() if len(locus["alleles"]) > 1]
    return themed(planner_loci(s.run.tables["loci"], weights, swap), "Desires and foresight through time", [name])


FIGURES: dict[str, Callable[[Source], Any]] = {
    "fitness": _fitness,
    "ladders": _ladders,
    "behaviour": _behaviour,
    "loci": _loci,
}


def draw_run(source: Source, formats: tuple[str, ...]) -> list[Path]:
    """Draw every figure of a run into its `figures/` folder; gives the paths."""
    import altair as alt

    folder = source.run.folder / "figures"
    paths = []
    try:
        folder.mkdir(exist_ok=True)
        with alt.data_transformers.disable_max_rows():
            for name, figure in FIGURES.items():
                chart = figure(source)
                for kind in formats:
                    path = folder / f"{name}.{kind}"
                    chart.save(str(path), ppi=PIXELS_PER_INCH) if kind == "png" else chart.save(str(path))
                    paths.append(path)
    except OSError as error:
        raise UserError(f"{folder} must be writable for figures, but is not: {error.strerror}. Mend its permissions.") from None
    return paths
