"""Summaries as they are written: one shape for all intervals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.accounts import account_of
from tests.support.summaries import summary_of


@pytest.mark.parametrize("name", ["micro", "coarse-drive", "reflexes"])
def test_all_intervals_have_one_shape(name: str) -> None:
    data = summary_of(account_of(name, "replicates=6").summary).as_dict()
    intervals = intervals_of(data)
    assert {place.split(".")[0] for place in intervals} >= {
        "losses",
        "fitness",
        "shift_parts",
        "ladder",
        "recovery",
        *(["hack"] if name == "coarse-drive" else []),
    }
    for place, interval in intervals.items():
        assert interval.keys() >= SHAPE, place
        assert interval["n"] == 0 or interval["mean"] is not None, place
        if interval["low"] is not None:
            assert interval["low"] <= interval["mean"] <= interval["high"], place
            assert interval["n"] == 6, place


SHAPE = {"mean", "low", "high", "n"}


def intervals_of(data: Any, place: str = "") -> dict[str, Any]:
    """By place, whatever in a summary looks like an interval: a pair of numbers, or named ends."""
    if isinstance(data, list):
        numbers = len(data) == 2 and all(isinstance(x, int | float) for x in data)
        assert not numbers, f"{place} is a pair of numbers"
        data = dict(enumerate(data))
    if not isinstance(data, dict):
        return {}
    out = {}
    if any(word in str(key) for key in data for word in ("low", "high")):
        out[place] = data
    for key, value in data.items():
        out |= intervals_of(value, f"{place}.{key}".removeprefix("."))
    return out
