"""Inputs of a sweep's charts."""

from __future__ import annotations

from evosim.sweeps.analysis_tables import Analysis
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.schema import read_alone
from evosim.sweeps.store import Store


def test_parameters_have_short_names_and_ranks(analysed: tuple[Store, Analysis]) -> None:
    store, analysis = analysed
    inputs = ChartInputs(analysis, read_alone(store.folder / "sweep.toml"), None, None)
    assert inputs.short == {
        "optimizer.population": "population",
        "world.modern.breed_danger": "breed danger",
    }
    assert sorted(inputs.ranked("ladder.modern.rungs.population")) == sorted(inputs.factors)
    assert inputs.sampled == []
    assert not inputs.is_log("optimizer.population")


def test_the_subtitle_names_the_sweep(analysed: tuple[Store, Analysis]) -> None:
    store, analysis = analysed
    inputs = ChartInputs(analysis, read_alone(store.folder / "sweep.toml"), None, None)
    assert inputs.interval_words() == ""  # two seeds
    assert inputs.subtitle("", "a note") == [
        f"small {store.digest[:8]}: 4 cells, 2 seeds each",
        "a note",
    ]
