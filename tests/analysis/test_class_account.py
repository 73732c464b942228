"""Accounts of single classes."""

from __future__ import annotations

import json

import pytest

from evosim.analysis.class_account import class_account, rung_class, with_certificates
from evosim.errors import UserError
from tests.support.accounts import accountant_of


def test_a_class_loses_what_it_lacks_to_the_optimum() -> None:
    cache = accountant_of("micro").cache
    account = class_account(cache, 11, "payoff")
    assert account.behaviour.ancestral
    lost = sum(account.behaviour.ancestral.kinds.values())
    assert lost == pytest.approx(account.ancestral.optimum - account.ancestral.fitness)
    assert account.causes
    assert sum(account.causes.ancestral.values()) == pytest.approx(lost, abs=1e-9)


def test_an_account_is_plain_data_for_json() -> None:
    account = class_account(accountant_of("micro").cache, 0, "payoff")
    data = json.loads(json.dumps(account.as_dict()))
    assert data["class"] == 0
    assert "certificates" not in data
    assert "intent" not in data["ancestral"]


def test_certificates_are_by_world() -> None:
    accountant = accountant_of("micro")
    account = class_account(accountant.cache, 0, "payoff")
    state = accountant.pair.ancestral.states[0]
    found = with_certificates(account, accountant.cache, accountant.experiment, [state], 0.0)
    assert found.certificates
    assert {"ancestral", "modern"} <= set(found.certificates)
    assert found.certificates["ancestral"].loses_at_most
    with pytest.raises(UserError, match="--never"):
        with_certificates(account, accountant.cache, accountant.experiment, ["no state"], None)


def test_a_rung_class_has_its_share_and_genome() -> None:
    cache = accountant_of("micro").cache
    found = rung_class(cache, "population", 4, 0.5)
    assert (found.rung, found.class_id, found.share) == ("population", 4, 0.5)
    assert found.ancestral == cache.evaluator.scored(4, "ancestral")
    assert found.modern_intent == cache.evaluator.scored(4, "modern")
    assert set(found.loci) <= {locus.name for locus in cache.evaluator.genome.grid.loci}
