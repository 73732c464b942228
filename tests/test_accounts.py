"""The list of accounts and figures: every name in it leads to code."""

from __future__ import annotations

from dataclasses import is_dataclass
from importlib import import_module
from importlib.util import find_spec

import pytest

from evosim.accounts import ACCOUNTS, FIGURES, SEARCH_FIGURES, TABLES, accounts_with_text


@pytest.mark.parametrize("name", accounts_with_text())
def test_an_account_has_text(name: str) -> None:
    assert callable(import_module(f"evosim.tables.{ACCOUNTS[name].text}").text)


@pytest.mark.parametrize("name", [*FIGURES, *SEARCH_FIGURES])
def test_a_figure_has_a_file(name: str) -> None:
    figure = (FIGURES | SEARCH_FIGURES)[name]
    assert find_spec(f"evosim.figures.{figure.module}") is not None


def test_figures_of_accounts_exist() -> None:
    assert {account.figure for account in ACCOUNTS.values()} - {""} <= set(FIGURES)


def test_text_and_figure_of_an_account_share_a_file_name() -> None:
    for account in accounts_with_text().values():
        if account.figure:
            assert FIGURES[account.figure].module == account.text


@pytest.mark.parametrize("name", [name for name, x in ACCOUNTS.items() if x.analysis])
def test_an_account_computes_itself(name: str) -> None:
    module = import_module(f"evosim.analysis.{ACCOUNTS[name].analysis}")
    assert callable(module.tables)
    assert callable(module.summarize)
    assert is_dataclass(module.Summary)
    assert ACCOUNTS[name].analysis == ACCOUNTS[name].text


def test_no_table_belongs_to_two_accounts() -> None:
    assert len(TABLES) == sum(len(account.tables) for account in ACCOUNTS.values())
