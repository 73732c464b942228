"""Signals and wall time stop a run, and it continues to the same bytes."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from evosim.analysis.recorded_run import Recorded
from evosim.errors import Interrupted, Stop, UserError
from evosim.runs import checkpoint_files, execute
from evosim.runs.reader import CHECKPOINT, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime.output_folders import partial_of
from tests.support.command import evosim
from tests.support.paths import ROOT
from tests.support.runs import contents, experiment, stops_once
from tests.support.signals import heard


def stopped_run(folder: Path, name: str = "micro", *settings: str, after: int = 4) -> Path:
    """An interrupted run; gives its checkpoint."""
    with pytest.raises(Interrupted):
        execute.run(
            experiment(name, *settings),
            out=folder,
            options=SessionOptions(stop_requested=stops_once(after)),
        )
    return partial_of(folder) / CHECKPOINT / checkpoint_files.STATE


BIG = (
    "coarse-drive",
    "--replicates",
    "2",
    "--set",
    "optimizer.population=200",
    "--set",
    "phases.0.generations=300",
    "--no-figures",
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference") / "run"
    code, _, err = command(folder, *BIG)
    assert code == 0, err
    return folder


def start(*arguments: str) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    with heard():
        return subprocess.Popen(
            [sys.executable, "-m", "evosim.cli", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return start("run", *arguments, "--out", str(folder))


def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = started(folder, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def killed(
    folder: Path, process: subprocess.Popen[str], number: int, seconds: float, since: int = 0
) -> float:
    """Send a signal some time after the run began; return the seconds until the process ends.

    `since` is a time in nanoseconds before the process began.
    """
    deadline, status = time.monotonic() + 60, partial_of(folder) / "STATUS"
    while (
        not (status.exists() and status.stat().st_mtime_ns > since)
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    time.sleep(seconds)
    start = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=60)
    return time.monotonic() - start


@pytest.mark.slow
def test_signals_stop_a_run_and_it_can_be_resumed(tmp_path: Path, reference: Path) -> None:
    """Each signal stops the part that the one before it left."""
    folder = tmp_path / "run"
    resumed = ["run", f"{folder}.partial", "--resume", "--no-figures"]
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
        first, since = number == signal.SIGTERM, time.time_ns()
        process = started(folder, *BIG) if first else start(*resumed)
        seconds = killed(folder, process, number, 0.6 if first else 0.4, since)
        out, err = process.communicate()
        assert process.returncode == code
        assert out == ""
        *before, last = err.splitlines()
        assert len(before) == (0 if first else 1), err
        assert first or "evosim: continuing at " in before[0]
        assert f"stopped by {signal.Signals(number).name} at " in last
        assert f"continue with 'evosim run {folder}.partial --resume'" in last
        assert seconds < 3.0  # one, on a machine that does nothing else
    again = start(*resumed)
    _, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert "evosim: continuing at " in err
    assert contents(folder) == contents(reference)
    interruptions = read_run(folder).provenance["interruptions"]
    assert [part["by"] for part in interruptions] == ["SIGTERM", "SIGINT", "SIGHUP"]


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_is_the_same(tmp_path: Path, reference: Path) -> None:
    folder, lots = tmp_path / "run", random.Random(5)
    kills = 0
    for _ in range(40):
        process = started(folder, *BIG, "--resume", "--checkpoint-every", "0.05s")
        if kills < 4:
            _another_checkpoint(folder, process)  # on a slow machine none may come before a kill
            killed(folder, process, signal.SIGKILL, lots.uniform(0.0, 0.5))
        _, err = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, err
        kills += 1
    assert kills >= 2
    assert contents(folder) == contents(reference)
    assert {part["by"] for part in read_run(folder).provenance["interruptions"]} == {None}


def _another_checkpoint(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a process has kept its state, or has ended."""
    file, start = partial_of(folder) / CHECKPOINT / checkpoint_files.STATE, time.time_ns()
    while process.poll() is None and not (file.exists() and file.stat().st_mtime_ns > start):
        time.sleep(0.01)


