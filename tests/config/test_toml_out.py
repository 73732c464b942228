"""Writing experiments as TOML."""

from __future__ import annotations

import tomllib

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.toml_out import to_commented_toml


def test_written_experiments_resolve_to_themselves() -> None:
    for name in ("micro", "coarse-drive"):
        experiment = resolve(read_experiment(name))
        assert resolve(tomllib.loads(to_commented_toml(experiment))) == experiment


def test_numbers_of_the_world_have_units_and_reasons() -> None:
    text = to_commented_toml(resolve(read_experiment("coarse-savanna")))
    assert "gestation = 4  # ages; from conception to birth" in text
