"""Adapter that runs a DEAP or user algorithm in a thread and exposes it through ask and tell.

The algorithm runs in its own thread, which works only while `ask` waits for it. A generation is
the list that the algorithm gives to one `toolbox.map(toolbox.evaluate, individuals)`. The thread
hands this list over and waits for `tell`. Then it calls `evaluate`, with all that decorates it, on
each individual. Any other way to evaluate is refused, because it shows no generation.

Python's and NumPy's global generators are seeded for each turn and restored after it.

The state of such an algorithm is in its own variables, out of reach. The adapter's state is
therefore the number of the generation. `restore` replays the algorithm up to that generation, with
the fitness that `use_fitness_function` provides, and compares the newborns.
"""

from __future__ import annotations

import contextlib
import ctypes
import operator
import os
import reprlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from deap import base, tools

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.optimizers.allele_vector import AlleleVector
from evosim.optimizers.base import (
    FitnessFunction,
    Floats,
    InvalidState,
    Searcher,
    State,
    check_fitness,
    count_of,
)
from evosim.optimizers.deap_algorithm import arguments_of, in_one_line, load_algorithm
from evosim.optimizers.deap_individuals import MAP, Fitness, Individual, Toolbox
from evosim.optimizers.global_rng import seeded
from evosim.optimizers.params import MAX_GENERATIONS, Deap, InvalidOptimizer
from evosim.optimizers.wright_fisher import founders

STREAM = 103  # of random numbers; the address is seed, generation, stream
POLL = 0.1  # seconds between two checks for signals
PATIENCE = 2.0  # seconds that an algorithm gets to end by itself

Key = tuple[int, ...]


class _End(BaseException):
    """The run is over. The algorithm gets it where it waits for fitness."""


class _Refusal(InvalidOptimizer):
    """An evaluation outside a generation."""


def _suppress_refusals() -> None:
    """Suppress tracebacks of refusals in threads, because the run reports them in one line."""
    usual = threading.excepthook
    if getattr(usual, "suppresses_refusals", False):
        return

    def hook(args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, _Refusal):
            usual(args)

    hook.suppresses_refusals = True  # type: ignore[attr-defined]
    threading.excepthook = hook


@dataclass(eq=False)
class _Batch:
    """One call of `toolbox.map`.

    Attributes
    ----------
    members : list
        The individuals.
    current
        The individual that is evaluated now.
    keys : list of Key or None
        Alleles of the individuals, after they were handed over.
    """

    members: list[Any]
    current: Any = None
    keys: list[Key] | None = None


@dataclass(frozen=True, eq=False)
class _Question:
    """A request for the fitness of alleles `[n, K]` outside the generation."""

    alleles: Ints


