"""The worker pool: results, errors, deaths, stops, suspended workers, and the end of a driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from evosim.errors import UserError
from evosim.runtime import worker_pool
from evosim.runtime.interrupts import checkpoint_requests
from evosim.runtime.machine import Suspended
from evosim.runtime.worker_pool import PoolCallbacks, PoolOptions, WorkerDied, WorkerPool
from tests.support.paths import ROOT
from tests.support.signals import children


def run(task: str, tasks: list[Any], options: PoolOptions, **callbacks: Any) -> list[Any]:
    """Results of tasks, in the order in which they came."""
    results: list[Any] = []
    pool = WorkerPool[Any](f"tests.support.pool_tasks:{task}", options)
    pool.run(tasks, PoolCallbacks[Any](on_done=lambda _, x: results.append(x), **callbacks))
    assert not children("evosim.runtime.worker_pool")
    return results


@pytest.mark.parametrize("graceful", [True, False])
def test_every_task_is_done_once(graceful: bool) -> None:
    sent: list[tuple[int, int]] = []
    results = run(
        "double",
        [1, 2, 3, 4, 5],
        PoolOptions(2, graceful),
        on_message=lambda task, message: sent.append((task, message)),
    )
    assert sorted(results) == [2, 4, 6, 8, 10]
    assert sorted(sent) == [(i, i) for i in range(1, 6)]


@pytest.mark.parametrize("graceful", [True, False])
def test_a_user_error_of_a_task_is_raised(graceful: bool) -> None:
    with pytest.raises(UserError, match=r"^3 is refused\. Give another number\.$"):
        run("refuse", [3], PoolOptions(1, graceful))


def test_an_unforeseen_error_is_raised_or_is_a_death() -> None:
    with pytest.raises(ValueError, match="3 fails"):
        run("fail", [3], PoolOptions(1, graceful=False))
    with pytest.raises(WorkerDied, match="exit code 1"):
        run("fail", [3], PoolOptions(1, graceful=True))


def test_a_dead_worker_is_replaced_and_its_task_repeated(tmp_path: Path) -> None:
    lost: list[Any] = []
    results = run(
        "die_once", [tmp_path / "x"], PoolOptions(1, True, most_deaths=2), on_lost=lost.append
    )
    assert results == ["second try"]
    assert lost == [tmp_path / "x"]


def test_a_task_that_kills_its_workers_is_given_up() -> None:
    with pytest.raises(WorkerDied, match="signal 9") as died:
        run("die", ["a"], PoolOptions(1, True, most_deaths=2))
    assert died.value.task == "a"


def test_a_graceful_stop_lets_tasks_store_their_results() -> None:
    messages: list[Any] = []
    run(
        "wait_for_stop",
        [60.0, 60.0, 60.0],
        PoolOptions(2, graceful=True),
        on_message=lambda _, message: messages.append(message),
        stop_requested=lambda: len(messages) >= 2,
    )
    assert messages[2:] == ["stopped", "stopped"]


def test_a_stop_without_grace_kills_workers() -> None:
    pids: list[int] = []
    began = time.monotonic()
    run(
        "sleep",
        [600.0],
        PoolOptions(1, graceful=False),
        on_message=lambda _, pid: pids.append(pid),
        stop_requested=lambda: bool(pids),
    )
    assert time.monotonic() - began < 60.0
    assert not psutil.pid_exists(pids[0])


def test_a_suspended_worker_is_reported_and_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "Suspended", lambda: Suspended(patience=0.0))
    warnings: list[str] = []

    def suspend(_: float, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)

    run(
        "wait_for_stop",
        [60.0],
        PoolOptions(1, graceful=True),
        on_message=suspend,
        warn=warnings.append,
        stop_requested=lambda: bool(warnings),
    )
    assert "is suspended" in warnings[0]
    assert "It is killed; the results it has stored remain." in warnings[-1]


def test_a_request_for_a_checkpoint_reaches_workers() -> None:
    results = run(
        "wait_for_checkpoint",
        [60.0],
        PoolOptions(1, graceful=True),
        on_message=lambda *_: checkpoint_requests.request(),
    )
    assert results == [True]
    assert not checkpoint_requests.take()


def test_a_second_interrupt_kills_workers() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("sleep", [600.0], PoolOptions(1, graceful=True), on_message=interrupt)
    assert not children("evosim.runtime.worker_pool")


@pytest.mark.slow
def test_workers_end_with_a_killed_driver() -> None:
    driver = subprocess.Popen(
        [sys.executable, "-m", "tests.support.pool_tasks"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout
    worker = psutil.Process(int(driver.stdout.readline()))
    driver.kill()
    driver.communicate()
    worker.wait(timeout=60)
