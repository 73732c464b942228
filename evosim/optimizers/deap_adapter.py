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
import importlib
import inspect
import operator
import os
import reprlib
import threading
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
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
from evosim.optimizers.global_rng import seeded
from evosim.optimizers.params import DEAP_ALGORITHMS, MAX_GENERATIONS, Deap, InvalidOptimizer
from evosim.optimizers.wright_fisher import founders

STREAM = 103  # of random numbers; the address is seed, generation, stream
POLL = 0.1  # seconds between two checks for signals
PATIENCE = 2.0  # seconds that an algorithm gets to end by itself
MAP = "Leave toolbox.map as it is: it evaluates all individuals at once"

Key = tuple[int, ...]


class _End(BaseException):
    """The run is over; raised in the algorithm where it waits for fitness."""


class _Refusal(InvalidOptimizer):
    """An evaluation that shows no generation."""


def _hush_refusals() -> None:
    """Let Python print no traceback of a refusal in a thread of the algorithm: the run says it in
    one line.
    """
    usual = threading.excepthook
    if getattr(usual, "hushes_refusals", False):
        return

    def hook(args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, _Refusal):
            usual(args)

    hook.hushes_refusals = True  # type: ignore[attr-defined]
    threading.excepthook = hook


class Fitness(base.Fitness):  # type: ignore[misc]
    """DEAP's fitness, to be high, which is never `valid`.

    DEAP's loops evaluate those whose fitness is not valid, so that they leave unchanged copies out.
    Here copies belong to the generation and its record, and the world may have changed. A user
    derives a fitness class of several objectives from this one.
    """

    weights = (1.0,)

    @property
    def valid(self) -> bool:
        """Never: the next generation is evaluated whole."""
        return False

    def __str__(self) -> str:
        return str(self.values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.values!r})"


class Individual(list[int]):
    """A member of a guest's population: the alleles of its slots, and DEAP's fitness."""

    def __init__(self, alleles: Iterable[int] = ()) -> None:
        super().__init__(alleles)
        self.fitness = Fitness()

    def __deepcopy__(self, memo: dict[int, Any]) -> Individual:
        """The same as DEAP's clones, with all that an algorithm has noted, in less time."""
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.extend(self)
        for name, value in self.__dict__.items():
            copied.__dict__[name] = deepcopy(value, memo)
        return copied


class _Tools(base.Toolbox):  # type: ignore[misc]
    """DEAP's toolbox, with a `map` that stays."""

    refuse: Callable[[str, str], InvalidOptimizer] | None = None

    def register(self, alias: str, function: Callable[..., Any], *args: Any, **kargs: Any) -> None:
        """Register a function, as DEAP does. Raises `InvalidOptimizer` for another `map`."""
        if alias == "map" and self.refuse:
            raise self.refuse("registers a map of its own", MAP)
        super().register(alias, function, *args, **kargs)


@dataclass(eq=False)
class _Batch:
    """What one `toolbox.map` works on: individuals, whose turn it is, alleles once handed over."""

    members: list[Any]
    current: Any = None
    keys: list[Key] | None = None


@dataclass(frozen=True, eq=False)
class _Question:
    """Alleles `[n, K]` of individuals outside the generation whose fitness is wanted."""

    alleles: Ints


