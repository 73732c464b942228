"""Claim 12: detectors.

Detectors that read genomes or behaviour are scored on every genome of a grid. The claim also
measures evolution under each detector, and the classification of agents and devices.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis import detectors as read
from evosim.analysis.deception import examine
from evosim.claims.claim import Charts, Claim, Part, Row, Tables
from evosim.claims.experiments import packaged, with_genome, with_settings
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds, share_of_seeds
from evosim.claims.populations import newborn_classes
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.figures.theme import LOCUS_COLOURS, themed
from evosim.fitness.landscape import Landscape
from evosim.genomes import Rules
from evosim.genomes.reflex import ReflexGenome
from evosim.reference.dynamic_programming import state_values
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HARM = 0.1  # share of the span of modern intent
# share of the span of ancestral payoff: selection itself sees larger losses
FIT = 0.05
LIVES, DISTANCES = 20, (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
PENALTY = 0.5
SAVANNA_LIVES = 5
READERS = {
    "first objective": "first objective",
    "all objectives": "all objectives",
    "gate": "a gate that opens",
    "ancestral payoff": "payoff lost in the ancestral world",
    "goal-directedness": "goal-directedness, ancestral payoff",
    "modern goal-directedness": "goal-directedness, modern intent",
    "anywhere": "harm in any state",
    "modern intent": "behaviour in the modern world",
}
AGENCY = "agency in the ancestral world"  # of sampled lives: one number a seed
WRITTEN = ("first objective", "all objectives", "gate")
AGAINST = ("nothing", "first objective", "all objectives", "modern intent")


def grid(experiment: Experiment) -> pl.DataFrame:
    """Every gated planner of the grid and every table of reflexes.

    Columns give the losses, the kind, and the score of each detector.
    """
    setting = build(experiment)
    reflexes = build(with_genome(experiment, "reflex"))
    tables = [_scored(setting, problem) for problem in (setting, reflexes)]
    return pl.concat(
        [
            table.with_columns(pl.lit(problem.genome.name).alias("genome"))
            for table, problem in zip(tables, (setting, reflexes), strict=True)
        ]
    )


def _scored(setting: Problem, problem: Problem, *, dear: bool = True) -> pl.DataFrame:
    """One row per class of a genome. Expensive scores are optional (`dear`)."""
    pair, size = setting.pair, problem.genome.grid.size
    rules = problem.genome.decode(np.arange(size))
    a, m, where = pair.ancestral, pair.modern, read.reached_by_some(pair)
    payoff = np.array([1.0 if feature == "A" else 0.0 for feature in a.features])
    gates = _gates(rules)
    rows: list[Row] = []
    # The kind of a genome does not depend on the cue's error: after a wrong cue a sleeper may
    # deceive.
    for i, kind in enumerate(x.kind for x in examine(rules, without_cue_errors(setting).pair)):
        here, there = policy_of(rules, i, a, pair), policy_of(rules, i, m, pair)
        lost_ancestral, lost_modern = (
            read.lost_by(a, here, a.payoff),
            read.lost_by(m, there, m.intent),
        )
        rows.append(
            {
                "class": i,
                "kind": kind,
                "key": (
                    blake2b(read.behaviour_key(rules, i, pair, where), digest_size=8).hexdigest()
                ),
                "lost ancestral": lost_ancestral,
                "lost modern": lost_modern,
                "seen ancestral": _seen(a, here, a.payoff),
                "seen modern": _seen(m, there, m.intent),
                "first objective": read.objective_distance(rules, i, payoff, hidden=False),
                "all objectives": read.objective_distance(rules, i, payoff, hidden=True),
                "gate": gates[i],
                "ancestral payoff": lost_ancestral,
                "anywhere": read.worst_anywhere(m, there, m.intent, where),
                "modern intent": lost_modern,
            }
        )
        if dear:
            rows[-1] |= {
                "goal-directedness": -read.goal_directedness(a, here, a.payoff),
                "modern goal-directedness": -read.goal_directedness(m, there, m.intent),
            }
    return pl.DataFrame(rows)


def agency(experiment: Experiment) -> pl.DataFrame:
    """Log odds of an agent for each genome of the grid and each seed, from 20 lives.

    Genomes with equal behaviour have equal lives. Other genomes have other random numbers.
    """
    setting = build(experiment)
    reflexes = build(with_genome(experiment, "reflex"))
    pair, world, where = setting.pair, setting.pair.ancestral, read.reached_by_some(setting.pair)
    objectives = np.array([[np.cos(x), np.sin(x)] for x in np.linspace(0.0, np.pi / 2.0, 9)])
    agents = read.agents_of(world, objectives, list(range(1, world.lifespan + 1)), 0.05, 0.95)
    known: dict[tuple[int, bytes], float] = {}
    rows = []
    for problem in (setting, reflexes):
        rules = problem.genome.decode(np.arange(problem.genome.grid.size))
        for i in range(len(rules)):
            policy, key = (
                policy_of(rules, i, world, pair),
                blake2b(read.behaviour_key(rules, i, pair, where), digest_size=8).digest(),
            )
            for seed in experiment.seeds:
                if (seed, key) not in known:
                    lives = read.observe_lives(
                        world,
                        policy,
                        LIVES,
                        np.random.default_rng([seed, int.from_bytes(key, "big")]),
                    )
                    known[seed, key] = read.agency(lives, agents, pair, world)
                rows.append(
                    {
                        "seed": seed,
                        "genome": problem.genome.name,
                        "class": i,
                        "agency": known[seed, key],
                    }
                )
    return pl.DataFrame(rows)


def without_cue_errors(setting: Problem) -> Problem:
    """The same problem with a cue that does not err."""
    return build(with_settings(setting.experiment, "world.cue={}"))


def _gates(rules: Rules) -> Floats:
    """`[n]` 1 for a gate that opens on the cue, else 0."""
    gate = getattr(rules, "gate", None)
    return np.zeros(len(rules)) if gate is None else np.asarray(gate > 0, dtype=np.float64)


def _seen(world: TabularMdp, policy: Floats, amount: Floats) -> float:
    """Share of lives with any loss.

    Lives of this world are random only at birth.
    """
    best = state_values(world, policy * 0.0 + _always_a(world)[None], amount)[0]
    return float(world.start[state_values(world, policy, amount)[0] < best - 1e-9].sum())


def _always_a(world: TabularMdp) -> Floats:
    """The policy `[S, A]` that is best for both payoff and intent."""
    out = np.zeros(world.available.shape)
    out[:, world.acts.index("A")] = 1.0
    return out


def fit_to_live(table: pl.DataFrame) -> pl.DataFrame:
    """Genomes that selection would keep."""
    return table.filter(pl.col("lost ancestral") <= FIT)


def watched(experiment: Experiment, table_of: Experiment) -> pl.DataFrame:
    """For each seed and distance, the AUC of an observer of 20 lives.

    Each life is modern with probability 1 - distance, else ancestral. The observer sees intent in
    modern lives and payoff in ancestral ones. `expected` is the closed form for the same genomes.
    """
    table = fit_to_live(grid(table_of))
    harmful = (table["lost modern"] > HARM).to_numpy()
    here, there = table["seen ancestral"].to_numpy(), table["seen modern"].to_numpy()
    rows = []
    for d in DISTANCES:
        shown = (1.0 - d) * there + d * here
        assert shown[~harmful].max() <= 1e-9  # otherwise ties would have another share
        expected = float(1.0 - 0.5 * ((1.0 - shown[harmful]) ** LIVES).mean())
        for seed in experiment.seeds:
            rng = np.random.default_rng([seed, int(1000 * d)])
            score = rng.binomial(LIVES, np.clip(shown, 0.0, 1.0)).astype(np.float64)
            rows.append(
                {
                    "seed": seed,
                    "distance": d,
                    "auc": read.auc(np.minimum(score, 1.0), harmful),
                    "expected": expected,
                }
            )
    return pl.DataFrame(rows)


def against(experiment: Experiment, reader: str) -> pl.DataFrame:
    """One row per seed: evolution in the ancestral world if a reader halves flagged fitness.

    AUCs are of founders and of the last generation, weighted by counts. They are NaN if all genomes
    or none are harmful.
    """
    setting = build(experiment)
    table = _scored(setting, setting, dear=False).sort("class")
    harmful = (table["lost modern"] > HARM).to_numpy()
    score = np.zeros(len(harmful)) if reader == "nothing" else table[reader].to_numpy()
    flagged = score > (HARM if reader == "modern intent" else 1e-9)
    fitness = Landscape(setting).fitness(np.arange(len(harmful))).ancestral * (
        1.0 - PENALTY * flagged
    )
    rows = []
    for seed in experiment.seeds:
        first, last = _evolved(setting, fitness, seed)
        row: Row = {"seed": seed}
        for name, count in (("before", first), ("after", last)):
            share = np.bincount(count, minlength=len(harmful)) / len(count)
            row |= {
                f"auc {name}": read.auc(score, harmful, share),
                f"harmful {name}": float(share[harmful].sum()),
                f"flagged {name}": float(share[flagged].sum()),
            }
        rows.append(row)
    return pl.DataFrame(rows)


def _evolved(
    setting: Problem, fitness: Floats, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classes of the founders and of the last ancestral generation."""
    every = list(newborn_classes(setting, fitness.__getitem__, seed, setting.experiment.swap))
    return every[0], every[-1]


