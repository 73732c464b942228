"""Analyse a collected sweep: means of cells, effects of parameters, shares of variance.

```
analysis/cells       mean and interval of each quantity in each cell; how many runs ended how
analysis/ledger      the same of each entry of the behaviour ledger, if it was kept
analysis/quantities  what effects were computed of, from how many seeds, or why not; variance
between and within cells analysis/effects, contrasts, pairs, shares      of factors: parameters of
the grid, zips analysis/sampled, fits                          of parameters of a design
analysis/analysis.json                          what was analysed, and how
```

`docs/sweeps.md` says what each column means. What is computed of an array stands in
`evosim.analysis.factorial`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evosim.analysis.factorial import (
    Array,
    Column,
    Resampling,
    decompose,
    fit,
    interaction,
    marginal,
    settled,
)
from evosim.analysis.intervals import FEWEST, KIND, Ends, unit_of
from evosim.analysis.means_over_seeds import SEED_DEPENDENT
from evosim.errors import UserError
from evosim.runtime.atomic_files import ReadOnly, inside, make_folder, write_atomically
from evosim.runtime.checksums import Damaged, read_json, read_table
from evosim.sweeps.collect import MANIFEST, gather, known_digest
from evosim.sweeps.plan import JSON, digest_of, encoded
from evosim.sweeps.schema import Range, SweepFile, read_alone
from evosim.sweeps.store import FAILED, RUNS, Store, checksum
from evosim.sweeps.store import encoded as as_parquet

ANALYSIS, FACTS = "analysis", "analysis.json"
# Raised by what is no whole analysis
UNREADABLE = (UserError, OSError, KeyError, TypeError, AttributeError, Damaged)
VERSION = 3
DESIGN = "design"
EXTINCT = "extinct"
EXACT = "exact"
SHARES = (EXTINCT,)  # quantities that are 0 or 1 in each run
UNMEASURED = ("run", "cell", "seed", "status", "generations", "error")
ALL_PAIRS = 10  # levels of which all pairs are compared; of more, neighbours and the ends
LARGEST_PAIR = 2_500  # levels of one times levels of the other
MOST_LEVELS = (
    10_000  # whole numbers of a range that are counted one by one; more are taken for a continuum
)
LEDGERS = ("ledger", "behaviour")
HEADLINES = (
    "ladder.modern.rungs.population",
    "ladder.modern.steps.specification",
    "ladder.modern.steps.shift",
    "ladder.modern.steps.search",
    "ladder.modern.steps.hack",
    "ladder.ancestral.steps.search",
    EXTINCT,
)

S, F, N = pl.String, pl.Float64, pl.Int64
MEASURED = {"mean": F, "low": F, "high": F}
SAMPLED = (
    "correlation",
    "low",
    "high",
    "slope",
    "slope_low",
    "slope_high",
    "share",
    "share_low",
    "share_high",
)
SCHEMAS: dict[str, dict[str, Any]] = {
    "quantities": {
        "quantity": S,
        "seeds": N,
        "seeds_left_out": N,
        "refused": S,
        "between": F,
        "low": F,
        "high": F,
        "chance": F,
        "told": pl.Boolean,
        "p": F,
        "p_least": F,
    },
    "effects": {"quantity": S, "factor": S, "number": N, "level": S, "value": F, **MEASURED},
    "contrasts": {
        "quantity": S,
        "factor": S,
        "level": S,
        "against": S,
        "difference": F,
        "low": F,
        "high": F,
    },
    "pairs": {
        "quantity": S,
        "factor": S,
        "with": S,
        "number": N,
        "with_number": N,
        "level": S,
        "with_level": S,
        **MEASURED,
        "interaction": F,
        "interaction_low": F,
        "interaction_high": F,
    },
    "shares": {
        "quantity": S,
        "order": S,
        "factor": S,
        "with": S,
        "variance": F,
        "share": F,
        "low": F,
        "high": F,
    },
    "sampled": {
        "quantity": S,
        "parameter": S,
        "with": S,
        "correlation": F,
        "low": F,
        "high": F,
        "slope": F,
        "slope_low": F,
        "slope_high": F,
        "share": F,
        "share_low": F,
        "share_high": F,
    },
    "fits": {
        "quantity": S,
        "points": N,
        "points_left_out": N,
        "refused": S,
        "model": S,
        "coefficients": N,
        "explained": F,
        "predicted": F,
        "told": pl.Boolean,
        "missed": F,
    },
}
LEDGER = {"cell": S, "subject": S, "world": S, "kind": S, "act": S, "measured": N, **MEASURED}


@dataclass(frozen=True)
class Factor:
    """What varies together: a parameter of the grid, the parameters of a zip, or all of a design.

    Attributes:
        name: the parameters, joined; `design` for a design.
        parameters: their dotted names.
        labels: of its levels, in order: numbers as they grow, others as the file has them.
        values: the same as numbers, where it is one parameter with numbers.
    """

    name: str
    parameters: tuple[str, ...]
    labels: tuple[str, ...]
    values: tuple[float, ...] | None


@dataclass(frozen=True, eq=False)
class Grid:
    """The cells of a sweep and what was measured in them.

    Attributes:
        factors: crossed.
        place: `[cells]`, each cell's place in the array of all levels.
        cells: one row a cell: `cell` and the swept parameters.
        status: `[cells, replicates]`; None where a run is not done.
        quantities: `[cells, replicates]` by name; NaN where nothing was measured, or no finite
        number. enumerated: `[cells]`, whether every genome of the cell's grid was tried. ranges: of
        the parameters of a design.
    """

    factors: list[Factor]
    place: Any
    cells: pl.DataFrame
    status: Any
    quantities: dict[str, Array]
    enumerated: Any
    ranges: dict[str, Range] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Levels of each factor."""
        return tuple(len(factor.labels) for factor in self.factors)

    def exact(self, name: str) -> Any:
        """`[cells]`: whether no seed can change a quantity, because it belongs to worlds and
        grid.
        """
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


