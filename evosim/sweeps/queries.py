"""Questions to an analysed sweep: quantities and parameters by name, and all results as data."""

from __future__ import annotations

import difflib
import fnmatch

import polars as pl

from evosim.errors import UserError
from evosim.sweeps.analysis_tables import STEPS_OF_LOSSES, Analysis, headlines
from evosim.sweeps.factors import short_factors


def chosen(analysis: Analysis, names: list[str]) -> list[str]:
    """Quantities by name.

    Parameters
    ----------
    analysis : Analysis
        The analysis.
    names : list[str]
        Names of quantities, ends of names, or patterns. If empty: the headlines that vary.

    Raises
    ------
    UserError
        If a name fits no quantity.
    """
    known = analysis.tables["cells"]["quantity"].unique(maintain_order=True).to_list()
    if not names:
        varies = {name for name, (low, high) in _ends(analysis).items() if high > low}
        return headlines(varies) or known[:1]
    out: list[str] = []
    for name in names:
        matches = [key for key in known if key == name] or [
            key for key in known if f".{key}".endswith(f".{name}") or fnmatch.fnmatchcase(key, name)
        ]
        if not matches:
            ends = [key.rpartition(".")[2] for key in known]
            close = difflib.get_close_matches(name, [*known, *ends], n=1)
            hint = (
                f"Did you mean '{close[0]}'?"
                if close
                else "List all with 'evosim sweep analyze FOLDER --list'."
            )
            raise UserError(
                f"--of: '{name}' is no quantity of runs.parquet, no end of one, and no pattern that"
                f" fits one. {hint}"
            )
        out += [key for key in matches if key not in out]
    return out


def constant_losses(analysis: Analysis) -> dict[str, float]:
    """Losses that are the same in all cells, which the tables leave out, with their values."""
    ends = _ends(analysis)
    losses = {*STEPS_OF_LOSSES, *STEPS_OF_LOSSES.values()}
    return {
        name: ends[name][0]
        for name in headlines(ends)
        if name in losses and ends[name][0] == ends[name][1]
    }


def _ends(analysis: Analysis) -> dict[str, tuple[float, float]]:
    """By quantity that was measured in some cell, its least and largest mean."""
    cells = analysis.tables["cells"].drop_nulls("mean")
    ends = cells.group_by("quantity", maintain_order=True).agg(
        pl.col("mean").min().alias("low"), pl.col("mean").max().alias("high")
    )
    return {name: (low, high) for name, low, high in ends.iter_rows()}


def factor_named(analysis: Analysis, name: str, option: str) -> str:
    """A factor, or a parameter of a design, by its name or an end of it.

    Parameters
    ----------
    analysis : Analysis
        The analysis.
    name : str
        The name.
    option : str
        The option that gave the name, for the message.

    Raises
    ------
    UserError
        If not exactly one fits.
    """
    short, known = short_factors(analysis.facts.factors), parameters_of(analysis)
    matches = [key for key in known if name in (key, short.get(key))] or [
        key for key in known if f".{key}".endswith(f".{name}")
    ]
    if len(matches) != 1:
        how_many = "several swept parameters" if matches else "no swept parameter"
        raise UserError(f"{option}: '{name}' fits {how_many}. Use one of {', '.join(known)}.")
    return matches[0]


def parameters_of(analysis: Analysis) -> list[str]:
    """The factors of the grid, then the parameters of the design."""
    return [factor.name for factor in analysis.facts.grid_factors] + (
        analysis.facts.design_parameters
    )


def as_data(analysis: Analysis, quantities: list[str]) -> dict[str, object]:
    """The facts, and the rows of every table for some quantities, as plain data for JSON."""
    by_quantity: dict[str, object] = {}
    for name in quantities:
        rows = {
            table: analysis.of(table, name).drop("quantity").to_dicts()
            for table in analysis.tables
            if table != "ledger"
        }
        first = rows.pop("quantities")
        by_quantity[name] = {**(first[0] if first else {}), **rows}
    return {**analysis.facts.as_dict(), "quantities": by_quantity}


def refused(analysis: Analysis, quantities: list[str]) -> dict[str, str]:
    """The quantities without effects of factors, and the reason for each."""
    rows = (
        analysis.tables["quantities"]
        .filter(pl.col("quantity").is_in(quantities))
        .drop_nulls("refused")
    )
    return dict(rows.select("quantity", "refused").rows())
