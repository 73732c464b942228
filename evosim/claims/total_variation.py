"""Claim 9: the total variation between lives bounds the difference between two worlds.

The same number per step does not.

Genomes are drawn evenly from the experiment's grid, by seed. All genomes of micro are included.
Random worlds are pairs with a small or a large difference. Total variation is exact in micro, in
random worlds, and where the lives of savanna can be enumerated. Elsewhere its upper end is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.life_variation import Variation, enumerated, range_of, trap, variation
from evosim.claims.claim import Charts, Claim, Part, Row, Tables
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds, of_sample
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.figures.theme import ANCESTRAL, MODERN, themed
from evosim.reference.dynamic_programming import Floats, lifetime, occupancy
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp

GENOMES, RANDOM = 60, 100  # per seed
# distinct beginnings of lives in savanna: enough for genomes with short or simple lives
MOST = 500
STEPS, CHANCE = 100, 0.01
SHARES = (0.01, 0.1, 0.5)
STATES, ACTS, AGES = 4, 2, 5
ROUNDING = 1e-9


def parts(experiment: Experiment) -> list[Part]:
    """A part for each seed and source of genomes, one for micro and one for the trap."""
    seeds = list(experiment.seeds)
    out = [Part(f"savanna-{seed}", savanna, (experiment, seed), cost=2.0) for seed in seeds]
    out += [Part(f"random-{seed}", random_worlds, (seed,), cost=3.0) for seed in seeds]
    out += [Part(f"mixture-{seed}", mixtures, (seed,), cost=2.0) for seed in seeds]
    return [*out, Part("micro", micro, (), cost=3.0), Part("trap", trap_chain, (), cost=1.0)]


def row(
    where: str, seed: int, number: int, difference: Variation, fitness: tuple[float, float]
) -> Row:
    """The row of one genome or policy."""
    return {
        "where": where,
        "seed": seed,
        "number": number,
        "least": difference.least,
        "most": difference.most,
        "exact": difference.exact,
        "range": difference.range,
        "payoff_change": difference.payoff_change,
        "bound": difference.bound,
        "difference": difference.difference,
        "slack": difference.slack,
        "ancestral": fitness[0],
        "modern": fitness[1],
    }


SCHEMA = {"exact": pl.Float64}


def _of_classes(
    problem: Problem, classes: list[int], where: str, seed: int, most: int
) -> pl.DataFrame:
    """The total variation of classes of a grid."""
    evaluator, a, m = (
        ClassEvaluator(problem.genome, problem.pair),
        problem.pair.ancestral,
        problem.pair.modern,
    )
    span, rows = range_of(a, m), []
    for number in classes:
        rules = problem.genome.decode(np.array([number], dtype=np.int64))
        policies = (policy_of(rules, 0, a, problem.pair), policy_of(rules, 0, m, problem.pair))
        done = [evaluator.evaluate(number, world) for world in ("ancestral", "modern")]
        difference = variation(
            a, m, policies, (done[0].occupancy, done[1].occupancy), span=span, most=most
        )
        rows.append(
            row(where, seed, number, difference, (done[0].amounts.payoff, done[1].amounts.payoff))
        )
    return pl.DataFrame(rows, schema_overrides=SCHEMA)


def savanna(experiment: Experiment, seed: int) -> pl.DataFrame:
    """Genomes drawn evenly from the experiment's grid."""
    problem = build(experiment)
    classes = np.random.default_rng([seed, 9]).integers(0, problem.genome.grid.size, size=GENOMES)
    return _of_classes(problem, classes.tolist(), "savanna", seed, MOST)


def micro() -> pl.DataFrame:
    """All genomes of micro, with exact total variation."""
    problem = build_packaged("micro")
    return _of_classes(problem, list(range(problem.genome.grid.size)), "micro", 0, 100_000)


