"""Files of figures: formats, sizes, failures, and figures that must be there."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import polars as pl
import pytest

from evosim.errors import UserError
from evosim.figures.files import draw_charts


def chart() -> alt.Chart:
    return alt.Chart(pl.DataFrame({"x": [1, 2]})).mark_point().encode(alt.X("x:Q"))


@pytest.mark.slow
def test_each_format_is_a_file_and_is_reported(tmp_path: Path) -> None:
    heard: list[Path] = []
    files = draw_charts(tmp_path, [("dots", chart())], ("svg", "html", "png"), heard.append)
    assert [file.name for file in files] == ["dots.svg", "dots.html", "dots.png"]
    assert sorted(heard) == sorted(files)


@pytest.mark.slow
def test_a_column_of_a_page_has_a_folder(tmp_path: Path) -> None:
    (file,) = draw_charts(tmp_path, [("dots", chart())], ("svg",), size="one")
    assert file == tmp_path / "one" / "dots.svg"


def test_a_failure_costs_no_other_figure(tmp_path: Path) -> None:
    lines: list[str] = []
    charts = [("bad", object()), ("dots", chart())]
    files = draw_charts(tmp_path, charts, ("svg",), on_failure=lines.append)
    assert [file.name for file in files] == ["dots.svg"]
    assert len(lines) == 1
    assert lines[0].startswith("figure 'bad' was not drawn: AttributeError")


def test_a_required_figure_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="figure 'lines' must have something to show"):
        draw_charts(tmp_path, [("dots", chart())], ("svg",), required=["dots", "lines"])
    assert not list(tmp_path.iterdir())
