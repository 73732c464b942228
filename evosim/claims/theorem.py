"""Claim 1: outer alignment, no generalization error and full optimization imply no loss.

All numbers are enumerated. The factorial removes each premise:

* *Outer alignment*: payoff is intent, or is a small reward for every mating.
* *No generalization error*: the modern world is the ancestral one, or it has contraception, more
  food and less death.
* *Full optimization*: the population is the best genome in A (of ties, the worst in M). Otherwise
  it is the worst genome in M within a tenth of it.

The inequality holds for every genome `g` of a grid. `F` is net fitness, `r` by payoff, `u` by
intent, and R1 is the best genome for intent in M:

    V*_M^u - F_M^u(g) <= eps + 2 delta + representation + upkeep + specification

    eps                     = best F_A^r - F_A^r(g)
    delta                   = largest |F_A^r - F_M^r| of the grid
    representation + upkeep = V*_M^u - F_M^u(R1); upkeep is the cost of planning of R1
    specification           = largest D of the grid - D(R1), with D = F_M^r - F_M^u

Specification is the amount by which payoff can overrate a genome compared with R1. The proof:
`F_M^u(R1) - F_M^u(g) = [F_M^r(R1) - F_M^r(g)] + [D(g) - D(R1)]`, and the first bracket is at most
`eps + 2 delta`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.claims.claim import Charts, Claim, Part, Row, Tables
from evosim.claims.experiments import packaged, with_settings
from evosim.claims.measurements import Measurement, exactly
from evosim.config.resolve import build
from evosim.config.schema import Experiment
from evosim.figures.theme import MODERN, themed
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import extreme_values
from evosim.worlds import TabularMdp

SHIFT = "world.modern={contraception=true,forage_success=0.75,death=0.01,solo_intensity=0.5}"
PAY = 0.1  # for every mating, where payoff is not intent
PAID = ("mate", "mate_protected")
NEAR = 0.1  # relative to the best in A: where imperfect search may stop
ROUNDING = 1e-9


def parts(experiment: Experiment) -> list[Part]:
    """A part for each pair of worlds, and two further grids for the inequality."""
    cells = [
        Part(f"cell-{a}-{b}", cell, (experiment, a == "outer", b == "same"), cost=5.0)
        for a in ("outer", "paid")
        for b in ("same", "shift")
    ]
    others = [
        Part(name, grid, (packaged(experiment), name), cost=2.0)
        for name, experiment in (("birth-control", "coarse-savanna"), ("micro", "micro"))
    ]
    return [*cells, *others]


def cell(experiment: Experiment, outer: bool, same: bool) -> pl.DataFrame:
    """Every genome of the grid in one pair of worlds."""
    name = (
        f"{'payoff is intent' if outer else 'paid for matings'},"
        f" {'M is A' if same else 'M is another world'}"
    )
    return grid(experiment if same else with_settings(experiment, SHIFT), name, paid=not outer)


def grid(experiment: Experiment, name: str, *, paid: bool = False) -> pl.DataFrame:
    """One row per genome: fitness in A, and net payoff and intent in M.

    The optimum and the upkeep of R1 belong to the grid. Heterozygotes count here, unlike on the
    ladder: the inequality holds for any set of genomes with its own best.
    """
    problem = build(experiment)
    if paid:
        pair = replace(
            problem.pair, ancestral=_paid(problem.pair.ancestral), modern=_paid(problem.pair.modern)
        )
        problem = replace(problem, pair=pair)
    frame = Landscape(problem).frame()
    m = problem.pair.modern
    retained = problem.genome.decode(frame["class"].to_numpy()).fitness_retained
    best, r1 = extreme_values(m, m.intent)[0][0], int(frame["modern_intent"].to_numpy().argmax())
    net = float(frame["modern_intent"][r1])
    return frame.select("class", "ancestral", "modern", "modern_intent").with_columns(
        pl.lit(name).alias("cell"),
        pl.lit(float(m.start @ best)).alias("optimum"),
        pl.lit(net / retained[r1] - net if retained[r1] > 0.0 else 0.0).alias("upkeep"),
    )


def _paid(world: TabularMdp) -> TabularMdp:
    """The world with a reward for matings. Intent stays the same."""
    payoff = np.zeros_like(world.payoff)
    acts = [world.acts.index(act) for act in PAID]
    payoff[:, acts] = PAY * world.available[:, acts]
    return replace(world, payoff=payoff)


def bounded(table: pl.DataFrame) -> pl.DataFrame:
    """Loss of every genome of a grid, and its bound with all terms."""
    a, r, u = (table[name].to_numpy() for name in ("ancestral", "modern", "modern_intent"))
    r1 = int(u.argmax())
    overrated = r - u
    terms = {
        "eps": a.max() - a,
        "two_delta": np.full(len(a), 2.0 * np.abs(a - r).max()),
        "representation": np.full(len(a), table["optimum"][0] - u[r1] - table["upkeep"][0]),
        "upkeep": table["upkeep"].to_numpy(),
        "specification": np.full(len(a), overrated.max() - overrated[r1]),
    }
    bound = np.sum(list(terms.values()), axis=0)
    loss = table["optimum"].to_numpy() - u
    return pl.DataFrame(
        {
            "cell": table["cell"],
            "class": table["class"],
            "loss": loss,
            "bound": bound,
            "slack": bound - loss,
            **terms,
        }
    )


def losses(table: pl.DataFrame) -> dict[str, float]:
    """Loss in a cell.

    It is that of the ancestral optima (worst and best in M), and of the worst genome near them.
    """
    a = table["ancestral"].to_numpy()
    loss = table["optimum"].to_numpy() - table["modern_intent"].to_numpy()
    best = loss[a >= a.max() * (1.0 - 1e-12)]
    return {
        "full": float(best.max()),
        "full_best_of_ties": float(best.min()),
        "imperfect": float(loss[a >= a.max() * (1.0 - NEAR)].max()),
    }


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """Losses of the factorial, and violations and slack of the inequality."""
    losses_by_cell = {
        name.removeprefix("cell-"): losses(table)
        for name, table in tables.items()
        if name.startswith("cell-")
    }
    every = pl.concat([bounded(table) for table in tables.values()])
    span = every.group_by("cell", maintain_order=True).agg(pl.col("slack").median())
    return {
        "classes": exactly(tables["cell-outer-same"].height),
        "loss_all_premises": exactly(losses_by_cell["outer-same"]["full"], "offspring"),
        "loss_without_outer_alignment": exactly(losses_by_cell["paid-same"]["full"], "offspring"),
        "loss_in_another_world": exactly(losses_by_cell["outer-shift"]["full"], "offspring"),
        "loss_in_another_world_best_of_ties": exactly(
            losses_by_cell["outer-shift"]["full_best_of_ties"], "offspring"
        ),
        "loss_of_imperfect_search": exactly(losses_by_cell["outer-same"]["imperfect"], "offspring"),
        "loss_no_premise": exactly(losses_by_cell["paid-shift"]["imperfect"], "offspring"),
        "violations": exactly(int((every["slack"] < -ROUNDING).sum()), "genomes"),
        "genomes": exactly(every.height),
        "least_slack": exactly(float(every["slack"].min()), "offspring"),  # type: ignore[arg-type]
        "median_slack": exactly(float(span["slack"].median()), "offspring"),  # type: ignore[arg-type]
    }


def factorial(tables: Tables) -> pl.DataFrame:
    """One row for each of the eight combinations of premises."""
    rows: list[Row] = []
    for name, table in tables.items():
        if name.startswith("cell-"):
            outer, world = name.removeprefix("cell-").split("-")
            lost = losses(table)
            here: Row = {
                "outer_alignment": outer == "outer",
                "no_generalization_error": world == "same",
                "optimum": float(table["optimum"][0]),
            }
            rows += [
                here
                | {
                    "full_optimization": full,
                    "loss": lost["full" if full else "imperfect"],
                    "loss_best_of_ties": lost["full_best_of_ties"] if full else None,
                }
                for full in (True, False)
            ]
    return pl.DataFrame(rows).sort(
        "outer_alignment", "no_generalization_error", "full_optimization", descending=True
    )


def stored_tables(tables: Tables, experiment: Experiment) -> dict[str, pl.DataFrame]:
    """The factorial, and the terms of the inequality by grid."""
    every = pl.concat([bounded(table) for table in tables.values()])
    by_cell = every.group_by("cell", maintain_order=True).agg(
        pl.len().alias("genomes"),
        (pl.col("slack") < -ROUNDING).sum().alias("violations"),
        pl.col("slack").min().alias("least_slack"),
        pl.col("slack").median().alias("median_slack"),
        *(
            pl.col(name).max()
            for name in ("two_delta", "representation", "upkeep", "specification")
        ),
    )
    return {"factorial": factorial(tables), "inequality": by_cell}


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Loss by premises, and the loss of every genome by its bound."""
    return {"factorial": _factorial_chart(tables), "inequality": _inequality_chart(tables)}


