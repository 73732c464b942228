"""Compiled policies of decision rules in one world: act sets of plans, and softmax chances.

Equal planners plan once. A planner with a shorter horizon shares the plan of an equal planner with
a longer one. Planning is always in double precision.

`COMPILED` is the only list of rule kinds with compiled code. Other kinds are evaluated from the
policy that `evosim.reference.policies` gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from evosim.errors import UserError
from evosim.fitness.cache import Floats, Ints, Words, slots
from evosim.fitness.world_arrays import WorldTables
from evosim.genomes import (
    GATES,
    GatedRules,
    PlannerRules,
    ReflexRules,
    Rules,
    second_objective_active,
)
from evosim.kernels import policy_dedup, softmax
from evosim.kernels.plan import Planners, PlanTable, TieRule, plan
from evosim.kernels.simd import DOUBLE
from evosim.kernels.world_layout import ActSets
from evosim.reference.dynamic_programming import TIE_RULES
from evosim.worlds import WorldPair


@dataclass(frozen=True)
class CompiledKind:
    """Compiled code for one kind of rule.

    Attributes
    ----------
    act_sets : Callable
        From a `PolicyCompiler` and rules to `ActSets`.
    points : Callable
        From rules and positions `[m]` to points `[m, .]`. Rules that act alike have near points.
    tables : int
        Tables of act sets that are in memory at the same time.
    """

    act_sets: Callable[[PolicyCompiler, Any], ActSets]
    points: Callable[[Any, Ints], Floats]
    tables: int = 1


class PolicyCompiler:
    """Act sets and softmax chances of rules in one world."""

    def __init__(self, tables: WorldTables, pair: WorldPair) -> None:
        self.tables, self.pair = tables, pair
        self._scratch: dict[str, Words] = {}

    def levels(self, rules: Rules) -> int:
        """Levels of the policies of rules: the longest horizon, at most a life; 1 without plans."""
        planners = rules.planners()
        return min(planners[0].levels, self.tables.world.lifespan) if planners else 1

    def act_sets(self, rules: Rules) -> ActSets:
        """Act sets of rules of a kind in `COMPILED`. The next call overwrites `words`."""
        return COMPILED[type(rules)].act_sets(self, rules)

    def scratch(self, name: str, n: int, levels: int) -> Words:
        """Uninitialised `[n, levels, W]`, reused: page faults cost as much as the writes."""
        size = n * levels * (self.tables.cells // 8)
        if name not in self._scratch or self._scratch[name].size < size:
            self._scratch[name] = np.empty(size, dtype=np.uint64)
        return self._scratch[name][:size].reshape(n, levels, self.tables.cells // 8)

    def plans(self, rules: PlannerRules, scratch: str = "plans") -> ActSets:
        """Act sets of planners: one row for each distinct objective and belief."""
        world, t = self.tables.world, self.tables
        levels = min(rules.levels, world.lifespan)
        self._check_finite(rules, levels)
        depths = np.minimum(rules.horizon, world.lifespan)
        plans, first = _distinct(rules.weights, rules.belief)
        deepest = np.zeros(len(first), dtype=np.int64)
        np.maximum.at(deepest, plans, depths)
        words = self.scratch(scratch, len(first), levels)
        sets = words.view(np.uint8)
        belief = rules.belief[first]
        order = np.lexsort((deepest, belief))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        for b in np.unique(belief):
            low, high = np.searchsorted(belief[order], [b, b + 1])
            believers = order[low:high]
            plan(
                Planners(rules.weights[first[believers]], deepest[believers]),
                t.features,
                t.discounted(rules.beliefs[b], rules.discount),
                TieRule(rules.tie_tolerance, TIE_RULES.index(rules.ties)),
                t.stride,
                chunks_for(len(believers), DOUBLE),
                PlanTable(sets[low:high], words[low:high]),
            )
        return ActSets(words, place[plans], depths)

    def gated(self, rules: GatedRules) -> ActSets:
        """Act sets of gated planners: one row for each gate and pair of plans."""
        first, first_plans, depths = self.plans(rules.first)
        second, second_plans, _ = self.plans(rules.second, "second plans")
        size = (len(GATES), len(first), len(second))
        numbers, plans = np.unique(
            np.ravel_multi_index((rules.gate, first_plans, second_plans), size), return_inverse=True
        )
        pairs = np.column_stack(np.unravel_index(numbers, size))
        words = self.scratch("gated", len(pairs), first.shape[1])
        sets = words.view(np.uint8)
        np.take(first, pairs[:, 1], axis=0, out=words, mode="clip")
        # Levels beyond the horizon are undefined in both plans. No rule with this pair reads them.
        for gate in np.unique(pairs[:, 0]):
            ruled = np.zeros(self.tables.stride, dtype=bool)
            where = second_objective_active(int(gate), self._cue())
            ruled[: len(self.tables.states)] = where[self.tables.states]
            cells = np.flatnonzero(np.tile(ruled, self.tables.cells // self.tables.stride))
            rows = np.flatnonzero(pairs[:, 0] == gate)
            if cells.size:
                levels = np.arange(words.shape[1])
                replaced = second.view(np.uint8)[np.ix_(pairs[rows, 2], levels, cells)]
                sets[np.ix_(rows, levels, cells)] = replaced
        return ActSets(words, plans.astype(np.int64), depths)

    def reflex_sets(self, rules: ReflexRules) -> NDArray[np.uint8]:
        """`[n, 1, cells]` packed acts of reflexes; the default act where theirs is unavailable."""
        world = self.tables.world
        act = np.array([world.acts.index(name) for name in rules.names])[rules.acts]
        chosen = act[:, self.pair.observe]
        default = world.acts.index(self.pair.default_act)
        return self.tables.pack(
            np.where(world.available[np.arange(len(world.states)), chosen], chosen, default)
        )

    def softmax_chances(self, rules: Rules) -> Floats:
        """`[n, L, R]` chances of rows (states and acts) of planners with a temperature above 0."""
        chances = [self._chances(planners) for planners in rules.planners()]
        if len(chances) == 1:
            return chances[0]
        first, second = chances
        where = [rules.second_objective(i, self._cue()) for i in range(len(rules))]
        row_state = self.tables.row_state
        ruled = np.stack([states[row_state] for states in where if states is not None])
        return np.where(ruled[:, None, :], second, first)

    def _chances(self, rules: PlannerRules) -> Floats:
        t = self.tables
        out = np.empty((len(rules), min(rules.levels, t.world.lifespan), len(t.row_state)))
        depths = np.minimum(rules.horizon, t.world.lifespan)
        for b in np.unique(rules.belief):
            believers = np.flatnonzero(rules.belief == b)
            part = np.empty((len(believers), *out.shape[1:]))
            rows = t.discounted(rules.beliefs[b], rules.discount)
            softmax.plan(
                rules.weights[believers],
                depths[believers],
                rules.temperature[believers],
                t.features,
                rows,
                part,
            )
            out[believers] = part
        return out

    def _cue(self) -> NDArray[np.bool_]:
        """`[S]`: where agents receive the cue. Raises `UserError` for a world without one."""
        if self.pair.cue is None:
            raise UserError(
                f"the genome has gated planners, which need a cue, but {self.tables.world.name} has"
                " none. Add a table [world.cue] to the experiment."
            )
        return self.pair.cue

    @cached_property
    def _largest_felt(self) -> Floats:
        """`[K]`: the largest size of each feature in the states within reach."""
        world = self.tables.world
        return np.asarray(np.abs(world.features_felt[world.acts_in_reach]).max(axis=0))

    def _check_finite(self, rules: PlannerRules, levels: int) -> None:
        """Refuse planners whose felt reward over the horizon overflows. Raises `UserError`."""
        with np.errstate(over="ignore"):
            felt = np.abs(rules.weights) @ self._largest_felt * levels * 4.0
        if not np.isfinite(felt).all():
            raise UserError(
                f"desires times the features of {self.tables.world.name} overflow over {levels}"
                " steps of planning. Lower the alleles of genome.weights."
            )


def _reflex_act_sets(compiler: PolicyCompiler, rules: ReflexRules) -> ActSets:
    n = len(rules)
    words = compiler.reflex_sets(rules).view(np.uint64)
    return ActSets(words, np.arange(n), np.ones(n, dtype=np.int64))


def _planner_points(rules: PlannerRules, index: Ints) -> Floats:
    """Desires, scaled to a largest size of 1."""
    weights = rules.weights[index]
    largest = np.full(len(weights), 1e-300)
    for column in np.abs(weights).T:  # few and long columns: faster than a maximum of every row
        np.maximum(largest, column, out=largest)
    return np.asarray(weights / largest[:, None])


def _gated_points(rules: GatedRules, index: Ints) -> Floats:
    first, second = (_planner_points(planners, index) for planners in rules.planners())
    return np.hstack([first, second, rules.gate[index, None]])


def _reflex_points(rules: ReflexRules, index: Ints) -> Floats:
    return np.asarray(rules.acts[index], dtype=np.float64)


COMPILED: dict[type[Any], CompiledKind] = {
    PlannerRules: CompiledKind(PolicyCompiler.plans, _planner_points),
    # two plans, and the table made of them
    GatedRules: CompiledKind(PolicyCompiler.gated, _gated_points, tables=3),
    ReflexRules: CompiledKind(_reflex_act_sets, _reflex_points),
}


def chunks_for(n: int, block: int) -> int:
    """Pieces of work for `n` items in blocks: enough for threads to share evenly.

    Results do not depend on it.
    """
    return max(1, min(-(-n // block), 8 * numba.get_num_threads()))


def grouped(words: Words, plans: Ints, depths: Ints) -> tuple[Ints, Ints]:
    """Distinct policies of a batch.

    Parameters
    ----------
    words, plans, depths : ndarray
        As in `ActSets`.

    Returns
    -------
    `[n]` the distinct policy of each rule, and `[m]` the first rule with each distinct policy.
    """
    n = len(plans)
    hashes = np.empty(n, dtype=np.uint64)
    groups, first = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    policy_dedup.digest(words, plans, depths, chunks_for(n, 64), hashes)
    count = policy_dedup.group(hashes, words, plans, depths, slots(n), groups, first)
    return groups, first[:count]


def _distinct(weights: Floats, belief: Ints) -> tuple[Ints, Ints]:
    """`[n]` the distinct planner of each rule, and `[m]` the first rule with each one."""
    n = len(weights)
    # the sum turns -0.0 into 0.0
    words = (np.column_stack([weights, belief]) + 0.0).view(np.uint64)[:, None, :]
    return grouped(words, np.arange(n), np.ones(n, dtype=np.int64))
