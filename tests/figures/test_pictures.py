"""Figures of a run that are drawn when asked for: their frames are exact, and every chart is
whole.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import pytest

from evosim.analysis import (
    expected_drive,
    ladder,
    landscape_density,
    means_over_seeds,
    policy_table,
    sample_life,
)
from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.summary import LadderSummary
from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import build_landscape
from evosim.config.resolve import Problem, resolve
from evosim.config.settings import apply_settings
from evosim.figures import FIGURES, Source
from evosim.figures import policies as figures_policies
from evosim.figures import sample_life as figures_sample_life
from evosim.figures.act_colours import ink, letters, named
from evosim.figures.behaviour import behaviour
from evosim.figures.behaviour import says as behaviour_says
from evosim.figures.fitness import fitness
from evosim.figures.inputs import Searched
from evosim.figures.ladder import ladders
from evosim.figures.landscape_search import legs
from evosim.figures.policies import left_out, shown_places, tiles
from evosim.figures.registry import SEARCH_FIGURES
from evosim.figures.sample_life import factors
from evosim.fitness.landscape import Landscape
from evosim.optimizers.real_vectors import search
from evosim.reference.dynamic_programming import Span, level_at
from evosim.reference.rollout import live
from evosim.runs import execute, figures
from evosim.simulation.loop import simulate
from evosim.theory import drive, fluctuation, two_locus
from evosim.worlds import TabularMdp
from tests.support.settings import quick, setting

NEW = ("landscape", "policies", "life", "trajectories", "ties", "causes", "desires", "variation")
STILL = (
    "optimizer.population=60",
    "phases.0.generations=12",
    "replicates=2",
    "optimizer.introductions.0.copies=12",
)
EVERYWHERE = [
    "birth-control",
    "reflexes",
    "villages",
    "maze",
    "lava",
    "host",
    "host-planners",
    "micro",
    "deception",
    "gated",
]


def source(folder: Path, name: str, *settings: str) -> Source:
    experiment = resolve(apply_settings(read_experiment(name), list(settings)))
    return figures.source_of(execute.run(experiment, out=folder / name)[0])


@pytest.fixture(scope="module")
def savanna(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return source(
        tmp_path_factory.mktemp("savanna"), "birth-control", *quick("birth-control", "replicates=2")
    )


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return source(tmp_path_factory.mktemp("driven"), "drive-equilibrium", *STILL)


def conducts_of(made: Problem) -> ClassEvaluator:
    return ClassEvaluator(made.genome, made.pair)


# --- the cross-section of the landscape


def made_up(worths: list[tuple[float, float]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "class": range(len(worths)),
            "ancestral": [a for a, _ in worths],
            "modern_intent": [m for _, m in worths],
        }
    )


@pytest.mark.parametrize("kind", ["random", "one", "equal in A", "all equal", "on edges"])
def test_every_class_is_counted_once(kind: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random(500), rng.random(500) ** 3
    table = {
        "random": made_up(list(zip(x.tolist(), y.tolist(), strict=True))),
        "one": made_up([(0.3, 0.4)]),
        "equal in A": made_up([(0.5, v) for v in y]),
        "all equal": made_up([(0.0, 0.0)] * 9),
        "on edges": made_up([(i / 64, i / 48) for i in range(49)]),
    }[kind]
    edges = landscape_density.edges_of(table)
    bins, given = (
        landscape_density.density(table, edges),
        landscape_density.given_ancestral(table, edges[0]),
    )
    assert int(bins["classes"].sum()) == int(given["classes"].sum()) == table.height
    last = [edge[-1] for edge in edges]
    assert int(landscape_density.distinct(table)["classes"].sum()) == table.height
    for row in bins.iter_rows(named=True):  # counted again, class by class
        inside = [
            (row["x"] <= a < row["x2"] or (a == row["x2"] == last[0]))
            and (row["y"] <= m < row["y2"] or (m == row["y2"] == last[1]))
            for _, a, m in table.iter_rows()
        ]
        assert sum(inside) == row["classes"]
    for row in given.iter_rows(named=True):
        mine = [
            m
            for _, a, m in table.iter_rows()
            if row["x"] <= a < row["x2"] or (a == row["x2"] == last[0])
        ]
        assert (row["least"], row["median"], row["most"]) == pytest.approx(
            (min(mine), float(np.median(mine)), max(mine))
        )


def test_near_ties_stand_under_their_least_tolerance() -> None:
    table = made_up(
        [(1.0, 0.1), (1.0, 0.1), (1.0, 0.9), (0.995, 0.5), (0.97, 0.2), (0.94, 0.3), (0.2, 1.0)]
    )
    span = Span(0.0, 1.0, 1.0)
    close = landscape_density.within_tolerances(table, [0.05, 0.0, 0.01], span)
    assert close.rows() == [
        (0.0, 1.0, 0.1, 2, 0),
        (0.0, 1.0, 0.9, 1, 2),
        (0.01, 0.995, 0.5, 1, 3),
        (0.05, 0.97, 0.2, 1, 4),
    ]
    for tolerance in (0.0, 0.01, 0.05):
        assert (
            int(close.filter(pl.col("tolerance") <= tolerance)["classes"].sum())
            == ladder.near_best(table, tolerance, span).height
        )


def test_populations_stand_where_they_are_worth(savanna: Source) -> None:
    tables, swap = savanna.run.tables, savanna.run.experiment.swap
    for moment, generation in (("swap", swap - 1), ("end", savanna.run.experiment.generations - 1)):
        people = landscape_density.inhabitants(tables["landscape"], tables["populations"], moment)
        assert float(people["share"].sum()) == pytest.approx(1.0)
        recorded = tables["generations"].filter(pl.col("generation") == generation)
        for column, name in (
            ("ancestral", "ancestral_mean"),
            ("modern_intent", "modern_intent_mean"),
        ):
            assert float((people["share"] * people[column]).sum()) == pytest.approx(
                float(recorded[name].mean())
            )  # type: ignore[arg-type]
    assert landscape_density.inhabitants(
        tables["landscape"], tables["populations"], "never"
    ).is_empty()


def test_the_commonest_class() -> None:
    # Seed 2 died out
    rows = [
        (0, "swap", 7, 60),
        (0, "swap", 3, 40),
        (1, "swap", 3, 55),
        (1, "swap", 9, 45),
        (2, "end", 1, 100),
    ]
    table = pl.DataFrame(rows, schema=["seed", "moment", "class", "count"], orient="row")
    assert policy_table.commonest_class(table) == (3, pytest.approx(0.475), "swap")
    assert policy_table.commonest_class(table.filter(pl.col("seed") == 2)) == (1, 1.0, "end")
    even = table.with_columns(pl.lit(50).alias("count"))
    # Of equals the lowest
    assert policy_table.commonest_class(even.filter(pl.col("seed") == 0))[0] == 3


# --- policies


@pytest.mark.parametrize("name", EVERYWHERE)
def test_what_is_done_is_the_policy_and_adds_up_to_the_ledger(name: str) -> None:
    made = setting(name)
    evaluator = conducts_of(made)
    number = int(np.random.default_rng(3).integers(made.genome.grid.size))
    frame = policy_table.acting(evaluator, number)
    policies, pair = policy_table.policies_of(evaluator, number), made.pair
    for which in policy_table.WORLDS:
        world, mine = evaluator.world(which), frame.filter(pl.col("world") == which)
        done = np.where(
            world.uncounted_states()[:, None], 0.0, evaluator.evaluate(number, which).occupancy
        )
        times = {
            act: float((rows["chance"] * rows["occupancy"]).sum())
            for (act,), rows in mine.group_by("act")
        }
        for a, act in enumerate(world.acts):  # the ledger's times an act is done in a life
            assert times.get(act, 0.0) == pytest.approx(done[:, :, a].sum(), abs=1e-5)
        chances = mine.group_by("place", "column").agg(pl.col("chance").sum())["chance"]
        assert chances.to_numpy() == pytest.approx(1.0, abs=1e-4)
        if policy_table.places_of(evaluator) == "state":
            for row in mine.sample(min(60, mine.height), seed=1).iter_rows(named=True):
                for left in {row["least_left"], row["most_left"]}:
                    level = level_at(world.lifespan - left, world.lifespan, len(policies[which]))
                    assert policies[which][
                        level, row["order"], world.acts.index(row["act"])
                    ] == pytest.approx(row["chance"])
        else:
            for row in mine.iter_rows(named=True):
                states = np.flatnonzero(pair.observe == row["order"])
                assert policies[which][0, states, world.acts.index(row["act"])].max() > 0.0
    once = frame.unique(["world", "place", "column"])
    for which in policy_table.WORLDS:
        lived = np.where(
            evaluator.world(which).uncounted_states()[:, None],
            0.0,
            evaluator.evaluate(number, which).occupancy,
        ).sum()
        assert float(once.filter(pl.col("world") == which)["occupancy"].sum()) == pytest.approx(
            lived
        )


def test_tiles_tell_all_columns_and_places_left_out_are_told() -> None:
    made = setting("villages")
    evaluator = conducts_of(made)
    frame = policy_table.acting(evaluator, 390)
    acts = made.pair.ancestral.acts
    drawn = tiles(frame, acts)
    once = frame.unique(["world", "place", "column"])
    assert int((drawn["x2"] - drawn["x"]).sum()) == once.height  # every column of every place once
    assert float(drawn["ages"].sum()) == pytest.approx(float(once["occupancy"].sum()))
    short = letters(acts)
    for tile in drawn.iter_rows(named=True):
        does = frame.filter(
            (pl.col("world") == tile["world"])
            & (pl.col("place") == tile["place"])
            & (pl.col("column") == tile["x"])
        )
        assert set(tile["letters"]) == {short[act] for act in does["act"]}
        assert tile["chance"] == pytest.approx(does["chance"].max())
    places = shown_places(frame)
    many, shares = left_out(frame, places)
    assert many == frame["place"].n_unique() - len(places) > 0
    for which, share in shares.items():
        mine = once.filter(pl.col("world") == which)
        shown = mine.filter(pl.col("place").is_in(places))["occupancy"].sum()
        assert share == pytest.approx(1.0 - shown / mine["occupancy"].sum())


@pytest.mark.parametrize("name", EVERYWHERE)
def test_each_act_has_a_letter_of_its_own(name: str) -> None:
    acts = setting(name).pair.ancestral.acts
    found = letters(acts)
    assert len(set(found.values())) == len(acts)
    assert all(len(letter) == 1 for letter in found.values())
    assert all(
        named(acts)[act].startswith(found[act]) and ink(acts)[act] in ("white", "black")
        for act in acts
    )


def test_letters_and_factors_of_odd_names() -> None:
    assert letters(("a0", "a1", "a2")) == {"a0": "A", "a1": "1", "a2": "2"}
    many = tuple(f"aaa{'a' * i}" for i in range(30))
    assert len(set(letters(many).values())) == 30
    assert factors(["e3.p1.s0", "e0.p0.s6"]) == [{"e": 3, "p": 1, "s": 0}, {"e": 0, "p": 0, "s": 6}]
    assert factors(["e3.p1, told modern"]) == [{"e": 3, "p": 1}]
    assert factors(["e3.p1", "dead"]) is None
    assert factors(["e3.p1", "e3.q1"]) is None
    assert factors(["e3"]) is None


# --- a life


@pytest.mark.parametrize("name", EVERYWHERE)
def test_a_life_is_possible_and_pays_what_it_says(name: str) -> None:
    made = setting(name)
    evaluator = conducts_of(made)
    number = int(np.random.default_rng(5).integers(made.genome.grid.size))
    found = sample_life.life(evaluator, number, seed=11)
    policies = policy_table.policies_of(evaluator, number)
    for which in policy_table.WORLDS:
        world, rows = evaluator.world(which), found.rows.filter(pl.col("world") == which)
        states, acts = live(world, policies[which], found.drawn, 0, 11)
        s = [world.states.index(x) for x in rows["state"]]
        a = [world.acts.index(x) for x in rows["act"]]
        assert s == states[found.number, : len(s)].tolist()
        assert a == acts[found.number, : len(a)].tolist()
        assert rows["age"].to_list() == list(range(len(s)))
        assert world.start[s[0]] > 0.0
        assert all(
            world.transitions[x, y, z] > 0.0 for x, y, z in zip(s[:-1], a[:-1], s[1:], strict=True)
        )
        assert not world.terminal_states()[s].any()
        assert len(s) == world.lifespan or world.terminal_states()[states[found.number, len(s)]]
        amount = world.payoff if which == "ancestral" else world.intent
        assert rows["amount"].to_list() == [float(amount[x, y]) for x, y in zip(s, a, strict=True)]
        assert float(rows["amount"].sum()) == pytest.approx(found.came_to[which])
        assert float(rows["so_far"][-1]) == pytest.approx(found.came_to[which])
        level = [level_at(t, world.lifespan, len(policies[which])) for t in range(len(s))]
        assert rows["chance"].to_list() == [
            float(policies[which][i, x, y]) for i, x, y in zip(level, s, a, strict=True)
        ]
        assert found.expected[which] == pytest.approx(
            float((evaluator.evaluate(number, which).occupancy * amount).sum())
        )


def test_equal_worlds_have_equal_lives() -> None:
    made = setting("birth-control")
    same = ClassEvaluator(made.genome, replace(made.pair, modern=replace_name(made.pair.ancestral)))
    rows = sample_life.life(same, 458, seed=0).rows
    one, other = (
        rows.filter(pl.col("world") == which).drop("world") for which in policy_table.WORLDS
    )
    assert one.equals(other)


def replace_name(world: TabularMdp) -> TabularMdp:
    return replace(world, name="another")


def test_the_middling_life() -> None:
    amounts = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [1.0, 5.0]])
    # What is the same in all does not count; of equals the first
    assert sample_life.middling(amounts, np.array([0.9, 7.0])) == 1
    assert sample_life.middling(amounts[:, 1:], np.array([3.0])) == 0
    x = np.random.default_rng(0).gamma(1.0, size=50)
    assert sample_life.middling(x[:, None], np.array([x.mean()])) == int(
        np.abs(x - x.mean()).argmin()
    )
    # Each in units of its own spread
    far = np.array([[1.0, 0.0], [0.0, 30.0], [1.0, 300.0], [0.0, -300.0]])
    assert sample_life.middling(far, np.zeros(2)) == 1


# --- theory of drive


def recursion(*settings: str, name: str = "drive-equilibrium") -> pl.DataFrame:
    made = setting(name, *settings)
    found = expected_drive.path(made.experiment, made.genome)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("k", "cost", "dominance"), [(0.9, 1.0, 0.0), (0.7, 0.4, 0.2), (0.55, 0.02, 0.5)]
)
def test_the_path_of_a_driver_is_the_recursion(k: float, cost: float, dominance: float) -> None:
    found = recursion(
        f"genome.drivers.0.ratio={k}",
        f"genome.drivers.0.cost={cost}",
        f"genome.drivers.0.dominance={dominance}",
    )["frequency"].to_list()
    q = 100 / 2000
    for generation in range(60):
        assert found[generation] == pytest.approx(q, abs=1e-12)
        q = drive.next_frequency(q, k, dominance, cost)


def test_the_path_ends_at_the_equilibria() -> None:
    assert recursion()["frequency"][-1] == pytest.approx(drive.equilibrium(0.9, 0.0, 1.0).frequency)
    males = recursion("genome.drivers.0.ratio=[0.5,0.9]", "phases.0.generations=600")["frequency"][
        -1
    ]
    assert males == pytest.approx(drive.lethal_by_sex(0.5, 0.9).newborn, abs=1e-9)
    assert (
        recursion('genome.drivers.0.cost_to="fertility"')["frequency"].to_list()
        == recursion()["frequency"].to_list()
    )


def test_the_path_of_driver_and_suppressor_is_the_recursion_of_two_loci() -> None:
    found = recursion(name="suppressor")
    driver, suppressor = (
        found.filter(pl.col("site") == site)["frequency"].to_numpy()
        for site in ("driver at t", "suppressor at sup")
    )
    assert suppressor[:50] == pytest.approx(0.0)
    assert suppressor[50] == pytest.approx(20 / 4000)
    w = np.outer([1.0, 1.0, 0.0], [1.0, 0.9, 0.9])
    way, _ = two_locus.iterate(
        two_locus.haplotypes(float(driver[50]), 20 / 4000), 0.5, [0.9, 0.5, 0.5], w, 300
    )
    assert driver[50:350] == pytest.approx(way[:300, 2:].sum(axis=1), abs=1e-9)
    assert suppressor[50:350] == pytest.approx(way[:300, 1::2].sum(axis=1), abs=1e-9)


def test_the_engine_follows_the_path() -> None:
    made = setting(
        "drive-equilibrium",
        "optimizer.population=600",
        "phases.0.generations=160",
        "optimizer.introductions.0.copies=600",
        "search_ledger=false",
    )
    expected = expected_drive.path(made.experiment, made.genome)
    assert expected is not None
    run = (
        simulate(made, Landscape(made), 2)
        .tables["alleles"]
        .filter(pl.col("allele") == "driver")
        .sort("generation")
    )
    late = slice(40, 160)
    spread = fluctuation.fluctuation(600, 0.9, 0.0, 1.0)
    error = fluctuation.time_average_error(spread.newborn, spread.lag, 120)
    assert (
        abs(float(run["frequency"][late].mean()) - float(expected["frequency"][late].mean()))
        < 4.0 * error
    )  # type: ignore[arg-type]
    early = (run["frequency"][:10] - expected["frequency"][:10]).abs().max()
    assert float(early) < 0.06  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("greedy-genes", ()),  # genomes vary
        ("drive-equilibrium", ("genome.markers.t.mutation=0.01",)),
        ("drive-equilibrium", ("genome.drivers.0.cost_to='male fertility'",)),
        ("drive-equilibrium", ("genome.weights.pleasure.alleles=[0.0,0.7]",)),
        ("birth-control", ()),  # no driver
    ],
)
def test_no_path_where_theory_has_none(name: str, settings: tuple[str, ...]) -> None:
    made = setting(name, *settings)
    assert expected_drive.path(made.experiment, made.genome) is None


def test_a_path_ends_where_nobody_survives() -> None:
    found = recursion("optimizer.population=60", "optimizer.introductions.0.copies=120")
    assert found["frequency"].to_list() == [1.0]


def carriers(counts: list[list[int]], kept: list[list[float]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Populations at the swap: by seed, individuals with no, one and two copies, and what they
    keep.
    """
    rows = [
        {
            "seed": seed,
            "moment": "swap",
            "generation": 299,
            "class": 0,
            "count": n,
            "kept": w,
            "copies:t:driver": c,
        }
        for seed, (ns, ws) in enumerate(zip(counts, kept, strict=True))
        for c, (n, w) in enumerate(zip(ns, ws, strict=True))
        if n
    ]
    return pl.DataFrame(rows), pl.DataFrame({"class": [0], "ancestral": [0.8]})


