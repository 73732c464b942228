"""The machine: processors are counted in one way, and nothing needs Linux."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evosim.cli import claims
from evosim.runtime import machine, threads
from evosim.runtime.interrupts import StopRequests
from evosim.runtime.machine import GIVEN, processors
from tests.support.paths import ROOT

# Calls and constants that Linux has and macOS has not. Sources: `man` pages, and the notes on
# availability in Python's library reference.
LINUX_ONLY = re.compile(
    r"sched_\w+|posix_fallocate|posix_fadvise|memfd_create|eventfd|pidfd_\w+|splice|sendfile|getrandom|prlimit|prctl|"
    r"setns|unshare|SIGPWR|SIGSTKFLT|SIGPOLL|SIGRT\w+|sigtimedwait|sigwaitinfo|RUSAGE_THREAD|RLIMIT_(RSS|RTPRIO|NICE)|O_TMPFILE|O_DIRECT|"
    r"epoll|process_cpu_count|CLOCK_BOOTTIME|F_OFD_\w+"
)


@pytest.fixture(autouse=True)
def _no_batch_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)


def test_processors_are_counted_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert processors() == 6
    threads.check_threads(6)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1


def test_claims_count_processors_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gate:
        left = ()
        size = "quick"
        many = 0

        def compute(self, many: int, *_: object) -> None:
            self.many = many

    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    gate = Gate()
    claims._compute(gate, None, StopRequests(), quiet=True)  # type: ignore[arg-type]
    assert gate.many == 1  # of nothing to do


def test_a_batch_system_has_a_say_and_cannot_give_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for text, expected in (("4", 4), ("100", 8), ("0", 8), ("", 8), ("many", 8), ("9" * 5000, 8)):
        monkeypatch.setenv("SLURM_CPUS_PER_TASK", text)
        assert processors() == expected
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    assert processors(batch=False) == 8


@pytest.mark.slow
def test_nothing_needs_linux() -> None:
    """One call is guarded, in `evosim.runtime.machine`."""
    found = []
    for path in [*(ROOT / "evosim").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = (
                node.attr
                if isinstance(node, ast.Attribute)
                else node.name
                if isinstance(node, ast.alias)
                else ""
            )
            if LINUX_ONLY.fullmatch(name):
                found.append((path.relative_to(ROOT).as_posix(), name))
    assert found == [("evosim/runtime/machine.py", "sched_getaffinity")]


# The README's two commands


def _commands(environment: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^python3 -m venv {re.escape(environment)} && .*$", text, re.M)


def test_tests_have_an_environment_of_their_own() -> None:
    """To test must not change what the run command installed."""
    (run,), (test,) = _commands(".venv"), _commands(".venv-test")
    assert run.endswith(".venv/bin/evosim run")
    assert test.endswith("-m pytest")
    assert ".venv/" not in test
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".venv", ".venv-test"} <= {line.rstrip("/") for line in ignored}


def test_the_gate_takes_command_and_environment_from_the_readme(tmp_path: Path) -> None:
    """The beginning of .ci/run, up to where it would make the environment."""
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".venv/" not in text
    begin, end = text.index("command=$("), text.index('rm -rf "$env"')
    part = text[begin:end] + 'printf "%s\\n" "$env" "$command"\n'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", part],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [".venv-test", *_commands(".venv-test")]
    (tmp_path / "README.md").write_text(
        "python3 -m venv .venv && .venv/bin/python -m pytest\n", encoding="utf-8"
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", part],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "must make an environment .venv-NAME of its own, but makes '.venv'" in done.stderr


def test_results_are_made_again_by_the_environment_of_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script runs where only one of the two environments is there, and prefers that of the
    tests.
    """
    monkeypatch.delenv("PYTHON", raising=False)
    script = tmp_path / "scripts" / "studies" / "reproduce.sh"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "scripts" / "studies" / "reproduce.sh").read_bytes())
    for name in (".venv", ".venv-test"):
        python = tmp_path / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\necho {name}\n", encoding="utf-8")
        python.chmod(0o755)
        assert (
            subprocess.run(["bash", script], capture_output=True, text=True, check=True).stdout
            == f"{name}\n"
        )


def test_a_suspended_child_is_told_of_once_and_until_it_goes_on() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        asleep = machine.Suspended(patience=0.0)
        assert asleep.words([child.pid]) == []
        child.send_signal(signal.SIGSTOP)
        while not machine.suspended(child.pid):
            time.sleep(0.01)
        assert asleep.among([child.pid]) == [child.pid]
        assert f"kill -CONT {child.pid}" in asleep.words([child.pid])[0]
        assert asleep.words([child.pid]) == []
        assert machine.Suspended(patience=60.0).among([child.pid]) == []
        child.send_signal(signal.SIGCONT)
        while machine.suspended(child.pid):
            time.sleep(0.01)
        assert asleep.among([child.pid]) == []
    finally:
        child.kill()
        child.wait()
    assert not machine.suspended(child.pid)