def random_worlds(seed: int) -> pl.DataFrame:
    """Random policies in random pairs of worlds, with exact total variation.

    The worlds differ in 1% to 100% of their transitions.
    """
    rng, rows = np.random.default_rng([seed, 10]), []
    for number in range(RANDOM):
        a = _random(rng)
        m = _nearly(a, float(10.0 ** rng.uniform(-2.0, 0.0)), rng)
        pi_a, pi_m = (_policy(a, rng) for _ in range(2))
        if number % 2:
            pi_m = pi_a
        difference = variation(
            a,
            m,
            (pi_a, pi_m),
            (occupancy(a, pi_a), occupancy(m, pi_m)),
            span=range_of(a, m),
            most=10**6,
        )
        rows.append(
            row(
                "random worlds",
                seed,
                number,
                difference,
                (lifetime(a, pi_a, a.payoff), lifetime(m, pi_m, m.payoff)),
            )
        )
    return pl.DataFrame(rows, schema_overrides=SCHEMA)


def _random(rng: np.random.Generator) -> TabularMdp:
    moves, payoff = (
        rng.dirichlet(np.full(STATES, 0.5), size=(STATES, ACTS)),
        rng.random((STATES, ACTS)),
    )
    return TabularMdp(
        name="random",
        states=tuple(f"s{i}" for i in range(STATES)),
        acts=tuple(f"a{i}" for i in range(ACTS)),
        features=(),
        lifespan=AGES,
        available=np.ones((STATES, ACTS), dtype=bool),
        transitions=moves,
        payoff=payoff,
        intent=payoff,
        features_felt=np.zeros((STATES, ACTS, 0)),
        start=rng.dirichlet(np.ones(STATES)),
    )


def _nearly(world: TabularMdp, share: float, rng: np.random.Generator) -> TabularMdp:
    """The world with a share of its transitions replaced."""
    other = rng.dirichlet(np.full(STATES, 0.5), size=(STATES, ACTS))
    return replace(world, transitions=(1.0 - share) * world.transitions + share * other, beliefs={})


def _policy(world: TabularMdp, rng: np.random.Generator) -> Floats:
    weight = rng.random((2, *world.available.shape)) ** 3
    return np.asarray(weight / weight.sum(axis=2, keepdims=True))


