"""Loops as users of DEAP write them: its documentation's examples, over evosim's toolbox.

Tests look at `NOTES`. Those in `REFUSED` evaluate in a way that shows no generation.
"""

from __future__ import annotations

import array
import concurrent.futures
import contextlib
import copy
import itertools
import multiprocessing
import multiprocessing.pool
import pickle
import random
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from deap import algorithms, base, creator, tools

NOTES: dict[str, list[Any]] = {"generations": [], "heard": [], "other": []}
REFUSED: dict[str, str] = {}
CXPB, MUTPB = 0.5, 0.2

Loop = Callable[..., Any]


def refused(words: str) -> Callable[[Loop], Loop]:
    """A loop that is refused, and what the message says."""

    def noted(loop: Loop) -> Loop:
        REFUSED[loop.__name__] = words
        return loop

    return noted


def assess(toolbox: Any, members: list[Any]) -> None:
    """Evaluate a generation by the documentation's idiom, and note it."""
    NOTES["generations"].append([list(member) for member in members])
    fitnesses = list(toolbox.map(toolbox.evaluate, members))
    for member, fitness in zip(members, fitnesses, strict=True):
        member.fitness.values = fitness
    NOTES["heard"].append(fitnesses)


def vary(toolbox: Any, parents: list[Any]) -> list[Any]:
    """Clones, crossed and mutated with some chance, as the documentation's first example has it."""
    offspring = list(map(toolbox.clone, parents))
    for one, other in zip(offspring[::2], offspring[1::2], strict=False):
        if random.random() < CXPB:
            toolbox.mate(one, other)
            del one.fitness.values
            del other.fitness.values
    for mutant in offspring:
        if random.random() < MUTPB:
            toolbox.mutate(mutant)
            del mutant.fitness.values
    return offspring


def one_max(population: list[Any], toolbox: Any) -> list[Any]:
    """The documentation's first example: only those are evaluated whose fitness is not valid."""
    assess(toolbox, population)
    for _ in range(4):
        offspring = vary(toolbox, toolbox.select(population, len(population)))
        invalid = [member for member in offspring if not member.fitness.valid]
        assess(toolbox, invalid)
        NOTES["other"].append([list(member) for member in offspring])
        population[:] = offspring
    return population


def own_toolbox(population: list[Any], toolbox: Any) -> Any:
    """A toolbox of one's own, of which evaluation and map are evosim's."""
    mine = base.Toolbox()
    mine.register("evaluate", toolbox.evaluate)
    mine.register("map", toolbox.map)
    mine.register("mate", tools.cxOnePoint)
    mine.register("mutate", tools.mutShuffleIndexes, indpb=0.0)
    mine.register("select", tools.selTournament, tournsize=2)
    mine.decorate("evaluate", tools.DeltaPenalty(lambda member: member[0] == 0, -100.0))
    return algorithms.eaSimple(population, mine, CXPB, MUTPB, 4, verbose=False)


def penalised(population: list[Any], toolbox: Any) -> list[Any]:
    """The documentation's penalty: those without first allele 0 get -100 minus a distance."""

    def distance(member: Any) -> float:
        return 2.0 * member[0]

    toolbox.decorate(
        "evaluate", tools.DeltaPenalty(lambda member: member[0] == 0, -100.0, distance)
    )
    assess(toolbox, population)
    return population


def nowhere_feasible(population: list[Any], toolbox: Any) -> list[Any]:
    """Evosim's evaluation is never called: they are a generation all the same."""
    toolbox.decorate("evaluate", tools.DeltaPenalty(lambda member: False, -7.0))
    assess(toolbox, population)
    return population


def repaired(population: list[Any], toolbox: Any) -> list[Any]:
    """Those without first allele 0 get the fitness that they have with 0, less a distance."""

    def closest(member: Any) -> Any:
        return np.array([0, *member[1:]])

    def distance(valid: Any, member: Any) -> float:
        return float(member[0] - valid[0])

    penalty = tools.ClosestValidPenalty(lambda member: member[0] == 0, closest, 10.0, distance)
    toolbox.decorate("evaluate", penalty)
    for _ in range(3):
        assess(toolbox, population)
        population = vary(toolbox, toolbox.select(population, len(population)))
    return population


def asked_again(population: list[Any], toolbox: Any) -> list[Any]:
    """A penalty, and who has just been evaluated is evaluated alone: for a print, or a plot."""
    toolbox.decorate("evaluate", tools.DeltaPenalty(lambda member: member[0] == 0, -100.0))
    for _ in range(2):
        assess(toolbox, population)
        NOTES["other"].append(
            [toolbox.evaluate(toolbox.clone(member)) for member in reversed(population)]
        )
        population = vary(toolbox, population)
    return population


