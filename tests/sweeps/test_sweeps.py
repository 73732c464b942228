"""Sweeps: the same bytes whoever computes them, and nothing that a crash can spoil."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.runs import accounts, execute
from evosim.runtime import atomic_files, worker_pool
from evosim.runtime.interrupts import checkpoint_requests
from evosim.runtime.machine import Suspended
from evosim.runtime.remaining_time import RemainingTimeReport
from evosim.simulation.controls import controls_of
from evosim.sweeps import estimate as estimates
from evosim.sweeps import local_engine, prepared_runs, progress, run_checkpoints, worker
from evosim.sweeps.check import check, repair
from evosim.sweeps.collect import collect
from evosim.sweeps.engines import Job
from evosim.sweeps.estimate import room_for
from evosim.sweeps.events import ChunkEvent, ignore
from evosim.sweeps.execute import RunOptions, begin, resume
from evosim.sweeps.job_array import read_shard
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.status import status_of
from evosim.sweeps.store import RUNS, Store
from tests.support.paths import ROOT
from tests.support.settings import quick
from tests.support.signals import children
from tests.support.sweeps import SWEEP, begun, compute, content

Change = Callable[[Path], None]


def after(calls: int) -> Callable[[], bool]:
    """Asks for an end at its so-many-th question."""
    left = [calls]

    def ask() -> bool:
        left[0] -= 1
        return left[0] < 0

    return ask


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A sweep that was computed without any trouble."""
    store = begun(tmp_path_factory.mktemp("sweeps") / "whole")
    compute(store)
    return store


@pytest.fixture
def copy(whole: Store, tmp_path: Path) -> Store:
    """A copy of it, to be spoilt."""
    shutil.copytree(whole.folder, tmp_path / "copy")
    return Store(tmp_path / "copy")


# The account


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("micro", ()),
        ("micro", ("analysis.max_classes=1",)),
        ("micro", ("analysis.max_classes=1", "analysis.max_enumerated=1", "analysis.restarts=2")),
        ("greedy-genes", ("replicates=1",)),
        ("birth-control", ("world.modern.conception=0.0", "world.modern.contraception=false")),
    ],
)
def test_an_account_is_that_of_evosim_run_bit_by_bit(
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
    store = begun(tmp_path / "sweep", text)
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


KEPT = [
    "ladder",
    "steps",
    "ties",
    "behaviour",
    "desires",
    "recovery",
    "hack",
    "generations",
    "loci",
    "alleles",
    "populations",
    "search",
    "landscape",
]
SHIFT = ("shared_by_all_ancestral_optima", "left_open_by_the_data", "path_by_intent_in_ancestral")


def test_the_ledger_is_the_behaviour_without_ages(tmp_path: Path) -> None:
    store = begun(
        tmp_path / "s",
        SWEEP.replace('"ladder", "behaviour", "generations"', '"ledger", "behaviour"'),
    )
    compute(store, [0])
    ledger, behaviour = (pl.read_parquet(store.table(0, name)) for name in ("ledger", "behaviour"))
    assert "age" not in ledger.columns
    by = ["run", "subject", "world"]
    one, other = (
        frame.group_by(by).agg(pl.col("value").sum()).sort(by) for frame in (ledger, behaviour)
    )
    assert one.select(by).equals(other.select(by))
    assert one["value"].to_list() == pytest.approx(other["value"].to_list())


# The same bytes


def test_order_and_workers_change_no_byte(whole: Store, tmp_path: Path) -> None:
    backwards = begun(tmp_path / "backwards")
    compute(backwards, list(reversed(range(backwards.chunks))))
    crew = begun(tmp_path / "crew")
    compute(crew, workers=2)
    assert content(backwards) == content(crew) == content(whole)


def test_threads_change_no_byte(whole: Store, tmp_path: Path) -> None:
    store = begun(tmp_path / "threads")
    for chunk in range(store.chunks):
        worker.run_chunk(store.folder, chunk, threads=2)
    assert content(store) == content(whole)


def test_shards_change_no_byte_and_leave_nothing_out(whole: Store, tmp_path: Path) -> None:
    store = begun(tmp_path / "shards")
    for i in range(2):
        compute(store, read_shard(f"{i}/2").chunks(list(range(store.chunks))))
    assert content(store) == content(whole)


@pytest.mark.parametrize("calls", [1, 2, 9, 15, 22, 40])
def test_interrupted_at_any_moment_and_continued_changes_no_byte(
    whole: Store, tmp_path: Path, calls: int
) -> None:
    store = begun(tmp_path / "stopped")
    compute(store, stop_requested=after(calls))
    assert len(content(store)) < len(content(whole))
    compute(store)
    assert content(store) == content(whole)


def test_finished_runs_of_a_chunk_are_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = begun(tmp_path / "s")
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


def test_finished_runs_are_kept_every_few_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Store
) -> None:
    """What a process that is killed leaves behind."""
    monkeypatch.setattr(run_checkpoints, "WRITE_EVERY", 0.0)
    monkeypatch.setattr(worker, "WRITE_SHARE", 0)
    store = begun(tmp_path / "s")

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


