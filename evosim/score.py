"""Score: rules and a world in, exact lifetime payoff and intent out. Equal policies are evaluated once.

Rules are turned into policies in blocks of bounded memory; each distinct policy (by a 128-bit digest of its bytes)
is evaluated once for as long as the scorer lives, so replicates of a run share the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from evosim.errors import UserError
from evosim.kernels import evaluate as evaluate_kernel
from evosim.kernels import plan as plan_kernel
from evosim.reference.planning import TIE_RULES
from genomes import PlannerRules, ReflexRules, Rules
from worlds import TabularMdp, WorldPair

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_BYTES = 64 * 2**20
MAX_ACTS = 32
MAX_POLICIES = 1_000_000


@dataclass(frozen=True, eq=False)
class Scores:
    """What a batch of rules is worth in one world.

    Attributes:
        payoff, intent: `[n]` expected lifetime amounts of the policies, gross of upkeep.
        kept: `[n]` share left after upkeep: fitness is `payoff * kept`.
        policy: `[n]` number of the policy; equal numbers act alike at every age in every state of this world.
    """

    payoff: Floats
    intent: Floats
    kept: Floats
    policy: Ints

    @property
    def fitness(self) -> Floats:
        """`[n]` expected offspring, net of upkeep."""
        return self.payoff * self.kept


class Policies:
    """Policies of many rules: act sets `[n, L, S]`, or act probabilities `[n, L, S, A]` where choice is soft."""

    def __init__(self, sets: NDArray[np.uint32], soft: Floats) -> None:
        self.sets, self.soft = sets, soft

    def digest(self, i: int) -> bytes:
        """128-bit hash of a policy's bytes: equal for equal policies."""
        data = self.soft[i] if len(self.soft) else self.sets[i]
        return blake2b(data.tobytes(), digest_size=16).digest()


class WorldTables:
    """A world as kernels read it: compressed rows of each belief, amounts, features."""

    def __init__(self, world: TabularMdp) -> None:
        if len(world.acts) > MAX_ACTS:
            raise UserError(f"{world.name} must have at most {MAX_ACTS} acts, but has {len(world.acts)}. Merge some.")
        self.world = world
        self.rows = {name: compressed_rows(table) for name, table in world.beliefs.items()}
        self.amounts = np.stack([world.payoff, world.intent])
        if np.array_equal(world.payoff, world.intent):
            self.amounts = self.amounts[:1]


def compressed_rows(table: Floats) -> tuple[Ints, Ints, Floats]:
    """Offsets `[S * A + 1]`, successors and chances of a transition table `[S, A, S]`."""
    flat = table.reshape(-1, table.shape[-1])
    row, successor = np.nonzero(flat)
    offsets = np.searchsorted(row, np.arange(len(flat) + 1)).astype(np.int64)
    return offsets, successor.astype(np.int64), np.ascontiguousarray(flat[row, successor])


class Scorer:
    """Scores rules in one world; remembers the worth of every policy it has met."""

    def __init__(self, world: TabularMdp, pair: WorldPair) -> None:
        self.tables = WorldTables(world)
        self.pair = pair
        self._known: dict[bytes, int] = {}
        self._worth = np.empty((0, len(self.tables.amounts)))

    @property
    def distinct(self) -> int:
        """Number of distinct policies evaluated so far."""
        return len(self._known)

    def score(self, rules: Rules) -> Scores:
        """Exact worth of each rule."""
        n = len(rules)
        policy = np.empty(n, dtype=np.int64)
        block = self._block(rules)
        for first in range(0, n, block):
            index = np.arange(first, min(n, first + block))
            policy[index] = self._register(self.policies(rules.take(index)))
        worth = self._worth[policy]
        return Scores(worth[:, 0], worth[:, -1], rules.kept, policy)

    def policies(self, rules: Rules) -> Policies:
        """The policies of rules, unevaluated."""
        if isinstance(rules, PlannerRules):
            return _planner_policies(rules, self.tables)
        return Policies(_reflex_sets(rules, self.tables.world, self.pair), np.empty((0, 0, 0, 0)))

    def _block(self, rules: Rules) -> int:
        states, acts = self.tables.world.available.shape
        levels = rules.levels if isinstance(rules, PlannerRules) else 1
        soft = isinstance(rules, PlannerRules) and bool((rules.temperature > 0).any())
        size = levels * states * (4 + (8 * acts if soft else 0))
        return max(1, BLOCK_BYTES // size)

    def _register(self, policies: Policies) -> Ints:
        out = np.empty(len(policies.sets), dtype=np.int64)
        fresh: list[int] = []
        if len(self._known) > MAX_POLICIES:
            raise UserError(
                f"a run must meet at most {MAX_POLICIES} distinct policies in a world, but met more. Coarsen the alleles, or "
                "run fewer individuals or generations."
            )
        for i in range(len(out)):
            key = policies.digest(i)
            number = self._known.get(key)
            if number is None:
                number = self._known[key] = len(self._known)
                fresh.append(i)
            out[i] = number
        if fresh:
            self._worth = np.concatenate([self._worth, self._evaluate(policies, np.array(fresh))])
        return out

    def _evaluate(self, policies: Policies, index: Ints) -> Floats:
        offsets, successors, chances = self.tables.rows["true"]
        world = self.tables.world
        out = np.empty((len(index), len(self.tables.amounts)))
        soft = policies.soft[index] if len(policies.soft) else policies.soft
        evaluate_kernel.evaluate(
            soft, policies.sets[index], self.tables.amounts, offsets, successors, chances, world.start, world.lifespan, out
        )
        return out


def _planner_policies(rules: PlannerRules, tables: WorldTables) -> Policies:
    world = tables.world
    n, levels = len(rules), min(rules.levels, world.lifespan)
    states, acts = world.available.shape
    any_soft = bool((rules.temperature > 0).any())
    sets = np.empty((n, levels, states), dtype=np.uint32)
    soft = np.empty((n if any_soft else 0, levels, states, acts))
    for b in np.unique(rules.belief):
        mine = np.flatnonzero(rules.belief == b)
        whole = len(mine) == n
        my_sets = sets if whole else np.empty((len(mine), levels, states), dtype=np.uint32)
        my_soft = soft if whole else np.empty((len(mine) if any_soft else 0, levels, states, acts))
        offsets, successors, chances = tables.rows[rules.beliefs[b]]
        plan_kernel.plan(
            rules.weights[mine],
            np.minimum(rules.horizon[mine], world.lifespan),
            rules.temperature[mine],
            world.features_felt,
            world.available,
            offsets,
            successors,
            chances,
            rules.discount,
            rules.tie_tolerance,
            TIE_RULES.index(rules.ties),
            my_sets,
            my_soft,
        )
        if not whole:
            sets[mine] = my_sets
            if any_soft:
                soft[mine] = my_soft
    return Policies(sets, soft)


def _reflex_sets(rules: ReflexRules, world: TabularMdp, pair: WorldPair) -> NDArray[np.uint32]:
    act = np.array([world.acts.index(name) for name in rules.names])[rules.acts]
    chosen = act[:, pair.observe]
    default = world.acts.index(pair.default_act)
    states = np.arange(len(world.states))
    chosen = np.where(world.available[states, chosen], chosen, default)
    return (np.uint32(1) << chosen.astype(np.uint32))[:, None, :].astype(np.uint32)
