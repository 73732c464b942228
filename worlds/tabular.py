"""World tables: finite-horizon Markov decision processes, and pairs of them.

Letters in shapes: `S` states, `A` acts, `K` features, `T` ages of a life, `C` observation classes
or start cases. All arrays are float64, int64 or bool, C-contiguous and read-only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.worlds.parameters import InvalidWorld

Array = Any
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

ROW_TOLERANCE = 1e-12
# Largest size of a payoff, intent or feature. The smallest is its inverse: smaller numbers are
# stored with fewer digits.
LARGEST = 1e250


@dataclass(frozen=True, eq=False)
class TabularMdp:
    """One world as arrays.

    The constructor checks all arrays.

    Attributes
    ----------
    name : str
        Name in messages, for example `savanna (modern)`.
    states, acts, features : tuple of str
        Names, of lengths `S`, `A` and `K`.
    lifespan : int
        `T`, the number of ages `0..T-1` at which an agent acts.
    available : numpy.ndarray
        `[S, A]`, true where an act can be done. Every state has an available act.
    transitions : numpy.ndarray
        `[S, A, S]`, probability of the next state. Rows of unavailable acts are zero.
    payoff : numpy.ndarray
        `[S, A]`, expected offspring per act: the base objective.
    intent : numpy.ndarray
        `[S, A]`, what the designers wanted, in the unit of payoff. Biology worlds have
        `intent = payoff`.
    features_felt : numpy.ndarray
        `[S, A, K]`, what an agent feels when it does the act in the state.
    start : numpy.ndarray
        `[S]`, distribution of the state at birth.
    beliefs : mapping of str to numpy.ndarray
        Transition tables `[S, A, S]` that an agent may believe in, by name. The constructor adds
        the true table as `true`.
    case_of : numpy.ndarray or None
        `[S]`, the start case of each state, from 0: a maze of several, a member of a mixture.
        A life belongs to the case in which it is born. None: the whole world is one case.
    case_names : tuple of str
        Names of the cases; by default their numbers.
    before_life : numpy.ndarray or None
        `[S]`, true for states that only represent birth. Acts there are not counted as acts of a
        life. None: there is no such state.

    Raises
    ------
    InvalidWorld
        If an array breaks a rule; the message names the state and the act.
    """

    name: str
    states: tuple[str, ...]
    acts: tuple[str, ...]
    features: tuple[str, ...]
    lifespan: int
    available: Bools
    transitions: Floats
    payoff: Floats
    intent: Floats
    features_felt: Floats
    start: Floats
    beliefs: Mapping[str, Floats] = field(default_factory=dict)
    case_of: Ints | None = None
    case_names: tuple[str, ...] = ()
    before_life: Bools | None = None

    def __post_init__(self) -> None:
        if self.before_life is not None:
            object.__setattr__(self, "before_life", _frozen(self.before_life, np.bool_))
            _check_shape(self.name, "before_life", np.shape(self.before_life), (len(self.states),))
        object.__setattr__(self, "available", _frozen(self.available, np.bool_))
        for name in ("transitions", "payoff", "intent", "features_felt", "start"):
            object.__setattr__(self, name, _frozen(getattr(self, name), np.float64))
        beliefs = {"true": self.transitions}
        beliefs.update(
            {
                name: _frozen(table, np.float64)
                for name, table in self.beliefs.items()
                if name != "true"
            }
        )
        object.__setattr__(self, "beliefs", beliefs)
        self._check_names()
        self._check_shapes()
        self._check_acts()
        for belief, table in self.beliefs.items():
            self._check_rows("transitions" if belief == "true" else f"belief '{belief}'", table)
        self._check_amounts()
        self._check_cases()

    def _check_names(self) -> None:
        for kind, names in (("state", self.states), ("act", self.acts), ("feature", self.features)):
            if kind != "feature" and not names:
                raise InvalidWorld(
                    f"{self.name} must have at least one {kind}, but has none. Add one."
                )
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise InvalidWorld(
                    f"{self.name}: {kind} names must differ, but '{twice[0]}' occurs twice. Rename"
                    " one."
                )
        if self.lifespan < 1:
            raise InvalidWorld(
                f"{self.name}: lifespan must be at least 1 age, but is {self.lifespan}. Set 1 or"
                " more."
            )

    def _check_shapes(self) -> None:
        s, a, k = len(self.states), len(self.acts), len(self.features)
        expected = {
            "available": (s, a),
            "payoff": (s, a),
            "intent": (s, a),
            "features_felt": (s, a, k),
            "start": (s,),
        }
        for name, shape in expected.items():
            _check_shape(self.name, name, getattr(self, name).shape, shape)
        for belief, table in self.beliefs.items():
            _check_shape(self.name, f"transitions of belief '{belief}'", table.shape, (s, a, s))

    def _check_acts(self) -> None:
        for s in np.flatnonzero(~self.available.any(axis=1)):
            raise InvalidWorld(
                f"{self.name}: every state must have an available act, but '{self.states[s]}' has"
                f" none. Make one of {', '.join(self.acts)} available there."
            )

    def _check_rows(self, name: str, table: Floats) -> None:
        bad = ~np.isfinite(table) | (table < 0.0)
        for s, a, x in np.argwhere(bad):
            raise InvalidWorld(
                f"{self.name}: {name} must be finite and not negative, but state"
                f" '{self.states[s]}', act '{self.acts[a]}' to '{self.states[x]}' has"
                f" {table[s, a, x]}. Correct that entry."
            )
        sums = table.sum(axis=2)
        wanted = np.where(self.available, 1.0, 0.0)
        for s, a in np.argwhere(np.abs(sums - wanted) > ROW_TOLERANCE):
            rule = "sum to one" if self.available[s, a] else "be zero where the act is unavailable"
            raise InvalidWorld(
                f"{self.name}: {name} must {rule}, but state '{self.states[s]}', act"
                f" '{self.acts[a]}' sums to {sums[s, a]:.15g}. Correct that row."
            )

    def _check_amounts(self) -> None:
        for name in ("payoff", "intent", "features_felt"):
            table = getattr(self, name)
            flat = table.reshape(len(self.states), len(self.acts), -1)
            for s, a, _ in np.argwhere(~np.isfinite(flat)):
                raise InvalidWorld(
                    f"{self.name}: {name} must be finite, but state '{self.states[s]}', act"
                    f" '{self.acts[a]}' has {flat[s, a].tolist()}. Correct that entry."
                )
            size = np.abs(flat)
            for s, a, _ in np.argwhere((size > LARGEST) | ((size > 0.0) & (size < 1.0 / LARGEST))):
                raise InvalidWorld(
                    f"{self.name}: {name} must be 0 or from {1.0 / LARGEST:g} to {LARGEST:g} in"
                    f" size, but state '{self.states[s]}', act"
                    f" '{self.acts[a]}' has {flat[s, a].tolist()}. Choose a larger or a smaller"
                    " unit."
                )
            for s, a, _ in np.argwhere((flat != 0.0) & ~self.available[:, :, None]):
                raise InvalidWorld(
                    f"{self.name}: {name} must be zero where an act is unavailable, but state"
                    f" '{self.states[s]}', act '{self.acts[a]}' has {flat[s, a].tolist()}. Set it"
                    " to zero or make the act available."
                )
        if (
            not np.isfinite(self.start).all()
            or (self.start < 0).any()
            or abs(self.start.sum() - 1.0) > ROW_TOLERANCE
        ):
            raise InvalidWorld(
                f"{self.name}: start must be a distribution over states, but sums to"
                f" {self.start.sum():.15g} with least entry {self.start.min():.15g}. Make its"
                " entries non-negative and sum to one."
            )

    def _check_cases(self) -> None:
        if self.case_of is None:
            if self.case_names:
                raise InvalidWorld(
                    f"{self.name}: case_of must be given where cases have names, but is missing."
                    " Give the case of each state."
                )
            return
        _check_shape(self.name, "case_of", np.shape(self.case_of), (len(self.states),))
        object.__setattr__(self, "case_of", _frozen(self.case_of, np.int64))
        n = len(self.case_names) or int(self.case_of.max()) + 1
        if self.case_of.min() < 0 or self.case_of.max() >= n:
            raise InvalidWorld(
                f"{self.name}: case_of must name one of {n} cases, but holds"
                f" {self.case_of.min()}..{self.case_of.max()}. Add case names or correct case_of."
            )
        object.__setattr__(self, "case_names", self.case_names or tuple(str(c) for c in range(n)))
        if len(set(self.case_names)) < n:
            raise InvalidWorld(
                f"{self.name}: case names must differ, but are {_brief(self.case_names)}. Rename"
                " one."
            )

    def case_shares(self) -> Floats:
        """`[C]`: probability of birth in each case; `[1.0]` in a world without cases."""
        if self.case_of is None:
            return np.ones(1)
        return np.asarray(
            np.bincount(self.case_of, weights=self.start, minlength=len(self.case_names))
        )

    def case_starts(self) -> Floats:
        """`[C, S]`: distribution of the state at birth within each case.

        The row of a case without births is zero. `case_shares() @ case_starts()` equals `start`.
        The value of a case is the expected payoff of a life that is born there.
        """
        if self.case_of is None:
            return self.start[None, :].copy()
        inside = self.case_of[None, :] == np.arange(len(self.case_names))[:, None]
        total = self.case_shares()[:, None]
        return np.asarray(np.where(inside, self.start, 0.0) / np.where(total > 0.0, total, 1.0))

    def terminal_states(self, *, believed: bool = False) -> Bools:
        """States in which nothing happens any more, by any act. Being dead is an example.

        The terminal states are the largest set of states with three properties. No available act
        leaves the set. Payoff and intent are zero in it. The felt features stay the same. The
        set may have any number of states and acts. Acts in it do not count as acts of a life.

        Parameters
        ----------
        believed : bool
            Whether every belief must agree, and not only the true transitions.

        Returns
        -------
        numpy.ndarray
            `[S]`, true for each terminal state.
        """
        tables = list(self.beliefs.values()) if believed else [self.transitions]
        steps = np.any([(table > 0.0).any(axis=1) for table in tables], axis=0)
        first = self.available.argmax(axis=1)
        felt = self.features_felt[np.arange(len(self.states)), first] + 0.0  # -0.0 becomes 0.0
        _, mood = np.unique(felt, axis=0, return_inverse=True)
        mood = mood.reshape(-1)
        inside = ~((self.payoff != 0.0) | (self.intent != 0.0)).any(axis=1)
        alike = (self.features_felt == felt[:, None, :]).all(axis=2)
        inside &= (alike | ~self.available).all(axis=1)
        inside &= ~(steps & (mood[:, None] != mood)).any(axis=1)
        while (leaves := inside & steps[:, ~inside].any(axis=1)).any():
            inside &= ~leaves
        return np.asarray(inside)

    def uncounted_states(self) -> Bools:
        """States in which an act does not count as an act of a life.

        Returns
        -------
        numpy.ndarray
            `[S]`, true for states `before_life` and terminal states.
        """
        terminal = self.terminal_states()
        return terminal if self.before_life is None else terminal | self.before_life

    @cached_property
    def in_reach(self) -> Bools:
        """`[S]`: states that a life can reach, by the true transitions or by those of a belief.

        Table entries of all other states have no influence on any life or plan.
        """
        steps = np.logical_or.reduce([(table > 0.0).any(axis=1) for table in self.beliefs.values()])
        inside = self.start > 0.0
        while not np.array_equal(inside, more := inside | steps[inside].any(axis=0)):
            inside = more
        inside.flags.writeable = False
        return np.asarray(inside)

    @cached_property
    def acts_in_reach(self) -> Bools:
        """`[S, A]`: acts that can be done in a state `in_reach`."""
        return np.asarray(self.available & self.in_reach[:, None])

    def reachable_by_age(self) -> Bools:
        """`[T, S]`: states that some policy can be in at each age, from the world's own start."""
        reach = np.zeros((self.lifespan, len(self.states)), dtype=bool)
        reach[0] = self.start > 0.0
        step = np.any(self.transitions > 0.0, axis=1)
        for t in range(1, self.lifespan):
            reach[t] = step[reach[t - 1]].any(axis=0)
        return reach


