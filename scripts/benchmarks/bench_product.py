"""The product's side of the benchmark: the reference job, an evolved population for it, large
grids, and what was spared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import bench_job
import numpy as np
import polars as pl
from bench_job import Floats, Ints

from evosim.claims.experiments import build_packaged
from evosim.config.resolve import Problem
from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.genomes import LocusParams, PlannerRules, WorldShape
from evosim.genomes.planner import Planner, build
from evosim.kernels import policy_dedup
from evosim.optimizers.params import Sexual
from evosim.optimizers.wright_fisher import SexualPopulation
from evosim.simulation.loop import simulate
from evosim.verify.engine import markers
from evosim.worlds import TabularMdp, WorldPair

# The default grid, finer: 9 x 9 x 9 x 17 x 11 weights and 8 horizons.
MILLION = (
    *(
        f"genome.weights.{name}.alleles=[0,0.25,0.5,0.75,1]"
        for name in ("ease", "company", "pleasure")
    ),
    "genome.weights.solo.alleles=[-1,-0.75,-0.5,-0.25,0,0.25,0.5,0.75,1]",
    "genome.weights.young.alleles=[0,0.4,0.8,1.2,1.6,2]",
    "genome.horizon.alleles=[1,2,3,4,5,6,7,8]",
)
ALLELES = (-1.0, -0.5, 0.0, 0.5, 1.0)
GENERATIONS = 300


@cache
def pair() -> WorldPair:
    """The reference job's world, twice: nothing changes."""
    world = bench_job.world()
    return WorldPair(
        "reference job",
        world,
        world,
        np.zeros(bench_job.STATES, dtype=np.int64),
        ("everywhere",),
        world.acts[0],
        {},
    )


def rules_of(weights: Floats, horizons: Ints) -> PlannerRules:
    """Genomes of the reference job as the product takes them."""
    n = len(horizons)
    nothing = np.zeros(n)
    return PlannerRules(
        weights,
        horizons,
        nothing.astype(np.int64),
        nothing,
        ("true",),
        1.0,
        bench_job.TIE,
        "split",
        0.0,
        bench_job.HORIZON,
    )


def scored(rules: PlannerRules, precision: Literal["single", "double"]) -> Callable[[], Floats]:
    """Plan and evaluate, as a run does it, with an empty cache in memory that is used again."""
    scorer = Scorer(bench_job.world(), pair(), precision=precision)

    def run() -> Floats:
        scorer.forget()
        return scorer.score(rules, named=False).payoff

    return run


@cache
def evolved() -> PlannerRules:
    """4096 evolved diploids of the product on the reference job.

    They have the alleles of the packaged experiments, after 300 generations.
    """
    world = bench_job.world()
    weight = LocusParams(ALLELES)
    horizon = LocusParams(tuple(float(h) for h in range(1, bench_job.HORIZON + 1)))
    shape = WorldShape(
        world.features, tuple(world.beliefs), {"everywhere": world.acts}, world.lifespan
    )
    genome = build(
        Planner(weights=dict.fromkeys(world.features, weight), horizon=horizon, discount=1.0), shape
    )
    scorer = Scorer(world, pair())
    population = SexualPopulation(Sexual(population=bench_job.POPULATION), genome.grid, 1)
    for _ in range(GENERATIONS):
        population.tell(scorer.score(genome.decode(genome.grid.classes(population.ask()))).fitness)
    return genome.decode(genome.grid.classes(population.ask()))


def million() -> Problem:
    """The default experiment over a grid of a million classes."""
    return build_packaged("coarse-savanna", *MILLION)


def landscape(problem: Problem, *, whole: bool) -> Landscape:
    """A grid enumerated in both worlds: kept whole, or surveyed."""
    return Landscape(problem, max_classes=10**9 if whole else 1, max_enumerated=10**9)


@dataclass(frozen=True)
class Spared:
    """Cost of a batch of rules without a saving, divided by its cost with it."""

    saving: str
    without: float
    remains: float
    unit: str