class DeapAdapter(Searcher):
    """An algorithm of DEAP or of the user as an optimizer."""

    def __init__(self, params: Deap, grid: Grid, seed: int) -> None:
        self.params, self.seed, self.vector = params, seed, AlleleVector(grid)
        self.generation = 0
        self._most = self.vector.n_alleles.tolist()
        self._refused: InvalidOptimizer | None = None
        self._batch: _Batch | None = None
        self._known: dict[Key, float] = {}
        self._fitness: FitnessFunction | None = None
        self._function = load_algorithm(params.algorithm, STREAM)
        self._toolbox = self._tools()
        self._members = [
            Individual(alleles)
            for alleles in self.vector.read(founders(params.population, grid, seed)).tolist()
        ]
        offered = {
            "population": self._members,
            "toolbox": self._toolbox,
            "cxpb": params.cxpb,
            "mutpb": params.mutpb,
            "mu": params.mu or params.population,
            "lambda_": params.lambda_ or params.population,
            "ngen": params.ngen or MAX_GENERATIONS,
            "verbose": False,
        }
        self._arguments = arguments_of(self._function, params.algorithm, offered)
        self._orders: SimpleQueue[list[float] | None] = SimpleQueue()
        self._handed: SimpleQueue[Ints | _Question | BaseException] = SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, name=f"evosim {params.algorithm}", daemon=True
        )
        self._process = os.getpid()
        self._asked: Alleles | None = None
        self._order: list[float] | None = None
        self._over = self._ended = self._evaluated = False

    def __deepcopy__(self, memo: dict[int, Any]) -> DeapAdapter:
        """Return the same adapter: copies of the toolbox belong to it."""
        return self

    def __reduce__(self) -> Any:
        """Refuse to be sent to worker processes. Raises `InvalidOptimizer`."""
        raise self._refuse("sends evosim's evaluate or map to another process", MAP)

    def use_fitness_function(self, fitness: FitnessFunction) -> None:
        """Take the function that evaluates individuals outside the generation."""
        self._fitness = fitness

    def ask(self) -> Alleles:
        """Return the list that the algorithm has evaluated; after its end its last population."""
        if self._asked is None:
            self._asked = self.vector.genotypes(self._turn())
        return self._asked

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Store the fitness for the algorithm's next turn."""
        check_fitness(fitness, negative=True)
        self.generation += 1
        if not self._over:
            self._order, self._asked = fitness.tolist(), None

    def state(self) -> State:
        """Return the generation and its newborns. The rest is replayed."""
        return {"generation": np.array(self.generation, dtype=np.int64), "genotypes": self.ask()}

    def restore(self, state: State) -> None:
        """Replay the algorithm up to a state, and compare the newborns.

        Raises
        ------
        InvalidState
            If the algorithm proposes other newborns than before.
        InvalidOptimizer
            If the algorithm fails.
        """
        assert self._fitness is not None, "use_fitness_function comes before restore"
        for generation in range(count_of(state, "generation")):
            self.tell(self._fitness(self.ask(), generation))
        if not np.array_equal(self.ask(), state.get("genotypes", np.empty(0))):
            raise InvalidState(
                f"'{self.params.algorithm}' proposes other newborns in generation"
                f" {self.generation} than before the checkpoint"
            )

    def close(self) -> None:
        """End the algorithm's thread: where it waits for fitness or, if busy, anywhere."""
        self._ended = True
        self._orders.put(None)
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        if self._thread.is_alive():
            ident = ctypes.c_ulong(self._thread.ident or 0)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_End))
            self._thread.join(PATIENCE)

    def _turn(self) -> Ints:
        """Let the algorithm run until it needs fitness or ends; return alleles `[n, K]`.

        Raises `InvalidOptimizer` if it fails.
        """
        with seeded(self.seed, self.generation, STREAM):
            if self._order is None:
                _suppress_refusals()
                self._thread.start()
            else:
                self._orders.put(self._order)
            handed = self._next()
        if isinstance(handed, InvalidOptimizer):
            raise handed
        if isinstance(handed, BaseException):
            words = in_one_line(handed)
            hint = f"{MAP}." if "pickle" in words else "Correct the function."
            raise InvalidOptimizer(
                f"optimizer.algorithm must run, but '{self.params.algorithm}' failed in generation "
                f"{self.generation} ({words}). {hint}"
            )
        return handed

    def _next(self) -> Ints | BaseException:
        """Return what the algorithm hands over.

        The adapter polls, so that signals are handled while the algorithm works.
        """
        while True:
            with contextlib.suppress(Empty):
                handed = self._handed.get(timeout=POLL)
                if not isinstance(handed, _Question):
                    return handed
                self._orders.put(self._answer(handed.alleles))

    def _answer(self, alleles: Ints) -> list[float]:
        """Return the fitness that individuals outside the generation would get in it."""
        assert self._fitness is not None, "use_fitness_function comes before ask"
        fitness = self._fitness(self.vector.genotypes(alleles), self.generation - 1)
        check_fitness(fitness, negative=True)
        return fitness.tolist()

    def _work(self) -> None:
        """Run the algorithm. This is the function of its thread."""
        try:
            given = self._function(**self._arguments)
            self._over, last = True, given[0] if isinstance(given, tuple) and given else given
            if self._refused:  # the algorithm caught the refusal, so its result is invalid
                raise self._refused
            if not isinstance(last, list) or not last:
                raise TypeError(
                    "it must return its last population, a list of individuals, alone or first "
                    f"of a tuple, but returned {reprlib.repr(given)}"
                )
            if not self._evaluated:
                raise TypeError(
                    "it must have individuals evaluated with toolbox.map(toolbox.evaluate, "
                    "individuals), but ended without"
                )
            self._handed.put(self._alleles([self._key(member) for member in last]))
        except _End:
            pass
        except BaseException as error:  # the waiting thread reports it
            self._handed.put(self._refused or error)

    def _refuse(self, but: str, remedy: str) -> InvalidOptimizer:
        """Return the error of an evaluation outside a generation. It stays if it is caught."""
        self._refused = self._refused or _Refusal(
            "optimizer.algorithm must have every generation evaluated by one call of "
            "toolbox.map(toolbox.evaluate, individuals), "
            f"but '{self.params.algorithm}' {but}. {remedy}."
        )
        return self._refused

    def _check_place(self) -> None:
        """Refuse calls from other threads and processes, because they have no order."""
        if os.getpid() != self._process:
            raise self._refuse("evaluates in another process", MAP)
        if threading.current_thread() is not self._thread:
            raise self._refuse("evaluates in another thread", MAP)

    def _map(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """Replace `toolbox.map`. With a toolbox's `evaluate`, the individuals are a generation.

        Any other function is called on each item. If it evaluates one, they are a generation too.
        """
        calls = list(zip(*iterables, strict=False))
        batch, outer = _Batch([call[0] for call in calls]), self._batch
        # A toolbox names functions by their alias, so this is the `evaluate` of any toolbox.
        named = getattr(function, "__name__", "") == "evaluate"
        if named or function is getattr(self._toolbox, "evaluate", None):
            self._check_place()
            if outer:
                raise self._refuse(
                    "evaluates a list within another call of toolbox.map",
                    "Give all individuals of a generation to one call",
                )
            self._hand_over(batch)
            if function == self._bare and len(iterables) == 1:
                return [(self._known[key],) for key in batch.keys or ()]
        elif outer or threading.current_thread() is not self._thread:
            return [function(*call) for call in calls]
        out, self._batch = [], batch
        try:
            for call in calls:
                batch.current = call[0]
                out.append(function(*call))
        finally:
            self._batch = None
        if batch.keys is not None:
            for key, member in zip(batch.keys, batch.members, strict=True):
                if key != tuple(member):
                    change = f"{reprlib.repr(list(key))} became {reprlib.repr(list(member))}"
                    raise self._refuse(
                        f"evaluates with a function that changes the individual ({change})",
                        "Change individuals before, in mutate or mate, or evaluate a copy",
                    )
        return out

    def _evaluate(self, individual: Any) -> tuple[float]:
        """Replace `toolbox.evaluate`: return the fitness in the last evaluated generation.

        During the evaluation of a generation, a decorator may evaluate other individuals.
        """
        self._check_place()
        batch = self._batch
        if batch is not None and batch.keys is None and individual is batch.current:
            self._hand_over(batch)
        key = self._key(individual)
        if key not in self._known:
            if batch is None or batch.keys is None:
                raise self._refuse(
                    "evaluates individuals one by one (a loop, or Python's map)",
                    "Call toolbox.map(toolbox.evaluate, individuals), "
                    "and give a toolbox of your own this map",
                )
            self._handed.put(_Question(self._alleles([key])))
            self._known[key] = self._received()[0]
        return (self._known[key],)

    def _hand_over(self, batch: _Batch) -> None:
        """Hand a generation over and wait for its fitness. The algorithm's thread calls it."""
        if self._refused:
            raise self._refused
        if not batch.members:
            raise self._refuse(
                "gives an empty list", "Evaluate all members each time: no fitness has to be kept"
            )
        keys = [self._checked(member) for member in batch.members]
        self._evaluated = True
        self._handed.put(self._alleles(keys))
        self._known = dict(zip(keys, self._received(), strict=True))
        batch.keys = keys

    def _received(self) -> list[float]:
        """Return the requested fitness. Raises `_End` when the run is over."""
        order = None if self._ended else self._orders.get()
        if order is None:
            raise _End
        return order

    def _checked(self, member: Any) -> Key:
        """Return the alleles of a member. Raises `InvalidOptimizer` unless it has a `Fitness`."""
        own = getattr(member, "__dict__", {})
        for name, value in (("fitness", getattr(member, "fitness", None)), *own.items()):
            if type(value) is Fitness:
                continue
            if isinstance(value, base.Fitness) and not isinstance(value, Fitness):
                kind = type(value).__name__
                raise self._refuse(
                    f"gives individuals whose {name} is a {kind}, "
                    "which DEAP does not evaluate again",
                    "Make the class of the given one: "
                    f"creator.create('{kind}', type(population[0].fitness), weights=(1.0,))",
                )
            if isinstance(value, Fitness) and len(value.weights) == 1 and value.weights[0] <= 0.0:
                raise self._refuse(
                    f"gives individuals whose {name} has the weight {value.weights[0]:g}, "
                    "so that the worst are selected",
                    "Use weights=(1.0,); let evaluate return a loss with its sign changed",
                )
        return self._key(member)

    def _key(self, member: Any) -> Key:
        """Return the alleles of an individual. Raises `ValueError` if it is not a list of them."""
        k = len(self._most)
        flat = isinstance(member, Sequence) or (isinstance(member, np.ndarray) and member.ndim == 1)
        if not flat or len(member) != k:
            got = f"has {len(member)}" if flat else f"is a {type(member).__name__}"
            raise ValueError(
                f"an individual must list {k} allele numbers, but one {got}: {reprlib.repr(member)}"
            )
        key = tuple(member)
        usual = set(map(type, key)) == {int} and min(key) >= 0
        if usual and all(map(operator.lt, key, self._most)):
            return key  # the checks below are slow
        for i, (allele, most) in enumerate(zip(key, self._most, strict=True)):
            whole = isinstance(allele, int | np.integer) and not isinstance(allele, bool)
            if not whole or not 0 <= allele < most:
                raise ValueError(
                    f"an individual must list {k} allele numbers, whole numbers (int). "
                    f"But one has {reprlib.repr(allele)} at place {i}, "
                    f"where 0 to {most - 1} are allowed"
                )
        return tuple(map(int, key))

    def _alleles(self, keys: list[Key]) -> Ints:
        """Return keys as an array `[n, K]`."""
        return np.array(keys, dtype=np.int64).reshape(len(keys), len(self._most))

    def _tools(self) -> base.Toolbox:
        p, k = self.params, len(self.vector)
        mates: dict[str, tuple[Callable[..., Any], dict[str, float]]] = {
            "one-point": (tools.cxOnePoint, {}),
            "two-point": (tools.cxTwoPoint, {}),
            "uniform": (tools.cxUniform, {"indpb": 0.5}),
        }
        mate, mate_arguments = mates[p.crossover if k > 1 else "uniform"]
        toolbox = Toolbox()
        toolbox.register("individual", Individual)
        toolbox.register("mate", mate, **mate_arguments)
        toolbox.register(
            "mutate",
            tools.mutUniformInt,
            low=[0] * k,
            up=(self.vector.n_alleles - 1).tolist(),
            indpb=p.indpb,
        )
        toolbox.register("select", tools.selTournament, tournsize=p.tournament)
        toolbox.register("evaluate", self._evaluate)
        toolbox.register("map", self._map)
        self._bare, toolbox.refuse = toolbox.evaluate, self._refuse
        return toolbox
