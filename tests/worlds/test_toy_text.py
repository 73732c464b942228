"""Worlds of Gymnasium: optima by a solver written here, straight on the environment's own table;
refusals in a line.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import build as build_setting
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.config.toml_out import to_commented_toml
from evosim.errors import UserError
from evosim.fitness.scorer import Scorer
from evosim.reference.dynamic_programming import extreme_values, lifetime
from evosim.worlds import InvalidWorld
from evosim.worlds.toy_text import ToyText, build
from tests.support.settings import setting

gymnasium = pytest.importorskip("gymnasium")


def solved(environment: str, options: Mapping[str, Any], acts: int) -> float:
    """Best expected return of so many acts: value iteration on `env.unwrapped.P`."""
    env = gymnasium.make(environment, **options).unwrapped
    value = dict.fromkeys(env.P, 0.0)
    for _ in range(acts):
        value = {
            s: max(
                sum(p * (r + (0.0 if ends else value[x])) for p, x, r, ends in outcomes)
                for outcomes in row.values()
            )
            for s, row in env.P.items()
        }
    return float(sum(p * value[s] for s, p in enumerate(env.initial_state_distrib)))


@pytest.mark.parametrize(
    ("environment", "options", "acts", "known"),
    [
        ("FrozenLake-v1", {}, 100, None),
        ("FrozenLake-v1", {"is_slippery": False}, 6, 1.0),
        ("FrozenLake-v1", {"map_name": "8x8"}, 60, None),
        ("FrozenLake-v1", {"desc": ["SF", "HG"], "is_slippery": False}, 2, 1.0),
        ("Taxi-v4", {}, 30, None),
        ("CliffWalking-v1", {}, 50, -13.0),
        ("CliffWalking-v1", {"is_slippery": True}, 50, None),
    ],
)
def test_optima_agree_with_another_solver(
    environment: str, options: dict[str, Any], acts: int, known: float | None
) -> None:
    world = build(environment, ToyText(options=options, lifespan=acts), {}).ancestral
    best = float(extreme_values(world, world.payoff)[0][0] @ world.start)
    assert best == pytest.approx(solved(environment, options, acts), rel=1e-12, abs=1e-12)
    if known is not None:
        assert best == pytest.approx(known, abs=1e-12)


def test_returns_are_those_of_lives_in_the_environment() -> None:
    """A random policy, lived in the environment itself: the mean return is within five standard
    errors of the exact one.
    """
    world = build("FrozenLake-v1", ToyText(lifespan=100), {}).ancestral
    policy = np.where(world.available, 1.0, 0.0)
    exact = lifetime(
        world, policy / policy.sum(axis=1, keepdims=True) * np.ones((1, 1, 1)), world.payoff
    )
    env = gymnasium.make("FrozenLake-v1")
    rng, returns = np.random.default_rng(0), []
    env.reset(seed=0)
    for _ in range(3000):
        env.reset()
        total, over = 0.0, False
        while not over:
            _, reward, ended, cut, _ = env.step(int(rng.integers(4)))
            total, over = total + float(reward), ended or cut
        returns.append(total)
    assert abs(np.mean(returns) - exact) < 5 * np.std(returns) / np.sqrt(len(returns))


def test_the_offset_moves_every_policy_alike() -> None:
    plain, moved = (
        build("CliffWalking-v1", ToyText(lifespan=20, offset=offset), {}).ancestral
        for offset in (0.0, 2000.0)
    )
    rng = np.random.default_rng(1)
    weight = rng.random(plain.available.shape) * plain.available
    policy = (weight / weight.sum(axis=1, keepdims=True))[None]
    assert lifetime(moved, policy, moved.payoff) - lifetime(
        plain, policy, plain.payoff
    ) == pytest.approx(2000.0, abs=1e-9)
    assert extreme_values(moved, moved.payoff, worst=True)[0][0] @ moved.start >= 0.0


def test_worlds_differ_by_arguments_and_share_their_states() -> None:
    pair = build("FrozenLake-v1", ToyText(), {"options": {"is_slippery": False}})
    assert pair.name == "gymnasium:FrozenLake-v1"
    assert (pair.modern.transitions.max(axis=2)[pair.modern.available] == 1.0).all()
    assert (pair.ancestral.transitions.max(axis=2)[1:-1] < 1.0).any()
    np.testing.assert_array_equal(pair.modern.beliefs["ancestral"], pair.ancestral.transitions)


def test_gain_and_loss_are_the_reward() -> None:
    world = build("Taxi-v4", ToyText(lifespan=10), {}).ancestral
    np.testing.assert_allclose(
        world.features_felt[1:-1, :, :2].sum(axis=2), world.payoff[1:-1], atol=1e-12
    )


def test_reflexes_see_stretches_of_states() -> None:
    pair = build("CliffWalking-v1", ToyText(observed=12), {})
    assert pair.classes[0] == "states 0 to 3"
    assert len(pair.classes) == 14
    made = setting("frozen-lake", "genome={name='reflex'}")
    rules = made.genome.decode(np.arange(5))
    assert (Scorer(made.pair.ancestral, made.pair).score(rules).payoff >= 0.0).all()


@pytest.mark.parametrize(
    ("environment", "options", "modern", "message"),
    [
        (
            "CartPole-v1",
            {},
            {},
            (
                r"must be an environment with a table of transitions \(env\.unwrapped\.P\), but"
                r" CartPole-v1 has none"
            ),
        ),
        ("Nope-v0", {}, {}, r"gymnasium\.make\('Nope-v0'\) raises NameNotFound"),
        (
            "FrozenLake-v1",
            {"ice": 1},
            {},
            r"world\.ancestral\.options must make an environment, but .* raises TypeError",
        ),
        (
            "FrozenLake-v1",
            {},
            {"options": {"map_name": "8x8"}},
            r"world\.modern\.options must leave FrozenLake-v1 its 16 states, but makes 64",
        ),
        ("FrozenLake-v1", {}, {"lifespan": 3}, r"world\.modern\.lifespan must be left alone"),
        (
            "FrozenLake-v1",
            {"map_name": None},
            {},
            r"must make the same environment each time, but FrozenLake-v1 is drawn at random",
        ),
    ],
)
def test_mistakes_are_named(
    environment: str, options: dict[str, Any], modern: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidWorld, match=message) as caught:
        build(environment, ToyText(options=options), modern)
    assert "\n" not in str(caught.value)


def test_without_gymnasium_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(
        UserError,
        match=(
            r"needs the package gymnasium\. Install it with pip install"
            r" .evosim-lab\[gymnasium\].\.$"
        ),
    ):
        build_setting(resolve(read_experiment("frozen-lake")))


def test_what_is_shown_is_what_is_run() -> None:
    resolved = resolve(
        apply_settings(read_experiment("frozen-lake"), ["world.ancestral.options={map_name='4x4'}"])
    )
    assert resolve(tomllib.loads(to_commented_toml(resolved))) == resolved


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(UserError, match=r"unknown key 'world\.modern\.is_slippery'. Known keys"):
        resolve(apply_settings(read_experiment("frozen-lake"), ["world.modern.is_slippery=false"]))


def test_evosim_does_not_bring_gymnasium_along() -> None:
    code = "import sys, evosim.config.resolve; sys.exit('gymnasium' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
