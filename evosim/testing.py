"""Checks for the tests of worlds and genomes, those of evosim and those of other packages.

    def test_my_world() -> None:
        check_world(ENTRY, modern={"bright_feeds": 0.1})

A check that fails raises `AssertionError` with one line: what is required, and what was found.
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
from evosim.analysis.shared_cache import gaps_of_pair
from evosim.fitness.scorer import Scorer
from evosim.genomes import GENOMES, LocusParams, WorldShape
from evosim.reference.dynamic_programming import extreme_values, lifetime
from evosim.reference.policies import policy_of
from evosim.worlds import WORLDS, InvalidWorld, TabularMdp, WorldPair

Floats = NDArray[np.float64]
Choose = Callable[[int, int], list[int]]  # age and state -> acts of equal probability
MAX_POLICIES = 1_000_000
MAX_CLASSES = 10_000
SAMPLE_SIZE = 4  # genomes of each kind that are compared in a world
TOLERANCE = 1e-9
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
    """Check a world as evosim checks its own.

    The checks require:

    * a unit and a reason for every parameter;
    * equal worlds if no parameter differs;
    * `InvalidWorld` for numbers out of range, unknown names, and changes of structural parameters;
    * acts in `serves` for every feature, an act for every observation class, and the belief
      `ancestral`;
    * an ancestral world in which policies differ;
    * equal values of reflexes and planners in kernels and reference code, between those of the
      worst and the best policy.

    Probabilities, shapes and names are checked whenever a world is built.

    Parameters
    ----------
    entry : evosim.worlds.Entry
        The world.
    ancestral : mapping or None
        Parameters of the ancestral world that differ from the defaults.
    modern : mapping or None
        Parameters of the modern world that differ from the ancestral ones.

    Returns
    -------
    WorldPair
        The pair with these parameters.

    Raises
    ------
    AssertionError
        If a check fails.
    UserError, InvalidWorld
        If the pair cannot be built.
    """
    ancestral, modern = dict(ancestral or {}), dict(modern or {})
    _check_documented(entry.params)
    _check_same_without_swap(entry, ancestral)
    _check_refusals(entry, ancestral)
    pair = entry.build(entry.params(**ancestral), modern)
    _check_complete(pair)
    gaps_of_pair(pair)
    _check_sample_genomes(pair)
    return pair


def check_genome(
    entry: genomes.Entry, *, params: Any = None, pair: WorldPair | None = None
) -> genomes.Genome:
    """Check a genome as evosim checks its own.

    The checks require, for the first 10,000 classes:

    * genotypes of a class that express this class;
    * one rule per class, which does not depend on the other classes of the call;
    * rules that keep their keys when a part of them is taken;
    * a share of fitness in [0, 1] that is left after upkeep;
    * equal values of some genomes in the kernels and in the reference code.

    Parameters
    ----------
    entry : evosim.genomes.Entry
        The genome.
    params : object or None
        Parameters of the genome; None: the defaults.
    pair : WorldPair or None
        The world; None: `micro`.

    Returns
    -------
    evosim.genomes.Genome
        The genome, built for the world.

    Raises
    ------
    AssertionError
        If a check fails.
    InvalidGenome
        If the genome cannot be built.
    """
    pair = pair or WORLDS["micro"].build(WORLDS["micro"].params(), MICRO)
    genome = entry.build(entry.params() if params is None else params, world_shape(pair))
    grid = genome.grid
    _require(grid.size >= 1, f"{genome.name}: a grid must have a class, but has none")
    classes = np.arange(min(grid.size, MAX_CLASSES))
    expressed = grid.classes(grid.genotypes(classes))
    _require(
        np.array_equal(expressed, classes),
        f"{genome.name}: genotypes of a class must express this class, but those of"
        f" {_first(expressed != classes)} do not",
    )
    _check_rules(genome, classes)
    sample = np.random.default_rng(0).integers(0, grid.size, size=SAMPLE_SIZE)
    _check_values(pair, genome.decode(sample), genome.name)
    return genome


def _check_rules(genome: genomes.Genome, classes: NDArray[np.int64]) -> None:
    """Check the decision rules of some classes: their number, upkeep and keys."""
    rules = genome.decode(classes)
    _require(
        len(rules) == len(classes),
        f"{genome.name}: every class must decode to one rule, but {len(classes)} classes gave"
        f" {len(rules)}",
    )
    retained = np.asarray(rules.fitness_retained)
    _require(
        retained.shape == (len(classes),),
        f"{genome.name}: fitness_retained must have shape ({len(classes)},), but has"
        f" {retained.shape}",
    )
    _require(
        bool(((retained >= 0.0) & (retained <= 1.0)).all()),
        f"{genome.name}: fitness_retained must be shares of fitness in [0, 1], but reaches from"
        f" {retained.min()} to {retained.max()}",
    )
    reverse = rules.take(classes[::-1].copy())
    keys = [rules.key(i) for i in range(len(classes))]
    _require(
        [reverse.key(i) for i in range(len(classes))] == keys[::-1],
        f"{genome.name}: rules that are taken must keep their keys, but do not",
    )
    alone = [genome.decode(classes[i : i + 1]).key(0) for i in range(min(len(classes), 50))]
    _require(
        alone == keys[: len(alone)],
        f"{genome.name}: a class must decode to the same rule alone and with other classes, but"
        " does not",
    )


def world_shape(pair: WorldPair) -> WorldShape:
    """The names of a world from which a genome is built."""
    a = pair.ancestral
    return WorldShape(
        a.features, tuple(a.beliefs), pair.options(), a.lifespan, cue=pair.cue is not None
    )


def lifetime_by_paths(world: TabularMdp, choose: Choose, amount: Floats) -> float:
    """Expected lifetime amount of a policy, by a walk along every path.

    Parameters
    ----------
    world : TabularMdp
        A small world.
    choose : callable
        `choose(age, state)` gives indices of acts of equal probability.
    amount : numpy.ndarray
        `[S, A]` payoff or intent.

    Returns
    -------
    float
        The amount, in the unit of payoff.
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
    """Every deterministic policy: an act for each age and state."""
    cells = [(t, s) for t in range(world.lifespan) for s in range(len(world.states))]
    for chosen in itertools.product(
        *(np.flatnonzero(world.available[s]).tolist() for _, s in cells)
    ):
        yield _follow(dict(zip(cells, chosen, strict=True)))


