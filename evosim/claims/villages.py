"""Claim 8: paid for troops, players keep the weakest.

Paid for villages after meeting Aurora alone, they need not attack Brotherhood.

Both cells measure soldiers of each kind at the end of a life and destroyed villages of each
alliance. They do so for the best policy, for the best genomes (enumerated, both ends of ties) and
for evolved populations.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.ladder import BestClasses
from evosim.claims.claim import Charts, Claim, Part, Row, Tables
from evosim.claims.experiments import with_settings
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.errors import UserError
from evosim.figures.theme import LOCUS_COLOURS, themed
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import act_probabilities, extreme_values, occupancy
from evosim.simulation.loop import simulate
from evosim.worlds import TabularMdp
from evosim.worlds.villages import Villages, counts

Floats = NDArray[np.float64]
PAYOFFS = ("troops", "villages")
WORLDS = ("ancestral", "modern")
RAIDS = (0.0, 0.001, 0.002, 0.004, 0.006, 0.01, 0.02)
UNITS = ("weak", "strong", "aurora", "brotherhood", "fallen")
BLOCK = 5  # seeds of a part
EXACT = 1e-12


def parts(experiment: Experiment) -> list[Part]:
    """Enumerations and populations for each payoff, and the best policies by danger of raids."""
    out = [Part("raids", raids, (experiment,), cost=6.0)]
    for payoff in PAYOFFS:
        cell = with_settings(experiment, f"world.ancestral.payoff={payoff}")
        out.append(Part(f"best-{payoff}", best, (cell,), cost=4.0))
        for first in range(experiment.seed, experiment.seed + experiment.replicates, BLOCK):
            n = min(BLOCK, experiment.seed + experiment.replicates - first)
            block = with_settings(cell, f"seed={first}", f"replicates={n}")
            out.append(Part(f"evolved-{payoff}-{first}", evolved, (block,), cost=3.0 * n))
    return out


def outcome(params: Villages, world: TabularMdp, done: Floats) -> dict[str, float]:
    """Outcome of a life with occupancy `[T, S, A]`.

    It is the number of soldiers by kind at the end, the chance to have fallen, and the destroyed
    villages.
    """
    end = np.einsum("sa,sax->x", done[-1], world.transitions)
    number = counts(params)
    by_act = done.sum(axis=0)
    destroyed = {
        name: float((by_act * world.features_felt[:, :, world.features.index(name)]).sum())
        for name in ("aurora", "brotherhood")
    }
    return (
        {"weak": float(end @ number["weak"]), "strong": float(end @ number["strong"])}
        | destroyed
        | {"fallen": float(end[-1])}
    )


def optimum(world: TabularMdp, amount: Floats) -> Floats:
    """`[T, S, A]` occupancy of the best policy for an amount; ties are split evenly."""
    value, q = extreme_values(world, amount)
    tolerance = EXACT * max(1.0, float(np.abs(value).max()))
    chances = [
        act_probabilities(
            np.where(world.available, q[t], -np.inf), value[t], tolerance, 0.0, "split"
        )
        for t in range(world.lifespan)
    ]
    return occupancy(world, np.stack(chances[::-1]))


def _params(setting: Problem) -> Villages:
    return Villages(**setting.experiment.world.ancestral)


def best(experiment: Experiment) -> pl.DataFrame:
    """Rows for the best policy and the best genomes, with both ends of a tie by intent in M.

    Best for intent is relative to the world of the row.
    """
    problem = build(experiment)
    params, payoff = _params(problem), experiment.world.ancestral["payoff"]
    landscape = Landscape(problem)
    best_classes = BestClasses.from_landscape(landscape.frame(), landscape.spans, exact=True)
    evaluator = ClassEvaluator(problem.genome, problem.pair)
    rows = []
    for letter, world in zip(WORLDS, (problem.pair.ancestral, problem.pair.modern), strict=True):
        done = optimum(world, world.payoff)
        rows.append(
            {
                "payoff": payoff,
                "who": "best policy",
                "world": letter,
                "villages": float((done * world.intent).sum()),
            }
            | outcome(params, world, done)
        )
        named = {
            "best for intent": (
                (
                    best_classes.ancestral_intent
                    if letter == "ancestral"
                    else best_classes.modern_intent
                ).worst
            ),
            "best for payoff": best_classes.modern.worst,
            "best for payoff, luckiest": best_classes.modern.best,
            "best ancestral": best_classes.ancestral.worst,
            "best ancestral, luckiest": best_classes.ancestral.best,
        }
        for who, number in named.items():
            evaluation = evaluator.evaluate(number, letter)
            rows.append(
                {
                    "payoff": payoff,
                    "who": who,
                    "world": letter,
                    "villages": evaluation.amounts.intent,
                }
                | outcome(params, world, evaluation.occupancy)
            )
    return pl.DataFrame(rows)


def evolved(experiment: Experiment) -> pl.DataFrame:
    """Means over the individuals at the swap, in both worlds. One row per seed and world.

    `desire` is the share of individuals that want Brotherhood's fall. `neutral` is its expected
    value under mutation alone.
    """
    problem = build(experiment)
    params, landscape = _params(problem), Landscape(problem)
    frame, evaluator = landscape.frame(), ClassEvaluator(problem.genome, problem.pair)
    known: dict[tuple[str, int], dict[str, float]] = {}
    rows: list[Row] = []
    for seed in experiment.seeds:
        landscape.reset_record()
        populations = (
            simulate(problem, landscape, seed)
            .tables["populations"]
            .filter(pl.col("moment") == "swap")
        )
        if populations.is_empty():
            raise UserError(
                "Claim 8 needs populations that live to the swap, but the population of seed"
                f" {seed} died out."
                " Give some founders a desire to fight (genome.weights)."
            )
        lived = (
            populations.group_by("class")
            .agg(pl.col("count").sum())
            .join(frame, on="class")
            .sort("class")
        )
        share = lived["count"].to_numpy() / lived["count"].sum()
        desire = float(share @ (lived["locus:brotherhood"].to_numpy() > 0.0))
        for letter, world in zip(
            WORLDS, (problem.pair.ancestral, problem.pair.modern), strict=True
        ):
            done = []
            for number, name in lived.select("class", f"{letter}_policy").iter_rows():
                if (letter, name) not in known:  # equal names mean equal behaviour
                    known[letter, name] = outcome(
                        params, world, evaluator.evaluate(number, letter).occupancy
                    )
                done.append(known[letter, name])
            means = {unit: float(share @ [row[unit] for row in done]) for unit in UNITS}
            rows.append(
                {
                    "payoff": experiment.world.ancestral["payoff"],
                    "seed": seed,
                    "world": letter,
                    **means,
                    "villages": float(share @ lived[f"{letter}_intent"].to_numpy()),
                    "desire": desire,
                    "neutral": neutral(problem, "brotherhood"),
                }
            )
    return pl.DataFrame(rows)


def neutral(problem: Problem, name: str) -> float:
    """Expected share of positive alleles of a haploid locus at the swap under mutation alone.

    Mutation is stepwise.
    """
    locus = next(locus for locus in problem.genome.grid.loci if locus.name == name)
    alleles = np.array(locus.params.alleles, dtype=np.float64)
    n, rate = len(alleles), locus.params.mutation / 2.0
    moves = np.eye(n)
    for i in range(n - 1):
        moves[[i, i + 1], [i + 1, i]] += rate
        moves[[i, i + 1], [i, i + 1]] -= rate
    share = np.bincount(locus.initial_alleles(), minlength=n) / len(locus.initial_alleles())
    return float(
        (share @ np.linalg.matrix_power(moves, problem.experiment.swap - 1))[alleles > 0.0].sum()
    )


def raids(experiment: Experiment) -> pl.DataFrame:
    """Soldiers of the best policy for troops, by danger of raids."""
    rows = []
    for raid in RAIDS:
        problem = build(
            with_settings(
                experiment, "world.ancestral.payoff=troops", f"world.ancestral.raid={raid}"
            )
        )
        world = problem.pair.ancestral
        rows.append({"raid": raid} | outcome(_params(problem), world, optimum(world, world.payoff)))
    return pl.DataFrame(rows)


def _evolved(tables: Tables) -> pl.DataFrame:
    return pl.concat([table for name, table in tables.items() if name.startswith("evolved-")]).sort(
        "payoff", "world", "seed"
    )


def _best(tables: Tables) -> pl.DataFrame:
    return pl.concat([tables[f"best-{payoff}"] for payoff in PAYOFFS])


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """The predicted quantities."""
    enumerated, populations = _best(tables), _evolved(tables)

    def one(payoff: str, who: str, world: str, column: str) -> float:
        return float(
            enumerated.filter(
                (pl.col("payoff") == payoff) & (pl.col("who") == who) & (pl.col("world") == world)
            )[column].item()
        )

    def seeds(payoff: str, world: str, value: pl.Expr) -> Floats:
        rows = populations.filter((pl.col("payoff") == payoff) & (pl.col("world") == world)).select(
            value.alias("x")
        )
        return rows["x"].to_numpy()

    out: dict[str, Measurement] = {}
    weak, strong = (
        one("troops", "best ancestral", "ancestral", kind) for kind in ("weak", "strong")
    )
    out["troops_best_weak_share"] = exactly(weak / (weak + strong), "of soldiers at the end, A")
    for end, name in (
        ("best for payoff", "specification"),
        ("best for payoff, luckiest", "specification_luckiest"),
    ):
        for payoff in PAYOFFS:
            goal = one(payoff, "best for intent", "modern", "villages")
            out[f"{payoff}_{name}"] = exactly(
                1.0 - one(payoff, end, "modern", "villages") / goal,
                "of the best genome's villages, M",
            )
    worst, luckiest, top = (
        one("villages", who, "modern", "villages")
        for who in ("best ancestral", "best ancestral, luckiest", "best for payoff")
    )
    out["villages_shift"] = exactly(1.0 - worst / top, "of the best genome's villages, M")
    out["villages_shift_shared"] = exactly(1.0 - luckiest / top, "of the best genome's villages, M")
    out["villages_best_attacks_brotherhood"] = exactly(
        one("villages", "best ancestral", "modern", "brotherhood"), "villages in a life, M"
    )
    most = {world: one("villages", "best for intent", world, "villages") for world in WORLDS}
    for payoff in PAYOFFS:
        for kind in ("weak", "strong"):
            out[f"{payoff}_{kind}"] = mean_over_seeds(
                seeds(payoff, "ancestral", pl.col(kind)), "soldiers at the end, A"
            )
        for kind, world in (("aurora", "ancestral"), ("brotherhood", "modern")):
            out[f"{payoff}_{kind}"] = mean_over_seeds(
                seeds(payoff, world, pl.col(kind)), f"villages in a life, {world[0].upper()}"
            )
    out["troops_more_weak"] = mean_over_seeds(
        seeds("troops", "ancestral", pl.col("weak") - pl.col("strong")), "soldiers at the end, A"
    )
    out["villages_more_strong"] = mean_over_seeds(
        seeds("villages", "ancestral", pl.col("strong") - pl.col("weak")), "soldiers at the end, A"
    )
    out["villages_kept_against_aurora"] = mean_over_seeds(
        seeds("villages", "ancestral", pl.col("aurora") / most["ancestral"]),
        "of the best genome's, A",
    )
    out["villages_kept_against_brotherhood"] = mean_over_seeds(
        seeds("villages", "modern", pl.col("brotherhood") / most["modern"]),
        "of the best genome's, M",
    )
    out["villages_desire_beyond_mutation"] = mean_over_seeds(
        seeds("villages", "modern", pl.col("desire") - pl.col("neutral")), "share of individuals"
    )
    out["weak_share_without_raids"] = exactly(
        _weak_share(tables["raids"])[0], "of soldiers at the end, best policy"
    )
    out["weak_share_with_most_raids"] = exactly(
        _weak_share(tables["raids"])[-1], "of soldiers at the end, best policy"
    )
    return out


def _weak_share(table: pl.DataFrame) -> Floats:
    return (
        table.sort("raid")
        .select(pl.col("weak") / (pl.col("weak") + pl.col("strong")))
        .to_series()
        .to_numpy()
    )


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Soldiers and villages of the best genomes and populations, and the effect of raids."""
    return {"villages": _lives(tables, experiment), "raids": _raids(tables)}


