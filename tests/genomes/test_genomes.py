"""Genomes: alleles, dominance, classes, the linkage map, and what classes decode to."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evosim.genomes import GENOMES, Entry, Grid, InvalidGenome, LocusParams, WorldShape
from evosim.genomes.grid import haldane, in_map_order
from evosim.genomes.loci import make_locus
from evosim.genomes.planner import Planner
from evosim.genomes.planner import build as build_planner
from evosim.genomes.reflex import Reflex
from evosim.genomes.reflex import build as build_reflex
from evosim.testing import check_genome
from evosim.worlds import WORLDS, Cue, with_cue

SHAPE = WorldShape(
    ("warm", "sweet"),
    ("true", "old"),
    {"day": ("eat", "rest"), "night": ("rest",)},
    lifespan=10,
    cue=True,
)


def locus(params: LocusParams, ploidy: int = 2, whole: bool = False, name: str = "x"):  # type: ignore[no-untyped-def]
    return make_locus(name, params, where=name, ploidy=ploidy, whole=whole)


def test_additive_dosages_merge_by_value() -> None:
    made = locus(LocusParams((0.0, 0.5, 1.0)))
    assert made.values.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert made.values[made.expression[0, 2]] == 0.5 == made.values[made.expression[1, 1]]


@pytest.mark.parametrize(("dominance", "heterozygote"), [(0.0, 1.0), (0.25, 1.5), (1.0, 3.0)])
def test_dominance_places_the_heterozygote(dominance: float, heterozygote: float) -> None:
    made = locus(LocusParams((1.0, 3.0), dominance=dominance))
    assert made.values[made.expression[0, 1]] == made.values[made.expression[1, 0]] == heterozygote


def test_horizons_are_rounded_up() -> None:
    made = locus(LocusParams((1.0, 2.0, 4.0)), whole=True)
    assert made.values.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert made.values[made.expression[0, 1]] == 2.0


def test_of_named_alleles_the_first_is_expressed() -> None:
    made = locus(LocusParams(("true", "old")))
    assert made.values[made.expression[0, 1]] == 0.0
    assert made.values[made.expression[1, 1]] == 1.0


def test_haploids_have_no_heterozygotes() -> None:
    assert locus(LocusParams((0.0, 0.5, 1.0)), ploidy=1).values.tolist() == [0.0, 0.5, 1.0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 2))
def test_numbering_of_classes_is_a_bijection_and_genotypes_express_their_class(
    seed: int, ploidy: int
) -> None:
    rng = np.random.default_rng(seed)
    loci = [
        locus(
            LocusParams(
                tuple(
                    sorted(
                        rng.choice(9, size=rng.integers(1, 4), replace=False).astype(float).tolist()
                    )
                )
            ),
            ploidy,
            name=f"x{i}",
        )
        for i in range(rng.integers(1, 5))
    ]
    grid = Grid(tuple(loci), ploidy)
    classes = np.arange(grid.size)
    np.testing.assert_array_equal(grid.from_digits(grid.digits(classes)), classes)
    np.testing.assert_array_equal(grid.classes(grid.genotypes(classes)), classes)
    genotypes = rng.integers(
        0, [len(x.params.alleles) for x in loci], size=(20, ploidy, len(loci))
    ).astype(np.uint8)
    values = grid.values(grid.classes(genotypes))
    for g, row in zip(genotypes, values, strict=True):
        for i, x in enumerate(loci):
            pair = [x.params.alleles[a] for a in g[:, i]]
            assert row[i] == pytest.approx(np.mean(pair))


def test_every_class_is_expressible_and_nothing_else() -> None:
    grid = Grid((locus(LocusParams((0.0, 1.0, 3.0))), locus(LocusParams(("a", "b")), name="y")), 2)
    every = np.array(list(itertools.product(range(3), range(2), repeat=2)), dtype=np.uint8).reshape(
        -1, 2, 2
    )
    assert set(grid.classes(every).tolist()) == set(range(grid.size))


def test_breeding_true_means_homozygous_everywhere() -> None:
    grid = Grid((locus(LocusParams((0.0, 1.0))), locus(LocusParams((0.0, 1.0)), name="y")), 2)
    true = grid.breeds_true(np.arange(grid.size))
    assert true.sum() == 4
    assert not true[grid.classes(np.array([[[0, 0], [1, 0]]], dtype=np.uint8))[0]]


def test_the_map_is_haldanes() -> None:
    assert haldane(0.0) == 0.0
    assert haldane(50.0) == pytest.approx(0.5 * (1 - np.exp(-1.0)))
    assert haldane(1e6) == 0.5
    here = [LocusParams((0.0, 1.0), chromosome="c", position=p) for p in (30.0, 10.0)] + [
        LocusParams((0.0, 1.0))
    ]
    ordered = in_map_order([locus(p, name=n) for p, n in zip(here, "abc", strict=True)])
    assert [x.name for x in ordered] == ["b", "a", "c"]
    np.testing.assert_allclose(Grid(ordered, 2).recombination(), [0.5, haldane(20.0), 0.5])
    np.testing.assert_array_equal(Grid(ordered, 2).chromosomes(), [0, 2, 3])
    with pytest.raises(
        InvalidGenome,
        match=r"in ascending position, but the order is a at 30 cM of 'c', b at 10 cM of 'c'",
    ):
        Grid((ordered[1], ordered[0], ordered[2]), 2)
    with pytest.raises(InvalidGenome, match="must stand together"):
        Grid((ordered[0], ordered[2], ordered[1]), 2)
    with pytest.raises(InvalidGenome, match="two are 'a'"):
        Grid((ordered[1], ordered[1]), 2)


def test_a_planner_decodes_to_what_its_alleles_say() -> None:
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


def test_a_reflex_decodes_to_acts_of_its_classes() -> None:
    genome = build_reflex(Reflex(), SHAPE)
    rules = genome.decode(np.arange(genome.grid.size))
    assert [[rules.names[a] for a in row] for row in rules.acts] == [
        ["eat", "rest"],
        ["rest", "rest"],
    ]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (LocusParams(()), "x.alleles must list at least one allele"),
        (LocusParams((1.0, 0.0)), "x.alleles must ascend"),
        (LocusParams((1.0, 1.0)), "x.alleles must differ"),
        (LocusParams((np.inf,)), "x.alleles must be finite"),
        (LocusParams((-1e101, 0.0)), "x.alleles must lie within"),
        (LocusParams((0.0,), dominance=1.5), r"x.dominance must lie in \[0, 1\], but is 1.5"),
        (LocusParams((0.0,), mutation=-0.1), r"x.mutation must lie in \[0, 1\], but is -0.1"),
        (LocusParams((0.0,), position=-1.0), "x.position must be at least 0"),
        (LocusParams((0.0,), initial=(1.0,)), "x.initial must hold alleles"),
    ],
)
def test_bad_loci_are_named(params: LocusParams, message: str) -> None:
    with pytest.raises(InvalidGenome, match=message):
        locus(params)


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


def test_the_catalogue_builds_over_names_alone() -> None:
    for entry in GENOMES.values():
        genome = entry.build(entry.params(), SHAPE)
        assert len(genome.decode(np.arange(min(4, genome.grid.size)))) == min(4, genome.grid.size)


@pytest.mark.parametrize("name", sorted(set(GENOMES) - {"gated"}))
def test_contract(name: str) -> None:
    """What evosim asks of anybody's genome."""
    assert check_genome(GENOMES[name]).name == name


