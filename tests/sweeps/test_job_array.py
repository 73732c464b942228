"""Slurm: batch files, requests, and a real node (scripts/stress/slurm_node.sh) where possible."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evosim.errors import UserError
from evosim.kernels.compilation import FOLDER
from evosim.sweeps import dask_engine
from evosim.sweeps.engines import Job
from evosim.sweeps.events import ignore
from evosim.sweeps.job_array import CACHE, ArraySize, Batch, script
from evosim.sweeps.store import Store
from tests.support.paths import ROOT
from tests.support.signals import until
from tests.support.sweeps import SWEEP, compute, content, start_sweep

NODE = ROOT / "scripts" / "stress" / "slurm_node.sh"

# Batch files


def lines(folder: Path, batch: Batch | None = None, **more: int) -> list[str]:
    text = script(
        "a name", folder / "x.toml", folder / "out", 7, batch or Batch(), ArraySize(**more)
    )
    return text.splitlines()


def test_a_batch_file_says_what_was_asked(tmp_path: Path) -> None:
    batch = Batch("0:30:00", "500M", "short", "us", ("qos=long", "exclusive"))
    text = lines(tmp_path, batch, tasks=3, throttle=2, cores=4)
    wanted = [
        "job-name=a-name",
        "array=0-2%2",
        "cpus-per-task=4",
        "mem=500M",
        "time=0:30:00",
        "partition=short",
        "account=us",
        "requeue",
        "open-mode=append",
        "signal=B:TERM@60",
        f"output={tmp_path}/out/logs/slurm-%A-%a.out",
        "qos=long",
        "exclusive",
    ]
    assert text[: len(wanted) + 1] == ["#!/bin/sh", *(f"#SBATCH --{option}" for option in wanted)]
    assert text[-1].endswith(
        f"sweep run {tmp_path}/x.toml --out {tmp_path}/out --shard auto/3 --workers 4"
    )


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("30:00", "0:30:00"),
        ("14-0", "14-00:00:00"),
        ("1-12", "1-12:00:00"),
        ("90m", "1:30:00"),
        ("1.5h", "1:30:00"),
        ("100:00", "1:40:00"),
    ],
)
def test_a_limit_is_read_as_slurm_reads_it(tmp_path: Path, written: str, asked: str) -> None:
    assert f"#SBATCH --time={asked}" in lines(tmp_path, Batch(written))


def test_a_short_job_is_told_to_stop_halfway(tmp_path: Path) -> None:
    assert "#SBATCH --signal=B:TERM@15" in lines(tmp_path, Batch("30s"))


def test_an_array_has_no_more_tasks_than_chunks(tmp_path: Path) -> None:
    assert "#SBATCH --array=0-6" in lines(tmp_path)
    assert "#SBATCH --array=0-6" in lines(tmp_path, tasks=70)
    assert not [line for line in lines(tmp_path) if "partition" in line or "account" in line]


def test_a_batch_file_allows_spaces_in_paths(tmp_path: Path) -> None:
    text = "\n".join(lines(tmp_path / "a folder's"))
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert f'--output="{tmp_path}/a folder\'s/out/logs/slurm-%A-%a.out"' in text


@pytest.mark.slow
def test_a_batch_file_is_for_a_batch_system_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(SWEEP)
    done = evosim(dict(os.environ), "script", tmp_path / "x.toml", "--out", tmp_path / "s")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no scheduler was chosen. Add --slurm" in done.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"time": "1 hour"}, "--time must be like 90m, 1h30m, .* but is '1 hour'"),
        (
            {"time": "90"},
            "--time must say its unit, but is '90'. Write 90m for minutes, or 90s for seconds",
        ),
        ({"time": "0"}, "--time is 0; at least one second is needed"),
        ({"partition": "a\n#SBATCH -x"}, "--partition: sbatch does not accept"),
        ({"memory": "lots"}, "--memory expects a number with K, M, G or T, such as 2G; got 'lots'"),
        (
            {"more": ("--qos=long",)},
            "--sbatch expects an option of sbatch without dashes, .*; got '--qos=long'",
        ),
    ],
)
def test_what_sbatch_would_not_take_is_refused(asked: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Batch(**asked)  # type: ignore[arg-type]


def test_compiled_code_of_another_user_is_not_used(tmp_path: Path) -> None:
    lines = "\n".join([*CACHE, 'echo "${NUMBA_CACHE_DIR:-none}"'])
    known = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | {
        "TMPDIR": str(tmp_path)
    }
    mine = tmp_path / f"numba-{os.getuid()}"
    assert subprocess.run(
        ["sh", "-c", lines], env=known, capture_output=True, text=True, check=True
    ).stdout.strip() == str(mine)
    assert mine.stat().st_mode & 0o777 == 0o700
    if os.geteuid() == 0:
        os.chown(mine, 12345, -1)
        assert (
            subprocess.run(
                ["sh", "-c", lines], env=known, capture_output=True, text=True, check=True
            ).stdout.strip()
            == "none"
        )


def test_without_slurm_the_engine_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="--engine slurm needs Slurm, but there is no sinfo here"):
        dask_engine.compute_on_slurm(Job(tmp_path, [0], 2, 1, None, ignore, lambda: False))
    for name in ("sinfo", "sbatch", "squeue", "scancel"):
        (tmp_path / name).write_text(
            "#!/bin/sh\necho slurm_load_partitions: Unable to contact slurm controller"
            " >&2\nexit 1\n"
        )
        (tmp_path / name).chmod(0o755)
    with pytest.raises(
        UserError,
        match=(
            r"Slurm does not answer; sinfo says: slurm_load_partitions: Unable to contact slurm"
            r" controller\. Try again later"
        ),
    ):
        dask_engine.compute_on_slurm(Job(tmp_path, [0], 2, 1, None, ignore, lambda: False))


# A real one


def _ports() -> int:
    """Two free ports, one after the other."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                two.bind(("127.0.0.1", port + 1))
                return port


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """The environment in which commands find a Slurm of one node.

    Its jobs have the compiled code of these tests.
    """
    with tempfile.TemporaryDirectory(prefix="evosim-slurm-") as folder:
        known = os.environ | {
            "SLURM_NODE_PORT": str(_ports()),
            **({"NUMBA_CACHE_DIR": str(FOLDER.parent)} if FOLDER else {}),
        }
        up = subprocess.run(
            [NODE, "up", f"{folder}/node"], capture_output=True, text=True, env=known
        )
        if up.returncode == 77:
            pytest.skip(up.stderr.strip())
        assert up.returncode == 0, up.stderr
        try:
            yield known | {
                "SLURM_CONF": up.stdout.strip(),
                "PATH": f"{os.environ['PATH']}:/usr/sbin",
            }
        finally:
            subprocess.run([NODE, "down", f"{folder}/node"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = start_sweep(tmp_path_factory.mktemp("slurm") / "whole")
    compute(store)
    return store


def evosim(slurm: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evosim.cli", "sweep", *map(str, arguments)],
        cwd=ROOT,
        env=slurm,
        capture_output=True,
        text=True,
        timeout=150,
    )


def jobs(slurm: dict[str, str]) -> list[str]:
    return subprocess.run(
        ["squeue", "--noheader", "--array", "--format=%i %T"],
        env=slurm,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


@pytest.mark.slow
def test_the_printed_array_runs_as_printed(
    slurm: dict[str, str], whole: Store, tmp_path: Path
) -> None:
    (tmp_path / "x.toml").write_text(SWEEP)
    printed = evosim(
        slurm,
        "script",
        tmp_path / "x.toml",
        "--out",
        tmp_path / "s",
        "--slurm",
        "--tasks",
        "2",
        "--throttle",
        "2",
        "--time",
        "0:10:00",
    )
    assert printed.returncode == 0, printed.stderr
    file = tmp_path / "job.sh"
    file.write_text(printed.stdout)
    for _ in range(2):  # the second time there is nothing to do
        subprocess.run(
            ["sbatch", str(file)], env=slurm, capture_output=True, check=True, cwd=tmp_path
        )
        until(lambda: not jobs(slurm), 120)
    said = "".join(path.read_text() for path in (tmp_path / "s" / "logs").glob("slurm-*.out"))
    assert "shard 0/2, 5 runs to do in 2 chunks" in said
    assert said.count("shard 1/2") == 1
    assert content(Store(tmp_path / "s")) == content(whole)


@pytest.mark.slow
def test_dask_on_slurm_with_a_worker_that_is_killed(
    slurm: dict[str, str], whole: Store, tmp_path: Path
) -> None:
    path, folder = tmp_path / "x.toml", tmp_path / "s"
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
        "--engine",
        "slurm",
        "--workers",
        "2",
    ]
    driver = subprocess.Popen(
        [*arguments, "--address", "127.0.0.1", "--memory", "500M"],
        cwd=ROOT,
        env=slurm,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: list(folder.glob("logs/*.jsonl")))
    victim = int(next(iter(folder.glob("logs/*.jsonl"))).stem.rsplit("-", 2)[1])
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    out, err = driver.communicate(timeout=150)
    assert driver.returncode == 0, err
    assert "8 of 8 runs done, 0 failed" in out
    assert content(Store(folder)) == content(whole)
    until(lambda: not [job for job in jobs(slurm) if not job.endswith("COMPLETING")])


@pytest.mark.slow
def test_jobs_that_slurm_refuses_are_one_line(slurm: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(SWEEP)
    began = time.monotonic()
    done = evosim(
        slurm,
        "run",
        tmp_path / "x.toml",
        "--out",
        tmp_path / "s",
        "--engine",
        "slurm",
        "--address",
        "lo",
        "--partition",
        "nowhere",
    )
    assert done.returncode == 2
    _, line = done.stderr.splitlines()
    assert line.startswith("evosim: Slurm refuses these jobs; sbatch says: ")
    assert "invalid partition" in line
    assert time.monotonic() - began < 30
