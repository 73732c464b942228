"""External code that an experiment uses."""

from __future__ import annotations

from pathlib import Path

from evosim.config import external_code
from evosim.config.external_code import Choice


def test_worlds_and_genomes_of_evosim_have_no_external_modules() -> None:
    own = Choice("micro", "planner", "eaSimple")
    assert external_code.modules(own) == []
    assert external_code.all_own(own)
    assert external_code.all_own(Choice())


def test_an_installed_world_has_the_module_of_its_entry_point(site: Path) -> None:
    chosen = Choice("coin", "planner")
    assert external_code.modules(chosen) == ["coin_worlds"]
    assert not external_code.all_own(chosen)


def test_an_algorithm_and_an_environment_are_announced() -> None:
    choices = [Choice("gymnasium:labs:Grid-v0"), Choice(algorithm="searches:climb")]
    assert external_code.will_import(choices) == [
        "imports the module 'labs', which world.name names",
        "imports the module 'searches', which optimizer.algorithm names",
    ]
    assert not external_code.all_own(choices[0])
    assert not external_code.all_own(choices[1])


def test_environments_of_gymnasium_need_no_external_module() -> None:
    assert external_code.modules(Choice("gymnasium:FrozenLake-v1")) == []
