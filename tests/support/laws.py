"""Tests of the laws of one module: each law holds, and detects its planted faults."""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType

from evosim.verify import LAWS, Verdict, check_law


@lru_cache
def sound_verdict(name: str) -> Verdict:
    """The verdict on the sound engine, made once."""
    return check_law(LAWS[name])


def names_of(module: ModuleType) -> list[str]:
    """Names of the laws of a module."""
    return [law.name for law in module.LAWS]


def planted_in(module: ModuleType) -> list[tuple[str, str]]:
    """Pairs of a law of a module and a fault that it must detect."""
    return [(law.name, fault) for law in module.LAWS for fault in law.faults]


def assert_holds(name: str) -> None:
    """Assert that a law holds on the sound engine."""
    verdict = sound_verdict(name)
    assert verdict.holds, [check for check in verdict.checks if not check.holds]
    assert verdict.checks


def assert_detects(name: str, fault: str) -> None:
    """Assert that a law fails under a planted fault."""
    assert not check_law(LAWS[name], fault=fault).holds
