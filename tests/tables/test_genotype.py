"""Text tables of classes."""

from __future__ import annotations

from evosim.analysis.class_account import class_account, rung_class, with_certificates
from evosim.runtime.text_layout import Screen
from evosim.tables import genotype
from tests.support.accounts import accountant_of


def test_a_class_is_printed_with_its_certificates() -> None:
    accountant = accountant_of("micro")
    account = class_account(accountant.cache, 0, "payoff")
    state = accountant.pair.ancestral.states[0]
    found = with_certificates(account, accountant.cache, accountant.experiment, [state], 0.1)
    console = Screen(record=True, width=160)
    genotype.show_class(console, found)
    text = " ".join(console.export_text().split())
    assert "Class 0" in text
    assert f"enter '{state}'" in text
    assert "(payoff in a life)" in text


def test_rungs_show_what_differs() -> None:
    cache = accountant_of("micro").cache
    rows = [rung_class(cache, "best_ancestral", 0, None), rung_class(cache, "population", 9, 0.25)]
    console = Screen(record=True, width=160)
    genotype.show_rungs(console, rows)
    text = console.export_text()
    assert "R3" in text
    assert "25.0%" in text