def registered_anew(population: list[Any], toolbox: Any) -> list[Any]:
    """Twice the fitness, less the first allele."""
    given = toolbox.evaluate
    toolbox.register(
        "evaluate", lambda member, much: (much * given(member)[0] - member[0],), much=2.0
    )
    assess(toolbox, population)
    return population


def by_a_function(population: list[Any], toolbox: Any) -> list[Any]:
    """The mapped function is not the toolbox's `evaluate`; it calls `evaluate` for some."""

    def some(member: Any) -> tuple[float]:
        return (-3.0,) if member[0] else toolbox.evaluate(member)

    NOTES["generations"].append([list(member) for member in population])
    NOTES["heard"].append(toolbox.map(some, population))
    return population


def by_another_aim(population: list[Any], toolbox: Any) -> list[Any]:
    """The algorithm goes by the sum of alleles: evosim is not asked, and records the generation."""
    toolbox.register("evaluate", lambda member: (float(sum(member)),))
    assess(toolbox, population)
    return population


def two_aims(population: list[Any], toolbox: Any) -> list[Any]:
    """The documentation's NSGA-II: fitness to be high and the sum of alleles to be low."""
    if not hasattr(creator, "HighAndLow"):
        creator.create("HighAndLow", type(population[0].fitness), weights=(1.0, -1.0))
        creator.create("OfTwoAims", array.array, typecode="b", fitness=creator.HighAndLow)
    given = toolbox.evaluate
    toolbox.register("evaluate", lambda member: (given(member)[0], float(sum(member))))
    toolbox.register("select", tools.selNSGA2)
    members = [creator.OfTwoAims(member) for member in population]
    assess(toolbox, members)
    members = toolbox.select(members, len(members))
    for _ in range(3):
        offspring = vary(toolbox, tools.selTournamentDCD(members, len(members)))
        assess(toolbox, [member for member in offspring if not member.fitness.valid])
        members = toolbox.select(members + offspring, len(members))
    NOTES["other"].append([(list(member), member.fitness.values) for member in members])
    return members


def islands(population: list[Any], toolbox: Any) -> list[Any]:
    """The documentation's demes with migration, evaluated by one call."""
    half = len(population) // 2
    demes = [population[:half], population[half:]]
    for _ in range(4):
        assess(toolbox, [member for deme in demes for member in deme])
        demes = [vary(toolbox, toolbox.select(deme, len(deme))) for deme in demes]
        tools.migRing(demes, k=2, selection=tools.selBest, replacement=random.sample)
    return demes[0] + demes[1]


def with_an_elite(population: list[Any], toolbox: Any, ngen: int) -> list[Any]:
    """A hall of fame whose two come back after evaluation: they are not of the generation."""
    hall = tools.HallOfFame(2)
    statistics = tools.Statistics(lambda member: member.fitness.values)
    statistics.register("max", np.max)
    assess(toolbox, population)
    hall.update(population)
    for _ in range(min(ngen, 4)):
        offspring = algorithms.varAnd(
            toolbox.select(population, len(population) - 2), toolbox, CXPB, MUTPB
        )
        assess(toolbox, [member for member in offspring if not member.fitness.valid])
        offspring.extend(hall.items)
        hall.update(offspring)
        population[:] = offspring
        NOTES["other"].append((hall[0].fitness.values[0], statistics.compile(population)["max"]))
    return population


def with_survivors(population: list[Any], toolbox: Any) -> list[Any]:
    """Parents compete with children. Fitness rises each time: the worst are mostly parents."""
    assess(toolbox, population)
    for _ in range(4):
        offspring = vary(toolbox, population)
        assess(toolbox, offspring)
        population = tools.selWorst(population + offspring, len(population))
        NOTES["other"].append([(list(member), member.fitness.values[0]) for member in population])
    return population


def with_a_history(population: list[Any], toolbox: Any) -> list[Any]:
    """The genealogy of the documentation: clones know whose they are."""
    history = tools.History()
    toolbox.decorate("mate", history.decorator)
    toolbox.decorate("mutate", history.decorator)
    history.update(population)
    assess(toolbox, population)
    offspring = vary(toolbox, toolbox.select(population, len(population)))
    assess(toolbox, offspring)
    NOTES["other"].append(history.genealogy_tree)
    return offspring


