"""Claim 9: the bounds hold, and planted faults fail."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis import life_variation
from evosim.claims import total_variation
from evosim.claims.claim import Claim
from evosim.claims.verdicts import COMES_OUT, NOT, OPEN, judge_prediction
from evosim.config.schema import Experiment
from tests.support.claims import small_claim


def verdicts(
    claim: Claim, experiment: Experiment, tables: dict[str, pl.DataFrame]
) -> dict[str, str]:
    found = claim.measure(tables, experiment)
    assert experiment.claim is not None
    return {
        p.quantity: judge_prediction(p, found[p.quantity]) for p in experiment.claim.predictions
    }


@pytest.fixture(scope="module")
def tv_tables() -> tuple[Experiment, dict[str, pl.DataFrame]]:
    experiment = small_claim("claim-09-total-variation", "replicates=1", size="quick")
    return experiment, {
        part.name: part.make(*part.arguments) for part in total_variation.parts(experiment)
    }


@pytest.mark.slow
def test_total_variation_bounds(tv_tables: tuple[Experiment, dict[str, pl.DataFrame]]) -> None:
    experiment, tables = tv_tables
    found = verdicts(total_variation.CLAIM, experiment, tables)
    assert found.pop("steps_mixed_beyond_share") == OPEN  # a share over drawn worlds, of one seed
    assert set(found.values()) == {COMES_OUT}
    assert set(total_variation.figures(tables, experiment)) == {"bound", "trap"}
    assert total_variation.stored_tables(tables, experiment)["bounds"].height == 3


@pytest.mark.slow
def test_sampled_quantities_are_not_exact(
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


@pytest.mark.slow
def test_a_range_that_is_too_small_is_detected(
    tv_tables: tuple[Experiment, dict[str, pl.DataFrame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, tables = tv_tables
    monkeypatch.setattr(
        total_variation, "range_of", lambda a, m: 0.2 * life_variation.range_of(a, m)
    )
    wrong = verdicts(
        total_variation.CLAIM, experiment, tables | {"random-0": total_variation.random_worlds(0)}
    )
    assert wrong["violations"] == NOT


@pytest.mark.slow
def test_a_coupling_that_is_too_close_is_detected(
    tv_tables: tuple[Experiment, dict[str, pl.DataFrame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, tables = tv_tables
    monkeypatch.setattr(life_variation, "coupled", lambda a, m, x, y: 1.0)
    wrong = verdicts(
        total_variation.CLAIM, experiment, tables | {"random-0": total_variation.random_worlds(0)}
    )
    assert wrong["bracket_violations"] == NOT
