"""The hash of sources depends on evosim and on the packages that an experiment uses."""

from __future__ import annotations

import pytest

from evosim.config.external_code import Choice
from evosim.runs.source_hash import known_sources, sources_digest, sources_of
from tests.support.runs import experiment


def test_packages_that_are_not_used_do_not_matter() -> None:
    assert sources_digest(experiment("micro")) == sources_digest()
    assert sources_of(experiment("micro")) == {"evosim": sources_digest()}


@pytest.mark.slow
def test_the_user_s_own_algorithm_matters() -> None:
    own = Choice("coarse-savanna", "planner", "tests.support.own_algorithm:random_search")
    assert sources_digest(own) != sources_digest()


def test_a_module_has_the_hash_of_what_it_imports() -> None:
    part = sources_digest(module="evosim.rng")
    assert part != sources_digest() != ""
    assert len(part) == 16


def test_provenance_of_earlier_versions_has_the_joint_hash() -> None:
    made = experiment("micro")
    assert known_sources({"sources": "abc"}, made) == {"evosim": "abc"}
    assert known_sources({"sources_of": {"evosim": "x"}}, made) == {"evosim": "x"}
    assert known_sources({}, made) == {}
