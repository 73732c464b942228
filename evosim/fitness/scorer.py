"""Exact lifetime payoff and intent of decision rules in a world. Equal behaviour is evaluated once.

Two policies are equal behaviours if they differ only in unreachable states. Each behaviour is
evaluated once while it is in the scorer's cache. Policies never depend on the precision, because
planning and all evaluations for accounts are in double precision. Single precision serves searches;
`single_error` bounds its error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evosim.fitness.act_sets import COMPILED, PolicyCompiler, chunks_for, grouped
from evosim.fitness.cache import BehaviourCache, Floats, Ints, Words
from evosim.fitness.world_arrays import WorldTables
from evosim.genomes import Rules
from evosim.kernels import policy_dedup, softmax
from evosim.kernels.evaluate import evaluate
from evosim.kernels.simd import DOUBLE, SETS, SINGLE
from evosim.kernels.world_layout import ActSets, LifeCourse
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp, WorldPair

BLOCK_BYTES = 32 * 2**20
STORE_BYTES = 256 * 2**20
SAMPLE, LEAST_EQUAL, MOST_SAMPLED = 256, 0.1, 2**16


@dataclass(frozen=True, eq=False)
class Scores:
    """Lifetime amounts of a batch of rules in one world.

    Attributes
    ----------
    payoff, intent : ndarray
        `[n]` expected lifetime amounts, gross of upkeep.
    fitness_retained : ndarray
        `[n]` share that is left after upkeep: fitness is `payoff * fitness_retained`.
    policy : ndarray
        `[n]` names of behaviours, hashes of 63 bits. Equal names act alike at every age in all
        reachable states. Empty if names were not requested.
    payoff_by_case : ndarray
        `[n, C]` lifetime payoff of those born in each case; no columns without cases.
    """

    payoff: Floats
    intent: Floats
    fitness_retained: Floats
    policy: Ints
    payoff_by_case: Floats

    @property
    def fitness(self) -> Floats:
        """`[n]` expected offspring, net of upkeep."""
        return self.payoff * self.fitness_retained

    @property
    def fitness_by_case(self) -> Floats:
        """`[n, C]` expected offspring of those born in each case, net of upkeep."""
        return self.payoff_by_case * self.fitness_retained[:, None]

    @property
    def net_intent(self) -> Floats:
        """`[n]` intent, net of upkeep."""
        return self.intent * self.fitness_retained


class Scorer:
    """Scores rules in one world, and if requested in each of its cases, with a bounded cache.

    Parameters
    ----------
    world, pair : TabularMdp, WorldPair
        The world and its pair.
    precision : str
        `double`, or `single` for searches.
    store_bytes : int
        Memory of the cache.
    cases : bool
        Whether to score those born in each case of the world.
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
        self._compiler = PolicyCompiler(self.tables, pair)
        self._caches: dict[int, BehaviourCache] = {}
        self._sampled: set[int] = set()

    def score(self, rules: Rules, *, named: bool = True) -> Scores:
        """Exact lifetime amounts of rules, and names of their behaviours.

        Parameters
        ----------
        rules : Rules
            `n` rules.
        named : bool
            Whether names are needed. Without names, a batch with few equal behaviours is not
            searched for equal ones. That would cost more than it saves. No number depends on it.

        Returns
        -------
        Scores
            In single precision within `single_error` of the exact amounts.
        """
        n = len(rules)
        amounts, policy = np.empty((n, self.columns)), np.empty(n, dtype=np.int64)
        soft = _has_temperature(rules)
        if type(rules) not in COMPILED:
            amounts, policy = self._written_out(rules)
        elif soft.any():
            for index, score in (
                (np.flatnonzero(soft), self._softmax),
                (np.flatnonzero(~soft), self._sets),
            ):
                if index.size:
                    amounts[index], policy[index] = score(rules.take(index))
        else:
            amounts, policy = self._sets(rules, named=named)
        intent = self.columns - self._births
        return Scores(
            amounts[:, 0],
            amounts[:, intent],
            rules.fitness_retained,
            policy,
            amounts[:, 1 : self._births],
        )

    def forget(self) -> None:
        """Drop all cached behaviours. No number depends on it."""
        self._sampled.clear()
        for cache in self._caches.values():
            cache.forget()

    def policies(self, rules: Rules) -> Floats:
        """`[n, L, S, A]`: chances of acts; 0 in unreachable states."""
        kind, world = type(rules), self.tables.world
        if kind not in COMPILED:
            return np.stack([policy_of(rules, i, world, self.pair) for i in range(len(rules))])
        words, plans, depths = self._compiler.act_sets(rules)
        levels = np.minimum(np.arange(words.shape[1])[None, :], depths[:, None] - 1)
        chosen = self.tables.act_sets(words[plans[:, None], levels].view(np.uint8))
        out = np.asarray(chosen / np.maximum(chosen.sum(axis=3, keepdims=True), 1))
        soft = np.flatnonzero(_has_temperature(rules))
        if soft.size:
            out[soft] = 0.0
            chances = self._compiler.softmax_chances(rules.take(soft))
            for i, policy in zip(soft, chances, strict=True):
                out[i][:, self.tables.row_state, self.tables.row_act] = policy
        return out

    @cached_property
    def single_error(self) -> float:
        """Bound on the error of a lifetime amount in single precision.

        Each of the `T` sweeps rounds a chain of at most `m + 1` products and sums, and chances and
        amounts once. Each rounding is at most `u = 2^-24` times the sum of the chain. That sum is
        at most `V`, the largest amount of any policy. Earlier errors are averaged and do not grow,
        except for chances that sum to at most `1 + u`. Amounts are in a unit of about `V`, so that
        nothing overflows; an underflow is smaller than `u`.
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
        """Amounts and names of rules with act sets, a block of bounded memory at a time."""
        n = len(rules)
        if n == 0:
            return np.empty((0, self.columns)), np.empty(0, dtype=np.int64)
        levels = self._compiler.levels(rules)
        tables = COMPILED[type(rules)].tables
        block = max(1024, BLOCK_BYTES // (levels * self.tables.cells * tables))
        cache = self._caches.get(levels)
        if cache is None:
            capacity = max(4 * block, self._store_bytes // (levels * self.tables.cells))
            cache = self._caches[levels] = BehaviourCache(self, levels, capacity)
        parts = []
        for first in range(0, n, block):
            some = rules.take(np.arange(first, min(n, first + block))) if n > block else rules
            acts = self._compiler.act_sets(some)
            direct = not named and self._all_differ(acts)
            parts.append(self._direct(some, acts) if direct else cache.fitness_of(some, acts))
        if len(parts) == 1:
            return parts[0]
        policy = np.concatenate([policy for _, policy in parts])
        return np.concatenate([amounts for amounts, _ in parts]), (
            policy if len(policy) == n else policy[:0]
        )

    def _all_differ(self, acts: ActSets) -> bool:
        """Whether few rules of a batch act like others or like earlier batches, by a sample."""
        n = len(acts.plans)
        if n < 4 * SAMPLE:
            return False
        index = np.arange(0, n, n // SAMPLE)
        _, hashes = self._reduce("sample", acts, index)
        names = set(hashes.tolist())
        new = len(names - self._sampled)
        if len(self._sampled) > MOST_SAMPLED:
            self._sampled.clear()
        self._sampled |= names
        return new > (1.0 - LEAST_EQUAL) * len(index)

    def _direct(self, rules: Rules, acts: ActSets) -> tuple[Floats, Ints]:
        """Amounts of rules `[n, .]`, each evaluated by itself, and no names."""
        points = COMPILED[type(rules)].points(rules, np.arange(len(rules)))
        return self.evaluate(*acts, points), np.empty(0, dtype=np.int64)

    def behaviours(
        self, rules: Rules, acts: ActSets | None = None
    ) -> tuple[Ints, Words, Words, Floats]:
        """Distinct behaviours of rules.

        Parameters
        ----------
        rules : Rules
            `n` rules of a kind in `COMPILED`.
        acts : ActSets or None
            Their act sets, if these are known.

        Returns
        -------
        `[n]` the behaviour of each rule; behaviours `[m, L, W]`; their hashes `[m]`; and points
            `[m, .]` for `evaluate`. Some behaviours may be equal.
        """
        acts = self._compiler.act_sets(rules) if acts is None else acts
        groups, first = grouped(*acts)
        out, hashes = self._reduce("behaviours", acts, first)
        return groups, out, hashes, COMPILED[type(rules)].points(rules, first)

    def _reduce(self, scratch: str, acts: ActSets, index: Ints) -> tuple[Words, Words]:
        """Behaviours `[m, L, W]` of the policies at `index [m]`, and their hashes."""
        t, n = self.tables, len(index)
        out = self._compiler.scratch(scratch, n, acts.words.shape[1])
        hashes = np.empty(n, dtype=np.uint64)
        policy_dedup.reduce(
            ActSets(acts.words, acts.plans[index], acts.depths[index]),
            t.rows["true"],
            t.start,
            t.stride,
            chunks_for(n, SETS),
            out,
            hashes,
        )
        return out, hashes

    def evaluate(self, words: Words, plans: Ints, depths: Ints, points: Floats) -> Floats:
        """Lifetime amounts `[n, .]` of policies, by amount, then by birth.

        Policy `i` is row `plans[i]` of `words`, with its first `depths[i]` levels.
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
            ActSets(words, plans, depths),
            order,
            amounts,
            rows,
            LifeCourse(t.start, t.start_chances, t.world.lifespan),
            chunks,
            out,
        )
        self.evaluated += n
        return out * scale if scale != 1.0 else out

    @cached_property
    def _in_single(self) -> tuple[Any, NDArray[np.float32], float]:
        """True rows, amounts in a unit of about the largest lifetime amount, and that unit.

        Chances and amounts are in single precision.
        """
        rows, largest = self.tables.rows["true"], self._largest
        unit = 2.0 ** float(np.round(np.log2(largest))) if largest > 0.0 else 1.0
        return (
            rows._replace(chances=rows.chances.astype(np.float32)),
            (self.tables.amounts / unit).astype(np.float32),
            unit,
        )

    @cached_property
    def _largest(self) -> float:
        """The largest lifetime amount, in size, of any policy from any state."""
        return max(_extreme(self.tables, np.abs(amount)) for amount in self.tables.amounts)

    def _softmax(self, rules: Rules) -> tuple[Floats, Ints]:
        """Amounts and names of softmax planners."""
        t, n = self.tables, len(rules)
        out, policy = np.empty((n, self.columns)), np.empty(n, dtype=np.int64)
        levels = rules.planners()[0].levels
        block = max(1, BLOCK_BYTES // (8 * levels * len(t.row_state)))
        for first in range(0, n, block):
            index = np.arange(first, min(n, first + block))
            chances = self._compiler.softmax_chances(rules.take(index))
            out[index], policy[index] = self._amounts(chances), [_name(p) for p in chances]
        return out, policy

    def _written_out(self, rules: Rules) -> tuple[Floats, Ints]:
        """Amounts and names of policies that are given as chances of acts."""
        t = self.tables
        chances = np.ascontiguousarray(
            self.policies(rules)[:, : t.world.lifespan, t.row_state, t.row_act]
        )
        policy = np.array([_name(rows) for rows in chances], dtype=np.int64)
        return self._amounts(chances), policy

    def _amounts(self, chances: Floats) -> Floats:
        """`[n, .]` lifetime amounts of policies, given as chances `[n, L, R]` of rows."""
        t, out = self.tables, np.empty((len(chances), self.columns))
        softmax.evaluate(
            chances, t.amounts, t.rows["true"], t.start, t.start_chances, t.world.lifespan, out
        )
        self.evaluated += len(chances)
        return out


def _has_temperature(rules: Rules) -> NDArray[np.bool_]:
    """`[n]`: whether rules draw their first act from a softmax."""
    planners = rules.planners()
    return planners[0].temperature > 0 if planners else np.zeros(len(rules), dtype=np.bool_)


def _name(policy: Floats) -> int:
    return int.from_bytes(blake2b(policy.tobytes(), digest_size=8).digest(), "little") >> 1


def _extreme(tables: WorldTables, amount: Floats) -> float:
    """The largest lifetime amount of any policy, from any state."""
    rows, value = tables.rows["true"], np.zeros(len(tables.states))
    for _ in range(tables.world.lifespan):
        ahead = np.add.reduceat(rows.chances * value[rows.successors], rows.offsets[:-1])
        value = np.maximum.reduceat(amount + ahead, rows.first[:-1])
    return float(value.max())
