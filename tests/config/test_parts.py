"""Parameters of a world, genome or optimizer."""

from __future__ import annotations

import pytest

from evosim.config.parts import genome_classes, part_params, resolved_part
from evosim.errors import UserError
from evosim.optimizers.params import OPTIMIZER_PARAMS, Sexual


def test_defaults_are_filled_in() -> None:
    part = resolved_part({"name": "sexual", "population": 7}, OPTIMIZER_PARAMS, "optimizer")
    assert part["population"] == 7
    assert part["selfing"] == Sexual().selfing


def test_parameters_become_their_class() -> None:
    params = part_params({"name": "sexual", "population": 7}, Sexual, "optimizer")
    assert params == Sexual(population=7)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"name": 3}, "optimizer.name must be text, but is 3. Write one of"),
        ({"name": "sexul"}, "Did you mean 'sexual'?"),
        ({"name": "sexual", "populaton": 1}, "Did you mean 'optimizer.population'?"),
    ],
)
def test_wrong_parts_are_refused(part: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolved_part(part, OPTIMIZER_PARAMS, "optimizer")


def test_genomes_of_evosim_have_classes() -> None:
    assert "planner" in genome_classes({"name": "planner"})
