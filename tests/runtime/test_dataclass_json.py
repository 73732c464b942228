"""Dataclasses as JSON values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import pytest

from evosim.runtime.dataclass_json import InvalidJson, Key, from_json, to_json

T = TypeVar("T")


@dataclass(frozen=True)
class Pair(Generic[T]):
    first: T
    second: T


@dataclass(frozen=True)
class Leaf:
    class_id: Annotated[int, Key("class")]
    note: Annotated[str | None, Key(omit=None)] = None


@dataclass(frozen=True)
class Tree:
    loci: Annotated[Mapping[str, float], Key(inline=True, prefix="locus:")]
    leaves: tuple[Leaf, ...]
    pair: Pair[Leaf | None]
    head: Annotated[Leaf, Key(inline=True)]
    rest: Annotated[Mapping[str, int], Key(inline=True)]


TREE = Tree({"a": 1.5}, (Leaf(1), Leaf(2, "two")), Pair(Leaf(3), None), Leaf(4), {})
DATA = {
    "locus:a": 1.5,
    "leaves": [{"class": 1}, {"class": 2, "note": "two"}],
    "pair": {"first": {"class": 3}, "second": None},
    "class": 4,
}


def test_a_tree_becomes_plain_values() -> None:
    assert to_json(TREE) == DATA


def test_names_omissions_and_generics_are_read_back() -> None:
    data = {key: value for key, value in DATA.items() if not key.startswith("locus:")}
    found = from_json(Pair[Leaf], data["pair"] | {"second": {"class": 9}})
    assert found == Pair(Leaf(3), Leaf(9))
    assert from_json(Leaf, {"class": 1, "unknown": 2}) == Leaf(1)


def test_numbers_stay_as_they_were() -> None:
    found = from_json(Pair[float], {"first": 1, "second": 1.0})
    assert [type(found.first), type(found.second)] == [int, float]


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (Leaf, {}, "has no 'class'"),
        (Leaf, {"class": True}, "has 'True' at 'class', where int is expected"),
        (Leaf, [], "has '[]' at its top level, where an object is expected"),
        (Pair[Leaf], {"first": {"class": 1}}, "has no 'second'"),
        (tuple[int, int], [1], "has '[1]' at its top level, where 2 values is expected"),
    ],
)
def test_another_form_is_refused(kind: type, data: object, message: str) -> None:
    with pytest.raises(InvalidJson) as caught:
        from_json(kind, data)
    assert str(caught.value) == message
