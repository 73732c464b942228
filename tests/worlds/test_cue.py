"""The cue: its error rates, and pairs that cannot have one."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.worlds import Cue, InvalidWorld, with_cue
from tests.support.random_worlds import random_pair


def test_births_have_the_cue_by_the_error_rates() -> None:
    pair = with_cue(random_pair(2), Cue(ancestral_error=0.1, modern_error=0.3))
    assert pair.cue is not None
    assert pair.ancestral.start[pair.cue].sum() == pytest.approx(0.1)
    assert pair.modern.start[pair.cue].sum() == pytest.approx(0.7)


def test_the_cue_changes_nothing_else() -> None:
    plain = random_pair(2)
    pair = with_cue(plain, Cue())
    n = len(plain.modern.states)
    for part in (slice(0, n), slice(n, 2 * n)):
        np.testing.assert_array_equal(pair.modern.payoff[part], plain.modern.payoff)
        np.testing.assert_array_equal(
            pair.modern.transitions[part, :, part], plain.modern.transitions
        )
    assert not pair.modern.transitions[:n, :, n:].any()
    assert pair.classes == (
        *(f"{name}, told ancestral" for name in plain.classes),
        *(f"{name}, told modern" for name in plain.classes),
    )


def test_a_second_cue_and_invalid_rates_are_refused() -> None:
    with pytest.raises(InvalidWorld, match=r"world\.cue must be left out"):
        with_cue(with_cue(random_pair(2), Cue()), Cue())
    with pytest.raises(InvalidWorld, match=r"world\.cue\.modern_error must lie in"):
        with_cue(random_pair(2), Cue(modern_error=1.5))
