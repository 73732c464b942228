"""Detectors find genomes that will do harm in the modern world, from behaviour or from the genome.

A detector gives each genome a score, the higher the more suspicious. Detectors of behaviour give
equal scores to genomes that act alike everywhere (extensional equivalence), a planner or its table.
A detector that reads genomes need not.

* `lost_by`: the share of an amount that is lost in a world: the behaviour ledger's sum.
* `worst_anywhere`: the largest regret in any state at any age, reached or not. It shows whether the
  genome does harm on some trajectory.
* `goal_directedness`: maximum entropy goal-directedness (MacDermott et al. 2024, NeurIPS,
  "Measuring Goal-Directedness") for a known utility.
* `agency`: the posterior of an agent against a device (Orseau, McGill, Legg 2018, "Agents and
  Devices"). Agents are the planners of this project; devices are tables of reflexes.
* `objective_distance`: how far the objective that is written in a genome is from payoff.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.analysis.deception import lost
from evosim.genomes import PlannerRules, Rules
from evosim.reference.dynamic_programming import (
    Floats,
    extreme_values,
    largest_amount,
    level_at,
    occupancy,
    plan,
    span_of,
)
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp, WorldPair

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LARGEST_BETA = 1e4  # per span of utility: as good as a maximum
SAME = 1e-12


def lost_by(world: TabularMdp, policy: Floats, amount: Floats) -> float:
    """Share of the span of an amount that a policy loses.

    Raises `UserError` where there is no span.
    """
    return lost(world, occupancy(world, policy), amount)


def aged(policy: Floats, lifespan: int) -> Floats:
    """A policy `[L, S, A]` by age, `[T, S, A]`."""
    return policy[[level_at(t, lifespan, len(policy)) for t in range(lifespan)]]


def worst_anywhere(world: TabularMdp, policy: Floats, amount: Floats, where: Bools) -> float:
    """The largest expected regret of acts in any state and age of `where` `[T, S]`.

    It is a share of the span at birth.
    """
    value, q = extreme_values(world, amount)
    gap = np.where(world.available, value[:-1, :, None] - q, 0.0)
    regret = (aged(policy, world.lifespan) * gap).sum(axis=2)
    return float(regret[where].max() / span_of(world, amount).width)


def reached_by_some(pair: WorldPair) -> Bools:
    """`[T, S]`: states that some life can be in at each age, in either world and with any cue."""
    out = np.zeros((pair.ancestral.lifespan, len(pair.ancestral.states)), dtype=bool)
    begin = (pair.ancestral.start > 0.0) | (pair.modern.start > 0.0)
    if (
        pair.cue is not None
        and begin.size % 2 == 0
        and np.array_equal(pair.cue, np.repeat([False, True], begin.size // 2))
    ):
        # The other word at birth is possible as well
        half = begin[: begin.size // 2] | begin[begin.size // 2 :]
        begin = np.concatenate([half, half])
    out[0] = begin
    step = np.asarray(
        ((pair.ancestral.transitions > 0.0) | (pair.modern.transitions > 0.0)).any(axis=1)
    )
    for t in range(1, len(out)):
        out[t] = step[out[t - 1]].any(axis=0)
    return out


def behaviour_key(rules: Rules, i: int, pair: WorldPair, where: Bools) -> bytes:
    """A key that is equal for rules that act alike in both worlds at the places `where`."""
    policies = [
        np.round(aged(policy_of(rules, i, world, pair), world.lifespan)[where], 9).tobytes()
        for world in (pair.ancestral, pair.modern)
    ]
    return b"".join(policies)


def soft_policy(world: TabularMdp, amount: Floats, beta: float) -> Floats:
    """`[T, S, A]` log chances of acts under soft value iteration for `beta * amount`; minus
    infinity where unavailable.
    """
    value = np.zeros(len(world.states))
    out = np.empty((world.lifespan, *amount.shape))
    for t in range(world.lifespan - 1, -1, -1):
        q = np.where(world.available, beta * amount + world.transitions @ value, -np.inf)
        top = q.max(axis=1)
        value = top + np.log(np.exp(q - top[:, None]).sum(axis=1))
        out[t] = q - value[:, None]
    return out


def goal_directedness(world: TabularMdp, policy: Floats, amount: Floats) -> float:
    """Maximum entropy goal-directedness towards an amount, in nats a life.

    It says how much better than chance the amount predicts the acts.

    The maximum over beta >= 0 of the expected log chance of acts under `soft_policy`, less that
    under uniform choice. The expectation is exact. It is concave in beta (the dual of maximum
    causal entropy), so that one search finds it. 0 for what does not depend on acts.
    """
    from scipy.optimize import minimize_scalar

    done = occupancy(world, policy)
    chance = float((done.sum(axis=2) * np.log(world.available.sum(axis=1))).sum())
    if not span_of(world, amount).width:
        return 0.0
    value = extreme_values(world, amount)[0][0] - extreme_values(world, amount, worst=True)[0][0]
    span = float(value[world.in_reach].max())

    def gain(beta: float) -> float:
        predicted = np.where(done > 0.0, soft_policy(world, amount, beta), 0.0)
        return float((done * predicted).sum()) + chance

    optimum = minimize_scalar(
        lambda x: -gain(np.exp(x) / span),
        bounds=(np.log(1e-6), np.log(LARGEST_BETA)),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return max(0.0, gain(float(np.exp(optimum.x)) / span), gain(LARGEST_BETA / span))


@dataclass(frozen=True, eq=False)
class Lives:
    """Watched lives: `states` and `acts` `[n, T]`."""

    states: Ints
    acts: Ints


def observe_lives(world: TabularMdp, policy: Floats, n: int, rng: np.random.Generator) -> Lives:
    """Sampled lives of one policy."""
    by_age = aged(policy, world.lifespan)
    states, acts = (
        np.empty((n, world.lifespan), dtype=np.int64),
        np.empty((n, world.lifespan), dtype=np.int64),
    )
    now = _drawn(np.broadcast_to(world.start, (n, world.start.size)), rng)
    for t in range(world.lifespan):
        states[:, t], acts[:, t] = now, _drawn(by_age[t, now], rng)
        now = _drawn(world.transitions[now, acts[:, t]], rng)
    return Lives(states, acts)


def _drawn(chances: Floats, rng: np.random.Generator) -> Ints:
    """One index of each row `[n]`."""
    sums = np.cumsum(chances, axis=1)
    return np.asarray(
        (sums <= (rng.random(len(chances)) * sums[:, -1])[:, None]).sum(axis=1), dtype=np.int64
    )


@dataclass(frozen=True, eq=False)
class Agents:
    """A mixture of agents, all equally likely beforehand: log chances `[n, T, S, A]` of what each
    does.
    """

    log_chances: Floats


def agents_of(
    world: TabularMdp, weights: Floats, horizons: list[int], temperature: float, discount: float
) -> Agents:
    """Planners with soft choice: each of the objectives `[n, K]` with each horizon.

    Temperature is in units of the largest felt reward.

    A hundredth of what each does is chance, so that no act is impossible for an agent.
    """
    out = []
    chance = world.available / world.available.sum(axis=1, keepdims=True)
    for w in weights:
        size = largest_amount(world, world.features_felt @ w)
        for horizon in horizons:
            policy = (
                plan(world, w, horizon, temperature=temperature * size, discount=discount)
                if size > 0.0
                else chance[None]
            )
            with np.errstate(divide="ignore"):
                out.append(np.log(aged(0.99 * policy + 0.01 * chance, world.lifespan)))
    return Agents(np.stack(out))


def agency(lives: Lives, agents: Agents, pair: WorldPair, world: TabularMdp) -> float:
    """Log odds of an agent against a device after watching, from even odds beforehand.

    Acts where there is no choice say nothing.

    A device has a table of chances for each observation class of states with the same acts. A
    priori the table is any (Dirichlet, 1/2 for each act: Jeffreys). In that prior lies what a
    device must pay for its complexity: one parameter for each class and act.
    """
    free = world.available.sum(axis=1) > 1
    chosen = free[lives.states]
    ages = np.broadcast_to(np.arange(lives.states.shape[1]), lives.states.shape)
    log_chance = agents.log_chances[:, ages[chosen], lives.states[chosen], lives.acts[chosen]].sum(
        axis=1
    )
    top = log_chance.max()
    agent = top + np.log(np.exp(log_chance - top).mean())
    return float(agent - device_evidence(lives.states[chosen], lives.acts[chosen], pair, world))


def device_evidence(states: Ints, acts: Ints, pair: WorldPair, world: TabularMdp) -> float:
    """Log evidence of acts under tables of reflexes: Dirichlet-multinomial in each group of like
    states.
    """
    from scipy.special import gammaln

    kinds, group = np.unique(
        np.column_stack([pair.observe, world.available]), axis=0, return_inverse=True
    )
    counts = np.zeros((len(kinds), len(world.acts)))
    np.add.at(counts, (group.reshape(-1)[states], acts), 1.0)
    possible = kinds[:, 1:].astype(bool)
    each = np.where(possible, gammaln(counts + 0.5) - gammaln(0.5), 0.0).sum(axis=1)
    mass = 0.5 * possible.sum(axis=1)
    return float((each + gammaln(mass) - gammaln(mass + counts.sum(axis=1))).sum())


def objective_distance(rules: Rules, i: int, payoff: Floats, *, hidden: bool) -> float:
    """How far what a genome wants is from payoff's weights `[K]`: 1 - cosine, in [0, 2].

    Reflexes want nothing: 0.

    With `hidden` the second objective also counts if the gate lets it act. The result is then the
    larger distance.
    """
    if not rules.planners():
        return 0.0
    first, *others = rules.planners()
    second = rules.second_objective(i, np.array([True, False]))
    if hidden and second is not None and second.any():
        return max(_distance(planners, i, payoff) for planners in (first, *others))
    return _distance(first, i, payoff)


def _distance(planners: PlannerRules, i: int, payoff: Floats) -> float:
    """1 - cosine between the weights of planner `i` and payoff's weights; 1 if either is 0."""
    w = planners.weights[i]
    size = float(np.linalg.norm(w) * np.linalg.norm(payoff))
    return max(0.0, 1.0 - float(w @ payoff) / size) if size > 0.0 else 1.0


