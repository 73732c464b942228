"""Means of the cells of a sweep, with intervals over seeds: quantities and behaviour ledger."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.intervals import Ends, unit_of
from evosim.analysis.resampling import Array, Resampling
from evosim.sweeps.analysis_tables import EXTINCT, LEDGER
from evosim.sweeps.store import FAILED, Store
from evosim.sweeps.sweep_grid import SweepGrid, range_of


def cells_table(grid: SweepGrid, name: str, values: Array, resampling: Resampling) -> pl.DataFrame:
    """One quantity in each cell, over the runs in which it was measured.

    Parameters
    ----------
    grid : SweepGrid
        The cells.
    name : str
        The quantity.
    values : ndarray
        `[cells, replicates]` its values.
    resampling : Resampling
        How intervals are computed.

    Returns
    -------
    One row per cell; the columns of `analysis_tables.CellRow` and the swept parameters.
    """
    measured = (~np.isnan(values)).sum(axis=1)
    mean, low, high, sd = _row_means(values, resampling, range_of(name), grid.exact(name))
    status = grid.status
    columns = {
        "quantity": [name] * grid.cells.height,
        "measured": measured,
        "mean": mean,
        "low": low,
        "high": high,
        "sd": sd,
    }
    columns |= {word: (status == word).sum(axis=1) for word in ("complete", EXTINCT, FAILED)}
    columns["missing"] = (status == None).sum(axis=1)  # noqa: E711
    return grid.cells.hstack(
        pl.DataFrame(columns).with_columns(pl.col("mean", "low", "high", "sd").fill_nan(None))
    )


def _row_means(
    values: Array, resampling: Resampling, within: Ends | None, exact: NDArray[np.bool_]
) -> tuple[Array, Array, Array, Array]:
    """Mean, interval ends and standard deviation of each row, without NaN values.

    Parameters
    ----------
    values : ndarray
        `[rows, replicates]`.
    resampling : Resampling
        How intervals are computed.
    within : Ends or None
        Range of the values, if known.
    exact : ndarray
        `[rows]` whether a row depends on no seed.
    """
    mean, low, high, sd = (np.full(len(values), np.nan) for _ in range(4))
    holes = np.isnan(values)
    whole = ~holes.any(axis=1)
    for is_exact in (False, True):
        if (rows := whole & (exact == is_exact)).any():
            mean[rows], low[rows], high[rows] = resampling.means_and_ends(
                values[rows], within, exact=is_exact
            )
    if whole.any() and values.shape[1] > 1:
        sd[whole] = _standard_deviation(values[whole])
    for i in np.flatnonzero(~whole & ~holes.all(axis=1)):
        measured = values[i][~holes[i]]
        mean[i], low[i], high[i] = resampling.means_and_ends(measured, within, exact=bool(exact[i]))
        sd[i] = _standard_deviation(measured) if measured.size > 1 else np.nan
    return mean, low, high, sd


def _standard_deviation(values: Array) -> Array:
    """Standard deviations over the last axis, of numbers of any size."""
    unit = unit_of(values)
    out: Array = (values / unit).std(axis=-1, ddof=1) * unit
    return out


def ledger_table(store: Store, grid: SweepGrid, table: str, resampling: Resampling) -> pl.DataFrame:
    """Entries of the behaviour ledger in each cell.

    An entry that is 0 in all runs of a cell has no row. A run without an entry has 0 there if the
    subject was measured in it.

    Parameters
    ----------
    store : Store
        The sweep.
    grid : SweepGrid
        Its cells.
    table : str
        `ledger` or `behaviour`, whichever the sweep keeps.
    resampling : Resampling
        How intervals are computed.
    """
    scan = store.collected(table)
    if "subject" not in scan.collect_schema():
        return pl.DataFrame(schema=LEDGER)
    shape, out = grid.status.shape, []
    for subject, world in sorted(scan.select("subject", "world").unique().collect().rows()):
        entries = (
            scan.filter((pl.col("subject") == subject) & (pl.col("world") == world))
            .group_by("run", "kind", "act", maintain_order=True)
            .agg(pl.col("value").sum())
            .collect()
        )
        measured = _measured(grid, subject, world)
        for (kind, act), rows in sorted(entries.group_by("kind", "act"), key=str):
            values = np.where(measured, 0.0, np.nan)
            values[np.unravel_index(rows["run"].to_numpy(), shape)] = rows["value"].to_numpy()
            names = {"subject": subject, "world": world, "kind": kind, "act": act}
            out.append(_ledger_rows(grid, names, values, resampling))
    return pl.concat(out) if out else pl.DataFrame(schema=LEDGER)


def _ledger_rows(
    grid: SweepGrid, names: dict[str, str], values: Array, resampling: Resampling
) -> pl.DataFrame:
    """One entry of the ledger in the cells where it is not 0 in all runs."""
    some = np.nan_to_num(values).any(axis=1)
    exact = np.zeros(int(some.sum()), dtype=np.bool_)
    mean, low, high, _ = _row_means(values[some], resampling, None, exact)
    columns = {
        "cell": grid.cells["cell"].filter(pl.Series(some)),
        "measured": (~np.isnan(values[some])).sum(axis=1),
        "mean": mean,
        "low": low,
        "high": high,
    }
    frame = pl.DataFrame(columns).with_columns(
        *(pl.lit(value, dtype=pl.String).alias(key) for key, value in names.items())
    )
    return frame.select(pl.col(key).cast(dtype) for key, dtype in LEDGER.items()).with_columns(
        pl.col("mean", "low", "high").fill_nan(None)
    )


def _measured(grid: SweepGrid, subject: str, world: str) -> NDArray[np.bool_]:
    """`[cells, replicates]`: in which runs a subject of the ledger was measured."""
    quantity = {
        "population": f"ladder.{world}.rungs.population",
        "control": f"ladder.{world}.rungs.control",
        "population at the end": f"recovery.{world}_at_end",
    }.get(subject)
    ended = (grid.status == "complete") | (grid.status == EXTINCT)
    return ended & ~np.isnan(grid.quantities[quantity]) if quantity in grid.quantities else ended