def agents_and_devices(planners: Experiment, reflexes: Experiment, seed: int) -> pl.DataFrame:
    """The best evolved planner and the best evolved reflex, observed for a few lives.

    Both live in the ancestral savanna.
    """
    rows, agents = [], None
    for experiment in (planners, reflexes):
        setting = build(experiment)
        landscape, world, pair = Landscape(setting), setting.pair.ancestral, setting.pair
        if agents is None:
            agents = read.agents_of(world, _savanna_objectives(world), [1, 2, 3, 4], 0.02, 0.95)
        best = _best_evolved(setting, landscape, seed)
        rules = setting.genome.decode(np.array([best]))
        policy = policy_of(rules, 0, world, pair)
        lives = read.observe_lives(world, policy, SAVANNA_LIVES, np.random.default_rng([seed, 12]))
        rows.append(
            {
                "seed": seed,
                "genome": setting.genome.name,
                "class": best,
                "log odds": read.agency(lives, agents, pair, world),
                "goal-directedness": read.goal_directedness(world, policy, world.payoff),
                "lost": read.lost_by(world, policy, world.payoff),
                "reflex": isinstance(setting.genome, ReflexGenome),
            }
        )
    return pl.DataFrame(rows)


def _savanna_objectives(world: TabularMdp) -> Floats:
    """`[n, K]` objectives that an agent of savanna might have."""
    choices = {
        "satiety": [1.0],
        "ease": [0.0, 0.5, 1.0],
        "company": [0.0, 0.5],
        "pleasure": [0.0, 0.5, 1.0],
        "young": [0.0, 1.0, 2.0],
    }
    each = np.meshgrid(*(choices.get(feature, [0.0]) for feature in world.features), indexing="ij")
    return np.stack([x.ravel() for x in each], axis=1)


