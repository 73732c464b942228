"""Host: a parasite grows in its host, meets an immune response, and infects other hosts.

Purpose. Misalignment without any inner optimizer. A virus that spreads well in the rodents of an
island spreads badly on the mainland. Its behaviour is a table of reflexes. Selection fitted the
table to hosts that live crowded and hardly resist. Mainland hosts meet seldom and resist. Selection
there would have made a better table.

Loss. A shift, for genomes of the kind `reflex` as for any other.

State `(load, immunity, met)`: parasite load `1..loads`, the host's immune response `0..immunities`,
and whether another, uninfected host is close (0 or 1). The last state is `over`: the host is dead,
or rid of the parasite. Order: load slowest, then immunity, then met. Names: `v2.i0.m1`, `over`.

Acts are available in all states but `over`. They are `hide` (stay hidden), `grow` (replicate with
restraint), `burst` (replicate at full speed) and `shed` (leave for another host). In `over` the
only act is `hide`, which changes nothing.

One age has the following steps, in this order. All chances are independent. `v` and `i` are load
and immunity at the beginning of the age, as shares of their largest values.

1. The act. `grow` raises load by one with `growth`, `burst` with `burst_growth`; `shed` lowers it
   by one with `shed_loss`. Load stays at most `loads`.
2. Clearance. Immunity lowers load by another one with `clearance * i`, times `shelter` if hiding.
   At load 0 the next state is `over`.
3. Response. Immunity rises by one with `recognition * v`, times `alarm` for a burst, times
   `shelter` if hiding. Otherwise it falls by one with `forgetting`.
4. Virulence. The host dies with `death + virulence * v^2`, times `damage` (at most 1) for a burst.
5. Company. With `contact`, an uninfected host is close in the next age.

Payoff: expected new infections. `shed` while another host is close: `transmission * v`; else 0.
Intent is payoff.

Features, all 0 in `over`: `load` (v), `quiet` (minus i), `multiplying` (`grow` 1, `burst` 1). The
last is `passing` (`shed` while another host is close, 1). Further `ease` (-1 for every act but
`hide`) and `infections` (the payoff).

Observation classes of reflexes: load (low: at most half) by immunity (low: at most half) by
company; `over`.

Belief `ancestral`: transitions of the ancestral world.

Sources. The example is Wentworth's (a virus of island rodents on the mainland). Transmission and
virulence both rise with load. This is the trade-off of Anderson and May (1982): neither the most
nor the least harmful parasite spreads best. All numbers are choices; their reasons are in the
parameters. They do not describe a particular parasite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.worlds.parameters import (
    MAX_AGES,
    InvalidWorld,
    check_size,
    modern_params,
    number,
    probability,
)
from evosim.worlds.tabular import Floats, TabularMdp, WorldPair

ACTS = ("hide", "grow", "burst", "shed")
FEATURES = ("load", "quiet", "multiplying", "passing", "ease", "infections")
STATE_LEGEND = "v parasite load, i immunity, m another host is close"
FEATURE_COLOURS = {
    "load": 1,
    "quiet": 6,
    "multiplying": 4,
    "passing": 3,
    "ease": 0,
    "infections": 5,
}
EXAMPLE_SWAP = {"recognition": 0.4, "clearance": 0.6, "contact": 0.15, "death": 0.03}
HIDE, GROW, BURST, SHED = range(len(ACTS))


@dataclass(frozen=True)
class Host:
    """Parameters of the hosts in one world."""

    loads: int = number(
        6,
        "levels of load",
        "from a few particles to a full-blown infection",
        low=2,
        high=100,
        structural=True,
    )
    immunities: int = number(
        4, "levels of immunity", "from naive to full response", low=1, high=100, structural=True
    )
    lifespan: int = number(
        60, "ages", "longer than most infections", low=1, high=MAX_AGES, structural=True
    )

    growth: float = probability(0.35, "restrained replication doubles in a few ages")
    burst_growth: float = probability(0.8, "replication at full speed")
    shed_loss: float = probability(0.5, "particles that leave are gone", "probability per shedding")
    clearance: float = probability(
        0.3, "of a full response", "probability per age at full immunity"
    )
    recognition: float = probability(
        0.1, "island hosts hardly resist", "probability per age at full load"
    )
    alarm: float = number(2.0, "times recognition", "bursting cells are noticed", low=1.0)
    forgetting: float = probability(0.1, "a response fades in ten ages")
    shelter: float = probability(
        0.2, "hidden in tissue that is seldom patrolled", "share of clearance and recognition left"
    )
    death: float = probability(0.01, "island hosts have few enemies")
    virulence: float = probability(0.03, "of a full load, at restraint")
    damage: float = number(
        3.0, "times death by load and otherwise", "bursting cells harm their host", low=1.0
    )
    contact: float = probability(
        0.8, "islands are crowded", "probability that an uninfected host is close"
    )
    transmission: float = number(
        0.5, "infections", "of a full load, for one age in company", low=0.0
    )


def build(params: Host, modern: Mapping[str, Any]) -> WorldPair:
    """Build the pair; `modern` holds the parameters that differ. Raises `InvalidWorld`."""
    after = modern_params(params, modern)
    for world, where in ((params, "world.ancestral"), (after, "world.modern")):
        if world.recognition * world.alarm > 1.0:
            raise InvalidWorld(
                f"{where}.recognition times alarm must be a probability, but is"
                f" {world.recognition * world.alarm:g}. Lower {where}.recognition or {where}.alarm."
            )
    axes = np.indices((params.loads, params.immunities + 1, 2)).reshape(3, -1)
    axes[0] += 1
    check_size("world.ancestral", axes.shape[1] + 1, len(ACTS), params.lifespan)
    moves = _transitions(params, axes)
    low = np.array([2 * axes[0] <= params.loads, 2 * axes[1] <= params.immunities])
    return WorldPair(
        name="host",
        ancestral=_world(params, "host (ancestral)", axes, moves, moves),
        modern=_world(after, "host (modern)", axes, _transitions(after, axes), moves),
        observe=np.append(~low[0] * 4 + ~low[1] * 2 + axes[2], 8),
        classes=(
            *(
                f"{load} load, {immunity} immunity, {company}"
                for load in ("low", "high")
                for immunity in ("low", "high")
                for company in ("alone", "company")
            ),
            "over",
        ),
        default_act="hide",
        serves={
            "load": ("grow", "burst"),
            "quiet": ("hide",),
            "multiplying": ("grow", "burst"),
            "passing": ("shed",),
            "ease": ("hide",),
            "infections": ("shed",),
        },
    )


def _transitions(p: Host, axes: NDArray[np.int64]) -> Floats:
    """Transitions `[S, A, S]` of all acts; the last state has only the act `hide`."""
    n = axes.shape[1]
    out = np.zeros((n + 1, len(ACTS), n + 1))
    out[n, HIDE, n] = 1.0
    shape = (p.loads, p.immunities + 1, 2)
    company = np.array([1.0 - p.contact, p.contact])
    for s, (load, immunity, _) in enumerate(axes.T.tolist()):
        v, i = load / p.loads, immunity / p.immunities
        for act in range(len(ACTS)):
            hidden = p.shelter if act == HIDE else 1.0
            dies = min(1.0, (p.death + p.virulence * v * v) * (p.damage if act == BURST else 1.0))
            loads = _loads(p, load, act, p.clearance * i * hidden)
            immunities = _immunities(
                p, immunity, p.recognition * v * hidden * (p.alarm if act == BURST else 1.0)
            )
            block = (1.0 - dies) * np.einsum("v,i,m->vim", loads[1:], immunities, company)
            assert block.shape == shape
            out[s, act, :n] = block.ravel()
            out[s, act, n] = dies + (1.0 - dies) * loads[0]
    return out


def _loads(p: Host, load: int, act: int, cleared: float) -> Floats:
    """`[loads + 1]`: distribution of load after the act and clearance."""
    up = {GROW: p.growth, BURST: p.burst_growth}.get(act, 0.0) * (load < p.loads)
    down = p.shed_loss if act == SHED else 0.0
    out = np.zeros(p.loads + 2)
    for step, chance in ((1, up), (0, 1.0 - up - down), (-1, down)):
        out[load + step] += chance * (1.0 - cleared)
        out[max(load + step - 1, 0)] += chance * cleared
    return out[:-1]


def _immunities(p: Host, immunity: int, rises: float) -> Floats:
    """`[immunities + 1]`: distribution of immunity after the response."""
    out = np.zeros(p.immunities + 1)
    out[min(immunity + 1, p.immunities)] += rises
    out[max(immunity - 1, 0)] += (1.0 - rises) * p.forgetting
    out[immunity] += (1.0 - rises) * (1.0 - p.forgetting)
    return out


def _world(
    p: Host, name: str, axes: NDArray[np.int64], moves: Floats, believed: Floats
) -> TabularMdp:
    n = axes.shape[1]
    available = np.ones((n + 1, len(ACTS)), dtype=bool)
    available[n, 1:] = False
    v, i, met = axes[0] / p.loads, axes[1] / p.immunities, axes[2]
    felt = np.zeros((n + 1, len(ACTS), len(FEATURES)))
    felt[:n, :, 0] = v[:, None]
    felt[:n, :, 1] = -i[:, None]
    felt[:n, [GROW, BURST], 2] = 1.0
    felt[:n, SHED, 3] = met
    felt[:n, GROW:, 4] = -1.0
    felt[:n, SHED, 5] = p.transmission * v * met
    start = np.zeros(n + 1)
    start[0], start[1] = 1.0 - p.contact, p.contact  # load 1, immunity 0
    return TabularMdp(
        name=name,
        states=(*(f"v{load}.i{immunity}.m{m}" for load, immunity, m in axes.T.tolist()), "over"),
        acts=ACTS,
        features=FEATURES,
        lifespan=p.lifespan,
        available=available,
        transitions=moves,
        payoff=felt[:, :, 5],
        intent=felt[:, :, 5],
        features_felt=felt,
        start=start,
        beliefs={"ancestral": believed},
    )
