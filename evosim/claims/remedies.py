"""Claim 11: remedies.

A share of modern worlds in training, and selection for the worst case over a set of worlds. Each
has a cost in A.

The best genome by each criterion is enumerated, and populations are evolved. In mazes the claim
measures how much of the right data a better objective saves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.ladder import breeding_true
from evosim.claims.claim import Charts, Claim, Part, Tables
from evosim.claims.experiments import claim_experiment, with_settings
from evosim.claims.mazes import TAIL, two_alleles
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds
from evosim.config.resolve import build
from evosim.config.schema import Experiment, SelectionChoice
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.reference.selection import selection_fitness
from evosim.simulation.loop import simulate
from evosim.theory.drift import kimura_haploid

Floats = NDArray[np.float64]
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
FEW = 0.02  # share of modern lives where selection is not by the mean
CRITERIA = ("worst", "cvar")
CVAR_TAIL = 0.1
POPULATION = 40  # of two alleles, as in claim 7
SURE = 0.95  # how surely exit seekers are to win
SHADES = ["#0072B2", "#CC79A7", "#009E73"]  # of objectives
MANY_CELLS = 1000  # numbers of cells here, so that their seeds are not those of claim 7


def parts(experiment: Experiment) -> list[Part]:
    """A part for each training, one for all genomes, and two for mazes."""
    out = [Part(f"mean-{q}", evolved, (experiment, q, "mean"), cost=15.0) for q in SHARES]
    out += [Part(over, evolved, (experiment, FEW, over), cost=15.0) for over in CRITERIA]
    out.append(Part("best", best, (experiment,), cost=3.0))
    maze, p = mazes(experiment), needed(SURE, POPULATION, 1.0)
    out.append(
        Part("maze-mean", two_alleles, (maze, "exit", round(p, 4), "mean", MANY_CELLS), cost=20.0)
    )
    out.append(
        Part(
            "maze-cvar",
            two_alleles,
            (maze, "exit", round(p * TAIL, 5), "cvar", MANY_CELLS + 1),
            cost=20.0,
        )
    )
    return out


def _trained(experiment: Experiment, q: float, over: str) -> Experiment:
    mixture = f'world.mixture=[{{share={q}, world="modern"}}]'
    return with_settings(
        experiment,
        mixture,
        f"selection.over={over}",
        f"selection.tail={CVAR_TAIL}",
        "search_ledger=false",
    )


def evolved(experiment: Experiment, q: float, over: str) -> pl.DataFrame:
    """Mean fitness of the population at the swap in A alone and in M. One row per seed.

    `break_even` is that of the most common genome.
    """
    problem, plain = build(_trained(experiment, q, over)), Landscape(build(experiment))
    every = plain.fitness(np.arange(problem.genome.grid.size))
    landscape, rows = Landscape(problem), []
    for seed in experiment.seeds:
        swap = (
            simulate(problem, landscape, seed)
            .tables["populations"]
            .filter(pl.col("moment") == "swap")
        )
        fitness = plain.fitness(swap["class"].to_numpy())
        share = swap["count"].to_numpy() / max(swap["count"].sum(), 1)
        common = (
            swap.group_by("class")
            .agg(pl.col("count").sum())
            .sort("count", "class", descending=[True, False])["class"][0]
        )
        rows.append(
            {
                "q": q,
                "over": over,
                "seed": seed,
                "ancestral": float(share @ fitness.ancestral),
                "modern": float(share @ fitness.modern),
                "break_even": break_even(
                    problem.genome.grid, common, every.ancestral, every.modern
                ),
            }
        )
    return pl.DataFrame(rows)


def break_even(grid: Grid, number: int, ancestral: Floats, modern: Floats) -> float:
    """The least share q of modern lives at which a class gains by a rescue; 1 without a rescue.

    The gain is measured in (1 - q) A + q M. A rescue is a change of one locus that wins much in M.
    This is at least half of what the best genome that breeds true would win, if it would win
    anything. The rescue itself may be a heterozygote, because a new mutant is one.
    """
    every = np.arange(grid.size)
    digits, true = grid.digits(every), grid.breeds_true(every)
    near = (digits != digits[number]).sum(axis=1) == 1
    gain, cost = modern - modern[number], np.maximum(ancestral[number] - ancestral, 0.0)
    most = gain[true].max()
    rescues = near & (gain >= 0.5 * most) & (most > 0.0)
    return float((cost[rescues] / (cost + gain)[rescues]).min(initial=1.0))


def best(experiment: Experiment) -> pl.DataFrame:
    """Exact fitness in A and in M of the best genome by each criterion.

    Only genomes that breed true count, as on the ladder. Of a tie it is the worst in M.
    """
    fitness = breeding_true(Landscape(build(experiment)).frame())
    a, m = fitness["ancestral"].to_numpy(), fitness["modern"].to_numpy()
    both = np.stack([a, m], axis=1)
    mixtures = {("mean", q): (1.0 - q) * a + q * m for q in (*SHARES, 1.0)}
    mixtures |= {
        (over, FEW): selection_fitness(
            SelectionChoice(over=over, tail=CVAR_TAIL),  # type: ignore[arg-type]
            both,
            np.array([1.0 - FEW, FEW]),
        )
        for over in CRITERIA
    }
    mixtures["least regret", FEW] = -np.maximum(a.max() - a, m.max() - m)
    rows = []
    for (over, q), value in mixtures.items():
        tied = value >= value.max() - 1e-12 * abs(value.max())
        first = np.flatnonzero(tied)[m[tied].argmin()]
        rows.append(
            {
                "over": over,
                "q": q,
                "ancestral": a[first],
                "modern": m[first],
                "best_ancestral": a.max(),
                "best_modern": m.max(),
            }
        )
    return pl.DataFrame(rows)


def mazes(experiment: Experiment) -> Experiment:
    """The mazes of claim 7, with the replicates and seed of the experiment."""
    size = "full" if experiment.replicates > 1 else "quick"
    return with_settings(
        claim_experiment("claim-07-mazes", size),
        f"replicates={experiment.replicates}",
        f"seed={experiment.seed}",
    )


def needed(sure: float, population: int, tail: float) -> float:
    """The share of doors that must not be red for exit seekers to fix with probability `sure`.

    Selection sees the worst `tail` of births. A seeker of red then has fitness `1 - p / tail`. So
    `n s = n (1 / (1 - p / tail) - 1) = log(sure / (1 - sure))`.
    """
    s = float(np.log(sure / (1.0 - sure))) / population
    return tail * s / (1.0 + s)


def _of(table: pl.DataFrame, over: str, q: float) -> Mapping[str, float]:
    """The row of one criterion and share of modern lives."""
    return table.filter((pl.col("over") == over) & (pl.col("q") == q)).row(0, named=True)


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """The predicted quantities.

    Gains are shares of the best fitness in M, costs are shares of the best fitness in A.
    """
    exact = tables["best"]
    none, few, worst, cvar, regret = (
        _of(exact, *key)
        for key in (
            ("mean", 0.0),
            ("mean", FEW),
            ("worst", FEW),
            ("cvar", FEW),
            ("least regret", FEW),
        )
    )
    top_a, top_m = none["best_ancestral"], none["best_modern"]
    columns = {
        name: (tables[name]["ancestral"].to_numpy(), tables[name]["modern"].to_numpy())
        for name in (*(f"mean-{q}" for q in SHARES), *CRITERIA)
    }
    a0, m0 = columns["mean-0.0"]
    ordered = exact.filter(pl.col("over") == "mean").sort("q")
    out = {
        "best_kept_without": exactly(none["modern"] / top_m, "of the best in M"),
        "best_kept_with_2_percent": exactly(few["modern"] / top_m, "of the best in M"),
        "best_cost_of_2_percent": exactly(1.0 - few["ancestral"] / top_a, "of the best in A"),
        "best_kept_by_worst_case": exactly(worst["modern"] / top_m, "of the best in M"),
        "best_cost_of_worst_case": exactly(1.0 - worst["ancestral"] / top_a, "of the best in A"),
        "best_kept_by_cvar": exactly(cvar["modern"] / top_m, "of the best in M"),
        "best_kept_by_least_regret": exactly(regret["modern"] / top_m, "of the best in M"),
        "best_cost_of_least_regret": exactly(1.0 - regret["ancestral"] / top_a, "of the best in A"),
        "steps_back_in_modern": exactly(float(min(0.0, ordered["modern"].diff().min() or 0.0))),  # type: ignore[arg-type]
    }
    out["break_even"] = mean_over_seeds(
        tables["mean-0.0"]["break_even"].to_numpy(), "share of modern lives"
    )
    for name, (a, m) in columns.items():
        if name != "mean-0.0":
            out[f"gain:{name}"] = mean_over_seeds((m - m0) / top_m, "of the best in M")
            out[f"cost:{name}"] = mean_over_seeds((a0 - a) / top_a, "of the best in A")
    for name in ("maze-mean", "maze-cvar"):
        out[name] = mean_over_seeds(
            tables[name]["frequency"].to_numpy(), "frequency of exit seekers"
        )
    out["doors_saved"] = exactly(
        tables["maze-mean"]["p"][0] / tables["maze-cvar"]["p"][0],
        "plain doors needed by the mean, for one by CVaR",
    )
    return out


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Fitness in M by fitness in A for each training; doors needed under each objective."""
    return {
        "remedies": _fitness_chart(tables, experiment),
        "data-or-objective": _objective_chart(tables),
    }


