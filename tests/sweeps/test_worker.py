"""A worker computes a chunk: the same numbers as `evosim run`, interrupted or not."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.runs import accounts, execute
from evosim.runtime import atomic_files
from evosim.simulation.controls import controls_of
from evosim.sweeps import run_checkpoints, worker
from evosim.sweeps.check import check
from evosim.sweeps.collect import collect
from evosim.sweeps.events import ChunkEvent
from evosim.sweeps.schema import KEEPABLE
from evosim.sweeps.status import status_of
from evosim.sweeps.store import RUNS, Store
from tests.support.settings import quick
from tests.support.sweeps import compute, content, start_sweep


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("micro", ()),
        ("micro", ("analysis.max_classes=1", "analysis.restarts=4")),
        ("micro", ("analysis.max_classes=1", "analysis.max_enumerated=1", "analysis.restarts=2")),
        ("coarse-drive", ("replicates=1",)),
        ("coarse-savanna", ("world.modern.conception=0.0", "world.modern.contraception=false")),
    ],
)
def test_numbers_are_those_of_evosim_run_bit_by_bit(
    name: str, settings: tuple[str, ...], tmp_path: Path
) -> None:
    """Also of the second of two runs that share a landscape, and of one that died out."""
    changes = quick(name, *settings)
    text = (
        'name = "one"\nexperiment = "base.toml"\nreplicates = 2\nseed = 4\nkeep ='
        f" {json.dumps(KEPT)}\n"
    )
    experiment = resolve(apply_settings(read_experiment(name), changes))
    (tmp_path / "base.toml").write_text(experiment.to_toml())
    store = start_sweep(tmp_path / "sweep", text)
    compute(store)
    rows = pl.concat(
        [pl.read_parquet(store.table(chunk, RUNS)) for chunk in range(store.chunks)],
        how="diagonal_relaxed",
    )
    for run, seed in enumerate((4, 5)):
        alone = resolve(
            apply_settings(read_experiment(name), [*changes, f"seed={seed}", "replicates=1"])
        )
        recorded = execute.run(alone, out=tmp_path / f"alone{seed}")[0]
        account = accounts.analyze(recorded)
        for table in KEPT:
            mine = pl.concat(
                [pl.read_parquet(store.table(chunk, table)) for chunk in range(store.chunks)],
                how="diagonal_relaxed",
            )
            mine = mine.filter(pl.col("run") == run).drop("run")
            assert mine.equals({**account.tables, **recorded.tables}[table]), table
        row = rows.row(run, named=True)
        ending = recorded.provenance["runs"][str(seed)]
        assert (row["status"], row["generations"]) == (ending["status"], ending["generations"])
        summary = account.summary
        for world, ladder in summary.ladder.items():
            for part in ("rungs", "steps"):
                values = getattr(ladder, part)
                assert {k: row.get(f"ladder.{world}.{part}.{k}") for k in values} == values
            if summary.behaviour.of(world):
                for part in ("kinds", "acts"):
                    told = getattr(summary.behaviour.of(world), part)
                    assert {k: row[f"behaviour.{world}.{part}.{k}"] for k in told} == told
        assert {k: row.get(f"shift.{k}") for k in SHIFT} == {
            k: getattr(summary.shift, k) for k in SHIFT
        }
        for desire in summary.desires:
            assert row[f"desires.{desire.feature}.gain_modern"] == desire.gain_modern
        if controls_of(alone):
            assert row["hack.ancestral.hack"] == summary.hack.quantities.ancestral["hack"].mean


KEPT = [table for table in KEEPABLE if table != "ledger"]


SHIFT = ("shared_by_all_ancestral_optima", "left_open_by_the_data", "path_by_intent_in_ancestral")


@pytest.mark.slow
def test_threads_change_no_byte(whole: Store, tmp_path: Path) -> None:
    store = start_sweep(tmp_path / "threads")
    for chunk in range(store.chunks):
        worker.run_chunk(store.folder, chunk, threads=2)
    assert content(store) == content(whole)


def test_finished_runs_of_a_chunk_are_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = start_sweep(tmp_path / "s")
    asked: list[int] = []
    real = worker.compute

    def counting(tree: Any, row: Any, *more: Any) -> Any:
        asked.append(row.run)
        return real(tree, row, *more)

    monkeypatch.setattr(worker, "compute", counting)
    receipt = worker.run_chunk(store.folder, 1, stop_requested=lambda: len(asked) >= 2)
    assert (receipt.finished, receipt.computed) == (False, 1)
    assert store.path(1, "partial").exists()
    assert status_of(store).done == 1
    receipt = worker.run_chunk(store.folder, 1)
    assert (receipt.finished, receipt.computed) == (True, 2)
    assert asked == [3, 4, 4, 5]
    assert not store.path(1, "partial").exists()
    assert worker.run_chunk(store.folder, 1).computed == 0


def test_finished_runs_are_stored_every_few_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Store
) -> None:
    """A killed process leaves its finished runs on disk."""
    monkeypatch.setattr(run_checkpoints, "WRITE_EVERY", 0.0)
    monkeypatch.setattr(worker, "WRITE_SHARE", 0)
    store = start_sweep(tmp_path / "s")

    def die(event: ChunkEvent) -> None:
        if event.kind == "run" and event.run == 2:
            raise SystemExit

    with pytest.raises(SystemExit):
        worker.run_chunk(store.folder, 0, on_event=die)
    found = store.finished(0)
    assert found is not None
    assert found[RUNS]["run"].to_list() == [0, 1]
    compute(store)
    assert content(store) == content(whole)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Numbers of runs that overflow."""
    numbers: set[int] = set()
    real = worker.replicate

    def fragile(setting: Any, *more: Any) -> Any:
        if setting.experiment.optimizer["population"] in numbers:
            raise FloatingPointError("overflow\nencountered in exp")
        return real(setting, *more)

    monkeypatch.setattr(worker, "replicate", fragile)
    return numbers


