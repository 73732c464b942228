"""Ontologies: loss by payoff that takes different states for the same state.

Run: python scripts/studies/merged_states.py

In the ancestral savanna and in villages, payoff is as intended, but a share of states is confused.
Each of them is taken for any other state, or for the state that follows most often. The
specification step is measured in A alone, without any shift, for the grid of planners and for all
policies. For planners it is best genome for intent minus best genome for payoff (of ties, the
worst).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from evosim.analysis.ladder import breeding_true
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.study import Study, stored_provenance
from evosim.config.resolve import Problem
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.worlds import TabularMdp
from evosim.worlds.ontology import merge_states_of_pair, merging_error

WORLDS = {"savanna": "coarse-savanna", "villages": "villages"}
TAKEN_FOR = ("any other state", "the one that follows")
SHARES, SEEDS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8), range(20)
TIE = 1e-9  # relative; acts within it of the best for payoff tie, and the worst for intent is taken


def groups_of(world: TabularMdp, share: float, taken_for: str, seed: int) -> np.ndarray:
    """`[S]` group of each state; states taken for the same state are one group.

    A share of the states, drawn by a seed, is each taken for another state.
    """
    rng = np.random.default_rng([seed, round(1000 * share)])
    n = len(world.states)
    some = rng.permutation(n)[: round(share * n)]
    if taken_for == "any other state":
        other = (some + rng.integers(1, n, len(some))) % n
    else:
        next_ = world.transitions.sum(axis=1)
        np.fill_diagonal(next_, 0.0)
        other = next_.argmax(axis=1)[some]
    links = coo_array((np.ones(len(some)), (some, other)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def best_for_payoff(world: TabularMdp) -> float:
    """Intent of the policy that is best for payoff; of several, the worst for intent.

    The result is exact, by backward induction on both.
    """
    paid, meant = np.zeros(len(world.states)), np.zeros(len(world.states))
    for _ in range(world.lifespan):
        q, u = (
            np.where(world.available, amount + world.transitions @ value, -np.inf)
            for amount, value in ((world.payoff, paid), (world.intent, meant))
        )
        paid = q.max(axis=1)
        tied = q >= paid[:, None] - TIE * max(1.0, float(np.abs(paid).max()))
        meant = np.where(tied, u, np.inf).min(axis=1)
    return float(world.start @ meant)


def steps(problem: Problem, groups: np.ndarray) -> dict[str, float]:
    """Merging error, and the specification step for planners and for all policies.

    The step is a share of the best possible intent. Planners are those that breed true.
    """
    pair = merge_states_of_pair(problem.pair, groups)
    landscape = Landscape(replace(problem, pair=replace(pair, modern=pair.ancestral)))
    fitness = breeding_true(landscape.frame())
    tied = fitness.filter(pl.col("ancestral") >= pl.col("ancestral").max() - 1e-12)
    top = float(fitness["ancestral_intent"].max())  # type: ignore[arg-type]
    optimum = best_for_payoff(replace(pair.ancestral, payoff=pair.ancestral.intent))
    return {
        "misread": merging_error(problem.pair.ancestral, groups),
        "genomes": 1.0 - float(tied["ancestral_intent"].min()) / top,  # type: ignore[arg-type]
        "policies": 1.0 - best_for_payoff(pair.ancestral) / optimum,
    }


def table() -> pl.DataFrame:
    """One row per world, kind of confusion and share: means over seeds with intervals."""
    rows: list[dict[str, Any]] = []
    for world, name in WORLDS.items():
        problem = build_packaged(name)
        for taken_for in TAKEN_FOR:
            for share in SHARES:
                drawings = [
                    steps(problem, groups_of(problem.pair.ancestral, share, taken_for, seed))
                    for seed in SEEDS
                ]
                row: dict[str, Any] = {"world": world, "taken_for": taken_for, "share": share}
                for column in drawings[0]:
                    row |= mean_over_seeds(x[column] for x in drawings).columns(column)
                rows.append(row)
                print(row, flush=True)
    return pl.DataFrame(rows)


def draw(folder: Path) -> dict[str, Any]:
    """The specification step by the share of states taken for another."""
    stored, seeds = pl.read_csv(folder / "merged-states.csv"), stored_provenance(folder)["seeds"]
    long = pl.concat(
        [
            stored.select(
                "world",
                "taken_for",
                "share",
                pl.lit(who).alias("who"),
                *(pl.col(f"{column}{end}").alias(f"step{end}") for end in ("", "_low", "_high")),
            )
            for column, who in (
                ("genomes", "best planner on the grid"),
                ("policies", "best of all policies"),
            )
        ]
    )
    colour = alt.Color(
        "taken_for:N",
        title="taken for",
        scale=alt.Scale(
            domain=stored["taken_for"].unique(maintain_order=True).to_list(),
            range=["#D55E00", "#0072B2"],
        ),
    )
    x = alt.X(
        "share:Q", title="share of states taken for another", axis=alt.Axis(format="%", grid=False)
    )
    y = alt.Y("step:Q", title="specification step", scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(long)
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.5).encode(
        x, alt.Y("step_low:Q"), alt.Y2("step_high:Q"), colour
    )
    chart = (
        bars + base.mark_line(point=alt.OverlayMarkDef(size=40)).encode(x, y, colour)
    ).properties(width=WIDTH - 40, height=HEIGHT - 60)
    faceted = chart.facet(
        column=alt.Column("who:N", title=None), row=alt.Row("world:N", title=None)
    )
    chart = themed(
        faceted,
        "Cost of a wrong ontology of payoff",
        [
            f"specification step as a share of the best, in A alone, without any shift. {seeds}"
            " drawings a point; bars: 95% bootstrap intervals of the mean"
        ],
    )
    return {"merged-states": chart}


def main() -> None:
    """Make table and figure."""
    study = Study("merged-states", build_packaged("coarse-savanna"), draw)
    study.store({"merged-states": table()}, seeds=len(SEEDS))


if __name__ == "__main__":
    main()
