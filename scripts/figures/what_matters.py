"""What contraception, the price of foresight and the size of populations do: the figures of a kept
sweep, without its runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from evosim.sweeps.analysis import Analysis
from evosim.sweeps.figures import Easel, charts
from evosim.sweeps.schema import read_alone

POPULATION, SEARCH = "ladder.modern.rungs.population", "ladder.modern.steps.search"
WANTED = [
    f"{kind}-{name.replace('.', '-')}"
    for kind, name in (("phase", POPULATION), ("phase", SEARCH), ("effects", SEARCH))
] + ["steps-planning-cost"]
# `true` and `0.02` alike
LEVELS = {"level": pl.String, "with_level": pl.String, "against": pl.String, "value": pl.String}


def draw(folder: Path) -> dict[str, Any]:
    """Those that the findings show, of all that `evosim sweep figures` has."""
    names = [path.stem for path in folder.glob("*.csv")]
    tables = {
        name: pl.read_csv(folder / f"{name}.csv", schema_overrides=LEVELS, infer_schema_length=None)
        for name in names
    }
    facts = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    easel = Easel(Analysis(facts, tables), read_alone(folder / "sweep.toml"), None, None)
    drawn = dict(charts(easel, [POPULATION, SEARCH]))
    return {name: drawn[name] for name in WANTED}
