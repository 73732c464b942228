"""Checks of worlds and genomes: those of evosim pass, faulty ones are found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evosim import genomes, testing, worlds
from evosim.genomes import GENOMES, LocusParams, WorldShape, planner
from evosim.reference.dynamic_programming import lifetime
from evosim.testing import check_genome, check_world
from evosim.worlds import WORLDS, Cue, InvalidWorld, WorldPair, with_cue


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "villages" else [])
        for name in sorted(WORLDS)
    ],
)
def test_worlds_of_the_catalogue_pass(name: str) -> None:
    assert check_world(WORLDS[name], modern=WORLDS[name].example_swap).name == name


@dataclasses.dataclass(frozen=True)
class Undocumented:
    lifespan: int = 3


def broken(**changes: Any) -> worlds.Entry:
    """Micro with changes in its entry."""
    micro = WORLDS["micro"]
    return dataclasses.replace(micro, **changes)


def forgets(change: Any) -> Any:
    return lambda params, modern: change(WORLDS["micro"].build(params, modern))


def careless(params: Any, modern: Any) -> WorldPair:
    """Accept parameters that the catalogue's micro refuses."""
    try:
        return WORLDS["micro"].build(params, modern)
    except InvalidWorld:
        return WORLDS["micro"].build(WORLDS["micro"].params(), {})


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (broken(params=Undocumented), "Undocumented.lifespan must have a unit, but has none"),
        (
            broken(
                build=forgets(
                    lambda pair: dataclasses.replace(
                        pair, modern=dataclasses.replace(pair.modern, payoff=pair.modern.payoff / 2)
                    )
                )
            ),
            "differ in payoff",
        ),
        (broken(build=careless), "must refuse lifespan = 0, which is out of range, but takes it"),
        (
            broken(build=forgets(lambda pair: dataclasses.replace(pair, serves={}))),
            "serves must have an entry for every feature",
        ),
        (
            broken(
                build=forgets(
                    lambda pair: dataclasses.replace(
                        pair,
                        **{
                            w: dataclasses.replace(getattr(pair, w), beliefs={})
                            for w in ("ancestral", "modern")
                        },
                    )
                )
            ),
            "must offer the belief 'ancestral'",
        ),
    ],
)
def test_faulty_worlds_are_found(entry: worlds.Entry, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_world(entry)


def test_values_that_differ_from_the_reference_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        testing, "lifetime", lambda world, policy, amount: lifetime(world, policy, amount) + 1e-6
    )
    with pytest.raises(
        AssertionError, match="kernels and reference code must agree on a life's payoff in micro"
    ):
        check_world(WORLDS["micro"])


@pytest.mark.parametrize("name", sorted(set(GENOMES) - {"gated"}))
def test_genomes_of_the_catalogue_pass(name: str) -> None:
    assert check_genome(GENOMES[name]).name == name


def test_the_gated_genome_passes_in_a_world_with_a_cue() -> None:
    pair = with_cue(WORLDS["micro"].build(WORLDS["micro"].params(), {"safe_breeding": True}), Cue())
    assert check_genome(GENOMES["gated"], pair=pair).name == "gated"


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
def test_faulty_genomes_are_found(decode: Callable[[Any], Any], words: str) -> None:
    def build(params: planner.Planner, shape: WorldShape) -> Any:
        genome = planner.build(
            planner.Planner(
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
        check_genome(genomes.Entry(planner.Planner, build, "wrong"))
