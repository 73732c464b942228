"""Parameters that say what they are: a unit, a range and a reason beside every number.

A world's parameters are a plain frozen dataclass. `number(...)` attaches unit, range and reason to
a field; `check_ranges` enforces the ranges, so a world built from Python is as safe as one built
from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field, fields, replace
from typing import Any, TypeVar

Params = TypeVar("Params")
MAX_NUMBER = 1e50  # of any number, so that sums and products of several stay finite
MAX_AGES = 10_000
MAX_TRANSITIONS = 10_000_000  # entries of a table of transitions
MAX_TRANSITIONS_TIMES_AGES = 1_000_000_000  # ... times ages


class InvalidWorld(ValueError):
    """A world that breaks a rule. The message names the offender, the rule and the remedy."""


def number(
    default: Any,
    unit: str,
    why: str,
    *,
    low: float | None = None,
    high: float | None = None,
    structural: bool = False,
) -> Any:
    """A dataclass field with its unit, its closed range `[low, high]` and the reason for its value.

    `structural` marks numbers that fix the list of states: the modern world may not change them.
    """
    return field(
        default=default,
        metadata={"unit": unit, "why": why, "low": low, "high": high, "structural": structural},
    )


def probability(default: float, why: str, unit: str = "probability per age") -> Any:
    """A field for a probability: `number` with the range [0, 1]."""
    return number(default, unit, why, low=0.0, high=1.0)


def check_ranges(params: Any, where: str) -> None:
    """Raise `InvalidWorld` for the first field of a dataclass that lies outside its stated
    range.
    """
    for item in fields(params):
        _check_field(item, getattr(params, item.name), where)


def _check_field(item: Field[Any], value: Any, where: str) -> None:
    low, high = item.metadata.get("low"), item.metadata.get("high")
    if low is None and high is None:
        return
    too_low = low is not None and not value >= low
    too_high = not value <= (MAX_NUMBER if high is None else high)
    if too_low or too_high:
        rule = (
            f"lie in [{low}, {high}]"
            if high is not None
            else f"be at least {low}"
            if too_low
            else f"be at most {MAX_NUMBER:g}"
        )
        raise InvalidWorld(
            f"{where}.{item.name} must {rule} ({item.metadata['unit']}), but is {value}. Set it"
            " inside that range."
        )


def check_size(where: str, states: int, acts: int, ages: int) -> None:
    """Raise `InvalidWorld` for a world that is too large to be laid out as tables."""
    for what, amount, most in (
        ("entries in its transitions", states * acts * states, MAX_TRANSITIONS),
        ("of them over all ages", states * acts * states * ages, MAX_TRANSITIONS_TIMES_AGES),
    ):
        if amount > most:
            raise InvalidWorld(
                f"{where} must have at most {most:,} {what}, but has {amount:,} ({states:,} states,"
                f" {acts} acts, {ages:,} ages). Lower the parameters that make states, or the"
                " lifespan."
            )


def modern_params(params: Params, modern: Mapping[str, Any]) -> Params:
    """The modern world's parameters: the ancestral ones with those in `modern` replaced.

    Checks names and ranges.

    Raises `InvalidWorld` for an unknown name, a structural one, or a number out of range in either
    world.
    """
    known = {item.name: item for item in fields(params)}  # type: ignore[arg-type]
    for name, value in modern.items():
        if name not in known:
            raise InvalidWorld(
                f"world.modern must name parameters ({', '.join(known)}), but has '{name}'. Use one"
                " of them."
            )
        if known[name].metadata.get("structural") and value != getattr(params, name):
            raise InvalidWorld(
                f"world.modern.{name} must be left alone, but is {value}: it fixes what both worlds"
                f" share. Set world.ancestral.{name}."
            )
    after = replace(params, **modern)  # type: ignore[type-var]
    check_ranges(params, "world.ancestral")
    check_ranges(after, "world.modern")
    return after
