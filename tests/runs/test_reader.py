"""Damaged and edited runs are refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.analysis.recorded_run import Recorded
from evosim.errors import UserError
from evosim.runs import execute
from evosim.runs.reader import read_run
from tests.support.runs import experiment


def run(folder: Path, name: str, *settings: str) -> Recorded:
    return execute.run(experiment(name, *settings), out=folder)[0]


@pytest.mark.parametrize("damage", ["truncate", "remove"])
@pytest.mark.parametrize(
    "name", ["tables/generations.parquet", "provenance.json", "experiment.toml"]
)
def test_a_damaged_run_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    folder = run(tmp_path / "run", "micro").folder
    path = folder / name
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError) as caught:
        read_run(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_an_edited_experiment_is_noticed(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", "micro").folder
    path = folder / "experiment.toml"
    path.write_text(path.read_text().replace("find = 0.7", "find = 0.8"))
    with pytest.raises(UserError, match="it was edited or damaged"):
        read_run(folder)