def best_by_enumeration(world: TabularMdp, amount: Floats | None = None) -> float:
    """Lifetime amount of the best policy, by enumeration of all policies.

    Parameters
    ----------
    world : TabularMdp
        A small world.
    amount : numpy.ndarray or None
        `[S, A]` payoff or intent; None: `world.payoff`.

    Returns
    -------
    float
        The amount, in the unit of payoff.

    Raises
    ------
    ValueError
        For more than a million policies.
    """
    count = math.prod(int(n) for n in world.available.sum(axis=1)) ** world.lifespan
    if count > MAX_POLICIES:
        raise ValueError(
            f"{world.name} must have at most {MAX_POLICIES:,} policies to try them all, but has"
            f" {count:,}. Shorten the lifespan."
        )
    table = world.payoff if amount is None else amount
    return max(lifetime_by_paths(world, choose, table) for choose in all_policies(world))


def _follow(table: dict[tuple[int, int], int]) -> Choose:
    return lambda t, s: [table[t, s]]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _first(wrong: NDArray[np.bool_]) -> str:
    return f"class {np.flatnonzero(wrong)[:1].tolist()}"


def _check_documented(params: type[Any]) -> None:
    for item in dataclasses.fields(params):
        for what in ("unit", "why"):
            _require(
                bool(item.metadata.get(what)),
                f"{params.__name__}.{item.name} must have a {what}, but has none. Use"
                " evosim.worlds.parameters.number or probability",
            )


def _check_same_without_swap(entry: worlds.Entry, ancestral: dict[str, Any]) -> None:
    pair = entry.build(entry.params(**ancestral), {})
    for name in ARRAYS:
        same = np.array_equal(getattr(pair.ancestral, name), getattr(pair.modern, name))
        _require(
            same,
            f"{pair.name}: both worlds must be equal if no parameter differs, but differ in {name}",
        )


