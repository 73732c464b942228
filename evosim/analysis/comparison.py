"""Differences between the accounts of two runs, with intervals.

Differences of quantities of worlds and grid are exact. If a grid was searched and not enumerated,
its best genomes are the best found. Quantities that depend on the run differ by means over seeds,
with an interval:

* paired, where the runs have at least `FEWEST` seeds in common, or one run's seeds are among the
  other's. Differences are taken seed by seed, of the seeds that both have. Replicates of one seed
  draw the same random numbers at the same addresses. So effects that a seed has in both runs cancel
  in the difference. Seeds that one run alone has are left out;
* unpaired, where they have no seed in common: two independent samples;
* otherwise a few common seeds make the samples dependent, and are too few to pair: there is no
  interval.

Both intervals are those of `evosim.analysis.intervals`. From fewer than `FEWEST` seeds there is
none (`no interval`). Where all seeds have the same difference there is none either (`alike`); other
seeds might differ. Where a number of any seed is not finite, the quantity is `not measured`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import polars as pl

from evosim.analysis.behaviour import NO_OVERLAP, SPLIT
from evosim.analysis.intervals import FEWEST, difference, interval
from evosim.analysis.means_over_seeds import SEED_DEPENDENT, IntervalSettings, complete_seeds
from evosim.analysis.population import WORLDS
from evosim.analysis.resampling import settled

S, F, N = pl.String, pl.Float64, pl.Int64
SCHEMA = {
    "part": S,
    "world": S,
    "name": S,
    "base": F,
    "other": F,
    "difference": F,
    "low": F,
    "high": F,
    "seeds_base": N,
    "seeds_other": N,
    "how": S,
}
KEY = ("part", "world", "name")
HACK = ("hack", "own_cost", "behaviour", "null")

Pairing = Literal["paired", "unpaired", "overlapping"]
Key = tuple[str, str, str]
Values = dict[int | None, float]
NOTHING: Mapping[Key, tuple[float, float]] = MappingProxyType({})


def compared(
    base: Mapping[str, pl.DataFrame],
    other: Mapping[str, pl.DataFrame],
    *,
    pairing: Pairing,
    settings: IntervalSettings,
    enumerated: bool = True,
    fixed: Mapping[Key, tuple[float, float]] = NOTHING,
) -> pl.DataFrame:
    """Two accounts side by side.

    Parameters
    ----------
    base, other : Mapping[str, pl.DataFrame]
        Tables of the accounts by name.
    pairing : str
        How seeds are compared, from `pairing_of`.
    settings : IntervalSettings
        Of the intervals.
    enumerated : bool
        Whether every genome of both grids was evaluated.
    fixed : mapping
        Values of losses that belong to worlds and grid in both accounts.

    Returns
    -------
    pl.DataFrame
        One row per quantity of either account, with both means, their difference and its interval.
        `how` is the kind of comparison.
    """
    values, others = values_of(base), values_of(other)
    for key, (ours, theirs) in fixed.items():
        values[key], others[key] = {None: ours}, {None: theirs}
    keys = dict.fromkeys([*values, *others])
    order = ["loss", "rung", "step", "regret", "hack"]
    rows = []
    for key in sorted(keys, key=lambda key: (order.index(key[0]), WORLDS.index(key[1]))):
        row = _difference(values.get(key, {}), others.get(key, {}), pairing, settings)
        if not enumerated and row.how == "exact" and key[2] != "optimum":
            row = replace(row, how="best found")
        facts = {name: getattr(row, name) for name in SCHEMA if name not in KEY}
        rows.append(dict(zip(KEY, key, strict=True)) | facts)
    return pl.DataFrame(rows, schema=SCHEMA)


def pairing_of(base: Collection[int], other: Collection[int]) -> Pairing:
    """How runs of these seeds are compared.

    Parameters
    ----------
    base, other
        Seeds of the two runs.

    Returns
    -------
    `paired`: seed by seed, over the seeds that both have. `unpaired`: as independent samples, for
    no seed is in both. `overlapping`: neither, for some seeds are in both and fewer than `FEWEST`.
    """
    ours, theirs = set(base), set(other)
    common = ours & theirs
    if len(common) >= FEWEST or ours <= theirs or theirs <= ours:
        return "paired"
    return "overlapping" if common else "unpaired"


def values_of(tables: Mapping[str, pl.DataFrame]) -> dict[Key, Values]:
    """By part, world and name, the value of each seed; under no seed what belongs to worlds and
    grid.
    """
    out: dict[Key, Values] = {}
    for key, seed, value in _measured(tables):
        out.setdefault(key, {})[seed] = value
    return out


def _measured(tables: Mapping[str, pl.DataFrame]) -> Iterator[tuple[Key, int | None, float]]:
    if "losses" in tables:
        losses = tables["losses"].select("seed", "world", "loss", "value")
        for seed, world, name, value in losses.iter_rows():
            yield ("loss", world, name), seed, value
    for world in WORLDS:
        ladder = tables["ladder"].filter(pl.col("world") == world)
        whole = set(complete_seeds(ladder))
        for seed, part, name, value in (
            ladder.drop_nulls("value").select("seed", "part", "name", "value").iter_rows()
        ):
            if name not in SEED_DEPENDENT:
                yield (part, world, name), None, value
            elif seed in whole:
                yield (part, world, name), seed, value
    yield from _regret(tables["behaviour"].filter(pl.col("subject") == "population"))
    for seed, world, quantity, value in (
        tables["hack"].select("seed", "world", "quantity", "value").drop_nulls().iter_rows()
    ):
        if quantity in HACK:
            yield ("hack", world, quantity), seed, value


def _regret(ledger: pl.DataFrame) -> Iterator[tuple[Key, int | None, float]]:
    """Regret of the population by kind.

    A kind that is not there is 0; where the loss in M is not split, kinds are not measured.
    """
    for world in WORLDS:
        in_world = ledger.filter(pl.col("world") == world)
        regrets = {
            (seed, kind): value
            for seed, kind, value in (
                in_world.group_by("seed", "kind", maintain_order=True)
                .agg(pl.col("value").sum())
                .iter_rows()
            )
        }
        for seed in in_world["seed"].unique().sort():
            split = (seed, NO_OVERLAP) not in regrets
            kinds: tuple[str, ...] = (
                ("waste",)
                if world == "ancestral"
                else ("misspecified", *(SPLIT if split else (NO_OVERLAP,)))
            )
            for kind in (*kinds, "upkeep"):
                yield ("regret", world, kind), seed, regrets.get((seed, kind), 0.0)


@dataclass(frozen=True)
class _Difference:
    """Both means of one quantity and their difference: a row of the table without its key."""

    base: float | None
    other: float | None
    how: str
    low: float | None = None
    high: float | None = None
    seeds_base: int | None = None
    seeds_other: int | None = None

    @property
    def difference(self) -> float | None:
        """`other - base`; None if one of them was not measured."""
        if self.base is None or self.other is None:
            return None
        return self.other - self.base


def _difference(
    base: Values, other: Values, pairing: Pairing, settings: IntervalSettings
) -> _Difference:
    """Difference of one quantity between two runs, with its interval if there is one."""
    if None in base or None in other:
        given = [values[None] for values in (base, other) if None in values]
        how = "exact" if np.isfinite(given).all() else "not measured"
        return _Difference(_finite(base.get(None)), _finite(other.get(None)), how)
    if pairing == "paired" and base and other:
        common = sorted(set(base) & set(other), key=int)  # type: ignore[arg-type]
        base, other = ({seed: values[seed] for seed in common} for values in (base, other))
    x, y = (
        np.array([values[seed] for seed in sorted(values, key=int)])  # type: ignore[arg-type]
        for values in (base, other)
    )
    means = [_finite(float(values.mean())) if values.size else None for values in (x, y)]
    row = _Difference(means[0], means[1], pairing, seeds_base=x.size, seeds_other=y.size)
    if row.difference is None:
        return replace(row, how="not measured")
    if pairing == "overlapping" or min(x.size, y.size) < FEWEST:
        return replace(row, how="no interval")
    if pairing == "paired":
        ends = interval(settled(y - x, np.stack([x, y])), settings.bootstrap, settings.confidence)
    else:
        ends = difference(x, y, settings.bootstrap, settings.confidence)
    return replace(row, low=ends[0], high=ends[1]) if ends else replace(row, how="alike")


def _finite(value: float | None) -> float | None:
    """A number, or nothing where it is none: infinity, or NaN, which differs from itself."""
    return value if value is not None and np.isfinite(value) else None


def detected_differences(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows whose interval does not hold 0."""
    return frame.filter((pl.col("low") > 0.0) | (pl.col("high") < 0.0))