@pytest.mark.parametrize(
    ("name", "generations", "calls", "fewest"), [("micro", 12, 15, 1), ("greedy-genes", 60, 75, 3)]
)
@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_stopped_in_its_middle_is_gone_on_with_there(
    name: str,
    generations: int,
    calls: int,
    fewest: int,
    damaged: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also a control of it.

    Nothing of that stays, nor changes a byte; what is damaged is begun again.
    """
    text = f"""
    name = "long"
    experiment = "{name}"
    replicates = 1
    [set]
    optimizer.population = 20
    phases.0.generations = {generations}
    phases.1.generations = 8
    """
    undisturbed, store = begun(tmp_path / "undisturbed", text), begun(tmp_path / "long", text)
    compute(undisturbed)
    begins: list[int] = []
    real = run_checkpoints._Checkpoint.begin

    def noted(self: Any, *which: Any) -> Any:
        state = real(self, *which)
        begins.append(state.position.generation if state else -1)
        return state

    monkeypatch.setattr(run_checkpoints._Checkpoint, "begin", noted)
    stops = 0
    while not worker.run_chunk(store.folder, 0, stop_requested=after(calls)).finished:
        stops += 1
        kept = list((store.folder / "parts").rglob("*.checkpoint"))
        assert kept
        assert not check(store).strange
        if damaged and stops == 1:
            kept[0].write_bytes(kept[0].read_bytes()[:-1])
        assert stops < 20
    assert stops >= fewest
    assert begins.count(-1) == len(set(controls_of(resolve(read_experiment(name))))) + 1 + damaged
    assert max(begins) > 5 or damaged
    assert content(store) == content(undisturbed)


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign"])
def test_finished_runs_that_cannot_be_trusted_are_computed_again(
    tmp_path: Path, whole: Store, damage: str
) -> None:
    store = begun(tmp_path / "s")
    compute(store, [1], stop_requested=after(15))
    path = store.path(1, "partial")
    data = bytearray(path.read_bytes())
    if damage == "foreign":
        path.rename(store.path(0, "partial"))
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes({"truncate": data[: len(data) // 2], "flip": data, "empty": b""}[damage])
    assert store.finished(0 if damage == "foreign" else 1) is None
    compute(store)
    assert content(store) == content(whole)


def test_two_drivers_on_one_folder(whole: Store, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(SWEEP)
    arguments = [
        sys.executable,
        "-m",
        "evosim.cli",
        "sweep",
        "run",
        str(path),
        "--out",
        str(tmp_path / "s"),
        "--workers",
        "1",
    ]
    both = [
        subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for driver in both:
        assert driver.communicate()[1].count("\n") <= 1
        assert driver.returncode == 0
    assert content(Store(tmp_path / "s")) == content(whole)
    assert check(Store(tmp_path / "s")).sound


def test_sigkills_lose_nothing_and_change_no_byte(whole: Store, tmp_path: Path) -> None:
    """The driver and its workers die at random moments; whoever comes next goes on."""
    path, folder = tmp_path / "s.toml", tmp_path / "s"
    path.write_text(SWEEP)
    arguments = [
        sys.executable,
        "-m",
        "evosim.cli",
        "sweep",
        "run",
        str(path),
        "--out",
        str(folder),
        "--workers",
        "2",
    ]
    moments = random.Random(7)
    for _ in range(4):
        driver = subprocess.Popen(
            arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(1.0, 4.0))
        victims = [*_children(driver.pid), driver.pid]
        for victim in moments.sample(victims, len(victims)):
            os.kill(victim, signal.SIGKILL)
        driver.wait()
    subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True)
    store = Store(folder)
    for path in check(store).stale:
        path.unlink()
    assert content(store) == content(whole)


def test_a_worker_that_dies_is_replaced(whole: Store, tmp_path: Path) -> None:
    store = begun(tmp_path / "s")
    killed: list[int] = []

    def on_event(event: ChunkEvent) -> None:
        if event.kind == "run" and not killed:
            killed.extend(_children())
            os.kill(killed[0], signal.SIGKILL)

    local_engine.compute(
        Job(store.folder, list(range(store.chunks)), 2, 1, None, on_event, lambda: False)
    )
    assert killed
    assert content(store) == content(whole)


def _children(parent: int | None = None) -> list[int]:
    """Worker processes of a process, of this one if none is said."""
    return children("evosim.runtime.worker_pool", parent)


def test_a_chunk_that_kills_its_workers_is_given_up_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = begun(tmp_path / "s")

    def on_event(event: ChunkEvent) -> None:
        if event.kind == "begin" and event.chunk == 0:
            for pid in _children():
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(
        UserError, match=r"3 worker processes died while they computed chunk 0 \(signal 9\)"
    ):
        local_engine.compute(Job(store.folder, [0, 0], 2, 1, None, on_event, lambda: False))
    assert not _children()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_ends_a_sweep_soon_with_one_line(tmp_path: Path, workers: str) -> None:
    path, folder = tmp_path / "s.toml", tmp_path / "s"
    path.write_text(SWEEP.replace("= 5", "= 100000").replace("= 3", "= 100000", 2))
    arguments = [
        sys.executable,
        "-m",
        "evosim.cli",
        "sweep",
        "run",
        str(path),
        "--out",
        str(folder),
        "--workers",
        workers,
    ]
    driver = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list(folder.glob("logs/*")):
        time.sleep(0.05)
    time.sleep(0.5)
    began = time.monotonic()
    driver.terminate()
    _, err = driver.communicate(timeout=30)
    assert driver.returncode == 128 + signal.SIGTERM
    assert (
        err.splitlines()[-1]
        == f"evosim: interrupted; finished runs are stored in {folder}. Run the same command to"
        " continue."
    )
    assert time.monotonic() - began < 5.0


# Damage


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


DAMAGE: dict[str, Change] = {
    "truncated": _truncate,
    "flipped": _flip,
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "text": lambda path: path.write_text("nothing of the kind"),
}


@pytest.mark.parametrize("ending", ["runs.parquet", "ladder.parquet", "sha256"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_mended(copy: Store, whole: Store, damage: str, ending: str) -> None:
    DAMAGE[damage](copy.path(1, ending))
    found = check(copy)
    if (damage, ending) == ("gone", "runs.parquet"):
        assert (found.missing, found.damaged) == ([1], {})
    else:
        assert list(found.damaged) == [1]
        assert not found.sound
    if damage != "gone" and not (damage == "empty" and ending == "runs.parquet"):
        with pytest.raises(UserError, match=r"chunk 1 of .* is damaged: its .*check .* --repair"):
            collect(copy)
    repair(copy, found)
    assert check(copy).missing == [1]
    compute(copy)
    assert check(copy).done == copy.chunks
    assert content(copy) == content(whole)


def test_every_flipped_byte_of_a_chunk_is_found(copy: Store) -> None:
    path = copy.table(0, RUNS)
    data = path.read_bytes()
    for i in range(0, len(data), 997):
        changed = bytearray(data)
        changed[i] ^= 1 << (i % 8)
        path.write_bytes(changed)
        assert list(check(copy).damaged) == [0], i


def test_an_empty_chunk_is_not_done(copy: Store, whole: Store) -> None:
    copy.table(2, RUNS).write_bytes(b"")
    assert copy.done() == [0, 1]
    assert status_of(copy).chunks_done == 2
    assert collect(copy).missing == 2
    compute(copy)
    assert content(copy) == content(whole)


def test_a_chunk_in_another_one_s_place_is_found(copy: Store) -> None:
    """With its checksums, so that only what it says of itself tells."""
    for ending in ("runs.parquet", "ladder.parquet", "behaviour.parquet", "generations.parquet"):
        shutil.copy(copy.path(0, ending), copy.path(1, ending))
    copy.path(1, "sha256").write_text(
        copy.path(0, "sha256").read_text().replace("0000000", "0000001")
    )
    assert "another chunk" in check(copy).damaged[1]


def test_a_chunk_of_another_sweep_is_found(copy: Store, tmp_path: Path) -> None:
    other = begun(tmp_path / "other", SWEEP.replace("0.2]", "0.3]"))
    compute(other, [0])
    for path in other.path(0, "").parent.iterdir():
        shutil.copy(path, copy.path(0, "").parent / path.name)
    assert "another sweep" in check(copy).damaged[0]


def test_strange_files_are_found_and_removed(copy: Store) -> None:
    parts = copy.path(0, "").parent
    names = ("chunk-0000099.runs.parquet", "notes.txt", "chunk-0000000.wrong.parquet")
    for name in names:
        (parts / name).write_text("x")
    found = check(copy)
    assert {path.name for path in found.strange} == set(names)
    repair(copy, found)
    assert check(copy).sound


def test_temporary_files_of_the_dead_are_stale_and_those_of_the_living_are_not(copy: Store) -> None:
    parts = copy.path(0, "").parent
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = platform.node()
    dead, alive, elsewhere, old = (
        parts / f".chunk-0000000.runs.parquet.{host}.{pid}.1.tmp"
        for host, pid in (
            (here, gone.pid),
            (here, os.getpid()),
            ("elsewhere.example", 1),
            ("old.example", 1),
        )
    )
    for path in (dead, alive, elsewhere, old):
        path.write_text("x")
    os.utime(old, (1.0, 1.0))
    left = copy.path(1, "partial")
    left.write_text("x")
    found = check(copy)
    assert set(found.stale) == {dead, old, left}
    assert set(found.young) == {alive, elsewhere}
    repair(copy, found)
    assert not dead.exists()
    assert alive.exists()


def test_checksums_are_what_sha256sum_reads(whole: Store) -> None:
    for line in whole.path(0, "sha256").read_text().splitlines()[1:]:
        digest, name = line.split("  ")
        assert hashlib.sha256((whole.path(0, "").parent / name).read_bytes()).hexdigest() == digest


# Failures of runs


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


def test_a_failing_cell_is_recorded_and_the_rest_is_done(
    failing: set[int], whole: Store, tmp_path: Path
) -> None:
    failing.add(20)
    store = begun(tmp_path / "s")
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


@pytest.mark.parametrize("lack", LACKS)
def test_what_the_machine_lacks_is_no_failure_of_a_run(
    tmp_path: Path, whole: Store, monkeypatch: pytest.MonkeyPatch, lack: str
) -> None:
    """The sweep ends in one line that names the run, keeps what is finished, and goes on later to
    the same bytes.
    """
    real, runs = worker.replicate, []

    def lacking(setting: Any, *more: Any) -> Any:
        runs.append(0)
        return LACKS[lack]() if len(runs) == 2 else real(setting, *more)

    monkeypatch.setattr(worker, "replicate", lacking)
    store = begun(tmp_path / "s")
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


def test_a_cell_that_dies_out_is_a_result(tmp_path: Path) -> None:
    text = (
        'name = "gone"\nexperiment = "birth-control"\nkeep ='
        ' ["ladder"]\n[set]\nphases.0.generations = 4\nphases.1.generations = 3\n'
    )
    text += (
        '"optimizer.population" = 20\n"world.modern.contraception" ='
        " false\n[grid]\nworld.modern.conception = [0.0, 0.5]\n"
    )
    store = begun(tmp_path / "s", text)
    compute(store)
    state = status_of(store)
    assert (state.extinct, state.failed, state.done) == (1, 0, 2)


# Estimates


def test_a_landscape_is_counted_once_a_worker_and_not_once_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a clock of our own: a landscape takes 10 s, a run 1 s.

    Once each sampled run was a landscape's first, and all counted 11 s.
    """
    now = [0.0]
    monkeypatch.setattr(estimates, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))
    real_landscape, real_run = prepared_runs.Landscape, estimates.replicate

    def landscape(*arguments: Any, **more: Any) -> Any:
        now[0] += 10.0
        return real_landscape(*arguments, **more)

    def run(*arguments: Any, **more: Any) -> Any:
        now[0] += 1.0
        return real_run(*arguments, **more)

    monkeypatch.setattr(prepared_runs, "Landscape", landscape)
    monkeypatch.setattr(estimates, "replicate", run)
    monkeypatch.setattr(estimates, "SAMPLE_SECONDS", 60.0)
    path = tmp_path / "x.toml"
    path.write_text(
        SWEEP.replace("replicates = 2", "replicates = 6").replace(
            "[0.1, 0.2]", "[0.1, 0.2, 0.3, 0.4, 0.5]"
        )
    )
    plan = make_plan(read_sweep(path))
    assert (plan.blocks, plan.chunks) == ((12,) * 5, 20)
    for workers, taken in (
        (1, 5 * 10.0 + 60 * 1.0),
        (2, (2 * 5 * 10.0 + 60 * 1.0) / 2),
        (100, (4 * 5 * 10.0 + 60 * 1.0) / 20),
    ):
        found = estimates.estimate(plan, workers)
        assert (found.landscapes, found.preparing, found.seconds) == (5, 10.0, 1.0)
        assert found.wall == pytest.approx(taken)


