"""Cue: any pair of worlds, whose agents are told at birth which of the two they live in, and
sometimes wrongly.

Every state is there twice: told `ancestral`, then told `modern`. What one was told stays as it is
for life, changes nothing that can be done or felt, and leads nowhere else. In the ancestral world
it says `modern` with `ancestral_error`, in the modern one `ancestral` with `modern_error`.
Observation classes are doubled too, so that a reflex sees the cue.

What it is for. A gated planner that serves another objective where it is told `modern` does nothing
of the kind in the ancestral world while the cue does not err: selection there cannot see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evosim.worlds.parameters import InvalidWorld, check_ranges, check_size, probability
from evosim.worlds.tabular import Floats, TabularMdp, WorldPair

TOLD = ("told ancestral", "told modern")


@dataclass(frozen=True)
class Cue:
    """How often the cue is wrong."""

    ancestral_error: float = probability(
        0.0,
        "a perfect cue: selection cannot see what hides behind it",
        "share of ancestral lives told 'modern'",
    )
    modern_error: float = probability(
        0.0, "a perfect cue", "share of modern lives told 'ancestral'"
    )


def with_cue(pair: WorldPair, cue: Cue) -> WorldPair:
    """The pair with a cue.

    Raises `InvalidWorld` for an error rate out of range, a pair that has a cue, or one that becomes
    too large.
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
        classes=tuple(f"{name}, {told}" for told in TOLD for name in pair.classes),
        cue=np.arange(2 * n) >= n,
    )


def _doubled(world: TabularMdp, told_modern: float) -> TabularMdp:
    """A world whose lives are told `modern` with some chance."""
    beliefs: Mapping[str, Floats] = {name: _apart(table) for name, table in world.beliefs.items()}
    twice: dict[str, Any] = {
        name: np.concatenate([getattr(world, name)] * 2)
        for name in ("available", "payoff", "intent", "features_felt")
    }
    return replace(
        world,
        states=tuple(f"{name}, {told}" for told in TOLD for name in world.states),
        transitions=beliefs["true"],
        start=np.concatenate([world.start * (1.0 - told_modern), world.start * told_modern]),
        beliefs=beliefs,
        before_life=None if world.before_life is None else np.concatenate([world.before_life] * 2),
        case_of=(
            None if world.case_of is None else np.concatenate([world.case_of] * 2)
        ),  # what one is told makes no other case
        **twice,
    )


def _apart(table: Floats) -> Floats:
    """Transitions `[S, A, S]` in both halves, and none between them."""
    s, a, _ = table.shape
    out = np.zeros((2 * s, a, 2 * s))
    out[:s, :, :s] = out[s:, :, s:] = table
    return out