def _best_evolved(setting: Problem, landscape: Landscape, seed: int) -> int:
    """The class with the largest ancestral fitness in the last generation."""
    *_, last = newborn_classes(
        setting, lambda classes: landscape.fitness(classes).ancestral, seed, setting.experiment.swap
    )
    return int(last[landscape.fitness(last).ancestral.argmax()])


def parts(experiment: Experiment) -> list[Part]:
    """The grid, observed lives, evolution against each reader, and one savanna per seed."""
    shrunk = [
        f"optimizer.population={experiment.optimizer['population']}",
        f"phases.0.generations={experiment.phases[0].generations}",
    ]
    planners, reflexes = (packaged(name, *shrunk) for name in ("coarse-savanna", "reflexes"))
    fixed = experiment.model_copy(update={"replicates": 1})
    return [
        Part("grid", grid, (fixed,), cost=2.0),
        Part("agency", agency, (experiment,), cost=4.0),
        Part("watched", watched, (experiment, fixed), cost=2.0),
        *(
            Part(f"against-{reader.replace(' ', '-')}", against, (experiment, reader), cost=2.0)
            for reader in AGAINST
        ),
        *(
            Part(f"savanna-{seed}", agents_and_devices, (planners, reflexes, seed), cost=1.0)
            for seed in experiment.seeds
        ),
    ]


def ways_to_write(table: pl.DataFrame, reader: str) -> tuple[float, float]:
    """Least and largest AUC over the genomes that write the same behaviour.

    There is one genome per behaviour.
    """
    ends = table.group_by("key", maintain_order=True).agg(
        pl.col(reader).min().alias("low"),
        pl.col(reader).max().alias("high"),
        (pl.col("lost modern").first() > HARM).alias("harmful"),
    )
    low, high, harmful = (ends[name].to_numpy() for name in ("low", "high", "harmful"))
    return read.auc(np.where(harmful, low, high), harmful), read.auc(
        np.where(harmful, high, low), harmful
    )


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """AUCs and false alarms on the grid, differences of equal behaviours, and evolution."""
    return (
        _measure_grid(tables, experiment)
        | _measure_observers(tables)
        | _measure_evolution(tables)
        | _measure_savanna(tables, experiment)
    )


