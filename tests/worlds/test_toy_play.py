"""Effects of `step()`, `reset()` or a wrapper that are not in the table are refused."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from evosim.worlds import InvalidWorld, WorldPair, toy_play
from evosim.worlds.toy_text import ToyText, build

gymnasium: Any = pytest.importorskip("gymnasium")
frozen_lake: Any = pytest.importorskip("gymnasium.envs.toy_text.frozen_lake")
taxi: Any = pytest.importorskip("gymnasium.envs.toy_text.taxi")
numbers = itertools.count()


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(toy_play, "STEPS", 4000)
    monkeypatch.setattr(toy_play, "MAX_CPU_SECONDS", 60.0)
    known = dict(gymnasium.registry)
    yield
    gymnasium.registry.clear()
    gymnasium.registry.update(known)


def built(
    make: Callable[..., Any], options: dict[str, Any] | None = None, **registered: Any
) -> WorldPair:
    """The pair of an environment of one's own."""
    name = f"Own{next(numbers)}-v0"
    gymnasium.register(name, entry_point=make, **registered)
    return build(name, ToyText(lifespan=5, offset=1000.0, options=options or {}), {})


def refusal(
    make: Callable[..., Any], options: dict[str, Any] | None = None, **registered: Any
) -> str:
    with pytest.raises(InvalidWorld) as caught:
        built(make, options, **registered)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("probability", [1.0, 0.3, 0.0001])
def test_passengers_who_are_fickle_in_step_alone_are_refused(probability: float) -> None:
    """However seldom they are: the table stays as it is, and what happens does not."""
    options = {"fickle_passenger": True, "fickle_probability": probability}
    with pytest.raises(
        InvalidWorld,
        match=r"^world\.modern\.options\.fickle_passenger must act in the table .* Leave it out\.$",
    ):
        build("Taxi-v4", ToyText(offset=250.0), {"options": options})


@pytest.mark.slow
def test_rain_is_in_the_table() -> None:
    build(
        "Taxi-v4", ToyText(offset=250.0), {"options": {"is_rainy": True, "rainy_probability": 0.5}}
    )


def test_fickle_passengers_are_found_by_playing() -> None:
    message = refusal(lambda: taxi.TaxiEnv(fickle_passenger=True))
    assert "must agree with its table of transitions, but in state " in message
    assert "which the table does not have" in message


class Lake(frozen_lake.FrozenLakeEnv):  # type: ignore[misc]
    """A lake that may be otherwise slippery than its table says, and begin elsewhere."""

    def __init__(
        self, success: float = 1.0 / 3.0, start: tuple[float, ...] = (), **given: Any
    ) -> None:
        super().__init__(**given)
        self.real = frozen_lake.FrozenLakeEnv(success_rate=success, **given).P
        self.begin = np.array(start) if start else self.initial_state_distrib

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.s = int(self.np_random.choice(len(self.begin), p=self.begin))
        return self.s, {}

    def step(self, a: Any) -> Any:
        rows = self.real[self.s][a]
        _, self.s, reward, over = rows[
            int(self.np_random.choice(len(rows), p=[row[0] for row in rows]))
        ]
        return self.s, reward, over, False, {}


def test_chances_that_differ_from_the_table_are_found() -> None:
    assert "times of" in refusal(lambda: Lake(success=0.5))
    assert "times of" in refusal(lambda: Lake(success=0.2, map_name="8x8"))


@pytest.mark.parametrize("seed", range(5))
def test_a_right_table_is_not_refused(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy_play, "SEED", seed)
    built(Lake)


def test_starts_that_differ_from_the_table_are_found() -> None:
    desc = ["SSF", "FFG"]
    assert "reset() begins in state '2', where the table never begins" in refusal(
        lambda: Lake(start=(0.5, 0.4, 0.1, 0, 0, 0), desc=desc)
    )
    assert "reset() begins in state '0'" in refusal(
        lambda: Lake(start=(0.05, 0.95, 0, 0, 0, 0), desc=desc)
    )
    built(lambda: Lake(start=(0.5, 0.5, 0, 0, 0, 0), desc=desc))


