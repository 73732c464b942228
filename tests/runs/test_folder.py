"""The folder of a run has one writer, and gets its name when it is complete."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evosim.analysis.recorded_run import Recorded
from evosim.errors import Interrupted, UserError
from evosim.runs import execute
from evosim.runs import folder as runs_folder
from evosim.runtime import output_folders
from evosim.runtime.output_folders import RUNNING, partial_of
from tests.support.runs import contents, equal, experiment


def test_a_run_killed_during_publishing_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = execute.run(experiment("micro"), out=tmp_path / "whole")[0]
    monkeypatch.setattr(
        runs_folder, "publish", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(Interrupted, match="the run is whole, and the same command shows it"):
        execute.run(whole.experiment, out=tmp_path / "run")
    monkeypatch.undo()
    (partial_of(tmp_path / "run") / "tables" / ".search.parquet.host.1.2.tmp").touch()
    recorded, fresh = execute.run(whole.experiment, out=tmp_path / "run")
    assert not fresh
    assert contents(recorded.folder) == contents(whole.folder)
    assert not partial_of(recorded.folder).exists()


@pytest.mark.parametrize("locks", [True, False])
def test_the_lock_or_status_names_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    """The lock and STATUS decide whether a folder is in use; `locks`: the file system has locks."""
    partial = tmp_path / "run.partial"
    partial.mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here, parent = platform.node(), os.getppid()
    if not locks:
        monkeypatch.setattr(
            output_folders.fcntl,
            "flock",
            lambda *_: (_ for _ in ()).throw(OSError(38, "not implemented")),
        )
    cases: list[tuple[str | bytes, float, bool]] = [
        (f"{RUNNING} 1 on another-machine; not whole", 0, True),
        (f"{RUNNING} 1 on another-machine; not whole", 1000, False),
        (f"{RUNNING} 1 on another-machine; not whole", -86_400, False),
        (f"{RUNNING} {parent} on {here}; not whole", 0, not locks),
        (f"{RUNNING} {os.getpid()} on {here}; not whole", 0, False),
        (f"{RUNNING} {gone.pid} on {here}; not whole", 0, False),
        (f"{RUNNING} 9999999999 on {here}; not whole", 0, False),
        (f"{RUNNING} 0 on {here}; not whole", 0, False),
        (f"{RUNNING} -1 on {here}; not whole", 0, False),
        (f"{RUNNING} one on {here}; not whole", 0, False),
        (f"{RUNNING} 1", 0, False),
        (b"\xff\xfe\x00" * 10**6, 0, False),
        (b"", 0, False),
    ]
    for words, age, stays in cases:
        (partial / "STATUS").write_bytes(words if isinstance(words, bytes) else words.encode())
        os.utime(partial / "STATUS", (time.time() - age,) * 2)
        assert output_folders.in_use(partial) == stays, words[:60]
        if stays:
            with pytest.raises(
                UserError, match=r"another process may be writing .*: process \d+ on .*rm .*STATUS"
            ):
                runs_folder.RunWriter(tmp_path / "run", experiment("micro"))
        else:
            runs_folder.RunWriter(tmp_path / "run", experiment("micro")).close(
                "interrupted; not whole"
            )
    (partial / "STATUS").unlink()
    (partial / "STATUS").mkdir()
    assert not output_folders.in_use(partial)


@pytest.mark.parametrize(
    "left", ["nothing", "STATUS", "an empty STATUS", "tables", "half an experiment"]
)
def test_a_process_killed_at_its_start_blocks_nothing(tmp_path: Path, left: str) -> None:
    partial = tmp_path / "run.partial"
    partial.mkdir()
    if left == "tables":
        (partial / "tables").mkdir()
    elif left == "half an experiment":
        (partial / "experiment.toml").write_text('name = "mic')
    elif left != "nothing":
        (partial / "STATUS").write_text(
            "" if left == "an empty STATUS" else f"{RUNNING} 99999 on {platform.node()}; not whole"
        )
    writer = runs_folder.RunWriter(tmp_path / "run", experiment("micro"))
    assert "not whole" in (partial / "STATUS").read_text()
    writer.discard()
    assert not list(tmp_path.iterdir())


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    """The folder is locked, independent of STATUS."""
    first = runs_folder.RunWriter(tmp_path / "run", experiment("micro"))
    first.note("interrupted; not whole")
    with pytest.raises(UserError, match="another process may be writing"):
        runs_folder.RunWriter(tmp_path / "run", experiment("micro"))
    first.close("interrupted; not whole")
    runs_folder.RunWriter(tmp_path / "run", experiment("micro")).discard()
    assert not list(tmp_path.iterdir())


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


def run(folder: Path, name: str, *settings: str) -> Recorded:
    return execute.run(experiment(name, *settings), out=folder)[0]


def test_a_whole_folder_is_shown_again_and_a_foreign_one_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = run(folder, "micro")
    recorded, fresh = execute.run(experiment("micro"), out=folder)
    assert not fresh
    assert equal(recorded.tables, first.tables)
    assert execute.run(experiment("micro"), out=folder, force=True)[1]
    with pytest.raises(UserError, match="must hold this experiment"):
        execute.run(experiment("micro", "seed=5"), out=folder)
    with pytest.raises(UserError, match="must hold this experiment"):
        execute.run(experiment("micro", "seed=5"), out=folder, force=True)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("do not lose me")
    with pytest.raises(UserError, match="holds something else"):
        execute.run(experiment("micro"), out=tmp_path / "thesis", force=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "do not lose me"


@pytest.mark.skipif(
    os.geteuid() != 0 and os.name != "posix", reason="needs a path that nobody can write"
)
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="the output folder must be writable"):
        execute.run(experiment("micro"), out=tmp_path / "file" / "run")


def test_another_process_is_not_disturbed(tmp_path: Path) -> None:
    """A partial folder stays as it is if another process writes it or it holds other files."""
    partial = tmp_path / "run.partial"
    partial.mkdir()
    (partial / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="must not exist yet"):
        run(tmp_path / "run", "micro")
    assert (partial / "notes.txt").read_text() == "mine"
    (partial / "experiment.toml").write_text("")
    (partial / "STATUS").write_text(f"{RUNNING} 1 on another-machine; not whole\n")
    with pytest.raises(UserError, match="another process may be writing"):
        run(tmp_path / "run", "micro")
    (partial / "STATUS").write_text(
        "interrupted by KeyboardInterrupt after 0 of 1 replicates; not whole\n"
    )
    assert (run(tmp_path / "run", "micro").folder / "notes.txt").read_text() == "mine"
    assert not partial.exists()


def test_force_touches_nothing_but_the_run(tmp_path: Path) -> None:
    run(tmp_path / "run", "micro")
    (tmp_path / "run.old").mkdir()
    (tmp_path / "run.old" / "notes.txt").write_text("mine")
    execute.run(experiment("micro"), out=tmp_path / "run", force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "run.old"]
    assert (tmp_path / "run.old" / "notes.txt").read_text() == "mine"
