"""Claim 5: deception.

A gate that selection cannot see drifts. The claim measures the cue error that selection needs, the
classification of deceivers and sleepers, and the toy games.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.deception import examined_frame
from evosim.analysis.intervals import share as share_interval
from evosim.claims.claim import Charts, Claim, Part, Row, Tables
from evosim.claims.experiments import packaged, with_genome, with_settings
from evosim.claims.measurements import (
    Measurement,
    exactly,
    mean_over_seeds,
    of_sample,
    share_of_seeds,
)
from evosim.claims.populations import newborn_classes
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.figures.theme import ANCESTRAL, HEIGHT, MODERN, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import lifetime, occupancy
from evosim.reference.policies import policy_of
from evosim.theory.drift import fixation_haploid, kimura_haploid
from evosim.worlds import TabularMdp

Floats = NDArray[np.float64]

APART = 2**40  # of the seeds of cells
ERRORS = (0.0, 0.005, 0.01, 0.02, 0.04, 0.08)
OPEN = "open"
CATASTROPHE = (36, 4)
INHERITANCE, COADAPTED_GENERATIONS = ("asexual", "sexual"), 300
GRID = (
    "world.cue={}",
    "genome.name=gated",
    "genome.weights={A={alleles=[1.0]}, B={alleles=[0.0, 1.5]}}",
    "genome.second={A={alleles=[1.0]}, B={alleles=[0.0, 1.5]}}",
    'genome.gate={alleles=["closed", "open"]}',
)


def fixation(experiment: Experiment, error: float, cell: int) -> pl.DataFrame:
    """One row per seed: whether and when the open gate fixed, and the fitness of both gates.

    Each cell has its own seeds, so that the cells are independent tests.
    """
    setting = with_error(experiment, error)
    fitness = Landscape(setting).fitness(np.arange(2))
    rows = [_run(setting, fitness.ancestral, seed + cell * APART) for seed in experiment.seeds]
    names = ("fitness_closed", "fitness_open", "modern_closed", "modern_open")
    values = (*fitness.ancestral.tolist(), *fitness.modern_intent.tolist())
    return pl.DataFrame(rows).with_columns(
        pl.lit(error).alias("error"),
        *(pl.lit(v).alias(k) for k, v in zip(names, values, strict=True)),
    )


def with_error(experiment: Experiment, error: float) -> Problem:
    """The experiment with a cue that errs in the ancestral world."""
    return build(with_settings(experiment, f"world.cue.ancestral_error={error}"))


def _run(setting: Problem, fitness: Floats, seed: int) -> Row:
    """Simulate one population until one gate is left."""
    swap = setting.experiment.swap
    for generation, classes in enumerate(newborn_classes(setting, fitness.__getitem__, seed, swap)):
        if (classes == classes[0]).all():
            return {"seed": seed, "fixed": bool(classes[0] == 1), "generation": generation}
    return {"seed": seed, "fixed": None, "generation": swap}


def kinds(experiment: Experiment) -> pl.DataFrame:
    """Classify every gated planner of a grid in the world of episodes.

    `expected` is the kind that its loci imply.
    """
    setting = build(experiment)
    examined = examined_frame(setting.genome, np.arange(setting.genome.grid.size), setting.pair)
    return examined.with_columns(
        pl.Series("expected", [_by_loci(row) for row in examined.iter_rows(named=True)])
    )


def _by_loci(row: Mapping[str, float]) -> str:
    """The kind of a genome by its loci, without its behaviour.

    A is wanted with weight 1, B with 0 or 1.5. The discount is 0.95.
    """
    wants_b, hidden_b, gated = (
        row["locus:B"] > 1.0,
        row["locus:second.B"] > 1.0,
        row["locus:gate"] == 1.0,
    )
    waits = row["locus:horizon"] >= 4 and row["locus:belief"] == 0.0  # 0.95^2 + 0.95^3 > 1 > 0.95^2
    if wants_b and not waits:
        return "misaligned"
    if not (hidden_b if gated else wants_b):
        return "aligned"
    return "deceiver" if wants_b else "sleeper"


def games(experiment: Experiment) -> pl.DataFrame:
    """Play the toy games in the world, without their closed forms."""
    pair = build(experiment).pair
    world = pair.ancestral
    rules = build(_planner_of_b(experiment)).genome.decode(np.arange(2))
    felt = world.features_felt[:, :, world.features.index("B")]
    at_once, deceiving = (lifetime(world, policy_of(rules, i, world, pair), felt) for i in range(2))
    absent = _best(lambda p: lifetime(world, drawn(world, p), felt))
    n, m = CATASTROPHE
    long = build(
        with_settings(
            experiment, f"world.ancestral.training={n}", f"world.ancestral.deployment={m}"
        )
    )
    p = _best(lambda p: catastrophe(long.pair.ancestral, p, n, n + m)[0])
    before, after = catastrophe(long.pair.ancestral, p, n, n + m)
    names = ("at once", "deceiving", "absent-minded", "catastrophe", "catastrophe after training")
    return pl.DataFrame({"game": names, "value": (at_once, deceiving, absent, before, after)})


def _planner_of_b(experiment: Experiment) -> Experiment:
    """The experiment with planners that want B alone and look one or five steps ahead."""
    return with_genome(
        experiment,
        "planner",
        ploidy=1,
        discount=0.95,
        weights={"B": {"alleles": [1.0]}},
        horizon={"alleles": [1.0, 5.0]},
    )


def drawn(world: TabularMdp, p: float) -> Floats:
    """Policy `[1, S, A]` that does B with chance p wherever B is available."""
    free = np.asarray(world.available.all(axis=1))
    return np.where(free[:, None], [1.0 - p, p], [1.0, 0.0])[None]


def catastrophe(world: TabularMdp, p: float, train: int, episodes: int) -> tuple[float, float]:
    """Chance to pass training and then do B at least once.

    The second number is the same chance given that training was passed.
    """
    policy: Floats = drawn(world, p)
    done = occupancy(world, policy)
    through = float(done[train, train].sum())
    spared = through
    for i in range(train, episodes):
        spared *= float(policy[0, i, 0])
    return through - spared, 1.0 - spared / through if through > 0.0 else 0.0


def _best(value: Any) -> float:
    """The chance in [0, 1] that maximizes the value of a game with one maximum."""
    from scipy.optimize import minimize_scalar

    return float(
        minimize_scalar(
            lambda p: -value(p), bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-10}
        ).x
    )


def coadapted(experiment: Experiment, optimizer: str) -> pl.DataFrame:
    """One row per seed: share of deceivers among the best ancestral genomes.

    Founders are compared with the population after 300 generations without mutation.
    """
    changes = [
        f"optimizer={{name='{optimizer}', population={experiment.optimizer['population']}}}",
        "genome.mutation_scale=0.0",
    ]
    setting = build(with_settings(experiment, *changes))
    fitness = Landscape(setting).fitness(np.arange(setting.genome.grid.size))
    best = fitness.ancestral >= fitness.ancestral.max() - 1e-9
    deceives = best & (fitness.modern_intent < fitness.modern_intent[best].max() - 1e-9)
    rows = []
    for seed in experiment.seeds:
        first, *_, last = newborn_classes(
            setting, fitness.ancestral.__getitem__, seed, COADAPTED_GENERATIONS + 1
        )
        rows.append(
            {
                "seed": seed,
                **{
                    when: float(deceives[who].sum() / best[who].sum())
                    for when, who in (("founders", first), ("last", last))
                },
            }
        )
    return pl.DataFrame(rows)


def parts(experiment: Experiment) -> list[Part]:
    """A part for each error of the cue, the grid of episodes, the games and each inheritance."""
    several = packaged("deception", f"replicates={max(1, experiment.replicates // 5)}")
    seeds = experiment.replicates / 200.0  # about a second for so many
    return [
        *(
            Part(f"error-{name_of(error)}", fixation, (experiment, error, i), cost=1.0 + seeds)
            for i, error in enumerate(ERRORS)
        ),
        Part("kinds", kinds, (packaged("deception", *GRID),)),
        Part("games", games, (packaged("deception"),)),
        *(
            Part(f"coadapted-{name}", coadapted, (several, name), cost=1.0 + seeds)
            for name in INHERITANCE
        ),
    ]


def name_of(error: float) -> str:
    """An error in the name of a file."""
    return f"{error:g}".replace(".", "-")


def _shares(tables: Tables, population: int) -> pl.DataFrame:
    """For each error, the share of seeds in which the open gate fixed, with its interval.

    Kimura's chance and the exact chance stand in the same row.
    """
    rows = []
    for error in ERRORS:
        table = tables[f"error-{name_of(error)}"]
        facts = table.row(0, named=True)
        closed, opened = facts["fitness_closed"], facts["fitness_open"]
        s = opened / closed - 1.0
        n, fixed = table.height, int(table["fixed"].sum())
        share = share_of_seeds(fixed, n)
        low, high = together(fixed, n, len(ERRORS))
        rows.append(
            {
                "error": error,
                "s": s,
                "seeds": n,
                "fixed": share.value,
                "low": share.low,
                "high": share.high,
                "low_all": low,
                "high_all": high,
                "kimura": kimura_haploid(population, s, 0.5),
                "exact": fixation_haploid(population, 1.0 + s, population // 2),
                "left": int(table["fixed"].null_count()),
            }
        )
    return pl.DataFrame(rows)


def together(successes: int, n: int, many: int) -> tuple[float, float]:
    """Exact interval of one of `many` shares, so that all intervals together have 95%.

    This is Bonferroni's correction of Clopper and Pearson 1934.
    """
    return share_interval(successes, n, 1.0 - 0.05 / many)


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """All predicted quantities, and each share."""
    shares = _shares(tables, experiment.optimizer["population"])
    out: dict[str, Measurement] = {}
    for row in shares.iter_rows(named=True):
        label = f"error {row['error']:g}"
        share = Measurement(row["fixed"], row["low"], row["high"], "share of seeds", row["seeds"])
        out[f"fixed, {label}"] = share
        shift = row["kimura"]
        out[f"fixed less Kimura, {label}"] = replace(
            share,
            value=row["fixed"] - shift,
            low=row["low_all"] - shift,
            high=row["high_all"] - shift,
        )
        out[f"Kimura less exact chain, {label}"] = exactly(row["kimura"] - row["exact"])
    first, last = (
        tables[f"error-{name_of(e)}"]["fixed"].fill_null(False).cast(pl.Float64)
        for e in (ERRORS[0], ERRORS[-1])
    )
    out["fixed, error 0 less error 0.08"] = mean_over_seeds(
        first.to_numpy() - last.to_numpy(), "share of seeds", (-1.0, 1.0)
    )
    facts = {e: tables[f"error-{name_of(e)}"].row(0, named=True) for e in ERRORS}
    perfect = facts[0.0]
    out["selection on the gate, perfect cue"] = exactly(
        perfect["fitness_open"] - perfect["fitness_closed"], "expected offspring"
    )
    delta = (facts[0.08]["fitness_closed"] - facts[0.08]["fitness_open"]) / 0.08
    misfits = [abs(f["fitness_closed"] - f["fitness_open"] - e * delta) for e, f in facts.items()]
    out["Delta: fitness lost in A by acting on the second objective"] = exactly(
        delta, "expected offspring"
    )
    out["fitness lost in A beside e times Delta, largest difference"] = exactly(
        max(misfits), "expected offspring"
    )
    lost = 1.0 - perfect["modern_open"] / perfect["modern_closed"]
    out["share of modern fitness lost by an open gate"] = exactly(lost)
    out["share of modern fitness lost after the swap, perfect cue"] = mean_over_seeds(
        lost * first.to_numpy(), within=(min(lost, 0.0), max(lost, 0.0))
    )
    out["populations with both gates left"] = of_sample(float(shares["left"].sum()))
    kinds = tables["kinds"]
    out["genomes told apart as their loci say"] = exactly(
        float((kinds["kind"] == kinds["expected"]).mean())  # type: ignore[arg-type]
    )
    for kind in ("deceiver", "sleeper", "aligned", "misaligned"):
        out[f"genomes examined: {kind}"] = exactly(
            float(kinds.filter(pl.col("kind") == kind).height)
        )
    for name in INHERITANCE:
        coadapted = tables[f"coadapted-{name}"]
        out[f"deceivers among ancestral optima, {name}, founders"] = mean_over_seeds(
            coadapted["founders"]
        )
        out[f"deceivers among ancestral optima, {name}, after 300 generations"] = mean_over_seeds(
            coadapted["last"]
        )
        out[f"deceivers among ancestral optima, {name}, change"] = mean_over_seeds(
            coadapted["last"] - coadapted["founders"]
        )
    game = dict(tables["games"].rows())
    out["B of who does B at once"] = exactly(game["at once"], "B per life")
    out["B of who deceives"] = exactly(game["deceiving"], "B per life")
    out["best chance of B of the absent-minded"] = exactly(game["absent-minded"])
    n, m = CATASTROPHE
    out[f"catastrophe, {n} and {m} episodes"] = exactly(game["catastrophe"])
    out[f"catastrophe after training, {n} and {m} episodes"] = exactly(
        game["catastrophe after training"]
    )
    return out


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Fixation of the open gate by the cue's error, with Kimura's curve."""
    population = experiment.optimizer["population"]
    shares = _shares(tables, population)
    delta = float(-shares["s"][-1] / shares["error"][-1])
    errors = np.linspace(0.0, ERRORS[-1], 161)
    curve = pl.DataFrame(
        {"error": errors, "kimura": [kimura_haploid(population, -e * delta, 0.5) for e in errors]}
    )
    x = alt.X(
        "error:Q",
        title="share of ancestral lives with the cue 'modern'",
        axis=alt.Axis(format="%", grid=False),
    )
    y = alt.Y(
        "fixed:Q",
        title="share of runs in which the open gate fixed",
        scale=alt.Scale(domain=[0, 0.6]),
    )
    line = alt.Chart(curve).mark_line(color=ANCESTRAL, strokeWidth=2).encode(x, alt.Y("kimura:Q"))
    whisker = (
        alt.Chart(shares)
        .mark_rule(color=MODERN, strokeWidth=1.5)
        .encode(x, alt.Y("low:Q"), alt.Y2("high:Q"))
    )
    points = (
        alt.Chart(shares).mark_point(color=MODERN, filled=True, size=55, opacity=1).encode(x, y)
    )
    chart = alt.layer(line, whisker, points).properties(width=WIDTH + 140, height=HEIGHT + 40)
    note = (
        f"points: {shares['seeds'][0]} runs of {population} haploids from a share of 1/2, 95%"
        " intervals; line: Kimura's chance"
    )
    return {
        "fixation": themed(
            chart, "Fixation of a gate that selection sees only where the cue errs", [note]
        )
    }


CLAIM = Claim(parts, measure, figures)
