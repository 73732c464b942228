"""Laws every account must obey, on random worlds; each with a planted fault that turns it red."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evosim.analysis.behaviour import KINDS, SHIFT_KINDS, Gaps, Ledger, NoSpan, gaps_of, ledger_of
from evosim.analysis.class_values import Evaluation, LifetimeAmounts
from evosim.reference.dynamic_programming import lifetime, occupancy
from evosim.worlds import TabularMdp, WorldPair
from tests.support.altered_worlds import relabelled, split, with_idle_act
from tests.support.random_worlds import random_pair, random_policy

SEEDS = range(25)
EXACT = 1e-10


def conduct(world: TabularMdp, policy: np.ndarray, kept: float = 0.9) -> Evaluation:
    worth = LifetimeAmounts(
        lifetime(world, policy, world.payoff), lifetime(world, policy, world.intent), kept
    )
    return Evaluation(occupancy(world, policy), worth)


def policies(pair: WorldPair, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return random_policy(pair.ancestral, seed, levels=3), random_policy(
        pair.modern, seed + 1000, levels=3
    )


def account(pair: WorldPair, a: np.ndarray, m: np.ndarray, gaps: Gaps | None = None) -> Ledger:
    return ledger_of(gaps or gaps_of(pair), conduct(pair.ancestral, a), conduct(pair.modern, m))


def closing_error(pair: WorldPair, a: np.ndarray, m: np.ndarray, gaps: Gaps | None = None) -> float:
    gaps = gaps or gaps_of(pair)
    ledger = account(pair, a, m, gaps)
    lost_a = gaps.spans["ancestral"].best - conduct(pair.ancestral, a).amounts.fitness
    lost_m = gaps.spans["modern_intent"].best - conduct(pair.modern, m).amounts.net_intent
    sum_a = ledger.waste.sum() + ledger.upkeep_ancestral
    sum_m = sum(ledger.modern[kind].sum() for kind in KINDS) + ledger.upkeep_modern
    return max(abs(sum_a - lost_a), abs(sum_m - lost_m))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ledger_closes(seed: int) -> None:
    pair = random_pair(seed)
    assert closing_error(pair, *policies(pair, seed)) < EXACT


@pytest.mark.parametrize(
    "part", ["ancestral", "misspecified", "novel", "missed", "stale", "exposed"]
)
def test_a_lost_thousandth_is_seen(part: str) -> None:
    errors = []
    for seed in SEEDS:
        pair = random_pair(seed)
        gaps = gaps_of(pair)
        faulty = dataclasses.replace(gaps, **{part: getattr(gaps, part) * 0.999})
        errors.append(closing_error(pair, *policies(pair, seed), gaps=faulty))
    assert max(errors) > EXACT


def test_performance_difference_identity() -> None:
    """`V* - J` is occupancy times gap, in both worlds of 200 random pairs."""
    worst = 0.0
    for seed in range(200):
        pair = random_pair(seed)
        worst = max(worst, closing_error(pair, *policies(pair, seed)))
    assert worst < EXACT


@pytest.mark.parametrize("seed", SEEDS)
def test_no_entry_is_negative(seed: int) -> None:
    pair = random_pair(seed)
    ledger = account(pair, *policies(pair, seed))
    for table in (ledger.waste, *ledger.modern.values()):
        assert table.min() >= -EXACT


def test_every_kind_occurs() -> None:
    """Otherwise the other laws would be empty."""
    seen = dict.fromkeys(KINDS, 0.0)
    for seed in SEEDS:
        pair = random_pair(seed)
        for kind, table in account(pair, *policies(pair, seed)).modern.items():
            seen[kind] += table.sum()
    assert min(seen.values()) > 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_inherited_is_no_larger_than_the_waste_in_a(seed: int) -> None:
    pair = random_pair(seed)
    gaps = gaps_of(pair)
    ledger = account(pair, *policies(pair, seed), gaps=gaps)
    assert (
        ledger.modern["inherited"].sum(axis=0) <= gaps.scale * ledger.waste.sum(axis=0) + EXACT
    ).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_shift_there_are_no_shift_kinds(seed: int) -> None:
    pair = random_pair(seed, same=True)
    a, _ = policies(pair, seed)
    ledger = account(pair, a, a)
    assert sum(ledger.modern[kind].sum() for kind in SHIFT_KINDS) < EXACT
    kinds = ledger.modern["inherited"].sum() + ledger.modern["misspecified"].sum()
    assert kinds + ledger.upkeep_modern == pytest.approx(
        gaps_of(pair).spans["modern_intent"].best - conduct(pair.modern, a).amounts.net_intent
    )


def scaled(world: TabularMdp, payoff: float, intent: float) -> TabularMdp:
    return dataclasses.replace(world, payoff=world.payoff * payoff, intent=world.intent * intent)


@pytest.mark.parametrize("seed", SEEDS)
def test_scaling_payoff_changes_nothing_but_units(seed: int) -> None:
    pair = random_pair(seed)
    a, m = policies(pair, seed)
    other = dataclasses.replace(
        pair, ancestral=scaled(pair.ancestral, 7.0, 3.0), modern=scaled(pair.modern, 0.2, 5.0)
    )
    before, after = account(pair, a, m), account(other, a, m)
    for kind in KINDS:
        np.testing.assert_allclose(after.modern[kind], 5.0 * before.modern[kind], atol=EXACT)
    np.testing.assert_allclose(after.waste, 7.0 * before.waste, atol=EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_relabelling_states_and_acts_changes_nothing(seed: int) -> None:
    pair = random_pair(seed)
    pi_a, pi_m = policies(pair, seed)
    rng = np.random.default_rng(seed)
    s, a = rng.permutation(6), rng.permutation(4)
    other = dataclasses.replace(
        pair,
        ancestral=relabelled(pair.ancestral, s, a),
        modern=relabelled(pair.modern, s, a),
        observe=pair.observe[s],
    )
    before = account(pair, pi_a, pi_m)
    after = account(other, pi_a[:, s][:, :, a], pi_m[:, s][:, :, a])
    for kind in KINDS:
        np.testing.assert_allclose(after.modern[kind], before.modern[kind][:, a], atol=EXACT)
    np.testing.assert_allclose(after.waste, before.waste[:, a], atol=EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_splitting_a_state_changes_nothing(seed: int) -> None:
    pair = random_pair(seed)
    a, m = policies(pair, seed)
    other = dataclasses.replace(
        pair,
        ancestral=split(pair.ancestral, 0.3),
        modern=split(pair.modern, 0.3),
        observe=np.append(pair.observe, 0),
    )
    before = account(pair, a, m)
    after = account(
        other, np.concatenate([a, a[:, :1]], axis=1), np.concatenate([m, m[:, :1]], axis=1)
    )
    for kind in KINDS:
        np.testing.assert_allclose(after.modern[kind], before.modern[kind], atol=EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_act_nobody_can_use_changes_nothing(seed: int) -> None:
    pair = random_pair(seed)
    a, m = policies(pair, seed)
    other = dataclasses.replace(
        pair, ancestral=with_idle_act(pair.ancestral), modern=with_idle_act(pair.modern)
    )

    def wider(p: np.ndarray) -> np.ndarray:
        return np.concatenate([p, np.zeros_like(p[..., :1])], axis=2)

    before, after = account(pair, a, m), account(other, wider(a), wider(m))
    for kind in KINDS:
        np.testing.assert_allclose(after.modern[kind][:, :-1], before.modern[kind], atol=EXACT)
        assert not after.modern[kind][:, -1].any()


def test_equal_behaviour_has_equal_acts() -> None:
    """The acts part sees behaviour alone; only upkeep knows what the genome pays for it."""
    pair = random_pair(1)
    a, m = policies(pair, 1)
    gaps = gaps_of(pair)
    cheap, dear = (
        ledger_of(gaps, conduct(pair.ancestral, a, kept), conduct(pair.modern, m, kept))
        for kept in (1.0, 0.5)
    )
    for kind in KINDS:
        np.testing.assert_array_equal(cheap.modern[kind], dear.modern[kind])
    assert cheap.upkeep_modern == 0.0 < dear.upkeep_modern


def test_what_only_m_has_is_novel() -> None:
    pair = random_pair(6)
    gaps = gaps_of(pair)
    new = ~pair.ancestral.available | ~gaps.reach[:, None]
    assert new[-1].all()
    assert gaps.novel[:, new].sum() > 0
    assert not gaps.novel[:, ~new].any()
    for part in ("missed", "stale", "exposed"):
        assert not getattr(gaps, part)[:, new].any()


def test_a_world_in_which_nothing_matters_has_no_scale() -> None:
    pair = random_pair(1)
    flat = dataclasses.replace(pair.ancestral, payoff=np.zeros_like(pair.ancestral.payoff))
    with pytest.raises(NoSpan, match=r"random \(ancestral\)"):
        gaps_of(dataclasses.replace(pair, ancestral=flat))
