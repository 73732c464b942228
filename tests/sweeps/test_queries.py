"""Quantities and parameters of an analysed sweep are found by name."""

from __future__ import annotations

import json

import pytest

from evosim.errors import UserError
from evosim.sweeps.analysis_tables import Analysis
from evosim.sweeps.queries import as_data, chosen, factor_named, parameters_of, refused
from evosim.sweeps.store import Store

POPULATION = "ladder.modern.rungs.population"


def test_quantities_are_found_by_ends_and_patterns(analysed: tuple[Store, Analysis]) -> None:
    _, analysis = analysed
    assert chosen(analysis, ["modern.rungs.population"]) == [POPULATION]
    assert POPULATION in chosen(analysis, ["ladder.modern.*"])
    assert chosen(analysis, [])[0] == "losses.modern.waste"  # micro has no shift
    with pytest.raises(UserError, match="Did you mean"):
        chosen(analysis, ["modern.rungs.populatio"])


def test_parameters_are_found_by_their_ends(analysed: tuple[Store, Analysis]) -> None:
    _, analysis = analysed
    assert parameters_of(analysis) == ["optimizer.population", "world.modern.breed_danger"]
    assert factor_named(analysis, "population", "--x") == "optimizer.population"
    with pytest.raises(UserError, match="--x: 'size' fits no swept parameter"):
        factor_named(analysis, "size", "--x")


def test_results_are_plain_data(analysed: tuple[Store, Analysis]) -> None:
    _, analysis = analysed
    data = json.loads(json.dumps(as_data(analysis, [POPULATION]), allow_nan=False))
    assert data["cells"] == 4
    assert len(data["quantities"][POPULATION]["cells"]) == 4
    assert refused(analysis, [POPULATION]) == {}
