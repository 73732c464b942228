"""Laws of drivers over time: they hold, and they detect planted faults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evosim.theory import fluctuation as theory
from evosim.verify import drive
from evosim.verify.engine import Engine, Ints
from tests.support.laws import assert_detects, assert_holds, names_of, planted_in


@pytest.mark.slow
@pytest.mark.parametrize("name", names_of(drive))
def test_the_law_holds(name: str) -> None:
    assert_holds(name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fault"), planted_in(drive))
def test_the_law_detects_the_planted_fault(name: str, fault: str) -> None:
    assert_detects(name, fault)


class Standing(Engine):
    """All generations have the same frequency, some copies off the driver's equilibrium."""

    copies = 0

    def replicates(self, *args: Any, **kwargs: Any) -> tuple[Ints, Any]:
        founders, generations, runs = args[1], args[2], args[3]
        others = int(founders.sum()) + self.copies
        n = len(founders)
        return (
            np.tile(
                np.array([n - others // 2 - others % 2, others % 2, others // 2]),
                (runs, generations, 1, 1),
            ),
            None,
        )


def test_a_bias_does_not_widen_the_standard_error() -> None:
    """A law fails if its deviation exceeds the bias by 4.5 standard errors without the bias."""
    k, h, s, n = 0.9, 0.0, 1.0, 1_000  # the quick case of the law
    expected = theory.fluctuation(n, k, h, s)
    error = theory.time_average_error(expected.newborn, expected.lag, 150) / np.sqrt(200)
    bias = 2.0 * drive._bias(n, k, h, s)
    for copies, holds in ((0, True), (2, True), (-2, True), (4, False), (-4, False)):
        engine = Standing()
        object.__setattr__(engine, "copies", copies)
        check = drive.fluctuation(engine, False)[-1]
        assert check.what.startswith("mean of all time averages")
        assert check.measured == pytest.approx(copies / (2 * n), abs=1e-12)
        assert check.scale == pytest.approx(error)
        assert check.holds == holds == (abs(check.measured) < bias + 4.5 * error)
        assert check.z is None
