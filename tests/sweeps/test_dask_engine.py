"""Engine dask with real workers: results equal those of one process, even after deaths."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evosim.errors import UserError
from evosim.sweeps import dask_clusters, dask_engine
from evosim.sweeps.check import check
from evosim.sweeps.engines import Job
from evosim.sweeps.events import ChunkEvent, OnEvent, ignore
from evosim.sweeps.store import Store
from evosim.version import DISTRIBUTION
from tests.support.paths import ROOT
from tests.support.signals import children, command_of, heard, until
from tests.support.sweeps import SWEEP, compute, content, start_sweep

# At the end, threads of Dask may report lost connections, and Dask leaves its sockets open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
LONG = (
    SWEEP.replace("= 5", "= 100000")
    .replace("= 3", "= 100000", 2)
    .replace("chunk = 100000", "chunk = 3")
)


def dask(
    store: Store, chunks: list[int] | None = None, on_event: OnEvent = ignore, **more: Any
) -> None:
    todo = list(range(store.chunks)) if chunks is None else chunks
    dask_engine.compute(
        Job(
            store.folder,
            todo,
            2,
            1,
            more.get("address"),
            on_event,
            more.get("stop_requested", lambda: False),
        )
    )


def command(folder: Path, *more: str, text: str = SWEEP) -> subprocess.Popen[str]:
    """A driver as users start it."""
    path = folder.with_suffix(".toml")
    path.write_text(text)
    arguments = [
        sys.executable,
        "-m",
        "evosim.cli",
        "sweep",
        "run",
        str(path),
        "--out",
        str(folder),
        "--engine",
        "dask",
        "--workers",
        "2",
        *more,
    ]
    with heard():
        return subprocess.Popen(
            arguments,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def workers_of(driver: int | None = None) -> list[int]:
    """Dask's worker processes of a process, of this one if none is said."""
    return children("spawn_main", driver)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = start_sweep(tmp_path_factory.mktemp("dask") / "whole")
    compute(store)
    return store


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_all_is_told_once(whole: Store, tmp_path: Path) -> None:
    store = start_sweep(tmp_path / "s")
    killed: list[int] = []
    ended = dict.fromkeys(range(store.chunks), 0)
    over: list[int] = []

    def on_event(event: ChunkEvent) -> None:
        if event.kind == "begin" and not killed:
            killed.extend(workers_of())
            os.kill(killed[0], signal.SIGKILL)
        ended[event.chunk] += event.done - event.lost + (event.kind == "run")
        if event.kind == "end":
            over.append(event.chunk)

    dask(store, on_event=on_event)
    assert len(killed) == 2
    assert content(store) == content(whole)
    assert ended == {chunk: store.size(chunk) for chunk in ended}
    assert sorted(over) == list(ended)
    until(lambda: not workers_of())


