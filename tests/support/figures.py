"""Sources of figures for tests, and checks of any chart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt

from evosim.analysis.class_values import ClassEvaluator
from evosim.config.experiments import read_experiment
from evosim.config.resolve import Problem, resolve
from evosim.config.settings import apply_settings
from evosim.figures import Source
from evosim.runs import execute, figures

STILL = (
    "optimizer.population=60",
    "phases.0.generations=12",
    "replicates=2",
    "optimizer.introductions.0.copies=12",
)


EVERYWHERE = [
    "coarse-savanna",
    "reflexes",
    "villages",
    "maze",
    "lava",
    "host",
    "host-planners",
    "micro",
    "deception",
    "gated",
]


def source(folder: Path, name: str, *settings: str) -> Source:
    experiment = resolve(apply_settings(read_experiment(name), list(settings)))
    return figures.source_of(execute.run(experiment, out=folder / name)[0])


def conducts_of(made: Problem) -> ClassEvaluator:
    return ClassEvaluator(made.genome, made.pair)


def checked(chart: Any) -> dict[str, Any]:
    """A chart against Vega-Lite's schema, with what every figure must have."""
    with alt.data_transformers.disable_max_rows():
        described: dict[str, Any] = chart.to_dict(validate=True)
    assert described["title"]["subtitle"]
    # Numbers, beyond title and subtitle
    assert any(c.isdigit() for c in described["description"].split(". ", 3)[-1])
    assert "tooltip" in json.dumps({k: v for k, v in described.items() if k != "datasets"})
    return described


def units(chart: Any) -> Iterator[dict[str, Any]]:
    if isinstance(chart, dict):
        if "mark" in chart:
            yield chart
        for part in chart.values():
            yield from units(part)
    elif isinstance(chart, list):
        for part in chart:
            yield from units(part)
