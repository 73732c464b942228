"""Claims 1, 9 and 13: small sizes of their parts, and faults that must make their predictions
fail.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis import total_variation as analysis_total_variation
from evosim.claims import inner_alignment, theorem, total_variation
from evosim.claims.claim import Claim
from evosim.claims.experiments import claim_experiment, with_settings
from evosim.claims.verdicts import COMES_OUT, NOT, OPEN, judge_prediction
from evosim.config.schema import Experiment

SMALL = (
    "genome.weights={recruit={alleles=[0.0,1.0]},pleasure={alleles=[0.0,1.0]},young={alleles=[0.0,1.0]},satiety={alleles=[0.0,1.0]}}",
    "genome.horizon.alleles=[1,6,80]",
)


def small(name: str, *settings: str) -> Experiment:
    """The experiment of a claim, on a grid of few genomes, with its predictions."""
    whole = claim_experiment(name, "quick")
    return with_settings(whole, *settings).model_copy(update={"claim": whole.claim})


def verdicts(
    claim: Claim, experiment: Experiment, tables: dict[str, pl.DataFrame]
) -> dict[str, str]:
    found = claim.measure(tables, experiment)
    assert experiment.claim is not None
    return {
        p.quantity: judge_prediction(p, found[p.quantity]) for p in experiment.claim.predictions
    }


@pytest.fixture(scope="module")
def theorem_tables() -> tuple[Experiment, dict[str, pl.DataFrame]]:
    experiment = small("claim-01-theorem", *SMALL)
    return experiment, {part.name: part.make(*part.arguments) for part in theorem.parts(experiment)}


def test_the_theorem(theorem_tables: tuple[Experiment, dict[str, pl.DataFrame]]) -> None:
    experiment, tables = theorem_tables
    found = verdicts(theorem.CLAIM, experiment, tables)
    assert found.pop("classes") == NOT  # this grid is small
    assert set(found.values()) == {COMES_OUT}
    assert theorem.factorial(tables).height == 8
    assert set(theorem.kept_tables(tables, experiment)) == {"factorial", "inequality"}
    assert set(theorem.figures(tables, experiment)) == {"factorial", "inequality"}


@pytest.mark.parametrize("term", ["two_delta", "eps", "representation", "specification"])
def test_each_term_of_the_inequality_is_needed(
    theorem_tables: tuple[Experiment, dict[str, pl.DataFrame]], term: str
) -> None:
    """Without it some genome of some grid loses more than the rest of the sum; specification where
    payoff overrates.
    """
    _, tables = theorem_tables
    made = dict(tables)
    # The grids at hand have room to spare; one by hand has none
    if term in ("two_delta", "representation"):
        a, r = np.array([1.0, 0.6]), np.array([0.4, 1.2])
        made["by hand"] = pl.DataFrame(
            {
                "class": [0, 1],
                "ancestral": a,
                "modern": r,
                "modern_intent": r,
                "cell": "x",
                "optimum": 2.0,
                "upkeep": 0.0,
            }
        )
    every = pl.concat([theorem.bounded(table) for table in made.values()])
    assert every["slack"].min() >= -theorem.ROUNDING  # type: ignore[operator]
    assert ((every["slack"] - every[term]) < -theorem.ROUNDING).any()


@pytest.fixture(scope="module")
def tv_tables() -> tuple[Experiment, dict[str, pl.DataFrame]]:
    experiment = small("claim-09-total-variation", "replicates=1")
    return experiment, {
        part.name: part.make(*part.arguments) for part in total_variation.parts(experiment)
    }


def test_total_variation_bounds(tv_tables: tuple[Experiment, dict[str, pl.DataFrame]]) -> None:
    experiment, tables = tv_tables
    found = verdicts(total_variation.CLAIM, experiment, tables)
    assert found.pop("steps_mixed_beyond_share") == OPEN  # a share over drawn worlds, of one seed
    assert set(found.values()) == {COMES_OUT}
    assert set(total_variation.figures(tables, experiment)) == {"bound", "trap"}
    assert total_variation.kept_tables(tables, experiment)["bounds"].height == 3


def test_what_claim_9_draws_is_not_called_exact(
    tv_tables: tuple[Experiment, dict[str, pl.DataFrame]],
) -> None:
    experiment, tables = tv_tables
    found = total_variation.measure(tables, experiment)
    drawn = {
        "violations",
        "bracket_violations",
        "enumerated",
        "selected_violations",
        "mixture_violations",
        "closest",
    }
    assert {name for name, m in found.items() if m.kind == "those drawn"} == drawn
    assert {name for name, m in found.items() if not m.exact} == {
        *drawn,
        "steps_mixed_beyond_share",
    }
    five = experiment.model_copy(update={"replicates": 5})
    several = tables | {f"mixture-{seed}": total_variation.mixtures(seed) for seed in range(1, 5)}
    by_seed = [
        float(
            (several[f"mixture-{i}"]["every_step"] > several[f"mixture-{i}"]["share"] + 1e-9).mean()
        )
        for i in range(5)
    ]  # type: ignore[arg-type]
    share = total_variation.measure(several, five)["steps_mixed_beyond_share"]
    assert share.seeds == 5
    assert share.value == pytest.approx(np.mean(by_seed))
    assert share.low is not None
    assert share.high is not None
    assert 0.0 < share.low < min(by_seed) < share.high < 1.0


def test_a_range_that_is_too_small_is_seen(
    tv_tables: tuple[Experiment, dict[str, pl.DataFrame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, tables = tv_tables
    monkeypatch.setattr(
        total_variation, "range_of", lambda a, m: 0.2 * analysis_total_variation.range_of(a, m)
    )
    wrong = verdicts(
        total_variation.CLAIM, experiment, tables | {"random-0": total_variation.random_worlds(0)}
    )
    assert wrong["violations"] == NOT


def test_a_coupling_that_is_too_close_is_seen(
    tv_tables: tuple[Experiment, dict[str, pl.DataFrame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, tables = tv_tables
    monkeypatch.setattr(analysis_total_variation, "coupled", lambda a, m, x, y: 1.0)
    wrong = verdicts(
        total_variation.CLAIM, experiment, tables | {"random-0": total_variation.random_worlds(0)}
    )
    assert wrong["bracket_violations"] == NOT


@pytest.fixture(scope="module")
def inner_tables() -> tuple[Experiment, dict[str, pl.DataFrame]]:
    experiment = small("claim-13-inner-alignment", *SMALL)
    return experiment, {
        part.name: part.make(*part.arguments) for part in inner_alignment.parts(experiment)
    }


def test_both_cells_are_there(inner_tables: tuple[Experiment, dict[str, pl.DataFrame]]) -> None:
    experiment, tables = inner_tables
    found = inner_alignment.measure(tables, experiment)
    assert (
        sum(
            found[name].value
            for name in (
                "right_objective_and_good",
                "right_objective_and_bad",
                "another_objective_and_good",
                "another_objective_and_bad",
            )
        )
        == found["genomes"].value
    )
    assert set(verdicts(inner_alignment.CLAIM, experiment, tables).values()) == {COMES_OUT}
    assert set(inner_alignment.figures(tables, experiment)) == {"cells", "lives", "equals"}
    kept = inner_alignment.kept_tables(tables, experiment)
    assert kept["lives"]["cell"].n_unique() == 2
    who_wants_offspring = tables["grid-contraception"].filter(
        pl.col("misranking") <= inner_alignment.SAME_RANKING
    )
    others = [
        name
        for name in who_wants_offspring.columns
        if name.startswith("locus:")
        and name.removeprefix("locus:") in ("satiety", "pleasure", "young")
    ]
    assert (who_wants_offspring.select(others).to_numpy() == 0.0).all()
    trivial = tables["explained"].filter("trivial")
    # Wanting nothing explains everything
    assert set(trivial["subject"]) == set(tables["explained"]["subject"])


def test_if_only_the_right_objective_were_good_the_claim_would_fail(
    inner_tables: tuple[Experiment, dict[str, pl.DataFrame]],
) -> None:
    experiment, tables = inner_tables
    right = (pl.col("misranking") <= inner_alignment.SAME_RANKING).cast(pl.Float64)
    faulty = {
        name: (
            table.with_columns((1.0 - right).alias("loss")).with_columns(inner_alignment._cell())
            if name.startswith("grid-")
            else table
        )
        for name, table in tables.items()
    }
    found = verdicts(inner_alignment.CLAIM, experiment, faulty)
    assert [
        found[name]
        for name in (
            "another_objective_and_good",
            "right_objective_and_bad",
            "loss_by_wrong_belief",
        )
    ] == [NOT] * 3


def test_a_ledger_that_reads_the_encoding_is_seen(
    inner_tables: tuple[Experiment, dict[str, pl.DataFrame]],
) -> None:
    experiment, tables = inner_tables
    faulty = tables | {"equals": tables["equals"].with_columns(pl.lit(1e-6).alias("ledgers_apart"))}
    assert verdicts(inner_alignment.CLAIM, experiment, faulty)["ledger_difference_of_equals"] == NOT
