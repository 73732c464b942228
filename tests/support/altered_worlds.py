"""Changes of a world that must change no account."""

from __future__ import annotations

import dataclasses

import numpy as np

from evosim.worlds import TabularMdp


def relabelled(world: TabularMdp, s: np.ndarray, a: np.ndarray) -> TabularMdp:
    return dataclasses.replace(
        world,
        states=tuple(world.states[i] for i in s),
        acts=tuple(world.acts[i] for i in a),
        available=world.available[np.ix_(s, a)],
        transitions=world.transitions[np.ix_(s, a, s)],
        payoff=world.payoff[np.ix_(s, a)],
        intent=world.intent[np.ix_(s, a)],
        features_felt=world.features_felt[np.ix_(s, a)],
        start=world.start[s],
        beliefs={},
    )


def split(world: TabularMdp, share: float) -> TabularMdp:
    """The first state in two, `share` of every arrival going to the new one, which comes last."""

    def twice(table: np.ndarray) -> np.ndarray:
        return np.concatenate([table, table[:1]])

    moves = np.concatenate([world.transitions, world.transitions[..., :1] * share], axis=2)
    moves[..., 0] *= 1 - share
    start = np.append(world.start, world.start[0] * share)
    start[0] *= 1 - share
    return dataclasses.replace(
        world,
        states=(*world.states, "again"),
        available=twice(world.available),
        transitions=twice(moves),
        payoff=twice(world.payoff),
        intent=twice(world.intent),
        features_felt=twice(world.features_felt),
        start=start,
        beliefs={},
    )


def with_idle_act(world: TabularMdp) -> TabularMdp:
    def wider(table: np.ndarray) -> np.ndarray:
        return np.concatenate([table, np.zeros_like(table[:, :1])], axis=1)

    return dataclasses.replace(
        world,
        acts=(*world.acts, "idle"),
        available=wider(world.available),
        transitions=wider(world.transitions),
        payoff=wider(world.payoff),
        intent=wider(world.intent),
        features_felt=wider(world.features_felt),
        beliefs={},
    )
