"""Tests of the laws of one module: each law holds, and detects its planted faults."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from types import ModuleType

import pytest

from evosim.verify import LAWS, Verdict, check_law, law
from evosim.verify.law import Check


@lru_cache
def sound_verdict(name: str) -> Verdict:
    """The verdict on the sound engine, made once."""
    return check_law(LAWS[name])


def names_of(module: ModuleType) -> list[str]:
    """Names of the laws of a module."""
    return [one.name for one in module.LAWS]


def planted_in(module: ModuleType) -> list[tuple[str, str]]:
    """Pairs of a law of a module and a fault that it must detect."""
    return [(one.name, fault) for one in module.LAWS for fault in one.faults]


def assert_holds(name: str) -> None:
    """Assert that a law holds on the sound engine."""
    verdict = sound_verdict(name)
    assert verdict.holds, [check for check in verdict.checks if not check.holds]
    assert verdict.checks


class _Detected(Exception):
    """A comparison failed; the rest of the law is not needed."""


class _RaisingCheck(Check):
    def __post_init__(self) -> None:
        if not self.holds:
            raise _Detected


def assert_detects(name: str, fault: str) -> None:
    """Assert that a law fails under a planted fault. The first comparison that fails is enough."""
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(_Detected):
        patch.setattr(law, "Check", _RaisingCheck)
        verdict = check_law(LAWS[name], fault=fault)
        assert not verdict.holds