def spared(world: TabularMdp, between: WorldPair, rules: PlannerRules) -> list[Spared]:
    """Each saving on its own, in units of work (counted, not timed)."""
    scorer = Scorer(world, between)
    t, n = scorer.tables, len(rules)
    words, plans, _ = scorer._compiler.plans(rules)
    looks, deepest = np.minimum(rules.horizon, world.lifespan), np.zeros(len(words), dtype=np.int64)
    np.maximum.at(deepest, plans, looks)
    groups, reduced, hashes, points = scorer.behaviours(rules)
    reduced = reduced.copy()
    distinct = np.unique(hashes, return_index=True)[1]
    rows = t.rows["true"]
    blocks = rows_by_block(scorer, reduced[distinct], points[distinct], 16)
    unsorted = rows_by_block(scorer, reduced[distinct], None, 16)
    ages = world.lifespan
    return [
        Spared("equal genotypes once", n, len(_distinct(rules)), "genomes"),
        Spared(
            "a longer horizon plans for the others",
            float(looks[_distinct(rules)].sum()),
            float(deepest.sum()),
            "planning sweeps",
        ),
        Spared("equal policies once", n, len(np.unique(groups)), "evaluations"),
        Spared("equal behaviours once", len(np.unique(groups)), len(distinct), "evaluations"),
        Spared("states that cannot be reached", len(world.states), len(t.states), "states"),
        Spared(
            "acts and states that no genome of a block uses",
            len(t.row_state),
            float(np.mean(unsorted)),
            "rows a sweep",
        ),
        Spared(
            "blocks of like policies",
            float(np.mean(unsorted)),
            float(np.mean(blocks)),
            "rows a sweep",
        ),
        Spared(
            "values that no longer change", ages, _sweeps(scorer, reduced[distinct], rows), "sweeps"
        ),
    ]


def rows_by_block(scorer: Scorer, words: Any, points: Floats | None, block: int) -> Ints:
    """Rows that each block of behaviours works out a sweep, in the order of `points` or as they
    stand.
    """
    t = scorer.tables
    acting = t.act_sets(words[:, -1].view(np.uint8))[:, t.row_state, t.row_act]
    order = np.arange(len(words)) if points is None else policy_dedup.alike(points, block)
    return np.array(
        [acting[order[i : i + block]].any(axis=0).sum() for i in range(0, len(order), block)]
    )


def breeder(n: int = bench_job.POPULATION, loci: int = 20) -> Callable[[], object]:
    """One generation of the product's genetics, as a run has it: parents by weight, meiosis,
    mutation.
    """
    population = SexualPopulation(Sexual(population=n), markers(*[None] * loci, mutation=0.01), 1)
    fitness = np.random.default_rng(0).random(n)
    return lambda: population.tell(fitness)


def at_the_swap(problem: Problem) -> PlannerRules:
    """The default experiment's population when its world is swapped."""
    table = (
        simulate(problem, Landscape(problem), 0)
        .tables["populations"]
        .filter(pl.col("moment") == "swap")
    )
    rules = problem.genome.decode(np.repeat(table["class"].to_numpy(), table["count"].to_numpy()))
    assert isinstance(rules, PlannerRules)
    return rules


def _distinct(rules: PlannerRules) -> Ints:
    """Where each distinct genotype stands first."""
    columns = np.column_stack([rules.weights, rules.horizon, rules.belief])
    return np.asarray(np.unique(columns, axis=0, return_index=True)[1])


def _sweeps(scorer: Scorer, words: Any, rows: Any) -> float:
    """Sweeps until the values of all policies repeat exactly, as a plain loop of a few of them
    finds.
    """
    t = scorer.tables
    bits = words[:: max(1, len(words) // 20), -1].view(np.uint8)
    chosen = bits[:, rows.cells] & rows.bits != 0
    state = np.repeat(np.arange(len(t.states)), np.diff(rows.first))
    many = np.maximum(np.add.reduceat(chosen, rows.first[:-1], axis=1), 1)
    value, last = np.zeros((len(bits), len(t.states))), 0
    for sweep in range(1, t.world.lifespan + 1):
        ahead = np.add.reduceat(rows.chances * value[:, rows.successors], rows.offsets[:-1], axis=1)
        share = chosen / many[:, state]
        fresh = np.add.reduceat(share * (t.amounts[0] + ahead), rows.first[:-1], axis=1)
        if not np.array_equal(fresh, value):
            last = sweep
        value = fresh
    return float(last)
