"""Summaries are read back as they were written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evosim.analysis.summary import read_search_summary, read_summary
from evosim.runtime.dataclass_json import InvalidJson
from tests.support.accounts import account_of
from tests.support.summaries import summary_of


@pytest.mark.parametrize("name", ["micro", "coarse-drive", "reflexes", "coarse-savanna"])
def test_a_summary_survives_json(name: str) -> None:
    text = json.dumps(summary_of(account_of(name).summary).as_dict())
    assert json.dumps(read_summary(json.loads(text)).as_dict()) == text


def test_unknown_keys_are_ignored() -> None:
    data = summary_of(account_of("micro").summary).as_dict()
    assert read_summary(data | {"new": 1}).as_dict() == data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "0"}, "has '0' at 'seed', where int is expected"),
        ({"ladder": {"ancestral": {}}}, "has no 'ladder.ancestral.rungs'"),
        ({"ties": 3}, "has '3' at 'ties', where a list is expected"),
    ],
)
def test_other_forms_are_refused(change: dict[str, object], message: str) -> None:
    data = summary_of(account_of("micro").summary).as_dict()
    with pytest.raises(InvalidJson) as caught:
        read_summary(data | change)
    assert str(caught.value) == message


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


SEARCH: dict[str, Any] = {
    "experiment": "hills",
    "seed": 0,
    "replicates": 6,
    "expected": "",
    "changed": [],
    "digest": "d",
    "out": "o",
    "runs": {"0": {"status": "complete", "generations": 3}},
    "search": [
        {"quantity": "x", "mean": 1.0, "low": None, "high": None, "n": 6},
        {"quantity": "y", "mean": 1.0, "low": 0.5, "high": 1.5, "n": 6},
    ],
}


def test_a_search_that_an_earlier_version_wrote_is_read() -> None:
    rows = [
        {"quantity": "x", "mean": 1.0, "interval": None},
        {"quantity": "y", "mean": 1.0, "interval": [0.5, 1.5]},
    ]
    assert read_search_summary(SEARCH | {"search": rows}).as_dict() == SEARCH
    bad = SEARCH | {"search": [{"quantity": "x", "mean": 1.0, "interval": [0.5]}]}
    with pytest.raises(InvalidJson, match=r"has '\[0.5\]' at 'search\[0\].interval'"):
        read_search_summary(bad)


def test_a_search_needs_results() -> None:
    assert read_search_summary(SEARCH).as_dict() == SEARCH
    with pytest.raises(InvalidJson, match="has no results"):
        read_search_summary(SEARCH | {"search": []})
