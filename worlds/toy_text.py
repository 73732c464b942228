"""Toy text: any environment of Gymnasium with a table of transitions, as a world.

Example: `gymnasium:FrozenLake-v1`.

Purpose. These published worlds have optima that every reader can check. They are a short way to
your own world: an environment needs only `env.unwrapped.P`. The ancestral and the modern world are
the same environment with different arguments (`options`).

Loss. It depends on the arguments: for example ice that is slippery in training only, or another
map.

States: `birth`; the states of the environment, named by their keys in `P`; `over`. Acts: `a0`,
`a1`, .. or their names in `P`. An act that `P` does not list for a state is not available there. At
birth and in `over` there is one act: the first act that every state has. At birth it leads to the
first state of an episode. This is not an act of the environment, so accounts do not count it as an
act of a life. Transitions that end an episode lead to `over`, which stays.

`worlds/toy_play.py` compares the table with the environment. It plays the environment by `step()`
and `reset()`, with its wrappers. Options with an effect there but not in the table are refused.

Payoff: the environment's expected reward, and `offset` once per life, at birth. Optimizers that
choose parents in proportion to fitness refuse fitness below 0. The offset changes no optimum and no
regret, but relative fitness differs less. Rewards of the environment are payoff minus offset.
Intent is payoff. A life has `lifespan` acts; limits of Gymnasium on episodes are ignored.

Features:

* `gain` and `loss`: expectations of the positive and of the negative part of the reward.
* `end`: probability that this act ends the episode.
* `steps`: -1 for every act in a state of the environment.

Observation classes of reflexes: states of the environment in `observed` ranges of equal length, in
order, `birth` and `over`. With as many classes as states each state has its own.

Belief `ancestral`: the ancestral world's transitions. For an act that the ancestral world lacks in
a state, the belief holds the true transitions.

Source. Gymnasium (Towers et al. 2024). Its version is part of a run's provenance.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib
import inspect
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from evosim.worlds import toy_play, toy_table
from evosim.worlds.parameters import MAX_AGES, InvalidWorld, check_size, modern_params, number
from evosim.worlds.tabular import Floats, TabularMdp, WorldPair
from evosim.worlds.toy_table import Table

PREFIX = "gymnasium:"
FEATURES = ("gain", "loss", "end", "steps")
STARTS = ("initial_state_distrib", "isd")  # `isd` is the name in `DiscreteEnv` of Gym
# Environments that this process has played and that agree with their tables
_compared: set[tuple[Any, ...]] = set()


@dataclass(frozen=True)
class ToyText:
    """Parameters of one environment as a world."""

    lifespan: int = number(
        100, "acts", "the limit of FrozenLake", low=1, high=MAX_AGES - 1, structural=True
    )
    offset: float = number(0.0, "payoff", "rewards of FrozenLake are not below 0", low=0.0)
    observed: int = number(
        16, "classes", "one for each state of FrozenLake", low=1, high=1000, structural=True
    )
    options: Mapping[str, Any] = field(
        default_factory=dict,
        metadata={
            "unit": "arguments of the environment",
            "why": "defaults of the environment",
            "low": None,
            "high": None,
            "structural": False,
        },
    )


def build(environment: str, params: ToyText, modern: Mapping[str, Any]) -> WorldPair:
    """Build the pair of worlds of an environment.

    Parameters
    ----------
    environment : str
        Its name for `gymnasium.make`.
    params : ToyText
        Parameters of the ancestral world.
    modern : mapping
        Parameters that differ in the modern world.

    Returns
    -------
    WorldPair
        The two worlds.

    Raises
    ------
    InvalidWorld
        If the environment cannot be made or read, or differs from its table.
    """
    after = modern_params(params, modern)
    ancestral = table_of(environment, params.options, "world.ancestral.options")
    later = table_of(environment, after.options, "world.modern.options")
    for what, ours, theirs in (
        ("states", ancestral.states, later.states),
        ("acts", ancestral.acts, later.acts),
    ):
        if ours != theirs:
            differing = (
                ""
                if len(ours) != len(theirs)
                else f" with other names ({_first_new(theirs, ours)})"
            )
            raise InvalidWorld(
                f"world.modern.options must leave {environment} its {len(ours)} {what}, but makes "
                f"{len(theirs)}{differing}. Choose other arguments."
            )
    n, acts = len(ancestral.states), len(ancestral.acts)
    check_size("world.ancestral", n + 2, acts, params.lifespan + 1)
    everywhere = np.all(
        [table.available[table.alive].all(axis=0) for table in (ancestral, later)], axis=0
    )
    if not everywhere.any():
        s, a = next(
            (s, a)
            for table in (ancestral, later)
            for s, a in np.argwhere(~table.available & table.alive[:, None])
        )
        raise InvalidWorld(
            "world.name must be an environment with an act that every state has, but in "
            f"{environment} state '{ancestral.states[s]}' "
            f"lacks act '{ancestral.acts[a]}'. Add one act everywhere, "
            "such as waiting."
        )
    default = int(everywhere.argmax())
    classes = min(params.observed, n)
    stretch = np.arange(n) * classes // n
    moves = [_moves(table, default) for table in (ancestral, later)]
    known = _available(ancestral, default)[:, :, None]
    believed = np.where(
        _available(later, default)[:, :, None], np.where(known, moves[0], moves[1]), 0.0
    )
    return WorldPair(
        name=PREFIX + environment,
        ancestral=_world(params, f"{environment} (ancestral)", ancestral, moves[0], default),
        modern=_world(after, f"{environment} (modern)", later, believed, default),
        observe=np.array([classes, *stretch, classes + 1]),
        classes=(
            *(_range_name(ancestral.states, np.flatnonzero(stretch == c)) for c in range(classes)),
            "birth",
            "over",
        ),
        default_act=ancestral.acts[default],
        serves=dict.fromkeys(FEATURES, ancestral.acts),
    )


def table_of(environment: str, options: Mapping[str, Any], where: str) -> Table:
    """Read the table of an environment, and compare it with the environment.

    Parameters
    ----------
    environment : str
        Its name for `gymnasium.make`.
    options : mapping
        Arguments of the environment.
    where : str
        Name of the options in messages.

    Returns
    -------
    Table
        The table.

    Raises
    ------
    InvalidWorld
        If the environment cannot be made or read, or differs from its table.
    """
    try:
        gymnasium: Any = importlib.import_module("gymnasium")
    except ImportError:
        raise InvalidWorld(
            f"world.name must be a world that is there, but {PREFIX}{environment} needs the "
            "package gymnasium. Install it with pip install 'evosim-lab[gymnasium]'."
        ) from None
    with _quiet():
        first, again = (_made(gymnasium, environment, options, where) for _ in range(2))
        table, other = (_read(environment, one) for one in (first, again))
        if not table.agrees(other):
            raise InvalidWorld(
                f"{where} must make the same environment each time, but {environment} is drawn at "
                "random. Choose arguments that make it the same, for example a seed or a map."
            )
        if type(first.unwrapped).step is not gymnasium.Env.step:  # else there is only the table
            arrays = b"".join(
                array.tobytes() for array in (table.chances, table.rewards, table.start)
            )
            key = (
                environment,
                repr(options),
                getattr(first.unwrapped.spec, "entry_point", None),
                type(first.unwrapped),
                hashlib.blake2b(arrays).digest(),
            )
            if key not in _compared:
                _check_acts(gymnasium, environment, first, table)
                _check_options(gymnasium, environment, options, where, table)
                _check_play(environment, options, where, first, table)
                _compared.add(key)
    return table


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress output and warnings of an environment, for example about a newer version."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _made(gymnasium: Any, environment: str, options: Mapping[str, Any], where: str) -> Any:
    """The environment with its wrappers. Raises `InvalidWorld`.

    TOML has only lists. They become tuples where the environment expects tuples.
    """
    try:
        env = _make(gymnasium, environment, options)
    except Exception as error:  # an environment may raise any exception about its arguments
        with contextlib.suppress(Exception):
            return _make(
                gymnasium, environment, {key: _tuples(value) for key, value in options.items()}
            )
        given = "".join(f", {k}={v!r}" for k, v in options.items())
        ragged = [
            key
            for key, value in options.items()
            if isinstance(value, list)
            and len({len(row) for row in value if isinstance(row, str | list)}) > 1
        ]
        remedy = (
            f"Give all rows of {ragged[0]} one length"
            if ragged
            else "Change the name or the arguments"
        )
        raise InvalidWorld(
            f"world.name and {where} must make an environment, but "
            f"gymnasium.make('{environment}'{given}) raises {_summary(error)}. "
            f"{remedy}."
        ) from None
    defaults = inspect.signature(type(env.unwrapped).__init__).parameters
    tuples = {
        key: _tuples(value)
        for key, value in options.items()
        if key in defaults and isinstance(defaults[key].default, tuple)
    }
    return _make(gymnasium, environment, {**options, **tuples}) if tuples else env


def _make(gymnasium: Any, environment: str, options: Mapping[str, Any]) -> Any:
    return gymnasium.make(
        environment, **{"disable_env_checker": True, **copy.deepcopy(dict(options))}
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _read(environment: str, env: Any) -> Table:
    """The table of an environment or its outermost wrapper with one. Raises `InvalidWorld`."""
    table = _attribute(environment, env, "P")
    if not isinstance(table, Mapping | list | tuple | np.ndarray):
        raise InvalidWorld(
            "world.name must be an environment with a table of transitions (env.unwrapped.P), but "
            f"{environment} has none. Use a toy-text environment, for example FrozenLake-v1."
        )
    starts = (_attribute(environment, env, name) for name in STARTS)
    if (start := next((value for value in starts if value is not None), None)) is None:
        raise InvalidWorld(
            "world.name must be an environment with a distribution of the first state "
            f"(env.unwrapped.initial_state_distrib), but {environment} has none. Use another "
            "environment, or add that attribute."
        )
    return toy_table.read(environment, table, start)


def _attribute(environment: str, env: Any, name: str) -> Any:
    """An attribute of an environment, or None. Raises `InvalidWorld`.

    Attributes of a wrapper hide those of the wrapped environment.
    """
    try:
        return env.get_wrapper_attr(name)
    except AttributeError:
        return None
    except Exception as error:  # third-party code
        raise InvalidWorld(
            f"world.name must be an environment that can be read, but {name} of {environment} "
            f"raises {_summary(error)}. Use another environment."
        ) from None


def _check_acts(gymnasium: Any, environment: str, env: Any, table: Table) -> None:
    """Raise `InvalidWorld` unless `step()` takes the acts of the table."""
    space = getattr(env, "action_space", None)
    if not isinstance(space, gymnasium.spaces.Discrete):
        return
    offered = set(range(int(space.start), int(space.start + space.n)))
    if offered != set(table.rules.acts):
        raise InvalidWorld(
            f"{environment}: the acts of P must be those of action_space ({space}), but are "
            f"{', '.join(map(repr, table.rules.acts[:10]))}. "
            "Correct P or action_space."
        )


def _check_options(
    gymnasium: Any, environment: str, options: Mapping[str, Any], where: str, table: Table
) -> None:
    """Raise `InvalidWorld` for options that change the environment but not its table."""
    everywhere = np.asarray(table.available[table.alive].all(axis=0))
    acts = (
        tuple(act for act, there in zip(table.rules.acts, everywhere, strict=True) if there)
        or table.rules.acts
    )

    def remade(without: str | None) -> Any:
        return _made(
            gymnasium,
            environment,
            {name: value for name, value in options.items() if name != without},
            where,
        )

    for key in options:
        try:
            alone = table.agrees(_read(environment, remade(key)))
            alone = alone and toy_play.differs(partial(remade, None), partial(remade, key), acts)
        except Exception:  # the environment needs this argument
            continue
        if alone:
            remedy = (
                "Set world.ancestral.lifespan, the number of acts of a life"
                if key == "max_episode_steps"
                else "Leave it out"
            )
            raise InvalidWorld(
                f"{where}.{key} must act in the table of transitions (env.unwrapped.P), but "
                f"{environment} has the same table without it. It acts in "
                f"step() or reset() alone. {remedy}."
            )


def _check_play(
    environment: str, options: Mapping[str, Any], where: str, env: Any, table: Table
) -> None:
    """Raise `InvalidWorld` unless the environment agrees with its table, which stays the same."""
    own = f"{where} or the environment: {environment}" if options else f"world.name: {environment}"
    remedy = "Leave out what acts in step(), reset() or a wrapper alone, or correct env.unwrapped.P"
    try:
        toy_play.compare(env, table.rules)
    except toy_play.Mismatch as error:
        raise InvalidWorld(
            f"{own} must agree with its table of transitions, but {error}. {remedy}."
        ) from None
    except Exception as error:  # third-party code
        raise InvalidWorld(
            f"{own} must be playable, but step() or reset() raises {_summary(error)}. Correct "
            "those methods, or use another environment."
        ) from None
    if not table.agrees(_read(environment, env)):
        raise InvalidWorld(
            f"{own} must keep its table of transitions, but has another after some episodes. "
            "Choose arguments that keep it the same."
        )


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}".rstrip(". ")


def _first_new(theirs: tuple[str, ...], ours: tuple[str, ...]) -> str:
    return next(
        f"'{name}' in place of '{known}'"
        for name, known in zip(theirs, ours, strict=True)
        if name != known
    )


def _available(table: Table, default: int) -> Any:
    """`[n + 2, A]`: acts of the environment in its states, and the default act in the others."""
    n, acts = table.available.shape
    out = np.zeros((n + 2, acts), dtype=bool)
    out[1:-1] = table.available
    out[[0, -1, *(1 + np.flatnonzero(~table.alive))], default] = True
    return out


def _moves(table: Table, default: int) -> Floats:
    n, acts, _ = table.chances.shape
    out = np.zeros((n + 2, acts, n + 2))
    out[0, default, 1:-1] = table.start
    out[1:-1, :, 1:] = table.chances
    out[[-1, *(1 + np.flatnonzero(~table.alive))], default, -1] = 1.0
    return out


def _world(p: ToyText, name: str, table: Table, believed: Floats, default: int) -> TabularMdp:
    n, acts = table.available.shape
    payoff = np.zeros((n + 2, acts))
    payoff[1:-1] = table.rewards[:, :, 0]
    payoff[0, default] = p.offset
    felt = np.zeros((n + 2, acts, len(FEATURES)))
    felt[1:-1, :, :2] = table.rewards[:, :, 1:]
    felt[1:-1, :, 2] = table.chances[:, :, -1]
    felt[1:-1, :, 3] = np.where(table.available, -1.0, 0.0)
    return TabularMdp(
        name=name,
        states=("birth", *table.states, "over"),
        acts=table.acts,
        features=FEATURES,
        lifespan=p.lifespan + 1,
        available=_available(table, default),
        transitions=_moves(table, default),
        payoff=payoff,
        intent=payoff,
        features_felt=felt,
        start=np.eye(n + 2)[0],
        beliefs={"ancestral": believed},
        before_life=np.eye(n + 2, dtype=bool)[0],
    )


def _range_name(names: tuple[str, ...], states: Any) -> str:
    first, last = (names[s].removeprefix("state ") for s in (states[0], states[-1]))
    return f"state {first}" if len(states) == 1 else f"states {first} to {last}"
