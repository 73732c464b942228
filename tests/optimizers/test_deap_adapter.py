"""Optimizer `deap` under users' loops: which generations it shows, and which fitness each gets."""

from __future__ import annotations

import itertools
import random
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deap import algorithms, base, creator, tools

from evosim.config.resolve import Problem
from evosim.errors import Stop, UserError
from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.optimizers import InvalidOptimizer, deap_adapter
from evosim.optimizers.allele_vector import AlleleVector
from evosim.optimizers.global_rng import seeded
from evosim.optimizers.params import Deap
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.session import SessionOptions
from evosim.simulation.loop import simulate
from evosim.simulation.state import Run
from tests.support import deap_loops as loops
from tests.support.runs import equal, once
from tests.support.settings import setting

SIZE = 20


Lists = list[list[int]]


@pytest.fixture(scope="module")
def grid() -> Grid:
    return setting("micro").genome.grid


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """No notes of another test, and no thread that outlives one."""
    for notes in loops.NOTES.values():
        notes.clear()
    yield
    assert guests() == []


def guests() -> list[str]:

    return [thread.name for thread in threading.enumerate() if thread.name.startswith("evosim ")]


def fitness_of(members: Any, generation: int = 0) -> Any:
    """A fitness `[n]` that is another for every individual and in every generation."""
    alleles = np.array([list(map(int, member)) for member in members])
    return (alleles * 7.0 ** np.arange(alleles.shape[1])).sum(axis=1) / 1000.0 + 1000.0 * generation


def led(
    grid: Grid, algorithm: Any, n: int = 8, *, monkeypatch: pytest.MonkeyPatch | None = None
) -> list[Lists]:
    """The generations that an algorithm shows, each given its `fitness_of`."""
    if monkeypatch:
        module = types.ModuleType("brought")
        module.loop = algorithm  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "brought", module)
        algorithm = "brought:loop"
    slots = AlleleVector(grid)
    name = algorithm if ":" in algorithm else f"tests.support.deap_loops:{algorithm}"
    one = deap_adapter.DeapAdapter(Deap(name, population=SIZE), grid, 5)
    one.use_fitness_function(
        lambda genotypes, generation: fitness_of(slots.read(genotypes), generation)
    )
    shown = []
    try:
        for generation in range(n):
            shown.append(slots.read(one.ask()).tolist())
            one.tell(fitness_of(shown[-1], generation))
    finally:
        one.close()
    return shown


def experiment(name: str, ancestral: int, modern: int) -> Problem:
    optimizer = (
        f'optimizer={{name="deap",algorithm="tests.support.deap_loops:{name}",population={SIZE}}}'
    )
    return setting(
        "micro", optimizer, f"phases.0.generations={ancestral}", f"phases.1.generations={modern}"
    )


def singles(values: Any) -> list[tuple[float]]:
    return [(float(value),) for value in values]


NAMED = [
    Deap("eaSimple", SIZE, ngen=7),
    Deap("eaMuPlusLambda", SIZE, mu=9, lambda_=14, ngen=7),
    Deap("eaMuCommaLambda", SIZE, lambda_=26, ngen=7),
]


