"""The figure of a search's path: means over seeds at each evaluation."""

from __future__ import annotations

from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import build_landscape
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.figures.inputs import Searched
from evosim.figures.search_paths import draw
from evosim.optimizers.real_vectors import search


def test_the_path_is_drawn_and_told() -> None:
    settings = ["replicates=1", "phases.0.generations=60"]
    experiment = resolve(apply_settings(read_experiment("claim-06-demons"), settings))
    table = search(*build_landscape(experiment, experiment.seed), 60, experiment.seed, 3)
    chart = draw(Searched(table, experiment))
    assert "Means over seeds against evaluations" in chart.description
    rows = [row for data in chart.to_dict()["datasets"].values() for row in data]
    assert max(row["evaluation"] for row in rows) == table["evaluation"].max()
