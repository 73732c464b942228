"""The figure of the ladders: negative rungs fit on the axis."""

from __future__ import annotations

from evosim.analysis.summary import LadderSummary
from evosim.figures.ladder import ladders


def test_ladders_below_zero_stand_on_their_axis() -> None:
    rungs = {
        "optimum": 2.0,
        "best_for_intent": 2.0,
        "best_for_payoff": 2.0,
        "best_ancestral": 1.0,
        "population": -3.0,
    }
    described = ladders({"ancestral": LadderSummary(rungs, {}, {}, 1)}).to_dict()
    domains = [
        unit["encoding"]["y"]["scale"]["domain"]
        for unit in described["hconcat"][0]["layer"]
        if "scale" in unit["encoding"]["y"]
    ]
    assert domains
    assert all(low <= -3.0 and high > 2.0 for low, high in domains)
