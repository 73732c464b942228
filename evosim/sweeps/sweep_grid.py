"""The cells of a collected sweep as arrays: what was measured in which run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.intervals import Ends
from evosim.analysis.means_over_seeds import SEED_DEPENDENT
from evosim.analysis.resampling import Array
from evosim.errors import UserError
from evosim.sweeps.analysis_tables import EXTINCT, SHARES, RunCounts
from evosim.sweeps.factors import Factor, factors_of
from evosim.sweeps.plan import digest_of
from evosim.sweeps.schema import Range, SweepFile, read_alone
from evosim.sweeps.store import FAILED, RUNS, Store

EXACT = "exact"
UNMEASURED = ("run", "cell", "seed", "status", "generations", "error")


@dataclass(frozen=True, eq=False)
class SweepGrid:
    """The cells of a sweep and what was measured in them.

    Attributes
    ----------
    factors : list[Factor]
        Crossed factors.
    place : ndarray
        `[cells]` place of each cell in the array of all levels.
    cells : polars.DataFrame
        One row per cell: `cell` and the swept parameters.
    status : ndarray
        `[cells, replicates]` how each run ended; None where it is not done.
    quantities : dict[str, Array]
        `[cells, replicates]` by name; NaN where the run has no finite value.
    enumerated : ndarray
        `[cells]` whether every genome of the cell's grid was scored.
    ranges : dict[str, Range]
        Ranges of the parameters of a design.
    """

    factors: list[Factor]
    place: NDArray[np.int64]
    cells: pl.DataFrame
    status: NDArray[np.object_]
    quantities: dict[str, Array]
    enumerated: NDArray[np.bool_]
    ranges: dict[str, Range] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of levels of each factor."""
        return tuple(len(factor.labels) for factor in self.factors)

    def exact(self, name: str) -> NDArray[np.bool_]:
        """`[cells]`: whether a quantity depends only on worlds and grid, and on no seed."""
        first, last = name.partition(".")[0], name.rpartition(".")[2]
        if name.startswith("ladder.") and last == "optimum":
            return np.ones(self.cells.height, dtype=np.bool_)
        by_construction = first in ("shift", "ties") or (
            first == "ladder" and last not in SEED_DEPENDENT
        )
        return self.enumerated & by_construction

    def laid_out(self, values: Array) -> Array:
        """`[cells, seeds]` as `[levels of each factor..., seeds]`."""
        out = np.empty_like(values)
        out[self.place] = values
        return out.reshape(*self.shape, values.shape[1])

    def counts(self) -> RunCounts:
        """Runs by how they ended."""
        status = self.status
        return RunCounts(
            planned=int(status.size),
            complete=int((status == "complete").sum()),
            extinct=int((status == EXTINCT).sum()),
            failed=int((status == FAILED).sum()),
            missing=int((status == None).sum()),  # noqa: E711
        )


def grid_of(store: Store) -> SweepGrid:
    """The cells of a collected sweep and what was measured in them.

    Raises
    ------
    UserError
        If the collected table or the sweep file is damaged.
    """
    path = store.folder / f"{RUNS}.parquet"
    sweep = sweep_file_of(store)
    plan = store.plan
    replicates = plan.height // store.manifest.cells
    try:
        runs = store.collected(RUNS).collect()
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(
            f"{path} cannot be read. Write it again: 'evosim sweep collect {store.folder}'."
        ) from None
    names = [name for name in runs.columns if name not in (*UNMEASURED, *store.kinds)]
    whole = plan.select("run").join(
        runs.select("run", "status", *names), on="run", how="left", maintain_order="left"
    )
    enumerated: NDArray[np.bool_] = np.zeros(len(plan), dtype=np.bool_)
    if EXACT in names:
        names.remove(EXACT)
        # null only in failed and missing runs
        enumerated = (whole[EXACT] == 1.0).fill_null(True).to_numpy()
    cells = plan[::replicates].select("cell", *store.kinds)
    status = whole["status"].to_numpy().reshape(-1, replicates)
    quantities: dict[str, Array] = {}
    if (status == EXTINCT).any():
        quantities[EXTINCT] = np.where(
            (status == "complete") | (status == EXTINCT), status == EXTINCT, np.nan
        ).astype(np.float64)
    for name in sorted(names):
        values = whole[name].to_numpy().astype(np.float64).reshape(-1, replicates)
        # an infinite value has no mean
        quantities[name] = np.where(np.isfinite(values), values, np.nan)
    factors, place = factors_of(sweep, cells, store.kinds)
    return SweepGrid(
        factors,
        place,
        cells,
        status,
        quantities,
        np.asarray(enumerated.reshape(-1, replicates).all(axis=1)),
        dict(sweep.design.ranges) if sweep.design else {},
    )


def sweep_file_of(store: Store) -> SweepFile:
    """The sweep file in a folder. Raises `UserError` if it was changed after the sweep began."""
    path = store.folder / "sweep.toml"
    sweep = read_alone(path)
    if digest_of(sweep, store.manifest.tree) != store.digest:
        raise UserError(
            f"{path} is not the file that this sweep began with. Restore it, or run the sweep again"
            " with another --out."
        )
    return sweep


def range_of(name: str) -> Ends | None:
    """The smallest and the largest value that a quantity can have in a run, if known."""
    return (0.0, 1.0) if name in SHARES else None


def range_of_difference(within: Ends | None, most: float = 1.0) -> Ends | None:
    """The range of a weighted sum of differences of two values with a known range.

    Parameters
    ----------
    within : Ends or None
        Range of each value.
    most : float
        Sum of the absolute weights of the differences.
    """
    if within is None:
        return None
    return (-most * (within[1] - within[0]), most * (within[1] - within[0]))