def test_a_failing_cell_is_recorded(failing: set[int], whole: Store, tmp_path: Path) -> None:
    failing.add(20)
    store = start_sweep(tmp_path / "s")
    compute(store)
    rows = pl.concat(
        [pl.read_parquet(store.table(c, RUNS)) for c in range(store.chunks)], how="diagonal_relaxed"
    ).sort("run")
    assert (rows["status"] == "failed").to_list() == (rows["optimizer.population"] == 20).to_list()
    (error,) = set(rows["error"].drop_nulls())
    assert re.fullmatch(
        r"FloatingPointError: overflow encountered in exp \(evosim/sweeps/worker.py:\d+\)", error
    )
    assert rows.filter(pl.col("status") == "complete").height == 4
    assert status_of(store).failed == 4
    assert collect(store).failed == 4
    assert check(store).sound
    assert "Traceback" in "".join(path.read_text() for path in (store.folder / "logs").iterdir())
    failing.clear()
    assert sum(store.reopen(chunk) for chunk in store.done()) == 4
    assert status_of(store).done == 4
    compute(store)
    assert content(store) == content(whole)


LACKS: dict[str, Callable[[], object]] = {
    "memory": lambda: np.empty(2**50),
    "files": lambda: _raised(OSError(24, "Too many open files")),
    "threads": lambda: _raised(RuntimeError("can't start new thread")),
    "a library": lambda: _raised(ImportError("failed to map segment from shared object")),
    "a cache": lambda: _raised(EOFError("Ran out of input")),
}


def _raised(error: Exception) -> None:
    raise error


@pytest.mark.slow
@pytest.mark.parametrize("lack", LACKS)
def test_a_failure_of_the_machine_is_not_recorded(
    tmp_path: Path, whole: Store, monkeypatch: pytest.MonkeyPatch, lack: str
) -> None:
    """The error names the run; finished runs are stored, and a later call gives the same bytes."""
    real, runs = worker.replicate, []

    def lacking(setting: Any, *more: Any) -> Any:
        runs.append(0)
        return LACKS[lack]() if len(runs) == 2 else real(setting, *more)

    monkeypatch.setattr(worker, "replicate", lacking)
    store = start_sweep(tmp_path / "s")
    with pytest.raises(
        UserError,
        match=(r"^run \d+ needs more than this machine gave: \w+: .*; finished runs are stored\.$"),
    ):
        compute(store)
    assert status_of(store).failed == 0
    compute(store)
    # The first run was not repeated
    assert len(runs) == 1 + pl.concat([store.planned(c) for c in range(store.chunks)]).height
    assert content(store) == content(whole)


def test_a_disk_that_fills_during_a_run_is_no_failure_of_the_run(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the command in one line, and the run is computed later."""
    store = start_sweep(tmp_path / "s")
    real = Store.checkpoint

    def full(self: Store, chunk: int, run: int, control: str) -> Path:
        if run == 1:
            raise atomic_files.Full(
                f"{self.folder} must be writable, but is not: No space left on device. Free some"
                " space, and do it again."
            )
        return real(self, chunk, run, control)

    monkeypatch.setattr(Store, "checkpoint", full)
    with pytest.raises(UserError, match="No space left on device"):
        compute(store)
    monkeypatch.undo()
    compute(store)
    assert status_of(store).failed == 0
    assert content(store) == content(whole)


def test_a_folder_that_vanishes_is_one_line_and_is_not_made_anew(tmp_path: Path) -> None:
    store = start_sweep(tmp_path / "s")

    def vanish(event: ChunkEvent) -> None:
        if event.kind == "run":
            shutil.rmtree(store.folder, ignore_errors=True)

    with pytest.raises(UserError, match=r"must be writable, but is not: No such file or directory"):
        worker.run_chunk(store.folder, 0, on_event=vanish)
    assert not store.folder.exists()


def test_changed_defaults_are_noticed(copy: Store) -> None:
    planned = dataclasses.replace(copy.runs_of(0)[0], cell="0" * 32)
    with pytest.raises(UserError, match="but cell 00000000 was planned: defaults have changed"):
        worker.compute(copy.manifest.tree, planned, copy.kinds)
