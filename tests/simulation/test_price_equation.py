"""The search ledger of real runs: it closes, it changes nothing else, and its terms are what they
are called.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis import price_equation
from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from evosim.simulation.price_equation import FORCES, TERMS
from evosim.simulation.state import Run
from tests.support.settings import quick, setting


def simulated(name: str, *settings: str, seed: int = 0) -> Run:
    made = setting(name, *quick(name, *settings))
    return simulate(made, Landscape(made), seed)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("greedy-genes", ()),
        ("greedy-genes", ("genome.markers.t.position=20", "genome.weights.solo.mutation=0.05")),
        ("greedy-genes", ("optimizer.sexes=2",)),
        ("greedy-genes", ("optimizer.selfing=false",)),
        ("birth-control", ("genome.ploidy=1",)),
        ("birth-control", ('optimizer.name="asexual"',)),
        ("reflexes", ()),
    ],
)
def test_it_closes_in_every_generation(name: str, settings: tuple[str, ...]) -> None:
    table = simulated(name, *settings).tables["search"]
    assert table.height > 0
    rest = table.with_columns(price_equation.closure(table).abs().alias("rest"))
    fitness = pl.col("trait").str.starts_with("fitness")
    assert float(rest.filter(fitness)["rest"].max()) <= 1e-9  # type: ignore[arg-type]
    if not rest.filter(~fitness).is_empty():
        assert float(rest.filter(~fitness)["rest"].max()) <= 1e-12  # type: ignore[arg-type]


def test_changes_add_up_to_what_the_tables_of_generations_and_loci_say() -> None:
    tables = simulated("greedy-genes").tables
    whole = price_equation.totals(tables["search"].filter, 1, 18)
    generations = tables["generations"].sort("generation")
    for trait, column in (("fitness in A", "ancestral_mean"), ("fitness in M", "modern_mean")):
        change = whole.filter(pl.col("trait") == trait)["change"][0]
        assert change == pytest.approx(generations[column][-1] - generations[column][0], abs=1e-9)
    for locus in ("pleasure", "horizon", "solo"):
        means = tables["loci"].filter(pl.col("locus") == locus).sort("generation")["mean"]
        assert whole.filter(pl.col("trait") == locus)["change"][0] == pytest.approx(
            means[-1] - means[0], abs=1e-12
        )
    driver = tables["alleles"].filter(pl.col("allele") == "driver").sort("generation")["frequency"]
    assert whole.filter(pl.col("trait") == "t: driver")["change"][0] == pytest.approx(
        driver[-1] - driver[0], abs=1e-12
    )


def test_a_wrong_entry_is_seen() -> None:
    table = simulated("greedy-genes").tables["search"]
    broken = table.with_columns(pl.col("drive") * 0.99)
    assert float(price_equation.closure(broken).abs().max()) > 1e-6  # type: ignore[arg-type]


def test_switching_it_off_changes_nothing_else() -> None:
    on, off = simulated("greedy-genes"), simulated("greedy-genes", "search_ledger=false")
    assert set(on.tables) - set(off.tables) == {"search"}
    assert all(off.tables[name].equals(on.tables[name]) for name in off.tables)


def test_forces_that_are_not_there_do_nothing_and_what_is_not_measured_is_null() -> None:
    table = simulated("birth-control").tables["search"]
    assert table["sampling"].null_count() == table["drive"].null_count() == table.height
    assert (table["recombination"] == 0.0).all()
    assert (table["introduction"] == 0.0).all()
    assert (table["mutation"] != 0.0).any()
    # one force alone has one order  # type: ignore[arg-type]
    assert float(table["order_spread"].max()) == 0.0
    still = simulated("birth-control", "genome.mutation_scale=0.0").tables["search"]
    assert (still["mutation"] == 0.0).all()
    asexual = simulated("birth-control", 'optimizer.name="asexual"').tables["search"]
    assert float(asexual["segregation"].abs().max()) < 1e-12  # type: ignore[arg-type]


def test_the_introduction_is_booked_where_it_happens() -> None:
    table = simulated("greedy-genes").tables["search"].filter(pl.col("trait") == "t: driver")
    came = table.filter(pl.col("introduction") != 0.0)
    assert came["generation"].to_list() == [2]
    assert came["introduction"][0] == pytest.approx(25 / 120)
    assert (table.filter(pl.col("generation") > 2)["drive"] > 0.0).any()


def test_the_order_of_switching_matters_where_forces_meet_and_is_bounded_by_the_spread() -> None:
    """A driver that also mutates, in a dominant cost: drive first or mutation first are not the
    same.
    """
    tables = simulated(
        "greedy-genes",
        "genome.markers.t.mutation=0.2",
        "genome.markers.t.position=20",
        "genome.weights.solo.mutation=0.2",
    ).tables
    table = tables["search"].filter(pl.col("trait") == "fitness in A")
    assert float(table["order_spread"].max()) > 0.0  # type: ignore[arg-type]
    assert (table["order_spread"] >= 0.0).all()


def test_the_summary_sums_before_and_after_the_swap() -> None:
    table = simulated("greedy-genes").tables["search"]
    found = price_equation.price_summary(table.filter, 16, 19)
    assert found is not None
    for part, first, last in (("traits", 1, 15), ("after", 16, 18)):
        by_hand = table.filter(
            pl.col("generation").is_between(first, last) & (pl.col("trait") == "fitness in A")
        )
        row = next(r for r in getattr(found, part) if r.trait == "fitness in A")
        for term in (*FORCES, "selection", "drift", "change"):
            value = row.change if term == "change" else row.terms[term]
            assert value == pytest.approx(by_hand[term].sum(), abs=1e-12)
        assert row.terms["sampling"] is None
    assert price_equation.price_summary(None, 16, 19) is None
    assert set(found.terms) == set(TERMS) == set(price_equation.TERMS)


def test_exhaustive_search_has_no_descent_to_account_for() -> None:
    table = simulated(
        "micro", 'optimizer={name="exhaustive"}', "phases.0.generations=3", "phases.1.generations=2"
    ).tables["search"]
    assert table.is_empty()
    assert set(TERMS) < set(table.columns)


def test_replicates_do_not_share_terms() -> None:
    one, other = (
        simulated("greedy-genes", seed=s).tables["search"]["drift"].to_numpy() for s in (0, 1)
    )
    assert np.abs(one - other).max() > 0.0
