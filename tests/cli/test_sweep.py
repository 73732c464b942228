"""The commands about sweeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import evosim

SWEEP = """
name = "trial"
experiment = "micro"
replicates = 1
[set]
"phases.0.generations" = 2
"phases.1.generations" = 2
[grid]
"world.modern.breed_danger" = [0.1, 0.2]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "sweep.toml").write_text(SWEEP)
    return str(tmp_path / "sweep.toml")


def test_a_plan_is_written_and_shown(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    code, text, _ = evosim(capsys, "sweep", "run", file, "--out", out, "--plan-only")
    assert (code, text) == (0, f"{out}: 2 runs in 2 chunks\n")
    code, text, _ = evosim(capsys, "sweep", "status", out)
    assert code == 0
    assert "done     0 runs (0%) in 0 whole chunks" in text


def test_a_batch_file_needs_a_scheduler(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = evosim(capsys, "sweep", "script", file)
    assert code == 2
    assert "no scheduler was chosen. Add --slurm" in error
