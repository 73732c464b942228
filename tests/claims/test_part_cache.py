"""Parts are computed once, in processes that can be stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evosim.claims.claim import Part
from evosim.claims.part_cache import compute_parts, load_tables, tasks_of
from evosim.errors import Stop, UserError
from evosim.runtime import worker_pool
from evosim.runtime.machine import Suspended
from tests.support.claims import numbers, slow, wrong
from tests.support.signals import children, heard


@pytest.mark.slow
def test_each_part_is_computed_once_in_its_own_process(tmp_path: Path) -> None:
    tasks = tasks_of(
        "c", [Part("a", numbers, (3, 0.0)), Part("b", numbers, (4, 0.0), cost=9.0)], tmp_path
    )
    seen: list[str] = []
    compute_parts(tasks, 2, on_part=lambda task, seconds: seen.append(task.part.name))
    assert sorted(seen) == ["a", "b"]
    assert {name: table.height for name, table in load_tables(tasks).items()} == {"a": 3, "b": 4}
    compute_parts(tasks, 2, on_part=lambda task, seconds: seen.append("again"))
    assert "again" not in seen
    assert tasks_of("c", [Part("a", numbers, (3, 0.5))], tmp_path)[0].file != tasks[0].file


def test_a_part_depends_only_on_sources_that_it_imports() -> None:
    from evosim.runs.source_hash import _behind, _own_sources, sources_digest

    files = _own_sources()
    reached = _behind("evosim.claims.demons", files)
    assert {
        files["evosim.kernels.real_vectors"],
        files["evosim.claims"],
        files["evosim.worlds.tessellating_hills"],
    } <= reached
    assert (
        not {
            files["evosim.claims.mazes"],
            files["evosim.claims.tables"],
            files["evosim.cli"],
            files["evosim.sweeps"],
        }
        & reached
    )
    # Imported inside a function
    assert files["evosim.kernels.reproduce"] in _behind("evosim.claims.mazes", files)
    assert (
        len(
            {
                sources_digest(),
                sources_digest(module="evosim.claims.demons"),
                sources_digest(module="evosim.claims.mazes"),
            }
        )
        == 3
    )


@pytest.mark.slow
def test_parts_stored_before_a_stop_stay(tmp_path: Path) -> None:
    tasks = tasks_of(
        "c", [Part("quick", numbers, (3, 0.0), cost=9.0), Part("long", slow, (60.0,))], tmp_path
    )
    with pytest.raises(Stop):
        compute_parts(
            tasks, 1, should_stop=lambda: Stop("SIGTERM", 143) if tasks[0].file.is_file() else None
        )
    assert tasks[0].file.is_file()
    assert not tasks[1].file.is_file()


@pytest.mark.slow
def test_a_failing_part_raises_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this must work, but takes"):
        compute_parts(tasks_of("c", [Part("wrong", wrong, (1.0,))], tmp_path), 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stopped_command_prints_one_line(tmp_path: Path, number: int, code: int) -> None:
    """A terminal sends its signals to workers too: they are not to have their say."""
    call = [sys.executable, "-m", "evosim.cli", "claims", "5", "--full", "--workers", "2"]
    with heard():
        process = subprocess.Popen(
            call,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    while not list(tmp_path.rglob("claim-05-deception")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(2.0)
    os.killpg(process.pid, number) if number != signal.SIGTERM else process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert out == ""
    lines = [line for line in err.splitlines() if "parts to compute" not in line]
    assert len(lines) == 1, err
    assert "finished parts are stored. Rerun the same command to continue" in lines[0]


@pytest.mark.slow
def test_a_suspended_worker_is_reported_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_pool, "Suspended", lambda: Suspended(patience=0.0))
    heard: list[str] = []

    def should_stop() -> Stop | None:
        for pid in [] if heard else children("evosim.runtime.worker_pool"):
            os.kill(pid, signal.SIGSTOP)
        return Stop("SIGINT", 130) if heard else None

    with pytest.raises(Stop):
        compute_parts(
            tasks_of("c", [Part("long", slow, (60.0,))], tmp_path),
            1,
            should_stop=should_stop,
            log=heard.append,
        )
    assert "is suspended, and is waited for" in heard[0]
    assert not children("evosim.runtime.worker_pool")
