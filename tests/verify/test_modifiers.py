"""Laws of suppressors, enhancers and hitchhikers: they hold, and they detect planted faults."""

from __future__ import annotations

import pytest

from evosim.verify import modifiers
from tests.support.laws import assert_detects, assert_holds, names_of, planted_in


@pytest.mark.slow
@pytest.mark.parametrize("name", names_of(modifiers))
def test_the_law_holds(name: str) -> None:
    assert_holds(name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fault"), planted_in(modifiers))
def test_the_law_detects_the_planted_fault(name: str, fault: str) -> None:
    assert_detects(name, fault)
