"""One sampled life in both worlds, act by act, with the same random numbers.

Random numbers are addressed by life and age (stream `LIVES` of the experiment's seed). So the two
lives are the same for as long as the two worlds are. A rule selects the life that is shown: see
`middling`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.policy_table import WORLDS, policies_of
from evosim.reference.dynamic_programming import Floats, level_at
from evosim.reference.rollout import live

DRAWN = 101  # lives, of which one is shown
SCHEMA = {
    "world": pl.String,
    "age": pl.Int64,
    "state": pl.String,
    "act": pl.String,
    "chance": pl.Float64,
    "amount": pl.Float64,
    "so_far": pl.Float64,
}


@dataclass(frozen=True, eq=False)
class Life:
    """One life in both worlds.

    Attributes
    ----------
    rows : pl.DataFrame
        A row for each world and age, until the life has ended. Columns are `state`, `act` and the
        `chance` of the act under the policy. Then follow its `amount` (payoff in A, intent in M)
        and the sum `so_far`.
    number : int
        Index of this life among the drawn lives.
    drawn : int
        Number of drawn lives.
    total : dict of float
        By world, the amount of this life.
    expected : dict of float
        By world, the exact mean amount of all lives, gross of upkeep.
    """

    rows: pl.DataFrame
    number: int
    drawn: int
    total: dict[str, float]
    expected: dict[str, float]


def middling(amounts: Floats, means: Floats) -> int:
    """Index of the most middling of `n` lives.

    Of amounts `[n, W]` it is the nearest to the means `[W]`, in units of their spread; of equals
    the first.
    """
    spread = amounts.std(axis=0)
    away = (amounts - means) / np.where(spread > 0.0, spread, np.inf)
    return int((away**2).sum(axis=1).argmin())


def life(evaluator: ClassEvaluator, number: int, seed: int, drawn: int = DRAWN) -> Life:
    """The most middling of some lives of a class, by what they come to in both worlds."""
    policies = policies_of(evaluator, number)
    states, acts, amounts = {}, {}, {}
    for world_name in WORLDS:
        world = evaluator.world(world_name)
        states[world_name], acts[world_name] = live(world, policies[world_name], drawn, 0, seed)
        amounts[world_name] = (world.payoff if world_name == "ancestral" else world.intent)[
            states[world_name], acts[world_name]
        ]
    totals = np.stack([amounts[world_name].sum(axis=1) for world_name in WORLDS], axis=1)
    amounts_by_world = [evaluator.amounts(number, world_name) for world_name in WORLDS]
    expected = np.array([amounts_by_world[0].payoff, amounts_by_world[1].intent])
    shown = middling(totals, expected)
    rows: list[dict[str, object]] = []
    for world_name in WORLDS:
        world, policy, so_far = evaluator.world(world_name), policies[world_name], 0.0
        ended = world.terminal_states()
        for t, (s, a) in enumerate(
            zip(states[world_name][shown], acts[world_name][shown], strict=True)
        ):
            if ended[s]:
                break
            amount = float(amounts[world_name][shown, t])
            so_far += amount
            chance = float(policy[level_at(t, world.lifespan, len(policy)), s, a])
            rows.append(
                {
                    "world": world_name,
                    "age": t,
                    "state": world.states[s],
                    "act": world.acts[a],
                    "chance": chance,
                    "amount": amount,
                    "so_far": so_far,
                }
            )
    totals_of_life = dict(zip(WORLDS, totals[shown].tolist(), strict=True))
    return Life(
        pl.DataFrame(rows, schema=SCHEMA),
        shown,
        drawn,
        totals_of_life,
        dict(zip(WORLDS, expected.tolist(), strict=True)),
    )
