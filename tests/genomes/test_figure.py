"""Figures of loci: their panels name parameters of the genome."""

from __future__ import annotations

import dataclasses

import pytest

from evosim.genomes import GENOMES


@pytest.mark.parametrize("name", sorted(GENOMES))
def test_panels_name_parameters_of_the_genome(name: str) -> None:
    entry = GENOMES[name]
    parameters = {item.name for item in dataclasses.fields(entry.params)}
    assert {panel.parameter for panel in entry.figure.panels} <= parameters
    assert all(panel.width > 0.0 for panel in entry.figure.panels)
