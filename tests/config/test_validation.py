"""Validation of plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import Field

from evosim.config.schema import StrictModel
from evosim.config.validation import check_keys, check_plain, shortened, validated
from evosim.errors import UserError


@dataclass(frozen=True)
class Locus:
    alleles: tuple[float, ...] = (0.0,)


class Part(StrictModel):
    rate: float = Field(default=0.5, gt=0.0, lt=1.0)
    count: int = Field(default=1, ge=1)
    on: bool = True
    loci: dict[str, Locus] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"rate": 1.0}, "part.rate must be less than 1, but is 1.0. Write for example 0.5."),
        ({"count": 0}, "must be greater than or equal to 1, but is 0. Write for example 1."),
        ({"on": "no"}, "part.on must be a valid boolean, but is 'no'. Write true or false."),
        ({"cuont": 1}, "unknown key 'part.cuont'. Did you mean 'part.count'?"),
        ({"loci": {"a": {"allels": []}}}, "Did you mean 'part.loci.a.alleles'?"),
        ({"rate": float("inf")}, "part.rate must be finite"),
        ({"count": 2**70}, "must be a whole number within"),
    ],
)
def test_errors_name_a_value_that_works(data: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        validated(Part, data, "part")
    assert message in str(caught.value)


def test_plain_values_are_accepted() -> None:
    check_plain({"a": [1, 0.5, "x", True, {"b": []}]})
    assert validated(Part, {"count": 3}, "part") == Part(count=3)


def test_very_deep_values_are_refused() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    with pytest.raises(UserError, match="deeper than 50 tables and lists"):
        check_plain({"a": deep})


def test_unknown_keys_of_a_dataclass_are_refused() -> None:
    check_keys(Locus, {"alleles": []}, "locus")
    with pytest.raises(UserError, match=r"unknown key 'locus.x'. Known keys: alleles"):
        check_keys(Locus, {"x": 1}, "locus")


def test_long_texts_are_shortened() -> None:
    assert shortened("x" * 300) == "x" * 200 + "..."
