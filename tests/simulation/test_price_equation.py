"""The search ledger of real runs: it closes, it changes nothing else, and its terms are what they
are called.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numba
import numpy as np
import polars as pl
import pytest

from evosim.analysis import price_equation
from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.kernels import compilation
from evosim.optimizers import wright_fisher
from evosim.optimizers.params import Sexual
from evosim.simulation import loop as simulation_loop
from evosim.simulation import price_equation as search_ledger
from evosim.simulation import recorder
from evosim.simulation.loop import simulate
from evosim.simulation.price_equation import FORCES, TERMS
from evosim.simulation.state import Run
from tests.support.settings import quick, setting
from tests.support.twins import genetics


def simulated(name: str, *settings: str, seed: int = 0) -> Run:
    made = setting(name, *quick(name, *settings))
    return simulate(made, Landscape(made), seed)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("coarse-drive", ()),
        ("coarse-drive", ("genome.markers.t.position=20", "genome.weights.solo.mutation=0.05")),
        ("coarse-drive", ("optimizer.sexes=2",)),
        ("coarse-drive", ("optimizer.selfing=false",)),
        ("coarse-savanna", ("genome.ploidy=1",)),
        ("coarse-savanna", ('optimizer.name="asexual"',)),
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


def test_changes_sum_to_those_of_the_other_tables() -> None:
    tables = simulated("coarse-drive").tables
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
    table = simulated("coarse-drive").tables["search"]
    broken = table.with_columns(pl.col("drive") * 0.99)
    assert float(price_equation.closure(broken).abs().max()) > 1e-6  # type: ignore[arg-type]


def test_switching_it_off_changes_nothing_else() -> None:
    on, off = simulated("coarse-drive"), simulated("coarse-drive", "search_ledger=false")
    assert set(on.tables) - set(off.tables) == {"search"}
    assert all(off.tables[name].equals(on.tables[name]) for name in off.tables)


def test_absent_forces_are_0_and_unmeasured_ones_null() -> None:
    table = simulated("coarse-savanna").tables["search"]
    assert table["sampling"].null_count() == table["drive"].null_count() == table.height
    assert (table["recombination"] == 0.0).all()
    assert (table["introduction"] == 0.0).all()
    assert (table["mutation"] != 0.0).any()
    # one force alone has one order  # type: ignore[arg-type]
    assert float(table["order_spread"].max()) == 0.0
    still = simulated("coarse-savanna", "genome.mutation_scale=0.0").tables["search"]
    assert (still["mutation"] == 0.0).all()
    asexual = simulated("coarse-savanna", 'optimizer.name="asexual"').tables["search"]
    assert float(asexual["segregation"].abs().max()) < 1e-12  # type: ignore[arg-type]


def test_the_introduction_is_booked_where_it_happens() -> None:
    table = simulated("coarse-drive").tables["search"].filter(pl.col("trait") == "t: driver")
    came = table.filter(pl.col("introduction") != 0.0)
    assert came["generation"].to_list() == [2]
    assert came["introduction"][0] == pytest.approx(25 / 120)
    assert (table.filter(pl.col("generation") > 2)["drive"] > 0.0).any()


def test_the_spread_bounds_the_effect_of_the_order() -> None:
    """A driver that also mutates, in a dominant cost: drive first or mutation first are not the
    same.
    """
    tables = simulated(
        "coarse-drive",
        "genome.markers.t.mutation=0.2",
        "genome.markers.t.position=20",
        "genome.weights.solo.mutation=0.2",
    ).tables
    table = tables["search"].filter(pl.col("trait") == "fitness in A")
    assert float(table["order_spread"].max()) > 0.0  # type: ignore[arg-type]
    assert (table["order_spread"] >= 0.0).all()


def test_the_summary_sums_before_and_after_the_swap() -> None:
    table = simulated("coarse-drive").tables["search"]
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
        simulated("coarse-drive", seed=s).tables["search"]["drift"].to_numpy() for s in (0, 1)
    )
    assert np.abs(one - other).max() > 0.0


N = 3_000


@pytest.fixture(params=["this thread", "several threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    limit = 1 if request.param == "several threads" else 10**9
    monkeypatch.setattr(compilation, "MIN_PARALLEL", limit)
    monkeypatch.setattr(compilation, "MIN_PARALLEL_READING", limit)
    yield
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


def grids() -> list[Grid]:
    """Markers with drivers of both ploidies; expressed loci; a grid too large to be listed."""
    settings = [
        ("coarse-drive",),
        ("coarse-savanna", "genome.ploidy=1"),
        ("reflexes",),
        ("suppressor",),
    ]
    return [genetics(12, 2, 5), genetics(12, 1, 5), *(setting(*s).genome.grid for s in settings)]


def anybody(grid: Grid, n: int = N) -> Alleles:
    rng = np.random.default_rng(3)
    columns = [rng.integers(0, len(locus.params.alleles), (n, grid.ploidy)) for locus in grid.loci]
    return np.stack(columns, axis=2).astype(np.uint8)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("grid", grids(), ids=range(6))
def test_traits_are_expressed_values_and_copies(grid: Grid) -> None:
    genotypes = anybody(grid)
    traits = search_ledger.Traits(
        grid, lambda some, first: (np.arange(len(some)) + float(first), np.zeros(len(some)))
    )
    found = dict(zip(traits.names, traits(genotypes, 10), strict=True))
    np.testing.assert_array_equal(found["fitness in A"], np.arange(N) + 10.0)
    values = grid.values(grid.classes(genotypes))
    for i, locus in enumerate(grid.loci):
        numeric = locus.values.size > 1 and not isinstance(locus.params.alleles[0], str)
        assert (locus.name in found) == numeric
        if numeric:
            np.testing.assert_array_equal(found[locus.name], values[:, i])
    for locus, allele in grid.drive.alleles:
        name = f"{grid.loci[locus].name}: {grid.loci[locus].params.alleles[allele]}"
        np.testing.assert_array_equal(found[name], (genotypes[:, :, locus] == allele).mean(axis=1))


def loop(*settings: str) -> simulation_loop.Run:
    """A short run of the product's own loop, with drive, introductions, linkage and a ledger."""
    made = setting(
        "coarse-drive",
        *quick(
            "coarse-drive", "genome.markers.t.position=20", "optimizer.population=700", *settings
        ),
    )
    return simulation_loop.simulate(made, Landscape(made), 0)