def test_the_bound_holds_for_fair_events_and_not_for_others() -> None:
    """Of many fair tallies the share that is called off is below twice `exp(-bound)`."""
    rng = np.random.default_rng(0)
    for chance in (0.5, 0.05):
        seen = rng.binomial(400, chance, size=20_000)
        for bound in (1.0, 2.0, 4.0):
            off = 0
            for count in seen.tolist():
                tally = toy_play._Tally("x")
                tally.add(chance, 400, count)
                off += tally.is_off(bound)
            assert off / len(seen) <= 2.0 * np.exp(-bound)
    tally = toy_play._Tally("x")
    tally.add(0.5, 400, 320)
    assert tally.is_off(35.0)


WRAPPED: dict[str, Callable[[], Any]] = {
    "rewards": lambda: gymnasium.wrappers.TransformReward(
        frozen_lake.FrozenLakeEnv(), lambda reward: 2 * reward
    ),
    "acts": lambda: gymnasium.wrappers.TransformAction(
        frozen_lake.FrozenLakeEnv(), lambda a: 3 - a, gymnasium.spaces.Discrete(4)
    ),
    "states": lambda: gymnasium.wrappers.TransformObservation(
        frozen_lake.FrozenLakeEnv(), lambda s: 15 - s, gymnasium.spaces.Discrete(16)
    ),
    "sticky": lambda: gymnasium.wrappers.StickyAction(
        frozen_lake.FrozenLakeEnv(is_slippery=False), 0.1
    ),
}


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_a_wrapper_that_changes_what_happens_is_not_ignored(wrapper: str) -> None:
    assert "must agree with its table of transitions" in refusal(WRAPPED[wrapper])


def test_harmless_wrappers_and_limits_are_accepted() -> None:
    built(
        lambda: gymnasium.wrappers.RecordEpisodeStatistics(frozen_lake.FrozenLakeEnv()),
        max_episode_steps=7,
    )


def test_a_wrapper_may_bring_the_table_that_it_makes_true() -> None:
    class Doubled(gymnasium.RewardWrapper):  # type: ignore[misc]
        @property
        def P(self) -> Any:
            rows = self.env.unwrapped.P
            return {
                s: {a: [(p, x, 2 * r, e) for p, x, r, e in row] for a, row in acts.items()}
                for s, acts in rows.items()
            }

        def reward(self, reward: Any) -> Any:
            return 2 * reward

    pair = built(lambda: Doubled(frozen_lake.FrozenLakeEnv(is_slippery=False)))
    assert pair.ancestral.payoff[1:-1].max() == 2.0


@pytest.mark.parametrize(
    "options",
    [
        {"render_mode": "ansi"},
        {"desc": ["SF", "FG"], "reward_schedule": [1, -1, 0]},
        {"is_slippery": False, "success_rate": 0.5},
        {"map_name": "4x4"},
    ],
)
def test_an_option_that_changes_nothing_at_all_is_accepted(options: dict[str, Any]) -> None:
    build("FrozenLake-v1", ToyText(options=options), {})


def test_a_limit_of_acts_is_the_lifespan() -> None:
    with pytest.raises(
        InvalidWorld,
        match=r"options\.max_episode_steps must act in .* Set world\.ancestral\.lifespan, the",
    ):
        build("FrozenLake-v1", ToyText(options={"max_episode_steps": 5}), {})


