"""Experiments that search a landscape over real vectors."""

from __future__ import annotations

import pytest

from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import any_of, build_landscape, on_landscape
from evosim.config.resolve import resolve
from evosim.config.schema import Tree
from evosim.errors import UserError


def landscape() -> Tree:
    return {
        "name": "hills",
        "world": {"name": "tessellating-hills"},
        "genome": {"name": "vector"},
        "optimizer": {"name": "gradient"},
        "phases": [{"world": "ancestral", "generations": 10}],
    }


def test_a_landscape_is_resolved_and_built() -> None:
    experiment = resolve(landscape())
    assert on_landscape(experiment)
    assert not on_landscape(resolve(read_experiment("micro")))
    hills, params = build_landscape(experiment, 0)
    assert hills.dimensions > 1
    assert params.rate > 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genome": {"name": "planner"}}, "Write genome = { name = 'vector' }"),
        ({"snapshots": [1]}, "has no snapshots. Remove snapshots"),
    ],
)
def test_parts_that_a_landscape_lacks_are_refused(change: Tree, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve(landscape() | change)


def test_names_are_joined_by_or() -> None:
    assert any_of(["a", "b"]) == "'a' or 'b'"
