"""Analyse a collected sweep: means of cells, effects of parameters, shares of variance.

```
analysis/cells           mean and interval of each quantity in each cell, and how its runs ended
analysis/ledger          the same for each entry of the behaviour ledger, if the sweep keeps it
analysis/quantities      seeds that were used, variance between and within cells, or why no effects
analysis/effects, contrasts, pairs, shares      factors: parameters of the grid, zips
analysis/sampled, fits                          parameters of a design
analysis/analysis.json                          what was analysed, and how
```

`docs/sweeps.md` describes the columns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import polars as pl

from evosim.analysis.resampling import Resampling
from evosim.errors import UserError
from evosim.runtime.atomic_files import ReadOnly, inside, make_folder, write_atomically
from evosim.runtime.checksums import Damaged, read_json, read_table
from evosim.sweeps.analysis_tables import SCHEMAS, Analysis, AnalysisFacts, FactorSummary
from evosim.sweeps.cell_means import cells_table, ledger_table
from evosim.sweeps.chunk_files import parquet_bytes
from evosim.sweeps.collect import gather, known_digest
from evosim.sweeps.effects import effects_of
from evosim.sweeps.manifest import COLLECTED, checksum
from evosim.sweeps.plan import Row
from evosim.sweeps.store import RUNS, Store
from evosim.sweeps.sweep_grid import SweepGrid, grid_of, sweep_file_of

ANALYSIS, FACTS = "analysis", "analysis.json"
# raised when an analysis in a folder is incomplete or damaged
UNREADABLE = (UserError, OSError, KeyError, TypeError, AttributeError, Damaged)
VERSION = 3
LEDGERS = ("ledger", "behaviour")


def analysis_of(
    store: Store,
    resampling: Resampling | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Analysis:
    """The analysis of the runs that are done: a current one from the folder, else a new one.

    A new analysis is written into the folder, unless this user may not write there.

    Parameters
    ----------
    store : Store
        The sweep.
    resampling : Resampling or None
        How intervals are computed.
    progress : Callable, optional
        Receives the number of quantities that are done, and of all.

    Raises
    ------
    UserError
        If no run is done, or if a file is damaged.
    """
    resampling, digest = resampling or Resampling(), fresh_digest(store)
    folder = folder_of(store)
    try:
        facts, sums = _read_facts(folder)
        current = (VERSION, digest, store.made_by, resampling.resamples, resampling.confidence)
        if current == (
            facts.version,
            facts.content,
            facts.sources,
            facts.resamples,
            facts.confidence,
        ):
            return Analysis(facts, _read_tables(folder, facts, sums))
    except UNREADABLE:
        pass  # compute it again
    analysis = analyse(store, digest, resampling, progress)
    with suppress(ReadOnly):
        _write(store, analysis)
    return analysis


def _write(store: Store, analysis: Analysis) -> None:
    """Write the tables, and last `analysis.json`."""
    folder, facts = folder_of(store), analysis.facts.as_dict()
    make_folder(folder)
    sums: dict[str, str] = {}
    for name, table in analysis.tables.items():
        labels = {"sweep": store.digest, "content": analysis.facts.content, "table": name}
        data = parquet_bytes(table, labels)
        write_atomically(folder / f"{name}.parquet", data)
        sums[name] = hashlib.sha256(data).hexdigest()
    sums["facts"] = checksum(facts | {"sums": sums})
    text = json.dumps(facts | {"sums": sums}, indent=1) + "\n"
    write_atomically(folder / FACTS, text.encode())


def _read_facts(folder: Path) -> tuple[AnalysisFacts, dict[str, str]]:
    """The facts of the analysis in a folder, and the checksums of its tables.

    Raises one of `UNREADABLE`.
    """
    facts = read_json(folder / FACTS)
    sums = facts.pop("sums")
    if sums.pop("facts") != checksum(facts | {"sums": sums}):
        raise Damaged("its checksum differs from the one that was written")
    return AnalysisFacts.from_dict(facts), sums


def _read_tables(
    folder: Path, facts: AnalysisFacts, sums: dict[str, str]
) -> dict[str, pl.DataFrame]:
    """The tables of the analysis in a folder. Raises one of `UNREADABLE`."""
    return {
        name: read_table(inside(folder, f"{name}.parquet"), sums[name]) for name in facts.tables
    }


def fresh_digest(store: Store) -> str:
    """Digest of the collected runs; collects them first if runs were added since the last time.

    Raises
    ------
    UserError
        If no run is done, or if a chunk is damaged.
    """
    done = store.done()
    if not done:
        raise UserError(
            f"no run of {store.folder} is done, so there is nothing to analyse. Compute the runs:"
            f" 'evosim sweep run {store.folder}/sweep.toml --out {store.folder}'."
        )
    digest = known_digest(store, done)
    if digest is None or not (store.folder / f"{RUNS}.parquet").exists():
        return gather(store).digest
    # the owner of a folder that is read-only here may have collected since
    store.unwritten.clear()
    store.unwritten_manifest = None
    return digest


def analyse(
    store: Store,
    digest: str,
    resampling: Resampling,
    progress: Callable[[int, int], None] | None = None,
) -> Analysis:
    """All tables of a collected sweep; writes nothing.

    Parameters
    ----------
    store : Store
        The sweep.
    digest : str
        Of its collected runs, as `fresh_digest` gives it.
    resampling : Resampling
        How intervals are computed.
    progress : Callable, optional
        Receives the number of quantities that are done, and of all.
    """
    grid = grid_of(store)
    rows: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
    cells = []
    for i, (name, values) in enumerate(grid.quantities.items()):
        cells.append(cells_table(grid, name, values, resampling))
        for table, more in effects_of(grid, name, values, resampling).items():
            rows[table] += more
        if progress:
            progress(i + 1, len(grid.quantities))
    tables = {"cells": pl.concat(cells)} | {
        name: pl.DataFrame(some, schema=SCHEMAS[name]) for name, some in rows.items()
    }
    ledgers = [name for name in LEDGERS if name in store.keep]
    if ledgers:
        tables["ledger"] = ledger_table(store, grid, ledgers[0], resampling)
    return Analysis(_facts(store, grid, digest, resampling, tuple(tables)), tables)


def _facts(
    store: Store, grid: SweepGrid, digest: str, resampling: Resampling, tables: tuple[str, ...]
) -> AnalysisFacts:
    return AnalysisFacts(
        version=VERSION,
        sweep=store.digest,
        name=store.manifest.name,
        title=store.manifest.title,
        content=digest,
        sources=store.made_by,
        manifest=COLLECTED,
        cells=grid.cells.height,
        replicates=grid.status.shape[1],
        seeds=sweep_file_of(store).seeds,
        runs=grid.counts(),
        resamples=resampling.resamples,
        confidence=resampling.confidence,
        factors=tuple(FactorSummary.from_factor(factor) for factor in grid.factors),
        kinds=store.kinds,
        tables=tables,
    )


def folder_of(store: Store) -> Path:
    """The folder of the analysis."""
    return store.folder / ANALYSIS


def is_stored(store: Store, analysis: Analysis) -> bool:
    """Whether an analysis is in the folder of its sweep.

    Parameters
    ----------
    store : Store
        The sweep.
    analysis : Analysis
        An analysis of this sweep.

    Returns
    -------
    bool
        False if this user may not write there and the folder has a damaged or outdated analysis.
    """
    with suppress(*UNREADABLE):
        facts, sums = _read_facts(folder_of(store))
        _read_tables(folder_of(store), facts, sums)
        return facts == analysis.facts
    return False
