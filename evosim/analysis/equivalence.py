"""Extensional equivalence: genomes that do the same for different reasons.

Two genomes can be equal in four ways:

* weights times a positive factor;
* a potential of states added to what is felt, where the world's features can express one;
* a planner written out as a table;
* other desires with other beliefs or foresight that happen to act alike. `alike` looks for such
  classes in a grid.

Every account of behaviour is the same for such a pair; the account of causes is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.planner_causes import SWITCHES, causes_of
from evosim.genomes import PlannerRules, Rules, TableRules
from evosim.reference.dynamic_programming import Floats
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp, WorldPair

Ints = NDArray[np.int64]
NULL = 1e-10


def scaled(rules: PlannerRules, factor: float) -> PlannerRules:
    """The same planners with all they feel, and their temperature, times a positive factor."""
    return replace(rules, weights=rules.weights * factor, temperature=rules.temperature * factor)


def compiled(rules: Rules, i: int, world: TabularMdp, pair: WorldPair) -> TableRules:
    """A rule written out as the table of what it does in one world: no objective, no search.

    It keeps what it paid for planning.
    """
    policy = policy_of(rules, i, world, pair)
    return TableRules(
        policies=policy[None], names=world.acts, fitness_retained=rules.fitness_retained[i : i + 1]
    )


def potentials(world: TabularMdp, discount: float = 1.0) -> Floats:
    """`[n, K + S]`: a basis of the reward shapings that a world's features can express.

    Each row is weights and their potential. For every available act,
    `features @ weights = discount E[Phi(next)] - Phi(state)`. Adding a shaping to the weights keeps
    all choices of a planner whose horizon ends where the potential is 0. (Ng, Harada and Russell
    1999 show this for lives without end.) With another horizon, choices may change. Potentials with
    weights 0 are left out.
    """
    s, a = np.nonzero(world.available)
    n, k = len(world.states), len(world.features)
    rows = np.concatenate(
        [world.features_felt[s, a], np.eye(n)[s] - discount * world.transitions[s, a]], axis=1
    )
    _, sizes, basis = np.linalg.svd(rows, full_matrices=True)
    null = basis[int((sizes > NULL * sizes[0]).sum()) :]
    return np.asarray(null[np.abs(null[:, :k]).max(axis=1) > NULL]) if k else np.empty((0, n))


@dataclass(frozen=True)
class Pair:
    """Two classes that do the same in both worlds.

    Attributes
    ----------
    classes : tuple of int
        Their numbers.
    world : str
        Where their causes differ most.
    causes : tuple
        Of each, by switch.
    distance : float
        The largest difference of a cause.
    """

    classes: tuple[int, int]
    world: str
    causes: tuple[dict[str, float], dict[str, float]]
    distance: float


def alike(evaluator: ClassEvaluator, classes: Ints) -> list[list[int]]:
    """Sets of two or more classes that act alike in all states of both worlds, at the same cost."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number in classes.tolist():
        a, m = evaluator.evaluate(number, "ancestral"), evaluator.evaluate(number, "modern")
        groups.setdefault(
            (a.behaviour_key(), m.behaviour_key(), round(a.amounts.fitness_retained, 12)), []
        ).append(number)
    return [group for group in groups.values() if len(group) > 1]


def most_different(evaluator: ClassEvaluator, groups: list[list[int]]) -> list[Pair]:
    """Of each set of classes that act alike, the two whose causes differ most; the most different
    first. None for reflexes.
    """
    out = []
    for group in groups:
        rules = evaluator.genome.decode(np.array(group, dtype=np.int64))
        largest: Pair | None = None
        for world_name in ("ancestral", "modern"):
            world = evaluator.world(world_name)
            parts = causes_of(
                rules,
                world,
                world.payoff if world_name == "ancestral" else world.intent,
                evaluator.pair.cue,
            )
            if parts is None:
                return []
            table = np.array([[x.parts[name] for name in SWITCHES] for x in parts])
            apart = np.abs(table[:, None] - table[None]).max(axis=2)
            i, j = np.unravel_index(int(apart.argmax()), apart.shape)
            if largest is None or apart[i, j] > largest.distance:
                largest = Pair(
                    (group[i], group[j]),
                    world_name,
                    (parts[i].parts, parts[j].parts),
                    float(apart[i, j]),
                )
        if largest:
            out.append(largest)
    return sorted(out, key=lambda pair: (-pair.distance, pair.classes))
