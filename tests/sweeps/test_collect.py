"""Collected tables have all runs, and a digest of their content."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from evosim.sweeps.collect import collect
from evosim.sweeps.status import status_of
from evosim.sweeps.store import RUNS, Store
from tests.support.sweeps import SWEEP, compute, start_sweep


def test_all_runs_are_collected(copy: Store, tmp_path: Path) -> None:
    found = collect(copy)
    runs = pl.read_parquet(copy.folder / "runs.parquet")
    assert runs["run"].to_list() == list(range(8))
    assert runs.select("run", "cell", "seed").equals(copy.plan.select("run", "cell", "seed"))
    assert found.digest == status_of(copy).digest
    generations = pl.read_parquet(copy.folder / "generations.parquet")
    assert generations.group_by("run", maintain_order=True).len()["len"].to_list() == [8] * 8
    again = collect(copy)
    assert again == found


def test_the_digest_depends_on_numbers_and_not_on_chunks(whole: Store, tmp_path: Path) -> None:
    other = start_sweep(tmp_path / "other", SWEEP.replace("chunk = 3", "chunk = 8"))
    compute(other)
    first = collect(whole).digest
    assert collect(other).digest == first
    frames = whole.read(0)
    column = "ladder.modern.steps.search"
    wrong = frames[RUNS].with_columns(pl.col(column) + 1e-15)
    shutil.copytree(whole.folder, tmp_path / "wrong")
    store = Store(tmp_path / "wrong")
    store.commit(0, frames | {RUNS: wrong})
    assert collect(store).digest == first  # a chunk that is done is never replaced
    store.remove(0)
    store.commit(0, frames | {RUNS: wrong})
    assert collect(store).digest != first


def test_an_incomplete_sweep_reports_missing_runs(tmp_path: Path) -> None:
    store = start_sweep(tmp_path / "s")
    assert collect(store).missing == 8
    assert pl.read_parquet(store.folder / "runs.parquet").height == 0
    compute(store, [1])
    assert collect(store).missing == 5
    assert pl.read_parquet(store.folder / "runs.parquet")["run"].to_list() == [3, 4, 5]
    assert status_of(store).digest is not None
    compute(store)
    assert status_of(store).digest is None


def test_cells_with_other_columns_are_collected_together(tmp_path: Path) -> None:
    text = SWEEP.replace(
        'keep = ["ladder", "behaviour", "generations"]', 'keep = ["populations", "landscape"]'
    )
    text += '"genome.ploidy" = [1, 2]\n'
    store = start_sweep(tmp_path / "s", text)
    compute(store)
    assert collect(store).runs == 16