class DeapAdapter(Searcher):
    """An algorithm that is led from outside."""

    def __init__(self, params: Deap, grid: Grid, seed: int) -> None:
        self.params, self.seed, self.vector = params, seed, AlleleVector(grid)
        self.generation = 0
        self._most = self.vector.n_alleles.tolist()
        self._refused: InvalidOptimizer | None = None
        self._batch: _Batch | None = None
        self._known: dict[Key, float] = {}
        self._fitness: FitnessFunction | None = None
        self._function = _found(params.algorithm)
        self._toolbox = self._tools()
        self._members = [
            Individual(alleles)
            for alleles in self.vector.read(founders(params.population, grid, seed)).tolist()
        ]
        self._arguments = self._wanted()
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
        """A copy of the toolbox is led by the same guest."""
        return self

    def __reduce__(self) -> Any:
        """Refuse to go to worker processes. Raises `InvalidOptimizer`."""
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
        """Let the algorithm work until it wants fitness, or has ended.

        Raises `InvalidOptimizer` if it fails.
        """
        with seeded(self.seed, self.generation, STREAM):
            if self._order is None:
                _hush_refusals()
                self._thread.start()
            else:
                self._orders.put(self._order)
            handed = self._next()
        if isinstance(handed, InvalidOptimizer):
            raise handed
        if isinstance(handed, BaseException):
            words = _one_line(handed)
            hint = f"{MAP}." if "pickle" in words else "Correct the function."
            raise InvalidOptimizer(
                f"optimizer.algorithm must run, but '{self.params.algorithm}' failed in generation "
                f"{self.generation} ({words}). {hint}"
            )
        return handed

    def _next(self) -> Ints | BaseException:
        """What the algorithm hands over.

        Looked for again and again, so that a signal is heard while it works.
        """
        while True:
            with contextlib.suppress(Empty):
                handed = self._handed.get(timeout=POLL)
                if not isinstance(handed, _Question):
                    return handed
                self._orders.put(self._answer(handed.alleles))

    def _answer(self, alleles: Ints) -> list[float]:
        """Fitness of individuals that are not in the generation, as this would hear it."""
        assert self._fitness is not None, "use_fitness_function comes before ask"
        fitness = self._fitness(self.vector.genotypes(alleles), self.generation - 1)
        check_fitness(fitness, negative=True)
        return fitness.tolist()

    def _work(self) -> None:
        """The algorithm's thread."""
        try:
            given = self._function(**self._arguments)
            self._over, last = True, given[0] if isinstance(given, tuple) and given else given
            if self._refused:  # the algorithm has caught it, and may have gone on with anything
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
        except BaseException as error:  # reported by the thread that waits
            self._handed.put(self._refused or error)

    def _refuse(self, but: str, remedy: str) -> InvalidOptimizer:
        """What to raise at an evaluation that shows no generation. It stays if it is caught."""
        self._refused = self._refused or _Refusal(
            "optimizer.algorithm must have every generation evaluated by one call of "
            "toolbox.map(toolbox.evaluate, individuals), "
            f"but '{self.params.algorithm}' {but}. {remedy}."
        )
        return self._refused

    def _check_place(self) -> None:
        """Raise `InvalidOptimizer` in other threads and processes: their calls have no order."""
        if os.getpid() != self._process:
            raise self._refuse("evaluates in another process", MAP)
        if threading.current_thread() is not self._thread:
            raise self._refuse("evaluates in another thread", MAP)

    def _map(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """`toolbox.map`. With a toolbox's `evaluate`, the individuals are a generation.

        Any other function is called on each item. If it evaluates one, they are a generation too.
        """
        calls = list(zip(*iterables, strict=False))
        batch, outer = _Batch([call[0] for call in calls]), self._batch
        # A toolbox calls what is registered by its alias: so this is the evaluate of any toolbox.
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
        """`toolbox.evaluate`, as given: fitness in the generation that was evaluated last.

        During a generation's evaluation a decorator may ask for others, too.
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
        """Hand a generation over, and wait for its fitness. In the algorithm's thread."""
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
        """The fitness that was asked for. Raises `_End` when the run is over."""
        order = None if self._ended else self._orders.get()
        if order is None:
            raise _End
        return order

    def _checked(self, member: Any) -> Key:
        """Allele numbers of a member. Raises `InvalidOptimizer` if its fitness is not `Fitness`."""
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
        """Allele numbers of an individual. Raises `ValueError` unless it is a list of such."""
        k = len(self._most)
        flat = isinstance(member, Sequence) or (isinstance(member, np.ndarray) and member.ndim == 1)
        if not flat or len(member) != k:
            found = f"has {len(member)}" if flat else f"is a {type(member).__name__}"
            raise ValueError(
                f"an individual must list {k} allele numbers, "
                f"but one {found}: {reprlib.repr(member)}"
            )
        key = tuple(member)
        usual = set(map(type, key)) == {int} and min(key) >= 0
        if usual and all(map(operator.lt, key, self._most)):
            return key  # what follows is slow
        for i, (allele, most) in enumerate(zip(key, self._most, strict=True)):
            whole = isinstance(allele, int | np.integer) and not isinstance(allele, bool)
            if not whole or not 0 <= allele < most:
                raise ValueError(
                    f"an individual must list {k} allele numbers, whole numbers (int), "
                    f"but one has {reprlib.repr(allele)} at place {i}, "
                    f"where 0 to {most - 1} are allowed"
                )
        return tuple(map(int, key))

    def _alleles(self, keys: list[Key]) -> Ints:
        """The same as an array `[n, K]`."""
        return np.array(keys, dtype=np.int64).reshape(len(keys), len(self._most))

    def _tools(self) -> base.Toolbox:
        p, k = self.params, len(self.vector)
        mates: dict[str, tuple[Callable[..., Any], dict[str, float]]] = {
            "one-point": (tools.cxOnePoint, {}),
            "two-point": (tools.cxTwoPoint, {}),
            "uniform": (tools.cxUniform, {"indpb": 0.5}),
        }
        mate, how = mates[p.crossover if k > 1 else "uniform"]
        toolbox = _Tools()
        toolbox.register("individual", Individual)
        toolbox.register("mate", mate, **how)
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

    def _wanted(self) -> dict[str, object]:
        """The arguments that the algorithm asks for by name.

        Raises `InvalidOptimizer` if it wants others.
        """
        p = self.params
        known: dict[str, object] = {
            "population": self._members,
            "toolbox": self._toolbox,
            "cxpb": p.cxpb,
            "mutpb": p.mutpb,
            "mu": p.mu or p.population,
            "lambda_": p.lambda_ or p.population,
            "ngen": p.ngen or MAX_GENERATIONS,
            "verbose": False,
        }
        try:
            asked = inspect.signature(self._function).parameters
        except (TypeError, ValueError) as error:
            raise InvalidOptimizer(
                "optimizer.algorithm must be a function whose arguments Python can tell, "
                f"but '{p.algorithm}' is not ({_one_line(error)}). Wrap it in a function."
            ) from None
        for name, parameter in asked.items():
            needed = parameter.default is parameter.empty and parameter.kind in (
                parameter.POSITIONAL_OR_KEYWORD,
                parameter.KEYWORD_ONLY,
            )
            if parameter.kind is parameter.POSITIONAL_ONLY or (needed and name not in known):
                raise InvalidOptimizer(
                    f"optimizer.algorithm must ask for {', '.join(known)} by name and nothing else,"
                    f" but '{p.algorithm}' wants '{name}'. Give it a default."
                )
        return {name: value for name, value in known.items() if name in asked}


def _one_line(error: BaseException) -> str:
    """What an error is and says, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")


def _found(algorithm: str) -> Callable[..., Any]:
    """The function of a name. Raises `InvalidOptimizer`.

    Global generators are the same at every import: what a module draws is the same in every run.
    """
    module, _, name = algorithm.rpartition(":")
    if algorithm in DEAP_ALGORITHMS:
        module, name = "deap.algorithms", algorithm
    try:
        with seeded(STREAM):
            function = getattr(importlib.import_module(module), name)
        if not callable(function):
            raise TypeError(f"a {type(function).__name__} cannot be called")
    except (Exception, SystemExit) as error:
        raise InvalidOptimizer(
            "optimizer.algorithm must be a function that can be imported, "
            f"but '{algorithm}' is not ({_one_line(error)}). "
            "Correct it, or put its folder on PYTHONPATH."
        ) from None
    return function
