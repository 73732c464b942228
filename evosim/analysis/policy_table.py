"""Policy of one class in both worlds, by state and by how much of life remains.

A planner's policy changes with remaining life up to its horizon, a reflex's does not. Remaining
lives in which nothing changes in either world are one column. Occupancy is in ages of a life.
Occupancy times chance, summed over rows, is the number of times an act is done in a life. The
behaviour ledger has the same numbers.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.class_values import ClassEvaluator
from evosim.reference.dynamic_programming import Floats, level_at
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp

WORLDS = ("ancestral", "modern")
NEVER = 1e-12  # ages in a life
NEGLIGIBLE = 1e-6  # chance of an act
SCHEMA = {
    "world": pl.String,
    "place": pl.String,
    "order": pl.Int64,
    "column": pl.Int64,
    "least_left": pl.Int64,
    "most_left": pl.Int64,
    "act": pl.String,
    "chance": pl.Float64,
    "occupancy": pl.Float64,
}


def most_common_class(populations: pl.DataFrame) -> tuple[int, float, str]:
    """Most common class over all seeds (of equals the lowest), its mean share, and the moment.

    The moment is the swap, or the end if all died before.
    """
    for moment in ("swap", "end", "first"):
        at_moment = populations.filter(pl.col("moment") == moment)
        if at_moment.height:
            break
    by_seed = at_moment.group_by("seed", "class", maintain_order=True).agg(pl.col("count").sum())
    shares = by_seed.with_columns(
        share=pl.col("count") / pl.col("count").sum().over("seed") / by_seed["seed"].n_unique()
    )
    top = (
        shares.group_by("class", maintain_order=True)
        .agg(pl.col("share").sum())
        .sort("share", "class", descending=[True, False])
        .row(0, named=True)
    )
    return int(top["class"]), min(1.0, float(top["share"])), moment


def policies_of(evaluator: ClassEvaluator, number: int) -> dict[str, Floats]:
    """The policy `[L, S, A]` of a class in each world."""
    rules = evaluator.genome.decode(np.array([number], dtype=np.int64))
    return {world: policy_of(rules, 0, evaluator.world(world), evaluator.pair) for world in WORLDS}


def places_of(evaluator: ClassEvaluator) -> str:
    """The input of a genome's decisions: `state`, or `observation` where it only reacts."""
    return (
        "observation"
        if evaluator.genome.decode(np.zeros(1, dtype=np.int64)).acts_by_observation
        else "state"
    )


def acting(evaluator: ClassEvaluator, number: int) -> pl.DataFrame:
    """Acts of a class.

    There is a row for each world, visited place, column of remaining lives, and act that is
    available there.

    * place: a state; of reflexes, which see no more, an observation class; `order` is its place in
      the world's list;
    * column: of remaining lives `least_left .. most_left` (ages that are still to be lived, this
      one included), longest first, from 0;
    * chance: of the act, given that one is there; acts of a tie set have equal chances;
    * occupancy: ages of a life spent there with so much of it left, over all acts, without ended
      states.
    """
    pair = evaluator.pair
    policies = policies_of(evaluator, number)
    reflex = places_of(evaluator) == "observation"
    place_of = np.asarray(pair.observe) if reflex else np.arange(len(pair.ancestral.states))
    names = pair.classes if reflex else pair.ancestral.states
    lived = {world: _lived(evaluator, number, world) for world in WORLDS}
    column_of = _columns(pair.ancestral, policies, lived)
    rows: list[dict[str, object]] = []
    for world in WORLDS:
        done = lived[world]  # [T, S, A]
        lifespan = done.shape[0]
        left = lifespan - np.arange(lifespan)
        summed = np.zeros((column_of.max() + 1, len(names), done.shape[2]))
        for t in range(lifespan):
            np.add.at(summed[column_of[t]], place_of, done[t])
        total = summed.sum(axis=2)
        for column, place in np.argwhere(total > NEVER):
            here = left[column_of == column]
            where = {
                "world": world,
                "place": names[place],
                "order": int(place),
                "column": int(column),
                "least_left": int(here.min()),
                "most_left": int(here.max()),
                "occupancy": float(total[column, place]),
            }
            chances = summed[column, place] / total[column, place]
            rows += [
                where | {"act": pair.ancestral.acts[act], "chance": float(chances[act])}
                for act in np.flatnonzero(chances > NEGLIGIBLE)
            ]
    return pl.DataFrame(rows, schema=SCHEMA)


def _lived(evaluator: ClassEvaluator, number: int, world: str) -> Floats:
    """Occupancy `[T, S, A]` without birth and the states in which nothing happens any more."""
    return np.where(
        evaluator.world(world).uncounted_states()[:, None],
        0.0,
        evaluator.evaluate(number, world).occupancy,
    )


def _columns(
    world: TabularMdp, policies: dict[str, Floats], lived: dict[str, Floats]
) -> NDArray[np.int64]:
    """`[T]`: the column of each age.

    Ages are together if no place that is lived in at any age has it otherwise in either world.
    """
    out = np.zeros(world.lifespan, dtype=np.int64)
    for t in range(1, world.lifespan):
        changed = False
        for world_name in WORLDS:
            policy, some = policies[world_name], lived[world_name].sum(axis=(0, 2)) > NEVER
            i, j = (level_at(age, world.lifespan, len(policy)) for age in (t - 1, t))
            changed |= i != j and not np.array_equal(policy[i][some], policy[j][some])
        out[t] = out[t - 1] + changed
    return out
