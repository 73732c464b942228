"""The loop of a run: threads, seeds, worlds, extinction."""

from __future__ import annotations

from collections.abc import Iterator

import numba
import polars as pl
import pytest

from evosim.fitness.landscape import Landscape
from evosim.kernels import compilation
from evosim.simulation import loop as simulation_loop
from evosim.simulation.loop import simulate
from evosim.simulation.state import Run
from tests.support.runs import equal
from tests.support.settings import quick, setting


@pytest.fixture(params=["this thread", "several threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    limit = 1 if request.param == "several threads" else 10**9
    monkeypatch.setattr(compilation, "MIN_PARALLEL", limit)
    monkeypatch.setattr(compilation, "MIN_PARALLEL_READING", limit)
    yield
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


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
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="this machine has one thread")
@pytest.mark.parametrize("settings", [(), ("optimizer.sexes=2",), ("analysis.max_classes=10",)])
def test_the_loop_gives_the_same_bytes_for_one_and_two_threads(settings: tuple[str, ...]) -> None:
    runs = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        runs.append(loop(*settings).tables)
    assert all(runs[0][name].equals(runs[1][name], null_equal=True) for name in runs[0])


def simulated(name: str, *settings: str, max_classes: int | None = None, seed: int = 0) -> Run:
    made = setting(name, *quick(name, *settings))
    return simulate(
        made, Landscape(made, max_classes=max_classes, max_enumerated=max_classes), seed
    )


def test_replicates_are_runs_with_later_seeds() -> None:
    made = setting("coarse-savanna", *quick("coarse-savanna"))
    shared = Landscape(made)
    both = [simulate(made, shared, seed) for seed in (4, 5)]
    alone = simulate(made, Landscape(made), 5)
    assert equal(both[1].tables, alone.tables)
    assert not equal(both[0].tables, both[1].tables)


@pytest.mark.parametrize("name", ["coarse-savanna", "micro"])
@pytest.mark.parametrize("optimizer", ["sexual", "asexual"])
def test_look_up_and_direct_evaluation_give_the_same_run(name: str, optimizer: str) -> None:
    change = f'optimizer.name="{optimizer}"'
    looked_up = simulated(name, change)
    direct = simulated(name, change, max_classes=1)
    assert equal(looked_up.tables, direct.tables)


def test_the_modern_world_cannot_change_the_ancestral_phase() -> None:
    one, other = (
        simulated("coarse-savanna", f"world.modern.{change}")
        for change in ("death=0.2", "conception=0.0")
    )
    swap = 12
    columns = [
        "seed",
        "generation",
        "world",
        "size",
        "ancestral_mean",
        "ancestral_sd",
        "ancestral_max",
        "classes",
    ]
    a, b = (x.tables["generations"].filter(pl.col("generation") < swap) for x in (one, other))
    assert a.select(columns).equals(b.select(columns))
    assert not a["modern_mean"].equals(b["modern_mean"])
    for table in ("loci", "alleles"):
        before = [x.tables[table].filter(pl.col("generation") <= swap) for x in (one, other)]
        assert before[0].equals(before[1])
    populations = [x.tables["populations"].filter(pl.col("moment") != "end") for x in (one, other)]
    assert populations[0].equals(populations[1])
    # and the worlds do differ: later generations do
    assert not one.tables["loci"].equals(other.tables["loci"])


def test_phases_may_alternate() -> None:
    phase = '{{world="{}",generations={}}}'.format
    phases = [phase("ancestral", 3), phase("modern", 2), phase("ancestral", 2)]
    extra = f"phases=[{','.join(phases)}]"
    worlds = simulated("micro", extra).tables["generations"]["world"].to_list()
    assert worlds == ["ancestral"] * 3 + ["modern"] * 2 + ["ancestral"] * 2