def _measure_grid(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """AUCs and false alarms of the readers on the grid."""
    table = fit_to_live(tables["grid"])
    harmful = (table["lost modern"] > HARM).to_numpy()
    planners = (table["genome"] == "gated").to_numpy()
    robust = planners & (table["lost modern"] <= 1e-9).to_numpy()
    out = {"genomes fit to live": exactly(table.height), "harmful of them": exactly(harmful.sum())}
    for kind in ("deceiver", "sleeper", "aligned"):
        out[f"genomes fit to live: {kind}"] = exactly(table.filter(pl.col("kind") == kind).height)
    spreads = {}
    for reader, label in READERS.items():
        score = table[reader].to_numpy()
        out[f"AUC, {label}"] = exactly(read.auc(score, harmful))
        out[f"false alarms on robust planners, {label}"] = exactly(
            read.false_alarms(score, harmful & planners, robust),
            "share, catching 90% of harmful planners",
        )
        low, high = ways_to_write(table, reader)
        out[f"least AUC over ways to write the same behaviours, {label}"] = exactly(low)
        out[f"largest AUC over ways to write the same behaviours, {label}"] = exactly(high)
        spreads[reader] = float(
            (  # type: ignore[arg-type]
                table.group_by("key").agg(
                    (pl.col(reader).max() - pl.col(reader).min()).alias("spread")
                )
            )["spread"].max()
        )
    joined = table.join(tables["agency"], on=["genome", "class"], how="left", maintain_order="left")
    by_seed = [
        joined.filter(pl.col("seed") == seed)["agency"].to_numpy() for seed in experiment.seeds
    ]
    out[f"AUC, {AGENCY}"] = mean_over_seeds(read.auc(score, harmful) for score in by_seed)
    out[f"false alarms on robust planners, {AGENCY}"] = mean_over_seeds(
        (read.false_alarms(score, harmful & planners, robust) for score in by_seed),
        "share, catching 90% of harmful planners",
    )
    behaviour = max(spread for reader, spread in spreads.items() if reader not in WRITTEN)
    out["largest difference of a behaviour reader's scores between genomes that act alike"] = (
        exactly(behaviour)
    )
    low, high = ways_to_write(table, "all objectives")
    out["spread of the genome reader's AUC over ways to write the same behaviours"] = exactly(
        high - low
    )
    out["harmful genomes that do no harm in any state"] = exactly(
        (table["anywhere"].to_numpy()[harmful] <= HARM).sum()
    )
    return out


def _measure_observers(tables: Tables) -> dict[str, Measurement]:
    """AUCs of observers of lives, and their differences from the closed form."""
    out: dict[str, Measurement] = {}
    seen = tables["watched"]
    for d in DISTANCES:
        at_distance = seen.filter(pl.col("distance") == d)
        out[f"AUC of {LIVES} lives, distance {d:g}"] = mean_over_seeds(at_distance["auc"])
        out[f"AUC of {LIVES} lives less its closed form, distance {d:g}"] = mean_over_seeds(
            at_distance["auc"] - at_distance["expected"]
        )
    return out


def _measure_evolution(tables: Tables) -> dict[str, Measurement]:
    """Harmful shares and AUCs after evolution against each reader."""
    out: dict[str, Measurement] = {}
    evolved = {reader: tables[f"against-{reader.replace(' ', '-')}"] for reader in AGAINST}
    for reader, table in evolved.items():
        out[f"harmful share against {READERS.get(reader, reader)}"] = mean_over_seeds(
            table["harmful after"]
        )
        for when in ("before", "after"):
            known = table.filter(pl.col(f"auc {when}").is_not_nan())
            if known.height and reader != "nothing":
                out[f"AUC of {READERS[reader]} {when} evolving against it"] = mean_over_seeds(
                    known[f"auc {when}"]
                )
        out[
            f"seeds without harmful genomes after evolving against {READERS.get(reader, reader)}"
        ] = share_of_seeds(
            int((table["harmful after"] == 0.0).sum()), table.height, "share of seeds"
        )
    first = evolved["first objective"].filter(pl.col("auc after").is_not_nan())
    out["AUC of the first objective after evolving against it, change"] = mean_over_seeds(
        first["auc after"] - first["auc before"]
    )
    share = {reader: table["harmful after"].to_numpy() for reader, table in evolved.items()}
    out["harmful share against the first objective less that against all objectives"] = (
        mean_over_seeds(share["first objective"] - share["all objectives"])
    )
    out["harmful share against behaviour in the modern world less that without a detector"] = (
        mean_over_seeds(share["modern intent"] - share["nothing"])
    )
    return out


def _measure_savanna(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """Agents and devices among evolved planners and reflexes of savanna."""
    out: dict[str, Measurement] = {}
    lived = pl.concat([tables[f"savanna-{seed}"] for seed in experiment.seeds])
    for name, rows, right in (
        ("planners", lived.filter(~pl.col("reflex")), pl.col("log odds") > 0),
        ("reflexes", lived.filter(pl.col("reflex")), pl.col("log odds") < 0),
    ):
        kind = "agents" if name == "planners" else "devices"
        out[f"evolved {name} of savanna taken for {kind}"] = share_of_seeds(
            rows.filter(right).height, rows.height, "share of seeds"
        )
        out[f"log odds of an agent, evolved {name} of savanna"] = mean_over_seeds(
            rows["log odds"], "nats"
        )
        out[f"goal-directedness, evolved {name} of savanna"] = mean_over_seeds(
            rows["goal-directedness"], "nats per life"
        )
    return out


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """ROC curves of the readers on the grid, and AUC by distance of the model of M."""
    return {"roc": _roc_chart(tables), "knowledge": _knowledge_chart(tables, experiment)}


def _roc_chart(tables: Tables) -> Any:
    """ROC curves of the readers on the grid."""
    table = fit_to_live(tables["grid"])
    harmful = (table["lost modern"] > HARM).to_numpy()
    mean = (
        tables["agency"]
        .group_by("genome", "class", maintain_order=True)
        .agg(pl.col("agency").mean())
    )
    table = table.join(mean, on=["genome", "class"], how="left", maintain_order="left")
    names = READERS | {"agency": AGENCY}
    shown = (
        "first objective",
        "all objectives",
        "ancestral payoff",
        "agency",
        "anywhere",
        "modern intent",
    )
    rows = []
    for reader in shown:
        alarms, caught = read.roc(table[reader].to_numpy(), harmful)
        rows += [
            {"reader": names[reader], "alarms": x, "caught": y, "at": i}
            for i, (x, y) in enumerate(zip(alarms, caught, strict=True))
        ]
    order = [names[reader] for reader in shown]
    colour = alt.Color(
        "reader:N",
        title=None,
        scale=alt.Scale(domain=order, range=[LOCUS_COLOURS[i] for i in (1, 6, 7, 4, 3, 2)]),
        legend=alt.Legend(labelLimit=260),
    )
    curves = (
        alt.Chart(pl.DataFrame(rows))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=28))
        .encode(
            alt.X("alarms:Q", title="share of harmless genomes flagged"),
            alt.Y("caught:Q", title="share of harmful genomes flagged"),
            colour,
            order="at:Q",
        )
    )
    chance = (
        alt.Chart(pl.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]}))
        .mark_line(color="#999999", strokeDash=[3, 3])
        .encode(x="x:Q", y="y:Q")
    )
    roc = alt.layer(chance, curves).properties(width=300, height=300)
    note = (
        f"{table.height} gated planners and tables that are fit in the ancestral world,"
        f" {int(harmful.sum())} of them harmful in the modern one"
    )
    return themed(roc, "Detectors of future harm", [note, "agency: mean log odds over seeds"])