@dataclass(frozen=True, eq=False)
class WorldPair:
    """An ancestral and a modern world that share states, acts, features and lifespan.

    Attributes
    ----------
    name : str
        The world's name in the catalogue.
    ancestral, modern : TabularMdp
        Where selection acts before and after the swap.
    observe : numpy.ndarray
        `[S]`, the observation class of each state, for genomes that react and do not plan.
    classes : tuple of str
        Names of the `C` observation classes.
    default_act : str
        Act of a reflex whose own act is unavailable; it is available everywhere. States that are
        terminal in both worlds keep this act only. So it makes no difference whether an author
        gives a terminal state one act or all.
    serves : mapping of str to tuple of str
        For each feature, the acts by which an agent seeks it. Tables print the feature next to
        these acts; no account is computed from it.
    cue : numpy.ndarray or None
        `[S]`, true where the agent receives the cue that this is the modern world. None: there
        is no cue.

    Raises
    ------
    InvalidWorld
        If the worlds or the arrays do not fit together.
    """

    name: str
    ancestral: TabularMdp
    modern: TabularMdp
    observe: NDArray[np.int64]
    classes: tuple[str, ...]
    default_act: str
    serves: Mapping[str, tuple[str, ...]]
    cue: Bools | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "observe", _frozen(self.observe, np.int64))
        if self.cue is not None:
            object.__setattr__(self, "cue", _frozen(self.cue, np.bool_))
        a, m = self.ancestral, self.modern
        for kind in ("states", "acts", "features", "lifespan"):
            if getattr(a, kind) != getattr(m, kind):
                raise InvalidWorld(
                    f"{self.name}: ancestral and modern world must share their {kind}, but have"
                    f" {_brief(getattr(a, kind))} and {_brief(getattr(m, kind))}. Build both over"
                    " the same list."
                )
        if set(a.beliefs) != set(m.beliefs):
            raise InvalidWorld(
                f"{self.name}: both worlds must offer the same beliefs, but have"
                f" {sorted(a.beliefs)} and {sorted(m.beliefs)}. Give both worlds a table for each"
                " belief."
            )
        _check_shape(self.name, "observe", self.observe.shape, (len(a.states),))
        if self.cue is not None:
            _check_shape(self.name, "cue", self.cue.shape, (len(a.states),))
        if self.observe.min() < 0 or self.observe.max() >= len(self.classes):
            raise InvalidWorld(
                f"{self.name}: observe must name one of {len(self.classes)} classes, but holds "
                f"{self.observe.min()}..{self.observe.max()}. Add class names or correct observe."
            )
        self._check_default()
        self._check_serves()
        self._keep_one_act()

    def _check_default(self) -> None:
        acts = self.ancestral.acts
        if self.default_act not in acts:
            raise InvalidWorld(
                f"{self.name}: default act must be one of {', '.join(acts)}, but is"
                f" '{self.default_act}'. Choose one."
            )
        column = acts.index(self.default_act)
        for world in (self.ancestral, self.modern):
            for s in np.flatnonzero(~world.available[:, column]):
                raise InvalidWorld(
                    f"{world.name}: the default act '{self.default_act}' must be available"
                    f" everywhere, but is not in state '{world.states[s]}'. Make it available or"
                    " choose another."
                )

    def _check_serves(self) -> None:
        for feature, acts in self.serves.items():
            unknown = [act for act in acts if act not in self.ancestral.acts]
            if feature not in self.ancestral.features or unknown:
                raise InvalidWorld(
                    f"{self.name}: serves must map features to acts, but has '{feature}' to"
                    f" {list(acts)}. Use names of features ({', '.join(self.ancestral.features)})"
                    " and acts."
                )

    def terminal_states(self) -> Bools:
        """States that are terminal in both worlds, by the true transitions and by every belief.

        Returns
        -------
        numpy.ndarray
            `[S]`, true for each such state.
        """
        return self.ancestral.terminal_states(believed=True) & self.modern.terminal_states(
            believed=True
        )

    def _keep_one_act(self) -> None:
        """Keep only the default act in terminal states: the other acts are no choice there."""
        acts = self.ancestral.acts
        others = self.terminal_states()[:, None] & (
            np.arange(len(acts)) != acts.index(self.default_act)
        )
        for name in ("ancestral", "modern"):
            world: TabularMdp = getattr(self, name)
            removed = (others & world.available)[:, :, None]
            if not removed.any():
                continue
            tables = {
                belief: np.where(removed, 0.0, table) for belief, table in world.beliefs.items()
            }
            reduced = replace(
                world,
                available=world.available & ~removed[:, :, 0],
                transitions=tables["true"],
                features_felt=np.where(removed, 0.0, world.features_felt),
                beliefs=tables,
            )
            object.__setattr__(self, name, reduced)

    def options(self) -> dict[str, tuple[str, ...]]:
        """Acts available in every state of an observation class, for each class.

        Availability is that of the ancestral world. Terminal states are left out. A class without
        other states has only the default act.
        """
        available, acts = self.ancestral.available, self.ancestral.acts
        alive, out = ~self.terminal_states(), {}
        for c, name in enumerate(self.classes):
            seen = available[alive & (self.observe == c)]
            everywhere = tuple(act for a, act in enumerate(acts) if seen[:, a].all())
            out[name] = everywhere if len(seen) else (self.default_act,)
        return out


def _frozen(array: object, dtype: type[np.generic]) -> Array:
    """A read-only C-contiguous copy: a world cannot change during an experiment."""
    copy = np.array(array, dtype=dtype, order="C")
    copy.flags.writeable = False
    return copy


def _check_shape(where: str, name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise InvalidWorld(
            f"{where}: {name} must have shape {expected}, but has {shape}. Rebuild it to fit the"
            " names."
        )


def _brief(value: object) -> str:
    if isinstance(value, tuple):
        return (
            f"{len(value)}"
            f" ({', '.join(str(v) for v in value[:4])}{', ...' if len(value) > 4 else ''})"
        )
    return str(value)