@pytest.mark.parametrize("params", NAMED, ids=lambda params: params.algorithm)
def test_offspring_of_deap_algorithms_are_the_generation(
    grid: Grid, params: Deap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against DEAP itself, with its own types and clones: all that `varAnd` and `varOr` give.

    Unchanged copies are among them. Fitness stays the same: what DEAP keeps is right.
    """
    slots = AlleleVector(grid)
    shown: list[Lists] = []
    one = deap_adapter.DeapAdapter(params, grid, 5)
    for _ in range(8):
        shown.append(slots.read(one.ask()).tolist())
        one.tell(fitness_of(shown[-1]))
    last = slots.read(one.ask()).tolist()
    one.close()

    if not hasattr(creator, "OfDeap"):
        creator.create("OfDeapFitness", base.Fitness, weights=(1.0,))
        creator.create("OfDeap", list, fitness=creator.OfDeapFitness)
    toolbox, n, k = base.Toolbox(), slots.n_alleles, len(slots)
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register(
        "mutate", tools.mutUniformInt, low=[0] * k, up=(n - 1).tolist(), indpb=params.indpb
    )
    toolbox.register("select", tools.selTournament, tournsize=params.tournament)
    toolbox.register("evaluate", lambda member: singles(fitness_of([member]))[0])
    offspring, copies = [shown[0]], 0

    def noting(vary: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            made = vary(*arguments)
            nonlocal copies
            copies += sum(member.fitness.valid for member in made)
            offspring.append([list(member) for member in made])
            return made

        return noted

    for vary in (algorithms.varAnd, algorithms.varOr):
        monkeypatch.setattr(algorithms, vary.__name__, noting(vary))

    def mapped(function: Any, members: Any) -> Any:
        found = [function(member) for member in members]
        words = np.random.SeedSequence((5, len(offspring), deap_adapter.STREAM)).generate_state(
            8, np.uint32
        )
        random.seed(words[:4].tobytes())
        return found

    toolbox.register("map", mapped)
    first = [creator.OfDeap(member) for member in shown[0]]
    how = {"eaSimple": ()}.get(params.algorithm, (params.mu or SIZE, params.lambda_ or SIZE))
    with seeded(5, 0, deap_adapter.STREAM):
        ended, _ = getattr(algorithms, params.algorithm)(
            first, toolbox, *how, params.cxpb, params.mutpb, 7, verbose=False
        )
    assert shown == offspring
    assert last == ended
    assert copies > 10


RIGHT = [
    *("one_max", "own_toolbox", "penalised", "nowhere_feasible", "repaired", "asked_again"),
    *("registered_anew", "by_a_function", "by_another_aim", "two_aims", "islands"),
    *(
        "with_an_elite",
        "with_survivors",
        "with_a_history",
        "by_generate_and_update",
        "by_a_copied_toolbox",
    ),
    "plain_lists",
]


@pytest.mark.parametrize("name", RIGHT)
def test_a_generation_is_the_list_that_was_mapped(grid: Grid, name: str) -> None:
    shown, noted = led(grid, name), loops.NOTES["generations"]
    if name == "own_toolbox":
        assert [len(members) for members in shown] == [SIZE] * 8
    else:
        assert noted
        assert shown[: len(noted)] == noted


def heard(grid: Grid, name: str) -> list[tuple[Lists, list[Any], Any]]:
    """For each generation: its individuals, the values the algorithm got, and their own fitness."""
    led(grid, name)
    both = zip(loops.NOTES["generations"], loops.NOTES["heard"], strict=True)
    return [(members, values, fitness_of(members, g)) for g, (members, values) in enumerate(both)]


@pytest.mark.parametrize(
    "name", ["one_max", "islands", "with_an_elite", "by_a_copied_toolbox", "plain_lists"]
)
def test_each_individual_gets_its_own_fitness(grid: Grid, name: str) -> None:
    for _, values, own in heard(grid, name):
        assert values == singles(own)


def test_unchanged_clones_are_evaluated_with_the_others(grid: Grid) -> None:
    led(grid, "one_max")
    assert loops.NOTES["generations"][1:] == loops.NOTES["other"]
    assert {len(members) for members in loops.NOTES["other"]} == {SIZE}


def test_decorators_of_evaluate_decide_what_is_heard(grid: Grid) -> None:
    (members, values, own), *_ = heard(grid, "penalised")
    assert values == [
        (-100.0 - 2.0 * member[0],) if member[0] else (value,)
        for member, value in zip(members, own.tolist(), strict=True)
    ]
    assert len({member[0] for member in members}) > 1


def test_who_was_evaluated_last_can_be_asked_for_alone(grid: Grid) -> None:
    for (members, values, own), alone in zip(
        heard(grid, "asked_again"), loops.NOTES["other"], strict=True
    ):
        assert values == [
            (-100.0,) if member[0] else (value,)
            for member, value in zip(members, own.tolist(), strict=True)
        ]
        assert alone == values[::-1]


def test_a_generation_without_feasible_members_is_one(grid: Grid) -> None:
    (members, values, _), *_ = heard(grid, "nowhere_feasible")
    assert (len(members), values) == (SIZE, [(-7.0,)] * SIZE)


def test_a_stand_in_is_evaluated_but_not_recorded(grid: Grid) -> None:
    """`ClosestValidPenalty`: the fitness with first allele 0, less 10 for each step to it."""
    generations = heard(grid, "repaired")
    assert len(generations) == 3
    for g, (members, values, _) in enumerate(generations):
        instead = fitness_of([[0, *member[1:]] for member in members], g)
        assert values == singles(instead - 10.0 * np.array([member[0] for member in members]))
    assert any(member[0] for members, *_ in generations for member in members)


def test_registered_or_mapped_functions_get_fitness(grid: Grid) -> None:
    (members, values, own), *_ = heard(grid, "registered_anew")
    assert values == singles(2.0 * own - np.array([member[0] for member in members]))
    loops.NOTES["generations"].clear()
    loops.NOTES["heard"].clear()
    (members, values, own), *_ = heard(grid, "by_a_function")
    assert values == [
        (-3.0,) if member[0] else (value,)
        for member, value in zip(members, own.tolist(), strict=True)
    ]
    loops.NOTES["generations"].clear()
    loops.NOTES["heard"].clear()
    (members, values, _), *_ = heard(grid, "by_another_aim")
    assert values == [(float(sum(member)),) for member in members]


def test_several_aims(grid: Grid) -> None:
    """The last population of NSGA-II has values of generations that evaluated its members."""
    generations = heard(grid, "two_aims")
    every = {
        (tuple(member), value, float(sum(member)))
        for members, _, own in generations
        for member, value in zip(members, own.tolist(), strict=True)
    }
    (last,) = loops.NOTES["other"]
    assert {(tuple(member), *values) for member, values in last} <= every


def test_an_elite_is_not_part_of_the_generation(grid: Grid) -> None:
    generations = heard(grid, "with_an_elite")
    assert [len(members) for members, *_ in generations] == [SIZE, *[SIZE - 2] * 4]
    best = np.maximum.accumulate([own.max() for *_, own in generations])[1:]
    assert loops.NOTES["other"] == [(value, value) for value in best.tolist()]


def test_survivors_keep_fitness_outside_the_generation(grid: Grid) -> None:
    generations = heard(grid, "with_survivors")
    assert [len(members) for members, *_ in generations] == [SIZE] * 5
    for last, population in enumerate(loops.NOTES["other"], start=1):
        heard_in = [
            {g for g in range(last + 1) if fitness_of([member], g)[0] == value}
            for member, value in population
        ]
        for (member, _), those in zip(population, heard_in, strict=True):
            assert any(member in generations[g][0] for g in those)
        assert any(last not in those for those in heard_in)


def test_a_history_knows_parents(grid: Grid) -> None:
    led(grid, "with_a_history")
    (tree,) = loops.NOTES["other"]
    varied = [parents for child, parents in tree.items() if child > SIZE]
    assert varied
    assert all(1 <= len(parents) <= 2 and min(parents) >= 1 for parents in varied)


def test_generate_and_update(grid: Grid) -> None:
    shown = led(grid, "by_generate_and_update")
    for g, (best, value) in enumerate(loops.NOTES["other"]):
        own = fitness_of(shown[g], g)
        assert (best, value) == (shown[g][int(own.argmax())], own.max())
    assert [len(members) for members in shown[:4]] == [15] * 4


@pytest.mark.parametrize("name", loops.REFUSED)
def test_what_shows_no_generation_is_refused(grid: Grid, name: str) -> None:
    with pytest.raises(InvalidOptimizer, match=loops.REFUSED[name]) as caught:
        led(grid, name, 20)
    assert str(caught.value).startswith("optimizer.algorithm must ")
    assert f"'tests.support.deap_loops:{name}'" in str(caught.value)
    assert "\n" not in str(caught.value)


GENES = [
    0.99,
    1.0,
    float("nan"),
    True,
    "1",
    None,
    -1,
    99,
    10**30,
    np.float64(1.0),
    np.bool_(True),
    [1],
    1 + 0j,
]


@pytest.mark.parametrize("gene", GENES, ids=repr)
def test_a_gene_is_a_whole_number_in_its_range(
    grid: Grid, gene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        InvalidOptimizer,
        match=r"must list 8 allele numbers, whole numbers .* at place 1, where 0 to",
    ) as caught:
        led(grid, loops.with_a_gene(gene), monkeypatch=monkeypatch)
    assert "\n" not in str(caught.value)


MADE = [
    lambda alleles: alleles[:-1],
    lambda alleles: [*alleles, 0],
    lambda alleles: set(range(8)),
    lambda alleles: dict(enumerate(alleles)),
    lambda alleles: "00000000",
    lambda alleles: None,
    lambda alleles: 3,
    lambda alleles: [alleles] * 8,
    lambda alleles: np.array([alleles] * 8),
    lambda alleles: np.array(alleles, dtype=float),
]


@pytest.mark.parametrize("made", range(len(MADE)))
def test_an_individual_is_a_list_of_them(
    grid: Grid, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidOptimizer, match="must list 8 allele numbers") as caught:
        led(grid, loops.with_an_individual(MADE[made]), monkeypatch=monkeypatch)
    assert "\n" not in str(caught.value)


ENDINGS = [
    ("returns_nothing", "must return its last population"),
    ("never_evaluates", "must have individuals evaluated"),
    ("fails_in_many_lines", "ArithmeticError: first second"),
    ("leaves", "SystemExit: enough"),
    ("sends_what_is_decorated", r"pickle.*Leave toolbox\.map as it is"),
]


@pytest.mark.parametrize(("name", "words"), ENDINGS)
def test_an_ending_that_leaves_no_population_is_one_line(grid: Grid, name: str, words: str) -> None:
    with pytest.raises(InvalidOptimizer, match=words) as caught:
        led(grid, name)
    assert "\n" not in str(caught.value)


def test_an_algorithm_that_is_busy_is_ended(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy algorithm never asks for fitness again, so it is ended in the middle of its work."""
    monkeypatch.setattr(deap_adapter, "PATIENCE", 0.3)
    one = deap_adapter.DeapAdapter(Deap("tests.support.deap_loops:is_busy", SIZE), grid, 0)
    one.tell(fitness_of(AlleleVector(grid).read(one.ask())))

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(one, "_next", interrupt)
    with pytest.raises(KeyboardInterrupt):
        one.ask()
    one.close()


def test_a_module_draws_the_same_at_every_import(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Global generators are borrowed at import, too."""
    (tmp_path / "drawing.py").write_text(
        "import random\nDRAWN = random.random()\nrandom.seed(64)\n"
        "def loop(population, toolbox):\n    return population\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    drawn = []
    for seed in (1, 2):
        random.seed(seed)
        before = random.getstate()
        deap_adapter.DeapAdapter(Deap("drawing:loop"), grid, seed)
        assert random.getstate() == before
        drawn.append(sys.modules.pop("drawing").DRAWN)
    assert drawn[0] == drawn[1]


def test_functions_without_a_signature_are_refused(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exiting.py").write_text("raise SystemExit('usage:\\n nothing')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for algorithm, words in (
        ("builtins:max", "readable signature"),
        ("exiting:loop", "SystemExit: usage: nothing"),
    ):
        with pytest.raises(InvalidOptimizer, match=words) as caught:
            deap_adapter.DeapAdapter(Deap(algorithm), grid, 0)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_run_records_and_tells_the_same(tmp_path: Path) -> None:
    """In both phases the record has the members' own fitness; the algorithm gets that of stand-ins.

    The algorithm gets the fitness of the last ancestral generation after the swap.
    That fitness is ancestral. A run that is stopped and resumed gives the same bytes.
    """
    made = experiment("repaired", 2, 3)
    landscape, grid = Landscape(made), made.genome.grid
    whole = simulate(made, landscape, 3)
    slots, table = AlleleVector(grid), whole.tables["generations"]
    differ = 0
    for g, (members, values) in enumerate(
        zip(loops.NOTES["generations"], loops.NOTES["heard"], strict=True)
    ):
        world = "ancestral" if g < 2 else "modern"
        instead = [[0, *member[1:]] for member in members]
        own, other = (
            getattr(landscape.fitness(grid.classes(slots.genotypes(np.array(those)))), world)
            for those in (members, instead)
        )
        assert values == singles(other - 10.0 * np.array([member[0] for member in members]))
        assert table[f"{world}_mean"][g] == pytest.approx(own.mean(), abs=1e-12)
        assert table["size"][g] == SIZE
        differ += int((own != other).sum())
    assert differ
    for g in (0, 1, 2, 4):
        path = tmp_path / f"{g}.npz"
        with pytest.raises(Stop):
            simulate(
                made,
                Landscape(made),
                3,
                session=ReplicateCheckpoint(path, SessionOptions(stop_requested=once(g))),
            )
        again = simulate(made, Landscape(made), 3, session=ReplicateCheckpoint(path))
        assert equal(again.tables, whole.tables), g
        assert np.array_equal(again.lived, whole.lived)


def test_unchanged_copies_hear_the_modern_world() -> None:
    """The page's words on a swap, at generation 2."""
    made = experiment("one_max", 2, 2)
    landscape = Landscape(made)
    simulate(made, landscape, 3)
    slots = AlleleVector(made.genome.grid)
    parents, members = loops.NOTES["generations"][1:3]
    values = loops.NOTES["heard"][2]
    copies = [i for i, member in enumerate(members) if member in parents]
    modern = landscape.fitness(made.genome.grid.classes(slots.genotypes(np.array(members)))).modern
    assert copies
    assert [values[i] for i in copies] == singles(modern[copies])


def test_a_refusal_is_a_user_s_error() -> None:
    made = experiment("by_hand", 2, 2)
    with pytest.raises(UserError, match="one by one") as caught:
        simulate(made, Landscape(made), 0)
    assert "\n" not in str(caught.value)


def run(*settings: str, seed: int = 0) -> Run:
    made = setting("micro", *settings)
    return simulate(made, Landscape(made), seed)


SETTINGS: list[str] = [
    'optimizer={name="hill-climb",climbers=5,tries=2,patience=4}',
    'optimizer={name="hill-climb",climbers=5,neighbours="mutation"}',
    'optimizer={name="cma-es",population=8}',
    'optimizer={name="deap",population=12}',
    'optimizer={name="deap",algorithm="eaMuPlusLambda",population=12,mu=6,lambda_=9}',
    'optimizer={name="deap",algorithm="tests.support.own_algorithm:random_search",population=6}',
]


def test_a_changed_algorithm_is_not_resumed(
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


def test_deap_runs_as_it_would_alone(grid: Grid) -> None:
    """The adapter and DEAP's own eaSimple give the same populations with the same generators."""
    from deap import algorithms

    from evosim.optimizers.deap_adapter import STREAM, DeapAdapter
    from evosim.optimizers.global_rng import seeded

    g, params = grid, Deap(population=10)
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


def test_the_last_population_stays_after_the_end() -> None:
    for algorithm in ('algorithm="tests.support.own_algorithm:gives_up"', "ngen=3"):
        done = run(f'optimizer={{name="deap",population=6,{algorithm}}}')
        assert done.status == "complete"
        generations = done.tables["generations"]
        assert generations["size"].to_list() == [6] * len(generations)
        assert generations["ancestral_mean"][5:].n_unique() == 1
    assert guests() == []
