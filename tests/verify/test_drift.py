"""Laws of drift and linkage: they hold, and they detect planted faults."""

from __future__ import annotations

import pytest

from evosim.verify import drift
from tests.support.laws import assert_detects, assert_holds, names_of, planted_in, sound_verdict


@pytest.mark.slow
@pytest.mark.parametrize("name", names_of(drift))
def test_the_law_holds(name: str) -> None:
    assert_holds(name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fault"), planted_in(drift))
def test_the_law_detects_the_planted_fault(name: str, fault: str) -> None:
    assert_detects(name, fault)


@pytest.mark.slow
def test_complete_linkage_is_not_pooled() -> None:
    """A deviation that is always 0 would make the pool too narrow."""
    (check,) = sound_verdict("complete linkage").checks
    assert (check.measured, check.chance, check.z) == (0.0, None, None)