@dataclass(frozen=True)
class Analysis:
    """What a sweep came to.

    Attributes:
        facts: what was analysed and how, as `analysis.json`.
        tables: by name.
    """

    facts: dict[str, Any]
    tables: dict[str, pl.DataFrame]


def analysis_of(
    store: Store, how: Resampling | None = None, progress: Callable[[int, int], None] | None = None
) -> Analysis:
    """The analysis that is there, if it is of the runs that are there now; otherwise a new one.

    Raises `UserError`.

    A new one is written, unless this user may not write there.
    """
    how, digest = how or Resampling(), fresh_digest(store)
    folder = store.folder / ANALYSIS
    try:
        facts, sums = _kept_facts(folder)
        if [facts[key] for key in ("version", "content", "sources", "resamples", "confidence")] == [
            VERSION,
            digest,
            store.made_by,
            how.resamples,
            how.confidence,
        ]:
            return Analysis(facts, _kept_tables(folder, facts, sums))
    except UNREADABLE:
        pass  # it can be made again
    found = analyse(store, digest, how, progress)
    with suppress(ReadOnly):
        make_folder(folder)
        sums = {}
        for name, table in found.tables.items():
            data = as_parquet(table, {"sweep": store.digest, "content": digest, "table": name})
            write_atomically(folder / f"{name}.parquet", data)
            sums[name] = hashlib.sha256(data).hexdigest()
        sums["facts"] = checksum(found.facts | {"sums": sums})
        write_atomically(
            folder / FACTS, (json.dumps(found.facts | {"sums": sums}, indent=1) + "\n").encode()
        )
    return found


