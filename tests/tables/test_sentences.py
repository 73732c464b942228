"""An account in sentences."""

from __future__ import annotations

from dataclasses import replace

from evosim.analysis.summary import LadderSummary, SeedEnding
from evosim.tables import sentences
from tests.support.accounts import account_of
from tests.support.summaries import header, summary_of


def test_each_loss_has_its_sentence() -> None:
    said = sentences.sentences(summary_of(account_of("coarse-drive").summary, replicates=2))
    for beginning in ("Birth-control style", "Masturbation style", "Greedy genes", "Ancestral"):
        assert sum(text.startswith(beginning) for text in said) == 1


def test_extinct_seeds_are_named() -> None:
    runs = {"0": SeedEnding("complete", 9), "4": SeedEnding("extinct", 3)}
    said = sentences.sentences(summary_of(account_of("micro").summary, runs=runs))
    assert said[-1] == "Extinct: 1 of 2 runs (seed 4)."


def test_a_level_needs_five_seeds() -> None:
    assert sentences.level_words(header(replicates=4)) == ""
    assert sentences.level_words(header(replicates=5)) == ", 95% intervals"


def test_seeds_that_agree_are_named() -> None:
    ladder = LadderSummary({"population": 1.0}, {"search": 0.5, "hack": None}, {}, 5)
    assert sentences.alike(ladder) == ["population", "search"]
    assert sentences.alike(replace(ladder, seeds=4)) == []
