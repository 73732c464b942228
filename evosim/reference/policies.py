"""Policies of decision rules, one at a time, by the reference planner: the twin of
`evosim.fitness.scorer`.
"""

from __future__ import annotations

import numpy as np

from evosim.genomes import GatedRules, PlannerRules, Rules, TableRules, second_rules
from evosim.reference.dynamic_programming import Floats, plan
from evosim.worlds import TabularMdp, WorldPair


def policy_of(rules: Rules, i: int, world: TabularMdp, pair: WorldPair) -> Floats:
    """Policy `[L, S, A]` of the `i`-th rule in a world of the pair."""
    if isinstance(rules, PlannerRules):
        return plan(
            world,
            rules.weights[i],
            int(rules.horizon[i]),
            levels=rules.levels,
            belief=rules.beliefs[rules.belief[i]],
            temperature=float(rules.temperature[i]),
            discount=rules.discount,
            tie_tolerance=rules.tie_tolerance,
            ties=rules.ties,
        )
    if isinstance(rules, GatedRules):
        assert pair.cue is not None
        second = second_rules(int(rules.gate[i]), pair.cue)
        policies = [policy_of(planners, i, world, pair) for planners in (rules.second, rules.first)]
        return np.where(second[None, :, None], *policies)
    if isinstance(rules, TableRules):
        return in_world(rules.policies[i], rules.names, world, pair.default_act)
    out = np.zeros((1, len(world.states), len(world.acts)))
    default = world.acts.index(pair.default_act)
    for s, observed in enumerate(pair.observe):
        act = world.acts.index(rules.names[rules.acts[i, observed]])
        out[0, s, act if world.available[s, act] else default] = 1.0
    return out


def in_world(policy: Floats, names: tuple[str, ...], world: TabularMdp, default: str) -> Floats:
    """A table of chances `[L, S, A]` of named acts as a policy in a world: what is unavailable
    becomes the default act.
    """
    out = np.zeros((len(policy), len(world.states), len(world.acts)))
    out[:, :, [world.acts.index(name) for name in names]] = policy
    lost = np.where(world.available, 0.0, out).sum(axis=2)
    out = np.where(world.available, out, 0.0)
    out[:, :, world.acts.index(default)] += lost
    return out
