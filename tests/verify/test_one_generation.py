"""Laws of one generation: they hold, and they detect planted faults."""

from __future__ import annotations

import pytest

from evosim.verify import one_generation
from tests.support.laws import assert_detects, assert_holds, names_of, planted_in


@pytest.mark.slow
@pytest.mark.parametrize("name", names_of(one_generation))
def test_the_law_holds(name: str) -> None:
    assert_holds(name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fault"), planted_in(one_generation))
def test_the_law_detects_the_planted_fault(name: str, fault: str) -> None:
    assert_detects(name, fault)
