"""Letters and colours of acts, and factors in names of states."""

from __future__ import annotations

import pytest

from evosim.figures.act_colours import ink, letters, named
from evosim.figures.sample_life import factors
from tests.support.figures import EVERYWHERE
from tests.support.settings import setting


@pytest.mark.parametrize("name", EVERYWHERE)
def test_each_act_has_a_letter_of_its_own(name: str) -> None:
    acts = setting(name).pair.ancestral.acts
    found = letters(acts)
    assert len(set(found.values())) == len(acts)
    assert all(len(letter) == 1 for letter in found.values())
    assert all(
        named(acts)[act].startswith(found[act]) and ink(acts)[act] in ("white", "black")
        for act in acts
    )


def test_letters_and_factors_of_odd_names() -> None:
    assert letters(("a0", "a1", "a2")) == {"a0": "A", "a1": "1", "a2": "2"}
    many = tuple(f"aaa{'a' * i}" for i in range(30))
    assert len(set(letters(many).values())) == 30
    assert factors(["e3.p1.s0", "e0.p0.s6"]) == [{"e": 3, "p": 1, "s": 0}, {"e": 0, "p": 0, "s": 6}]
    assert factors(["e3.p1, told modern"]) == [{"e": 3, "p": 1}]
    assert factors(["e3.p1", "dead"]) is None
    assert factors(["e3.p1", "e3.q1"]) is None
    assert factors(["e3"]) is None
