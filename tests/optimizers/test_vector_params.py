"""Parameters of optimizers over real vectors are checked."""

from __future__ import annotations

from typing import Any

import pytest

from evosim.optimizers.params import InvalidOptimizer
from evosim.optimizers.vector_params import (
    VECTOR_PARAMS,
    VECTOR_WHAT,
    Gradient,
    VectorClimb,
    VectorCma,
    VectorGenetic,
)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (Gradient, {"rate": 0.0}),
        (Gradient, {"noise": -1.0}),
        (VectorClimb, {"patience": -1}),
        (VectorCma, {"population": 3}),
        (VectorGenetic, {"cxpb": 1.5}),
        (VectorGenetic, {"cxpb": 0.0, "mutpb": 0.0}),
    ],
)
def test_impossible_parameters_are_refused(kind: type[Any], params: dict[str, float]) -> None:
    with pytest.raises(InvalidOptimizer, match=f"optimizer.{next(iter(params))}") as caught:
        kind(**params)
    assert "\n" not in str(caught.value)


def test_every_optimizer_has_defaults_and_a_description() -> None:
    assert VECTOR_PARAMS.keys() == VECTOR_WHAT.keys()
    for kind in VECTOR_PARAMS.values():
        kind()
