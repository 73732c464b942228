"""The parameter tree of an experiment."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.schema import WorldChoice, hash_of, without_unused
from evosim.config.settings import apply_settings


def test_texts_do_not_change_the_digest_but_parameters_do() -> None:
    tree = read_experiment("micro")
    digest = resolve(tree).digest()
    assert resolve(apply_settings(tree, ["title=other"])).digest() == digest
    assert resolve(apply_settings(tree, ["optimizer.population=7"])).digest() != digest


def test_seeds_change_the_digest_but_not_that_of_the_setting() -> None:
    tree = read_experiment("micro")
    one, other = resolve(tree), resolve(apply_settings(tree, ["seed=5"]))
    assert one.digest() != other.digest()
    assert one.setting_digest() == other.setting_digest()


def test_unused_keys_are_omitted_from_digests() -> None:
    tree = {"world": {"name": "x", "mixture": []}, "analysis": {"family": [], "restarts": 3}}
    assert without_unused(tree) == {"world": {"name": "x"}, "analysis": {"restarts": 3}}
    assert len(hash_of({"a": 1})) == 32


def test_shares_of_a_mixture_sum_to_at_most_one() -> None:
    with pytest.raises(ValidationError, match="shares must sum to at most 1"):
        WorldChoice(name="x", mixture=({"share": 0.7}, {"share": 0.7}))  # type: ignore[arg-type]


def test_the_swap_is_the_first_modern_generation() -> None:
    experiment = resolve(read_experiment("micro"))
    assert experiment.swap == experiment.phases[0].generations
    assert experiment.generations > experiment.swap
