"""Cue: a pair of worlds whose agents receive at birth a sign of the world they live in.

Every state occurs twice, once with the cue `ancestral` and once with the cue `modern`. The cue of
an agent stays the same for life. It changes neither acts nor features nor transitions. In the
ancestral world the cue is `modern` with probability `ancestral_error`. In the modern world the cue
is `ancestral` with probability `modern_error`. Observation classes are doubled too: a reflex sees
the cue.

Purpose. A gated planner can serve a second objective where the cue is `modern`. With a cue without
errors this never happens in the ancestral world, so selection there cannot see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evosim.worlds.parameters import InvalidWorld, check_ranges, check_size, probability
from evosim.worlds.tabular import Floats, TabularMdp, WorldPair

CUES = ("told ancestral", "told modern")


@dataclass(frozen=True)
class Cue:
    """Error rates of the cue."""

    ancestral_error: float = probability(
        0.0,
        "a perfect cue: selection cannot see a second objective behind it",
        "share of ancestral lives with the cue 'modern'",
    )
    modern_error: float = probability(
        0.0, "a perfect cue", "share of modern lives with the cue 'ancestral'"
    )


def with_cue(pair: WorldPair, cue: Cue) -> WorldPair:
    """Add a cue to a pair of worlds.

    Parameters
    ----------
    pair : WorldPair
        A pair without a cue.
    cue : Cue
        Error rates.

    Returns
    -------
    WorldPair
        The pair with twice as many states.

    Raises
    ------
    InvalidWorld
        For an error rate out of range, a pair with a cue, or a pair that becomes too large.
    """
    check_ranges(cue, "world.cue")
    if pair.cue is not None:
        raise InvalidWorld(
            f"world.cue must be left out, but is given: world '{pair.name}' has a cue of its own."
            " Remove it."
        )
    n = len(pair.ancestral.states)
    check_size(
        "world.cue doubles the states, so the world",
        2 * n,
        len(pair.ancestral.acts),
        pair.ancestral.lifespan,
    )
    return replace(
        pair,
        ancestral=_doubled(pair.ancestral, cue.ancestral_error),
        modern=_doubled(pair.modern, 1.0 - cue.modern_error),
        observe=np.concatenate([pair.observe, pair.observe + len(pair.classes)]),
        classes=tuple(f"{name}, {cue_name}" for cue_name in CUES for name in pair.classes),
        cue=np.arange(2 * n) >= n,
    )


def _doubled(world: TabularMdp, modern_share: float) -> TabularMdp:
    """A world in which a share of lives receives the cue `modern`."""
    beliefs: Mapping[str, Floats] = {
        name: _block_diagonal(table) for name, table in world.beliefs.items()
    }
    twice: dict[str, Any] = {
        name: np.concatenate([getattr(world, name)] * 2)
        for name in ("available", "payoff", "intent", "features_felt")
    }
    return replace(
        world,
        states=tuple(f"{name}, {cue_name}" for cue_name in CUES for name in world.states),
        transitions=beliefs["true"],
        start=np.concatenate([world.start * (1.0 - modern_share), world.start * modern_share]),
        beliefs=beliefs,
        before_life=None if world.before_life is None else np.concatenate([world.before_life] * 2),
        # The cue makes no other case
        case_of=None if world.case_of is None else np.concatenate([world.case_of] * 2),
        **twice,
    )


def _block_diagonal(table: Floats) -> Floats:
    """Transitions `[2S, A, 2S]`: the table `[S, A, S]` in both halves, none between them."""
    s, a, _ = table.shape
    out = np.zeros((2 * s, a, 2 * s))
    out[:s, :, :s] = out[s:, :, s:] = table
    return out
