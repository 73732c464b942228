"""Words of numbers: what screens, reports and figures have in common."""

from __future__ import annotations


def count_of(count: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: `1 chunk`, `2,000 chunks`.

    Parameters
    ----------
    count : int
        The number.
    singular : str
        The noun for one.
    plural : str, optional
        The noun for more; by default `singular` with an `s`.

    Returns
    -------
    str
        Both, with commas between thousands.
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