# Disks


def test_a_full_disk_is_one_line_and_loses_nothing(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)], capture_output=True
        ).returncode
    ):
        pytest.skip("needs to mount a small file system")
    try:
        store = begun(disk / "s")
        with contextlib.suppress(OSError):
            (disk / "filler").write_bytes(bytes(200_000))
        with pytest.raises(
            UserError,
            match=r"must be writable, but is not: No space left on device\. Free some space",
        ) as caught:
            compute(store)
        assert "\n" not in str(caught.value)
        assert not list(disk.rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        assert check(store).sound
        compute(store)
        assert content(store) == content(whole)
        with contextlib.suppress(OSError):
            (disk / "filler").write_bytes(bytes(5_000_000))
        with pytest.raises(
            UserError,
            match=r"must be writable, but is not: No space left on device\. Free some space",
        ):
            collect(store)
        assert not list(disk.rglob("*.tmp"))
        assert not (store.folder / "runs.parquet").exists()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(UserError, match="must be writable, but is not: Read-only file system"):
            store.remove(0)
        with pytest.raises(
            UserError, match="must be writable to collect its runs, but is read-only"
        ):
            collect(store)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _of_size(free: int) -> Callable[[Path], Any]:
    return lambda folder: shutil._ntuple_diskusage(10**12, 0, free)  # type: ignore[attr-defined]


def test_a_sweep_that_would_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = begun(tmp_path / "s")
    monkeypatch.setattr(shutil, "disk_usage", _of_size(50_000))
    with pytest.raises(
        UserError,
        match=(
            r"s must have room for about \d+ kB, but 50\.0 kB are free\. Free some space, or give"
            r" another --out\."
        ),
    ):
        resume(store)
    assert not content(store)
    assert not list(store.folder.glob("logs/*"))
    monkeypatch.setattr(shutil, "disk_usage", _of_size(10_000_000))
    assert resume(store, RunOptions(workers=1, shard=read_shard("0/3"))).chunks_done == 1


@pytest.mark.parametrize(
    "keep", ["", 'keep = ["ladder", "behaviour", "generations", "loci", "alleles", "populations"]']
)
@pytest.mark.parametrize(
    ("name", "more"), [("micro", ""), ("birth-control", "optimizer.population = 100\n")]
)
def test_the_room_that_is_asked_for_is_about_what_is_taken(
    tmp_path: Path, name: str, more: str, keep: str
) -> None:
    text = (
        f'name = "x"\nexperiment = "{name}"\nreplicates = 8\nchunk ='
        f" 4\n{keep}\n[set]\nphases.0.generations = 40\nphases.1.generations = 20\n{more}"
    )
    store = begun(tmp_path / "s", text)
    compute(store)
    taken = sum(len(data) for data in content(store).values())
    assert 0.4 * taken < room_for(store, [0, 1], collecting=False) < 2.5 * taken


def test_a_disk_that_fills_during_a_run_is_no_failure_of_the_run(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the command in one line, and the run is computed later."""
    store = begun(tmp_path / "s")
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


def test_a_full_disk_at_a_checkpoint_ends_a_sweep_as_it_ends_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = begun(tmp_path / "s")
    monkeypatch.setattr(
        run_checkpoints._Checkpoint,
        "_write",
        lambda *_: (_ for _ in ()).throw(
            atomic_files.Full("F must be writable, but is not: No space left on device.")
        ),
    )
    real = run_checkpoints._Checkpoint.__init__

    def often(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        self._due = 0.0

    monkeypatch.setattr(run_checkpoints._Checkpoint, "__init__", often)
    with pytest.raises(UserError, match="No space left on device"):
        worker.run_chunk(store.folder, 0)
    assert not content(store)


def test_a_folder_that_vanishes_is_one_line_and_is_not_made_anew(tmp_path: Path) -> None:
    store = begun(tmp_path / "s")

    def vanish(event: ChunkEvent) -> None:
        if event.kind == "run":
            shutil.rmtree(store.folder, ignore_errors=True)

    with pytest.raises(UserError, match=r"must be writable, but is not: No such file or directory"):
        worker.run_chunk(store.folder, 0, on_event=vanish)
    assert not store.folder.exists()


def test_a_write_that_fails_in_a_worker_stops_all_with_one_line(tmp_path: Path) -> None:
    store = begun(tmp_path / "s")
    shutil.rmtree(store.folder / "parts")
    (store.folder / "parts").write_text("")
    with pytest.raises(UserError, match="must be writable, but is not: Not a directory"):
        compute(store, workers=2)


@pytest.mark.parametrize("moment", range(8))
def test_killed_between_any_two_writes_of_a_chunk(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    store = begun(tmp_path / "s")
    real, written = atomic_files.write_atomically, [0]

    def fragile(path: Path, data: bytes) -> None:
        if written[0] == moment:
            raise SystemExit
        written[0] += 1
        real(path, data)

    monkeypatch.setattr("evosim.sweeps.store.write_atomically", fragile)
    with pytest.raises(SystemExit):
        compute(store)
    monkeypatch.undo()
    assert check(store).sound
    assert not check(store).damaged
    compute(store)
    assert content(store) == content(whole)


# Collecting


def test_what_is_collected_is_all_of_it(copy: Store, tmp_path: Path) -> None:
    found = collect(copy)
    runs = pl.read_parquet(copy.folder / "runs.parquet")
    assert runs["run"].to_list() == list(range(8))
    assert runs.select("run", "cell", "seed").equals(copy.plan.select("run", "cell", "seed"))
    assert found.digest == status_of(copy).digest
    generations = pl.read_parquet(copy.folder / "generations.parquet")
    assert generations.group_by("run", maintain_order=True).len()["len"].to_list() == [8] * 8
    again = collect(copy)
    assert again == found


def test_the_digest_of_the_content_does_not_depend_on_chunks_but_on_every_number(
    whole: Store, tmp_path: Path
) -> None:
    other = begun(tmp_path / "other", SWEEP.replace("chunk = 3", "chunk = 8"))
    compute(other)
    first = collect(whole).digest
    assert collect(other).digest == first
    frames = whole.read(0)
    column = "ladder.modern.steps.search"
    wrong = frames[RUNS].with_columns(pl.col(column) + 1e-15)
    shutil.copytree(whole.folder, tmp_path / "wrong")
    store = Store(tmp_path / "wrong")
    store.commit(0, frames | {RUNS: wrong})
    assert collect(store).digest == first  # what is done is never replaced
    store.remove(0)
    store.commit(0, frames | {RUNS: wrong})
    assert collect(store).digest != first


def test_collecting_what_is_not_whole_says_what_is_missing(tmp_path: Path) -> None:
    store = begun(tmp_path / "s")
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
    store = begun(tmp_path / "s", text)
    compute(store)
    assert collect(store).runs == 16


# Other code, other sweeps


def test_a_folder_of_another_sweep_is_refused_naming_both(whole: Store, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(SWEEP.replace("0.2]", "0.25]"))
    with pytest.raises(
        UserError,
        match=rf"holds another sweep \(small, digest {whole.digest[:8]}; this file has digest",
    ):
        begin(read_sweep(path), whole.folder)
    path.write_text(SWEEP.replace('name = "small"', 'name = "small"\ntitle = "other words"'))
    begin(read_sweep(path), whole.folder)


def test_other_sources_are_refused_naming_both(
    copy: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "same.toml"
    path.write_text(SWEEP)
    monkeypatch.setattr("evosim.sweeps.store.sources_digest", lambda *choices: "f" * 16)
    with pytest.raises(
        UserError, match=rf"other code began .* sources {copy.sources}, .* sources ffff"
    ):
        begin(read_sweep(path), copy.folder)
    copy.remove(1)
    with pytest.raises(UserError, match="other code began"):
        worker.run_chunk(copy.folder, 1)
    assert begin(read_sweep(path), copy.folder, other_sources=True).digest == copy.digest
    worker.run_chunk(copy.folder, 1, other_sources=True)
    assert collect(copy).mixed


def test_other_packages_are_refused_naming_both(
    copy: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy.manifest.packages["numba"] = "0.1"
    with pytest.raises(UserError, match=r"began with numba 0\.1, but .* is installed"):
        copy.check_sources()
    copy.check_sources(other_sources=True)


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("do not lose me")
    with pytest.raises(UserError, match="holds something other than a sweep"):
        begun(tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


@pytest.mark.parametrize("name", ["sweep.json", "plan.parquet"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_plans_are_one_line(copy: Store, name: str, damage: str) -> None:
    DAMAGE[damage](copy.folder / name)
    with pytest.raises(UserError) as caught:
        _ = Store(copy.folder).plan
    assert "\n" not in str(caught.value)
    assert str(copy.folder) in str(caught.value)


def test_every_change_of_what_is_to_be_done_is_found(copy: Store) -> None:
    path = copy.folder / "sweep.json"
    data = path.read_bytes()
    for i in range(0, len(data), 41):
        changed = bytearray(data)
        changed[i] ^= 1
        if changed.split() != data.split() and changed[i : i + 1].strip():
            path.write_bytes(changed)
            with pytest.raises(UserError):
                Store(copy.folder)


def test_a_beginning_that_was_interrupted_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = begun(tmp_path / "whole")
    for last in ("plan.parquet", "sweep.json", "sweep.toml"):
        folder = tmp_path / f"until-{last.replace('.', '-')}"
        real = atomic_files.write_atomically

        def fragile(path: Path, data: bytes, last: str = last, real: Any = real) -> None:
            if path.name == last:
                (path.parent / f".{last}.host.1.1.tmp").write_bytes(data[:10])
                raise SystemExit
            real(path, data)

        monkeypatch.setattr("evosim.sweeps.execute.write_atomically", fragile)
        with pytest.raises(SystemExit):
            begun(folder)
        monkeypatch.undo()
        assert begun(folder).manifest.plan == whole.manifest.plan


def test_defaults_that_have_changed_are_noticed(copy: Store) -> None:
    planned = dataclasses.replace(copy.runs_of(0)[0], cell="0" * 32)
    with pytest.raises(UserError, match="but cell 00000000 was planned: defaults have changed"):
        worker.compute(copy.manifest.tree, planned, copy.kinds)


def test_a_long_sweep_says_once_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(
        progress,
        "RemainingTimeReport",
        lambda least_seconds: RemainingTimeReport(least_seconds, lambda: at[0]),
    )
    said = io.StringIO()
    for runs, lines in ((100, 0), (1000, 1)):  # of half a second each
        at[0] = 0.0
        on_event = progress.SweepProgress(
            Console(file=said, width=200), runs, 0, 0, lambda words, done: None
        )
        on_event(ChunkEvent("begin", 0))
        for _ in range(runs):
            at[0] += 0.5
            on_event(ChunkEvent("run", 0, status="complete"))
        assert said.getvalue().count("left for") == lines
    assert (
        said.getvalue()
        == "about 8 min left for 990 runs at 0.5 s. Ctrl-C stops; the same command continues.\n"
    )


def test_a_suspended_worker_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_pool, "Suspended", lambda: Suspended(patience=0.0))
    store = begun(tmp_path / "s")

    def stop_requested() -> bool:
        if found := _children():
            os.kill(found[0], signal.SIGSTOP)
        return bool(found)

    local_engine.compute(
        Job(store.folder, list(range(store.chunks)), 2, 1, None, ignore, stop_requested)
    )
    assert (
        "is suspended and cannot end. It is killed; the results it has stored remain."
        in capsys.readouterr().err
    )
    assert not _children()


def test_what_is_finished_is_kept_when_a_signal_asks_for_it(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, and in workers, which hear of it by their pipes. No byte changes."""
    kept: list[int] = []
    real = Store.write_finished
    monkeypatch.setattr(
        Store,
        "write_finished",
        lambda self, chunk, frames: (kept.append(chunk), real(self, chunk, frames))[1],
    )

    def on_event(event: ChunkEvent) -> None:
        if event.kind == "run" and event.run == 0:
            checkpoint_requests.request()

    store = begun(tmp_path / "one")
    local_engine.compute(Job(store.folder, [0], 1, 1, None, on_event, lambda: False))
    assert kept == [0]
    compute(store)
    assert content(store) == content(whole)
    store = begun(tmp_path / "two")
    local_engine.compute(
        Job(store.folder, list(range(store.chunks)), 2, 1, None, on_event, lambda: False)
    )
    assert not checkpoint_requests.take()
    assert any('"event": "asked"' in path.read_text() for path in (store.folder / "logs").iterdir())
    assert content(store) == content(whole)
