"""A sweep over contraception, planning cost and population size: effects on each loss.

This is an example of a sweep and its analysis, without predictions. Two effects must be exactly 0,
because all cells have the same seeds. Population size has no effect on the shift step.
Contraception is in the modern world alone, so it has no effect on the ancestral search step. There
are 24 cells with 10 seeds each.

Run: python scripts/studies/what_matters.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from evosim.analysis.resampling import Resampling
from evosim.claims.experiments import build_packaged
from evosim.claims.study import Study
from evosim.runs.provenance import write_json
from evosim.runtime.machine import processors
from evosim.sweeps import local_engine
from evosim.sweeps.analysis import analyse, fresh_digest
from evosim.sweeps.analysis_tables import Analysis, AnalysisFacts
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.engines import Job
from evosim.sweeps.events import ignore
from evosim.sweeps.execute import begin
from evosim.sweeps.figures import charts
from evosim.sweeps.schema import read_alone, read_sweep

POPULATION, SEARCH = "ladder.modern.rungs.population", "ladder.modern.steps.search"
WANTED = [
    f"{kind}-{name.replace('.', '-')}"
    for kind, name in (("phase", POPULATION), ("phase", SEARCH), ("effects", SEARCH))
] + ["steps-planning-cost"]
# `true` and `0.02` alike
LEVELS = {"level": pl.String, "with_level": pl.String, "against": pl.String, "value": pl.String}
SWEEP = """
name = "what-matters"
title = "Contraception, the price of foresight, and the size of populations"
experiment = "coarse-savanna"
replicates = 10

[set]
phases.0.generations = 200
phases.1.generations = 100

[grid]
world.modern.contraception = [false, true]
genome.planning_cost = [0.02, 0.04, 0.06, 0.08]
optimizer.population = [50, 150, 500]
"""
POPULATION, STEPS = "ladder.modern.rungs.population", r"^ladder\.\w+\.steps\."
KEPT = ("cells", "effects", "contrasts", "pairs", "shares", "quantities")


def analysed(folder: Path) -> Analysis:
    """Compute and analyse the sweep."""
    path = folder / "what-matters.toml"
    path.write_text(SWEEP, encoding="utf-8")
    written = read_sweep(path)
    store = begin(written, folder / "sweep")
    local_engine.compute(
        Job(store.folder, list(range(store.chunks)), processors(), 1, None, ignore, lambda: False)
    )
    return analyse(store, fresh_digest(store), Resampling())


def draw(folder: Path) -> dict[str, Any]:
    """The figures of the sweep that the findings show."""
    names = [path.stem for path in folder.glob("*.csv")]
    tables = {
        name: pl.read_csv(folder / f"{name}.csv", schema_overrides=LEVELS, infer_schema_length=None)
        for name in names
    }
    facts = AnalysisFacts.from_dict(
        json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    )
    inputs = ChartInputs(Analysis(facts, tables), read_alone(folder / "sweep.toml"), None, None)
    figures = dict(charts(inputs, [POPULATION, SEARCH]))
    return {name: figures[name] for name in WANTED}


def main() -> None:
    """Make tables and figures."""
    problem = build_packaged(
        "coarse-savanna", "phases.0.generations=200", "phases.1.generations=100"
    )
    study = Study("what-matters", problem, draw)
    with tempfile.TemporaryDirectory() as folder:
        analysis = analysed(Path(folder))
    tables = {
        name: (
            analysis.tables[name].filter(
                (pl.col("quantity") == POPULATION) | pl.col("quantity").str.contains(STEPS)
            )
        )
        for name in KEPT
    }
    (study.folder / "sweep.toml").write_text(SWEEP.lstrip(), encoding="utf-8")
    all_facts = analysis.facts.as_dict()
    write_json(study.folder / "analysis.json", {**all_facts, "tables": list(tables)})
    facts = {
        key: all_facts[key]
        for key in ("sweep", "content", "runs", "intervals", "resamples", "confidence")
    }
    study.store(tables, analysis=facts, seeds=analysis.facts.replicates)


if __name__ == "__main__":
    main()
