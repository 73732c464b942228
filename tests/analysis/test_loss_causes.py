"""Losses by cause: they sum to the steps of the ladder, with planted faults that must be seen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evosim.analysis import loss_causes
from evosim.analysis.account import Accountant
from evosim.analysis.account_inputs import AccountInputs
from evosim.analysis.loss_causes import (
    CAUSES,
    NOT_SPLIT,
    PLAYERS,
    NotTheStep,
    Occupants,
    Summary,
    shapley_parts,
    steps_of,
)
from evosim.analysis.planner_causes import causes_of, shapley
from evosim.analysis.population import PopulationSnapshot
from evosim.analysis.repaired_planners import SETS
from evosim.fitness.scorer import Scorer
from tests.support.accounts import account_of, accountant_of

EXACT = 1e-9
WORLDS = ("ancestral", "modern")
MIX = 'world.mixture=[{share=0.2, world="modern"}, {share=0.1, world="ancestral", set={find=0.4}}]'


def inputs_of(made: Accountant) -> AccountInputs:
    return made._inputs(made.seed_accounts())


def sums(table: pl.DataFrame) -> dict[tuple[int, str, str], float]:
    rows = table.group_by("seed", "world", "step", maintain_order=True).agg(pl.col("value").sum())
    return {(seed, world, step): value for seed, world, step, value in rows.iter_rows()}


@pytest.mark.parametrize("name", ["coarse-drive", "coarse-savanna", "micro"])
def test_parts_sum_to_the_steps_of_the_ladder(name: str) -> None:
    account = account_of(name)
    found = sums(account.tables["loss_causes"])
    steps = account.tables["ladder"].filter(
        pl.col("name").is_in(["search", "hack"]) & pl.col("value").is_not_null()
    )
    known = {
        (seed, world, "waste" if step == "search" else step): value
        for seed, world, step, value in steps.drop("part")
        .select("seed", "world", "name", "value")
        .iter_rows()
    }
    assert found.keys() == known.keys()
    assert len(known) == len(WORLDS) * (4 if name == "coarse-drive" else 1)
    for key, value in known.items():
        assert found[key] == pytest.approx(value, abs=EXACT)
    table = account.tables["loss_causes"]
    assert table["covered"].unique().to_list() == [1.0]
    assert set(table["cause"]) == {*CAUSES, NOT_SPLIT}


@pytest.mark.parametrize(
    "how", [("selection.over=worst",), ("selection.sample=2",), ("selection.fresh=false",)]
)
def test_sampled_selection_follows_the_ladder(how: tuple[str, ...]) -> None:
    settings = (*how, "selection.sample=2") if "fresh" in how[0] else how
    account = account_of("micro", MIX, *settings)
    found = sums(account.tables["loss_causes"])
    ladder = account.tables["ladder"].filter(pl.col("part") == "step")
    for (seed, world, step), total in found.items():
        (known,) = ladder.filter(
            (pl.col("seed") == seed)
            & (pl.col("world") == world)
            & (pl.col("name") == loss_causes.STEPS[step])
        )["value"]
        assert total == pytest.approx(known, abs=EXACT)
    assert {step for _, _, step in found} == {"sampling", "waste"}


def test_the_summary_has_the_steps_of_the_ladder() -> None:
    summary = account_of("coarse-drive").summary
    losses = summary.part(Summary)
    assert losses
    for world, steps in losses.worlds.items():
        ladder = summary.ladder.of(world)
        for step, loss in steps.items():
            name = loss_causes.STEPS[step]
            assert loss.loss.mean == pytest.approx(ladder.step(name), abs=EXACT)
            assert loss.loss.n == ladder.seeds
            total = math.fsum(part.mean for part in loss.causes.values())
            assert total == pytest.approx(loss.loss.mean, abs=EXACT)
            parts = [loss.causes[cause].mean for cause in loss_causes.FORESIGHT]
            assert loss.foresight.mean == pytest.approx(sum(parts), abs=1e-12)
        waste = steps["waste"]
        assert waste.not_found
        assert waste.load
        assert waste.not_found.mean + waste.load.mean == pytest.approx(waste.loss.mean, abs=EXACT)
        assert steps["hack"].load is None


def test_drivers_carry_their_own_cost_of_the_hack() -> None:
    """Of the fair control none: the driver is lost there. Shapley gives half of what they share."""
    account = account_of("coarse-drive")
    losses = account.summary.part(Summary)
    assert losses
    own_cost = account.summary.hack
    assert own_cost
    for world in WORLDS:
        drivers = losses.worlds.of(world)["hack"].causes["drivers"].mean
        cost = own_cost.quantities.of(world)["own_cost"].mean
        assert cost is not None
        # With other parts right there is more to lose
        assert drivers > cost > 0.0


def with_population(inputs: AccountInputs, snapshot: PopulationSnapshot) -> AccountInputs:
    """The same inputs, with another population at the swap in the first seed."""
    return replace(inputs, seeds=[replace(inputs.seeds[0], snapshot=snapshot)])


@pytest.mark.parametrize("world", WORLDS)
def test_a_population_of_one_class_is_known(world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts are the difference of two causes: of the class, and of the best genome."""
    made = accountant_of("coarse-savanna")
    inputs = inputs_of(made)
    class_id = 5000
    one = PopulationSnapshot(*(np.array([x]) for x in (class_id, 1.0, 1.0, class_id, 1.0)))
    monkeypatch.setattr(loss_causes._OneWorld, "_check_step", lambda *_: None)
    table = loss_causes.tables(with_population(inputs, one))["loss_causes"]
    best = inputs.best_classes.of_rungs()["best_ancestral"]
    here = made.cache.evaluator.world(world)
    amount = here.payoff if world == "ancestral" else here.intent
    rules = made.cache.evaluator.genome.decode(np.array([class_id, best]))
    known = causes_of(rules, here, amount)
    assert known
    mine = table.filter((pl.col("world") == world) & (pl.col("step") == "waste"))
    assert mine["classes"].to_list() == [1] * mine.height
    for cause, value in mine.select("cause", "value").iter_rows():
        expected = (
            0.0
            if cause in ("drivers", NOT_SPLIT)
            else known[0].parts[cause] - known[1].parts[cause]
        )
        assert value == pytest.approx(expected, abs=1e-12)
    assert mine["value"].sum() == pytest.approx(
        made.cache.evaluator.scored(best, world) - made.cache.evaluator.scored(class_id, world),
        abs=EXACT,
    )


