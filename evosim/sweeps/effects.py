"""Effects of a sweep's parameters on one quantity: rows of the tables in `analysis_tables`.

`evosim.analysis.variance_decomposition` computes the statistics.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from evosim.analysis.resampling import Array, Resampling, settled
from evosim.analysis.response_surface import fit
from evosim.analysis.variance_decomposition import decompose, interaction, marginal
from evosim.sweeps.analysis_tables import MEASURED, SAMPLED, SCHEMAS, FitRow, QuantityRow
from evosim.sweeps.factors import DESIGN, column_of
from evosim.sweeps.plan import Row
from evosim.sweeps.sweep_grid import SweepGrid, range_of, range_of_difference

ALL_PAIRS = 10  # up to so many levels all pairs are compared; of more, neighbours and the ends
LARGEST_PAIR = 2_500  # levels of one factor times levels of the other


@dataclass(frozen=True, eq=False)
class PairedValues:
    """One quantity in the seeds that measured it in every cell.

    Attributes
    ----------
    grid : SweepGrid
        The cells.
    name : str
        The quantity.
    values : ndarray
        `[levels of each factor..., seeds]`.
    resampling : Resampling
        How intervals are computed.
    exact : bool
        Whether the quantity depends on no seed.
    """

    grid: SweepGrid
    name: str
    values: Array
    resampling: Resampling
    exact: bool

    def interval(self, values: Array) -> tuple[Array, Array, Array]:
        """Mean and interval ends of values of this quantity."""
        return self.resampling.means_and_ends(values, range_of(self.name), exact=self.exact)

    def interval_of_difference(
        self, values: Array, most: float = 1.0
    ) -> tuple[Array, Array, Array]:
        """Mean and interval ends of differences; `most` as in `range_of_difference`."""
        within = range_of_difference(range_of(self.name), most)
        return self.resampling.means_and_ends(values, within, exact=self.exact)


def effects_of(
    grid: SweepGrid, name: str, values: Array, resampling: Resampling
) -> dict[str, list[Row]]:
    """Rows of one quantity in every table of `SCHEMAS`.

    Parameters
    ----------
    grid : SweepGrid
        The cells.
    name : str
        The quantity.
    values : ndarray
        `[cells, replicates]`; NaN where it was not measured.
    resampling : Resampling
        How intervals are computed.
    """
    out: dict[str, list[Row]] = {table: [] for table in SCHEMAS}
    if grid.cells.height < 2:
        return out
    whole = ~np.isnan(values).any(axis=0)
    row = QuantityRow(name, int(whole.sum()), int((~whole).sum()))
    if row.seeds == 0:
        row = replace(row, refused=_why_no_seed(values))
    else:
        exact = bool(grid.exact(name).all())
        paired = PairedValues(grid, name, grid.laid_out(values[:, whole]), resampling, exact)
        row, out["shares"] = _variances(paired, row)
        out["effects"] = list(_effects(paired))
        out["contrasts"] = list(_contrasts(paired))
        out["pairs"] = list(_pairs(paired))
    out["quantities"].append(asdict(row))
    if grid.factors[-1].name == DESIGN:
        out["sampled"], fit_row = _design_effects(grid, name, values, resampling)
        out["fits"] = [asdict(fit_row)]
    return out


def _why_no_seed(values: Array) -> str:
    empty = int(np.isnan(values).all(axis=1).sum())
    if empty == len(values):
        return "measured in no run"
    if empty:
        return f"{empty} of {len(values)} cells have no run in which it was measured"
    return "no seed has it measured in every cell"


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _measures(triple: Iterable[float]) -> Row:
    return {key: _finite(value) for key, value in zip(MEASURED, triple, strict=True)}


def _variances(paired: PairedValues, row: QuantityRow) -> tuple[QuantityRow, list[Row]]:
    """The variance between cells, in the row of `quantities`, and its shares."""
    decomposition = decompose(paired.values, paired.resampling, exact=paired.exact)
    row = replace(
        row,
        between=_finite(decomposition.between),
        low=_finite(decomposition.low),
        high=_finite(decomposition.high),
        chance=_finite(decomposition.chance),
        told=decomposition.detected,
        p=decomposition.p,
        p_least=decomposition.p_least,
    )
    shares: list[Row] = []
    for share in decomposition.shares:
        names = [paired.grid.factors[i].name for i in share.factors]
        first, second = (*names, None, None)[:2]
        shares.append(
            {
                "quantity": paired.name,
                "order": share.order,
                "factor": first,
                "with": second,
                "variance": _finite(share.variance),
                "share": share.share,
                "low": share.low,
                "high": share.high,
            }
        )
    return row, shares


def _effects(paired: PairedValues) -> Iterator[Row]:
    """Means at each level of each factor over all levels of the others."""
    for i, factor in enumerate(paired.grid.factors):
        if factor.name == DESIGN:
            continue
        means = paired.interval(marginal(paired.values, (i,)))
        for j, triple in enumerate(zip(*means, strict=True)):
            yield {
                "quantity": paired.name,
                "factor": factor.name,
                "number": j,
                "level": factor.labels[j],
                "value": factor.values[j] if factor.values else None,
                **_measures(triple),
            }


def compared(levels: int) -> list[tuple[int, int]]:
    """The pairs of levels to compare: all pairs, or of many levels the neighbours and the ends."""
    if levels <= ALL_PAIRS:
        return list(itertools.combinations(range(levels), 2))
    return [*((i, i + 1) for i in range(levels - 1)), (0, levels - 1)]


def _contrasts(paired: PairedValues) -> Iterator[Row]:
    """Differences between levels, seed by seed, so that common effects of a seed cancel."""
    for i, factor in enumerate(paired.grid.factors):
        if factor.name == DESIGN or len(factor.labels) < 2:
            continue
        means = marginal(paired.values, (i,))
        pairs = compared(len(factor.labels))
        differences = settled(np.stack([means[b] - means[a] for a, b in pairs]), paired.values)
        intervals = zip(*paired.interval_of_difference(differences), strict=True)
        for (a, b), (mean, low, high) in zip(pairs, intervals, strict=True):
            yield {
                "quantity": paired.name,
                "factor": factor.name,
                "level": factor.labels[b],
                "against": factor.labels[a],
                "difference": float(mean),
                "low": _finite(low),
                "high": _finite(high),
            }


def _pairs(paired: PairedValues) -> Iterator[Row]:
    """Means at each pair of levels of two factors, and their interaction."""
    factors = paired.grid.factors
    for i, j in itertools.combinations(range(len(factors)), 2):
        one, other = factors[i], factors[j]
        if other.name == DESIGN or len(one.labels) * len(other.labels) > LARGEST_PAIR:
            continue
        # a cell of the interaction is a mean of differences of differences with these weights
        most = 2.0 * (1.0 - 1.0 / len(one.labels)) * (1.0 - 1.0 / len(other.labels))
        means = paired.interval(marginal(paired.values, (i, j)))
        extra = paired.interval_of_difference(interaction(paired.values, i, j), most)
        for a, b in itertools.product(range(len(one.labels)), range(len(other.labels))):
            together, low, high = (_finite(part[a, b]) for part in extra)
            yield {
                "quantity": paired.name,
                "factor": one.name,
                "with": other.name,
                "number": a,
                "with_number": b,
                "level": one.labels[a],
                "with_level": other.labels[b],
                **_measures(part[a, b] for part in means),
                "interaction": together,
                "interaction_low": low,
                "interaction_high": high,
            }


def _design_effects(
    grid: SweepGrid, name: str, values: Array, resampling: Resampling
) -> tuple[list[Row], FitRow]:
    """Effects of the parameters of a design.

    The value of a point is its mean over the grid. Points with an unmeasured run are left out.
    """
    factor = grid.factors[-1]
    laid = grid.laid_out(values)
    # NaN where any value is NaN
    points = laid.mean(axis=tuple(range(laid.ndim - 2))) if laid.ndim > 2 else laid
    whole = ~np.isnan(points).any(axis=1)
    row = FitRow(name, int(whole.sum()), int((~whole).sum()))
    if row.points < 2 or row.points < row.points_left_out:
        why = "more than half of the points have runs in which it was not measured"
        return [], replace(row, refused=why)
    where = np.unravel_index(grid.place, grid.shape)[-1]
    first_cells = np.array([np.flatnonzero(where == i)[0] for i in range(len(factor.labels))])
    columns = [
        column_of(grid.cells[key].gather(first_cells), grid.ranges[key])
        for key in factor.parameters
    ]
    measured = [replace(column, position=column.position[whole]) for column in columns]
    fitted = fit(points[whole], measured, resampling)
    row = replace(
        row,
        model=fitted.model,
        coefficients=fitted.coefficients,
        explained=_finite(fitted.explained),
        predicted=_finite(fitted.predicted),
        told=fitted.detected,
        missed=_finite(fitted.missed),
    )
    terms: list[Row] = []
    for term in fitted.terms:
        first, second = (*(factor.parameters[i] for i in term.columns), None)[:2]
        ends = {key: _finite(getattr(term, key)) for key in SAMPLED}
        terms.append({"quantity": name, "parameter": first, "with": second, **ends})
    return terms, row
