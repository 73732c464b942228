"""Host: a parasite's ages by hand, and loss without any inner optimizer."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.config.resolve import build as build_setting
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import lifetime
from evosim.worlds import InvalidWorld
from evosim.worlds.host import ACTS, Host, build
from tests.support.settings import setting

MAINLAND = {"recognition": 0.4, "clearance": 0.6, "contact": 0.15, "death": 0.03}


def test_an_age_by_hand() -> None:
    p = Host(recognition=0.2)
    world = build(p, {}).ancestral
    here = world.states.index("v3.i2.m1")
    row = world.transitions[here, ACTS.index("burst")]
    dies = (0.01 + 0.03 * 0.25) * 3.0
    risen = 0.2 * 0.5 * 2.0
    cleared = 0.3 * 0.5
    assert row[world.states.index("v4.i3.m0")] == pytest.approx(
        (1 - dies) * 0.8 * (1 - cleared) * risen * 0.2, abs=1e-15
    )
    assert row[world.states.index("v2.i1.m1")] == pytest.approx(
        (1 - dies) * 0.2 * cleared * (1 - risen) * 0.1 * 0.8, abs=1e-15
    )
    assert row[world.states.index("over")] == pytest.approx(dies, abs=1e-15)
    hidden = world.transitions[here, ACTS.index("hide")]
    assert hidden[world.states.index("v2.i2.m0")] == pytest.approx(
        (1 - 0.0175) * 0.2 * cleared * (1 - 0.2 * 0.5 * 0.2) * 0.9 * 0.2, abs=1e-15
    )
    assert world.payoff[here, ACTS.index("shed")] == pytest.approx(0.25)
    assert world.payoff[world.states.index("v3.i2.m0")].max() == 0.0


def test_whoever_sheds_the_last_of_it_is_gone() -> None:
    world = build(Host(), {}).ancestral
    row = world.transitions[world.states.index("v1.i0.m1"), ACTS.index("shed")]
    dies = 0.01 + 0.03 / 36
    assert row[-1] == pytest.approx(dies + (1 - dies) * 0.5, abs=1e-15)


def test_without_hosts_to_come_to_nothing_is_gained() -> None:
    world = build(Host(contact=0.0), {}).ancestral
    policy = world.available / world.available.sum(axis=1, keepdims=True)
    assert lifetime(world, policy[None], world.payoff) == 0.0


def test_more_contact_is_never_worse() -> None:
    from evosim.reference.dynamic_programming import extreme_values

    worth = [
        extreme_values(w, w.payoff)[0][0] @ w.start
        for c in np.linspace(0, 1, 6)
        for w in [build(Host(contact=float(c)), {}).ancestral]
    ]
    assert (np.diff(worth) > 0).all()


@pytest.mark.slow
def test_reflexes_lose_by_the_shift_and_by_nothing_else() -> None:
    """All 65,536 reflexes: the best of the island is not the best of the mainland; without a swap
    it is.
    """
    for settings, lost in (((), True), (("world.modern={}",), False)):
        made = setting("host", *settings)
        assert made.genome.grid.size == 4**8
        landscape = Landscape(build_setting(made.experiment))
        best = {m: landscape.best(m, 0, 1) for m in ("ancestral", "modern")}
        here = landscape.fitness(best["ancestral"]).modern
        there = landscape.fitness(best["modern"]).modern.max()
        assert (
            (here.max() < 0.95 * there) if lost else here.min() == pytest.approx(there, rel=1e-12)
        )


def test_alarm_must_leave_a_probability() -> None:
    with pytest.raises(
        InvalidWorld,
        match=r"world\.modern\.recognition times alarm must be a probability, but is 1\.6",
    ):
        build(Host(), MAINLAND | {"recognition": 0.8})
