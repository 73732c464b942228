"""Ontology: a payoff written for states that its authors do not tell apart.

Who specifies rewards over the states of a model must know which states of the world those are.
Where several are taken for one, all of them are paid alike: the mean of what was intended in them.
Intent stays what it was, so that what merging costs is a specification step.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evosim.worlds.parameters import InvalidWorld
from evosim.worlds.tabular import Floats, TabularMdp, WorldPair

Ints = NDArray[np.int64]


def merge_states(world: TabularMdp, groups: Ints) -> TabularMdp:
    """The world with one payoff for all states of a group, act by act: the mean over those of its
    states in which the act can be done.

    `groups [S]` numbers the state that the authors of the payoff take each state for. Raises
    `InvalidWorld` unless every state has one.
    """
    groups = np.asarray(groups)
    if (
        groups.shape != (len(world.states),)
        or groups.dtype.kind not in "iu"
        or (groups.size and groups.min() < 0)
    ):
        raise InvalidWorld(
            f"{world.name}: groups must be one number of at least 0 for each of {len(world.states)}"
            f" states, but have shape {groups.shape} and type {groups.dtype}. Mend them."
        )
    return replace(world, payoff=np.where(world.available, _means(world, groups)[groups], 0.0))


def _means(world: TabularMdp, groups: Ints) -> Floats:
    shape = (int(groups.max()) + 1, len(world.acts))
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, groups, world.payoff)
    np.add.at(counts, groups, world.available.astype(np.float64))
    return np.divide(sums, counts, out=np.zeros(shape), where=counts > 0.0)


def merge_states_of_pair(pair: WorldPair, groups: Ints) -> WorldPair:
    """Both worlds of a pair with the same states merged in their payoff."""
    return replace(
        pair,
        ancestral=merge_states(pair.ancestral, groups),
        modern=merge_states(pair.modern, groups),
    )


def merging_error(world: TabularMdp, groups: Ints) -> float:
    """Merging error: the share of states in which some act is now paid otherwise than it was."""
    changed = np.abs(merge_states(world, groups).payoff - world.payoff) > 1e-12 * max(
        1.0, float(np.abs(world.payoff).max())
    )
    return float(changed.any(axis=1).mean())
