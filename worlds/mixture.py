"""Mixtures: several worlds in one table. Each life is in one of them, drawn at birth.

The states of the union are pairs (member, state). So every account of one world also applies to a
union: fitness is the mean over lives. `TabularMdp.case_of` gives the member of each state. An agent
stays in the member of its birth. Planners know this member: they hold its beliefs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evosim.worlds.parameters import InvalidWorld, check_size
from evosim.worlds.tabular import Bools, Floats, Ints, TabularMdp, WorldPair

SHARE_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Member:
    """One world of a mixture.

    Attributes
    ----------
    name : str
        Name of the case.
    share : float
        Share of lives in this world.
    world : TabularMdp
        The world.
    modern : bool
        Whether it represents the modern world in training.
    """

    name: str
    share: float
    world: TabularMdp
    modern: bool = False


def union(name: str, members: Sequence[Member]) -> TabularMdp:
    """Combine several worlds in one.

    Parameters
    ----------
    name : str
        Name of the union in messages.
    members : sequence of Member
        Worlds with the same states, acts, features, lifespan and names of beliefs.

    Returns
    -------
    TabularMdp
        The union. Its states are named `member: state`, those of the first member first.

    Raises
    ------
    InvalidWorld
        If the worlds differ, or if the shares do not sum to 1.
    """
    first = members[0].world
    for member in members[1:]:
        _check_alike(name, first, member)
    shares = np.array([member.share for member in members])
    if (shares < 0.0).any() or abs(shares.sum() - 1.0) > SHARE_TOLERANCE:
        raise InvalidWorld(
            f"{name}: shares must be at least 0 and sum to 1, but are {shares.tolist()}. Correct"
            " the shares."
        )
    worlds, s = [member.world for member in members], len(first.states)
    check_size(name, s * len(worlds), len(first.acts), first.lifespan)
    return TabularMdp(
        name=name,
        states=tuple(f"{member.name}: {state}" for member in members for state in first.states),
        acts=first.acts,
        features=first.features,
        lifespan=first.lifespan,
        available=np.concatenate([world.available for world in worlds]),
        transitions=_blocks([world.transitions for world in worlds]),
        payoff=np.concatenate([world.payoff for world in worlds]),
        intent=np.concatenate([world.intent for world in worlds]),
        features_felt=np.concatenate([world.features_felt for world in worlds]),
        start=np.concatenate(
            [share * world.start for share, world in zip(shares, worlds, strict=True)]
        ),
        beliefs={
            belief: _blocks([world.beliefs[belief] for world in worlds])
            for belief in first.beliefs
            if belief != "true"
        },
        case_of=_cases(members),
        case_names=tuple(name for member in members for name in _case_names(member)),
        before_life=_before_life(worlds),
    )


def mix_worlds(pair: WorldPair, others: Sequence[Member]) -> WorldPair:
    """Mix other worlds into the ancestral world of a pair.

    Every copy of the states has the pair's own modern world. Modern lives begin in the copies
    that represented the modern world in training, by their shares. Without such copies they begin
    in the first one. So an act is new to a modern life only if no such copy had it. No modern
    number changes.

    Parameters
    ----------
    pair : WorldPair
        The pair.
    others : sequence of Member
        Worlds to add. The rest of the lives are in the pair's own ancestral world. Members of
        share 0 are left out.

    Returns
    -------
    WorldPair
        The pair with a mixture as its ancestral world; `pair` itself if there is no member.

    Raises
    ------
    InvalidWorld
        If the worlds differ, or if the shares sum to more than 1.
    """
    others = [member for member in others if member.share > 0.0]
    rest = 1.0 - sum(member.share for member in others)
    if rest < -SHARE_TOLERANCE:
        raise InvalidWorld(
            f"{pair.name}: shares of a mixture must sum to at most 1, but sum to {1.0 - rest:g}."
            " Lower one share."
        )
    if not others:
        return pair
    members = (
        [Member("ancestral", rest, pair.ancestral), *others]
        if rest > SHARE_TOLERANCE
        else list(others)
    )
    if rest <= SHARE_TOLERANCE:
        total = sum(member.share for member in members)
        members = [Member(m.name, m.share / total, m.world, m.modern) for m in members]
    ancestral = union(pair.ancestral.name, members)
    known = np.array([member.share if member.modern else 0.0 for member in members])
    births = known / known.sum() if known.any() else np.eye(len(members))[0]
    modern = union(
        pair.modern.name,
        [
            Member(member.name, share, pair.modern)
            for member, share in zip(members, births.tolist(), strict=True)
        ],
    )
    return WorldPair(
        name=pair.name,
        ancestral=ancestral,
        modern=modern,
        observe=np.tile(pair.observe, len(members)),
        classes=pair.classes,
        default_act=pair.default_act,
        serves=pair.serves,
        cue=None if pair.cue is None else np.tile(pair.cue, len(members)),
    )


def _blocks(tables: Sequence[Floats]) -> Floats:
    """Tables `[S, A, S]` as one block-diagonal table."""
    s, a = tables[0].shape[:2]
    out = np.zeros((s * len(tables), a, s * len(tables)))
    for i, table in enumerate(tables):
        out[i * s : (i + 1) * s, :, i * s : (i + 1) * s] = table
    return out


def _before_life(worlds: Sequence[TabularMdp]) -> Bools | None:
    """States before life of all worlds; None if no world has such states."""
    if all(world.before_life is None for world in worlds):
        return None
    none = np.zeros(len(worlds[0].states), dtype=bool)
    return np.concatenate([none if w.before_life is None else w.before_life for w in worlds])


def _case_names(member: Member) -> tuple[str, ...]:
    """Names of a member's cases; a world without cases is one case."""
    return tuple(f"{member.name}: {case}" for case in member.world.case_names) or (member.name,)


def _cases(members: Sequence[Member]) -> Ints:
    parts, before = [], 0
    for member in members:
        case_of = member.world.case_of
        parts.append(
            before
            + (np.zeros(len(member.world.states), dtype=np.int64) if case_of is None else case_of)
        )
        before += len(_case_names(member))
    return np.concatenate(parts)


def _check_alike(name: str, first: TabularMdp, member: Member) -> None:
    for kind in ("states", "acts", "features", "lifespan"):
        if getattr(first, kind) != getattr(member.world, kind):
            raise InvalidWorld(
                f"{name}: worlds of a mixture must share their {kind}, but '{member.name}' has"
                f" others. Leave out the parameters that determine its {kind}."
            )
    if set(first.beliefs) != set(member.world.beliefs):
        raise InvalidWorld(
            f"{name}: worlds of a mixture must offer the same beliefs, but '{member.name}' has"
            f" {sorted(member.world.beliefs)} and not {sorted(first.beliefs)}. Give every world"
            " a table for each belief."
        )
