"""Densities of the landscape: every class counts once, and populations stand at their fitness."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis import ladder, landscape_density
from evosim.figures import Source
from evosim.reference.dynamic_programming import Span
from tests.support.figures import source
from tests.support.settings import quick


@pytest.fixture(scope="module")
def savanna(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return source(
        tmp_path_factory.mktemp("savanna"), "birth-control", *quick("birth-control", "replicates=2")
    )


def made_up(worths: list[tuple[float, float]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "class": range(len(worths)),
            "ancestral": [a for a, _ in worths],
            "modern_intent": [m for _, m in worths],
        }
    )


@pytest.mark.parametrize("kind", ["random", "one", "equal in A", "all equal", "on edges"])
def test_every_class_is_counted_once(kind: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random(500), rng.random(500) ** 3
    table = {
        "random": made_up(list(zip(x.tolist(), y.tolist(), strict=True))),
        "one": made_up([(0.3, 0.4)]),
        "equal in A": made_up([(0.5, v) for v in y]),
        "all equal": made_up([(0.0, 0.0)] * 9),
        "on edges": made_up([(i / 64, i / 48) for i in range(49)]),
    }[kind]
    edges = landscape_density.edges_of(table)
    bins, given = (
        landscape_density.density(table, edges),
        landscape_density.given_ancestral(table, edges[0]),
    )
    assert int(bins["classes"].sum()) == int(given["classes"].sum()) == table.height
    last = [edge[-1] for edge in edges]
    assert int(landscape_density.distinct(table)["classes"].sum()) == table.height
    for row in bins.iter_rows(named=True):  # counted again, class by class
        inside = [
            (row["x"] <= a < row["x2"] or (a == row["x2"] == last[0]))
            and (row["y"] <= m < row["y2"] or (m == row["y2"] == last[1]))
            for _, a, m in table.iter_rows()
        ]
        assert sum(inside) == row["classes"]
    for row in given.iter_rows(named=True):
        mine = [
            m
            for _, a, m in table.iter_rows()
            if row["x"] <= a < row["x2"] or (a == row["x2"] == last[0])
        ]
        assert (row["least"], row["median"], row["most"]) == pytest.approx(
            (min(mine), float(np.median(mine)), max(mine))
        )


def test_near_ties_stand_under_their_least_tolerance() -> None:
    table = made_up(
        [(1.0, 0.1), (1.0, 0.1), (1.0, 0.9), (0.995, 0.5), (0.97, 0.2), (0.94, 0.3), (0.2, 1.0)]
    )
    span = Span(0.0, 1.0, 1.0)
    close = landscape_density.within_tolerances(table, [0.05, 0.0, 0.01], span)
    assert close.rows() == [
        (0.0, 1.0, 0.1, 2, 0),
        (0.0, 1.0, 0.9, 1, 2),
        (0.01, 0.995, 0.5, 1, 3),
        (0.05, 0.97, 0.2, 1, 4),
    ]
    for tolerance in (0.0, 0.01, 0.05):
        assert (
            int(close.filter(pl.col("tolerance") <= tolerance)["classes"].sum())
            == ladder.near_best(table, tolerance, span).height
        )


def test_populations_stand_where_they_are_worth(savanna: Source) -> None:
    tables, swap = savanna.run.tables, savanna.run.experiment.swap
    for moment, generation in (("swap", swap - 1), ("end", savanna.run.experiment.generations - 1)):
        people = landscape_density.inhabitants(tables["landscape"], tables["populations"], moment)
        assert float(people["share"].sum()) == pytest.approx(1.0)
        recorded = tables["generations"].filter(pl.col("generation") == generation)
        for column, name in (
            ("ancestral", "ancestral_mean"),
            ("modern_intent", "modern_intent_mean"),
        ):
            assert float((people["share"] * people[column]).sum()) == pytest.approx(
                float(recorded[name].mean())
            )  # type: ignore[arg-type]
    assert landscape_density.inhabitants(
        tables["landscape"], tables["populations"], "never"
    ).is_empty()
