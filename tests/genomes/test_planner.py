"""The planner genome: decoding, mutation rates, and parameters that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.genomes import InvalidGenome, LocusParams
from evosim.genomes.planner import Planner
from evosim.genomes.planner import build as build_planner
from tests.support.genomes import SHAPE


def test_a_planner_decodes_to_its_alleles() -> None:
    params = Planner(
        weights={"sweet": LocusParams((0.0, 2.0))},
        horizon=LocusParams((1.0, 4.0)),
        planning_cost=0.1,
    )
    genome = build_planner(params, SHAPE)
    assert genome.grid.size == 3 * 3
    classes = np.arange(genome.grid.size)
    rules = genome.decode(classes)
    assert (rules.weights[:, 0] == 0).all()
    assert set(rules.weights[:, 1]) == {0.0, 1.0, 2.0}
    assert set(rules.horizon) == {1, 3, 4}
    np.testing.assert_allclose(rules.fitness_retained, 1 - 0.1 * rules.horizon)
    assert not rules.without(1).weights.any()


def test_mutation_scale_multiplies_every_rate() -> None:
    params = Planner(weights={"sweet": LocusParams((0.0, 2.0), mutation=0.1)}, mutation_scale=0.5)
    rates = {x.name: x.params.mutation for x in build_planner(params, SHAPE).grid.loci}
    assert rates == {"sweet": 0.05, "horizon": 0.001, "belief": 0.001, "temperature": 0.001}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (Planner(weights={"sour": LocusParams((0.0,))}), "has 'sour'"),
        (Planner(horizon=LocusParams((0.0,))), "whole steps from 1"),
        (Planner(horizon=LocusParams((11.0,))), "lifespan"),
        (Planner(belief=LocusParams(("false",))), "genome.belief.alleles must be among true, old"),
        (
            Planner(temperature=LocusParams((-1.0,))),
            "genome.temperature.alleles must be at least 0",
        ),
        (Planner(discount=0.0), "genome.discount"),
        (
            Planner(planning_cost=0.5, horizon=LocusParams((3.0,))),
            "planning_cost times the longest horizon",
        ),
        (Planner(ploidy=3), "genome.ploidy must be 1"),
    ],
)
def test_bad_planners_are_named(params: Planner, message: str) -> None:
    with pytest.raises(InvalidGenome, match=message):
        build_planner(params, SHAPE)
