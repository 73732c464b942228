"""Charts for users of Python: no limit of rows, combined with their own, shown offline."""

from __future__ import annotations

import json
from pathlib import Path

import altair as alt
import polars as pl
import pytest

import evosim
from evosim.figures.fitness import fitness_of_bands
from evosim.figures.quantile_bands import LONG, thinned
from evosim.figures.theme import house, themed
from evosim.figures.user_charts import handed

SMALL = {"optimizer.population": 20, "phases.0.generations": 8, "phases.1.generations": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run("micro", SMALL, replicates=2, out=tmp_path_factory.mktemp("python") / "micro")


def long_chart(rows: int) -> alt.LayerChart:
    lines = pl.DataFrame(
        {
            "world": ["ancestral"] * rows,
            "generation": range(rows),
            "mean": [1.0] * rows,
            "low": [0.5] * rows,
            "high": [1.5] * rows,
        }
    )
    worlds = pl.concat([lines, lines.with_columns(world=pl.lit("modern"))])
    return themed(fitness_of_bands(worlds, {"ancestral": 2.0, "modern": 1.0}, 5), "Long", ["lines"])  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "json", "csv"])
def test_no_row_limit_applies_and_user_settings_stay(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where two of the transformers would put files
    more = {"max_rows": 10} if name == "default" else {}
    with alt.data_transformers.enable(name, **more):
        before = (alt.data_transformers.active, dict(alt.data_transformers.options))
        chart = handed(long_chart(1000))
        described = chart.to_dict()
        beside = (chart | handed(long_chart(100))).to_dict()
        assert (alt.data_transformers.active, dict(alt.data_transformers.options)) == before
    assert max(map(len, described["datasets"].values())) == 2000
    assert max(map(len, beside["datasets"].values())) == 2000
    assert not list(tmp_path.iterdir())


def test_a_long_run_is_drawn_with_what_can_be_seen() -> None:
    n = 9000
    lines = pl.DataFrame(
        {"world": ["a"] * n, "generation": range(n), "mean": [float(g % 7) for g in range(n)]}
    )
    lines = lines.with_columns(low=pl.col("mean") - 1.0, high=pl.col("mean") + 1.0)
    lines = lines.with_columns(
        mean=pl.when(pl.col("generation") == 4321)
        .then(99.0)
        .when(pl.col("generation") == 7000)
        .then(-99.0)
        .otherwise("mean")
    )
    few = thinned(lines, "world")
    assert few.height < LONG
    assert few.join(lines, on=lines.columns, how="anti").is_empty()  # every row is as it was
    assert {0, 4321, 7000, n - 1} <= set(few["generation"])
    assert few["generation"].is_sorted()
    assert thinned(lines.head(LONG), "world").height == LONG
    described = handed(long_chart(n)).to_dict()
    assert max(map(len, described["datasets"].values())) < 2 * LONG


@pytest.mark.slow
def test_figures_stand_beside_a_user_s_own_charts(run: evosim.Run) -> None:
    """Figures combine with a user's charts; alone they have evosim's theme; user settings win."""
    mine = alt.Chart(pl.DataFrame({"a": [1, 2], "b": [3, 4]})).mark_line().encode(x="a", y="b")
    look = house().to_dict()
    for name in ("fitness", "ladders", "loci"):
        figure = run.figure(name)
        assert figure.to_dict()["config"] | look == figure.to_dict()["config"] | {
            "view": look["view"]
        }
        for both in (
            figure | mine,
            mine | figure,
            figure & mine,
            alt.vconcat(mine, figure),
            alt.hconcat(figure, figure),
        ):
            described = both.properties(title="both").resolve_scale(color="independent").to_dict()
            assert "config" not in json.dumps(described.get("hconcat", described.get("vconcat")))
    figure = run.figure("fitness")
    assert isinstance(figure, alt.LayerChart)
    assert (
        len((figure + mine).to_dict()["layer"])
        == len(alt.layer(figure, mine).to_dict()["layer"]) + len(figure.layer) - 1
    )
    changed = figure.configure_axis(labelFontSize=3).to_dict()["config"]
    assert changed["axis"]["labelFontSize"] == 3
    assert changed["axis"]["gridColor"] == look["axis"]["gridColor"]
    assert changed["font"] == look["font"]
    assert "evosim figure" in repr(figure)


@pytest.mark.slow
def test_a_notebook_shows_figures_without_a_network(run: evosim.Run, tmp_path: Path) -> None:
    shown = run.figure("ladders")._repr_mimebundle_()["text/html"]
    assert "<img" in shown  # for notebooks that run no scripts
    for word in ("<script src", "cdn.jsdelivr", "unpkg", "requirejs"):
        assert word not in shown.replace(shown[shown.index("base64,") : shown.index('" alt=')], "")
    # Each has a place of its own on the page
    assert shown != run.figure("ladders")._repr_mimebundle_()["text/html"]
    run.figure("ladders").save(str(tmp_path / "page.html"))
    assert "cdn.jsdelivr" not in (tmp_path / "page.html").read_text(encoding="utf-8")
    with alt.renderers.enable("json"):  # the renderer that the user enabled is used
        assert "application/json" in run.figure("ladders")._repr_mimebundle_()[0]