def test_drivers_are_a_game_known_by_hand() -> None:
    """A factor that drivers leave: of two right minds, one with a driver that takes a third."""
    amounts = np.full((2, SETS), 3.0)
    parts = loss_causes.parts_of_genomes(amounts, np.ones(2), np.array([1.0, 2.0 / 3.0]))
    assert parts[0].tolist() == [0.0] * len(PLAYERS)
    assert parts[1].tolist() == pytest.approx([0.0] * (len(PLAYERS) - 1) + [1.0])
    # Upkeep of a half and drivers that take a third: 3 -> 1 by two orders of repair
    (both,) = loss_causes.parts_of_genomes(amounts[:1], np.array([0.5]), np.array([2.0 / 3.0]))
    named = dict(zip(PLAYERS, both.tolist(), strict=True))
    assert named["upkeep"] == pytest.approx((1.0 + 1.5) / 2.0)
    assert named["drivers"] == pytest.approx((0.5 + 1.0) / 2.0)


def test_shapley_values_are_those_of_the_readable_form() -> None:
    value = np.random.default_rng(0).normal(size=(3, 32))
    names = "abcde"
    for row, found in zip(value, shapley_parts(value), strict=True):
        game = {
            frozenset(x for i, x in enumerate(names) if some >> i & 1): float(row[some])
            for some in range(32)
        }
        assert found.tolist() == pytest.approx(list(shapley(names, game).values()), abs=1e-14)


@pytest.mark.slow
def test_the_scorer_changes_no_number() -> None:
    inputs = inputs_of(accountant_of("coarse-drive"))
    tables = [
        loss_causes.tables(replace(inputs, make_scorer=maker))["loss_causes"]
        for maker in (None, Scorer)
    ]
    assert tables[0].drop("value").equals(tables[1].drop("value"))
    np.testing.assert_allclose(tables[0]["value"], tables[1]["value"], atol=1e-12)