def mixtures(seed: int) -> pl.DataFrame:
    """Two worlds, mixed once per life or newly in every step.

    Columns give the total variation from the first world by the share of the second.
    """
    rng, rows = np.random.default_rng([seed, 11]), []
    for number in range(RANDOM // 4):
        a, policy = _random(rng), None
        b = replace(_nearly(a, 1.0, rng), payoff=a.payoff)
        policy = _policy(a, rng)
        span = range_of(a, b)
        for share in SHARES:
            once = _mixed_once(a, b, share)
            twice = np.concatenate([policy, policy], axis=1)
            lives = enumerated(_mixed_once(a, b, 0.0), once, twice, twice, 10**6)
            steps = enumerated(
                a,
                replace(
                    a, transitions=(1 - share) * a.transitions + share * b.transitions, beliefs={}
                ),
                policy,
                policy,
                10**6,
            )
            lost = abs(lifetime(a, policy, a.payoff) - lifetime(once, twice, once.payoff))
            rows.append(
                {
                    "seed": seed,
                    "number": number,
                    "share": share,
                    "once_a_life": lives,
                    "every_step": steps,
                    "difference": lost,
                    "bound": span * share,
                }
            )
    return pl.DataFrame(rows)


def _mixed_once(a: TabularMdp, b: TabularMdp, share: float) -> TabularMdp:
    """A world in which a life is spent in the second world with probability `share`.

    The state records which world it is. No act depends on that.
    """
    n, zero = len(a.states), np.zeros_like(a.transitions)
    moves = np.concatenate(
        [
            np.concatenate([a.transitions, zero], axis=2),
            np.concatenate([zero, b.transitions], axis=2),
        ]
    )

    def both(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.concatenate([x, y])

    return replace(
        a,
        states=tuple(f"{x}{i}" for x in "ab" for i in range(n)),
        available=both(a.available, b.available),
        transitions=moves,
        payoff=both(a.payoff, b.payoff),
        intent=both(a.intent, b.intent),
        features_felt=both(a.features_felt, b.features_felt),
        start=both((1.0 - share) * a.start, share * b.start),
        beliefs={},
    )


def trap_chain() -> pl.DataFrame:
    """Loss over a life of 100 steps between worlds that differ by a probability per step.

    Next to it are the closed form and the total variation.
    """
    rows = []
    for chance in (0.0001, 0.0003, 0.001, 0.003, CHANCE, 0.03, 0.1, 0.3):
        safe, trapped, policy = _chain(0.0), _chain(chance), np.ones((1, 2, 1))
        lost = lifetime(safe, policy, safe.payoff) - lifetime(trapped, policy, trapped.payoff)
        rows.append(
            {
                "chance": chance,
                "lost": lost,
                "formula": trap(STEPS, chance),
                "variation": enumerated(safe, trapped, policy, policy),
            }
        )
    return pl.DataFrame(rows)


def _chain(chance: float) -> TabularMdp:
    moves, payoff = np.array([[[1 - chance, chance]], [[0.0, 1.0]]]), np.array([[1.0], [0.0]])
    return TabularMdp(
        name="trap",
        states=("well", "trapped"),
        acts=("go",),
        features=(),
        lifespan=STEPS,
        available=np.ones((2, 1), dtype=bool),
        transitions=moves,
        payoff=payoff,
        intent=payoff,
        features_felt=np.zeros((2, 1, 0)),
        start=np.array([1.0, 0.0]),
    )


def _points(tables: Tables) -> pl.DataFrame:
    return pl.concat(
        [
            table
            for name, table in tables.items()
            if name.split("-")[0] in ("savanna", "random", "micro")
        ]
    )


def _some(tables: Tables, name: str) -> pl.DataFrame:
    return pl.concat([table for key, table in tables.items() if key.split("-")[0] == name])


def selected(points: pl.DataFrame) -> pl.DataFrame:
    """The best genome in A of each seed: its regret in M, and its bound.

    Regret is relative to the best of the same genomes in M.
    """
    best_a = (
        points.sort("ancestral", descending=True)
        .group_by("where", "seed", maintain_order=True)
        .first()
    )
    best_m = (
        points.sort("modern", descending=True)
        .group_by("where", "seed", maintain_order=True)
        .first()
    )
    both = best_a.join(best_m, on=["where", "seed"], suffix="_best", maintain_order="left")
    return both.select(
        "where",
        "seed",
        (pl.col("modern_best") - pl.col("modern")).alias("regret"),
        (pl.col("bound") + pl.col("bound_best")).alias("bound"),
    )


def beyond_share(mixed: pl.DataFrame) -> Floats:
    """`[seeds]` share of worlds that differ by more than the share mixed in.

    These are worlds that are mixed newly in every step.
    """
    by_seed = mixed.group_by("seed", maintain_order=True).agg(
        (pl.col("every_step") > pl.col("share") + ROUNDING).mean().alias("beyond")
    )
    return by_seed.sort("seed")["beyond"].to_numpy()


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """Violations of each bound in the sample, and the trap."""
    points, mixed, chain = _points(tables), _some(tables, "mixture"), tables["trap"]
    known = points.drop_nulls("exact")
    chosen = selected(points.filter(pl.col("where") != "random worlds"))
    one = chain.filter(pl.col("chance") == CHANCE)
    outside = (known["exact"] < known["least"] - ROUNDING) | (
        known["exact"] > known["most"] + ROUNDING
    )

    def count(wrong: pl.Series) -> float:
        return float(wrong.sum())

    return {
        "violations": of_sample(count(points["slack"] < -ROUNDING), "genomes"),
        "genomes": exactly(points.height),
        "bracket_violations": of_sample(count(outside), "genomes"),
        "enumerated": of_sample(known.height),
        "selected_violations": of_sample(
            count(chosen["regret"] > chosen["bound"] + ROUNDING), "choices"
        ),
        "mixture_violations": of_sample(
            count(
                (mixed["once_a_life"] > mixed["share"] + ROUNDING)
                | (mixed["difference"] > mixed["bound"] + ROUNDING)
            ),
            "worlds",
        ),
        "steps_mixed_beyond_share": mean_over_seeds(
            beyond_share(mixed), "share of worlds", within=(0.0, 1.0)
        ),
        "closest": of_sample(
            float((points["difference"] / points["bound"]).fill_nan(0.0).max()),  # type: ignore[arg-type]
            "of its bound",
        ),
        "trap_loss": exactly(float(one["lost"][0]), "of 100"),
        "trap_variation": exactly(float(one["variation"][0])),
        "trap_formula_error": exactly(float((chain["lost"] - chain["formula"]).abs().max())),  # type: ignore[arg-type]
    }


def stored_tables(tables: Tables, experiment: Experiment) -> dict[str, pl.DataFrame]:
    """Counts and slack by source, choices, mixtures by share, and the trap."""
    points = _points(tables)
    by_source = points.group_by("where", maintain_order=True).agg(
        pl.len().alias("genomes"),
        (pl.col("slack") < -ROUNDING).sum().alias("violations"),
        pl.col("exact").count().alias("enumerated"),
        *(
            pl.col(name).mean().alias(f"mean_{name}")
            for name in ("least", "most", "bound", "difference", "slack")
        ),
        pl.col("exact").mean().alias("mean_exact_of_enumerated"),
        (pl.col("difference") / pl.col("bound")).fill_nan(0.0).max().alias("closest"),
    )
    mixed = (
        _some(tables, "mixture")
        .group_by("share", maintain_order=True)
        .agg(pl.col("once_a_life", "every_step").max(), pl.len().alias("worlds"))
    )
    return {
        "bounds": by_source,
        "selected": selected(points.filter(pl.col("where") != "random worlds")),
        "mixtures": mixed,
        "trap": tables["trap"],
    }


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """The difference of every genome by its bound, and the trap."""
    return {"bound": _bound_chart(tables), "trap": _trap_chart(tables)}


def _bound_chart(tables: Tables) -> Any:
    """Difference of genomes between worlds by its bound."""
    points = _points(tables)
    shown = pl.concat(
        [
            some.sample(min(some.height, 1000), seed=0)
            for _, some in points.group_by("where", maintain_order=True)
        ]
    )
    shown = shown.with_columns(pl.col("difference", "bound").clip(lower_bound=1e-4))
    domain = [1e-4, 100.0]
    ticks = alt.Axis(values=[1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100], format="~g")
    scale: Callable[[], alt.Scale] = lambda: alt.Scale(type="log", domain=domain)  # noqa: E731
    dots = (
        alt.Chart(shown)
        .mark_point(filled=True, size=14, opacity=0.5)
        .encode(
            x=alt.X(
                "bound:Q",
                title="range of returns x total variation + change of payoff",
                scale=scale(),
                axis=ticks,
            ),
            y=alt.Y(
                "difference:Q",
                title="expected payoff in A and in M differ by",
                scale=scale(),
                axis=ticks,
            ),
            color=alt.Color(
                "where:N",
                title=None,
                scale=alt.Scale(
                    domain=["savanna", "micro", "random worlds"],
                    range=[MODERN, "#009E73", ANCESTRAL],
                ),
            ),
        )
    )
    line = (
        alt.Chart(pl.DataFrame({"x": domain}))
        .mark_line(color="#000000")
        .encode(x="x:Q", y=alt.Y("x:Q"))
    )
    return themed(
        (dots + line).properties(width=360, height=320),
        "The difference never exceeds the bound",
        ["one point a genome or policy; the line: difference = bound; below 0.0001: drawn there"],
    )


def _trap_chart(tables: Tables) -> Any:
    """Loss in a life of 100 steps by the probability of the trap."""
    chain = (
        tables["trap"]
        .select(
            (100 * pl.col("chance")).alias("percent"),
            pl.col("lost").alias("lost"),
            (STEPS * pl.col("variation")).alias("limit by total variation of lives"),
            (STEPS * pl.col("chance")).alias("'1% buys 1%', read per step"),
        )
        .unpivot(index="percent", variable_name="what", value_name="value")
    )
    curves = (
        alt.Chart(chain)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(
                "percent:Q",
                title="difference of the worlds per step (%)",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(format="~g", values=[0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]),
            ),
            y=alt.Y("value:Q", title="of 100 units", scale=alt.Scale(domain=[0, 100])),
            color=alt.Color(
                "what:N",
                title=None,
                legend=alt.Legend(labelLimit=300, symbolType="stroke", symbolSize=500),
                scale=alt.Scale(range=["#7F7F7F", "#0072B2", "#D55E00"]),
            ),
            strokeDash=alt.StrokeDash("what:N", title=None),
        )
    )
    return themed(
        curves.properties(width=360, height=240),
        "1% per step is not 1% of a life",
        ["a life of 100 steps of payoff 1 each, and a trap that each step leads into"],
    )


CLAIM = Claim(parts, measure, figures, stored_tables)
