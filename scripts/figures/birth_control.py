"""Fitness of newborns in both worlds through time, in the default experiment: the figure of the
README.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from evosim.figures.fitness import fitness_of_bands
from evosim.figures.theme import themed
from figures import experiment, provenance


def draw(folder: Path) -> dict[str, Any]:
    """Means and bands over seeds by generation; dotted: the best genome of each world."""
    known = experiment(folder)
    facts = provenance(folder)[f"{known['seed']}-{known['seed'] + known['replicates'] - 1}"]
    best = {world: facts["rungs"][world]["best_for_intent"] for world in ("ancestral", "modern")}
    chart = fitness_of_bands(
        pl.read_csv(folder / "fitness.csv"), best, known["phases"][0]["generations"]
    )
    which = (
        f"{known['name']}; {known['replicates']} seeds from {known['seed']}; bands hold 95% of them"
    )
    return {"fitness": themed(chart, "Fitness of newborns in both worlds", [which])}