def test_what_is_not_split_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a low bound on minds, parts and what is not split still sum to the step."""
    inputs = inputs_of(accountant_of("coarse-drive"))
    whole = loss_causes.tables(inputs)["loss_causes"]
    monkeypatch.setattr(loss_causes, "MOST_MINDS", 150)
    part = loss_causes.tables(inputs)["loss_causes"]
    assert 0.0 < part["covered"].min() < 1.0  # type: ignore[operator]
    assert sums(part) == pytest.approx(sums(whole), abs=EXACT)
    left = part.filter(pl.col("cause") == NOT_SPLIT)
    assert left["value"].abs().min() > 0.0  # type: ignore[operator]
    assert (whole.filter(pl.col("cause") == NOT_SPLIT)["value"] == 0.0).all()
    # Common classes first: those that are split have more than their share of newborns
    shares = [table.filter(pl.col("step") == "waste") for table in (part, whole)]
    assert (shares[0]["covered"] > shares[0]["classes"] / shares[1]["classes"]).all()


def uniform(value: np.ndarray) -> np.ndarray:
    """Banzhaf's weights in place of Shapley's."""
    players = value.shape[1].bit_length() - 1
    some = np.arange(value.shape[1])
    gains = [
        (value[:, some[some >> i & 1 == 0] | 1 << i] - value[:, some[some >> i & 1 == 0]]).mean(1)
        for i in range(players)
    ]
    return np.stack(gains, axis=1)


def test_planted_faults_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other weights, a part that is dropped, a wrong share, and drivers that are forgotten."""
    inputs = inputs_of(accountant_of("coarse-drive"))
    whole = loss_causes.parts_of_genomes
    with monkeypatch.context() as planted:
        planted.setattr(loss_causes, "shapley_parts", uniform)
        with pytest.raises(NotTheStep, match=r"must sum to .* This is a fault of evosim"):
            loss_causes.tables(inputs)
    for dropped in ("objective", "horizon", "upkeep", "drivers"):
        keep = np.array([name != dropped for name in PLAYERS], dtype=float)
        with monkeypatch.context() as planted:
            planted.setattr(
                loss_causes, "parts_of_genomes", lambda *args, keep=keep: whole(*args) * keep
            )
            with pytest.raises(NotTheStep):
                loss_causes.tables(inputs)
    with monkeypatch.context() as planted:
        share = lambda self, snapshot: Occupants(  # noqa: E731
            snapshot.classes, snapshot.fitness_retained, np.full(len(snapshot.share), 1e-3)
        )
        planted.setattr(Occupants, "of_snapshot", classmethod(share))
        with pytest.raises(NotTheStep):
            loss_causes.tables(inputs)


def test_planners_that_are_not_themselves_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minds as they are, but with another horizon than in the ladder."""
    inputs = inputs_of(accountant_of("coarse-drive"))
    whole = loss_causes.repair

    def longer(*args: object, **keywords: object) -> object:
        repaired = whole(*args, **keywords)  # type: ignore[arg-type]
        amounts = repaired.amounts.copy()
        amounts[:, 0] = amounts[:, 4]
        return replace(repaired, amounts=amounts)

    monkeypatch.setattr(loss_causes, "repair", longer)
    with pytest.raises(NotTheStep, match="must have fitness"):
        loss_causes.tables(inputs)


def test_steps_follow_the_ladder() -> None:
    rungs = dict.fromkeys(("best_ancestral", "control", "population"), 0)
    waste, hack = ("waste", "best_ancestral", "control"), ("hack", "control", "population")
    assert steps_of(rungs, has_control=True, varies=False) == [waste, hack]
    assert steps_of({**rungs, "best_on_sample": 0}, has_control=True, varies=False) == [
        ("sampling", "best_ancestral", "best_on_sample"),
        ("waste", "best_on_sample", "control"),
        hack,
    ]
    assert steps_of({**rungs, "all_cases": 0}, has_control=True, varies=True) == [
        ("waste", "best_ancestral", "all_cases"),
        ("sampling", "all_cases", "control"),
        hack,
    ]
    # Populations that died out before the swap
    del rungs["control"]
    assert steps_of(rungs, has_control=True, varies=False) == []
    assert steps_of(rungs, has_control=False, varies=False) == [
        ("waste", "best_ancestral", "population")
    ]