def test_where_a_driver_would_rest() -> None:
    made = setting("greedy-genes")
    k = float(made.experiment.genome["drivers"][0]["ratio"])
    # Lost in the third
    tables = carriers(
        [[30, 50, 20], [10, 40, 50], [100, 0, 0]],
        [[1.0, 0.95, 0.4], [0.5, 0.5, 0.3], [1.0, 1.0, 1.0]],
    )
    found = expected_drive.resting(made.experiment, made.genome, *tables)
    assert found is not None
    each = [
        drive.equilibrium(k, 0.05 / 0.6, 0.6).frequency,
        drive.equilibrium(k, 0.0, 0.4).frequency,
    ]
    assert found.frequency == pytest.approx(np.mean(each), abs=1e-6)
    assert (found.low, found.high) == pytest.approx((min(each), max(each)), abs=1e-6)
    assert found.recorded == pytest.approx((0.45 + 0.7) / 2)
    assert (found.seeds, found.generation) == (2, 299)
    by_sex = setting("greedy-genes", f"genome.drivers.0.ratio=[{k},{k}]")
    assert expected_drive.resting(by_sex.experiment, by_sex.genome, *tables) == found
    nobody = carriers([[0, 50, 50]], [[1.0, 1.0, 0.6]])
    assert expected_drive.resting(made.experiment, made.genome, *nobody) is None
    assert (
        expected_drive.resting(
            made.experiment, made.genome, tables[0].filter(pl.col("seed") == 2), tables[1]
        )
        is None
    )
    alone = setting("drive-equilibrium")
    assert expected_drive.resting(alone.experiment, alone.genome, *tables) is None