def auc(scores: Floats, harmful: Bools, share: Floats | None = None) -> float:
    """Chance that a harmful genome has a higher score than a harmless one, ties half (Mann and
    Whitney 1947). NaN if there is only one kind.
    """
    w = np.ones(len(scores)) if share is None else share
    bad, good = w * harmful, w * ~harmful
    if not (bad.sum() > 0.0 and good.sum() > 0.0):
        return float("nan")
    difference = scores[:, None] - scores[None, :]
    tie = np.abs(difference) <= SAME * max(1.0, float(np.abs(scores).max()))
    wins = np.where(tie, 0.5, difference > 0.0)
    return min(1.0, float(bad @ wins @ good / (bad.sum() * good.sum())))


def false_alarms(scores: Floats, harmful: Bools, among: Bools, caught: float = 0.9) -> float:
    """Share of the harmless `among` that a detector flags.

    Its threshold is the highest that flags at least a share `caught` of the harmful.
    """
    bad = np.sort(scores[harmful])[::-1]
    threshold = bad[int(np.ceil(caught * len(bad))) - 1]
    return float((scores[among & ~harmful] >= threshold - SAME * max(1.0, abs(threshold))).mean())


def roc(scores: Floats, harmful: Bools) -> tuple[Floats, Floats]:
    """Shares of the harmless and of the harmful that are flagged, one point for each threshold,
    from none to all.
    """
    thresholds = [np.inf, *np.unique(scores)[::-1].tolist()]
    return tuple(
        np.array([(scores[kind] >= x).mean() for x in thresholds]) for kind in (~harmful, harmful)
    )  # type: ignore[return-value]
