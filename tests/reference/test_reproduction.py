"""Reproduction: searches for events, and choice of parents."""

from __future__ import annotations

import numpy as np

from evosim.reference.reproduction import RandomNumbers, first_event, founders, parents, pick


def test_first_event_inverts_the_distribution() -> None:
    chances = np.array([0.5, 0.5])
    u = np.array([0.0, 0.2, 0.3, 0.49, 0.6, 0.99])
    begin = np.zeros(len(u), dtype=np.int64)
    assert first_event(chances, begin, u).tolist() == [2, 2, 1, 1, 0, 0]
    assert first_event(chances, begin + 2, u).tolist() == [2] * 6


def test_individuals_of_weight_zero_are_never_picked() -> None:
    cumulative = np.cumsum([0.0, 2.0, 0.0, 1.0, 0.0])
    picked = pick(cumulative, np.linspace(0.0, 1.0 - 1e-12, 301))
    assert set(picked.tolist()) == {1, 3}
    assert np.mean(picked == 1) == np.round(2 / 3 * 301) / 301


def test_without_selfing_the_parents_differ() -> None:
    weights = np.array([1.0, 2.0, 3.0])
    numbers = RandomNumbers(n=2000, generation=1, seed=3)
    pairs = parents(weights, weights, numbers, selfing=False)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert (np.diff(parents(weights, weights, numbers, selfing=True)) == 0).any()


def test_founders_have_the_chosen_alleles() -> None:
    genotypes = founders((50, 2, 2), [np.array([0, 2]), np.array([1])], seed=1)
    assert set(genotypes[:, :, 0].ravel().tolist()) == {0, 2}
    assert set(genotypes[:, :, 1].ravel().tolist()) == {1}