# --- charts


def words_of(chart: Any) -> dict[str, Any]:
    """A chart against Vega-Lite's schema, with what every figure must have."""
    with alt.data_transformers.disable_max_rows():
        described: dict[str, Any] = chart.to_dict(validate=True)
    assert described["title"]["subtitle"]
    # Numbers, beyond title and subtitle
    assert any(c.isdigit() for c in described["description"].split(". ", 3)[-1])
    assert "tooltip" in json.dumps({k: v for k, v in described.items() if k != "datasets"})
    return described


@pytest.mark.parametrize("name", NEW)
def test_charts_of_planners(savanna: Source, name: str) -> None:
    chart = FIGURES[name].draw(savanna)
    assert chart is not None
    words_of(chart)
    assert not FIGURES[name].usual


def test_charts_of_a_grid_of_one_genome(driven: Source) -> None:
    nothing = {name for name in NEW if FIGURES[name].draw(driven) is None}
    assert nothing == {"landscape", "ties"}
    for name in set(NEW) - nothing:
        words_of(FIGURES[name].draw(driven))


def test_where_drivers_are_left_out_it_is_said(driven: Source, savanna: Source) -> None:
    assert driven.summary.account.drivers
    assert "what drivers cost is not in it" in FIGURES["causes"].draw(driven).description
    assert "what drivers cost" not in FIGURES["causes"].draw(savanna).description


