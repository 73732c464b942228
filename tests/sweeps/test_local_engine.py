"""The local engine: the same bytes whatever happens to its processes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evosim.errors import UserError
from evosim.runtime import worker_pool
from evosim.runtime.interrupts import checkpoint_requests
from evosim.runtime.machine import Suspended
from evosim.sweeps import local_engine
from evosim.sweeps.check import check
from evosim.sweeps.engines import Job
from evosim.sweeps.events import ChunkEvent, ignore
from evosim.sweeps.store import Store
from tests.support.paths import ROOT
from tests.support.signals import children
from tests.support.sweeps import SWEEP, compute, content, start_sweep

pytestmark = pytest.mark.slow


def test_order_and_workers_change_no_byte(whole: Store, tmp_path: Path) -> None:
    backwards = start_sweep(tmp_path / "backwards")
    compute(backwards, list(reversed(range(backwards.chunks))))
    crew = start_sweep(tmp_path / "crew")
    compute(crew, workers=2)
    assert content(backwards) == content(crew) == content(whole)


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
    """The driver and its workers die at random moments; the next driver continues."""
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
    store = start_sweep(tmp_path / "s")
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
    store = start_sweep(tmp_path / "s")

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


def test_a_write_that_fails_in_a_worker_stops_all_with_one_line(tmp_path: Path) -> None:
    store = start_sweep(tmp_path / "s")
    shutil.rmtree(store.folder / "parts")
    (store.folder / "parts").write_text("")
    with pytest.raises(UserError, match="must be writable, but is not: Not a directory"):
        compute(store, workers=2)


def test_a_suspended_worker_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_pool, "Suspended", lambda: Suspended(patience=0.0))
    store = start_sweep(tmp_path / "s")

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


def test_a_signal_makes_workers_store_finished_runs(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here, and in workers, which get the request through their pipes. No byte changes."""
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

    store = start_sweep(tmp_path / "one")
    local_engine.compute(Job(store.folder, [0], 1, 1, None, on_event, lambda: False))
    assert kept == [0]
    compute(store)
    assert content(store) == content(whole)
    store = start_sweep(tmp_path / "two")
    local_engine.compute(
        Job(store.folder, list(range(store.chunks)), 2, 1, None, on_event, lambda: False)
    )
    assert not checkpoint_requests.take()
    assert any('"event": "asked"' in path.read_text() for path in (store.folder / "logs").iterdir())
    assert content(store) == content(whole)
