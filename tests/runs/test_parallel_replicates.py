"""Replicates in several processes: the same bytes, stops and resumption, and lost workers."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evosim.config.resolve import build
from evosim.errors import Interrupted, Stop, UserError
from evosim.fitness.landscape import Landscape
from evosim.runs import execute, parallel_replicates
from evosim.runs.checkpoint_files import seconds_saved
from evosim.runs.parallel_replicates import number_of_workers
from evosim.runs.reader import CHECKPOINT, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime import blocks
from evosim.runtime.interrupts import checkpoint_requests
from evosim.runtime.output_folders import partial_of
from tests.support.runs import contents, experiment

pytestmark = pytest.mark.slow

DRIVEN = ("coarse-drive", "replicates=2")
SEARCHED = (*DRIVEN, "analysis.max_classes=10", "analysis.max_enumerated=10")
LONG = (
    "micro",
    "replicates=2",
    f"phases.0.generations={blocks.BLOCK + 40}",
    "phases.1.generations=10",
)


@pytest.fixture
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "number_of_workers", lambda *_: 2)


class Stopper:
    """Progress that requests a stop, or kills a worker, when a run reaches a generation."""

    def __init__(self, generation: int, kills: bool = False) -> None:
        self.stop: Stop | None = None
        self._generation, self._kills = generation, kills

    def genomes(self, done: int, total: int) -> None: ...

    def skip(self, generations: int) -> None: ...

    def __call__(self, run: str, generation: int, *_: Any, generations: int = 1) -> None:
        if generation < self._generation or self.stop:
            return
        if self._kills:
            children = subprocess.run(
                ["pgrep", "-P", str(os.getpid()), "-f", "replicate_worker"],
                capture_output=True,
                text=True,
                check=True,
            )
            os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
            self._generation = 10**9
        else:
            self.stop = Stop("SIGTERM", 143)

    @property
    def options(self) -> SessionOptions:
        return SessionOptions(stop_requested=lambda: self.stop, progress=self)


@pytest.mark.parametrize("case", [DRIVEN, SEARCHED, LONG], ids=["grid", "searched", "blocks"])
def test_several_processes_give_the_same_bytes(
    case: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    execute.run(experiment(*case), out=one)
    monkeypatch.setattr(execute, "number_of_workers", lambda *_: 2)
    execute.run(experiment(*case), out=two)
    assert contents(one) == contents(two)
    facts = [read_run(folder).provenance for folder in (one, two)]
    assert facts[0]["runs"] == facts[1]["runs"]
    assert list(facts[0]["runs"]) == list(facts[1]["runs"]) == ["0", "1"]
    assert "evolution and controls" in facts[1]["seconds"]
    assert "evolution and controls" not in facts[0]["seconds"]


def test_a_stopped_run_continues_in_one_process_or_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = (*DRIVEN, "phases.0.generations=900", "phases.1.generations=900")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    execute.run(experiment(*long), out=whole)
    states = []
    for workers, generation in ((2, 200), (1, 900), (2, 100)):
        monkeypatch.setattr(execute, "number_of_workers", lambda *_, n=workers: n)
        with pytest.raises(Interrupted, match=r"stopped by SIGTERM.*--resume"):
            execute.run(
                experiment(*long), out=parts, resume=True, options=Stopper(generation).options
            )
        folder = partial_of(parts) / CHECKPOINT
        states.append({path.name for path in folder.glob("replicate-*.npz")})
    assert {"replicate-run-0.npz", "replicate-run-1.npz"} <= states[0]
    execute.run(experiment(*long), out=parts, resume=True)
    assert contents(whole) == contents(parts)
    assert len(read_run(parts).provenance["interruptions"]) == 3


@pytest.mark.usefixtures("two_workers")
def test_a_lost_worker_ends_the_run_and_loses_no_replicate(tmp_path: Path) -> None:
    long = (*DRIVEN, "phases.0.generations=900", "phases.1.generations=900")
    with pytest.raises(UserError, match=r"worker process ended at seed .*signal 9.*--threads 1"):
        execute.run(experiment(*long), out=tmp_path / "run", options=Stopper(300, True).options)
    assert (partial_of(tmp_path / "run") / CHECKPOINT / "state.npz").is_file()
    run, _ = execute.run(experiment(*long), out=tmp_path / "run", resume=True)
    assert run.provenance["interruptions"][0]["by"] is None
    execute.run(experiment(*long), out=tmp_path / "whole")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("two_workers")
def test_a_killed_driver_loses_what_no_checkpoint_has(tmp_path: Path) -> None:
    long = experiment(*DRIVEN, "phases.0.generations=3000", "phases.1.generations=3000")
    folder = partial_of(tmp_path / "run") / CHECKPOINT
    saved: list[float] = []

    class Watcher(Stopper):
        def __call__(self, run: str, generation: int, *_: Any, generations: int = 1) -> None:
            # A kill would leave this behind now, before any replicate is complete.
            if list(folder.glob("replicate-*.npz")) and (folder / "state.npz").is_file():
                saved.append(seconds_saved(folder))
                self.stop = Stop("SIGTERM", 143)

    options = replace(Watcher(0).options, interval=0.2)
    with pytest.raises(Interrupted, match="0 of 8 runs done, 2 under way"):
        execute.run(long, out=tmp_path / "run", options=options)
    assert saved[0] > 0


@pytest.mark.usefixtures("two_workers")
def test_a_requested_checkpoint_is_reported_once(tmp_path: Path) -> None:
    long = experiment(*DRIVEN, "phases.0.generations=3000", "phases.1.generations=3000")
    folder = partial_of(tmp_path / "run") / CHECKPOINT
    lines: list[str] = []

    class Requester(Stopper):
        requested = False

        def __call__(self, run: str, generation: int, *_: Any, generations: int = 1) -> None:
            if generation > 100 and not self.requested:
                self.requested = True
                checkpoint_requests.request()
            if lines and len(list(folder.glob("replicate-*.npz"))) == 2:
                self.stop = Stop("SIGTERM", 143)

    options = replace(Requester(0).options, log=lines.append)
    with pytest.raises(Interrupted):
        execute.run(long, out=tmp_path / "run", options=options)
    assert lines == ["checkpoint written, as requested by a signal"]


@pytest.mark.usefixtures("two_workers")
def test_a_full_temporary_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parallel_replicates.np, "save", full)
    with pytest.raises(UserError, match=r"must have room for [\d,]+ bytes.*TMPDIR.*--threads 1"):
        execute.run(experiment(*DRIVEN), out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_only_long_runs_use_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "4")
    short = experiment(*DRIVEN)
    long = short.model_copy(update={"phases": short.phases * 10_000})
    assert number_of_workers(short, 8, None) == 1
    assert number_of_workers(long, 8, None) == 4
    assert number_of_workers(long, 3, None) == 3
    assert number_of_workers(long, 8, 2) == 2
    assert number_of_workers(long, 8, 1) == 1


def test_a_landscape_that_is_handed_over_is_not_evaluated_again() -> None:
    problem = build(experiment(*DRIVEN))
    known = Landscape(problem).stored
    assert known is not None
    again = Landscape(problem, max_enumerated=0, known=known)
    assert [scorer.evaluated for scorer in again.scorers] == [0, 0]
    classes = np.arange(problem.genome.grid.size)
    assert (again.fitness(classes).modern == known.modern).all()
    assert Landscape(build(experiment(*SEARCHED))).stored is None
