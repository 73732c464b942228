"""Every claim registers its predictions and lists its parts."""

from __future__ import annotations

import json

import pytest

import evosim.claims as claims
from evosim.claims.experiments import claim_experiment
from evosim.config.schema import Prediction


def test_a_predicted_range_needs_both_ends() -> None:
    with pytest.raises(ValueError, match="Give both with says = 'within'"):
        Prediction(quantity="x", says="within", low=1.0)


@pytest.mark.parametrize("name", claims.CLAIMS)
def test_every_claim_registers_predictions(name: str) -> None:
    experiment = claim_experiment(name, "full")
    assert experiment.name == name
    assert experiment.claim is not None
    assert experiment.claim.number == int(name.split("-")[1])
    parts = claims.claim_of(name).parts(experiment)
    assert parts
    assert len({part.name for part in parts}) == len(parts)
    assert claims.claim_of(name).parts(claim_experiment(name, "quick"))
    assert json.loads(experiment.model_dump_json())["claim"]["predictions"]
