"""Base optimizers without parents: climbers, CMA-ES, and algorithms that a user brings."""

from __future__ import annotations

import importlib
import itertools
import random
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import Interrupted, Stop, UserError
from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.optimizers import OPTIMIZERS, InvalidOptimizer, InvalidState
from evosim.optimizers.allele_vector import AlleleVector
from evosim.optimizers.params import (
    OPTIMIZER_PARAMS,
    WHAT,
    Asexual,
    CmaEs,
    Deap,
    Exhaustive,
    HillClimb,
    Sexual,
)
from evosim.runs import accounts, execute, source_hash
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.session import SessionOptions
from evosim.simulation.loop import simulate
from evosim.simulation.state import Run
from tests.support.runs import equal, once
from tests.support.settings import setting

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
    """Beside that of all optimizers: fitness may be negative, asking again changes nothing, and no
    generator is touched.
    """
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


def test_climbers_go_by_the_rules() -> None:
    """Of every climber: neighbours are one step away from where it is, and it goes to the best
    unless that is worse.
    """
    g, tries = grid(), 4
    slots = AlleleVector(g)
    optimizer = OPTIMIZERS["hill-climb"](HillClimb(climbers=5, tries=tries), g, 0)
    rng = np.random.default_rng(0)
    table = rng.integers(0, 5, g.size).astype(np.float64)  # rough, with ties
    here = slots.read(optimizer.ask())[:5]
    worth = table[g.classes(slots.genotypes(here))]
    for _ in range(40):
        genotypes = optimizer.ask()
        alleles, fitness = slots.read(genotypes), table[g.classes(genotypes)]
        assert np.array_equal(
            fitness[:5],
            np.array([table[g.classes(slots.genotypes(here[c : c + 1]))][0] for c in range(5)]),
        )
        tried, gained = alleles[5:].reshape(5, tries, -1), fitness[5:].reshape(5, tries)
        current = optimizer._current  # type: ignore[attr-defined]
        assert (np.abs(tried - current[:, None, :]).sum(axis=2) == 1).all()
        optimizer.tell(fitness)
        for c in range(5):
            if gained[c].max() > worth[c]:
                here[c], worth[c] = tried[c, gained[c].argmax()], gained[c].max()
    assert (worth >= np.sort(table)[-g.size // 2]).all()


@pytest.mark.parametrize("ties", [False, True])
def test_climbers_on_flat_ground(ties: bool) -> None:
    """Where all are equal, only who takes ties moves; nobody gains, so that patience ends whether
    one moved or not.
    """
    g = grid()
    slots = AlleleVector(g)
    optimizer = OPTIMIZERS["hill-climb"](HillClimb(climbers=20, ties=ties, patience=3), g, 0)
    began = optimizer._current.copy()  # type: ignore[attr-defined]
    for generation in range(4):
        moved = (optimizer._current != began).any(axis=1)  # type: ignore[attr-defined]
        assert moved.all() if ties and generation == 1 else moved.any() == (ties and generation > 0)
        tried = slots.read(optimizer.ask())[20:]
        away = np.abs(tried - optimizer._current).sum(axis=1)  # type: ignore[attr-defined]
        assert (away == 1).all() == (generation < 3)  # then they begin again, anywhere
        optimizer.tell(np.zeros(40))
    assert (optimizer._current == tried).all()  # type: ignore[attr-defined]


def test_climbers_with_restarts_find_what_they_are_stuck_beside() -> None:
    """A local peak at all alleles 0 and a better one elsewhere: only who begins again finds it."""
    g = grid("genome.ploidy=1")
    slots = AlleleVector(g)
    goal = slots.n_alleles - 1

    def found(patience: int) -> float:
        optimizer = OPTIMIZERS["hill-climb"](
            HillClimb(climbers=1, tries=8, patience=patience), g, 1
        )
        optimizer._current = optimizer._best = np.zeros((1, len(slots)), dtype=np.int64)  # type: ignore[attr-defined]
        for _ in range(400):
            alleles = slots.read(optimizer.ask())
            distance = np.abs(alleles - goal).sum(axis=1)
            fitness = np.where(
                (alleles == 0).all(axis=1),
                1.0,
                np.where(distance <= 1, 2.0 - distance, -distance - 0.0),
            )
            optimizer.tell(fitness)
        return float(fitness[0])

    assert found(0) == 1.0
    assert found(5) == 2.0


def test_a_climber_judges_anew_in_a_new_world() -> None:
    g = grid()
    optimizer = OPTIMIZERS["hill-climb"](HillClimb(climbers=6, tries=5), g, 0)
    for sign in (1.0, -1.0):
        optimizer.begin_phase()
        for _ in range(60):
            fitness = sign * g.classes(optimizer.ask()).astype(np.float64)
            optimizer.tell(fitness)
        best = fitness[:6]
        assert (best >= (sign * np.array([0.0, g.size - 1])).max() - 0.3 * g.size).all()


def test_rounding_gives_every_allele_an_equal_share() -> None:
    slots = AlleleVector(grid())
    even = np.linspace(0.0, 1.0, 60_001)[:-1, None] * np.ones(len(slots))
    alleles = slots.nearest(even)
    for k, n in enumerate(slots.n_alleles):
        assert np.bincount(alleles[:, k], minlength=n).tolist() == pytest.approx(
            [60_000 / n] * n, abs=1
        )
    assert (
        slots.nearest(np.array([[-3.0] * len(slots), [9.0] * len(slots)]))
        == np.stack([0 * slots.n_alleles, slots.n_alleles - 1])
    ).all()
    every = slots.read(slots.genotypes(alleles[:50]))
    assert np.array_equal(every, alleles[:50])


SETTINGS: list[str] = [
    'optimizer={name="hill-climb",climbers=5,tries=2,patience=4}',
    'optimizer={name="hill-climb",climbers=5,neighbours="mutation"}',
    'optimizer={name="cma-es",population=8}',
    'optimizer={name="deap",population=12}',
    'optimizer={name="deap",algorithm="eaMuPlusLambda",population=12,mu=6,lambda_=9}',
    'optimizer={name="deap",algorithm="tests.support.own_algorithm:random_search",population=6}',
]


@pytest.mark.parametrize("optimizer", SETTINGS)
def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path: Path, optimizer: str) -> None:
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


def test_a_guest_that_does_something_else_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its source is in no digest: what it asks for after having been led again is compared."""
    from tests.support import own_algorithm

    made = setting("micro", SETTINGS[-1])
    with pytest.raises(Stop):
        simulate(
            made,
            Landscape(made),
            3,
            session=ReplicateCheckpoint(
                tmp_path / "kept.npz", SessionOptions(stop_requested=once(8))
            ),
        )

    def other(population: list[Any], toolbox: Any) -> None:
        for _ in itertools.count():
            toolbox.map(toolbox.evaluate, population)

    monkeypatch.setattr(own_algorithm, "random_search", other)
    with pytest.raises(UserError, match="proposes other newborns"):
        simulate(made, Landscape(made), 3, session=ReplicateCheckpoint(tmp_path / "kept.npz"))
    assert guests() == []


def test_deap_is_led_as_it_would_go_by_itself() -> None:
    """eaSimple with the same operators and fitness, called directly with the generators seeded as a
    guest's are: the same populations.
    """
    from deap import algorithms

    from evosim.optimizers.deap_adapter import STREAM, DeapAdapter
    from evosim.optimizers.global_rng import seeded

    g, params = grid(), Deap(population=10)
    slots = AlleleVector(g)

    def fitness(alleles: Any) -> Any:
        return (np.asarray(alleles) * np.arange(1, len(slots) + 1)).sum(axis=1).astype(np.float64)

    led, asked = DeapAdapter(params, g, 4), []
    for _ in range(5):
        alleles = slots.read(led.ask())
        asked.append(alleles)
        led.tell(fitness(alleles))
    led.close()

    free, batches = DeapAdapter(params, g, 4), []

    def evaluated(function: Any, members: list[Any]) -> Any:
        batches.append(np.array(members))
        if len(batches) == 5:
            raise StopIteration
        words = np.random.SeedSequence((4, len(batches), STREAM)).generate_state(8, np.uint32)
        random.seed(words[:4].tobytes())
        return [(value,) for value in fitness(members).tolist()]

    free._toolbox.map = evaluated
    with seeded(4, 0, STREAM), pytest.raises(StopIteration):
        algorithms.eaSimple(
            free._members, free._toolbox, params.cxpb, params.mutpb, 10, verbose=False
        )
    assert all(np.array_equal(a, b) for a, b in zip(asked, batches, strict=True))


def test_an_algorithm_that_ends_stays_where_it_is() -> None:
    for algorithm in ('algorithm="tests.support.own_algorithm:gives_up"', "ngen=3"):
        done = run(f'optimizer={{name="deap",population=6,{algorithm}}}')
        assert done.status == "complete"
        generations = done.tables["generations"]
        assert generations["size"].to_list() == [6] * len(generations)
        assert generations["ancestral_mean"][5:].n_unique() == 1
    assert guests() == []


@pytest.mark.parametrize(
    ("algorithm", "words"),
    [
        ("fails", "failed in generation 1 .KeyError: 'no idea'"),
        ("invents", "must list 8 allele numbers"),
        ("wants_more", "wants 'temperature'"),
        ("is_not_there", "can be imported"),
    ],
)
def test_a_guests_mistakes_are_one_line(algorithm: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        run(
            f'optimizer={{name="deap",population=6,algorithm="tests.support.own_algorithm:{algorithm}"}}'
        )
    assert "\n" not in str(caught.value)
    assert guests() == []


MISTAKES = [
    (HillClimb, {"climbers": 0}, "climbers"),
    (HillClimb, {"patience": -1}, "patience"),
    (HillClimb, {"rate": 1.5}, "rate"),
    (CmaEs, {"population": 3}, "population"),
    (CmaEs, {"step": 0.0}, "step"),
    (Deap, {"algorithm": "eaNothing"}, "eaSimple"),
    (Deap, {"cxpb": 0.0, "mutpb": 0.0}, "not both be 0"),
    (Deap, {"algorithm": "eaMuPlusLambda", "mutpb": 0.6}, "at most 1"),
    (Deap, {"algorithm": "eaMuCommaLambda", "mu": 9, "lambda_": 5}, "at least mu"),
    (Deap, {"tournament": 0}, "tournament"),
]


@pytest.mark.parametrize(("kind", "given", "words"), MISTAKES)
def test_mistakes_in_parameters(kind: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOptimizer, match=words) as caught:
        kind(**given)
    assert str(caught.value).startswith("optimizer.")


def test_drivers_need_meiosis() -> None:
    with pytest.raises(UserError, match=r"genome\.drivers must be empty"):
        setting("greedy-genes", 'optimizer={name="cma-es"}')


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


def test_everybody_says_what_it_is() -> None:
    assert OPTIMIZERS.keys() == OPTIMIZER_PARAMS.keys() == WHAT.keys()


def test_guests_that_return_nothing_to_go_on_with_or_evaluate_nobody_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    module = types.ModuleType("odd_algorithms")
    module.nothing = lambda population: 3  # type: ignore[attr-defined]
    module.idle = lambda population: population  # type: ignore[attr-defined]
    module.number = 7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "odd_algorithms", module)
    for name, words in (
        ("nothing", "must return its last population"),
        ("idle", "must have individuals evaluated"),
        ("number", "a int cannot be called"),
    ):
        made = setting("micro", f'optimizer={{name="deap",algorithm="odd_algorithms:{name}"}}')
        with pytest.raises(UserError, match=words):
            simulate(made, Landscape(made), 0)


def test_a_user_s_algorithm_is_part_of_what_a_run_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run says which file it was, another file does not go on with it, and a run of another file
    is told from it.
    """
    source = (Path(__file__).resolve().parents[1] / "support" / "own_algorithm.py").read_text()
    (tmp_path / "bees.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    chosen = resolve(
        apply_settings(
            read_experiment("micro"),
            [
                'optimizer={name="deap",population=6,algorithm="bees:random_search"}',
                "phases.0.generations=6",
            ],
        )
    )
    recorded, _ = execute.run(chosen, out=tmp_path / "run")
    said = recorded.provenance["packages"]["bees:random_search"]
    assert said.startswith("source ")
    assert accounts.same_code(recorded)
    stops = iter([None, None, None, Stop("SIGTERM", 143)])
    with pytest.raises(Interrupted):
        execute.run(
            chosen,
            out=tmp_path / "other",
            options=SessionOptions(stop_requested=lambda: next(stops, None)),
        )
    (tmp_path / "bees.py").write_text(source + "\n# another\n")
    source_hash.forget_sources()
    assert not accounts.same_code(recorded)
    with pytest.raises(
        UserError,
        match=(
            r"has packages .*'bees:random_search': 'source [0-9a-f]{16}'.*would not be the"
            r" same run"
        ),
    ):
        execute.run(chosen, out=tmp_path / "other", resume=True)
    (tmp_path / "bees.py").unlink()
    source_hash.forget_sources()
    importlib.invalidate_caches()
    assert accounts.same_code(recorded)  # what is not here cannot be another
    source_hash.forget_sources()
    sys.modules.pop("bees")
