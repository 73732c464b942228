"""Numbers, units and tables as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from rich import box
from rich.table import Table

from evosim.analysis.summary import AccountSummary, RunSummary
from evosim.reference.dynamic_programming import ROUNDING
from evosim.runtime.words import count_of

DIGITS, FEW = 3, 9  # Default decimals. Above FEW decimals, small numbers become powers of ten.
LARGE = 1e9  # From here on, numbers are powers of ten with nine digits.
# With given decimals: limits of powers of ten, and the largest number of digits.
LARGEST, SMALL, MOST_DIGITS = (1e15, 1e-3, 15)
MOST_APART = 2  # places by which intervals in a column may differ and still have the same decimals

Given = ParamSpec("Given")
Made = TypeVar("Made")
_more: ContextVar[int] = ContextVar("more", default=0)  # decimals that a small scale adds


@contextmanager
def to_scale(*accounts: AccountSummary) -> Iterator[None]:
    """Write numbers so that the differences between policies can be seen.

    A world whose policies differ by 0.0002 needs more decimals than one where they differ by 2.
    With three decimals its account would say that nothing is lost.

    Parameters
    ----------
    *accounts : AccountSummary
        Of runs. The smallest span of a world, from its worst policy to its best, decides.
    """
    with scale_of(
        best_policy(account, world) - worst
        for account in accounts
        for world, worst in account.worst_policy.items()
        if not all_alike(account, world)
    ):
        yield


@contextmanager
def scale_of(amounts: Iterable[float]) -> Iterator[None]:
    """Write numbers with the decimals that the smallest of some amounts takes."""
    spans = [abs(amount) for amount in amounts if amount]
    more = -math.floor(math.log10(min(spans))) - 1 if spans else 0
    token = _more.set(max(0, more))
    try:
        yield
    finally:
        _more.reset(token)


def scaled(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let a function that has a summary among its arguments write numbers to its scale."""

    @wraps(function)
    def inside(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        summary = next(x for x in args if isinstance(x, AccountSummary | RunSummary))
        with to_scale(summary.account if isinstance(summary, RunSummary) else summary):
            return function(*args, **kwargs)

    return inside


def small(more: int = 0) -> float:
    """Half of the last decimal: what is less is written as 0."""
    return float(0.5 * 10.0 ** -(DIGITS + more + _more.get()))


def best_policy(account: AccountSummary, world: str) -> float:
    """Fitness of the best policy in a world."""
    return account.ladder.of(world).rung("optimum")


def all_alike(account: AccountSummary, world: str) -> bool:
    """Whether all policies of a world have the same fitness, up to rounding."""
    best, worst = best_policy(account, world), account.worst_policy.of(world)
    return bool(best - worst <= ROUNDING * max(abs(best), abs(worst)))


def number(value: float | None, digits: int | None = None, *, more: int = 0) -> str:
    """A number for reading; a dash if it was not measured; no negative zero.

    `digits` is the number of decimals, and may be negative (`decimals_of`). Without it, there are
    three decimals, plus `more`, plus those that the account's scale adds (`to_scale`).
    """
    if value is None:
        return "-"
    if digits is not None:
        return _to_place(value, digits)
    decimals = DIGITS + more + _more.get()
    if abs(value) >= LARGE:
        return f"{value:.9g}"
    if decimals > FEW:
        return "0" if abs(value) < 0.5 * 10.0**-decimals else f"{value:.{DIGITS + more}g}"
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text


def _to_place(value: float, decimals: int) -> str:
    """A number with so many decimals; large and very small numbers become powers of ten."""
    if abs(value) < 0.5 * 10.0**-decimals and decimals > FEW:
        return "0"
    if (
        math.isfinite(value)
        and value
        and (
            (abs(value) >= LARGE and decimals < 0)
            or abs(value) >= LARGEST
            or (decimals > FEW and abs(value) < SMALL)
        )
    ):
        return f"{value:.{min(max(power_of(value) + decimals, 0), MOST_DIGITS)}e}"
    text = f"{value:.{min(max(decimals, 0), MOST_DIGITS)}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text


def power_of(value: float, digits: int = 2) -> int:
    """Exponent of the first of so many digits after rounding: -1 for 0.0996, which is 0.10."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def significant(value: float, digits: int = DIGITS) -> str:
    """A number with so many significant digits; of a large one all digits before the point."""
    return number(value, digits - 1 - power_of(value, digits) if value else digits)


def decimals_of(mean: float, low: float | None, high: float | None) -> int | None:
    """How many decimals an interval takes.

    Parameters
    ----------
    mean : float
        The mean.
    low, high : float or None
        The ends of its interval. One of them may be infinite.

    Returns
    -------
    int or None
        With these decimals half the interval has two significant digits. Below 0 they count places
        before the point. None where there is no interval, or none with a width.
    """
    if low is None or high is None:
        return None
    half = high / 2.0 - low / 2.0
    if not math.isfinite(half):
        half = max((abs(mean - end) for end in (low, high) if math.isfinite(end)), default=0.0)
    return 1 - power_of(half) if half > ROUNDING * abs(mean) else None


Measured = tuple[float | None, float | None, float | None]  # a mean, and the ends of its interval


def decimals_in(column: Iterable[Measured], usual: int = DIGITS) -> list[int]:
    """How many decimals each number in a column of a table takes.

    Parameters
    ----------
    column : iterable of tuple
        Means and the ends of their intervals; None for what was not measured.
    usual : int
        Decimals where there are no intervals, unless the numbers are so small that they take more.

    Returns
    -------
    list of int
        All have those of the narrowest interval. If that is more than two places narrower than the
        widest one, each has its own.
    """
    rows = list(column)
    own = [None if mean is None else decimals_of(mean, low, high) for mean, low, high in rows]
    known = [decimals for decimals in own if decimals is not None]
    if not known:
        largest = max(
            (abs(mean) for mean, *_ in rows if mean is not None and math.isfinite(mean)),
            default=0.0,
        )
        return [
            (
                1
                if largest >= 100.0
                else max(usual, DIGITS - 1 - power_of(largest, DIGITS))
                if largest
                else usual
            )
        ] * len(rows)
    most, least = max(known), min(known)
    if most - least <= MOST_APART:
        return [most] * len(rows)
    return [max(least, usual) if decimals is None else decimals for decimals in own]


def with_ends(
    mean: float, low: float | None, high: float | None, decimals: int | None = None
) -> str:
    """A number and its interval, on the screen, in reports and in verdicts.

    Parameters
    ----------
    mean : float
        The mean.
    low, high : float or None
        The ends of its interval.
    decimals : int, optional
        Of its column (`decimals_in`). Without, those that its own interval takes.

    Returns
    -------
    str
        Such as `0.123 [0.087, 0.159]`. Without an interval, or with one that has no width, the
        number alone.
    """
    own = decimals_of(mean, low, high)
    digits = decimals if decimals is not None else own
    if digits is None:
        return significant(mean, DIGITS + 1)
    text = number(mean, digits)
    return text if own is None else f"{text} [{number(low, digits)}, {number(high, digits)}]"


def table_of(title: str, headings: tuple[str, ...], left: tuple[str, ...] = ("act",)) -> Table:
    """An empty table with a title and headings; columns named in `left` are set left."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right")
    return table


def seeds_words(replicates: int, *seeds: int) -> str | None:
    """A note for a table whose means are over some seeds of the run only.

    Parameters
    ----------
    replicates : int
        Number of seeds of the run.
    *seeds : int
        Number of seeds behind each part of the table; 0 for a part without means.

    Returns
    -------
    str or None
        None if all means are over all seeds.
    """
    known = sorted({n for n in seeds if n})
    if known in ([], [replicates]):
        return None
    return (
        f"means over the {' and '.join(map(str, known))} of {count_of(replicates, 'seed')} in which"
        " all of this"
        " was measured"
    )