@pytest.mark.slow
def test_workers_of_a_killed_driver_end(whole: Store, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    driver = command(folder)
    until(lambda: list(folder.glob("logs/*.jsonl")))
    crew = workers_of(driver.pid)
    driver.kill()
    driver.communicate()
    until(lambda: not any("spawn_main" in command_of(pid) for pid in crew), 20)
    again = command(folder)
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert "8 of 8 runs done, 0 failed" in out
    store = Store(folder)
    for path in check(store).stale:
        path.unlink()
    assert content(store) == content(whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_is_soon_and_one_line(tmp_path: Path, number: signal.Signals) -> None:
    """Also by Ctrl-C and SIGHUP, which a terminal sends to workers as well."""
    folder = tmp_path / "s"
    driver = command(folder, text=LONG)
    until(lambda: list(folder.glob("logs/*.jsonl")))
    time.sleep(0.5)
    if number != signal.SIGTERM:
        os.killpg(driver.pid, number)
    else:
        driver.send_signal(number)
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == 128 + number
    assert err.splitlines()[1:] == [
        f"evosim: interrupted; finished runs are stored in {folder}. Run the same command to"
        " continue."
    ]


@contextlib.contextmanager
def scheduler(folder: Path, workers: int = 1) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A separate scheduler and a worker with two threads, as another user would start them."""
    folder.mkdir(exist_ok=True)
    file = folder / "scheduler.json"
    known = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    quiet = ["--no-dashboard", "--scheduler-file", str(file)]
    crew: list[subprocess.Popen[bytes]] = []
    begin = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        *quiet,
    ]
    try:
        crew.append(subprocess.Popen(begin, **known))  # type: ignore[call-overload]
        until(lambda: file.exists() and file.stat().st_size)
        join = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            "--nthreads",
            "2",
            "--no-nanny",
            "--death-timeout",
            "5",
            *quiet,
        ]
        crew += [
            subprocess.Popen([*join, "--local-directory", str(folder)], **known)
            for _ in range(workers)
        ]  # type: ignore[call-overload]
        yield file, crew[0]
    finally:
        for process in reversed(crew):
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_scheduler_by_file_and_by_address(whole: Store, tmp_path: Path) -> None:
    with scheduler(tmp_path / "dask") as (file, process):
        by_file, by_address = start_sweep(tmp_path / "file"), start_sweep(tmp_path / "address")
        dask(by_file, address=str(file))
        address = json.loads(file.read_text())["address"]
        dask(by_address, address=address)
        assert content(by_file) == content(by_address) == content(whole)
        endless = start_sweep(tmp_path / "endless", LONG)

        def on_event(event: ChunkEvent) -> None:
            process.kill()

        with pytest.raises(
            UserError, match=rf"the Dask scheduler {address} does not answer. Start it"
        ) as caught:
            dask(endless, address=address, on_event=on_event)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_what_workers_cannot_do_is_one_line(tmp_path: Path) -> None:
    """A disk that cannot be written, and a folder that is not there where they are."""
    store = start_sweep(tmp_path / "s")
    shutil.rmtree(store.folder / "parts")
    (store.folder / "parts").write_text("")
    with pytest.raises(UserError, match="must be writable, but is not: Not a directory"):
        dask(store)
    other = start_sweep(tmp_path / "other")

    def vanish(event: ChunkEvent) -> None:
        shutil.rmtree(other.folder, ignore_errors=True)

    with pytest.raises(UserError, match=r"must be|is not a folder of a sweep"):
        dask(other, on_event=vanish)


@pytest.mark.slow
def test_a_chunk_that_kills_its_workers_is_given_up_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = start_sweep(tmp_path / "s", LONG)
    monkeypatch.setitem(dask_clusters.SETTINGS, "distributed.scheduler.allowed-failures", 0)

    def on_event(event: ChunkEvent) -> None:
        for pid in workers_of():
            os.kill(pid, signal.SIGKILL)

    with pytest.raises(
        UserError,
        match=(r"several worker processes died while they computed chunk \d\. Free some memory"),
    ):
        dask(store, on_event=on_event)


@pytest.mark.slow
def test_schedulers_that_cannot_be_reached_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = start_sweep(tmp_path / "s")
    with pytest.raises(
        UserError,
        match=r"--address: 'nothing' is neither tcp://HOST:PORT nor the file of a scheduler",
    ):
        dask(store, address="nothing")
    monkeypatch.setattr(dask_clusters, "ANSWER", 1.0)
    with pytest.raises(
        UserError,
        match=(
            r"no Dask scheduler answers at tcp://127\.0\.0\.1:1: .*\. Start one with 'dask"
            r" scheduler'"
        ),
    ):
        dask(store, address="tcp://127.0.0.1:1")
    monkeypatch.setattr(dask_engine, "NO_WORKERS", 1.0)
    monkeypatch.setattr(dask_engine, "LOOK_EVERY", 0.2)
    with (
        scheduler(tmp_path / "dask", workers=0) as (file, _),
        pytest.raises(UserError, match=r"scheduler .* had no workers for 1 s\. Start some"),
    ):
        dask(store, address=str(file))


@pytest.mark.parametrize("unsafe", ["file", "folder"])
def test_a_scheduler_s_file_that_others_can_write_is_refused(tmp_path: Path, unsafe: str) -> None:
    """A writable file lets others name a scheduler, whose clients execute any code it sends."""
    (folder := tmp_path / "shared").mkdir(mode=0o755)
    (file := folder / "scheduler.json").write_text('{"address": "tcp://127.0.0.1:1"}')
    place = {"file": file, "folder": folder}[unsafe]
    place.chmod(0o777)
    with pytest.raises(
        UserError,
        match=(
            r"only you may be able to write the scheduler's file, but others can write to"
            rf" {place}; do 'chmod go-w {place}'\."
        ),
    ):
        dask(start_sweep(tmp_path / "s"), address=str(file))


@pytest.mark.slow
def test_a_scheduler_of_this_machine_wants_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user who knows its port is not let in."""
    from distributed import Client

    addresses: list[str] = []
    start = dask_engine.client_here

    def client_here(*arguments: Any) -> Any:
        client = start(*arguments)
        addresses.append(client.scheduler.address)
        for scheme in ("tcp://", "tls://"):
            with pytest.raises((OSError, TypeError, ValueError)):
                Client(scheme + addresses[0].partition("://")[2], timeout=2.0, set_as_default=False)
        return client

    monkeypatch.setattr(dask_engine, "client_here", client_here)
    dask(start_sweep(tmp_path / "s"), [0])
    assert addresses[0].startswith("tls://127.0.0.1:")


@pytest.mark.slow
def test_files_that_others_wrote_elsewhere_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker reports its chunk as done, but the folder of the same name here lacks the chunk."""
    store = start_sweep(tmp_path / "s")
    monkeypatch.setattr(dask_engine, "NOT_SEEN", 1.0)
    monkeypatch.setattr(Store, "is_done", lambda *_: False)
    with pytest.raises(
        UserError,
        match=(
            r"a worker wrote chunk 0 1 s ago, but it is not in .*\. Give all machines the same"
            r" folder"
        ),
    ):
        dask(store, [0])


@pytest.mark.parametrize(("engine", "extra"), [("compute", "dask"), ("compute_on_slurm", "slurm")])
def test_a_missing_package_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, extra: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        UserError,
        match=(
            r"needs the package distributed, which is not installed\. Install it: pip install"
            rf" '{DISTRIBUTION}\[{extra}\]'\."
        ),
    ):
        getattr(dask_engine, engine)(Job(tmp_path, [0], 2, 1, None, ignore, lambda: False))


@pytest.mark.parametrize("engine", ["dask", "slurm"])
def test_a_missing_package_is_told_before_a_sweep_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    from typer.testing import CliRunner

    from evosim.cli.main import app

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    file, out = tmp_path / "x.toml", tmp_path / "out"
    file.write_text(SWEEP)
    found = CliRunner().invoke(
        app, ["sweep", "run", str(file), "--out", str(out), "--engine", engine]
    )
    assert isinstance(found.exception, UserError)
    assert "needs the package distributed" in str(found.exception)
    assert not out.exists()


@pytest.mark.slow
def test_dask_is_imported_by_its_engine_alone() -> None:
    script = (
        "import sys\nfrom evosim.cli import sweep; from evosim.sweeps import collect, engines,"
        " execute, local_engine, worker\nprint([m for m in ('dask', 'distributed') if m in"
        " sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
        == "[]\n"
    )