def _fitness_chart(tables: Tables, experiment: Experiment) -> Any:
    """Fitness in M by fitness in A for each training."""
    exact = (
        tables["best"]
        .with_columns(pl.lit("best genome").alias("who"))
        .select("who", "over", "q", "ancestral", "modern")
    )
    people = pl.concat(
        [table for name, table in tables.items() if name.startswith("mean-") or name in CRITERIA]
    )
    people = (
        people.group_by("over", "q", maintain_order=True)
        .agg(pl.col("ancestral").mean(), pl.col("modern").mean())
        .with_columns(pl.lit("populations").alias("who"))
    )
    rows = pl.concat([exact, people.select(exact.columns)]).with_columns(
        pl.when(pl.col("over") == "mean")
        .then(pl.format("{}%", (100 * pl.col("q")).round(0).cast(pl.Int64)))
        .otherwise(pl.col("over"))
        .alias("text")
    )
    labels = _labels(rows)
    colour = alt.Color(
        "who:N",
        title=None,
        scale=alt.Scale(domain=["best genome", "populations"], range=["#000000", "#0072B2"]),
        legend=alt.Legend(symbolType="stroke"),
    )
    axis = alt.Scale(zero=False, padding=24)
    x = alt.X(
        "ancestral:Q",
        title="fitness in A (offspring)",
        scale=axis,
        axis=alt.Axis(grid=False, tickCount=6),
    )
    y = alt.Y("modern:Q", title="fitness in M (offspring)", scale=axis)
    base = alt.Chart(rows.filter(pl.col("over") == "mean").sort("q"))
    line = base.mark_line(strokeWidth=1.2).encode(x, y, colour, order="q:Q")
    dots = (
        alt.Chart(rows)
        .mark_point(filled=True, size=50)
        .encode(x, y, colour, alt.Shape("over:N", title="selected by"))
    )
    # Labels lie where lines, marks and the legend leave room.
    middle = 0.5 * (float(rows["ancestral"].min()) + float(rows["ancestral"].max()))  # type: ignore[arg-type]
    best_ones, far = pl.col("who") == "best genome", pl.col("ancestral") > middle
    places: list[tuple[pl.Expr, Literal["left", "right"], int, int]] = [
        (best_ones & far, "right", 8, 16),
        (best_ones & ~far, "left", -4, -14),
        (~best_ones & far, "left", 8, -6),
        (~best_ones & ~far, "right", -6, 12),
    ]
    texts = [
        alt.Chart(labels.filter(some))
        .mark_text(align=align, dx=dx, dy=dy, fontSize=11)
        .encode(x, y, alt.Text("text:N"), colour)
        for some, align, dx, dy in places
    ]
    left = alt.layer(line, dots, *texts).properties(width=WIDTH + 130, height=HEIGHT + 60)
    return themed(
        left,
        "Modern lives in training, and what they cost",
        [
            f"labels: share of training lives that are modern; others at {FEW:.0%}; means of"
            f" {experiment.replicates} seeds"
        ],
    )