def test_contract_of_what_needs_a_cue() -> None:
    pair = with_cue(WORLDS["micro"].build(WORLDS["micro"].params(), {"safe_breeding": True}), Cue())
    assert check_genome(GENOMES["gated"], pair=pair).name == "gated"


@pytest.mark.parametrize("name", sorted(GENOMES))
def test_rules_have_names_of_their_own(name: str) -> None:
    genome = GENOMES[name].build(GENOMES[name].params(), SHAPE)
    rules = genome.decode(np.arange(genome.grid.size))
    assert len({rules.key(i) for i in range(len(rules))}) == len(rules) == genome.grid.size


@pytest.mark.parametrize(
    ("decode", "words"),
    [
        (
            lambda rules: rules.take(np.zeros(1, dtype=np.int64)),
            "every class must decode to one rule, but 4 classes gave 1",
        ),
        (
            lambda rules: dataclasses.replace(rules, planning_cost=2.0),
            r"fitness_retained must be shares of fitness in \[0, 1\]",
        ),
        (
            lambda rules: rules.take(np.arange(len(rules))[::-1].copy()),
            "a class must decode to the same rule alone and with other classes",
        ),
    ],
)
def test_the_contract_notices(decode: Callable[[Any], Any], words: str) -> None:
    def build(params: Planner, shape: WorldShape) -> Any:
        genome = build_planner(
            Planner(
                weights={"pleasure": LocusParams((0.0, 1.0))},
                horizon=LocusParams((1.0, 3.0)),
                ploidy=1,
            ),
            shape,
        )

        class Wrong:
            grid, name = genome.grid, "wrong"

            def decode(self, classes: Any) -> Any:
                return decode(genome.decode(classes))

        return Wrong()

    with pytest.raises(AssertionError, match=words):
        check_genome(Entry(Planner, build, "wrong"))
