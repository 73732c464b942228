"""Charts of a sweep have a title and a text for people who do not see them."""

from __future__ import annotations

import pytest

from evosim.sweeps.analysis_tables import Analysis
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.charts import design, effects, losses, phase, steps, words_of
from evosim.sweeps.schema import read_alone
from evosim.sweeps.store import Store

POPULATION = "ladder.modern.rungs.population"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ladder.modern.steps.shift", "loss by shift in M"),
        ("losses.modern.waste", "waste (masturbation), modern world"),
        ("losses.ancestral.hack_share", "hack (greedy genes), ancestral world, share of the best"),
        ("behaviour.ancestral.kinds.waste", "waste regret in A"),
        ("extinct", "share of populations that died out"),
        ("other_number", "other number"),
    ],
)
def test_quantities_have_words(name: str, words: str) -> None:
    assert words_of(name) == words
    assert words_of(name, desires=False) == words.replace(" (masturbation)", "")


def test_a_grid_is_drawn_as_a_map_and_as_effects(analysed: tuple[Store, Analysis]) -> None:
    store, analysis = analysed
    inputs = ChartInputs(analysis, read_alone(store.folder / "sweep.toml"), None, None)
    words = words_of(POPULATION)
    drawn = [phase(inputs, POPULATION, words), effects(inputs, POPULATION, words)]
    drawn += [make(inputs, "optimizer.population") for make in (losses, steps)]
    for parts in drawn:
        assert parts is not None
        assert parts.title
        assert parts.description
        assert parts.subtitle[0].startswith("small ")
    assert design(inputs, POPULATION, words) is None
