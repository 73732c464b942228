"""Variants of packaged experiments."""

from __future__ import annotations

import pytest

from evosim.claims.experiments import (
    ancestral_only,
    build_packaged,
    claim_experiment,
    packaged,
    three_sizes,
    with_genome,
    with_settings,
)
from evosim.errors import UserError


def test_settings_change_one_value_and_nothing_else() -> None:
    plain, changed = packaged("micro"), packaged("micro", "replicates=7")
    assert changed.replicates == 7
    assert changed.model_copy(update={"replicates": plain.replicates}) == plain


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(UserError):
        with_settings(packaged("micro"), "optimizer.no_such_key=1")


def test_a_variant_has_no_text_of_a_claim() -> None:
    claim = claim_experiment("claim-05-deception", "quick")
    assert claim.claim is not None
    variant = with_settings(claim)
    assert variant.claim is None
    assert variant.digest() == claim.digest()


def test_another_genome_has_its_parameters() -> None:
    reflexes = with_genome(packaged("deception"), "reflex")
    assert reflexes.genome["name"] == "reflex"
    planner = with_genome(packaged("deception"), "planner", discount=0.5)
    assert planner.genome["discount"] == 0.5


def test_the_ancestral_phase_stands_alone() -> None:
    experiment = packaged("coarse-savanna")
    alone = ancestral_only(experiment, 30)
    assert alone.optimizer["population"] == 30
    assert alone.generations == experiment.swap


def test_a_packaged_problem_is_built() -> None:
    assert build_packaged("micro").pair.ancestral.lifespan > 0


def test_three_sizes_are_powers_of_four_apart() -> None:
    assert three_sizes(3200) == (200, 800, 3200)
    assert three_sizes(1) == (2, 3, 4)
