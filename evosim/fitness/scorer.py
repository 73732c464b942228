"""Exact lifetime payoff and intent of decision rules in a world. Equal behaviour is evaluated once.

Equal planners plan once; whoever looks fewer steps ahead shares the plan of one who looks farther.
Equal behaviours (policies that differ only where nobody with them ever comes) are evaluated once,
for as long as the scorer remembers them. Policies never depend on the precision: planning is in
double precision always, and so are evaluations that accounts are made of. Single precision is there
to search with; `single_error` bounds what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

from evosim.errors import UserError
from evosim.fitness.cache import Floats, Ints, Store, Words, slots
from evosim.fitness.world_arrays import WorldTables
from evosim.genomes import (
    GATES,
    GatedRules,
    Planned,
    PlannerRules,
    ReflexRules,
    Rules,
    TableRules,
    second_rules,
)
from evosim.kernels import policy_dedup, softmax
from evosim.kernels.evaluate import evaluate
from evosim.kernels.plan import plan
from evosim.kernels.simd import DOUBLE, SETS, SINGLE
from evosim.reference.dynamic_programming import TIE_RULES
from evosim.reference.policies import in_world
from evosim.worlds import TabularMdp, WorldPair

BLOCK_BYTES = 32 * 2**20
STORE_BYTES = 256 * 2**20
SAMPLE, WORTH_MERGING, REMEMBERED = 256, 0.1, 2**16


@dataclass(frozen=True, eq=False)
class Scores:
    """What a batch of rules is worth in one world.

    Attributes:
        payoff, intent: `[n]` expected lifetime amounts of the policies, gross of upkeep.
        kept: `[n]` share left after upkeep: fitness is `payoff * kept`.
        policy: `[n]` name of the behaviour, a hash of 63 bits: equal names act alike at every age
        wherever they come. Empty if
            names were not asked for.
        payoff_by_case: `[n, C]` lifetime payoff of those born in each case; no columns if cases
        were not asked for.
    """

    payoff: Floats
    intent: Floats
    kept: Floats
    policy: Ints
    payoff_by_case: Floats

    @property
    def fitness(self) -> Floats:
        """`[n]` expected offspring, net of upkeep."""
        return self.payoff * self.kept

    @property
    def fitness_by_case(self) -> Floats:
        """`[n, C]` expected offspring of those born in each case, net of upkeep."""
        return self.payoff_by_case * self.kept[:, None]

    @property
    def net_intent(self) -> Floats:
        """`[n]` what was intended, net of upkeep."""
        return self.intent * self.kept


class Scorer:
    """Scores rules in one world, and if asked in each of its cases; remembers the worth of the
    behaviours it met, in bounded memory.
    """

    def __init__(
        self,
        world: TabularMdp,
        pair: WorldPair,
        *,
        precision: Literal["double", "single"] = "double",
        store_bytes: int = STORE_BYTES,
        cases: bool = False,
    ) -> None:
        self.tables, self.pair, self.precision = WorldTables(world, cases=cases), pair, precision
        self._births = len(self.tables.start_chances)
        self.columns = self._births * len(self.tables.amounts)
        self.evaluated = 0
        self._store_bytes = store_bytes
        self._stores: dict[int, Store] = {}
        self._rooms: dict[str, Words] = {}
        self._sampled: set[int] = set()

    def score(self, rules: Rules, *, named: bool = True) -> Scores:
        """Exact worth of each rule (in single precision, within `single_error` of it), and what its
        behaviour is called.

        Without names a batch in which hardly any two rules act alike is not searched for equals,
        which then costs more than it spares. No worth depends on that.
        """
        n = len(rules)
        worth, policy = np.empty((n, self.columns)), np.empty(n, dtype=np.int64)
        if isinstance(rules, Planned) and (rules.temperature > 0).any():
            drawn = rules.temperature > 0
            for index, score in (
                (np.flatnonzero(drawn), self._soft),
                (np.flatnonzero(~drawn), self._sets),
            ):
                if index.size:
                    worth[index], policy[index] = score(rules.take(index))
        elif isinstance(rules, TableRules):
            worth, policy = self._compiled(rules)
        else:
            worth, policy = self._sets(rules, named=named)
        intent = self.columns - self._births
        return Scores(worth[:, 0], worth[:, intent], rules.kept, policy, worth[:, 1 : self._births])

    def forget(self) -> None:
        """Forget every behaviour met so far. Worth does not change by it."""
        self._sampled.clear()
        for store in self._stores.values():
            store.forget()

    def policies(self, rules: Rules) -> Floats:
        """`[n, L, S, A]`: chances of acts; 0 in states that nobody can come to."""
        if isinstance(rules, TableRules):
            return np.stack(
                [
                    in_world(policy, rules.names, self.tables.world, self.pair.default_act)
                    for policy in rules.policies
                ]
            )
        if not isinstance(rules, Planned):
            chosen = self.tables.act_sets(self._reflexes(rules))
            return np.asarray(chosen, dtype=np.float64)
        words, plans, depths = self._acts(rules)
        levels = np.minimum(np.arange(words.shape[1])[None, :], depths[:, None] - 1)
        chosen = self.tables.act_sets(words[plans[:, None], levels].view(np.uint8))
        out = np.asarray(chosen / np.maximum(chosen.sum(axis=3, keepdims=True), 1))
        drawn = np.flatnonzero(rules.temperature > 0)
        if drawn.size:
            out[drawn] = 0.0
            for i, policy in zip(drawn, self._drawn(rules.take(drawn)), strict=True):
                out[i][:, self.tables.row_state, self.tables.row_act] = policy
        return out

    @cached_property
    def single_error(self) -> float:
        """How far a lifetime amount in single precision may be from the exact one: a bound, not an
        estimate.

        Each of the `T` sweeps rounds a chain of at most `m + 1` products and sums (and chances and
        amounts once), each by at most `u = 2^-24` of what the chain adds up to, which no policy
        makes larger than `V`, the largest amount any can get. What is wrong already is averaged,
        not enlarged, but for chances that sum to at most `1 + u`. Amounts are in a unit of about
        `V`, so that nothing overflows, and what underflows is less than `u`.
        """
        rows, world = self.tables.rows["true"], self.tables.world
        chain = float(np.diff(rows.offsets).max()) + 3.0
        largest = self._largest
        acts = np.diff(rows.first).max()  # ties add up to as many acts, and divide
        return float(
            world.lifespan
            * (chain + acts + 1.0)
            * 2.0**-24
            * largest
            * (1.0 + 2.0**-24) ** world.lifespan
        )

    def _sets(self, rules: Rules, *, named: bool = True) -> tuple[Floats, Ints]:
        """Worth and names of rules that choose by act sets, a block of bounded memory at a time."""
        n = len(rules)
        if n == 0:
            return np.empty((0, self.columns)), np.empty(0, dtype=np.int64)
        levels = min(rules.levels, self.tables.world.lifespan) if isinstance(rules, Planned) else 1
        tables = 3 if isinstance(rules, GatedRules) else 1  # two plans, and what is made of them
        block = max(1024, BLOCK_BYTES // (levels * self.tables.cells * tables))
        store = self._stores.get(levels)
        if store is None:
            store = self._stores[levels] = Store(
                self, levels, max(4 * block, self._store_bytes // (levels * self.tables.cells))
            )
        parts = []
        for first in range(0, n, block):
            some = rules.take(np.arange(first, min(n, first + block))) if n > block else rules
            acts = self._acts(some)
            direct = not named and self._all_differ(*acts)
            parts.append(self._direct(some, *acts) if direct else store.worth_of(some, *acts))
        if len(parts) == 1:
            return parts[0]
        policy = np.concatenate([policy for _, policy in parts])
        return np.concatenate([worth for worth, _ in parts]), (
            policy if len(policy) == n else policy[:0]
        )

    def _acts(self, rules: Rules) -> tuple[Words, Ints, Ints]:
        """Act sets `[p, L, W]`, and for each rule which row it has and how many of its levels."""
        if isinstance(rules, GatedRules):
            return self._gated(rules)
        if isinstance(rules, PlannerRules):
            return self._plan(rules)
        assert isinstance(rules, ReflexRules)
        n = len(rules)
        return self._reflexes(rules).view(np.uint64), np.arange(n), np.ones(n, dtype=np.int64)

    def _all_differ(self, words: Words, plans: Ints, depths: Ints) -> bool:
        """Whether hardly any two rules of a batch act alike, nor like those of batches before, by a
        sample of its behaviours.
        """
        if len(plans) < 4 * SAMPLE:
            return False
        index = np.arange(0, len(plans), len(plans) // SAMPLE)
        _, hashes = self._reduce("sample", words, plans[index], depths[index])
        names = set(hashes.tolist())
        new = len(names - self._sampled)
        if len(self._sampled) > REMEMBERED:
            self._sampled.clear()
        self._sampled |= names
        return new > (1.0 - WORTH_MERGING) * len(index)

    def _direct(self, rules: Rules, words: Words, plans: Ints, depths: Ints) -> tuple[Floats, Ints]:
        """Worth of rules, each evaluated by itself, and no names."""
        return self.evaluate(words, plans, depths, _points(rules, np.arange(len(rules)))), np.empty(
            0, dtype=np.int64
        )

    def behaviours(self, rules: Rules) -> tuple[Ints, Words, Words, Floats]:
        """Which behaviour each rule is `[n]`; behaviours `[m, L, W]` (some may be equal), their
        hashes, points for `evaluate`.
        """
        return self.behaviours_of(rules, *self._acts(rules))

    def behaviours_of(
        self, rules: Rules, words: Words, plans: Ints, depths: Ints
    ) -> tuple[Ints, Words, Words, Floats]:
        """The same of rules whose act sets are known."""
        groups, first = _grouped(words, plans, depths)
        out, hashes = self._reduce("behaviours", words, plans[first], depths[first])
        return groups, out, hashes, _points(rules, first)

    def _reduce(self, room: str, words: Words, plans: Ints, depths: Ints) -> tuple[Words, Words]:
        """Behaviours `[n, L, W]` of policies and their hashes."""
        t, n = self.tables, len(plans)
        out, hashes = self._room(room, n, words.shape[1]), np.empty(n, dtype=np.uint64)
        policy_dedup.reduce(
            words,
            plans,
            depths,
            t.rows["true"],
            t.start,
            t.stride,
            chunks_for(n, SETS),
            out,
            hashes,
        )
        return out, hashes

    def evaluate(self, words: Words, plans: Ints, depths: Ints, points: Floats) -> Floats:
        """`[n, .]` lifetime amounts of policies (by amount, then by birth): row `plans[i]` of
        `words`, of which the first `depths[i]` levels.
        """
        t, n = self.tables, len(plans)
        rows, amounts, scale = (
            (t.rows["true"], t.amounts, 1.0) if self.precision == "double" else self._in_single
        )
        lanes = DOUBLE if self.precision == "double" else SINGLE
        order = policy_dedup.alike(points, lanes)
        out = np.empty((n, self.columns))
        chunks = chunks_for(n, lanes)
        evaluate(
            words,
            plans,
            depths,
            order,
            amounts,
            rows,
            t.start,
            t.start_chances,
            t.world.lifespan,
            chunks,
            out,
        )
        self.evaluated += n
        return out * scale if scale != 1.0 else out

    @cached_property
    def _in_single(self) -> tuple[Any, NDArray[np.float32], float]:
        """True rows and amounts in single precision, in a unit in which no lifetime is larger than
        about 1, and that unit.
        """
        rows, largest = self.tables.rows["true"], self._largest
        unit = 2.0 ** float(np.round(np.log2(largest))) if largest > 0.0 else 1.0
        return (
            rows._replace(chances=rows.chances.astype(np.float32)),
            (self.tables.amounts / unit).astype(np.float32),
            unit,
        )

    @cached_property
    def _largest_felt(self) -> Floats:
        """`[K]`: the largest size of each feature in the states within reach."""
        world = self.tables.world
        return np.asarray(np.abs(world.features_felt[world.acts_in_reach]).max(axis=0))

    @cached_property
    def _largest(self) -> float:
        """The largest lifetime amount, in size, of any policy from any state."""
        return max(_extreme(self.tables, np.abs(amount)) for amount in self.tables.amounts)

    def _second(self, gate: int) -> NDArray[np.bool_]:
        """`[S]`: where a gate has the second objective rule.

        Raises `UserError` for a world without a cue.
        """
        if self.pair.cue is None:
            raise UserError(
                f"gated planners must be told which world it is, but {self.tables.world.name} gives"
                " no cue. Add a table [world.cue]."
            )
        return second_rules(gate, self.pair.cue)

    def _gated(self, rules: GatedRules) -> tuple[Words, Ints, Ints]:
        """Act sets `[p, L, W]` of gated planners: of each pair of plans, in every state those of
        the objective that rules there.
        """
        first, mine, depths = self._plan(rules.first)
        second, others, _ = self._plan(rules.second, "second plans")
        size = (len(GATES), len(first), len(second))
        numbers, which = np.unique(
            np.ravel_multi_index((rules.gate, mine, others), size), return_inverse=True
        )
        pairs = np.column_stack(np.unravel_index(numbers, size))
        words = self._room("gated", len(pairs), first.shape[1])
        sets = words.view(np.uint8)
        np.take(first, pairs[:, 1], axis=0, out=words, mode="clip")
        # Levels beyond what a planner looks ahead hold nothing, in both plans: whoever has this
        # pair reads none of them.
        for gate in np.unique(pairs[:, 0]):
            ruled = np.zeros(self.tables.stride, dtype=bool)
            ruled[: len(self.tables.states)] = self._second(int(gate))[self.tables.states]
            cells = np.flatnonzero(np.tile(ruled, self.tables.cells // self.tables.stride))
            rows = np.flatnonzero(pairs[:, 0] == gate)
            if cells.size:
                there = np.ix_(rows, np.arange(words.shape[1]), cells)
                sets[there] = second.view(np.uint8)[
                    np.ix_(pairs[rows, 2], np.arange(words.shape[1]), cells)
                ]
        return words, which.astype(np.int64), depths

    def _plan(self, rules: PlannerRules, room: str = "plans") -> tuple[Words, Ints, Ints]:
        """Plans `[p, L, W]`, and for each rule which it has and how deep it looks."""
        world, t = self.tables.world, self.tables
        levels = min(rules.levels, world.lifespan)
        self._check_size(rules, levels)
        depths = np.minimum(rules.horizon, world.lifespan)
        plans, kinds = _distinct(rules.weights, rules.belief)
        deepest = np.zeros(len(kinds), dtype=np.int64)
        np.maximum.at(deepest, plans, depths)
        words = self._room(room, len(kinds), levels)
        sets = words.view(np.uint8)
        belief = rules.belief[kinds]
        order = np.lexsort((deepest, belief))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        for b in np.unique(belief):
            low, high = np.searchsorted(belief[order], [b, b + 1])
            mine = order[low:high]
            plan(
                rules.weights[kinds[mine]],
                deepest[mine],
                t.features,
                t.discounted(rules.beliefs[b], rules.discount),
                rules.tie_tolerance,
                TIE_RULES.index(rules.ties),
                t.stride,
                chunks_for(len(mine), DOUBLE),
                sets[low:high],
                words[low:high],
            )
        return words, place[plans], depths

    def _check_size(self, rules: PlannerRules, levels: int) -> None:
        """What a planner feels in all its looking ahead must be a number. Raises `UserError`."""
        with np.errstate(over="ignore"):
            felt = np.abs(rules.weights) @ self._largest_felt * levels * 4.0
        if not np.isfinite(felt).all():
            raise UserError(
                f"desires times the features of {self.tables.world.name} must stay finite over"
                f" {levels} steps of looking ahead, but do not. Lower the alleles of"
                " genome.weights."
            )

    def _room(self, name: str, n: int, levels: int) -> Words:
        """Uninitialised `[n, levels, W]`, in memory that is used again: to fetch fresh pages costs
        as much as to fill them.
        """
        width = self.tables.cells // 8
        if name not in self._rooms or self._rooms[name].size < n * levels * width:
            self._rooms[name] = np.empty(n * levels * width, dtype=np.uint64)
        return self._rooms[name][: n * levels * width].reshape(n, levels, width)

    def _reflexes(self, rules: ReflexRules) -> NDArray[np.uint8]:
        world = self.tables.world
        act = np.array([world.acts.index(name) for name in rules.names])[rules.acts]
        chosen = act[:, self.pair.observe]
        default = world.acts.index(self.pair.default_act)
        return self.tables.pack(
            np.where(world.available[np.arange(len(world.states)), chosen], chosen, default)
        )

    def _soft(self, rules: Rules) -> tuple[Floats, Ints]:
        """Worth and names of planners whose choice is drawn."""
        assert isinstance(rules, Planned)
        t, n = self.tables, len(rules)
        out, policy = np.empty((n, self.columns)), np.empty(n, dtype=np.int64)
        block = max(1, BLOCK_BYTES // (8 * rules.levels * len(t.row_state)))
        for first in range(0, n, block):
            mine = np.arange(first, min(n, first + block))
            policies = self._drawn(rules.take(mine))
            part = np.empty((len(mine), self.columns))
            softmax.evaluate(
                policies,
                t.amounts,
                t.rows["true"],
                t.start,
                t.start_chances,
                t.world.lifespan,
                part,
            )
            out[mine], policy[mine] = part, [_name(p) for p in policies]
            self.evaluated += len(mine)
        return out, policy

    def _compiled(self, rules: TableRules) -> tuple[Floats, Ints]:
        """Worth and names of policies that are written out as chances."""
        t, n = self.tables, len(rules)
        out = np.empty((n, self.columns))
        policies = np.ascontiguousarray(
            self.policies(rules)[:, : t.world.lifespan, t.row_state, t.row_act]
        )
        softmax.evaluate(
            policies, t.amounts, t.rows["true"], t.start, t.start_chances, t.world.lifespan, out
        )
        self.evaluated += n
        return out, np.array([_name(policy) for policy in policies], dtype=np.int64)

    def _drawn(self, rules: Planned) -> Floats:
        """`[n, L, R]`: chances of rows of planners whose choice is drawn."""
        t = self.tables
        if isinstance(rules, GatedRules):
            ruled = np.stack([self._second(int(gate))[t.row_state] for gate in rules.gate])
            return np.where(ruled[:, None, :], self._drawn(rules.second), self._drawn(rules.first))
        out = np.empty((len(rules), min(rules.levels, t.world.lifespan), len(t.row_state)))
        depths = np.minimum(rules.horizon, t.world.lifespan)
        for b in np.unique(rules.belief):
            mine = np.flatnonzero(rules.belief == b)
            part = np.empty((len(mine), *out.shape[1:]))
            rows = t.discounted(rules.beliefs[b], rules.discount)
            softmax.plan(
                rules.weights[mine], depths[mine], rules.temperature[mine], t.features, rows, part
            )
            out[mine] = part
        return out


def chunks_for(n: int, block: int) -> int:
    """Pieces of work for `n` items in blocks: enough for threads to share evenly.

    Results do not depend on it.
    """
    return max(1, min(-(-n // block), 8 * numba.get_num_threads()))


def _distinct(weights: Floats, belief: Ints) -> tuple[Ints, Ints]:
    """Which of the distinct planners each one is `[n]`, and where each of these stands first."""
    n = len(weights)
    # One zero, not two
    words = (np.column_stack([weights, belief]) + 0.0).view(np.uint64)[:, None, :]
    each, one = np.arange(n), np.ones(n, dtype=np.int64)
    return _grouped(words, each, one)


def _name(policy: Floats) -> int:
    return int.from_bytes(blake2b(policy.tobytes(), digest_size=8).digest(), "little") >> 1


def _grouped(words: Words, plans: Ints, depths: Ints) -> tuple[Ints, Ints]:
    """Which of the distinct policies each individual has `[n]`, and where each of these was met
    first.
    """
    n = len(plans)
    hashes, groups, first = (
        np.empty(n, dtype=np.uint64),
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.int64),
    )
    policy_dedup.digest(words, plans, depths, chunks_for(n, 64), hashes)
    return (
        groups,
        first[: policy_dedup.group(hashes, words, plans, depths, slots(n), groups, first)],
    )


def _points(rules: Rules, index: Ints) -> Floats:
    """Points that are near for rules that act alike: desires up to scale, or the acts of
    reflexes.
    """
    if isinstance(rules, GatedRules):
        return np.hstack(
            [_points(rules.first, index), _points(rules.second, index), rules.gate[index, None]]
        )
    if isinstance(rules, PlannerRules):
        weights = rules.weights[index]
        largest = np.full(len(weights), 1e-300)
        for column in np.abs(weights).T:  # few and long: quicker than a maximum of every row
            np.maximum(largest, column, out=largest)
        return np.asarray(weights / largest[:, None])
    assert isinstance(rules, ReflexRules)
    return np.asarray(rules.acts[index], dtype=np.float64)


def _extreme(tables: WorldTables, amount: Floats) -> float:
    """The largest lifetime amount of any policy, from any state."""
    rows, value = tables.rows["true"], np.zeros(len(tables.states))
    for _ in range(tables.world.lifespan):
        ahead = np.add.reduceat(rows.chances * value[rows.successors], rows.offsets[:-1])
        value = np.maximum.reduceat(amount + ahead, rows.first[:-1])
    return float(value.max())