def by_generate_and_update(population: list[Any], toolbox: Any) -> Any:
    """The documentation's estimation of distribution: a chance for each allele copy to be 1."""
    chances = [0.5] * len(population[0])

    def generate() -> list[Any]:
        made = [
            toolbox.individual(int(random.random() < chance) for chance in chances)
            for _ in range(15)
        ]
        NOTES["generations"].append([list(member) for member in made])
        return made

    def update(members: list[Any]) -> None:
        best = max(members, key=lambda member: member.fitness)
        NOTES["other"].append((list(best), best.fitness.values[0]))
        chances[:] = [
            0.7 * chance + 0.3 * allele for chance, allele in zip(chances, best, strict=True)
        ]

    toolbox.register("generate", generate)
    toolbox.register("update", update)
    return algorithms.eaGenerateUpdate(toolbox, 4, verbose=False)


def by_a_copied_toolbox(population: list[Any], toolbox: Any) -> list[Any]:
    """A deep copy of the toolbox, in which another selection is registered."""
    copied = copy.deepcopy(toolbox)
    copied.register("select", tools.selBest)
    assess(copied, population)
    assess(copied, copied.select(population, 5))
    return population


def plain_lists(population: list[Any], toolbox: Any) -> list[Any]:
    """Individuals without DEAP's fitness: lists, tuples, arrays of whole numbers."""

    def bytewise(member: Any) -> Any:
        return array.array("b", member)

    def of_numpy(member: Any) -> Any:
        return [np.int8(allele) for allele in member]

    kinds = itertools.cycle([list, tuple, np.array, bytewise, of_numpy])
    members = [kind(member) for kind, member in zip(kinds, population, strict=False)]
    NOTES["generations"].append([list(map(int, member)) for member in members])
    NOTES["heard"].append(toolbox.map(toolbox.evaluate, members))
    return population


@refused("one by one")
def by_hand(population: list[Any], toolbox: Any) -> list[Any]:
    """Python's map."""
    for _ in range(5):
        for member, fitness in zip(population, map(toolbox.evaluate, population), strict=True):
            member.fitness.values = fitness
        population = vary(toolbox, toolbox.select(population, len(population)))
    return population


@refused("one by one")
def by_hand_later(population: list[Any], toolbox: Any) -> list[Any]:
    """Python's map, after a generation that was evaluated as it should be."""
    assess(toolbox, population)
    return by_hand(vary(toolbox, population), toolbox)


@refused("one by one")
def caught(population: list[Any], toolbox: Any) -> list[Any]:
    """An algorithm for which an error is a fitness of 0."""
    assess(toolbox, population)
    for member in population:
        member[0] = 1 - min(member[0], 1)
        member.fitness.values = (0.0,)
        with contextlib.suppress(Exception):
            member.fitness.values = toolbox.evaluate(member)
    return population


@refused("one by one")
def own_toolbox_with_python_s_map(population: list[Any], toolbox: Any) -> Any:
    """The defaults of DEAP's toolbox."""
    mine = base.Toolbox()
    for name in ("evaluate", "mate", "mutate", "select"):
        mine.register(name, getattr(toolbox, name))
    return algorithms.eaSimple(population, mine, CXPB, MUTPB, 4, verbose=False)


@refused("in another thread")
def by_threads(population: list[Any], toolbox: Any) -> list[Any]:
    """A pool of threads, with what was right before it."""
    assess(toolbox, population)
    with multiprocessing.pool.ThreadPool(4) as pool:
        NOTES["heard"].append(pool.map(toolbox.evaluate, population, chunksize=1))
    return population


