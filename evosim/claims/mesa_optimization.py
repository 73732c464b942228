"""Claim 14: is mesa-optimization a separate problem?

Planners are compared with tables of their own ancestral behaviour.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.claims.claim import Charts, Claim, Part, Row, Tables
from evosim.claims.experiments import packaged, with_genome, with_settings
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds, of_sample
from evosim.claims.populations import newborn_classes
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.figures.theme import ANCESTRAL, MODERN, themed
from evosim.fitness.landscape import Landscape
from evosim.genomes.loci import Ints
from evosim.reference.dynamic_programming import extreme_values, lifetime, occupancy
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp, WorldPair

Floats = NDArray[np.float64]

# Differences of each modern world from the ancestral one.
MODERN_WORLDS = {
    "contraception": (
        "world.modern={contraception=true, forage_success=0.75, death=0.01, solo_intensity=0.5}",
    ),
    "scarcity": ("world.modern={forage_success=0.4, court_success=0.25}",),
    "hard gestation": ("world.modern={gestation_drain=0.8}",),
}
SINGLE_CHANGES = (
    "forage_success=0.4",
    "forage_success=0.5",
    "forage_success=0.9",
    "forage_gain=1",
    "forage_danger=8.0",
    "court_success=0.25",
    "court_cost=3",
    "partner_leaves=0.4",
    "conception=0.1",
    "mate_cost=2",
    "gestation_drain=0.8",
    "nurse_success=0.4",
    "nurse_cost=2",
    "neglect=0.8",
    "rest_cost=1.0",
    "death=0.06",
    "solo_intensity=2.0",
)
SEEDS_A_PART = 5


def compiled(policy: Floats, pair: WorldPair, world: TabularMdp) -> Floats:
    """The table `[L, S, A]` of an ancestral policy, applied in a world of the pair.

    It does the default act, as reflexes do, in states that cannot be reached in the ancestral
    world. It also does so if its act is not available.
    """
    default = world.acts.index(pair.default_act)
    known = np.asarray(pair.ancestral.reachable_by_age().any(axis=0))
    out = np.where(known[None, :, None] & world.available[None], policy, 0.0)
    out[:, :, default] += 1.0 - out.sum(axis=2)
    return out


def settings_of(experiment: Experiment) -> dict[str, Problem]:
    """The experiment with each of the modern worlds."""
    return {
        name: build(with_settings(experiment, *changes)) for name, changes in MODERN_WORLDS.items()
    }


def lifetime_values(settings: dict[str, Problem], classes: Ints) -> pl.DataFrame:
    """Value of a life of planners and of their tables, without the cost of planning.

    It is payoff in the ancestral world and intent in each modern one.
    """
    one = next(iter(settings.values()))
    rules = one.genome.decode(classes)
    rows = []
    for i, number in enumerate(classes.tolist()):
        a = one.pair.ancestral
        lived = policy_of(rules, i, a, one.pair)
        row = {
            "class": number,
            "ancestral planner": lifetime(a, lived, a.payoff),
            "ancestral table": lifetime(a, compiled(lived, one.pair, a), a.payoff),
        }
        for name, setting in settings.items():
            m = setting.pair.modern
            row[f"{name} planner"] = lifetime(m, policy_of(rules, i, m, setting.pair), m.intent)
            row[f"{name} table"] = lifetime(m, compiled(lived, setting.pair, m), m.intent)
        rows.append(row)
    return pl.DataFrame(rows)


def evolved(experiment: Experiment, seeds: tuple[int, ...]) -> pl.DataFrame:
    """One row per seed: means over the last ancestral generation."""
    settings = settings_of(experiment)
    one = next(iter(settings.values()))
    landscape = Landscape(one)
    rows = []
    for seed in seeds:
        classes, count = np.unique(_last(one, landscape, seed), return_counts=True)
        values = lifetime_values(settings, classes)
        means = {
            name: float(values[name].to_numpy() @ count / count.sum())
            for name in values.columns[1:]
        }
        rows.append(
            {
                "seed": seed,
                **means,
                "least difference in A": float(
                    (values["ancestral planner"] - values["ancestral table"]).abs().max()  # type: ignore[arg-type]
                ),
            }
        )
    return pl.DataFrame(rows)


def _last(setting: Problem, landscape: Landscape, seed: int) -> Ints:
    """Classes of the last ancestral generation."""
    *_, last = newborn_classes(
        setting, lambda classes: landscape.fitness(classes).ancestral, seed, setting.experiment.swap
    )
    return last


def optimum(experiment: Experiment) -> pl.DataFrame:
    """The best ancestral genomes, one row each.

    Columns also give the value of the best policy of each modern world.
    """
    settings = settings_of(experiment)
    one = next(iter(settings.values()))
    values = lifetime_values(
        settings, Landscape(one).best("ancestral", experiment.seed, experiment.analysis.restarts)
    )
    return values.with_columns(
        pl.lit(_best(setting.pair.modern)).alias(f"{name} best")
        for name, setting in settings.items()
    )


def single_changes(experiment: Experiment) -> pl.DataFrame:
    """The ancestral optimum as planner and as table after one change of savanna.

    There is no prediction about it.
    """
    rows: list[Row] = []
    for change in SINGLE_CHANGES:
        setting = build(with_settings(experiment, f"world.modern={{{change}}}"))
        if not rows:
            best = Landscape(setting).best(
                "ancestral", experiment.seed, experiment.analysis.restarts
            )[:1]
        values = lifetime_values({"modern": setting}, best).row(0, named=True)
        rows.append(
            {
                "change": change,
                "planner": values["modern planner"],
                "table": values["modern table"],
                "best": _best(setting.pair.modern),
            }
        )
    return pl.DataFrame(rows)


def acts_in_scarcity(experiment: Experiment) -> pl.DataFrame:
    """Number of times that the ancestral optimum does each act in a life.

    Columns are the ancestral world, and scarcity as planner and as table.
    """
    setting = settings_of(experiment)["scarcity"]
    a, m = setting.pair.ancestral, setting.pair.modern
    rules = setting.genome.decode(
        Landscape(setting).best("ancestral", experiment.seed, experiment.analysis.restarts)[:1]
    )
    lived = policy_of(rules, 0, a, setting.pair)
    cases = {
        "ancestral": (a, lived),
        "planner": (m, policy_of(rules, 0, m, setting.pair)),
        "table": (m, compiled(lived, setting.pair, m)),
    }
    times = {
        name: occupancy(world, policy)[:, ~world.terminal_states()].sum(axis=(0, 1))
        for name, (world, policy) in cases.items()
    }
    return pl.DataFrame({"act": a.acts} | times)


def _best(world: TabularMdp) -> float:
    return float(world.start @ extreme_values(world, world.intent)[0][0])


def reflexes(experiment: Experiment, seeds: tuple[int, ...]) -> pl.DataFrame:
    """One row per seed: value of evolved reflexes in the same worlds."""
    settings = settings_of(experiment)
    one = next(iter(settings.values()))
    landscape = Landscape(one)
    rows = []
    for seed in seeds:
        classes, count = np.unique(_last(one, landscape, seed), return_counts=True)
        rules = one.genome.decode(classes)
        row: dict[str, float] = {"seed": seed}
        for name, setting in settings.items():
            m = setting.pair.modern
            each = [
                lifetime(m, policy_of(rules, i, m, setting.pair), m.intent)
                for i in range(len(rules))
            ]
            row[name] = float(np.array(each) @ count / count.sum())
        rows.append(row)
    return pl.DataFrame(rows)


def deceivers(experiment: Experiment) -> pl.DataFrame:
    """The ancestral optima of planners in the world of episodes, and their tables."""
    setting = build(experiment)
    values = lifetime_values(
        {"episodes": setting},
        Landscape(setting).best("ancestral", experiment.seed, experiment.analysis.restarts),
    )
    return values.with_columns(pl.lit(_best(setting.pair.modern)).alias("episodes best"))


def parts(experiment: Experiment) -> list[Part]:
    """Optima, populations of planners and of reflexes by a few seeds, and episodes."""
    tables = with_genome(experiment, "reflex").model_copy(update={"replicates": 1})
    fixed = experiment.model_copy(update={"replicates": 1})
    out = [
        Part(name, make, (fixed,), cost=1.0)
        for name, make in (
            ("optimum", optimum),
            ("changes", single_changes),
            ("acts", acts_in_scarcity),
        )
    ]
    out.append(Part("episodes", deceivers, (packaged("deception"),)))
    for seeds in seeds_by_part(experiment):
        out.append(Part(f"planners-{seeds[0]}", evolved, (fixed, seeds), cost=2.0))
        out.append(Part(f"reflexes-{seeds[0]}", reflexes, (tables, seeds), cost=2.0))
    return out


def seeds_by_part(experiment: Experiment) -> list[tuple[int, ...]]:
    """The seeds of each part."""
    seeds = list(experiment.seeds)
    return [tuple(seeds[i : i + SEEDS_A_PART]) for i in range(0, len(seeds), SEEDS_A_PART)]


def gathered(tables: Tables, experiment: Experiment, name: str) -> pl.DataFrame:
    """The rows of all seeds."""
    return pl.concat([tables[f"{name}-{seeds[0]}"] for seeds in seeds_by_part(experiment)])


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """Planner minus table in every world, for optima and populations.

    The share of the best policy that each loses is measured too.
    """
    best, values, tabular = (
        tables["optimum"],
        gathered(tables, experiment, "planners"),
        gathered(tables, experiment, "reflexes"),
    )
    out = {
        "A, planner less table, largest of all populations": of_sample(
            float(values["least difference in A"].max()),  # type: ignore[arg-type]
            "expected offspring",
        ),
        "A, planner less table, ancestral optimum": exactly(
            float((best["ancestral planner"] - best["ancestral table"]).abs().max())  # type: ignore[arg-type]
        ),
        "genomes that tie for the ancestral optimum": exactly(best.height),
    }
    for name in MODERN_WORLDS:
        row = best.sort(f"{name} planner").row(0, named=True)  # of ties, the worst
        ceiling = row[f"{name} best"]
        label = f"M with {name}"
        out[f"{label}, planner less table, ancestral optimum"] = exactly(
            row[f"{name} planner"] - row[f"{name} table"], "expected offspring"
        )
        out[f"{label}, planner less table, evolved"] = mean_over_seeds(
            values[f"{name} planner"] - values[f"{name} table"], "expected offspring"
        )
        for kind in ("planner", "table"):
            out[f"{label}, share of the best policy lost by {kind}s, ancestral optimum"] = exactly(
                1.0 - row[f"{name} {kind}"] / ceiling
            )
            out[f"{label}, share of the best policy lost by {kind}s, evolved"] = mean_over_seeds(
                1.0 - values[f"{name} {kind}"] / ceiling
            )
        out[f"{label}, share of the best policy lost by evolved reflexes"] = mean_over_seeds(
            1.0 - tabular[name] / ceiling
        )
    gains = (tables["changes"]["planner"] - tables["changes"]["table"]).to_numpy()
    for name, many in (
        ("helps", gains > 1e-9),
        ("makes no difference", np.abs(gains) <= 1e-9),
        ("harms", gains < -1e-9),
    ):
        out[f"single changes in which planning anew {name}, ancestral optimum"] = exactly(
            many.sum(), f"of {len(gains)}"
        )
    for row in tables["acts"].iter_rows(named=True):
        for kind in ("planner", "table"):
            out[f"M with scarcity, {row['act']} in a life, {kind}"] = exactly(row[kind], "times")
    worst = tables["episodes"].sort("episodes planner").row(0, named=True)
    out["M of episodes, planner less table, worst ancestral optimum"] = exactly(
        worst["episodes planner"] - worst["episodes table"], "expected offspring"
    )
    out["M of episodes, share of the best policy lost, worst ancestral optimum"] = exactly(
        1.0 - worst["episodes planner"] / worst["episodes best"]
    )
    return out


# Rows of the figure, and the ends of the names of their quantities
SHOWN = {
    "best genome, as a planner": "planners, ancestral optimum",
    "best genome, as a table": "tables, ancestral optimum",
    "evolved planners": "planners, evolved",
    "their tables": "tables, evolved",
    "evolved reflexes": "evolved reflexes",
}


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Losses of planners, of their tables and of evolved reflexes in each modern world."""
    measured = measure(tables, experiment)
    rows: list[Row] = []
    for name in MODERN_WORLDS:
        for who, key in SHOWN.items():
            m = measured[f"M with {name}, share of the best policy lost by {key}"]
            rows.append(
                {
                    "world": name,
                    "who": who,
                    "lost": m.value,
                    "low": m.low if m.low is not None else m.value,
                    "high": m.high if m.high is not None else m.value,
                }
            )
    order = list(SHOWN)
    plans = alt.condition(
        alt.FieldOneOfPredicate("who", [order[0], order[2]]),
        alt.value(MODERN),
        alt.value(ANCESTRAL),
    )
    base = alt.Chart(pl.DataFrame(rows))
    y = alt.Y("who:N", title=None, sort=order)
    bars = base.mark_bar(height=16).encode(
        alt.X(
            "lost:Q",
            title="share of the best policy's intent lost",
            axis=alt.Axis(format="%", tickCount=5),
        ),
        y,
        color=plans,
    )
    whiskers = base.mark_rule(strokeWidth=1.5).encode(alt.X("low:Q"), alt.X2("high:Q"), y)
    chart = (
        alt.layer(bars, whiskers)
        .properties(width=210, height=150)
        .facet(
            alt.Facet(
                "world:N",
                title=None,
                sort=list(MODERN_WORLDS),
                header=alt.Header(labelExpr="'modern world with ' + datum.value"),
            ),
            columns=3,
        )
    )
    note = (
        "orange: plans again after the swap; blue: keeps its ancestral policy; evolved: means of"
        f" {experiment.replicates} seeds with 95% intervals"
    )
    return {"loss": themed(chart, "Loss at a swap: planners and their tables", [note])}


CLAIM = Claim(parts, measure, figures)