def _lives(tables: Tables, experiment: Experiment) -> Any:
    labels = {
        "weak": "weak soldiers",
        "strong": "strong soldiers",
        "aurora": "Aurora's villages",
        "brotherhood": "Brotherhood's villages",
    }
    names = {
        "best for intent": "best genome for what was wanted",
        "best ancestral": "best genome of training (worst of ties)",
    }
    evolved_rows = _evolved(tables).with_columns(pl.lit("evolved population").alias("who"))
    columns = ["payoff", "who", "world", *labels]
    rows = pl.concat(
        [
            _best(tables)
            .filter(pl.col("who").is_in(list(names)))
            .with_columns(pl.col("who").replace(names))
            .select(columns),
            evolved_rows.select(columns),
        ]
    )
    long = rows.unpivot(
        on=list(labels), index=["payoff", "who", "world"], variable_name="kind", value_name="number"
    ).with_columns(
        pl.col("kind").replace(labels),
        pl.col("world").replace(
            {"ancestral": "against Aurora (A)", "modern": "against Brotherhood (M)"}
        ),
        (pl.lit("paid for ") + pl.col("payoff")).alias("cell"),
    )
    order = [*names.values(), "evolved population"]
    colour = alt.Color(
        "who:N",
        title=None,
        sort=order,
        scale=alt.Scale(domain=order, range=LOCUS_COLOURS[1:4]),
        legend=alt.Legend(orient="bottom", columns=3, labelLimit=300),
    )
    y = alt.Y("kind:N", title=None, sort=list(labels.values()))
    offset = alt.YOffset("who:N", sort=order)
    base = alt.Chart(long)
    bars = base.mark_bar().encode(
        alt.X("mean(number):Q", title="soldiers at the end of a life, villages destroyed in it"),
        y,
        offset,
        colour,
    )
    seeds = (
        base.transform_filter(alt.datum.who == "evolved population")
        .mark_tick(thickness=1.2, size=9, color="#000000", opacity=0.55)
        .encode(alt.X("number:Q"), y, offset)
    )
    chart = (
        (bars + seeds)
        .properties(width=260, height=190)
        .facet(
            row=alt.Row("cell:N", title=None, sort="ascending"),
            column=alt.Column("world:N", title=None),
        )
    )
    notes = [f"bars of populations are means of {experiment.replicates} seeds; ticks are seeds"]
    return themed(
        chart, "Barracks with weak soldiers, and an enemy that no genome learned to attack", notes
    )


def _raids(tables: Tables) -> Any:
    table = tables["raids"].sort("raid")
    long = table.unpivot(
        on=["weak", "strong"], index="raid", variable_name="kind", value_name="number"
    )
    colour = alt.Color(
        "kind:N",
        title="soldiers",
        sort=["weak", "strong"],
        scale=alt.Scale(domain=["weak", "strong"], range=LOCUS_COLOURS[1:3]),
    )
    x = alt.X("raid:Q", title="chance per turn and enemy village that a raid comes")
    chart = (
        alt.Chart(long)
        .mark_line(point=True)
        .encode(x, alt.Y("number:Q", title="soldiers at the end of a life"), colour)
        .properties(width=380, height=220)
    )
    return themed(
        chart,
        "Payoff for the number of troops buys strong ones only where raids would end the count",
        ["best policy for the number of troops, in A; exact"],
    )


CLAIM = Claim(parts, measure, figures)
