"""Testing: what evosim asks of its own worlds and genomes, as checks for the tests of anybody's.

    def test_my_world() -> None:
        check_world(ENTRY, modern={"bright_feeds": 0.1})

A check that fails raises `AssertionError`, which says in a line what was asked and what was found
instead.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim import genomes, worlds
from evosim.analysis.account import gaps_of_pair
from evosim.fitness.scorer import Scorer
from evosim.genomes import GENOMES, LocusParams, WorldShape
from evosim.reference.dynamic_programming import extreme_values, lifetime
from evosim.reference.policies import policy_of
from evosim.worlds import WORLDS, InvalidWorld, TabularMdp, WorldPair

Floats = NDArray[np.float64]
Choose = Callable[[int, int], list[int]]  # age and state to acts of equal chance
MOST_POLICIES = 1_000_000
MOST_CLASSES = 10_000
TRIED = 4  # genomes of each kind that live in a world
CLOSE = 1e-9
MICRO = {"safe_breeding": True, "breed_danger": 0.3, "display_payoff": 0.3}
ARRAYS = ("available", "transitions", "payoff", "intent", "features_felt", "start")

__all__ = [
    "all_policies",
    "best_by_enumeration",
    "check_genome",
    "check_world",
    "lifetime_by_paths",
    "world_shape",
]


def check_world(
    entry: worlds.Entry,
    *,
    ancestral: Mapping[str, Any] | None = None,
    modern: Mapping[str, Any] | None = None,
) -> WorldPair:
    """Check a world as evosim checks its own, and return the pair.

    Probabilities, shapes and names are checked whenever one is built.

    `ancestral` replaces default parameters, `modern` is what differs after the swap. Asked are: a
    unit and a reason beside every parameter; equal worlds without a swap; refusals (`InvalidWorld`)
    of numbers out of their ranges, unknown names and changes of what both worlds share; a feature
    that is sought by known acts, an act for whoever only reacts, the belief `ancestral`; an
    ancestral world in which policies differ; and that reflexes and planners are worth the same to
    the kernels as to the readable code, between worst and best.

    Raises `AssertionError`, and `UserError` or `InvalidWorld` where it cannot be built.
    """
    before, after = dict(ancestral or {}), dict(modern or {})
    _documented(entry.params)
    _same_without_swap(entry, before)
    _refuses(entry, before)
    pair = entry.build(entry.params(**before), after)
    _complete(pair)
    gaps_of_pair(pair)
    _lived_in(pair)
    return pair


def check_genome(
    entry: genomes.Entry, *, params: Any = None, pair: WorldPair | None = None
) -> genomes.Genome:
    """Check a genome as evosim checks its own, and return it, built over a world (default:
    `micro`).

    Asked are: that every class (of the first 10,000) decodes to one rule, the same in whatever
    company; that it can be taken apart and named; that upkeep leaves a share of fitness in [0, 1];
    that alleles of every class express that class; and that what lives in the world is worth the
    same to the kernels as to the readable code.

    Raises `AssertionError`, and `InvalidGenome` where it cannot be built.
    """
    pair = pair or WORLDS["micro"].build(WORLDS["micro"].params(), MICRO)
    genome = entry.build(entry.params() if params is None else params, world_shape(pair))
    grid = genome.grid
    _ask(grid.size >= 1, f"{genome.name}: a grid must have a class, but has none")
    classes = np.arange(min(grid.size, MOST_CLASSES))
    found = grid.classes(grid.genotypes(classes))
    _ask(
        np.array_equal(found, classes),
        f"{genome.name}: genotypes must express the class they are asked for, but"
        f" {_first(found != classes)} does not",
    )
    rules = genome.decode(classes)
    _ask(
        len(rules) == len(classes),
        f"{genome.name}: every class must decode to one rule, but {len(classes)} classes gave"
        f" {len(rules)}",
    )
    kept = np.asarray(rules.fitness_retained)
    _ask(
        kept.shape == (len(classes),),
        f"{genome.name}: kept must have shape ({len(classes)},), but has {kept.shape}",
    )
    _ask(
        bool(((kept >= 0.0) & (kept <= 1.0)).all()),
        f"{genome.name}: kept must be shares of fitness in [0, 1], but reaches from {kept.min()} to"
        f" {kept.max()}",
    )
    index = classes[::-1].copy()
    backwards = rules.take(index)
    keys = [rules.key(i) for i in range(len(classes))]
    _ask(
        [backwards.key(i) for i in range(len(index))] == keys[::-1],
        f"{genome.name}: rules that are taken must keep their keys, but do not",
    )
    alone = [genome.decode(classes[i : i + 1]).key(0) for i in range(min(len(classes), 50))]
    _ask(
        alone == keys[: len(alone)],
        f"{genome.name}: a class must decode alike in any company, but does not",
    )
    some = np.random.default_rng(0).integers(0, grid.size, size=TRIED)
    _agree(pair, genome.decode(some), genome.name)
    return genome


def world_shape(pair: WorldPair) -> WorldShape:
    """The little of a world that a genome is built over."""
    a = pair.ancestral
    return WorldShape(
        a.features, tuple(a.beliefs), pair.options(), a.lifespan, cue=pair.cue is not None
    )


def lifetime_by_paths(world: TabularMdp, choose: Choose, amount: Floats) -> float:
    """Expected lifetime amount (`payoff` or `intent`, `[S, A]`) by walking every path; `choose(age,
    state)` gives acts of equal chance.
    """

    def walk(t: int, s: int) -> float:
        if t == world.lifespan:
            return 0.0
        options = choose(t, s)
        total = 0.0
        for a in options:
            ahead = sum(p * walk(t + 1, x) for x, p in enumerate(world.transitions[s, a]) if p)
            total += (amount[s, a] + ahead) / len(options)
        return total

    return float(sum(p * walk(0, s) for s, p in enumerate(world.start)))


def all_policies(world: TabularMdp) -> Iterator[Choose]:
    """Every policy without chance: an act for each age and state."""
    cells = [(t, s) for t in range(world.lifespan) for s in range(len(world.states))]
    for chosen in itertools.product(
        *(np.flatnonzero(world.available[s]).tolist() for _, s in cells)
    ):
        yield _follow(dict(zip(cells, chosen, strict=True)))


def best_by_enumeration(world: TabularMdp, amount: Floats | None = None) -> float:
    """What the best of all policies gets in a life (of `payoff`, unless another `amount` `[S, A]`
    is given), by trying every one.

    Raises `ValueError` for more than a million of them.
    """
    many = math.prod(int(n) for n in world.available.sum(axis=1)) ** world.lifespan
    if many > MOST_POLICIES:
        raise ValueError(
            f"{world.name} must have at most {MOST_POLICIES:,} policies to try them all, but has"
            f" {many:,}. Shorten the lifespan."
        )
    table = world.payoff if amount is None else amount
    return max(lifetime_by_paths(world, choose, table) for choose in all_policies(world))


def _follow(table: dict[tuple[int, int], int]) -> Choose:
    return lambda t, s: [table[t, s]]


def _ask(kept: bool, words: str) -> None:
    if not kept:
        raise AssertionError(words)


def _first(wrong: NDArray[np.bool_]) -> str:
    return f"class {np.flatnonzero(wrong)[:1].tolist()}"


def _documented(params: type[Any]) -> None:
    for item in dataclasses.fields(params):
        for what in ("unit", "why"):
            _ask(
                bool(item.metadata.get(what)),
                f"{params.__name__}.{item.name} must have a {what}, but has none. Use"
                " evosim.worlds.parameters.number or probability",
            )


def _same_without_swap(entry: worlds.Entry, before: dict[str, Any]) -> None:
    pair = entry.build(entry.params(**before), {})
    for name in ARRAYS:
        same = np.array_equal(getattr(pair.ancestral, name), getattr(pair.modern, name))
        _ask(
            same,
            f"{pair.name}: both worlds must be equal if nothing is swapped, but differ in {name}",
        )


def _refuses(entry: worlds.Entry, before: dict[str, Any]) -> None:
    params = entry.params(**before)
    for item in dataclasses.fields(params):
        for end, step in (("low", -1), ("high", 1)):
            if (bound := item.metadata.get(end)) is not None:
                bad = dataclasses.replace(params, **{item.name: bound + step})
                _refused(
                    entry,
                    bad,
                    {},
                    f"world.ancestral.{item.name} must",
                    f"{item.name} = {bound + step}, which is out of range,",
                )
    _refused(entry, params, {"nonsense": 1}, "has 'nonsense'", "a parameter that it does not have")
    for item in dataclasses.fields(params):
        value = getattr(params, item.name)
        if (
            item.metadata.get("structural")
            and isinstance(value, int | float)
            and not isinstance(value, bool)
        ):
            _refused(
                entry,
                params,
                {item.name: value + 1},
                f"world.modern.{item.name} must be left alone",
                f"another {item.name} in the modern world",
            )


def _refused(
    entry: worlds.Entry, params: Any, modern: dict[str, Any], words: str, what: str
) -> None:
    try:
        entry.build(params, modern)
    except InvalidWorld as error:
        _ask(
            words in str(error),
            f"{type(params).__name__} must refuse {what} with '{words} ...', but says '{error}'."
            " Use evosim.worlds.parameters.modern_params",
        )
    else:
        raise AssertionError(
            f"{type(params).__name__} must refuse {what} but takes it. Use"
            " evosim.worlds.parameters.modern_params"
        )


def _complete(pair: WorldPair) -> None:
    features, serves = set(pair.ancestral.features), set(pair.serves)
    _ask(
        serves == features,
        f"{pair.name}: serves must have an entry for every feature, but has not for"
        f" {sorted(features - serves)}",
    )
    empty = [name for name, acts in pair.options().items() if not acts]
    _ask(
        not empty,
        f"{pair.name}: every observation class must have an act that is available throughout it,"
        f" but {empty} have none. Split them",
    )
    _ask(
        "ancestral" in pair.modern.beliefs,
        f"{pair.name}: both worlds must offer the belief 'ancestral' (the ancestral transitions),"
        " but do not",
    )
    same = np.array_equal(pair.ancestral.beliefs["ancestral"], pair.ancestral.transitions)
    _ask(
        same, f"{pair.name}: the belief 'ancestral' must be true in the ancestral world, but is not"
    )


def _lived_in(pair: WorldPair) -> None:
    """Kernels and the readable code agree on some reflexes and planners, in both worlds."""
    shape = world_shape(pair)
    weights = {feature: LocusParams((-1.0, 0.0, 1.0)) for feature in shape.features}
    horizons = LocusParams(tuple(sorted({1.0, min(3.0, float(shape.lifespan))})))
    planner = GENOMES["planner"]
    made = [
        GENOMES["reflex"].build(GENOMES["reflex"].params(), shape),
        planner.build(
            planner.params(
                weights=weights, horizon=horizons, belief=LocusParams(("true", "ancestral"))
            ),
            shape,
        ),
    ]
    rng = np.random.default_rng(0)
    for genome in made:
        _agree(
            pair,
            genome.decode(rng.integers(0, genome.grid.size, size=TRIED)),
            f"{pair.name} ({genome.name})",
        )


def _agree(pair: WorldPair, rules: genomes.Rules, whose: str) -> None:
    for world in (pair.ancestral, pair.modern):
        found = Scorer(world, pair).score(rules)
        for i in range(len(rules)):
            policy = policy_of(rules, i, world, pair)
            for name, amount, worth in (
                ("payoff", world.payoff, found.payoff[i]),
                ("intent", world.intent, found.intent[i]),
            ):
                expected = lifetime(world, policy, amount)
                _ask(
                    math.isclose(worth, expected, rel_tol=CLOSE, abs_tol=CLOSE),
                    f"{whose}: kernels and readable code must agree on a life's {name} in"
                    f" {world.name}, but find {worth} and {expected}",
                )
                worst, best = (
                    float(world.start @ extreme_values(world, amount, worst=worst)[0][0])
                    for worst in (True, False)
                )
                room = CLOSE * max(1.0, abs(worst), abs(best))
                _ask(
                    worst - room <= worth <= best + room,
                    f"{whose}: a life's {name} must lie between worst and best ({worst}..{best}),"
                    f" but is {worth}",
                )
