"""Engines are found by name, and refused if something is missing."""

from __future__ import annotations

import pytest

from evosim.errors import UserError
from evosim.sweeps import local_engine
from evosim.sweeps.engines import ENGINES, engine, need


def test_engines_are_functions_of_a_job() -> None:
    assert engine("local") is local_engine.compute
    assert all(callable(engine(name)) for name in ENGINES)
    need("local")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UserError, match="--engine must be one of"):
        engine("locl")
