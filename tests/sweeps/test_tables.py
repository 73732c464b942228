"""Text tables and sentences about an analysed sweep."""

from __future__ import annotations

from dataclasses import replace

from evosim.runtime.text_layout import Screen
from evosim.sweeps.analysis_tables import Analysis, RunCounts
from evosim.sweeps.store import Store
from evosim.sweeps.tables import cells, header, sentences, short_quantities, show, unfinished_words

POPULATION = "ladder.modern.rungs.population"


def test_the_header_says_what_is_missing(analysed: tuple[Store, Analysis]) -> None:
    facts = analysed[1].facts
    assert header(facts)[0] == "4 cells, 2 seeds (the same in every cell), 8 runs"
    assert header(facts)[1].startswith("no intervals over seeds: they need 5 seeds")
    some = replace(facts, runs=RunCounts(8, 4, 1, 2, 1), replicates=6)
    assert header(some)[0].endswith("; 1 died out, 2 failed, 1 not done")
    assert header(some)[1].startswith("[ ]: 95% intervals over seeds")
    assert unfinished_words(facts.runs) == ""


def test_many_cells_are_shown_by_their_extremes(analysed: tuple[Store, Analysis]) -> None:
    _, analysis = analysed
    assert cells(analysis, [POPULATION]).row_count == 4
    assert cells(analysis, [POPULATION], most=1).row_count == 4  # 5 lowest and 5 highest
    assert "lowest" in str(cells(analysis, [POPULATION], most=1).title)


def test_steps_of_the_ladder_have_short_names() -> None:
    names = ["ladder.modern.steps.shift", "ladder.ancestral.steps.search", "extinct"]
    assert list(short_quantities(names).values()) == ["shift M", "search A", "extinct"]


def test_a_sweep_is_printed(analysed: tuple[Store, Analysis]) -> None:
    _, analysis = analysed
    console = Screen(record=True, width=120)
    show(console, analysis, [POPULATION])
    text = console.export_text()
    assert f"Effects of the parameters on {POPULATION}" in text
    assert "breed danger" in text
    assert sentences(analysis, [POPULATION])
