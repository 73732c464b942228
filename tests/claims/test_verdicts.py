"""Predictions are judged by whole intervals, and verdicts can fail."""

from __future__ import annotations

from typing import Any

import pytest

from evosim.claims.measurements import (
    SAMPLED,
    Measurement,
    best_found,
    exactly,
    mean_over_seeds,
    of_sample,
    share_of_seeds,
)
from evosim.claims.verdicts import (
    COMES_OUT,
    NOT,
    OPEN,
    StudyVerdict,
    above,
    below,
    judge,
    judge_claim,
    judge_prediction,
    near,
)
from evosim.config.schema import Prediction


@pytest.mark.parametrize(
    ("says", "measured", "wanted"),
    [
        ({"says": "above", "value": 1.0}, Measurement(2.0, 1.5, 2.5, seeds=20), COMES_OUT),
        ({"says": "above", "value": 1.0}, Measurement(2.0, 0.5, 2.5, seeds=20), OPEN),
        ({"says": "above", "value": 1.0}, Measurement(0.5, 0.2, 0.9, seeds=20), NOT),
        ({"says": "above", "value": 1.0}, Measurement(2.0, seeds=3), OPEN),
        ({"says": "above", "value": 1.0}, exactly(1.0), NOT),
        ({"says": "below", "value": 1.0}, exactly(0.9), COMES_OUT),
        ({"says": "below", "value": 1.0}, Measurement(2.0, 1.5, 2.5, seeds=20), NOT),
        (
            {"says": "within", "low": 1.0, "high": 2.0},
            Measurement(1.5, 1.0, 2.0, seeds=20),
            COMES_OUT,
        ),
        ({"says": "within", "low": 1.0, "high": 2.0}, Measurement(1.5, 0.9, 2.0, seeds=20), OPEN),
        ({"says": "within", "low": 1.0, "high": 2.0}, Measurement(3.0, 2.5, 3.5, seeds=20), NOT),
        ({"says": "equals", "value": 0.0}, exactly(1e-12), COMES_OUT),
        ({"says": "equals", "value": 0.0}, exactly(1e-3), NOT),
        ({"says": "equals", "value": 0.0}, exactly(float("nan")), OPEN),
        ({"says": "equals", "value": 0.0}, Measurement(0.0, seeds=3), OPEN),
        (
            {"says": "equals", "value": 0.0},
            Measurement(0.5, seeds=20),
            OPEN,
        ),  # all seeds agree, which is no interval
        (
            {"says": "equals", "value": 0.5, "tolerance": 0.01},
            Measurement(0.505, 0.1, 0.9, seeds=5),
            OPEN,
        ),
        (
            {"says": "equals", "value": 0.5, "tolerance": 0.01},
            Measurement(0.505, 0.495, 0.509, seeds=20),
            COMES_OUT,
        ),
        (
            {"says": "equals", "value": 0.5, "tolerance": 0.01},
            Measurement(0.6, 0.55, 0.65, seeds=20),
            NOT,
        ),
        (
            {"says": "equals", "value": -0.5, "tolerance": 0.01},
            Measurement(-0.6, -0.65, -0.55, seeds=20),
            NOT,
        ),
        ({"says": "equals", "value": 0.0}, of_sample(0.0), COMES_OUT),
        ({"says": "equals", "value": 0.0}, of_sample(1.0), NOT),
        ({"says": "above", "value": 0.9}, best_found(0.99), COMES_OUT),
        # An exact interval of a share may decide with fewer than five seeds. A mean has no interval
        # then.
        ({"says": "below", "value": 0.7}, share_of_seeds(0, 4), COMES_OUT),
        ({"says": "below", "value": 0.6}, share_of_seeds(0, 4), OPEN),
        (
            {"says": "below", "value": 0.7},
            mean_over_seeds([0.0, 0.0, 0.0, 0.0], within=(0.0, 1.0)),
            OPEN,
        ),
    ],
)
def test_a_prediction_is_judged_by_its_whole_interval(
    says: dict[str, Any], measured: Measurement, wanted: str
) -> None:
    assert judge_prediction(Prediction(quantity="x", **says), measured) == wanted


def test_a_claim_is_as_good_as_its_worst_prediction() -> None:
    assert judge_claim([COMES_OUT, COMES_OUT]) == COMES_OUT
    assert judge_claim([COMES_OUT, OPEN]) == OPEN
    assert judge_claim([NOT, OPEN]) == NOT
    assert judge_claim([]) == OPEN


def test_a_study_without_an_interval_is_undecided() -> None:
    agreeing = mean_over_seeds([0.0] * 20)
    assert agreeing.columns("x") == {"x": 0.0, "x_low": None, "x_high": None}

    def judged(low: float | None, high: float | None) -> str:
        quantity = Measurement(0.0, low, high, kind=SAMPLED)
        return StudyVerdict.of("c", "0", quantity, lambda _, most: most < 0.002).verdict

    assert judged(None, None) == OPEN
    assert judged(0.0, 0.001) == COMES_OUT
    assert judged(0.0, 0.1) == NOT


def test_above_and_below_need_the_whole_interval() -> None:
    intervals = ((0.1, 0.2), (-0.1, 0.2), (-0.2, -0.1))
    assert [judge(*ends, above(0.0)) for ends in intervals] == [COMES_OUT, OPEN, NOT]
    assert [judge(*ends, below(0.0)) for ends in intervals] == [NOT, OPEN, COMES_OUT]


def test_near_needs_a_point_of_the_interval() -> None:
    assert judge(0.1, 0.2, near(0.0, 0.1)) == COMES_OUT
    assert judge(0.1, 0.2, near(0.0, 0.05)) == NOT


def test_a_study_can_take_over_a_decision() -> None:
    assert StudyVerdict.of("c", "0", Measurement(0.0), True).verdict == COMES_OUT
    assert StudyVerdict.of("c", "0", Measurement(0.0), False).verdict == NOT


def test_measurements_are_read_from_columns_of_a_table() -> None:
    quantity = Measurement.from_columns({"x": 1.0, "x_low": 0.5, "x_high": 1.5}, "x")
    assert (quantity.value, quantity.low, quantity.high) == (1.0, 0.5, 1.5)
    assert quantity.columns("x") == {"x": 1.0, "x_low": 0.5, "x_high": 1.5}
