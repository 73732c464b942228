"""The expected path of a driver against recursions and equilibria of theory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis import expected_drive
from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from evosim.theory import drive, fluctuation, two_locus
from tests.support.settings import setting


def recursion(*settings: str, name: str = "drive-equilibrium") -> pl.DataFrame:
    made = setting(name, *settings)
    found = expected_drive.path(made.experiment, made.genome)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("k", "cost", "dominance"), [(0.9, 1.0, 0.0), (0.7, 0.4, 0.2), (0.55, 0.02, 0.5)]
)
def test_the_path_of_a_driver_is_the_recursion(k: float, cost: float, dominance: float) -> None:
    found = recursion(
        f"genome.drivers.0.ratio={k}",
        f"genome.drivers.0.cost={cost}",
        f"genome.drivers.0.dominance={dominance}",
    )["frequency"].to_list()
    q = 100 / 2000
    for generation in range(60):
        assert found[generation] == pytest.approx(q, abs=1e-12)
        q = drive.next_frequency(q, k, dominance, cost)


def test_the_path_ends_at_the_equilibria() -> None:
    assert recursion()["frequency"][-1] == pytest.approx(drive.equilibrium(0.9, 0.0, 1.0).frequency)
    males = recursion("genome.drivers.0.ratio=[0.5,0.9]", "phases.0.generations=600")["frequency"][
        -1
    ]
    assert males == pytest.approx(drive.lethal_by_sex(0.5, 0.9).newborn, abs=1e-9)
    assert (
        recursion('genome.drivers.0.cost_to="fertility"')["frequency"].to_list()
        == recursion()["frequency"].to_list()
    )


def test_driver_and_suppressor_follow_the_two_locus_recursion() -> None:
    found = recursion(name="suppressor")
    driver, suppressor = (
        found.filter(pl.col("site") == site)["frequency"].to_numpy()
        for site in ("driver at t", "suppressor at sup")
    )
    assert suppressor[:50] == pytest.approx(0.0)
    assert suppressor[50] == pytest.approx(20 / 4000)
    w = np.outer([1.0, 1.0, 0.0], [1.0, 0.9, 0.9])
    way, _ = two_locus.iterate(
        two_locus.haplotypes(float(driver[50]), 20 / 4000), 0.5, [0.9, 0.5, 0.5], w, 300
    )
    assert driver[50:350] == pytest.approx(way[:300, 2:].sum(axis=1), abs=1e-9)
    assert suppressor[50:350] == pytest.approx(way[:300, 1::2].sum(axis=1), abs=1e-9)


def test_the_engine_follows_the_path() -> None:
    made = setting(
        "drive-equilibrium",
        "optimizer.population=600",
        "phases.0.generations=160",
        "optimizer.introductions.0.copies=600",
        "search_ledger=false",
    )
    expected = expected_drive.path(made.experiment, made.genome)
    assert expected is not None
    run = (
        simulate(made, Landscape(made), 2)
        .tables["alleles"]
        .filter(pl.col("allele") == "driver")
        .sort("generation")
    )
    late = slice(40, 160)
    spread = fluctuation.fluctuation(600, 0.9, 0.0, 1.0)
    error = fluctuation.time_average_error(spread.newborn, spread.lag, 120)
    assert (
        abs(float(run["frequency"][late].mean()) - float(expected["frequency"][late].mean()))
        < 4.0 * error
    )  # type: ignore[arg-type]
    early = (run["frequency"][:10] - expected["frequency"][:10]).abs().max()
    assert float(early) < 0.06  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("greedy-genes", ()),  # genomes vary
        ("drive-equilibrium", ("genome.markers.t.mutation=0.01",)),
        ("drive-equilibrium", ("genome.drivers.0.cost_to='male fertility'",)),
        ("drive-equilibrium", ("genome.weights.pleasure.alleles=[0.0,0.7]",)),
        ("birth-control", ()),  # no driver
    ],
)
def test_no_path_where_theory_has_none(name: str, settings: tuple[str, ...]) -> None:
    made = setting(name, *settings)
    assert expected_drive.path(made.experiment, made.genome) is None


def test_a_path_ends_where_nobody_survives() -> None:
    found = recursion("optimizer.population=60", "optimizer.introductions.0.copies=120")
    assert found["frequency"].to_list() == [1.0]


def carriers(counts: list[list[int]], kept: list[list[float]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Populations at the swap: by seed, individuals with no, one and two copies, and what they
    keep.
    """
    rows = [
        {
            "seed": seed,
            "moment": "swap",
            "generation": 299,
            "class": 0,
            "count": n,
            "kept": w,
            "copies:t:driver": c,
        }
        for seed, (ns, ws) in enumerate(zip(counts, kept, strict=True))
        for c, (n, w) in enumerate(zip(ns, ws, strict=True))
        if n
    ]
    return pl.DataFrame(rows), pl.DataFrame({"class": [0], "ancestral": [0.8]})


def test_where_a_driver_would_rest() -> None:
    made = setting("greedy-genes")
    k = float(made.experiment.genome["drivers"][0]["ratio"])
    # Lost in the third
    tables = carriers(
        [[30, 50, 20], [10, 40, 50], [100, 0, 0]],
        [[1.0, 0.95, 0.4], [0.5, 0.5, 0.3], [1.0, 1.0, 1.0]],
    )
    found = expected_drive.resting(made.experiment, made.genome, *tables)
    assert found is not None
    each = [
        drive.equilibrium(k, 0.05 / 0.6, 0.6).frequency,
        drive.equilibrium(k, 0.0, 0.4).frequency,
    ]
    assert found.frequency == pytest.approx(np.mean(each), abs=1e-6)
    assert (found.low, found.high) == pytest.approx((min(each), max(each)), abs=1e-6)
    assert found.recorded == pytest.approx((0.45 + 0.7) / 2)
    assert (found.seeds, found.generation) == (2, 299)
    by_sex = setting("greedy-genes", f"genome.drivers.0.ratio=[{k},{k}]")
    assert expected_drive.resting(by_sex.experiment, by_sex.genome, *tables) == found
    nobody = carriers([[0, 50, 50]], [[1.0, 1.0, 0.6]])
    assert expected_drive.resting(made.experiment, made.genome, *nobody) is None
    assert (
        expected_drive.resting(
            made.experiment, made.genome, tables[0].filter(pl.col("seed") == 2), tables[1]
        )
        is None
    )
    alone = setting("drive-equilibrium")
    assert expected_drive.resting(alone.experiment, alone.genome, *tables) is None
