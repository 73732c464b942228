"""The figure of trajectories starts after the generations that try every genome."""

from __future__ import annotations

import json
from pathlib import Path

from evosim.figures import FIGURES
from tests.support.figures import source


def test_exhaustive_search_is_drawn_with_its_own_captions(tmp_path: Path) -> None:
    made = source(
        tmp_path,
        "micro",
        'optimizer={name="exhaustive"}',
        "phases.0.generations=3",
        "phases.1.generations=3",
        "replicates=2",
        "analysis.confidence=0.5",
    )
    # In generation 0 every genome is tried
    assert "in generation 1 mean fitness is" in FIGURES["trajectories"].draw(made).description
    assert "whiskers: 50% bootstrap interval" in " ".join(
        FIGURES["ladders"].draw(made).to_dict()["title"]["subtitle"]
    )
    # Not for intent, which bars are measured in
    assert "best genome for payoff in M" in json.dumps(FIGURES["ties"].draw(made).to_dict())
