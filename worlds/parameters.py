"""Parameters of worlds: each number has a unit, a range and a reason.

A world's parameters are a plain frozen dataclass. `number(...)` attaches unit, range and reason to
a field. `check_ranges` checks the ranges, for worlds built from a file and from Python alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field, fields, replace
from typing import Any, TypeVar

Params = TypeVar("Params")
MAX_NUMBER = 1e50  # sums and products of several such numbers stay finite
MAX_AGES = 10_000
MAX_TRANSITIONS = 10_000_000  # entries of a table of transitions
MAX_TRANSITIONS_TIMES_AGES = 1_000_000_000


class InvalidWorld(ValueError):
    """A world breaks a rule. The message names the value, the rule and a remedy."""


def number(
    default: Any,
    unit: str,
    why: str,
    *,
    low: float | None = None,
    high: float | None = None,
    structural: bool = False,
) -> Any:
    """A dataclass field with its unit, its range and the reason for its value.

    Parameters
    ----------
    default : object
        The value if the user gives none.
    unit : str
        The unit, or for other values what they are, for example `available or not`.
    why : str
        The reason for the default.
    low, high : float or None
        Closed range of the value; None: no limit of its own.
    structural : bool
        Whether the number determines the list of states. Then both worlds have the same value.

    Returns
    -------
    dataclasses.Field
        The field of a parameter dataclass.
    """
    return field(
        default=default,
        metadata={"unit": unit, "why": why, "low": low, "high": high, "structural": structural},
    )


def probability(default: float, why: str, unit: str = "probability per age") -> Any:
    """A dataclass field for a probability: `number` with the range [0, 1]."""
    return number(default, unit, why, low=0.0, high=1.0)


def check_ranges(params: Any, where: str) -> None:
    """Check each field of a parameter dataclass against its range.

    Parameters
    ----------
    params : dataclass
        Parameters of a world.
    where : str
        Name of the parameters in messages, for example `world.ancestral`.

    Raises
    ------
    InvalidWorld
        For the first field outside its range.
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
    """Raise `InvalidWorld` for a world that is too large for tables."""
    entries = states * acts * states
    for what, count, limit in (
        ("entries in its transitions", entries, MAX_TRANSITIONS),
        ("entries in its transitions over all ages", entries * ages, MAX_TRANSITIONS_TIMES_AGES),
    ):
        if count > limit:
            raise InvalidWorld(
                f"{where} must have at most {limit:,} {what}, but has {count:,} ({states:,} states,"
                f" {acts} acts, {ages:,} ages). Lower the lifespan or the parameters that"
                " multiply states."
            )


def modern_params(params: Params, modern: Mapping[str, Any]) -> Params:
    """Parameters of the modern world: the ancestral ones, with those in `modern` replaced.

    Parameters
    ----------
    params : dataclass
        Parameters of the ancestral world.
    modern : mapping
        Values that differ in the modern world, by name.

    Returns
    -------
    dataclass
        Parameters of the modern world. Both sets of parameters have been checked.

    Raises
    ------
    InvalidWorld
        For an unknown name, a change of a structural parameter, or a number out of range.
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
