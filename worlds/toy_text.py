"""Toy text: any environment of Gymnasium that has a table of transitions, as a world.

`gymnasium:FrozenLake-v1`, for example.

What it shows. Worlds that others have published, with optima that anybody can check; and a short
way to a world of one's own, since an environment needs nothing but `env.unwrapped.P`. The ancestral
and the modern world are the same environment with other arguments (`options`).

What goes wrong in it. Whatever the arguments make go wrong: ice that is slippery in training and
not in deployment, another map.

States: `birth`; those of the environment, named by their keys in `P`; `over`. Acts: `a0`, `a1`, ..
or the names that `P` gives them. An act that `P` does not list for a state is not available there.
At birth and where it is over there is one act, the first that every state has. At birth it leads to
where the environment begins. It is no act of the environment, so accounts do not count it among
those of a life. Transitions that end an episode lead to `over`, which stays.

The table is compared with the environment: `worlds/toy_play.py` plays it by `step()` and `reset()`,
with its wrappers. An option that acts there and not in the table is refused.

Payoff: the environment's expected reward, and `offset` at birth, once for everybody: base
optimizers that share out parentage in proportion to fitness refuse fitness below 0. It moves no
optimum and no regret; relative fitness differs less with it. Rewards of the environment are payoff
minus offset. Intent is payoff. A life has `lifespan` acts, whatever limit Gymnasium puts on
episodes.

Features: `gain` and `loss` (what is good, and what is bad, of the expected reward: of each
outcome's reward its positive and its negative part), `end` (chance that the episode ends by this
act) and `steps` (every act in a state of the environment, -1).

Observation classes of reflexes: states of the environment in `observed` stretches of equal length,
in their order (each its own if there are as many); `birth` and `over`.

Belief `ancestral`: the ancestral world's transitions. For an act that the ancestral world lacks in
a state it is the true ones.

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
STARTS = ("initial_state_distrib", "isd")  # `isd` is what `DiscreteEnv` of Gym called it
# Environments that were played in this process and agree with their tables
_compared: set[tuple[Any, ...]] = set()


@dataclass(frozen=True)
class ToyText:
    """Parameters of one environment as a world."""

    lifespan: int = number(
        100, "acts", "as many as FrozenLake allows", low=1, high=MAX_AGES - 1, structural=True
    )
    offset: float = number(0.0, "payoff", "rewards of FrozenLake are not below 0", low=0.0)
    observed: int = number(
        16, "classes", "each state of FrozenLake its own", low=1, high=1000, structural=True
    )
    options: Mapping[str, Any] = field(
        default_factory=dict,
        metadata={
            "unit": "arguments of the environment",
            "why": "its own defaults",
            "low": None,
            "high": None,
            "structural": False,
        },
    )


def build(environment: str, params: ToyText, modern: Mapping[str, Any]) -> WorldPair:
    """The pair of an environment.

    Parameters
    ----------
    environment : str
        What `gymnasium.make` calls it.
    params : ToyText
        Parameters of the ancestral world.
    modern : mapping
        What differs after the swap.

    Returns
    -------
    WorldPair
        The two worlds.

    Raises
    ------
    InvalidWorld
        If the environment cannot be made, read or played as its table says.
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
                f"{len(theirs)}{differing}. "
                "Choose arguments that fit."
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
            "world.name must be an environment with an act that every state has, but "
            f"{environment} has none: state "
            f"'{ancestral.states[s]}' lacks act '{ancestral.acts[a]}'. Add one act everywhere, "
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
            *(_stretch(ancestral.states, np.flatnonzero(stretch == c)) for c in range(classes)),
            "birth",
            "over",
        ),
        default_act=ancestral.acts[default],
        serves=dict.fromkeys(FEATURES, ancestral.acts),
    )


def table_of(environment: str, options: Mapping[str, Any], where: str) -> Table:
    """The table of an environment, which the environment agrees with when it is played.

    Parameters
    ----------
    environment : str
        What `gymnasium.make` calls it.
    options : mapping
        Arguments of the environment.
    where : str
        What messages call the options.

    Returns
    -------
    Table
        The table as it was read.

    Raises
    ------
    InvalidWorld
        If the environment cannot be made, read or played as its table says.
    """
    try:
        gymnasium: Any = importlib.import_module("gymnasium")
    except ImportError:
        raise InvalidWorld(
            f"world.name must be a world that is there, but {PREFIX}{environment} needs the "
            "package gymnasium. Install it with pip install 'evosim-lab[gymnasium]'."
        ) from None
    with _quiet():
        made, again = (_made(gymnasium, environment, options, where) for _ in range(2))
        table, other = (_read(environment, one) for one in (made, again))
        if not table.agrees(other):
            raise InvalidWorld(
                f"{where} must make the same environment each time, but {environment} is drawn at "
                "random. Choose arguments that fix it."
            )
        if type(made.unwrapped).step is not gymnasium.Env.step:  # else the table is all there is
            amounts = b"".join(
                array.tobytes() for array in (table.chances, table.rewards, table.start)
            )
            key = (
                environment,
                repr(options),
                getattr(made.unwrapped.spec, "entry_point", None),
                type(made.unwrapped),
                hashlib.blake2b(amounts).digest(),
            )
            if key not in _compared:
                _check_acts(gymnasium, environment, made, table)
                _check_options(gymnasium, environment, options, where, table)
                _check_play(environment, options, where, made, table)
                _compared.add(key)
    return table


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what an environment prints, and without warnings (there may be a newer version)."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _made(gymnasium: Any, environment: str, options: Mapping[str, Any], where: str) -> Any:
    """The environment with its wrappers. Raises `InvalidWorld`.

    TOML has lists alone, so they become tuples where the environment wants those.
    """
    try:
        made = _make(gymnasium, environment, options)
    except Exception as error:  # (whatever an environment raises at its arguments)
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
            f"gymnasium.make('{environment}'{given}) raises {_said(error)}. "
            f"{remedy}."
        ) from None
    defaults = inspect.signature(type(made.unwrapped).__init__).parameters
    wanted = {
        key: _tuples(value)
        for key, value in options.items()
        if key in defaults and isinstance(defaults[key].default, tuple)
    }
    return _make(gymnasium, environment, {**options, **wanted}) if wanted else made


