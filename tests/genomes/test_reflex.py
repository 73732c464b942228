"""The reflex genome: decoding, and classes that are refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evosim.genomes import InvalidGenome
from evosim.genomes.reflex import Reflex
from evosim.genomes.reflex import build as build_reflex
from tests.support.genomes import SHAPE


def test_a_reflex_decodes_to_acts_of_its_classes() -> None:
    genome = build_reflex(Reflex(), SHAPE)
    rules = genome.decode(np.arange(genome.grid.size))
    assert [[rules.names[a] for a in row] for row in rules.acts] == [
        ["eat", "rest"],
        ["rest", "rest"],
    ]


def test_a_class_without_an_act_is_refused() -> None:
    shape = dataclasses.replace(SHAPE, options={"day": ("eat",), "night": ()})
    with pytest.raises(InvalidGenome, match=r"class 'night' must have an act .* Split the class"):
        build_reflex(Reflex(), shape)