def _check_refusals(entry: worlds.Entry, ancestral: dict[str, Any]) -> None:
    """Check that invalid parameters raise `InvalidWorld`."""
    params = entry.params(**ancestral)
    for item in dataclasses.fields(params):
        for end, step in (("low", -1), ("high", 1)):
            if (bound := item.metadata.get(end)) is not None:
                bad = dataclasses.replace(params, **{item.name: bound + step})
                _check_refusal(
                    entry,
                    bad,
                    {},
                    f"world.ancestral.{item.name} must",
                    f"{item.name} = {bound + step}, which is out of range,",
                )
    _check_refusal(
        entry, params, {"nonsense": 1}, "has 'nonsense'", "a parameter that it does not have"
    )
    for item in dataclasses.fields(params):
        value = getattr(params, item.name)
        if (
            item.metadata.get("structural")
            and isinstance(value, int | float)
            and not isinstance(value, bool)
        ):
            _check_refusal(
                entry,
                params,
                {item.name: value + 1},
                f"world.modern.{item.name} must be left alone",
                f"another {item.name} in the modern world",
            )


def _check_refusal(
    entry: worlds.Entry, params: Any, modern: dict[str, Any], words: str, what: str
) -> None:
    """Check that the parameters raise `InvalidWorld` with these words in its message."""
    try:
        entry.build(params, modern)
    except InvalidWorld as error:
        _require(
            words in str(error),
            f"{type(params).__name__} must refuse {what} with '{words} ...', but says '{error}'."
            " Use evosim.worlds.parameters.modern_params",
        )
    else:
        raise AssertionError(
            f"{type(params).__name__} must refuse {what} but takes it. Use"
            " evosim.worlds.parameters.modern_params"
        )


def _check_complete(pair: WorldPair) -> None:
    features, serves = set(pair.ancestral.features), set(pair.serves)
    _require(
        serves == features,
        f"{pair.name}: serves must have an entry for every feature, but has none for"
        f" {sorted(features - serves)}",
    )
    empty = [name for name, acts in pair.options().items() if not acts]
    _require(
        not empty,
        f"{pair.name}: every observation class must have an act that is available in all of its"
        f" states, but {empty} have none. Split these classes",
    )
    _require(
        "ancestral" in pair.modern.beliefs,
        f"{pair.name}: both worlds must offer the belief 'ancestral' (the ancestral transitions),"
        " but do not",
    )
    same = np.array_equal(pair.ancestral.beliefs["ancestral"], pair.ancestral.transitions)
    _require(
        same, f"{pair.name}: the belief 'ancestral' must be true in the ancestral world, but is not"
    )


def _check_sample_genomes(pair: WorldPair) -> None:
    """Check that kernels and reference code agree on some reflexes and planners."""
    shape = world_shape(pair)
    weights = {feature: LocusParams((-1.0, 0.0, 1.0)) for feature in shape.features}
    horizons = LocusParams(tuple(sorted({1.0, min(3.0, float(shape.lifespan))})))
    planner = GENOMES["planner"]
    sample = [
        GENOMES["reflex"].build(GENOMES["reflex"].params(), shape),
        planner.build(
            planner.params(
                weights=weights, horizon=horizons, belief=LocusParams(("true", "ancestral"))
            ),
            shape,
        ),
    ]
    rng = np.random.default_rng(0)
    for genome in sample:
        classes = rng.integers(0, genome.grid.size, size=SAMPLE_SIZE)
        _check_values(pair, genome.decode(classes), f"{pair.name} ({genome.name})")


def _check_values(pair: WorldPair, rules: genomes.Rules, owner: str) -> None:
    """Check that kernels and reference code agree on the lifetime payoff and intent of rules."""
    for world in (pair.ancestral, pair.modern):
        scores = Scorer(world, pair).score(rules)
        for i in range(len(rules)):
            policy = policy_of(rules, i, world, pair)
            for name, amount, value in (
                ("payoff", world.payoff, scores.payoff[i]),
                ("intent", world.intent, scores.intent[i]),
            ):
                expected = lifetime(world, policy, amount)
                _require(
                    math.isclose(value, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE),
                    f"{owner}: kernels and reference code must agree on a life's {name} in"
                    f" {world.name}, but find {value} and {expected}",
                )
                worst, best = (
                    float(world.start @ extreme_values(world, amount, worst=worst)[0][0])
                    for worst in (True, False)
                )
                margin = TOLERANCE * max(1.0, abs(worst), abs(best))
                _require(
                    worst - margin <= value <= best + margin,
                    f"{owner}: a life's {name} must lie between worst and best ({worst}..{best}),"
                    f" but is {value}",
                )