def test_theory_stands_in_the_drive_figure(driven: Source) -> None:
    described = FIGURES["drive"].draw(driven).to_dict()
    assert any("circles: theory" in line for line in described["title"]["subtitle"])
    expected = expected_drive.path(driven.run.experiment, driven.evaluator.genome)
    assert expected is not None
    drawn = [
        row
        for rows in described["datasets"].values()
        for row in rows
        if set(row) == {"site", "generation", "frequency"}
    ]
    # A short run has a circle in every generation
    assert pl.DataFrame(drawn).sort("generation").equals(expected.sort("generation"))


def test_reflexes_have_neither_causes_nor_desires(tmp_path: Path) -> None:
    made = source(
        tmp_path,
        "host",
        "optimizer.population=30",
        "phases.0.generations=4",
        "phases.1.generations=3",
        "analysis.restarts=1",
    )
    assert {name for name in NEW if FIGURES[name].draw(made) is None} == {"causes", "desires"}
    for name in set(NEW) - {"causes", "desires"}:
        words_of(FIGURES[name].draw(made))
    assert "observation" in figures_policies.draw(made).description


def test_a_class_may_be_asked_for(savanna: Source) -> None:
    other = replace(savanna, number=7)
    assert "class 7" in figures_policies.draw(other).description
    assert "class 7" in figures_sample_life.draw(other).description


