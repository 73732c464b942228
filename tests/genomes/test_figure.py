"""The figure of loci: panels name fields of the parameters of their genome."""

from __future__ import annotations

import dataclasses

import pytest

from evosim.genomes import GENOMES
from evosim.genomes.figure import LocusFigure


@pytest.mark.parametrize("name", sorted(GENOMES))
def test_panels_name_fields_of_the_parameters(name: str) -> None:
    entry = GENOMES[name]
    fields = {field.name for field in dataclasses.fields(entry.params)}
    assert {panel.parameter for panel in entry.figure.panels} <= fields


def test_the_default_figure_suits_any_grid() -> None:
    assert LocusFigure().panels == ()
    assert not LocusFigure().areas
