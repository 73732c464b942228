"""Modules that experiment files may name."""

from __future__ import annotations

import os

import pytest

from evosim.config import allowed_imports
from evosim.errors import UserError


@pytest.fixture(autouse=True)
def _nothing_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(allowed_imports.ALLOWED, "")


def test_the_module_of_an_environment_is_found() -> None:
    assert allowed_imports.module_in("labs.grids:Grid-v0") == "labs.grids"
    assert allowed_imports.module_in("GymV21Environment-v0") == "shimmy"
    assert allowed_imports.module_in("FrozenLake-v1") == ""


def test_an_allowed_package_includes_its_modules() -> None:
    allowed_imports.allow_import("labs")
    allowed_imports.allow_import("labs", "mygrid")
    assert os.environ[allowed_imports.ALLOWED] == "labs,mygrid"
    allowed_imports.check_import("world.name", "labs.grids:Grid-v0")
    allowed_imports.check_import("world.name", "FrozenLake-v1")


def test_a_module_that_is_not_allowed_is_refused() -> None:
    allowed_imports.allow_import("lab")
    with pytest.raises(UserError, match=r"imports the module 'labs', .* --allow-import labs"):
        allowed_imports.check_import("world.name", "labs:Grid-v0")


@pytest.mark.parametrize("name", ["a b", "", "../x"])
def test_a_word_that_is_no_module_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="--allow-import must be the name of a module"):
        allowed_imports.allow_import(name)
