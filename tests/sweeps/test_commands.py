"""The commands `evosim sweep ...`, as a user types them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evosim.sweeps import worker
from tests.support.command import evosim
from tests.support.sweeps import HEAD, POPULATION, slurm


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")


COMMANDS: dict[str, tuple[list[str], str]] = {
    "no file": (["run", "nothing.toml"], "the sweep file must exist"),
    "a folder": (["run", "."], "the sweep file must be readable text"),
    "unknown engine": (["run", "x.toml", "--engine", "locl"], "--engine must be one of"),
    "bad shard": (["run", "x.toml", "--shard", "4/4"], "--shard i/n expects i"),
    "no workers": (["run", "x.toml", "--workers", "0"], "Invalid value for '--workers'"),
    "no sweep": (["status", "."], "is not a sweep: it has no sweep.json"),
    "no folder": (["collect", "nowhere"], "is not a folder of a sweep"),
    "check nothing": (["check", "nowhere"], "is not a folder of a sweep"),
}


@pytest.mark.parametrize("mistake", COMMANDS)
def test_commands_that_cannot_be_done_are_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, mistake: str
) -> None:
    Path("x.toml").write_text(HEAD + POPULATION)
    arguments, message = COMMANDS[mistake]
    code, out, err = evosim(capsys, "sweep", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1, err
    assert message in err
    assert [path.name for path in tmp_path.rglob("*")] == ["x.toml"]


SMALL = (
    HEAD
    + "replicates = 2\nchunk = 2\n[set]\nphases.0.generations = 4\nphases.1.generations = 3\n"
    + POPULATION
)


@pytest.mark.slow
def test_a_sweep_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.toml").write_text(SMALL)
    code, out, _ = evosim(capsys, "sweep", "run", "x.toml", "--dry-run", "--workers", "1")
    assert code == 0
    for words in (
        "2 cells, 4 runs in 2 chunks",
        "all cells resolve and differ; all were built",
        "s a run on one thread",
        "disk:",
    ):
        assert words in out
    assert not Path("results").exists()
    code, out, err = evosim(capsys, "sweep", "run", "x.toml", "--workers", "1")
    assert code == 0, err
    assert "4 runs to do in 2 chunks" in err
    (folder,) = Path("results/sweeps").iterdir()
    assert "4 of 4 runs done, 0 failed, 0 died out" in out
    assert (folder / "runs.parquet").is_file()
    code, again, err = evosim(capsys, "sweep", "run", "x.toml")
    assert (code, err) == (0, "")
    assert "4 of 4 runs done" in again
    code, out, _ = evosim(capsys, "sweep", "status", str(folder))
    for words in (
        "2 cells, 4 runs, 2 chunks",
        "done     4 runs (100%)",
        "failed   0 runs",
        "running  0 processes",
        "digest   ",
    ):
        assert words in out
    digest = out.split()[-1]
    state = json.loads(evosim(capsys, "sweep", "status", str(folder), "--json")[1])
    assert (state["runs"], state["done"], state["failed"], state["digest"]) == (4, 4, 0, digest)
    code, out, _ = evosim(capsys, "sweep", "collect", str(folder))
    assert (code, digest in out) == (0, True)
    code, out, _ = evosim(capsys, "sweep", "check", str(folder))
    assert (code, out) == (0, "2 chunks of 2 whole, 0 missing, 0 damaged; 0 runs failed\n")
    chunk = folder / "parts" / "0000" / "chunk-0000001.runs.parquet"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    code, out, _ = evosim(capsys, "sweep", "check", str(folder))
    assert code == 1
    assert "damaged  chunk 1: its table runs has another checksum than was written" in out
    code, out, err = evosim(capsys, "sweep", "collect", str(folder))
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, out, _ = evosim(capsys, "sweep", "check", str(folder), "--repair")
    assert (code, out.splitlines()[-1].split("'")[1]) == (
        0,
        f"evosim sweep run {folder}/sweep.toml --out {folder}",
    )
    code, out, _ = evosim(capsys, *out.splitlines()[-1].split("'")[1].split()[1:], "--workers", "1")
    assert (code, digest in evosim(capsys, "sweep", "status", str(folder))[1]) == (0, True)


def test_a_plan_can_be_written_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.toml").write_text(SMALL)
    assert evosim(capsys, "sweep", "run", "x.toml", "--out", "s", "--plan-only") == (
        0,
        "s: 4 runs in 2 chunks\n",
        "",
    )
    assert evosim(capsys, "sweep", "status", "s")[1].startswith("x ")


def test_shards_do_their_part_and_say_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("x.toml").write_text(SMALL)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    code, out, err = evosim(
        capsys, "sweep", "run", "x.toml", "--out", "s", "--shard", "auto", "--workers", "1"
    )
    assert code == 0
    assert "shard 1/2, 2 runs to do in 1 chunk" in err
    assert "2 of 4 runs done" in out
    assert "; 1 chunk of shards other than 1/2 not done yet" in out
    assert not Path("s/runs.parquet").exists()
    code, out, _ = evosim(
        capsys, "sweep", "run", "x.toml", "--out", "s", "--shard", "0/2", "--workers", "1"
    )
    assert "4 of 4 runs done" in out
    assert "not done yet" not in out


@pytest.mark.slow
def test_a_failed_task_of_a_printed_array_can_be_submitted_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of the printed file, by the variables of `sbatch --array=1`."""
    Path("x.toml").write_text(SMALL)
    code, out, err = evosim(
        capsys, "sweep", "script", "x.toml", "--out", "s", "--slurm", "--time", "90m"
    )
    assert code == 0
    assert "a task has 1:30:00 (D-HH:MM:SS)" in err
    assert "#SBATCH --array=0-1\n" in out
    assert "#SBATCH --time=1:30:00\n" in out
    command = shlex.split(out.splitlines()[-1])
    assert command[-4:] == ["--shard", "auto/2", "--workers", "1"]
    for name, value in slurm(1, [1]).items():
        monkeypatch.setenv(name, value)
    code, out, err = evosim(capsys, *command[command.index("sweep") :])
    assert code == 0
    assert "shard 1/2, 2 runs to do in 1 chunk" in err
    assert "2 of 4 runs done" in out


