"""Ranges hold everything that a run can reach."""

from __future__ import annotations

import pytest

from tests.support.accounts import account_of, accountant_of


@pytest.mark.parametrize("name", ["micro", "coarse-drive", "coarse-savanna"])
def test_ladders_lie_in_their_ranges(name: str) -> None:
    ranges, summary = accountant_of(name).ranges, account_of(name).summary
    for world, ladder in summary.ladder.items():
        for part, (low, high) in ranges.of_ladder(world).items():
            value = {**ladder.rungs, **ladder.steps}.get(part)
            if value is not None:
                assert low - 1e-9 <= value <= high + 1e-9, (world, part)


def test_shares_run_from_the_worst_policy_to_the_best_genome() -> None:
    ranges = accountant_of("micro").ranges
    for world in ("ancestral", "modern"):
        best = ranges.fixed_rungs.of(world).rungs["best_for_intent"]
        assert ranges.share_of_best(world, best) == pytest.approx(1.0)
        assert ranges.share_of_best(world, ranges.worst_policy(world)) == pytest.approx(0.0)
    assert ranges.share_of_optimum(ranges.fixed_rungs.modern.rungs["best_for_intent"]) == 1.0
