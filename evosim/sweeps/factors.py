"""Factors of a sweep: what varies, in which levels, and the short names of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.design_terms import Column
from evosim.analysis.resampling import Array
from evosim.errors import UserError
from evosim.sweeps.plan import JSON, encoded
from evosim.sweeps.schema import Range, SweepFile

DESIGN = "design"
# levels of an integer range that are counted one by one; a range with more counts as continuous
MOST_LEVELS = 10_000


@dataclass(frozen=True)
class Factor:
    """Parameters that vary together: one of the grid, those of a zip, or a whole design.

    Attributes
    ----------
    name : str
        The parameters, joined; `design` for a design.
    parameters : tuple[str, ...]
        Their dotted names.
    labels : tuple[str, ...]
        Names of the levels. Numbers are in rising order, other levels in the order of the file.
    values : tuple[float, ...] or None
        The levels as numbers, if there is one numeric parameter.
    """

    name: str
    parameters: tuple[str, ...]
    labels: tuple[str, ...]
    values: tuple[float, ...] | None


class Named(Protocol):
    """Anything with the name and the parameters of a factor."""

    @property
    def name(self) -> str:
        """The parameters, joined; `design` for a design."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Their dotted names."""


def factors_of(
    sweep: SweepFile, cells: pl.DataFrame, kinds: dict[str, str]
) -> tuple[list[Factor], NDArray[np.int64]]:
    """The factors of a sweep, and the place of each cell in the array of all their levels.

    Parameters
    ----------
    sweep : SweepFile
        The sweep file.
    cells : polars.DataFrame
        One row per cell, with the swept parameters as columns.
    kinds : dict[str, str]
        How each parameter is stored; see `plan.Plan`.

    Returns
    -------
    The factors, and `[cells]` flat indices into an array of shape (levels of each factor).

    Raises
    ------
    UserError
        If the cells are not a full grid.
    """
    design = tuple(sweep.design.ranges) if sweep.design else None
    groups = [(key,) for key in sweep.grid] + [tuple(group) for group in sweep.zip]
    groups += [design] if design else []
    factors, places = [], []
    for parameters in groups:
        rows = cells.select(parameters).rows()
        levels = _ordered_levels(sweep, parameters, rows, kinds, is_design=parameters == design)
        labels = tuple(
            ", ".join(
                label(value, kinds[key]) for key, value in zip(parameters, level, strict=True)
            )
            for level in levels
        )
        number = len(parameters) == 1 and kinds[parameters[0]] in ("int", "float")
        values = tuple(float(level[0]) for level in levels) if number else None
        name = DESIGN if parameters == design else " + ".join(parameters)
        factors.append(Factor(name, parameters, labels, values))
        index = {level: i for i, level in enumerate(levels)}
        places.append([index[row] for row in rows])
    shape = tuple(len(factor.labels) for factor in factors)
    place = np.ravel_multi_index(places, shape) if factors else np.zeros(cells.height, dtype=int)
    if sorted(place.tolist()) != list(range(int(np.prod(shape)))):
        raise UserError(
            "the cells are not a full grid: sweep.toml and plan.parquet disagree. Restore both"
            " files from a copy, or run the sweep again with another --out."
        )
    return factors, place


def _ordered_levels(
    sweep: SweepFile,
    parameters: tuple[str, ...],
    rows: list[tuple[Any, ...]],
    kinds: dict[str, str],
    *,
    is_design: bool,
) -> list[tuple[Any, ...]]:
    """The distinct rows: numbers in rising order, others in the order of the file."""
    levels = list(dict.fromkeys(rows))
    single = len(parameters) == 1
    if single and not is_design and kinds[parameters[0]] in ("int", "float", "bool"):
        levels.sort()
    elif single and parameters[0] in sweep.grid:
        order = [encoded(value, kinds[parameters[0]]) for value in sweep.grid[parameters[0]]]
        levels.sort(key=lambda level: order.index(level[0]))
    return levels


def label(value: object, kind: str) -> str:
    """The name of a level."""
    if kind == "bool":
        return "true" if value else "false"
    return f"{value:g}" if kind == "float" else str(value)


def column_of(values: pl.Series, given: Range) -> Column:
    """A swept parameter as positions in its range, with the distribution of the design.

    Parameters
    ----------
    values : polars.Series, shape (points,)
        The parameter's value at each point.
    given : Range
        The range in the sweep file.

    Returns
    -------
    Column
        Positions from 0 to 1 on the range's scale. Choices that are not numbers have their place
        in the list.
    """
    if given.choices is not None:
        return _column_of_choices(values, given.choices)
    low, high = float(given.low or 0.0), float(given.high or 0.0)
    x = values.cast(pl.Float64).to_numpy()

    def position(at: Array) -> Array:
        if given.scale == "log":
            placed: Array = np.log(at / low) / np.log(high / low)
        else:
            placed = (at - low) / (high - low)
        return placed

    if not given.integer or high - low >= MOST_LEVELS:
        return Column(position(x))
    whole = np.arange(low, high + 1.0)
    # `Range.at` draws an integer from the interval between it and the next one.
    weights: Array | None = np.log1p(1.0 / whole) if given.scale == "log" else None
    return Column(position(x), levels=position(whole), weights=weights)


def _column_of_choices(values: pl.Series, choices: Sequence[Any]) -> Column:
    """Positions of choices; a choice is as frequent as in the list."""
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        x = values.cast(pl.Float64).to_numpy()
        numbers = [float(choice) for choice in choices if isinstance(choice, int | float)]
        levels, times = np.unique(numbers, return_counts=True)
        first, width = levels[0], float(np.ptp(levels)) or 1.0
        return Column(
            (x - first) / width, levels=(levels - first) / width, weights=times.astype(np.float64)
        )
    # Only the drawn choices decide whether a column is text or JSON (`plan._kind`).
    kind = "text" if all(value in choices for value in values.unique(maintain_order=True)) else JSON
    texts = [encoded(choice, kind) for choice in choices]
    distinct = list(dict.fromkeys(texts))
    place = np.array([float(distinct.index(value)) for value in values])
    counts = np.array([float(texts.count(text)) for text in distinct])
    return Column(place, ordered=False, levels=np.arange(float(len(distinct))), weights=counts)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """The shortest unique end of each dotted name; the whole name if it is the end of another."""
    names = list(names)
    out = {}
    for name in names:
        words = name.split(".")
        ends = (".".join(words[i:]) for i in reversed(range(len(words))))
        out[name] = next(
            (end for end in ends if sum(f".{other}".endswith(f".{end}") for other in names) == 1),
            name,
        )
    return out


def short_factors(factors: Sequence[Named]) -> dict[str, str]:
    """A short name for each factor."""
    short = short_names(key for factor in factors for key in factor.parameters)
    return {
        f.name: DESIGN if f.name == DESIGN else " + ".join(short[key] for key in f.parameters)
        for f in factors
    }
