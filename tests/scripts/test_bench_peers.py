"""The benchmark's job is the product's, and its peers do that job."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import lifetime, plan
from tests.support.settings import setting

N = 48


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "scripts" / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def job(script) -> ModuleType:  # type: ignore[no-untyped-def]
    return script("bench_job")


def test_the_job_is_what_the_product_computes(job: ModuleType) -> None:
    world, (weights, horizons) = job.world(), job.genomes(6)
    reference = job.reference(weights, horizons)
    assert reference.clear.all()
    for weight, horizon, fitness in zip(weights, horizons, reference.fitness, strict=True):
        assert lifetime(world, plan(world, weight, int(horizon)), world.payoff) == pytest.approx(
            fitness, rel=1e-12
        )


def test_tables_are_the_same_in_float32(job: ModuleType) -> None:
    t = job.tables()
    for table in (t.chances, t.features, t.payoff, job.genomes(N)[0]):
        assert (table == table.astype(np.float32)).all()


def test_fewer_genomes_are_the_first_of_more(job: ModuleType) -> None:
    for few, many in zip(job.genomes(N), job.genomes(), strict=True):
        np.testing.assert_array_equal(few, many[:N])


@pytest.mark.parametrize(
    "name",
    [
        "NumPy, gathers, 32 lanes",
        "NumPy, dense product, 64 lanes",
        "SciPy, sparse product, 32 lanes",
        pytest.param("Numba, float64, naive", marks=pytest.mark.slow),  # it compiles
    ],
)
def test_peers_do_the_job(script, job: ModuleType, name: str) -> None:  # type: ignore[no-untyped-def]
    genomes = job.genomes(N)
    assert (
        job.reference(*genomes).largest_error(name, script("bench_peers").PLANNERS[name](*genomes))
        < 1e-4
    )


def test_deap_does_the_job(script, job: ModuleType) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("deap")
    genomes, peers = job.genomes(N), script("bench_peers").PLANNERS
    for name in ("DEAP, pure Python", "DEAP, NumPy per genome"):
        assert job.reference(*genomes).largest_error(name, peers[name](*genomes)) < 1e-4


def test_another_job_is_refused(job: ModuleType) -> None:
    weights, horizons = job.genomes(N)
    reference = job.reference(weights, horizons)
    with pytest.raises(RuntimeError, match="does another job"):
        reference.largest_error(
            "x",
            reference.fitness
            + np.where(np.arange(N) == np.flatnonzero(reference.clear)[0], 0.01, 0.0),
        )


def test_enumerators_agree_with_the_landscape(script) -> None:  # type: ignore[no-untyped-def]
    made = setting("coarse-savanna")
    classes = np.arange(0, made.genome.grid.size, 301)
    worth = Landscape(made, max_classes=0).fitness(classes)
    for fitness in script("bench_grid").ENUMERATORS.values():
        np.testing.assert_allclose(
            fitness(made, classes), np.stack([worth.ancestral, worth.modern], axis=1), rtol=1e-12
        )


def test_candidates_are_timed_in_turn_after_a_warm_up(job: ModuleType) -> None:
    calls: list[str] = []
    timings = job.timed({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert timings["a"].rounds == 2
    assert timings["a"].best <= timings["a"].median
