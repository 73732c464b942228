"""Verdicts: whether measured intervals agree with predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from evosim.claims.measurements import SAMPLED, Measurement
from evosim.config.schema import Prediction

COMES_OUT, NOT, OPEN = "comes out", "does not come out", "undecided"
# Judges the ends of an interval: agrees, contradicts, or neither (None).
Criterion = Callable[[float, float], bool | None]


def above(value: float) -> Criterion:
    """The whole interval lies above the value."""
    return lambda low, high: True if low > value else False if high <= value else None


def below(value: float) -> Criterion:
    """The whole interval lies below the value."""
    return lambda low, high: True if high < value else False if low >= value else None


def within(least: float, most: float) -> Criterion:
    """The whole interval lies between two values, or on them."""
    return lambda low, high: (
        True if low >= least and high <= most else False if high < least or low > most else None
    )


def equals(value: float, tolerance: float) -> Criterion:
    """The whole interval differs from the value by at most the tolerance."""
    between = within(-tolerance, tolerance)
    return lambda low, high: between(low - value, high - value)


def near(value: float, tolerance: float) -> Criterion:
    """Some point of the interval differs from the value by at most the tolerance."""
    return lambda low, high: low <= value + tolerance and high >= value - tolerance


def criterion_of(prediction: Prediction) -> Criterion:
    """The criterion that a registered prediction states."""
    if prediction.says == "above":
        return above(prediction.value)
    if prediction.says == "below":
        return below(prediction.value)
    if prediction.says == "equals":
        return equals(prediction.value, prediction.tolerance)
    assert prediction.low is not None
    assert prediction.high is not None
    return within(prediction.low, prediction.high)


def verdict_text(agrees: bool | None) -> str:
    """The verdict in words."""
    return OPEN if agrees is None else COMES_OUT if agrees else NOT


def judge(low: float | None, high: float | None, criterion: Criterion) -> str:
    """Verdict on an interval. Without an interval it is undecided."""
    return verdict_text(None if low is None or high is None else criterion(low, high))


def judge_prediction(prediction: Prediction, measured: Measurement) -> str:
    """Verdict on a registered prediction.

    A mean or share over seeds is judged by its interval. Without one it is undecided: there are too
    few seeds, or all seeds agree. Other kinds are judged by their value.

    Parameters
    ----------
    prediction : Prediction
        The prediction, registered before the measurement.
    measured : Measurement
        The predicted quantity.

    Returns
    -------
    str
        `comes out`, `does not come out` or `undecided`.
    """
    if not np.isfinite(measured.value):
        return OPEN
    low, high = measured.low, measured.high
    if measured.kind != SAMPLED and (low is None or high is None):
        low = high = measured.value
    return judge(low, high, criterion_of(prediction))


def judge_claim(verdicts: Iterable[str]) -> str:
    """Verdict on a claim from the verdicts on its predictions that can fail.

    `comes out` if all predictions do, `does not come out` if any of them does not, and `undecided`
    otherwise or without predictions.
    """
    distinct = set(verdicts)
    return NOT if NOT in distinct else COMES_OUT if distinct == {COMES_OUT} else OPEN


@dataclass(frozen=True)
class StudyVerdict:
    """A row of `verdicts.csv` of a study.

    Attributes
    ----------
    claim : str
        The prediction in words.
    predicted : str
        The predicted number in words.
    measured : float
        The measured number.
    low, high : float or None
        Ends of its 95% interval over seeds.
    verdict : str
        `comes out`, `does not come out` or `undecided`.
    """

    claim: str
    predicted: str
    measured: float
    low: float | None
    high: float | None
    verdict: str

    @classmethod
    def of(
        cls, claim: str, predicted: str, measured: Measurement, criterion: Criterion | bool
    ) -> StudyVerdict:
        """Judge a measurement by a criterion, or take over a decision that was made already."""
        low, high = measured.low, measured.high
        if isinstance(criterion, bool):
            verdict = verdict_text(criterion)
        else:
            verdict = judge(low, high, criterion)
        return cls(claim, predicted, measured.value, low, high, verdict)
