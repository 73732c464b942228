"""Ontology: a payoff whose authors do not distinguish some states of the world.

An author specifies rewards over the states of a model. States of the world that the
model merges all get the same payoff: their mean. Intent stays as it
was, so the loss through merging is a specification step.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evosim.worlds.parameters import InvalidWorld
from evosim.worlds.tabular import Floats, TabularMdp, WorldPair

Ints = NDArray[np.int64]


def merge_states(world: TabularMdp, groups: Ints) -> TabularMdp:
    """Give all states of a group the same payoff, act by act.

    The new payoff is the mean over the states of the group in which the act is available.

    Parameters
    ----------
    world : TabularMdp
        The world.
    groups : numpy.ndarray
        `[S]`, the group of each state: a number of at least 0.

    Returns
    -------
    TabularMdp
        The world with the new payoff; intent does not change.

    Raises
    ------
    InvalidWorld
        If `groups` does not hold one number per state.
    """
    groups = np.asarray(groups)
    if (
        groups.shape != (len(world.states),)
        or groups.dtype.kind not in "iu"
        or (groups.size and groups.min() < 0)
    ):
        raise InvalidWorld(
            f"{world.name}: groups must be one number from 0 for each of {len(world.states)}"
            f" states; found shape {groups.shape} and type {groups.dtype}. Write"
            f" one whole number per state."
        )
    return replace(world, payoff=np.where(world.available, _means(world, groups)[groups], 0.0))


def _means(world: TabularMdp, groups: Ints) -> Floats:
    shape = (int(groups.max()) + 1, len(world.acts))
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, groups, world.payoff)
    np.add.at(counts, groups, world.available.astype(np.float64))
    return np.divide(sums, counts, out=np.zeros(shape), where=counts > 0.0)


def merge_states_of_pair(pair: WorldPair, groups: Ints) -> WorldPair:
    """Merge the same states in the payoff of both worlds of a pair; see `merge_states`."""
    return replace(
        pair,
        ancestral=merge_states(pair.ancestral, groups),
        modern=merge_states(pair.modern, groups),
    )


def merging_error(world: TabularMdp, groups: Ints) -> float:
    """Merging error: the share of states in which the payoff of some act changes."""
    changed = np.abs(merge_states(world, groups).payoff - world.payoff) > 1e-12 * max(
        1.0, float(np.abs(world.payoff).max())
    )
    return float(changed.any(axis=1).mean())