def _make(gymnasium: Any, environment: str, options: Mapping[str, Any]) -> Any:
    return gymnasium.make(
        environment, **{"disable_env_checker": True, **copy.deepcopy(dict(options))}
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _read(environment: str, made: Any) -> Table:
    """The table of an environment or its outermost wrapper with one. Raises `InvalidWorld`."""
    table = _attribute(environment, made, "P")
    if not isinstance(table, Mapping | list | tuple | np.ndarray):
        raise InvalidWorld(
            "world.name must be an environment with a table of transitions (env.unwrapped.P), but "
            f"{environment} has none. Use a toy-text one, as FrozenLake-v1."
        )
    starts = (_attribute(environment, made, name) for name in STARTS)
    if (start := next((found for found in starts if found is not None), None)) is None:
        raise InvalidWorld(
            "world.name must be an environment that says where it begins "
            f"(env.unwrapped.initial_state_distrib), but {environment} does not. Give it one, or "
            "use another."
        )
    return toy_table.read(environment, table, start)


def _attribute(environment: str, made: Any, name: str) -> Any:
    """What an environment holds by this name; none where it is missing. Raises `InvalidWorld`.

    A wrapper's own comes before what it wraps.
    """
    try:
        return made.get_wrapper_attr(name)
    except AttributeError:
        return None
    except Exception as error:  # (code of others)
        raise InvalidWorld(
            f"world.name must be an environment that can be read, but {name} of {environment} "
            f"raises {_said(error)}. Use another."
        ) from None


def _check_acts(gymnasium: Any, environment: str, made: Any, table: Table) -> None:
    """Raise `InvalidWorld` unless the acts of the table are those that `step()` takes."""
    space = getattr(made, "action_space", None)
    if not isinstance(space, gymnasium.spaces.Discrete):
        return
    offered = set(range(int(space.start), int(space.start + space.n)))
    if offered != set(table.rules.acts):
        raise InvalidWorld(
            f"{environment}: the acts of P must be those of action_space ({space}), but are "
            f"{', '.join(map(repr, table.rules.acts[:10]))}. "
            "Correct one of them."
        )


def _check_options(
    gymnasium: Any, environment: str, options: Mapping[str, Any], where: str, table: Table
) -> None:
    """Raise `InvalidWorld` for options that leave the table alone and change what happens."""
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
        except Exception:  # (an argument that the environment cannot do without)
            continue
        if alone:
            remedy = (
                "Set world.ancestral.lifespan: a life has so many acts"
                if key == "max_episode_steps"
                else "Leave it out"
            )
            raise InvalidWorld(
                f"{where}.{key} must act in the table of transitions (env.unwrapped.P), but "
                f"{environment} has the same table without it: it acts in "
                f"step() or reset() alone. {remedy}."
            )


def _check_play(
    environment: str, options: Mapping[str, Any], where: str, made: Any, table: Table
) -> None:
    """Raise `InvalidWorld` unless the environment does what its table says and keeps it."""
    own = f"{where} or the environment: {environment}" if options else f"world.name: {environment}"
    remedy = "Leave out what acts in step(), reset() or a wrapper alone, or correct env.unwrapped.P"
    try:
        toy_play.compare(made, table.rules)
    except toy_play.Mismatch as error:
        raise InvalidWorld(
            f"{own} must do what its table of transitions says, but {error}. {remedy}."
        ) from None
    except Exception as error:  # (code of others)
        raise InvalidWorld(
            f"{own} must be playable, but step() or reset() raises {_said(error)}. Correct it, or "
            "use another environment."
        ) from None
    if not table.agrees(_read(environment, made)):
        raise InvalidWorld(
            f"{own} must keep its table of transitions, but it has another after some episodes. "
            "Choose arguments that fix it."
        )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}".rstrip(". ")


def _first_new(theirs: tuple[str, ...], ours: tuple[str, ...]) -> str:
    return next(
        f"'{name}' in place of '{known}'"
        for name, known in zip(theirs, ours, strict=True)
        if name != known
    )


def _available(table: Table, default: int) -> Any:
    """`[n + 2, A]`: acts of the environment in its own states, the default act alone elsewhere."""
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


def _stretch(names: tuple[str, ...], states: Any) -> str:
    first, last = (names[s].removeprefix("state ") for s in (states[0], states[-1]))
    return f"state {first}" if len(states) == 1 else f"states {first} to {last}"