def test_failed_runs_make_the_exit_code_and_can_be_tried_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:

    real = worker.replicate

    def fragile(setting: object, *more: object) -> object:
        if setting.experiment.optimizer["population"] == 20:  # type: ignore[attr-defined]
            raise OverflowError("too large")
        return real(setting, *more)  # type: ignore[arg-type]

    Path("x.toml").write_text(SMALL)
    monkeypatch.setattr(worker, "replicate", fragile)
    code, out, err = evosim(capsys, "sweep", "run", "x.toml", "--out", "s", "--workers", "1")
    assert code == 1
    assert "4 of 4 runs done, 2 failed" in out
    assert (
        err.splitlines()[-1]
        == "evosim: 2 runs failed; column 'error' gives the reasons, and --retry-failed computes"
        " them again."
    )
    assert (
        "failed   2 runs ('evosim sweep run ... --retry-failed' tries them again)"
        in evosim(capsys, "sweep", "status", "s")[1]
    )
    assert evosim(capsys, "sweep", "run", "x.toml", "--out", "s")[0] == 1
    monkeypatch.setattr(worker, "replicate", real)
    code, out, _ = evosim(
        capsys, "sweep", "run", "x.toml", "--out", "s", "--workers", "1", "--retry-failed"
    )
    assert (code, "4 of 4 runs done, 0 failed" in out) == (0, True)


def test_help_of_sweeps_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    assert "status" in evosim(capsys, "sweep")[1]
    script = (
        "import sys\n"
        "from evosim.cli import main as cli\n"
        "sys.argv = ['evosim', 'sweep', 'run', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in ('numba', 'altair', 'polars', 'scipy') if m in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ},
        check=True,
    )
    assert done.stdout.endswith("[]\n")
