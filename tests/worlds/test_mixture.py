"""Mixtures of worlds: cases, cues, and members that do not fit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evosim.errors import UserError
from evosim.worlds import InvalidWorld
from evosim.worlds.mixture import Member, mix_worlds, union
from tests.support.random_worlds import random_pair
from tests.support.settings import setting


def test_members_may_have_cases_of_their_own() -> None:
    world = dataclasses.replace(
        random_pair(3).ancestral,
        case_of=[0, 1, 0, 1, 0, 1],  # type: ignore[arg-type]
        case_names=("x", "y"),
    )
    both = union(
        "both", [Member("one", 0.25, world), Member("two", 0.75, random_pair(3).ancestral)]
    )
    assert both.case_names == ("one: x", "one: y", "two")
    np.testing.assert_allclose(both.case_shares()[:2], 0.25 * world.case_shares())


def test_a_cue_of_a_world_is_kept_in_its_mixture() -> None:
    pair = dataclasses.replace(random_pair(0), cue=np.arange(6) >= 3)
    both = mix_worlds(pair, [Member("m", 0.5, pair.modern, modern=True)])
    assert both.cue is not None
    np.testing.assert_array_equal(both.cue, np.tile(np.arange(6) >= 3, 2))


def test_members_must_fit() -> None:
    pair = random_pair(0)
    with pytest.raises(InvalidWorld, match="must share their states, but 'b' has others"):
        union(
            "x",
            [
                Member("a", 0.5, pair.ancestral),
                Member("b", 0.5, random_pair(0, states=5).ancestral),
            ],
        )
    with pytest.raises(InvalidWorld, match="sum to at most 1"):
        mix_worlds(pair, [Member("a", 0.8, pair.modern), Member("b", 0.8, pair.modern)])
    with pytest.raises(
        UserError, match=r"world\.mixture: shares must sum to at most 1, but sum to 1\.2"
    ):
        setting("micro", "world.mixture=[{share=0.6}, {share=0.6}]")
    with pytest.raises(UserError, match=r"unknown key 'world\.mixture\.0\.set\."):
        setting("micro", "world.mixture=[{share=0.6, set={wings=2}}]")
    with pytest.raises(UserError, match=r"must be left alone, but is 4|must share their lifespan"):
        setting("micro", "world.mixture=[{share=0.6, set={lifespan=4}}]")
    with pytest.raises(UserError, match="must share their lifespan"):
        setting("micro", 'world.mixture=[{share=0.6, world="ancestral", set={lifespan=4}}]')