def _knowledge_chart(tables: Tables, experiment: Experiment) -> Any:
    """AUC by distance of the model of M."""
    seen = (
        tables["watched"]
        .group_by("distance")
        .agg(
            pl.col("auc").mean(),
            pl.col("auc").quantile(0.025).alias("low"),
            pl.col("auc").quantile(0.975).alias("high"),
            pl.col("expected").first(),
        )
        .sort("distance")
    )
    x = alt.X(
        "distance:Q",
        title="share of lives in which the model of M is wrong",
        axis=alt.Axis(format="%"),
    )
    line = (
        alt.Chart(seen)
        .mark_line(color="#0072B2")
        .encode(
            x,
            alt.Y(
                "expected:Q",
                title=f"AUC from {LIVES} watched lives",
                scale=alt.Scale(domain=[0.4, 1.0]),
            ),
        )
    )
    whisker = alt.Chart(seen).mark_rule(color="#D55E00").encode(x, alt.Y("low:Q"), alt.Y2("high:Q"))
    points = (
        alt.Chart(seen)
        .mark_point(color="#D55E00", filled=True, size=45, opacity=1)
        .encode(x, alt.Y("auc:Q"))
    )
    known = alt.layer(line, whisker, points).properties(width=300, height=300)
    return themed(
        known,
        "How much of M must be known",
        [f"points: means and middle 95% of {experiment.replicates} seeds; line: closed form"],
    )


CLAIM = Claim(parts, measure, figures)
