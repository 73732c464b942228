"""The three losses: identities, ties, and what is not measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evosim.analysis import ladder, losses
from evosim.analysis.account import Accountant
from evosim.analysis.loss_summary import LossSummary
from evosim.analysis.population import PopulationSnapshot
from evosim.analysis.values import ByWorld
from evosim.runtime.dataclass_json import to_json
from tests.support.accounts import account_of, accountant_of

TIED = "deception"
LONGER = {TIED: ("optimizer.population=100", "phases.0.generations=40")}
OPTIMA = pl.DataFrame({"class": [1, 2], "modern_intent": [1.0, 3.0]})


def snapshot(classes: list[int], share: list[float]) -> PopulationSnapshot:
    numbers, ones = np.array(classes), np.ones(len(classes))
    return PopulationSnapshot(numbers, np.array(share), ones, numbers, ones)


def summaries(name: str, *settings: str) -> LossSummary:
    return account_of(name, *settings).summary.losses


@pytest.mark.parametrize(
    ("classes", "share", "own"),
    [
        ([1, 9], [0.5, 0.5], 1.0),
        ([1, 2], [0.25, 0.75], 2.5),
        ([8, 9], [0.5, 0.5], None),
        ([1, 9], [0.05, 0.95], None),
    ],
)
def test_a_population_has_its_own_optimum(
    classes: list[int], share: list[float], own: float | None
) -> None:
    """The mean of its optima; none if too few individuals are optima."""
    assert losses.own_optimum(OPTIMA, snapshot(classes, share)) == own


def test_optima_that_do_not_differ_stand_for_all() -> None:
    assert losses.own_optimum(OPTIMA.head(1), snapshot([9], [1.0])) == 1.0


def unexplained(accountant: Accountant, table: pl.DataFrame) -> float:
    """By how much losses miss the distance from the best genome to the population, at most."""
    tops = {
        "ancestral": accountant.fixed_rungs.ancestral.rungs["best_ancestral"],
        "modern": accountant.fixed_rungs.modern.rungs["best_for_intent"],
    }
    return max(
        abs(
            table.filter((pl.col("seed") == account.seed) & (pl.col("world") == world))[
                "value"
            ].sum()
            - (top - account.ladders.of(world).rungs["population"])
        )
        for account in accountant.seed_accounts()
        for world, top in tops.items()
    )


@pytest.mark.parametrize(
    "name", ["micro", *(pytest.param(n, marks=pytest.mark.slow) for n in ("coarse-drive", TIED))]
)
def test_the_losses_sum_to_the_whole_distance(name: str) -> None:
    """With `specification` where payoff is not intent, as in micro."""
    accountant = accountant_of(name, *LONGER.get(name, ()))
    assert unexplained(accountant, accountant.account().tables["losses"]) < 1e-12


def test_without_ties_losses_are_steps_of_the_ladder() -> None:
    """No optima tie here, so that the shift is exact and the ladder has the same numbers."""
    account = account_of("coarse-drive").summary
    steps = account.ladder.modern.steps
    for loss, step in (("shift", "shift"), ("waste", "search"), ("hack", "hack")):
        assert account.losses.loss(loss, "modern").mean == pytest.approx(steps[step], abs=1e-12)
    assert account.losses.loss("shift", "modern").exact
    assert not account.losses.loss("waste", "modern").exact


@pytest.mark.slow
def test_forced_open_and_own_part_add_up() -> None:
    accountant, found = accountant_of(TIED, *LONGER[TIED]), summaries(TIED, *LONGER[TIED])
    parts, modern = found.shift_parts, accountant.fixed_rungs.modern
    assert parts is not None
    worst = modern.rungs["best_ancestral"]
    assert parts.left_open > 0.1
    assert parts.forced + parts.left_open == pytest.approx(
        modern.rungs["best_for_intent"] - worst, abs=1e-12
    )
    shift = parts.of_population.mean
    assert shift is not None
    assert parts.forced - 1e-12 <= shift <= parts.forced + parts.left_open + 1e-12
    assert not found.loss("shift", "modern").exact


@pytest.mark.slow
@pytest.mark.parametrize("name", ["micro", "coarse-drive", TIED])
def test_the_shift_is_never_negative(name: str) -> None:
    shift = summaries(name, *LONGER.get(name, ())).loss("shift", "modern").mean
    assert shift is not None
    assert shift >= 0.0


def test_a_seed_that_died_out_has_no_losses() -> None:
    """Steps without the population would be of other seeds than the others."""
    accountant = accountant_of("micro")
    account = accountant.seed_accounts()[0]
    dead = ByWorld(
        *(
            ladder.Ladder({k: v for k, v in x.rungs.items() if k != "population"}, x.steps)
            for _, x in account.ladders.items()
        )
    )
    fixed = accountant.fixed_rungs
    assert losses.losses_of_seed(fixed, dead, 1.0, has_control=False) == []
    inputs = accountant._inputs([replace(account, ladders=dead, snapshot=None)])
    assert losses.tables(inputs)["losses"].is_empty()


def test_equal_worlds_have_no_shift() -> None:
    """Also where payoff is not intent: that is specification."""
    same = ("world.modern={}", "world.ancestral.display_payoff=0.3")
    found = summaries("micro", *same)
    assert found.loss("shift", "modern").mean == pytest.approx(0.0, abs=1e-12)
    assert found.specification is not None


def test_too_few_optima_are_not_told_apart() -> None:
    """After one generation hardly any individual is an optimum."""
    found = summaries("villages", "phases.0.generations=1")
    shift = found.loss("shift", "modern")
    assert shift.mean is None
    assert "few individuals" in shift.why_not
    assert found.shift_parts is not None
    assert found.shift_parts.left_open > 0.1


def test_what_is_not_measured_says_why() -> None:
    hack = summaries("micro").loss("hack", "modern")
    assert hack.mean is None
    assert "evosim run three-losses" in hack.why_not


def test_near_optimal_genomes_are_counted() -> None:
    accountant, found = accountant_of("micro"), summaries("micro")
    landscape = accountant.tables["landscape"].filter(pl.col("breeds_true"))
    best, population = landscape["ancestral"].max(), found.row("population")
    assert population is not None
    row = found.near_optimal[-1]
    assert row.within is None
    close = landscape.filter(pl.col("ancestral") >= population.ancestral.mean)
    assert row.genomes == close.height
    top = landscape["modern_intent"].max()
    assert row.largest == pytest.approx(close["modern_intent"].max() / top)  # type: ignore[operator]
    assert found.near_optimal[0].genomes == (landscape["ancestral"] == best).sum()
    assert found.genomes == landscape.height


def test_json_has_one_entry_for_each_loss_and_world() -> None:
    data = to_json(account_of("micro").summary)
    assert [(row["name"], row["world"]) for row in data["losses"]] == [
        (name, world) for name in losses.LOSSES for world in losses.WORLDS
    ]
    assert {"mean", "low", "high", "n", "share_of_best", "exact"} <= set(data["losses"][0])


def test_planted_faults_break_the_sum() -> None:
    """A loss that is dropped, and the losses of another seed, are seen by the sum."""
    accountant = accountant_of("coarse-drive")
    table = accountant.account().tables["losses"]
    assert unexplained(accountant, table) < 1e-12
    assert unexplained(accountant, table.filter(pl.col("loss") != "hack")) > 1e-6
    seeds = table["seed"].unique(maintain_order=True).to_list()
    swapped = table.with_columns(pl.col("seed").replace(seeds, seeds[::-1]))
    assert unexplained(accountant, swapped) > 1e-6
