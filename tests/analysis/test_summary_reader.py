"""Summaries are read back as they were written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evosim.analysis.summary_reader import read_search_summary, read_summary
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
