"""Quantities and parameters of an analysed sweep are found by name."""

from __future__ import annotations

import json

import pytest

from evosim.errors import UserError
from evosim.sweeps.analysis_tables import HEADLINES, Analysis
from evosim.sweeps.queries import (
    as_data,
    chosen,
    constant_losses,
    factor_named,
    parameters_of,
    refused,
)
from evosim.sweeps.store import Store
from evosim.sweeps.tables import sentences

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


def test_losses_that_are_the_same_in_all_cells_are_listed(analysed: tuple[Store, Analysis]) -> None:
    """They have no column and no effects, so a sentence has their values."""
    _, analysis = analysed
    same = constant_losses(analysis)
    shown = chosen(analysis, [])
    assert "losses.modern.shift" in same
    assert not set(same) & set(shown)
    for name, value in same.items():
        assert analysis.of("cells", name)["mean"].drop_nulls().unique().to_list() == [value]
    losses = {name for name in chosen(analysis, ["losses.*"]) if name in HEADLINES}
    assert set(same) | set(shown) >= losses
    line = f"The same in all cells: losses.modern.shift {same['losses.modern.shift']:.3f}"
    assert sentences(analysis, shown)[0].startswith(line)
    assert not sentences(analysis, [POPULATION])[0].startswith("The same")
