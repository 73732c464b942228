"""Finding an experiment by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.config.experiments import experiments_with, read_experiment
from evosim.errors import UserError


def test_a_typo_of_a_world_names_the_world_and_its_experiments() -> None:
    with pytest.raises(UserError) as caught:
        read_experiment("savana")
    message = str(caught.value)
    assert "Did you mean 'savanna'? That is a world, not an experiment" in message
    assert message.endswith("as 'evosim run birth-control'.")


def test_a_typo_of_an_experiment_names_the_closest_one() -> None:
    with pytest.raises(UserError, match=r"Did you mean 'greedy-genes'?"):
        read_experiment("gredy-genes")


def test_a_name_that_is_close_to_none_gets_an_example() -> None:
    with pytest.raises(UserError, match="Use for example 'birth-control'"):
        read_experiment("xyzzy")


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('name = "own"\n')
    assert read_experiment(str(tmp_path / "own.toml")) == {"name": "own"}


def test_experiments_with_a_world_are_listed() -> None:
    assert "coarse-savanna" in experiments_with("world", "savanna")
    assert experiments_with("world", "nowhere") == []