@refused("in another thread")
def by_two_maps_at_once(population: list[Any], toolbox: Any) -> list[Any]:
    """Two threads, each of which calls for a generation."""

    def quiet(part: list[Any]) -> None:
        with contextlib.suppress(Exception):
            assess(toolbox, part)

    threads = [
        threading.Thread(target=quiet, args=(part,)) for part in (population[::2], population[1::2])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assess(toolbox, population)
    return population


@refused("registers a map of its own")
def by_futures(population: list[Any], toolbox: Any) -> Any:
    """The documentation's page about several processors."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        toolbox.register("map", pool.map)
        return algorithms.eaSimple(population, toolbox, CXPB, MUTPB, 3, verbose=False)


@refused("in another thread")
def by_a_map_that_is_put_there(population: list[Any], toolbox: Any) -> Any:
    """The same, round `register`."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        toolbox.map = pool.map
        return algorithms.eaSimple(population, toolbox, CXPB, MUTPB, 3, verbose=False)


@refused("to another process")
def by_processes(population: list[Any], toolbox: Any) -> list[Any]:
    """A pool of processes."""
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        pool.map(toolbox.evaluate, population)
    return population


@refused("within another call")
def by_steps_of_islands(population: list[Any], toolbox: Any) -> list[Any]:
    """The documentation's islands in parallel: each would be a generation."""

    def step(deme: list[Any]) -> list[Any]:
        deme = algorithms.varAnd(deme, toolbox, CXPB, MUTPB)
        assess(toolbox, deme)
        return list(toolbox.select(deme, len(deme)))

    demes = [population[::2], population[1::2]]
    for _ in range(3):
        demes = list(toolbox.map(step, demes))
    return demes[0] + demes[1]


@refused("within another call")
def within(population: list[Any], toolbox: Any) -> list[Any]:
    """An evaluation that has others evaluated."""
    given = toolbox.evaluate

    def best_of_two(member: Any) -> Any:
        toolbox.register("evaluate", given)
        return max(toolbox.map(toolbox.evaluate, [member, population[0]]))

    toolbox.register("evaluate", best_of_two)
    toolbox.map(toolbox.evaluate, population)
    return population


@refused(r"changes the individual \(\[")
def changed_by_evaluation(population: list[Any], toolbox: Any) -> list[Any]:
    """A repair in the evaluation: what was recorded is not what is there."""
    given = toolbox.evaluate

    def repair(member: Any) -> Any:
        member[0] = 1 - min(member[0], 1)
        return given(member)

    toolbox.register("evaluate", repair)
    assess(toolbox, population)
    return population


@refused("gives an empty list")
def with_a_cache(population: list[Any], toolbox: Any) -> list[Any]:
    """A cache of one's own, which in the end knows all."""
    known: dict[Any, Any] = {}
    for _ in range(10):
        new = [member for member in population if tuple(member) not in known]
        for member, fitness in zip(new, toolbox.map(toolbox.evaluate, new), strict=True):
            known[tuple(member)] = fitness
    return population


@refused(
    r"fitness is a FitnessMax.*creator\.create\('FitnessMax', type\(population\[0\]\.fitness\)"
)
def own_fitness(population: list[Any], toolbox: Any) -> Any:
    """The usual first lines of a script with DEAP."""
    if not hasattr(creator, "FitnessMax"):
        creator.create("FitnessMax", base.Fitness, weights=(1.0,))
        creator.create("ToBeHigh", list, fitness=creator.FitnessMax)
    members = [creator.ToBeHigh(member) for member in population]
    return algorithms.eaSimple(members, toolbox, CXPB, MUTPB, 3, verbose=False)


@refused("has the weight -1, so that the worst")
def to_be_low(population: list[Any], toolbox: Any) -> Any:
    """A fitness to be low."""
    if not hasattr(creator, "ToBeLow"):
        creator.create("FitnessMin", type(population[0].fitness), weights=(-1.0,))
        creator.create("ToBeLow", list, fitness=creator.FitnessMin)
    members = [creator.ToBeLow(member) for member in population]
    return algorithms.eaSimple(members, toolbox, CXPB, MUTPB, 3, verbose=False)


def with_a_gene(gene: Any) -> Loop:
    """A loop whose third individual has some gene at place 1."""

    def loop(population: list[Any], toolbox: Any) -> list[Any]:
        population[2][1] = gene
        toolbox.map(toolbox.evaluate, population)
        return population

    return loop


def with_an_individual(made: Callable[[list[int]], Any]) -> Loop:
    """A loop whose third individual is made of the alleles of its own."""

    def loop(population: list[Any], toolbox: Any) -> list[Any]:
        toolbox.map(toolbox.evaluate, [*population[:2], made(list(population[2])), *population[3:]])
        return population

    return loop


def returns_nothing(population: list[Any], toolbox: Any) -> None:
    """Its population is another object than it was given."""
    population = [toolbox.mutate(toolbox.clone(member))[0] for member in population]
    assess(toolbox, population)


def never_evaluates(population: list[Any], toolbox: Any) -> list[Any]:
    """Mutates, and that is all."""
    return [toolbox.mutate(member)[0] for member in population]


def fails_in_many_lines(population: list[Any], toolbox: Any) -> None:
    """An error of two lines, in an evaluation."""

    def fail(member: Any) -> None:
        raise ArithmeticError("first\nsecond")

    toolbox.register("evaluate", fail)
    assess(toolbox, population)


def leaves(population: list[Any], toolbox: Any) -> None:
    """Ends the program, as it thinks."""
    assess(toolbox, population)
    sys.exit("enough")


def is_busy(population: list[Any], toolbox: Any) -> None:
    """Evaluates once, and then neither evaluates nor ends."""
    assess(toolbox, population)
    while True:
        random.random()


def sends_what_is_decorated(population: list[Any], toolbox: Any) -> None:
    """The first step of a pool of processes."""
    toolbox.decorate("evaluate", tools.DeltaPenalty(lambda member: member[0] == 0, -100.0))
    pickle.dumps(toolbox.evaluate)