def test_a_population_that_dies_out_at_once_is_drawn(tmp_path: Path) -> None:
    made = source(
        tmp_path, "birth-control", *quick("birth-control", "genome.weights.pleasure.alleles=[0.0]")
    )
    assert made.run.provenance["runs"]["0"]["status"] == "extinct"
    said = {
        name: chart.description
        for name in FIGURES
        if (chart := FIGURES[name].draw(made)) is not None and chart.to_dict()
    }
    for name in set(NEW) & set(said):
        words_of(FIGURES[name].draw(made))
    assert "Nobody lived to see the swap" in said["behaviour"]  # which is not "no regret"
    assert "no population lived to see the swap" in said["ladders"]
    assert all("of the others" not in words for words in said.values())  # there are none
    assert "This run: it died out" in said["fitness"]


def test_an_exhaustive_search_is_drawn_and_captions_say_what_is_configured(tmp_path: Path) -> None:
    made = source(
        tmp_path,
        "micro",
        'optimizer={name="exhaustive"}',
        "phases.0.generations=3",
        "phases.1.generations=3",
        "replicates=2",
        "analysis.confidence=0.5",
    )
    # In generation 0 every genome is tried
    assert "in generation 1 mean fitness is" in FIGURES["trajectories"].draw(made).description
    assert "whiskers: 50% bootstrap interval" in " ".join(
        FIGURES["ladders"].draw(made).to_dict()["title"]["subtitle"]
    )
    # Not for intent, which bars are measured in
    assert "best genome for payoff in M" in json.dumps(FIGURES["ties"].draw(made).to_dict())


