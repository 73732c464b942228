"""A world of two acts, in which every number of an account can be computed by hand.

Upkeep takes everything, and selection sees cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import evosim
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import Span
from evosim.reference.selection import margin
from evosim.runs.in_memory import replicate
from evosim.tables import sentences
from evosim.worlds import WORLDS, Entry, TabularMdp, WorldPair
from evosim.worlds.parameters import modern_params, number
from tests.support.settings import setting


@dataclass(frozen=True)
class TwoActs:
    """Each life does `a` or `b`, some times."""

    k: float = number(1.0, "payoff", "of a", low=-10.0)
    j: float = number(0.9, "payoff", "of b", low=-10.0)
    other: float = number(0.0, "payoff", "more for a and less for b in the second case", low=-10.0)
    share: float = number(1.0, "share", "of births in the first case", low=0.0, high=1.0)
    span: float = number(2.0, "ages", "of a life", low=1.0, structural=True)


def build(params: TwoActs, modern: Mapping[str, Any]) -> WorldPair:
    """The pair; both cases look alike."""

    def world(p: TwoActs, name: str) -> TabularMdp:
        payoff = np.array([[p.k, p.j], [p.k + p.other, p.j - p.other]])
        stays = np.zeros((2, 2, 2))
        stays[[0, 1], :, [0, 1]] = 1.0
        return TabularMdp(
            name=name,
            states=("x", "y"),
            acts=("a", "b"),
            features=("fa", "fb"),
            lifespan=int(params.span),
            available=np.ones((2, 2), dtype=bool),
            transitions=stays,
            payoff=payoff,
            intent=payoff,
            features_felt=np.tile(np.eye(2), (2, 1, 1)),
            start=np.array([p.share, 1.0 - p.share]),
            beliefs={"ancestral": stays},
            case_of=np.array([0, 1]),
            case_names=("x", "y"),
        )

    return WorldPair(
        name="two-acts",
        ancestral=world(params, "two-acts (ancestral)"),
        modern=world(modern_params(params, modern), "two-acts (modern)"),
        observe=np.array([0, 0]),
        classes=("here",),
        default_act="a",
        serves={"fa": ("a",), "fb": ("b",)},
    )


@pytest.fixture(autouse=True)
def _two_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORLDS, "two-acts", Entry(TwoActs, build, "two acts"))


def experiment(
    ancestral: dict[str, float],
    modern: dict[str, float],
    *,
    cost: float = 0.0,
    horizons: tuple[int, ...] = (1, 2),
    **more: Any,
) -> dict[str, Any]:
    return {
        "name": "two-acts",
        "world": {"name": "two-acts", "ancestral": ancestral, "modern": modern},
        "genome": {
            "name": "planner",
            "ploidy": 1,
            "planning_cost": cost,
            "weights": {name: {"alleles": [0.0, 1.0]} for name in ("fa", "fb")},
            "horizon": {"alleles": list(horizons)},
        },
        "optimizer": {"name": "sexual", "population": 40},
        "phases": [{"world": "ancestral", "generations": 8}, {"world": "modern", "generations": 4}],
    } | more


SHIFTED = {"k": 0.6, "j": 1.0}


# Upkeep


def test_shares_are_undefined_below_the_worst_policy(tmp_path: Path) -> None:
    """The worst policy of M gets 1.2.

    The best genome gets 2 x 0.55 = 1.1, the ancestral optimum 1.2 x 0.55 = 0.66.
    """
    run = evosim.run(experiment({}, SHIFTED, cost=0.45), replicates=5, out=tmp_path / "run")
    summary = run.summary
    rungs = summary["ladder"]["modern"]["rungs"]
    assert [
        rungs["best_for_intent"],
        rungs["best_ancestral"],
        summary["worst_policy"]["modern"],
    ] == pytest.approx([1.1, 0.66, 1.2])
    assert summary["ladder"]["modern"]["steps"]["shift"] == pytest.approx(0.44)
    assert summary["shift"]["ancestral_optima_good_in_modern"] == "not defined"
    said = " ".join(sentences.sentences(run.typed_summary))
    assert "are good there (" not in said
    why = "upkeep alone brings every genome below the worst policy (1.100 at most, against 1.200)"
    assert (
        f"with fitness 0.660 to 0.660 in M; whether they are good there is not defined: {why}."
        in said
    )
    assert "Recovery in M: fitness goes from" in said
    assert f"Shares of the best are not defined there: {why}." in said
    assert "Of the 0.900 that it loses in M, 0.900 is upkeep" in said
    assert "desires only what its file names" not in said


def test_with_less_upkeep_the_same_optima_are_not_good(tmp_path: Path) -> None:
    """The best genome gets `2 x 0.7 = 1.4`, which is 0.2 above the worst policy.

    The ancestral optimum gets `1.2 x 0.7 = 0.84`.
    """
    run = evosim.run(experiment({}, SHIFTED, cost=0.3), replicates=5, out=tmp_path / "run")
    assert run.summary["shift"]["ancestral_optima_good_in_modern"] == "none"
    assert "none is good there" in " ".join(sentences.sentences(run.typed_summary))


def test_an_optimum_that_is_the_best_genome_is_good(tmp_path: Path) -> None:
    """Nothing changes in M, so that nothing is lost by the shift."""
    run = evosim.run(experiment({}, {}, cost=0.45), replicates=2, out=tmp_path / "run")
    assert (
        run.summary["ladder"]["modern"]["rungs"]["best_for_intent"]
        < run.summary["worst_policy"]["modern"]
    )
    assert run.summary["shift"]["ancestral_optima_good_in_modern"] == "all"


def test_near_ties_have_a_width_below_the_worst_policy(tmp_path: Path) -> None:
    """In A the best genome gets 1.1 and the worst policy 1.8.

    The next genome gets (1.0 + 0.9) x 0.55 = 1.045: 0.055 below, and 0.7 x 0.08 = 0.056.
    """
    ends = Span(1.8, 2.0, 2.0)
    assert margin(1.1, 0.08, ends) == pytest.approx(0.056)
    near = {"analysis": {"near_ties": [0.01, 0.08]}}
    run = evosim.run(experiment({}, SHIFTED, cost=0.45) | near, out=tmp_path / "run")
    counts = {row["tolerance"]: row["classes"] for row in run.summary["ties"]}
    assert counts[0.0] == counts[0.01] == 1
    assert counts[0.08] == 3  # and the two that want both or nothing


# Selection over cases


@pytest.mark.parametrize("over", ["worst", "cvar"])
def test_nothing_is_unfound_if_the_best_genotype_is_present(over: str, tmp_path: Path) -> None:
    """`a` gets 2 in the first case and 1 in the second, `b` 1 and 2.

    A planner that wants both gets 1.5 in each: best for the worst case.

    By the mean in A those who want `a` are better: 0.75 x 2 + 0.25 x 1 = 1.75.
    """
    cases = {"k": 2.0, "j": 1.0, "other": -1.0, "share": 0.75, "span": 1.0}
    tree = experiment(cases, {}, horizons=(1,), selection={"over": over, "tail": 0.25})
    tree["phases"][0]["generations"] = 2
    run = evosim.run(tree, replicates=3, out=tmp_path / over)
    worth = dict(run.tables["landscape"].select("class", "ancestral").rows())
    for rows in run.tables["populations"].filter(pl.col("moment") == "swap").partition_by("seed"):
        assert {1.5, 1.75} <= {round(worth[number], 9) for number in rows["class"]}
    for world in ("ancestral", "modern"):
        found = run.summary["ladder"][world]
        assert found["rungs"]["best_on_sample"] == pytest.approx(1.5)
        assert found["steps"]["unfound"] == pytest.approx(0.0, abs=1e-12)
        assert found["steps"]["load"] == pytest.approx(
            1.5 - found["rungs"]["population"], abs=1e-12
        )
        assert found["steps"]["search"] == pytest.approx(found["steps"]["load"], abs=1e-12)


# Recovery


def test_a_population_that_died_out_in_a_has_no_recovery() -> None:
    """A single individual often dies out in A. In M anybody would do well."""
    averse = [f"genome.weights.{name}.alleles=[-5.0,1.0]" for name in ("pleasure", "vanity")]
    changes = ("optimizer.population=1", "genome.ploidy=1", "phases.0.generations=2", *averse)
    landscape, died = Landscape(setting("micro", *changes)), 0
    for seed in range(8):
        found = replicate(setting("micro", *changes, f"seed={seed}"), landscape)
        lived = "ladder.modern.rungs.population" in found.numbers
        died += not lived
        for name in ("ancestral_at_swap", "modern_at_swap", "ancestral_at_end", "modern_at_end"):
            assert (f"recovery.{name}" in found.numbers) == lived
        assert ("population at the end" in found.tables["behaviour"]["subject"].to_list()) == lived
    assert 0 < died < 8


# Intervals


def test_no_interval_leaves_what_is_possible(tmp_path: Path) -> None:
    """Few seeds and few generations: some populations are near the best, and others are not."""
    tree = experiment({"j": 0.0}, {"k": 0.0, "j": 1.0})
    tree["optimizer"]["population"] = 4
    tree["phases"] = [
        {"world": "ancestral", "generations": 4},
        {"world": "modern", "generations": 2},
    ]
    run = evosim.run(tree, replicates=6, out=tmp_path / "run")
    recovery, ladder = run.summary["recovery"], run.summary["ladder"]
    assert recovery["ancestral_at_swap"]["interval_of_share"]["high"] == 1.0
    assert recovery["modern_at_swap"]["interval_of_share"]["low"] == 0.0
    assert recovery["ancestral_at_end"]["interval_of_share"]["high"] == 1.0
    assert (
        0.5
        < recovery["ancestral_at_end"]["interval_of_share"]["low"]
        < recovery["ancestral_at_end"]["share_of_best"]
        < 1.0
    )
    assert (
        ladder["ancestral"]["intervals"]["population"]["high"]
        == ladder["ancestral"]["rungs"]["best_for_intent"]
        == 2.0
    )
    assert ladder["ancestral"]["intervals"]["search"]["low"] == 0.0
    assert ladder["modern"]["intervals"]["population"]["low"] == 0.0
    # R3 has fitness 0 in M, and no genome has less
    assert ladder["modern"]["intervals"]["search"]["high"] == 0.0


def test_upkeep_lowers_where_intervals_end(tmp_path: Path) -> None:
    """A population may be below the worst policy by all that it has.

    Its share then begins at (0 - 1.2) / (1.4 - 1.2).
    """
    run = evosim.run(experiment({}, SHIFTED, cost=0.3), replicates=6, out=tmp_path / "run")
    entry = run.summary["recovery"]["modern_at_swap"]
    assert entry["share_of_best"] == pytest.approx((entry["mean"] - 1.2) / 0.2)
    assert -6.0 <= entry["interval_of_share"]["low"] <= entry["share_of_best"] < 0.0
