"""Resolving experiments."""

from __future__ import annotations

import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import build, check_free, payoff_unit, resolve, trait_names
from evosim.config.settings import apply_settings
from evosim.errors import UserError


def test_resolving_twice_changes_nothing() -> None:
    once = resolve(read_experiment("micro"))
    assert resolve(once.model_dump(mode="json", exclude_none=True)) == once


def test_a_problem_has_worlds_and_a_genome() -> None:
    problem = build(resolve(read_experiment("micro")))
    assert problem.pair.name == "micro"
    assert trait_names(problem.genome.grid)[0] == problem.genome.grid.loci[0].name
    assert payoff_unit(problem.experiment)


def test_gradient_needs_a_landscape() -> None:
    tree = read_experiment("micro") | {"optimizer": {"name": "gradient"}}
    with pytest.raises(UserError, match=r"Write world.name = 'tessellating-hills'"):
        resolve(tree)


def test_the_exhaustive_optimizer_needs_two_generations() -> None:
    tree = apply_settings(read_experiment("theorem"), ["phases.0.generations=1"])
    with pytest.raises(UserError, match=r"Write phases\.0\.generations = 2"):
        build(resolve(tree))


def test_names_that_look_alike_are_refused() -> None:
    with pytest.raises(UserError, match="both shown as 'a b'"):
        check_free(["a b", "a_b"], [], "a locus", "a row")