def _objective_chart(tables: Tables) -> Any:
    """Chance that exit seekers fix by the share of doors, for each objective."""
    p = np.linspace(0.0, 0.12, 121)
    population = tables["maze-mean"]["population"][0]
    curves = pl.concat(
        [
            pl.DataFrame(
                {
                    "percent": 100 * p,
                    "sure": [kimura_haploid(population, _advantage(x, tail), 0.5) for x in p],
                }
            ).with_columns(pl.lit(name).alias("objective"))
            for name, tail in (
                ("mean", 1.0),
                (f"worst {TAIL:.0%} of births", TAIL),
                ("worst case", 0.0),
            )
        ]
    )
    names = curves["objective"].unique(maintain_order=True).to_list()
    stroke = alt.Legend(symbolType="stroke")
    right = (
        alt.Chart(curves)
        .mark_line()
        .encode(
            alt.X(
                "percent:Q", title="training doors that are not red (%)", axis=alt.Axis(grid=False)
            ),
            alt.Y(
                "sure:Q", title="chance that exit seekers fix", scale=alt.Scale(domain=[0.5, 1.0])
            ),
            alt.Color(
                "objective:N",
                title="objective",
                sort=names,
                scale=alt.Scale(domain=names, range=SHADES),
                legend=stroke,
            ),
            alt.StrokeDash(
                "objective:N",
                title="objective",
                sort=names,
                scale=alt.Scale(domain=names, range=[[1, 0], [6, 3], [2, 2]]),
                legend=stroke,
            ),
        )
    )
    at = {
        name: pl.DataFrame(
            {"percent": [100.0 * tables[name]["p"][0]], "sure": [tables[name]["frequency"].mean()]}
        )
        for name in ("maze-mean", "maze-cvar")
    }
    points = [
        alt.Chart(at[name])
        .mark_point(filled=True, size=70, color=shade)
        .encode(alt.X("percent:Q"), alt.Y("sure:Q"))
        for name, shade in zip(at, SHADES, strict=False)
    ]
    return themed(
        alt.layer(right, *points).properties(width=WIDTH + 60, height=HEIGHT),
        "Right data or a new objective",
        [f"two alleles, N = {population}; lines: 1 / (1 + exp(-N s)); dots: evolved"],
    )