def test_units_are_the_worlds_and_nothing_is_made_of_rounding(tmp_path: Path) -> None:
    made = source(
        tmp_path,
        "maze",
        "optimizer.population=30",
        "phases.0.generations=5",
        "phases.1.generations=3",
    )
    for name in ("fitness", "ladders", "behaviour", "search"):
        assert "expected offspring" not in json.dumps(FIGURES[name].draw(made).to_dict()), name
    said = FIGURES["causes"].draw(made).description
    assert "e-1" not in said
    assert "best ancestral in the ancestral world: nothing by any" in said


def test_a_seed_without_regret_counts() -> None:
    rows = [
        ("population", 0, "ancestral", "waste", "a", 0, 1.0),
        *(("population", seed, "ancestral", "upkeep", None, None, 0.0) for seed in (0, 1, 2, 3)),
    ]
    ledger = pl.DataFrame(
        rows, schema=["subject", "seed", "world", "kind", "act", "age", "value"], orient="row"
    )
    told = means_over_seeds.ledger_summary(ledger, "population", "ancestral")
    assert told is not None
    assert told.kinds["waste"] == 0.25
    drawn = [
        row
        for rows in behaviour(ledger).to_dict()["datasets"].values()
        for row in rows
        if "act" in row
    ]
    assert [row["regret"] for row in drawn] == [0.25]
    assert "0.250 is lost" in behaviour_says(ledger)


