"""Parameters of worlds: units, reasons, ranges and structural parameters."""

from __future__ import annotations

import dataclasses

import pytest

from evosim.worlds import InvalidWorld
from evosim.worlds.parameters import check_ranges, check_size, modern_params, number, probability


@dataclasses.dataclass(frozen=True)
class Fruit:
    trees: int = number(3, "trees", "a small orchard", low=1, high=9, structural=True)
    ripe: float = probability(0.5, "half of them")
    sugar: float = number(1.0, "payoff", "the unit")


def test_a_field_has_unit_reason_and_range() -> None:
    metadata = {item.name: dict(item.metadata) for item in dataclasses.fields(Fruit)}
    assert metadata["ripe"] == {
        "unit": "probability per age",
        "why": "half of them",
        "low": 0.0,
        "high": 1.0,
        "structural": False,
    }


def test_modern_parameters_replace_ancestral_ones() -> None:
    assert modern_params(Fruit(), {"ripe": 0.25}) == Fruit(ripe=0.25)
    assert modern_params(Fruit(trees=4), {"trees": 4}) == Fruit(trees=4)


@pytest.mark.parametrize(
    ("params", "modern", "message"),
    [
        (Fruit(), {"leaves": 1}, r"must name parameters \(trees, ripe, sugar\), but has 'leaves'"),
        (Fruit(), {"trees": 4}, r"world\.modern\.trees must be left alone, but is 4"),
        (Fruit(trees=0), {}, r"world\.ancestral\.trees must lie in \[1, 9\] \(trees\), but is 0"),
        (Fruit(), {"ripe": 1.5}, r"world\.modern\.ripe must lie in"),
    ],
)
def test_invalid_parameters_are_refused(
    params: Fruit, modern: dict[str, float], message: str
) -> None:
    with pytest.raises(InvalidWorld, match=message):
        modern_params(params, modern)


def test_nan_is_out_of_every_range() -> None:
    with pytest.raises(InvalidWorld, match=r"world\.ripe must lie in"):
        check_ranges(Fruit(ripe=float("nan")), "world")


def test_worlds_that_are_too_large_are_refused() -> None:
    check_size("world", 100, 10, 1000)
    with pytest.raises(InvalidWorld, match=r"at most 10,000,000 entries .* has 10,240,000"):
        check_size("world", 1600, 4, 1)
    with pytest.raises(InvalidWorld, match="over all ages"):
        check_size("world", 1000, 10, 1000)