def _labels(rows: pl.DataFrame) -> pl.DataFrame:
    """One label for each group of points that lie close together."""
    wide = {name: float(rows[name].max() - rows[name].min()) for name in ("ancestral", "modern")}  # type: ignore[operator,arg-type]
    groups: list[dict[str, Any]] = []
    for row in rows.sort("q").iter_rows(named=True):
        near = [
            g
            for g in groups
            if g["who"] == row["who"]
            and all(abs(g[name] - row[name]) < 0.07 * wide[name] for name in wide)
        ]
        if near:
            near[0]["texts"].append(row["text"])
        else:
            groups.append(row | {"texts": [row["text"]]})
    for g in groups:
        shares = [text for text in g["texts"] if text.endswith("%")]
        words = [f"{shares[0]} to {shares[-1]}" if len(shares) > 1 else shares[0]] if shares else []
        g["text"] = ", ".join(
            [*words, *(text for text in g.pop("texts") if not text.endswith("%"))]
        )
    return pl.DataFrame(groups)


def _advantage(p: float, tail: float) -> float:
    """Relative advantage of exit seekers over seekers of red.

    Selection sees the worst `tail` of births.
    """
    left = (
        1.0 - p
        if tail == 1.0
        else 0.0
        if p >= tail and p > 0.0
        else 1.0 - (p / tail if tail else 0.0)
    )
    return 1.0 / left - 1.0 if left > 0.0 else np.inf


CLAIM = Claim(parts, measure, figures)
