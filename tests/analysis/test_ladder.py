"""Ladders: rungs, steps and tie sets."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis import ladder
from evosim.analysis.shared_cache import SharedCache
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import Span
from tests.support.settings import setting

FIXED = ladder.FixedRungs(
    {"optimum": 5.0, "best_for_intent": 4.0, "best_for_payoff": 3.5, "best_ancestral": 3.0}, {}
)


def test_steps_sum_to_the_whole_loss() -> None:
    rungs, steps = ladder.rungs_and_steps(
        FIXED, ladder.Reached(1.0, 1.5), ladder.Reached(2.0, 2.5), has_control=True
    )
    names = ("representation", "specification", "shift", "search", "hack")
    assert sum(steps[name] or 0.0 for name in names) == rungs["optimum"] - rungs["population"]
    assert (steps["unfound"], steps["load"]) == (0.5, 0.5)


def test_a_fixed_sample_leads_down_from_its_best() -> None:
    sampled = ladder.SampledSelection(varies=False, best=2.5)
    rungs, steps = ladder.rungs_and_steps(
        FIXED, ladder.Reached(1.0, 1.0), None, has_control=False, sampled=sampled
    )
    assert rungs["best_on_sample"] == 2.5
    assert (steps["sampling"], steps["search"]) == (0.5, 1.5)


def test_a_varying_sample_leads_down_from_all_cases() -> None:
    sampled = ladder.SampledSelection(varies=True, all_cases=ladder.Reached(2.0, 2.0))
    rungs, steps = ladder.rungs_and_steps(
        FIXED, ladder.Reached(1.5, 1.5), None, has_control=False, sampled=sampled
    )
    assert rungs["all_cases"] == 2.0
    assert (steps["search"], steps["sampling"]) == (1.0, 0.5)


def test_rungs_have_the_steps_that_lead_to_them() -> None:
    names = ["optimum", "best_for_intent", "best_for_payoff", "best_ancestral", "population"]
    steps = [step for _, step in ladder.steps_down(names)]
    assert steps == ["representation", "specification", "shift", "search"]


@pytest.mark.parametrize(("tolerance", "height"), [(0.0, 1), (0.1, 2), (1.0, 3)])
def test_near_best_counts_from_the_worst_policy(tolerance: float, height: int) -> None:
    table = pl.DataFrame({"class": [0, 1, 2], "ancestral": [0.0, 9.5, 10.0]})
    found = ladder.near_best(table, tolerance, Span(0.0, 10.0, 10.0))
    assert found.height == height


def test_a_heterozygote_above_true_breeders_is_a_step() -> None:
    fixed = ladder.FixedRungs({**FIXED.rungs, "best_heterozygote": 4.5}, {})
    rungs, steps = ladder.rungs_and_steps(fixed, ladder.Reached(1.0, 1.5), None, has_control=False)
    assert (steps["representation"], steps["dominance"]) == (0.5, 0.5)
    below = [step for _, step in ladder.steps_down(rungs)]
    assert below == ["representation", "dominance", "specification", "shift", "search"]
    assert sum(steps[name] or 0.0 for name in below) == rungs["optimum"] - rungs["population"]


def fixed_rungs(*settings: str) -> tuple[ladder.BestClasses, dict[str, ladder.FixedRungs]]:
    """Best classes and fixed rungs of the grid of a claim, of which some classes are mixed."""
    problem = setting("claim-02-birth-control", "genome.horizon.alleles=[1,3]", *settings)
    landscape, cache = Landscape(problem), SharedCache(problem.genome, problem.pair)
    best = ladder.BestClasses.from_landscape(landscape.frame(), landscape.spans, exact=True)
    gaps, evaluator = cache.gaps, cache.evaluator
    return best, {
        "ancestral": ladder.fixed_ancestral_rungs(gaps, best, evaluator),
        "modern": ladder.fixed_modern_rungs(gaps, best, evaluator, intent_differs=False),
    }


@pytest.mark.slow
def test_haploids_have_the_same_fixed_rungs() -> None:
    diploid, ours = fixed_rungs()
    haploid, theirs = fixed_rungs("genome.ploidy=1")
    assert diploid.heterozygotes is not None
    assert haploid.heterozygotes is None
    for world in ("ancestral", "modern"):
        rungs = dict(ours[world].rungs)
        assert rungs.pop("best_heterozygote") >= rungs["best_for_intent"]
        assert rungs == pytest.approx(theirs[world].rungs, abs=1e-12)