def test_ladders_below_zero_stand_on_their_axis() -> None:
    rungs = {
        "optimum": 2.0,
        "best_for_intent": 2.0,
        "best_for_payoff": 2.0,
        "best_ancestral": 1.0,
        "population": -3.0,
    }
    described = ladders({"ancestral": LadderSummary(rungs, {}, {}, 1)}).to_dict()
    domains = [
        unit["encoding"]["y"]["scale"]["domain"]
        for unit in described["hconcat"][0]["layer"]
        if "scale" in unit["encoding"]["y"]
    ]
    assert domains
    assert all(low <= -3.0 and high > 2.0 for low, high in domains)


def test_names_of_best_genomes_that_nearly_meet_are_drawn() -> None:
    generations = pl.DataFrame(
        {
            "seed": [0, 0],
            "generation": [0, 1],
            "world": ["ancestral"] * 2,
            "ancestral_mean": [0.1, 0.2],
            "modern_mean": [0.1, 0.3],
        }
    )
    assert "line-bottom" in json.dumps(
        fitness(generations, {"ancestral": 1.0, "modern": 0.95}, 5).to_dict(validate=True)
    )


def test_the_legs_of_a_demons_path() -> None:
    experiment = resolve(
        apply_settings(
            read_experiment("claim-06-demons"), ["replicates=3", "phases.0.generations=300"]
        )
    )
    table = pl.concat(
        [search(*build_landscape(experiment, seed), 300, seed, 3) for seed in experiment.seeds]
    )
    frame = legs(table, seeds=2, steps=20)
    assert frame["seed"].unique().sort().to_list() == [0, 1]
    for (seed,), way in frame.group_by("seed", maintain_order=True):
        path = table.filter(pl.col("seed") == seed)
        assert way.height == 20
        for begin, end in (("x_0", "x_0_to"), ("aside", "aside_to"), ("height", "height_to")):
            # Each begins where the last ended
            assert way[begin].to_list()[1:] == way[end].to_list()[:-1]
        assert (way["x_0"][0], way["aside"][0]) == (0.0, 0.0)
        assert (way["x_0_to"][-1], way["aside_to"][-1]) == (path["x_0"][-1], path["aside"][-1])
        assert way["height_to"][-1] == pytest.approx(path["loss"][-1] + path["x_0"][-1])
        assert way["share"][0] == pytest.approx(float(path["share"][1:6].mean()))  # type: ignore[arg-type]
    words_of(SEARCH_FIGURES["demon"].draw(Searched(table, experiment)))