@pytest.mark.usefixtures("threads")
def test_blocks_change_nothing_but_the_rounding_of_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = loop("optimizer.sexes=2").tables
    for module in (recorder, search_ledger):
        monkeypatch.setattr(module, "CHUNK", 64)
    parts = loop("optimizer.sexes=2").tables
    for name in set(whole) - {"search"}:
        assert whole[name].equals(parts[name])
    for column in (
        *(term for term in search_ledger.TERMS if term != "sampling"),
        "change",
        "order_spread",
    ):
        np.testing.assert_allclose(parts["search"][column], whole["search"][column], atol=1e-13)


@pytest.mark.usefixtures("threads")
def test_the_ledger_needs_a_few_numbers_an_individual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its traits, and newborns made again, come in blocks; what grows is expected and realised
    parentage.
    """
    monkeypatch.setattr(search_ledger, "CHUNK", 256)
    n, grid = 30_000, genetics(12, 2, 5)
    pop = wright_fisher.SexualPopulation(Sexual(population=n), grid, 1)
    nothing = search_ledger.Traits(
        grid, lambda some, first: (np.ones(len(some)), np.ones(len(some)))
    )
    book = search_ledger.SearchLedger(nothing, 0)
    for generation in range(2):  # the second loads the kernels of reproduction
        book.add(generation, "ancestral", pop.ask(), pop.parentage())
        pop.tell(np.ones(n))
    tracemalloc.start()
    book.add(2, "ancestral", pop.ask(), pop.parentage())
    assert tracemalloc.get_traced_memory()[1] < 48 * n
    tracemalloc.stop()
