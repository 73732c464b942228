"""Claim 13: inner alignment is neither necessary nor sufficient, by enumeration.

Each genome of the grid is in one of four cells. Does its objective rank all policies as payoff
does, in A and in M? Does it lose at most a tenth of the best policy's intent in M? The modern
worlds are those of the experiment's family.

The claim also shows a life of each off-diagonal cell, and genomes with equal behaviour and
different causes. For some genomes it shows all objectives that explain their behaviour in A.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.analysis.behaviour import Gaps, gaps_of, ledger_of
from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.equivalence import Pair, alike, most_different
from evosim.analysis.planner_causes import SWITCHES
from evosim.analysis.revealed_objectives import explanations, misranking, weight_grid
from evosim.analysis.sample_life import DRAWN, middling
from evosim.claims.claim import Charts, Claim, Part, Tables
from evosim.claims.experiments import with_settings
from evosim.claims.measurements import Measurement, exactly
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.figures.theme import LOCUS_COLOURS, MODERN, themed
from evosim.fitness.landscape import Landscape
from evosim.genomes import PlannerRules
from evosim.reference.dynamic_programming import Floats, extreme_values, level_at
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp

TENTH = 0.1  # of the best policy's intent in M; a larger loss is bad
SAME_RANKING = 1e-9
# Sets of genomes that act alike, and members of each, whose causes are compared
GROUPS, MEMBERS = (16, 4)
CELLS = {
    (True, True): "right objective, good",
    (True, False): "right objective, bad",
    (False, True): "another objective, good",
    (False, False): "another objective, bad",
}


def parts(experiment: Experiment) -> list[Part]:
    """A part for the grid of each modern world, one for equals and one for explanations."""
    out = []
    for member in experiment.analysis.family:
        here = _in(experiment, member.name)
        out.append(Part(f"grid-{member.name}", grid, (here, member.name), cost=8.0))
    return [
        *out,
        Part("equals", equals, (experiment,), cost=20.0),
        Part("explained", explained, (experiment,), cost=20.0),
    ]


def _in(experiment: Experiment, name: str) -> Experiment:
    """The experiment with a world of its family as its modern world."""
    member = next(x for x in experiment.analysis.family if x.name == name)
    inside = ",".join(f"{key}={str(value).lower()}" for key, value in member.set.items())
    return with_settings(experiment, f"world.modern={{{inside}}}")


def grid(experiment: Experiment, name: str) -> pl.DataFrame:
    """One row per genome: objective, horizon, belief, difference of ranking, and loss."""
    problem = build(experiment)
    frame = Landscape(problem).frame()
    rules = problem.genome.decode(frame["class"].to_numpy())
    assert isinstance(rules, PlannerRules)
    m = problem.pair.modern
    best = float(m.start @ extreme_values(m, m.intent)[0][0])
    ranks = {w.tobytes(): _apart(problem, w) for w in np.unique(rules.weights, axis=0)}
    return frame.with_columns(
        pl.lit(name).alias("world"),
        pl.Series("misranking", [ranks[w.tobytes()] for w in rules.weights]),
        (1.0 - pl.col("modern_intent") / best).alias("loss"),
        (1.0 - pl.col("ancestral") / pl.col("ancestral").max()).alias("loss_in_A"),
        pl.Series("horizon", rules.horizon),
        pl.Series("belief", [rules.beliefs[b] for b in rules.belief]),
    ).with_columns(_cell())


def _apart(problem: Problem, weights: Floats) -> float:
    """Difference between the rankings of two objectives, in the world where it is larger."""
    a, m = problem.pair.ancestral, problem.pair.modern
    return max(
        misranking(a, a.features_felt @ weights, a.payoff),
        misranking(m, m.features_felt @ weights, m.intent),
    )


def _cell() -> pl.Expr:
    out = pl.lit(CELLS[False, False])
    for (right, good), name in CELLS.items():
        here = ((pl.col("misranking") <= SAME_RANKING) == right) & (
            (pl.col("loss") <= TENTH) == good
        )
        out = pl.when(here).then(pl.lit(name)).otherwise(out)
    return out.alias("cell")


def examples(table: pl.DataFrame) -> dict[str, int]:
    """A class for each off-diagonal cell.

    Among the good it is the one with the most different objective. Among the bad it is the worst of
    those with the longest horizon.
    """
    good = table.filter(pl.col("cell") == CELLS[False, True]).sort(
        "misranking", "class", descending=[True, False]
    )
    bad = table.filter(pl.col("cell") == CELLS[True, False]).sort(
        "horizon", "loss", "class", descending=[True, True, False]
    )
    return {
        name: int(rows["class"][0])
        for name, rows in ((CELLS[False, True], good), (CELLS[True, False], bad))
        if rows.height
    }


def lives(table: pl.DataFrame, experiment: Experiment, name: str) -> pl.DataFrame:
    """A life in M of a genome of each off-diagonal cell.

    It is the most typical of several lives drawn with the experiment's seed.
    """
    problem = build(experiment)
    rows = []
    for cell, number in examples(table).items():
        rules = problem.genome.decode(np.array([number], dtype=np.int64))
        policy = policy_of(rules, 0, problem.pair.modern, problem.pair)
        rng = np.random.default_rng([experiment.seed, 13])
        sample = [drawn_life(problem.pair.modern, policy, rng) for _ in range(DRAWN)]
        offspring = np.array([sum(u for _, _, u in life) for life in sample])
        mean = float(offspring.mean())
        life = sample[middling(offspring[:, None], np.array([mean]))]
        head = {
            "world": name,
            "cell": cell,
            "class": number,
            "genome": _format_genome(problem, number),
            "mean_of_drawn": mean,
        }
        rows += [
            {**head, "age": t, "state": s, "act": a, "intent": u}
            for t, (s, a, u) in enumerate(life)
        ]
    return pl.DataFrame(rows)


def drawn_life(
    world: TabularMdp, policy: Floats, rng: np.random.Generator
) -> list[tuple[str, str, float]]:
    """States, acts and intent of one life, until nothing changes any more."""
    out: list[tuple[str, str, float]] = []
    ended, s = world.terminal_states(), int(rng.choice(len(world.states), p=world.start))
    for t in range(world.lifespan):
        if ended[s]:
            break
        a = int(rng.choice(len(world.acts), p=policy[level_at(t, world.lifespan, len(policy)), s]))
        out.append((world.states[s], world.acts[a], float(world.intent[s, a])))
        chances = world.transitions[s, a]
        s = int(rng.choice(len(world.states), p=chances / chances.sum()))
    return out


def equals(experiment: Experiment) -> pl.DataFrame:
    """Genomes with equal behaviour in both worlds whose causes differ most.

    One row per genome of a pair and cause, with the difference of their ledgers.
    """
    problem = build(experiment)
    evaluator, gaps = ClassEvaluator(problem.genome, problem.pair), gaps_of(problem.pair)
    frame = Landscape(problem).frame()
    named = frame.group_by("ancestral_policy", "modern_policy", maintain_order=True).agg(
        pl.col("class"), pl.len(), pl.col("modern_intent").first()
    )
    # The sets with the largest intent in M. Childless genomes behave alike for many reasons.
    sets = (
        named.filter(pl.col("len") > 1)
        .sort("modern_intent", descending=True)["class"]
        .to_list()[:GROUPS]
    )
    groups = [
        group
        for some in sets
        for group in alike(evaluator, np.array(_spread(some), dtype=np.int64))
    ]
    rows = []
    for rank, pair in enumerate(most_different(evaluator, groups)):
        apart = _ledgers_apart(evaluator, gaps, pair)
        moved = min(
            abs(pair.causes[0][cause] - pair.causes[1][cause]) for cause in ("objective", "belief")
        )
        for number, parts_ in zip(pair.classes, pair.causes, strict=True):
            decoded, fitness = (
                _format_genome(problem, number),
                evaluator.amounts(number, "modern").net_intent,
            )
            rows += [
                {
                    "rank": rank,
                    "worth": fitness,
                    "class": number,
                    "genome": decoded,
                    "world": pair.world,
                    "cause": cause,
                    "value": parts_[cause],
                    "distance": pair.distance,
                    "desire_for_belief": moved,
                    "ledgers_apart": apart,
                }
                for cause in SWITCHES
            ]
    return pl.DataFrame(rows)


def _spread(classes: list[int]) -> list[int]:
    """At most `MEMBERS` items of a list, evenly from first to last."""
    return [classes[i] for i in np.unique(np.linspace(0, len(classes) - 1, MEMBERS).astype(int))]


def _format_genome(problem: Problem, number: int) -> str:
    """Objective, horizon and belief of a genome in words."""
    rules = problem.genome.decode(np.array([number], dtype=np.int64))
    assert isinstance(rules, PlannerRules)
    wants = ", ".join(
        f"{name} {w:g}"
        for name, w in zip(problem.pair.ancestral.features, rules.weights[0], strict=True)
        if w
    )
    return (
        f"wants {wants or 'nothing'}; sees {rules.horizon[0]}; believes"
        f" {rules.beliefs[rules.belief[0]]}"
    )


def _ledgers_apart(evaluator: ClassEvaluator, gaps: Gaps, pair: Pair) -> float:
    """The largest difference between entries of two behaviour ledgers."""
    x, y = (
        ledger_of(gaps, evaluator.evaluate(c, "ancestral"), evaluator.evaluate(c, "modern"))
        for c in pair.classes
    )
    return max(
        float(np.abs(x.waste - y.waste).max()),
        *(float(np.abs(x.modern[kind] - y.modern[kind]).max()) for kind in x.modern),
    )


def explained(experiment: Experiment) -> pl.DataFrame:
    """For some genomes, all objectives of the grid for which their behaviour in A is optimal.

    One row per objective, with its value in M. `objective` is null if there is none. The genomes
    are the best ones of each horizon and a bottle cap, which always does the default act.
    """
    problem = build(experiment)
    a, m = problem.pair.ancestral, problem.pair.modern
    weights = weight_grid(
        [
            (
                [float(x) for x in experiment.genome["weights"][f]["alleles"]]
                if f in experiment.genome["weights"]
                else [0.0]
            )
            for f in a.features
        ]
    )
    frame = Landscape(problem).frame()
    best = float(m.start @ extreme_values(m, m.intent)[0][0])
    subjects: list[tuple[str, Floats, float]] = []
    for horizon in experiment.genome["horizon"]["alleles"]:
        number = int(
            frame.filter(pl.col("locus:horizon") == horizon).sort(
                "ancestral", "class", descending=[True, False]
            )["class"][0]
        )
        rules = problem.genome.decode(np.array([number], dtype=np.int64))
        fitness = float(frame.filter(pl.col("class") == number)["modern_intent"][0])
        subjects.append(
            (f"best that sees {horizon:g} steps", policy_of(rules, 0, a, problem.pair), fitness)
        )
    lid = np.zeros((1, len(a.states), len(a.acts)))
    lid[:, :, a.acts.index(problem.pair.default_act)] = 1.0
    subjects.append(("bottle cap", lid, 0.0))
    rows = []
    for name, policy, fitness in subjects:
        objectives = explanations(a, policy, weights, m)
        for w, trivial, value in zip(
            objectives.weights, objectives.trivial, objectives.fitness, strict=True
        ):
            wants = (
                ", ".join(f"{f} {x:g}" for f, x in zip(a.features, w, strict=True) if x)
                or "nothing"
            )
            rows.append(
                {
                    "subject": name,
                    "tried": objectives.tried,
                    "objective": wants,
                    "trivial": bool(trivial),
                    "in_M": float(value) / best,
                    "own_in_M": fitness / best,
                }
            )
    return pl.DataFrame(rows)


def _grids(tables: Tables) -> pl.DataFrame:
    return pl.concat([table for name, table in tables.items() if name.startswith("grid-")])


def counts(tables: Tables) -> pl.DataFrame:
    """Number of genomes in each cell of each world, with ranges of objectives and losses."""
    return (
        _grids(tables)
        .group_by("world", "cell", maintain_order=True)
        .agg(
            pl.len().alias("genomes"),
            pl.col("loss").min().alias("least_loss"),
            pl.col("loss").max().alias("largest_loss"),
            pl.col("misranking").max().alias("largest_misranking"),
        )
        .sort("world", "cell")
    )


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """Counts of cells in the first modern world, losses by wrong belief, and equals."""
    first = experiment.analysis.family[0].name
    here, every = tables[f"grid-{first}"], _grids(tables)
    far = every["horizon"].max()
    wrong = every.filter(
        (pl.col("misranking") <= SAME_RANKING)
        & (pl.col("horizon") == far)
        & (pl.col("belief") != "true")
    )
    right = every.filter(
        (pl.col("misranking") <= SAME_RANKING)
        & (pl.col("horizon") == far)
        & (pl.col("belief") == "true")
    )
    of = {name: int((here["cell"] == name).sum()) for name in CELLS.values()}
    equal, explained_table = tables["equals"], tables["explained"]
    cap = explained_table.filter(pl.col("subject") == "bottle cap")
    by_world = {
        f"loss_by_wrong_belief_{row['world']}": exactly(row["loss"], "of the best")
        for row in wrong.group_by("world", maintain_order=True).agg(pl.col("loss").max()).to_dicts()
    }
    return {
        "genomes": exactly(here.height),
        "right_objective_and_good": exactly(of[CELLS[True, True]], "genomes"),
        "right_objective_and_bad": exactly(of[CELLS[True, False]], "genomes"),
        "another_objective_and_good": exactly(of[CELLS[False, True]], "genomes"),
        "another_objective_and_bad": exactly(of[CELLS[False, False]], "genomes"),
        "loss_by_wrong_belief": exactly(float(wrong["loss"].max()), "of the best"),  # type: ignore[arg-type]
        "loss_with_true_belief": exactly(float(right["loss"].max()), "of the best"),  # type: ignore[arg-type]
        **by_world,
        "pairs_of_equals": exactly(equal["rank"].n_unique()),
        "ledger_difference_of_equals": exactly(float(equal["ledgers_apart"].max()), "offspring"),  # type: ignore[arg-type]
        "causes_difference_of_equals": exactly(float(equal["distance"].max()), "offspring"),  # type: ignore[arg-type]
        "desire_taken_for_belief": exactly(float(equal["desire_for_belief"].max()), "offspring"),  # type: ignore[arg-type]
        "objectives_of_a_bottle_cap": exactly(cap.height),
        "objectives_tried": exactly(int(explained_table["tried"][0])),
    }


def stored_tables(tables: Tables, experiment: Experiment) -> dict[str, pl.DataFrame]:
    """Counts, lives, equals and explanations."""
    names = [member.name for member in experiment.analysis.family]
    every_life = pl.concat(
        [lives(tables[f"grid-{name}"], _in(experiment, name), name) for name in names]
    )
    return {
        "counts": counts(tables),
        "lives": every_life,
        "equals": tables["equals"],
        "explained": tables["explained"],
    }


def _most_moved(equal: pl.DataFrame) -> pl.DataFrame:
    """The pair with the largest shift from desire to belief.

    Only pairs with at least half the largest fitness are compared.
    """
    good = equal.filter(pl.col("worth") >= 0.5 * pl.col("worth").max())
    return equal.filter(
        pl.col("rank")
        == good.sort("desire_for_belief", "rank", descending=[True, False])["rank"][0]
    )


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """All genomes by objective and loss, a life of each off-diagonal cell, and a pair of equals."""
    return {
        "cells": _cells_chart(tables),
        "lives": _lives_chart(tables, experiment),
        "equals": _equals_chart(tables),
    }


def _cells_chart(tables: Tables) -> Any:
    """All genomes by objective and loss."""
    every = _grids(tables).with_columns(
        pl.when(pl.col("horizon") < pl.col("horizon").max())
        .then(pl.lit("sees less"))
        .when(pl.col("belief") == "true")
        .then(pl.lit("sees to the end"))
        .otherwise(pl.lit("sees to the end, believes A"))
        .alias("planner")
    )
    kinds = ["sees to the end", "sees to the end, believes A", "sees less"]
    dots = (
        alt.Chart(every)
        .mark_point(filled=True, size=24, opacity=0.6)
        .encode(
            x=alt.X(
                "misranking:Q",
                title="how differently the objective ranks policies",
                axis=alt.Axis(tickCount=5),
            ),
            y=alt.Y(
                "loss:Q",
                title="loss in M, share of the best",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=alt.Color(
                "planner:N",
                title=None,
                scale=alt.Scale(domain=kinds, range=["#0072B2", "#D55E00", "#7F7F7F"]),
            ),
        )
    )
    line = alt.Chart(every).mark_rule(strokeDash=[4, 3]).encode(y=alt.datum(TENTH))
    faceted = (
        alt.layer(dots, line)
        .properties(width=260, height=240)
        .facet(column=alt.Column("world:N", title=None))
    )
    return themed(
        faceted,
        "Neither necessary nor sufficient",
        [
            "one point a genome; at 0: ranks all policies as payoff does; dashes: a tenth of"
            " the best is lost"
        ],
    )


def _lives_chart(tables: Tables, experiment: Experiment) -> Any:
    """One life of each off-diagonal cell."""
    acts = build(experiment).pair.ancestral.acts
    every_life = stored_tables(tables, experiment)["lives"].with_columns(
        pl.concat_str([pl.col("cell"), pl.lit(" ("), pl.col("world"), pl.lit(")")]).alias("who"),
        (pl.col("age") + 1).alias("end"),
        pl.col("act").str.replace_all("_", " "),
    )
    ages = (
        alt.Chart(every_life)
        .mark_rect(height=26)
        .encode(
            x=alt.X("age:Q", title="age (a life ends where its row ends)"),
            x2="end",
            y=alt.Y("who:N", title=None, axis=alt.Axis(labelLimit=320)),
            color=alt.Color(
                "act:N",
                title=None,
                scale=alt.Scale(
                    domain=[a.replace("_", " ") for a in acts],
                    range=[
                        "#E69F00",
                        "#DDDDDD",
                        "#56B4E9",
                        MODERN,
                        "#CC79A7",
                        "#F0E442",
                        "#009E73",
                        *LOCUS_COLOURS,
                    ][: len(acts)],
                ),
            ),
        )
    )
    return themed(
        ages.properties(width=460, height=alt.Step(38)),
        "One life of each",
        [
            "of 101 drawn, the one whose offspring are nearest to their mean",
            (
                "the good wants what ranks policies most differently; the bad wants offspring"
                " alone, sees to the end, believes A"
            ),
        ],
    )


def _equals_chart(tables: Tables) -> Any:
    """Causes of two genomes with equal behaviour."""
    pair = _most_moved(tables["equals"]).filter(
        pl.col("cause").is_in(["objective", "belief", "horizon"])
    )
    bars = (
        alt.Chart(pair)
        .mark_bar()
        .encode(
            x=alt.X("value:Q", title="of the loss, by cause (Shapley value; negative: it helps)"),
            y=alt.Y("cause:N", title=None, sort=["objective", "belief", "horizon"]),
            yOffset="genome:N",
            color=alt.Color(
                "genome:N",
                title="genome",
                legend=alt.Legend(labelLimit=420, orient="bottom", direction="vertical"),
                scale=alt.Scale(range=["#0072B2", "#D55E00"]),
            ),
        )
    )
    return themed(
        bars.properties(width=380, height=160),
        "Two genomes that do the same",
        [
            "in both worlds, wherever they come; their ledgers are equal",
            f"each has {pair['worth'][0]:.2f} expected offspring in M",
        ],
    )


CLAIM = Claim(parts, measure, figures, stored_tables)
