"""Inputs of figures: the class that is drawn, and the world's unit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evosim.figures import FIGURES, Source
from evosim.figures import policies as figures_policies
from evosim.figures import sample_life as figures_sample_life
from tests.support.figures import source


def test_a_class_may_be_asked_for(savanna: Source) -> None:
    other = replace(savanna, class_id=7)
    assert "class 7" in figures_policies.draw(other).description
    assert "class 7" in figures_sample_life.draw(other).description


@pytest.mark.slow
def test_units_are_the_worlds_and_nothing_is_made_of_rounding(tmp_path: Path) -> None:
    made = source(
        tmp_path,
        "maze",
        "optimizer.population=30",
        "phases.0.generations=5",
        "phases.1.generations=3",
    )
    for name in ("fitness", "ladders", "behaviour", "search"):
        assert "expected offspring" not in json.dumps(FIGURES[name].draw(made).to_dict()), name
    said = FIGURES["causes"].draw(made).description
    assert "e-1" not in said
    assert "best ancestral in the ancestral world: nothing by any" in said