class Walk(gymnasium.Env):  # type: ignore[misc]
    """Two states and an end, played by its own table; parts of it can be made to misbehave."""

    def __init__(
        self,
        seen: Any = None,
        raises: bool = False,
        speaks: bool = False,
        seconds: float = 0.0,
        drifts: bool = False,
    ) -> None:
        self.P = {
            "a": {0: [(1.0, "b", 1.0, False)], 1: [(1.0, "a", 0.0, False)]},
            "b": {0: [(1.0, "a", 2.0, True)]},
        }
        self.initial_state_distrib = [1.0, 0.0]
        self.given = (seen, raises, speaks, seconds, drifts)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        seen, _, speaks, _, drifts = self.given
        super().reset(seed=seed)
        self.at = "a"
        if speaks:
            print("reset")
        if drifts:
            self.P["a"][0] = [(1.0, "b", self.P["a"][0][0][2] + 1.0, False)]
        return (self.at if seen is None else seen), {}

    def step(self, a: Any) -> Any:
        seen, raises, _, seconds, _ = self.given
        time.sleep(seconds)
        if raises:
            raise RuntimeError("no\nluck")
        _, self.at, reward, over = self.P[self.at][a][0]
        return (self.at if seen is None else seen), reward, over, False, {}


def test_an_environment_of_ones_own_is_played_by_its_keys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pair = built(lambda: Walk(speaks=True))
    assert pair.ancestral.states == ("birth", "a", "b", "over")
    assert capsys.readouterr().out == ""


def test_what_goes_wrong_in_playing_is_said_in_a_line() -> None:
    assert "step() or reset() raises RuntimeError: no" in refusal(lambda: Walk(raises=True))
    assert "comes to 'elsewhere', which is no state of its table" in refusal(
        lambda: Walk(seen="elsewhere")
    )
    assert "which the table does not have" in refusal(lambda: Walk(seen="a"))
    assert "which the table does not have" in refusal(lambda: Walk(drifts=True))


def test_a_table_that_changes_while_it_is_played_is_refused() -> None:
    class Drifting(Walk):
        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            self.P["never reached"] = {0: [(1.0, "a", 0.0, False)]}
            self.initial_state_distrib = [1.0, 0.0, 0.0]
            return super().reset(seed=seed)

    assert "must keep its table of transitions, but has another after some episodes" in refusal(
        Drifting
    )


def test_a_slow_environment_is_played_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy_play, "MAX_SECONDS", 0.05)
    played = []
    compare = toy_play.compare
    monkeypatch.setattr(toy_play, "compare", lambda *given: played.append(compare(*given)))
    built(lambda: Walk(seconds=0.01))
    assert 0 < played[0] < 50


def test_acts_that_the_table_lacks_are_named() -> None:
    class Wide(frozen_lake.FrozenLakeEnv):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.action_space = gymnasium.spaces.Discrete(5)

    assert (
        "the acts of P must be those of action_space (Discrete(5)), but are 0, 1, 2, 3"
        in refusal(Wide)
    )


def test_an_environment_is_played_once(monkeypatch: pytest.MonkeyPatch) -> None:
    played = []
    compare = toy_play.compare
    monkeypatch.setattr(toy_play, "compare", lambda *given: played.append(compare(*given)))
    name = f"Own{next(numbers)}-v0"
    gymnasium.register(name, entry_point=Walk)
    for _ in range(3):
        build(name, ToyText(lifespan=5), {})
    assert len(played) == 1


def test_the_player_comes_to_every_act() -> None:
    """A long way through firm ice: every act of every state that can be come to is tried."""
    env = frozen_lake.FrozenLakeEnv(map_name="8x8", is_slippery=False)
    env.reset(seed=0)
    outcomes = {}
    for s, rows in env.P.items():
        for a, ((_, x, reward, over),) in rows.items():
            outcomes[s, a] = {(64 if over else x, float(reward)): 1.0}
    player = toy_play._Player(
        toy_play.Rules(tuple(range(64)), tuple(range(4)), outcomes, env.initial_state_distrib)
    )
    for _ in range(100):
        player.begin()
        s = 0
        for _ in range(200):
            ((s, _),) = outcomes[s, player.act(s)]
            if s == 64:
                break
    assert all(min(player.tries[s].values()) > 0 for s in player.reachable)
    assert len(player.reachable) == sum(letter != b"H" for letter in env.desc.ravel()) - 1