def _kept_facts(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The facts of the analysis in a folder, and the checksums of its tables.

    Raises one of `UNREADABLE`.
    """
    facts = read_json(folder / FACTS)
    sums = facts.pop("sums")
    if sums.pop("facts") != checksum(facts | {"sums": sums}):
        raise Damaged("has another checksum than was written")
    return facts, sums


def _kept_tables(
    folder: Path, facts: dict[str, Any], sums: dict[str, str]
) -> dict[str, pl.DataFrame]:
    """The tables of the analysis in a folder. Raises one of `UNREADABLE`."""
    return {
        name: read_table(inside(folder, f"{name}.parquet"), sums[name]) for name in facts["tables"]
    }


def fresh_digest(store: Store) -> str:
    """Digest of the collected runs, which are put together first if that was not done since the
    last run. Raises `UserError`.
    """
    done = store.done()
    if not done:
        raise UserError(
            f"{store.folder} must have runs to analyse, but none is done. Compute them with 'evosim"
            " sweep run'."
        )
    digest = known_digest(store, done)
    if digest is None or not (store.folder / f"{RUNS}.parquet").exists():
        return gather(store).digest
    # the owner of a folder that is read-only here may have collected by now
    store.unwritten.clear()
    store.unwritten_manifest.clear()
    return digest


def analyse(
    store: Store, digest: str, how: Resampling, progress: Callable[[int, int], None] | None = None
) -> Analysis:
    """All tables of a collected sweep, and nothing written."""
    grid = grid_of(store)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    cells = []
    for i, (name, values) in enumerate(grid.quantities.items()):
        cells.append(cells_table(grid, name, values, how))
        for table, more in effects_of(grid, name, values, how).items():
            rows[table] += more
        if progress:
            progress(i + 1, len(grid.quantities))
    tables = {"cells": pl.concat(cells)} | {
        name: pl.DataFrame(found, schema=SCHEMAS[name]) for name, found in rows.items()
    }
    kept = [name for name in LEDGERS if name in store.keep]
    if kept:
        tables["ledger"] = ledger_table(store, grid, kept[0], how)
    return Analysis(_facts(store, grid, digest, how, list(tables)), tables)


def _facts(
    store: Store, grid: Grid, digest: str, how: Resampling, tables: list[str]
) -> dict[str, Any]:
    status = grid.status
    return {
        "version": VERSION,
        "sweep": store.digest,
        "name": store.facts["name"],
        "title": store.facts["title"],
        "content": digest,
        "sources": store.made_by,
        "manifest": MANIFEST,
        "cells": grid.cells.height,
        "replicates": status.shape[1],
        "seeds": _file_of(store).seeds,
        "runs": {
            "planned": int(status.size),
            "complete": int((status == "complete").sum()),
            EXTINCT: int((status == EXTINCT).sum()),
            FAILED: int((status == FAILED).sum()),
            "missing": int((status == None).sum()),  # noqa: E711
        },
        "intervals": KIND,
        "resamples": how.resamples,
        "confidence": how.confidence,
        "fewest_seeds": FEWEST,
        "factors": [_factor(factor) for factor in grid.factors],
        "kinds": store.kinds,
        "tables": tables,
    }


def _factor(factor: Factor) -> dict[str, Any]:
    """A factor as plain data; of a design, how many points there are."""
    many = factor.name == DESIGN
    return {
        "name": factor.name,
        "parameters": factor.parameters,
        "levels": len(factor.labels) if many else factor.labels,
        "values": None if many else factor.values,
    }


# What was measured


def grid_of(store: Store) -> Grid:
    """The cells of a collected sweep and what was measured in them. Raises `UserError`."""
    path = store.folder / f"{RUNS}.parquet"
    sweep = _file_of(store)
    plan = store.plan
    replicates = plan.height // store.facts["cells"]
    try:
        runs = store.collected(RUNS).collect()
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(
            f"{path} must be what was collected, but cannot be read. Make it again with 'evosim"
            f" sweep collect {store.folder}'."
        ) from None
    names = [name for name in runs.columns if name not in (*UNMEASURED, *store.kinds)]
    whole = plan.select("run").join(
        runs.select("run", "status", *names), on="run", how="left", maintain_order="left"
    )
    enumerated = np.zeros(len(plan), dtype=np.bool_)
    if EXACT in names:
        names.remove(EXACT)
        # Nothing is null only in failed and missing runs
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
        # No mean can be taken of an infinite number
        quantities[name] = np.where(np.isfinite(values), values, np.nan)
    factors, place = factors_of(sweep, cells, store.kinds)
    return Grid(
        factors,
        place,
        cells,
        status,
        quantities,
        enumerated.reshape(-1, replicates).all(axis=1),
        dict(sweep.design.ranges) if sweep.design else {},
    )


def _file_of(store: Store) -> SweepFile:
    path = store.folder / "sweep.toml"
    sweep = read_alone(path)
    if digest_of(sweep, store.facts["tree"]) != store.digest:
        raise UserError(
            f"{path} must be the file that this sweep was begun with, but is another one or was"
            " edited. Restore it, or do the sweep to another --out."
        )
    return sweep


def range_of(name: str) -> Ends | None:
    """The least and the largest value that a quantity can have in a run, if these are known."""
    return (0.0, 1.0) if name in SHARES else None


def apart(within: Ends | None, most: float = 1.0) -> Ends | None:
    """The same of a difference of two such values, or of another sum of differences of at most so
    many.
    """
    return (
        None
        if within is None
        else (-most * (within[1] - within[0]), most * (within[1] - within[0]))
    )


def factors_of(
    sweep: SweepFile, cells: pl.DataFrame, kinds: dict[str, str]
) -> tuple[list[Factor], Any]:
    """The factors of a sweep, and each cell's place in the array of all their levels.

    Raises `UserError` if cells are no full grid.
    """
    groups = [(key,) for key in sweep.grid] + [tuple(group) for group in sweep.zip]
    if sweep.design:
        groups.append(tuple(sweep.design.ranges))
    factors, places = [], []
    for parameters in groups:
        rows = cells.select(parameters).rows()
        levels = list(dict.fromkeys(rows))
        numeric = len(parameters) == 1 and kinds[parameters[0]] in ("int", "float", "bool")
        design = bool(sweep.design) and parameters == tuple(sweep.design.ranges)  # type: ignore[union-attr]
        if numeric and not design:
            levels.sort()
        elif len(parameters) == 1 and parameters[0] in sweep.grid:
            order = [encoded(value, kinds[parameters[0]]) for value in sweep.grid[parameters[0]]]
            levels.sort(key=lambda level: order.index(level[0]))
        labels = tuple(
            ", ".join(
                label(value, kinds[key]) for key, value in zip(parameters, level, strict=True)
            )
            for level in levels
        )
        values = (
            tuple(float(level[0]) for level in levels)
            if numeric and kinds[parameters[0]] != "bool"
            else None
        )
        factors.append(
            Factor(DESIGN if design else " + ".join(parameters), parameters, labels, values)
        )
        known = {level: i for i, level in enumerate(levels)}
        places.append([known[row] for row in rows])
    shape = tuple(len(factor.labels) for factor in factors)
    place = (
        np.ravel_multi_index(places, shape) if factors else np.zeros(cells.height, dtype=np.int64)
    )
    if sorted(place.tolist()) != list(range(int(np.prod(shape)))):
        raise UserError(
            "cells must be every combination of the factors once, but are not; sweep.toml and"
            " plan.parquet disagree. Mend the folder."
        )
    return factors, place


def label(value: Any, kind: str) -> str:
    """A level in words."""
    if kind == "bool":
        return "true" if value else "false"
    return f"{value:g}" if kind == "float" else str(value)


# Cells


def cells_table(grid: Grid, name: str, values: Array, how: Resampling) -> pl.DataFrame:
    """One quantity in each cell, over the runs in which it was measured, and how many runs ended
    how.
    """
    measured = (~np.isnan(values)).sum(axis=1)
    mean, low, high, sd = _of_cells(values, how, range_of(name), grid.exact(name))
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


def _of_cells(
    values: Array, how: Resampling, within: Ends | None, exact: Any
) -> tuple[Array, Array, Array, Array]:
    """Mean, interval ends and standard deviation of each row, over what is not NaN.

    `exact`: of each row.
    """
    mean, low, high, sd = (np.full(len(values), np.nan) for _ in range(4))
    holes = np.isnan(values)
    whole = ~holes.any(axis=1)
    for known in (False, True):
        if (rows := whole & (exact == known)).any():
            mean[rows], low[rows], high[rows] = how.of(values[rows], within, exact=known)
    if whole.any() and values.shape[1] > 1:
        sd[whole] = _sd(values[whole])
    for i in np.flatnonzero(~whole & ~holes.all(axis=1)):
        mine = values[i][~holes[i]]
        mean[i], low[i], high[i] = how.of(mine, within, exact=bool(exact[i]))
        sd[i] = _sd(mine) if mine.size > 1 else np.nan
    return mean, low, high, sd


def _sd(values: Array) -> Array:
    """Standard deviations over the last axis, of numbers of any size."""
    unit = unit_of(values)
    out: Array = (values / unit).std(axis=-1, ddof=1) * unit
    return out


def ledger_table(store: Store, grid: Grid, table: str, how: Resampling) -> pl.DataFrame:
    """Entries of the behaviour ledger in each cell; those that are 0 in all its runs have no row.

    A run without an entry has 0 there, if that population was measured at all.
    """
    scan = store.collected(table)
    if "subject" not in scan.collect_schema():
        return pl.DataFrame(schema=LEDGER)
    shape, out = grid.status.shape, []
    for subject, world in sorted(scan.select("subject", "world").unique().collect().rows()):
        mine = (
            scan.filter((pl.col("subject") == subject) & (pl.col("world") == world))
            .group_by("run", "kind", "act", maintain_order=True)
            .agg(pl.col("value").sum())
            .collect()
        )
        measured = _measured(grid, subject, world)
        for (kind, act), rows in sorted(mine.group_by("kind", "act"), key=str):
            values = np.where(measured, 0.0, np.nan)
            values[np.unravel_index(rows["run"].to_numpy(), shape)] = rows["value"].to_numpy()
            some = np.nan_to_num(values).any(axis=1)
            mean, low, high, _ = _of_cells(
                values[some], how, None, np.zeros(int(some.sum()), dtype=np.bool_)
            )
            facts = {"subject": subject, "world": world, "kind": kind, "act": act}
            columns = {
                "cell": grid.cells["cell"].filter(pl.Series(some)),
                "measured": (~np.isnan(values[some])).sum(axis=1),
                "mean": mean,
                "low": low,
                "high": high,
            }
            frame = pl.DataFrame(columns).with_columns(
                *(pl.lit(value, dtype=pl.String).alias(key) for key, value in facts.items())
            )
            out.append(
                frame.select(pl.col(key).cast(dtype) for key, dtype in LEDGER.items()).with_columns(
                    pl.col("mean", "low", "high").fill_nan(None)
                )
            )
    return pl.concat(out) if out else pl.DataFrame(schema=LEDGER)


def _measured(grid: Grid, subject: str, world: str) -> Any:
    """In which runs a subject of the ledger was there."""
    lived = {
        "population": f"ladder.{world}.rungs.population",
        "control": f"ladder.{world}.rungs.control",
        "population at the end": f"recovery.{world}_at_end",
    }
    ended = (grid.status == "complete") | (grid.status == EXTINCT)
    name = lived.get(subject)
    return ended & ~np.isnan(grid.quantities[name]) if name in grid.quantities else ended


# Effects


def effects_of(
    grid: Grid, name: str, values: Array, how: Resampling
) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table but those of cells, of one quantity."""
    out: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
    if grid.cells.height < 2:
        return out
    whole = ~np.isnan(values).any(axis=0)
    seeds, left = int(whole.sum()), int((~whole).sum())
    facts: dict[str, Any] = {"quantity": name, "seeds": seeds, "seeds_left_out": left}
    if seeds == 0:
        facts["refused"] = _why_none(values)
    else:
        paired = grid.laid_out(values[:, whole])
        exact = bool(grid.exact(name).all())
        found = decompose(paired, how, exact=exact)
        facts |= {key: _number(getattr(found, key)) for key in ("between", "low", "high", "chance")}
        facts |= {"told": found.told, "p": found.p, "p_least": found.p_least}
        for share in found.shares:
            names = [grid.factors[i].name for i in share.factors]
            first, second = (*names, None, None)[:2]
            ends = {"share": share.share, "low": share.low, "high": share.high}
            out["shares"].append(
                {
                    "quantity": name,
                    "order": share.order,
                    "factor": first,
                    "with": second,
                    "variance": _number(share.variance),
                    **ends,
                }
            )
        out["effects"] = list(_effects(grid, name, paired, how, exact=exact))
        out["contrasts"] = list(_contrasts(grid, name, paired, how, exact=exact))
        out["pairs"] = list(_pairs(grid, name, paired, how, exact=exact))
    out["quantities"].append(facts)
    if grid.factors[-1].name == DESIGN:
        out["sampled"], out["fits"] = _sampled(grid, name, values, how)
    return out


def _why_none(values: Array) -> str:
    empty = int(np.isnan(values).all(axis=1).sum())
    if empty == len(values):
        return "measured in no run"
    if empty:
        return f"{empty} of {len(values)} cells have no run in which it was measured"
    return "no seed has it measured in every cell"


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _measures(triple: Iterable[float]) -> dict[str, float | None]:
    return {key: _number(value) for key, value in zip(MEASURED, triple, strict=True)}


def _effects(
    grid: Grid, name: str, paired: Array, how: Resampling, *, exact: bool
) -> Iterator[dict[str, Any]]:
    for i, factor in enumerate(grid.factors):
        if factor.name == DESIGN:
            continue
        for j, triple in enumerate(
            zip(*how.of(marginal(paired, (i,)), range_of(name), exact=exact), strict=True)
        ):
            value = factor.values[j] if factor.values else None
            yield {
                "quantity": name,
                "factor": factor.name,
                "number": j,
                "level": factor.labels[j],
                "value": value,
                **_measures(triple),
            }


def compared(levels: int) -> list[tuple[int, int]]:
    """Which levels are held against which: all pairs, or of many the neighbours and the two
    ends.
    """
    if levels <= ALL_PAIRS:
        return list(itertools.combinations(range(levels), 2))
    return [*((i, i + 1) for i in range(levels - 1)), (0, levels - 1)]


def _contrasts(
    grid: Grid, name: str, paired: Array, how: Resampling, *, exact: bool
) -> Iterator[dict[str, Any]]:
    for i, factor in enumerate(grid.factors):
        if factor.name == DESIGN or len(factor.labels) < 2:
            continue
        means = marginal(paired, (i,))
        chosen = compared(len(factor.labels))
        # Seed by seed: what a seed has in common with itself goes out.
        differences = settled(np.stack([means[b] - means[a] for a, b in chosen]), paired)
        for (a, b), (mean, low, high) in zip(
            chosen,
            zip(*how.of(differences, apart(range_of(name)), exact=exact), strict=True),
            strict=True,
        ):
            yield {
                "quantity": name,
                "factor": factor.name,
                "level": factor.labels[b],
                "against": factor.labels[a],
                "difference": float(mean),
                "low": _number(low),
                "high": _number(high),
            }


def _pairs(
    grid: Grid, name: str, paired: Array, how: Resampling, *, exact: bool
) -> Iterator[dict[str, Any]]:
    for i, j in itertools.combinations(range(len(grid.factors)), 2):
        one, other = grid.factors[i], grid.factors[j]
        if other.name == DESIGN or len(one.labels) * len(other.labels) > LARGEST_PAIR:
            continue
        # A cell of the interaction is a mean of differences of differences, weighted so.
        most = 2.0 * (1.0 - 1.0 / len(one.labels)) * (1.0 - 1.0 / len(other.labels))
        means = how.of(marginal(paired, (i, j)), range_of(name), exact=exact)
        extra = how.of(interaction(paired, i, j), apart(range_of(name), most), exact=exact)
        for a, b in itertools.product(range(len(one.labels)), range(len(other.labels))):
            more = zip(
                ("interaction", "interaction_low", "interaction_high"),
                (_number(part[a, b]) for part in extra),
                strict=True,
            )
            yield {
                "quantity": name,
                "factor": one.name,
                "with": other.name,
                "number": a,
                "with_number": b,
                "level": one.labels[a],
                "with_level": other.labels[b],
                **_measures(part[a, b] for part in means),
                **dict(more),
            }


def _sampled(
    grid: Grid, name: str, values: Array, how: Resampling
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Parameters of the design: each point's mean over the grid, of the points with no run
    unmeasured.
    """
    factor = grid.factors[-1]
    laid = grid.laid_out(values)
    # NaN where any is
    points = laid.mean(axis=tuple(range(laid.ndim - 2))) if laid.ndim > 2 else laid
    whole = ~np.isnan(points).any(axis=1)
    facts: dict[str, Any] = {
        "quantity": name,
        "points": int(whole.sum()),
        "points_left_out": int((~whole).sum()),
    }
    if whole.sum() < 2 or whole.sum() < (~whole).sum():
        return [], [
            facts
            | {"refused": "more than half of the points have runs in which it was not measured"}
        ]
    where = np.unravel_index(grid.place, grid.shape)[-1]
    rows = np.array([np.flatnonzero(where == i)[0] for i in range(len(factor.labels))])
    columns = [
        column_of(grid.cells[key].gather(rows), grid.ranges[key]) for key in factor.parameters
    ]
    found = fit(points[whole], [replace(c, position=c.position[whole]) for c in columns], how)
    facts |= {
        "model": found.model,
        "coefficients": found.coefficients,
        "explained": _number(found.explained),
        "predicted": _number(found.predicted),
    }
    facts |= {"told": found.told, "missed": _number(found.missed)}
    terms = []
    for term in found.terms:
        first, second = (*(factor.parameters[i] for i in term.columns), None)[:2]
        ends = {key: _number(getattr(term, key)) for key in SAMPLED}
        terms.append({"quantity": name, "parameter": first, "with": second, **ends})
    return terms, [facts]


def column_of(values: pl.Series, given: Range) -> Column:
    """A swept parameter as positions in its range, with the distribution from which the design
    draws them.

    Parameters
    ----------
    values : polars.Series, shape (points,)
        The parameter's value at each point.
    given : Range
        What the sweep file says of it.

    Returns
    -------
    Column
        Positions from 0 to 1 on the range's scale; of choices that are no numbers, their place in
        the list.
    """
    if given.choices is not None:
        return _of_choices(values, given.choices)
    low, high, x = (
        float(given.low or 0.0),
        float(given.high or 0.0),
        values.cast(pl.Float64).to_numpy(),
    )

    def position(at: Array) -> Array:
        placed: Array = (
            np.log(at / low) / np.log(high / low)
            if given.scale == "log"
            else (at - low) / (high - low)
        )
        return placed

    if not given.integer or high - low >= MOST_LEVELS:
        return Column(position(x))
    whole = np.arange(low, high + 1.0)
    # `Range.at` draws a whole number from the stretch between it and the next.
    weights: Array | None = np.log1p(1.0 / whole) if given.scale == "log" else None
    return Column(position(x), levels=position(whole), weights=weights)


def _of_choices(values: pl.Series, choices: tuple[Any, ...]) -> Column:
    """Each choice as often as the list has it."""
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        x = values.cast(pl.Float64).to_numpy()
        numbers = [float(choice) for choice in choices if isinstance(choice, int | float)]
        levels, counts = np.unique(numbers, return_counts=True)
        first, width = levels[0], float(np.ptp(levels)) or 1.0
        return Column(
            (x - first) / width, levels=(levels - first) / width, weights=counts.astype(np.float64)
        )
    # The drawn choices alone decide whether a column is text or JSON (`plan._kind`).
    kind = "text" if all(value in choices for value in values.unique(maintain_order=True)) else JSON
    written = [encoded(choice, kind) for choice in choices]
    known = list(dict.fromkeys(written))
    place = np.array([float(known.index(value)) for value in values])
    often = np.array([float(written.count(value)) for value in known])
    return Column(place, ordered=False, levels=np.arange(float(len(known))), weights=often)


# Names


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Each dotted name by its shortest end that no other has; whole if it is itself the end of
    another.
    """
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


def short_factors(grid_factors: list[dict[str, Any]]) -> dict[str, str]:
    """Each factor's name for reading."""
    short = short_names(key for factor in grid_factors for key in factor["parameters"])
    return {
        f["name"]: (
            DESIGN if f["name"] == DESIGN else " + ".join(short[key] for key in f["parameters"])
        )
        for f in grid_factors
    }


def chosen(analysis: Analysis, wanted: list[str]) -> list[str]:
    """Quantities by their names, or ends or patterns of them; without any, the headlines that were
    measured. Raises `UserError`.
    """
    import difflib
    import fnmatch

    known = analysis.tables["cells"]["quantity"].unique(maintain_order=True).to_list()
    if not wanted:
        varying = (
            analysis.tables["cells"]
            .group_by("quantity", maintain_order=True)
            .agg(pl.col("mean").max() - pl.col("mean").min())
            .drop_nulls()
            .filter(pl.col("mean") > 0.0)
        )
        measured = set(varying["quantity"])
        return [name for name in HEADLINES if name in measured] or known[:1]
    out: list[str] = []
    for name in wanted:
        found = [key for key in known if key == name] or [
            key for key in known if f".{key}".endswith(f".{name}") or fnmatch.fnmatchcase(key, name)
        ]
        if not found:
            close = difflib.get_close_matches(
                name, [*known, *(key.rpartition(".")[2] for key in known)], n=1
            )
            hint = (
                f"Did you mean '{close[0]}'?"
                if close
                else "See 'evosim sweep analyze FOLDER --list'."
            )
            raise UserError(
                "--of must be a quantity of runs.parquet, the end of one, or a pattern like"
                f" 'ladder.modern.*', but is '{name}'. {hint}"
            )
        out += [key for key in found if key not in out]
    return out


def factor_named(analysis: Analysis, name: str, option: str) -> str:
    """A factor (or parameter of a design) by its name or an end of it. Raises `UserError`."""
    short, known = short_factors(analysis.facts["factors"]), parameters_of(analysis)
    found = [key for key in known if name in (key, short.get(key))] or [
        key for key in known if f".{key}".endswith(f".{name}")
    ]
    if len(found) != 1:
        words = ", ".join(known)
        raise UserError(
            f"{option} must be one swept parameter, of {words}, but is '{name}'. Give more of its"
            " name."
        )
    return found[0]


def parameters_of(analysis: Analysis) -> list[str]:
    """The factors, and the parameters of a design."""
    factors = analysis.facts["factors"]
    return [f["name"] for f in factors if f["name"] != DESIGN] + [
        p for f in factors if f["name"] == DESIGN for p in f["parameters"]
    ]


def as_data(analysis: Analysis, quantities: list[str]) -> dict[str, Any]:
    """The facts, and of each quantity the rows of every table, as plain data."""
    out: dict[str, Any] = {**analysis.facts, "quantities": {}}
    for name in quantities:
        mine = {
            table: frame.filter(pl.col("quantity") == name).drop("quantity")
            for table, frame in analysis.tables.items()
            if table != "ledger"
        }
        facts = mine.pop("quantities").to_dicts()
        out["quantities"][name] = {
            **(facts[0] if facts else {}),
            **{table: frame.to_dicts() for table, frame in mine.items()},
        }
    return out


def refused(analysis: Analysis, quantities: list[str]) -> dict[str, str]:
    """The quantities that have no effects of factors, and why."""
    rows = (
        analysis.tables["quantities"]
        .filter(pl.col("quantity").is_in(quantities))
        .drop_nulls("refused")
    )
    return dict(rows.select("quantity", "refused").rows())


def folder_of(store: Store) -> Path:
    """Where the analysis lies."""
    return store.folder / ANALYSIS


def is_kept(store: Store, analysis: Analysis) -> bool:
    """Tell whether an analysis is in the folder of its sweep.

    Parameters
    ----------
    store : Store
        The sweep.
    analysis : Analysis
        Of this sweep.

    Returns
    -------
    bool
        False where this user may not write, and what is there is damaged, or of other runs or other
        code.
    """
    with suppress(*UNREADABLE):
        facts, sums = _kept_facts(folder_of(store))
        _kept_tables(folder_of(store), facts, sums)
        return bool(facts == json.loads(json.dumps(analysis.facts)))
    return False
