"""Densities of a landscape count every class once."""

from __future__ import annotations

import pytest

from evosim.analysis import landscape_density
from tests.support.accounts import accountant_of


def test_a_density_counts_every_class() -> None:
    landscape = accountant_of("micro").tables["landscape"]
    edges = landscape_density.edges_of(landscape)
    assert landscape_density.density(landscape, edges)["classes"].sum() == landscape.height
    assert landscape_density.distinct(landscape)["classes"].sum() == landscape.height


def test_tolerances_list_each_class_once() -> None:
    accountant = accountant_of("micro")
    landscape = accountant.tables["landscape"]
    span = accountant.cache.evaluator.spans["ancestral"]
    found = landscape_density.within_tolerances(landscape, [0.0, 0.05, 1.0], span)
    assert found["classes"].sum() == landscape["breeds_true"].sum()
    assert set(found["tolerance"]) <= {0.0, 0.05, 1.0}


def test_inhabitants_have_the_shares_of_the_population() -> None:
    tables = accountant_of("micro").tables
    found = landscape_density.inhabitants(tables["landscape"], tables["populations"], "swap")
    assert found["share"].sum() == pytest.approx(1.0)
