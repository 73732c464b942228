"""Parameters of optimizers that cannot work are refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from evosim.errors import UserError
from evosim.optimizers import OPTIMIZERS, InvalidOptimizer
from evosim.optimizers.params import OPTIMIZER_PARAMS, WHAT, CmaEs, Deap, HillClimb
from tests.support.settings import setting

MISTAKES = [
    (HillClimb, {"climbers": 0}, "climbers"),
    (HillClimb, {"patience": -1}, "patience"),
    (HillClimb, {"rate": 1.5}, "rate"),
    (CmaEs, {"population": 3}, "population"),
    (CmaEs, {"step": 0.0}, "step"),
    (Deap, {"algorithm": "eaNothing"}, "eaSimple"),
    (Deap, {"cxpb": 0.0, "mutpb": 0.0}, "not both be 0"),
    (Deap, {"algorithm": "eaMuPlusLambda", "mutpb": 0.6}, "at most 1"),
    (Deap, {"algorithm": "eaMuCommaLambda", "mu": 9, "lambda_": 5}, "at least mu"),
    (Deap, {"tournament": 0}, "tournament"),
]


@pytest.mark.parametrize(("kind", "given", "words"), MISTAKES)
def test_mistakes_in_parameters(kind: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOptimizer, match=words) as caught:
        kind(**given)
    assert str(caught.value).startswith("optimizer.")


def test_drivers_need_meiosis() -> None:
    with pytest.raises(UserError, match=r"genome\.drivers must be empty"):
        setting("coarse-drive", 'optimizer={name="cma-es"}')


def test_every_optimizer_has_a_description() -> None:
    assert OPTIMIZERS.keys() == OPTIMIZER_PARAMS.keys() == WHAT.keys()
