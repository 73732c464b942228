"""Random planners and worlds with a second belief."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evosim.genomes import PlannerRules
from evosim.worlds import TabularMdp
from tests.support.random_worlds import random_pair


def rules(
    n: int, seed: int, features: int = 3, beliefs: tuple[str, ...] = ("true", "other")
) -> PlannerRules:
    """Random planners with two beliefs."""
    rng = np.random.default_rng(seed)
    return PlannerRules(
        weights=rng.normal(size=(n, features)),
        horizon=rng.integers(1, 5, size=n),
        belief=rng.integers(0, len(beliefs), size=n),
        temperature=rng.choice([0.0, 0.0, 0.3], size=n),
        beliefs=beliefs,
        discount=0.9,
        tie_tolerance=1e-5,
        ties="split",
        planning_cost=0.05,
        levels=4,
    )


def world(seed: int, same: str = "modern") -> TabularMdp:
    """A random world with a second belief."""
    pair = random_pair(seed)
    other = random_pair(seed + 500).modern.transitions
    mine: TabularMdp = getattr(pair, same)
    moves = np.where(mine.available[:, :, None], other, 0.0)
    sums = moves.sum(axis=2, keepdims=True)
    moves = np.where(sums > 0.0, moves / np.where(sums > 0.0, sums, 1.0), mine.transitions)
    return replace(mine, beliefs={"other": moves})
