"""Figures of runs are valid and reproducible."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import pytest

from evosim import figures
from evosim.analysis.recorded_run import Recorded
from evosim.runs import accounts, execute
from evosim.runs import figures as runs_figures
from evosim.runs.reader import read_run
from tests.support.runs import experiment


def run(folder: Path, name: str, *settings: str) -> Recorded:
    return execute.run(experiment(name, *settings), out=folder)[0]


@pytest.mark.slow
def test_folders_and_titles_with_brackets(tmp_path: Path) -> None:
    folder = tmp_path / "b[1]"
    recorded = run(folder, "micro")
    accounts.analyze(recorded)
    assert runs_figures.draw(read_run(folder), ("svg",))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coarse-savanna", "reflexes", "coarse-drive"])
def test_figures_are_valid_and_the_same_again(name: str, tmp_path: Path) -> None:
    """They are drawn without being validated, which takes as long as describing them."""
    recorded = run(tmp_path / "run", name)
    source = figures.Source(
        recorded, accounts.analyze(recorded).tables, accounts.summary_of(recorded, again=False)
    )
    charts = [
        chart
        for chart in (figure.draw(source) for figure in figures.FIGURES.values())
        if chart is not None
    ]
    with alt.data_transformers.disable_max_rows():
        for chart in charts:
            chart.to_dict(validate=True)
    every = list(figures.FIGURES)
    first = [path.read_bytes() for path in figures.draw_run(source, ("svg",), names=every)]
    assert [path.read_bytes() for path in figures.draw_run(source, ("svg",), names=every)] == first
    assert len(first) == len(charts)
