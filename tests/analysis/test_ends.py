"""Ends are known by what they do: with one act or all, in one state or in several."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evosim
from evosim import worlds
from evosim.worlds import Entry, TabularMdp, WorldPair
from evosim.worlds.parameters import modern_params, number

FORMS = ("one act", "all acts", "two states")
GENOMES: dict[str, dict[str, Any]] = {
    "planner": {
        "name": "planner",
        "ploidy": 1,
        "discount": 1.0,
        "weights": {"bright": {"alleles": [-1.0, 0.0, 1.0]}},
        "horizon": {"alleles": [1, 5]},
        "belief": {"alleles": ["true", "ancestral"]},
    },
    "reflex": {"name": "reflex"},
}
OWN_TO_A_RUN = ("analysis_seconds", "digest", "out", "peak_memory_mib")
# Digests of acts by state, so they depend on the list of states
POLICIES = ("ancestral_policy", "modern_policy")


@dataclass(frozen=True)
class Rooms:
    """Two rooms of which each is left at once, and an end."""

    lifespan: int = number(10, "ages", "short", low=2, high=100, structural=True)
    form: str = number("one act", "name", "of the three", structural=True)
    second: bool = number(False, "yes or no", "whether life is lived in the second room")


def room(params: Rooms, name: str = "rooms") -> TabularMdp:
    n = 4 if params.form == "two states" else 3
    moves = np.zeros((n, 2, n))
    moves[:3, :, 2] = 1.0
    if n == 4:  # `go` leads from each end into the other, `other` stays
        moves[2:] = 0.0
        moves[2, 0, 3] = moves[3, 0, 2] = moves[2, 1, 2] = moves[3, 1, 3] = 1.0
    payoff = np.zeros((n, 2))
    payoff[:2] = [1.0, 0.2]
    felt = np.zeros((n, 2, 1))
    felt[0, 0], felt[1, 1] = 1.0, 1.0
    available = np.ones((n, 2), dtype=bool)
    if params.form == "one act":
        available[2, 1], moves[2, 1] = False, 0.0
    return TabularMdp(
        name=name,
        states=("first", "second", "over", "quiet")[:n],
        acts=("go", "other"),
        features=("bright",),
        lifespan=params.lifespan,
        available=available,
        transitions=moves,
        payoff=payoff,
        intent=payoff,
        features_felt=felt,
        start=np.eye(n)[1 if params.second else 0],
        beliefs={"ancestral": moves},
    )


def rooms(
    params: Rooms, modern: dict[str, Any], observe: tuple[int, ...] = (0, 1, 2, 2)
) -> WorldPair:
    after = modern_params(params, modern)
    ancestral = room(params)
    return WorldPair(
        name="rooms",
        ancestral=ancestral,
        modern=room(after),
        observe=np.array(observe[: len(ancestral.states)]),
        classes=tuple(f"class {c}" for c in range(max(observe) + 1)),
        default_act="go",
        serves={"bright": ("go",)},
    )


def pruned(value: Any, keys: tuple[str, ...]) -> Any:
    """Nested data without some keys, and without rounding."""
    if isinstance(value, dict):
        return {key: pruned(item, keys) for key, item in value.items() if key not in keys}
    if isinstance(value, list | tuple):
        return [pruned(item, keys) for item in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


@pytest.mark.parametrize("genome", GENOMES)
def test_every_form_of_an_end_has_the_same_accounts(
    genome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(worlds.WORLDS, "rooms", Entry(Rooms, rooms, "two rooms"))
    found = {}
    for form in FORMS:
        tree = {
            "name": "rooms",
            "world": {"name": "rooms", "ancestral": {"form": form}, "modern": {"second": True}},
            "genome": GENOMES[genome],
            "optimizer": {"name": "asexual", "population": 20},
            "phases": [
                {"world": "ancestral", "generations": 3},
                {"world": "modern", "generations": 2},
            ],
        }
        run = evosim.run(tree, out=tmp_path / form)
        tables = {name: table.to_dicts() for name, table in run.tables.items()}
        found[form] = repr(pruned([run.summary, tables], OWN_TO_A_RUN + POLICIES))
        times = run.summary["times_per_life"]
        assert run.summary["overlap"] == 0.0
        assert [sum(times[which].values()) for which in ("ancestral", "modern")] == pytest.approx(
            [1.0, 1.0]
        )
    assert found["all acts"] == found["one act"]
    assert found["two states"] == found["one act"]


def world(**changes: Any) -> TabularMdp:
    return replace(room(Rooms(form="two states")), **changes)


def ends(some: TabularMdp) -> list[str]:
    return [some.states[s] for s in np.flatnonzero(some.terminal_states())]


def at(shape: tuple[int, ...], *entries: tuple[tuple[int, ...], float]) -> Any:
    out = np.zeros(shape)
    for where, value in entries:
        out[where] = value
    return out


def test_what_is_an_end() -> None:
    """A state is no end if payoff, intent or feelings can still differ after it."""
    plain = world()
    assert ends(plain) == ["over", "quiet"]
    assert ends(world(intent=plain.intent + at((4, 2), ((3, 1), 1.0)))) == []
    assert ends(world(payoff=plain.payoff + at((4, 2), ((3, 1), 1.0)))) == []
    assert ends(world(features_felt=plain.features_felt + at((4, 2, 1), ((3, 1, 0), 1.0)))) == []
    moods = at((4, 2, 1), ((3, 0, 0), 1.0), ((3, 1, 0), 1.0))
    assert ends(world(features_felt=plain.features_felt + moods)) == []
    same = np.broadcast_to(np.array([0.0, 0.0, 1.0, 1.0])[:, None, None], (4, 2, 1))
    assert ends(world(features_felt=plain.features_felt - same)) == ["over", "quiet"]
    back = plain.transitions.copy()
    back[3, 1] = [0.1, 0.0, 0.0, 0.9]
    assert ends(world(transitions=back)) == []
    waiting = np.where(np.arange(4)[:, None] == 1, 0.0, plain.payoff)
    silent = plain.features_felt * (np.arange(4) != 1)[:, None, None]
    assert ends(world(payoff=waiting, intent=waiting, features_felt=silent)) == [
        "second",
        "over",
        "quiet",
    ]


def test_an_end_keeps_one_act_unless_a_belief_sees_a_way_out() -> None:
    pair = rooms(Rooms(form="all acts"), {})
    assert pair.ancestral.available.tolist() == [[True, True], [True, True], [True, False]]
    assert pair.options()["class 2"] == ("go",)
    out = pair.ancestral.transitions.copy()
    out[2] = np.eye(3)[[0, 2]]
    whole = room(Rooms(form="all acts"))
    hopeful = replace(whole, beliefs={"ancestral": out})
    assert replace(pair, ancestral=hopeful, modern=hopeful).ancestral.available.all()
    assert hopeful.terminal_states().tolist() == [False, False, True]


def test_terminal_states_leave_acts_of_similar_states() -> None:
    for form in FORMS[:2]:
        pair = rooms(Rooms(form=form), {}, observe=(0, 0, 0))
        assert pair.options() == {"class 0": ("go", "other")}
