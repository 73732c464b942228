"""Statements about a run must not depend on the unit of payoff or on rounding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import evosim
from evosim.tables import formatting, screen, sentences
from evosim.worlds import WORLDS, Entry, TabularMdp, WorldPair
from evosim.worlds.parameters import modern_params, number

NUMBER = r"-?\d+(\.\d+)?(e-\d+)?"


@dataclass(frozen=True)
class Fruit:
    """Two fruits and none, twice in a life."""

    unit: float = number(1.0, "payoff", "a unit", low=0.0, structural=True)
    red: float = number(1.0, "units", "like green", low=-10.0)
    green: float = number(1.0, "units", "like red", low=-10.0)
    none: float = number(0.0, "units", "nothing", low=-10.0)
    red_intent: float = number(0.0, "units", "beside payoff", low=-10.0)


def build(params: Fruit, modern: Mapping[str, Any]) -> WorldPair:
    """The pair."""

    def world(p: Fruit, name: str) -> TabularMdp:
        payoff = p.unit * np.array([[p.red, p.green, p.none]])
        return TabularMdp(
            name=name,
            states=("here",),
            acts=("red", "green", "none"),
            features=("r", "g", "n"),
            lifespan=2,
            available=np.ones((1, 3), dtype=bool),
            transitions=np.ones((1, 3, 1)),
            payoff=payoff,
            intent=payoff + p.unit * np.array([[p.red_intent, 0.0, 0.0]]),
            features_felt=np.eye(3)[None],
            start=np.ones(1),
            beliefs={"ancestral": np.ones((1, 3, 1))},
        )

    return WorldPair(
        name="fruit",
        ancestral=world(params, "fruit (ancestral)"),
        modern=world(modern_params(params, modern), "fruit (modern)"),
        observe=np.array([0]),
        classes=("here",),
        default_act="none",
        serves={"r": ("red",), "g": ("green",), "n": ("none",)},
    )


def experiment(modern: dict[str, float], **ancestral: float) -> dict[str, Any]:
    """Planners with a weight for each fruit."""
    return {
        "name": "fruit",
        "world": {"name": "fruit", "ancestral": ancestral, "modern": modern},
        "genome": {
            "name": "planner",
            "ploidy": 1,
            "weights": {name: {"alleles": [0.0, 1.0]} for name in "rgn"},
            "horizon": {"alleles": [1]},
        },
        "optimizer": {"name": "asexual", "population": 30},
        "phases": [
            {"world": "ancestral", "generations": 12},
            {"world": "modern", "generations": 3},
        ],
    }


@pytest.fixture(autouse=True)
def _fruit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORLDS, "fruit", Entry(Fruit, build, "two fruits"))


def said(run: evosim.Run) -> str:
    """The account as it is printed."""
    out = StringIO()
    screen.show(Console(file=out, width=160), "", run.typed_summary)
    return out.getvalue()


def test_a_small_unit_changes_no_word(tmp_path: Path) -> None:
    """Of a loss of 0.0002 the account must not say that there is none."""
    one, small, tiny = (
        evosim.run(experiment({"red": 0.0}, unit=unit), out=tmp_path / f"{unit}")
        for unit in (1.0, 1e-4, 1e-20)
    )
    expected = sentences.sentences(one.typed_summary)
    assert "The shift step loses 0.000 to 2.000" in expected[0]
    words = [re.sub(NUMBER, "#", text) for text in expected]
    for run in (small, tiny):
        found = sentences.sentences(run.typed_summary)
        assert [re.sub(NUMBER, "#", text) for text in found] == words
    assert "loses 0.000000 to 0.000200" in sentences.sentences(small.typed_summary)[0]
    assert "loses 0 to 2e-20" in sentences.sentences(tiny.typed_summary)[0]
    assert "no step loses or gains anything" not in said(small)
    assert "0.000000 to 0.000200" in repr(small)
    assert "0.000200" in said(small)
    assert formatting.number(2e-4) == "0.000"  # the scale is that of an account, and not of all


def test_equal_policies_have_no_representation_loss(tmp_path: Path) -> None:
    run = evosim.run(experiment({"red": 0.5, "green": 0.5, "none": 0.5}), out=tmp_path)
    assert not [text for text in sentences.sentences(run.typed_summary) if "Representation" in text]
    rungs = run.summary["ladder"]["modern"]["rungs"]
    assert rungs["best_for_intent"] == pytest.approx(rungs["optimum"])


def test_genomes_that_tie_for_intent_are_not_told_as_one(tmp_path: Path) -> None:
    """In A red and green are intended alike, so the other path may lead to either of them."""
    ancestral = {"red": 2.0, "green": 1.0, "red_intent": -1.0}
    run = evosim.run(experiment({"red": 0.0}, **ancestral), out=tmp_path)
    sentence = next(
        text for text in sentences.sentences(run.typed_summary) if "By the other path" in text
    )
    # In M red comes to 2 x -1 and green to 2 x 1. R1 is 2, and R3 takes red: -2.
    assert "gets -2.000 to 2.000 in M, by which of those that tie is taken" in sentence
    assert "shift 0.000 to 4.000, then specification 0.000 to 4.000" in sentence
