"""A report of runs has the numbers of the screen."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from evosim import api
from evosim.config.experiments import read_experiment
from evosim.report import runs
from evosim.tables import formatting, losses, screen, sentences
from tests.support.browser import Browser
from tests.support.reports import Tags


@pytest.mark.slow
def test_numbers_are_those_of_the_screen(made: dict[str, Path], files: dict[str, Path]) -> None:
    run = api.load(made["coarse-drive"])
    assert isinstance(run, api.Run)
    cells = [
        text.strip()
        for kind in ("td", "th")
        for text in Tags(files["coarse-drive"].read_text(encoding="utf-8")).texts[kind]
    ]
    compared = 0
    parts = [
        (name, part)
        for name, texts in screen.accounts(run.typed_summary).items()
        for part in texts
        if not isinstance(part, str) and name not in ("ladder", "losses")
    ]
    for name, table in parts:
        for column in table.columns:
            for text in column.cells:
                assert any(cell.startswith(str(text).strip()) for cell in cells), (name, text)
                compared += 1
    ladder = runs.ladder(run.typed_summary, 0.95)
    for world, column in (("ancestral", 1), ("modern", 3)):
        shown = [row[column].text for row in ladder.rows if row[0].text.startswith("R")]
        assert shown == [
            formatting.number(value) for value in run.summary["ladder"][world]["rungs"].values()
        ]
    assert compared > 100
    text = files["coarse-drive"].read_text(encoding="utf-8")
    assert all(
        parts_of.partition("'")[0].partition("&")[0][:60] in text
        for parts_of in sentences.sentences(run.typed_summary)
    )


@pytest.mark.slow
def test_runs_stand_beside_each_other_with_what_differs(files: dict[str, Path]) -> None:
    text = files["all"].read_text(encoding="utf-8")
    assert "The runs side by side" in text
    assert "Parameters in which they differ" in text
    for part in ("part1", "part2", "part3", "part4"):
        assert f'href="#{part}"' in text
        assert f'<h2 id="{part}">' in text


@pytest.mark.slow
def test_losses_are_the_first_thing_of_a_chapter(
    made: dict[str, Path], files: dict[str, Path]
) -> None:
    run = api.load(made["coarse-drive"])
    assert isinstance(run, api.Run)
    text = files["coarse-drive"].read_text(encoding="utf-8")
    with formatting.to_scale(run.typed_summary.account):
        lines = losses.sentences(run.typed_summary)
    order = [
        "Fitness: ",
        "The three losses",
        losses.MEANING,
        lines[0].partition("'")[0],
        "part1-losses",
        "Expected",
        "part1-fitness",
        'id="part1-parameters"',
    ]
    summary = text[text.index('id="part1-summary"') :]
    places = [summary.index(words) for words in order]
    assert places == sorted(places)


@pytest.mark.slow
def test_runs_are_compared_by_their_losses_first(made: dict[str, Path]) -> None:
    run = api.load(made["coarse-drive"])
    assert isinstance(run, api.Run)
    rows = list(runs.headline(run.typed_summary).items())[:6]
    assert rows[0] == ("SHIFT, ancestral world", "none")
    shift = run.typed_summary.account.losses.loss("shift", "modern")
    name, words = rows[1]
    assert name == "SHIFT, modern world"
    assert words.startswith(f"{shift.mean:.3f} exact (")


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_tables_of_losses_fit_the_window(
    browser: Browser, files: dict[str, Path], width: int
) -> None:
    browser.show(files["coarse-drive"], width=width)
    clipped = browser.run(
        "return [...document.querySelectorAll('table')].slice(0, 2).map((table) =>"
        " table.parentElement.scrollWidth - table.parentElement.clientWidth)"
    )
    assert clipped == [0, 0]


def test_a_report_names_the_expectation_that_it_leaves_out(files: dict[str, Path]) -> None:
    """The run is `micro` with other settings, and its text is about `micro` as it is."""
    text = str(read_experiment("micro")["expected"])
    page = html.unescape(files["micro"].read_text(encoding="utf-8"))
    assert text[:40] not in page
    assert "the text of 'micro' is left out, because settings differ" in page