@pytest.mark.slow
def test_a_run_stops_before_its_time_is_over(tmp_path: Path, reference: Path) -> None:
    folder, stopped = tmp_path / "run", 0
    for seconds in (3.5, *range(4, 30)):  # a slow machine needs longer to begin
        start = time.monotonic()
        code, _, err = command(folder, *BIG, "--resume", "--wall-time", f"{seconds}s")
        if code == 0:
            break
        # With the start of the interpreter, on a busy machine
        assert time.monotonic() - start < seconds + 2.0
        assert code == 75, err
        assert "stopped by the wall time" in err.splitlines()[-1]
        stopped += 1
    assert stopped
    assert contents(folder) == contents(reference)


MISTAKES = {
    "--wall-time": (
        ["--wall-time", "soon"],
        (
            "--wall-time must be like 90m, 1h30m, 30:00 (minutes), 02:00:00 or 1-12 (days-hours),"
            " but is 'soon'"
        ),
    ),
    "minutes or seconds": (
        ["--wall-time", "90"],
        "--wall-time must say its unit, but is '90'. Write 90m for minutes, or 90s for seconds.",
    ),
    "no time at all": (["--wall-time", "1s"], "--wall-time must be at least 3 seconds, but is 1s"),
    "--checkpoint-every": (["--checkpoint-every", "-5"], "--checkpoint-every must be like"),
    "both": (["--resume", "--force"], "--resume continues a run and --force starts it again"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mistake: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = MISTAKES[mistake]
    code, out, err = evosim(capsys, "run", "micro", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not list(tmp_path.iterdir())


def test_the_folder_of_an_interrupted_run_can_be_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stopped_run(tmp_path / "run.1")
    with pytest.raises(
        UserError, match=r"was interrupted. Continue it: 'evosim run .*run.1.partial --resume'"
    ):
        read_run(tmp_path / "run.1.partial")
    code, _, err = evosim(
        capsys, "run", "run.1.partial/", "--resume", "--out", "elsewhere", "--no-figures"
    )
    assert code == 2
    assert "Leave --out out." in err
    code, out, err = evosim(capsys, "run", "run.1.partial/", "--resume", "--no-figures", "--json")
    assert (code, err.count("\n")) == (0, 1)
    assert json.loads(out)["out"] == "run.1"
    # A job that is started once more
    code, out, err = evosim(capsys, "run", "run.1.partial", "--resume", "--no-figures", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["shown_again"]


@pytest.fixture(autouse=True)
def _handlers_stay() -> Iterator[None]:
    before = [
        signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    ]
    yield
    assert [
        signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    ] == before


def test_a_signal_that_a_library_raises_loses_nothing(tmp_path: Path) -> None:
    """Polars looks for signals while it computes, and raises what a second Ctrl-C would."""
    asked: list[int] = []

    def watch() -> Stop | None:
        asked.append(1)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return Stop("SIGINT", 130) if len(asked) > 3 else None

    with pytest.raises(Interrupted, match=r"stopped by SIGINT at .*; continue with") as caught:
        execute.run(
            experiment("micro"), out=tmp_path / "run", options=SessionOptions(stop_requested=watch)
        )
    assert caught.value.code == 130
    assert "lost" not in str(caught.value)


def run(folder: Path, name: str, *settings: str) -> Recorded:
    return execute.run(experiment(name, *settings), out=folder)[0]


def test_an_interrupt_leaves_a_readable_partial_folder(tmp_path: Path) -> None:
    class Stop:
        """Raises KeyboardInterrupt, like Ctrl-C, after the grid is enumerated."""

        scored = 0

        def genomes(self, done: int, total: int) -> None:
            assert done <= total
            self.scored = done

        def __call__(self, run: str, generation: int, *_: object) -> None:
            if run == "seed 1" and generation == 3:
                raise KeyboardInterrupt

    stop = Stop()
    with pytest.raises(Interrupted, match=r"run\.partial"):
        execute.run(
            experiment("micro", "replicates=3"),
            out=tmp_path / "run",
            options=SessionOptions(progress=stop),
        )
    partial = tmp_path / "run.partial"
    assert stop.scored > 0
    assert not (tmp_path / "run").exists()
    assert (
        "interrupted by KeyboardInterrupt after 1 of 3 replicates"
        in (partial / "STATUS").read_text()
    )
    assert pl.read_parquet(partial / "tables" / "generations.parquet")[
        "seed"
    ].unique().to_list() == [0]
    with pytest.raises(UserError, match="was interrupted"):
        read_run(partial)