def _factorial_chart(tables: Tables) -> Any:
    """Loss by combination of premises."""
    frame = factorial(tables).with_columns(
        pl.concat_str(
            [
                pl.when("outer_alignment")
                .then(pl.lit("outer alignment"))
                .otherwise(pl.lit("paid for matings")),
                pl.when("no_generalization_error")
                .then(pl.lit("M is A"))
                .otherwise(pl.lit("M is another world")),
                pl.when("full_optimization")
                .then(pl.lit("full search"))
                .otherwise(pl.lit("search within 10%")),
            ],
            separator=" + ",
        ).alias("premises"),
        (
            pl.col("outer_alignment").cast(pl.Int8)
            + pl.col("no_generalization_error").cast(pl.Int8)
            + pl.col("full_optimization").cast(pl.Int8)
        ).alias("held"),
        (pl.col("loss") / pl.col("optimum")).alias("share"),
    )
    order = frame.sort("held", descending=True)["premises"].to_list()
    base = alt.Chart(frame)
    y = alt.Y("premises:N", title=None, sort=order, axis=alt.Axis(labelLimit=380))
    x = alt.X(
        "share:Q",
        title="loss in M, share of the best policy's payoff",
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
        scale=alt.Scale(domain=[0, 1.12]),
    )
    bars = base.mark_bar(color=MODERN).encode(y=y, x=x)
    words = base.mark_text(align="left", dx=4).encode(
        y=y, x=x, text=alt.Text("share:Q", format=".1%")
    )
    return themed(
        (bars + words).properties(width=360, height=220),
        "All three premises: nothing is lost",
        [
            "the ancestral optimum that is worst in M, or the worst genome within 10% of it in"
            " A; by enumeration"
        ],
    )


