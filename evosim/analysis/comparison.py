"""Differences between the accounts of two runs, with intervals.

What belongs to worlds and grid differs exactly; where a grid was searched and not enumerated, its
best genomes are the best found. What runs can change differs by means over seeds, with an interval:

* paired, where the runs have at least `FEWEST` seeds in common, or one run's seeds are among the
  other's: seed by seed, of the seeds that both have. Replicates of one seed draw the same random
  numbers at the same addresses, so that what a seed has in common with itself goes out of the
  difference. Seeds that one run alone has are left out;
* unpaired, where they have no seed in common: two independent samples;
* otherwise a few common seeds make the samples dependent, and are too few to pair: there is no
  interval.

Both intervals are those of `evosim.analysis.intervals`. From fewer than `FEWEST` seeds there is
none (`no interval`), and none where all seeds have the same difference (`alike`): that is no proof
that others would. Where a number of any seed is not finite, the quantity is `not measured`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

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
HACK = ("hack", "own_cost", "behaviour", "null")

Pairing = Literal["paired", "unpaired", "overlapping"]
Key = tuple[str, str, str]
Values = dict[int | None, float]


def compared(
    base: Mapping[str, pl.DataFrame],
    other: Mapping[str, pl.DataFrame],
    *,
    pairing: Pairing,
    spread: IntervalSettings,
    enumerated: bool = True,
) -> pl.DataFrame:
    """Two accounts side by side.

    Parameters
    ----------
    base, other
        Tables by name.
    pairing
        How their seeds are compared: that of `pairing_of`.
    spread
        How intervals are made.
    enumerated
        Whether every genome of both grids was tried.

    Returns
    -------
    One row a quantity that either account has: both means, difference, interval, and how it was
    made.
    """
    mine, theirs = values_of(base), values_of(other)
    keys = dict.fromkeys([*mine, *theirs])
    order = ["rung", "step", "regret", "hack"]
    rows = [
        _row(key, mine.get(key, {}), theirs.get(key, {}), pairing, spread)
        for key in sorted(keys, key=lambda key: (order.index(key[0]), WORLDS.index(key[1])))
    ]
    if not enumerated:
        rows = [
            (
                row | {"how": "best found"}
                if row["how"] == "exact" and row["name"] != "optimum"
                else row
            )
            for row in rows
        ]
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
    mine, theirs = set(base), set(other)
    common = mine & theirs
    if len(common) >= FEWEST or mine <= theirs or theirs <= mine:
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
    for which in WORLDS:
        ladder = tables["ladder"].filter(pl.col("world") == which)
        whole = set(complete_seeds(ladder))
        for seed, part, name, value in (
            ladder.drop_nulls("value").select("seed", "part", "name", "value").iter_rows()
        ):
            if name not in SEED_DEPENDENT:
                yield (part, which, name), None, value
            elif seed in whole:
                yield (part, which, name), seed, value
    yield from _regret(tables["behaviour"].filter(pl.col("subject") == "population"))
    for seed, which, quantity, value in (
        tables["hack"].select("seed", "world", "quantity", "value").drop_nulls().iter_rows()
    ):
        if quantity in HACK:
            yield ("hack", which, quantity), seed, value


def _regret(ledger: pl.DataFrame) -> Iterator[tuple[Key, int | None, float]]:
    """Regret of the population by kind.

    A kind that is not there is 0; where the loss in M is not split, kinds are not measured.
    """
    for which in WORLDS:
        mine = ledger.filter(pl.col("world") == which)
        found = {
            (seed, kind): value
            for seed, kind, value in (
                mine.group_by("seed", "kind", maintain_order=True)
                .agg(pl.col("value").sum())
                .iter_rows()
            )
        }
        for seed in mine["seed"].unique().sort():
            split = (seed, NO_OVERLAP) not in found
            kinds: tuple[str, ...] = (
                ("waste",)
                if which == "ancestral"
                else ("misspecified", *(SPLIT if split else (NO_OVERLAP,)))
            )
            for kind in (*kinds, "upkeep"):
                yield ("regret", which, kind), seed, found.get((seed, kind), 0.0)


def _row(
    key: Key, base: Values, other: Values, pairing: Pairing, spread: IntervalSettings
) -> dict[str, Any]:
    """Both means of one quantity and their difference."""
    row: dict[str, Any] = dict(zip(("part", "world", "name"), key, strict=True))
    if None in base or None in other:
        row |= {
            name: _finite(values.get(None)) for name, values in (("base", base), ("other", other))
        }
        given = [values[None] for values in (base, other) if None in values]
        row["how"] = "exact" if np.isfinite(given).all() else "not measured"
        return row | {"difference": _minus(row["other"], row["base"])}
    if pairing == "paired" and base and other:
        common = sorted(set(base) & set(other), key=int)  # type: ignore[arg-type]
        base, other = ({seed: values[seed] for seed in common} for values in (base, other))
    x, y = (
        np.array([values[seed] for seed in sorted(values, key=int)])  # type: ignore[arg-type]
        for values in (base, other)
    )
    row |= {
        name: _finite(float(values.mean())) if values.size else None
        for name, values in (("base", x), ("other", y))
    }
    row |= {
        "difference": _minus(row["other"], row["base"]),
        "seeds_base": x.size,
        "seeds_other": y.size,
        "how": pairing,
    }
    if row["difference"] is None:
        return row | {"how": "not measured"}
    if pairing == "overlapping" or min(x.size, y.size) < FEWEST:
        return row | {"how": "no interval"}
    if pairing == "paired":
        ends = interval(settled(y - x, np.stack([x, y])), spread.bootstrap, spread.confidence)
    else:
        ends = difference(x, y, spread.bootstrap, spread.confidence)
    return row | (dict(zip(("low", "high"), ends, strict=True)) if ends else {"how": "alike"})


def _finite(value: float | None) -> float | None:
    """A number, or nothing where it is none: infinity, or NaN, which differs from itself."""
    return value if value is not None and np.isfinite(value) else None


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def told_apart(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows whose interval does not hold 0."""
    return frame.filter((pl.col("low") > 0.0) | (pl.col("high") < 0.0))
