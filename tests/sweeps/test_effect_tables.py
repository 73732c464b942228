"""Text tables of effects: intervals, shares, and what was not detected."""

from __future__ import annotations

import pytest

from evosim.sweeps.analysis_tables import QuantityRow
from evosim.sweeps.effect_tables import (
    format_interval,
    no_effect_words,
    percent,
    variance_words,
    within,
)


def test_intervals_say_exact_and_alike() -> None:
    assert format_interval(0.3, 0.3, 0.3) == "0.300 exact"
    assert format_interval(0.3, None, None, seeds=6) == "0.300 alike"
    assert format_interval(0.3, None, None) == "0.300"
    assert format_interval(None, None, None) == "-"


@pytest.mark.parametrize(("share", "shown"), [(-0.1, 0.0), (0.4, 0.4), (1.2, 1.0)])
def test_shares_are_cut_to_their_range(share: float, shown: float) -> None:
    assert within(share) == shown


def test_zero_percent_has_no_sign() -> None:
    assert percent(-0.0001) == "0%"
    assert percent(0.125, 1) == "12.5%"


def test_an_effect_is_detected_or_the_reason_is_given() -> None:
    row = QuantityRow("q", 6, 0, between=4.0, chance=1.0, told=True, p=0.01, p_least=0.001)
    assert no_effect_words(row, 0.95) == ""
    none = QuantityRow("q", 6, 2, between=-1.0, chance=1.0, told=False, p=0.4, p_least=0.001)
    assert no_effect_words(none, 0.95) == "no effect detected (p = 0.4)"
    assert no_effect_words(QuantityRow("q", 1, 0), 0.95).startswith("not tested: 1 seed was")
    assert variance_words(row, 0.95, alike=False) == (
        "standard deviation between cells 2.00, between seeds of a cell 1.00"
    )
    assert variance_words(none, 0.95, alike=False).endswith("; 2 seeds left out")