def _inequality_chart(tables: Tables) -> Any:
    """Loss of genomes by their bound."""
    points = pl.concat(
        [bounded(table).sample(min(table.height, 400), seed=0) for table in tables.values()]
    ).with_columns(pl.col("loss", "bound").clip(lower_bound=1e-4))
    line = (
        alt.Chart(pl.DataFrame({"x": [1e-4, 10.0]}))
        .mark_line(color="#000000")
        .encode(x="x:Q", y=alt.Y("x:Q"))
    )
    axis = alt.Axis(values=[1e-4, 1e-3, 1e-2, 1e-1, 1, 10], format="~g")
    dots = (
        alt.Chart(points)
        .mark_point(filled=True, size=14, opacity=0.5)
        .encode(
            x=alt.X(
                "bound:Q",
                title="eps + 2 delta + representation + specification + upkeep (likewise)",
                scale=alt.Scale(type="log", domain=[1e-4, 10], nice=False),
                axis=axis,
            ),
            y=alt.Y(
                "loss:Q",
                title="loss in M (below 0.0001: drawn there)",
                scale=alt.Scale(type="log", domain=[1e-4, 10], nice=False),
                axis=axis,
            ),
            color=alt.Color(
                "cell:N",
                title="grid and worlds",
                legend=alt.Legend(labelLimit=300),
                scale=alt.Scale(
                    range=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
                ),
            ),
        )
    )
    return themed(
        (dots + line).properties(width=360, height=320),
        "No genome loses more than the sum of the parts",
        ["one point a genome (400 of each grid); the line: loss = bound"],
    )


CLAIM = Claim(parts, measure, figures, stored_tables)
