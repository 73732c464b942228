"""The contract of all optimizers."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evosim.errors import Stop
from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.optimizers import OPTIMIZERS, InvalidState
from evosim.optimizers.allele_vector import AlleleVector
from evosim.optimizers.params import (
    OPTIMIZER_PARAMS,
    Asexual,
    CmaEs,
    Deap,
    Exhaustive,
    HillClimb,
    Sexual,
)
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.session import SessionOptions
from evosim.simulation.loop import simulate
from evosim.simulation.state import Run
from tests.support.runs import equal, once
from tests.support.settings import setting


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_contract_of_optimizers(name: str) -> None:
    """`ask` returns genotypes of the grid, also after `tell`. The seed decides everything."""
    grid = setting("micro").genome.grid
    asked = []
    for seed in (0, 0, 1):
        optimizer = OPTIMIZERS[name](OPTIMIZER_PARAMS[name](), grid, seed)
        optimizer.begin_phase()
        for _ in range(3):
            genotypes = optimizer.ask()
            assert genotypes.dtype == np.uint8
            assert genotypes.shape[1:] == (grid.ploidy, len(grid.loci))
            assert (genotypes < [len(locus.params.alleles) for locus in grid.loci]).all()
            optimizer.tell(1.0 + grid.classes(genotypes) % 7)
        asked.append(optimizer.ask().copy())
        optimizer.close()
    assert np.array_equal(asked[0], asked[1])
    if name != "exhaustive":
        assert not np.array_equal(asked[0], asked[2])


SEARCHERS: list[tuple[str, Any]] = [
    ("hill-climb", HillClimb(climbers=7, tries=3)),
    ("hill-climb", HillClimb(climbers=7, neighbours="mutation", ties=False, patience=3)),
    ("cma-es", CmaEs(population=9)),
    ("deap", Deap(population=11)),
    ("deap", Deap("eaMuPlusLambda", population=10, mu=4, lambda_=12)),
    ("deap", Deap("eaMuCommaLambda", population=10, lambda_=13, crossover="uniform")),
    ("deap", Deap("tests.support.own_algorithm:random_search", population=8)),
]


POPULATIONS: list[tuple[str, Any]] = [
    ("sexual", Sexual(population=9)),
    ("sexual", Sexual(population=9, sexes=2)),
    ("asexual", Asexual(population=9)),
    ("exhaustive", Exhaustive()),
]


def grid(*settings: str) -> Grid:
    return setting("micro", *settings).genome.grid


def run(*settings: str, seed: int = 0) -> Run:
    made = setting("micro", *settings)
    return simulate(made, Landscape(made), seed)


def guests() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("evosim ")]


@pytest.mark.parametrize(("name", "params"), SEARCHERS, ids=str)
def test_contract(name: str, params: Any) -> None:
    """Fitness may be negative, another `ask` changes nothing, and global generators stay."""
    g = grid()
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]  # noqa: NPY002
    asked: list[list[Any]] = []
    for seed in (0, 0, 1):
        optimizer = OPTIMIZERS[name](params, g, seed)
        optimizer.begin_phase()
        asked.append([])
        for generation in range(12):
            if generation == 6:
                optimizer.begin_phase()
            genotypes = optimizer.ask()
            assert np.array_equal(genotypes, optimizer.ask())
            kept = genotypes.copy()
            assert (genotypes < [len(locus.params.alleles) for locus in g.loci]).all()
            optimizer.tell(-1.0 * (g.classes(genotypes) % 7))
            assert np.array_equal(genotypes, kept)
            asked[-1].append(kept)
            assert optimizer.parentage() is None
            assert (optimizer.fitness_retained(genotypes) == 1.0).all()
        optimizer.close()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # type: ignore[index]  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(asked[0], asked[1], strict=True))
    assert any(
        a.shape != b.shape or not np.array_equal(a, b)
        for a, b in zip(asked[0], asked[2], strict=True)
    )
    assert guests() == []


@pytest.mark.parametrize(("name", "params"), [*SEARCHERS, *POPULATIONS], ids=str)
def test_a_restored_optimizer_continues_alike(name: str, params: Any) -> None:
    """Every array of a state is needed, and a state stays as it is while its run continues."""
    g = grid()

    def fitness(genotypes: Any, generation: int) -> Any:
        return 1.0 + (g.classes(genotypes) + generation) % 7

    def made() -> Any:
        optimizer = OPTIMIZERS[name](params, g, 3)
        optimizer.use_fitness_function(fitness)
        return optimizer

    whole, asked, states = made(), [], []
    for generation in range(9):
        if generation in (0, 5):
            whole.begin_phase()
        asked.append(whole.ask().copy())
        states.append({name: array.copy() for name, array in whole.state().items()})
        before = whole.state()
        whole.tell(fitness(asked[-1], generation))
        whole.ask()
        assert all(
            np.array_equal(before[n], a, equal_nan=a.dtype.kind == "f")
            for n, a in states[-1].items()
        )
    whole.close()
    for start in (0, 1, 4, 5, 7):
        other = made()
        other.restore(states[start])
        for generation in range(start, 9):
            if generation == 5 and start < 5:
                other.begin_phase()
            assert np.array_equal(other.ask(), asked[generation])
            other.tell(fitness(asked[generation], generation))
        other.close()
        for name_of_array in states[start]:
            other = made()
            rest = {n: a for n, a in states[start].items() if n != name_of_array}
            with pytest.raises(InvalidState, match=r"has no|proposes other"):
                other.restore(rest)
            other.close()
    assert guests() == []


@pytest.mark.parametrize(("name", "params"), SEARCHERS, ids=str)
def test_they_find_better_genomes(name: str, params: Any) -> None:
    """A fitness with one peak: the last population is better than the first."""
    g = grid()
    optimizer = OPTIMIZERS[name](params, g, 2)
    slots = AlleleVector(g)
    means = []
    for _ in range(60):
        alleles = slots.read(optimizer.ask())
        fitness = (alleles / (slots.n_alleles - 1)).sum(axis=1)
        means.append(fitness.mean())
        optimizer.tell(fitness)
    optimizer.close()
    assert np.mean(means[-5:]) > means[0] + 0.5


SETTINGS: list[str] = [
    'optimizer={name="hill-climb",climbers=5,tries=2,patience=4}',
    'optimizer={name="hill-climb",climbers=5,neighbours="mutation"}',
    'optimizer={name="cma-es",population=8}',
    'optimizer={name="deap",population=12}',
    'optimizer={name="deap",algorithm="eaMuPlusLambda",population=12,mu=6,lambda_=9}',
    'optimizer={name="deap",algorithm="tests.support.own_algorithm:random_search",population=6}',
]


@pytest.mark.parametrize("optimizer", SETTINGS)
def test_a_resumed_run_has_the_same_bytes(tmp_path: Path, optimizer: str) -> None:
    made = setting("micro", optimizer, "phases.0.generations=9", "phases.1.generations=7")
    whole = simulate(made, Landscape(made), 3)
    assert whole.status == "complete"
    for g in (0, 1, 5, 8, 9, 12, 15):
        path = tmp_path / f"{g}.npz"
        with pytest.raises(Stop):
            simulate(
                made,
                Landscape(made),
                3,
                session=ReplicateCheckpoint(path, SessionOptions(stop_requested=once(g))),
            )
        assert guests() == []
        again = simulate(made, Landscape(made), 3, session=ReplicateCheckpoint(path))
        assert equal(again.tables, whole.tables), g
        assert np.array_equal(again.lived, whole.lived)
    assert guests() == []


def test_a_genome_without_choice_can_be_searched() -> None:
    """One allele a locus: nothing to find, and nothing that fails."""
    one = [f"genome.weights.{n}.alleles=[1.0]" for n in ("fullness", "pleasure", "vanity", "toil")]
    for name in ("hill-climb", "cma-es", "deap"):
        done = run(
            *one,
            "genome.horizon.alleles=[2]",
            f'optimizer={{name="{name}"}}',
            "phases.0.generations=3",
            "phases.1.generations=2",
        )
        assert done.status == "complete"
