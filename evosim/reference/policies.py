"""Policies of decision rules, one at a time, with the reference planner.

This module is the slow, readable twin of `evosim.fitness.scorer`.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from evosim.genomes import GatedRules, PlannerRules, ReflexRules, Rules, TableRules
from evosim.reference.dynamic_programming import Floats, plan, with_levels
from evosim.worlds import TabularMdp, WorldPair


@singledispatch
def policy_of(rules: Rules, i: int, world: TabularMdp, pair: WorldPair) -> Floats:
    """Policy `[L, S, A]` of rule `i` in a world of the pair.

    Kinds of rules without an entry below give their policy themselves.
    """
    return rules.policy(i, world, pair)


@policy_of.register
def _planner(rules: PlannerRules, i: int, world: TabularMdp, pair: WorldPair) -> Floats:
    policy = plan(
        world,
        rules.weights[i],
        int(rules.horizon[i]),
        belief=rules.beliefs[rules.belief[i]],
        temperature=float(rules.temperature[i]),
        discount=rules.discount,
        tie_tolerance=rules.tie_tolerance,
        ties=rules.ties,
    )
    return with_levels(policy, min(rules.levels, world.lifespan))


@policy_of.register
def _gated(rules: GatedRules, i: int, world: TabularMdp, pair: WorldPair) -> Floats:
    second = rules.second_objective(i, pair.cue)
    assert second is not None
    policies = [_planner(planners, i, world, pair) for planners in (rules.second, rules.first)]
    return np.where(second[None, :, None], *policies)


@policy_of.register
def _reflex(rules: ReflexRules, i: int, world: TabularMdp, pair: WorldPair) -> Floats:
    out = np.zeros((1, len(world.states), len(world.acts)))
    default = world.acts.index(pair.default_act)
    for s, observed in enumerate(pair.observe):
        act = world.acts.index(rules.names[rules.acts[i, observed]])
        out[0, s, act if world.available[s, act] else default] = 1.0
    return out


@policy_of.register
def _table(rules: TableRules, i: int, world: TabularMdp, pair: WorldPair) -> Floats:
    return in_world(rules.policies[i], rules.names, world, pair.default_act)


def in_world(policy: Floats, names: tuple[str, ...], world: TabularMdp, default: str) -> Floats:
    """A table of chances of named acts as a policy in a world.

    Parameters
    ----------
    policy : numpy.ndarray
        `[L, S, A]` chances of the acts `names`.
    names : tuple of str
        Names of the acts of the table.
    world : TabularMdp
        The world. Its acts may have another order.
    default : str
        Name of the act that replaces unavailable acts.

    Returns
    -------
    numpy.ndarray
        `[L, S, A]` chances of the world's acts.
    """
    out = np.zeros((len(policy), len(world.states), len(world.acts)))
    out[:, :, [world.acts.index(name) for name in names]] = policy
    lost = np.where(world.available, 0.0, out).sum(axis=2)
    out = np.where(world.available, out, 0.0)
    out[:, :, world.acts.index(default)] += lost
    return out
