"""Python around us: forked processes, charts that are shown and combined by a user's own code, and
names of columns.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import altair as alt
import polars as pl
import pytest
import rich.console
import rich.jupyter

import evosim
from evosim.figures.fitness import fitness_of_bands
from evosim.figures.quantile_bands import LONG, thinned
from evosim.figures.theme import house, themed
from evosim.figures.user_charts import handed
from evosim.runtime import forked_processes

SMALL = {"optimizer.population": 20, "phases.0.generations": 8, "phases.1.generations": 4}
EARLY = """
import multiprocessing, sys, evosim
evosim.resolve("micro")
def ladder(folder):
    return evosim.load(folder).ladder().height
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.map_async(ladder, sys.argv[1:]).get(120))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run("micro", SMALL, replicates=2, out=tmp_path_factory.mktemp("python") / "micro")


# Forks


def _ladder(folder: Path) -> int:
    return evosim.load(folder).ladder().height  # type: ignore[union-attr]


def test_a_fork_after_a_run_says_what_to_write(run: evosim.Run) -> None:
    """A pool, an executor, and a bare fork with an object that the parent had."""
    assert forked_processes.threads_started()
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        # Newer Pythons warn of any fork with threads
        warnings.simplefilter("ignore", DeprecationWarning)
        with (
            context.Pool(1) as pool,
            pytest.raises(evosim.UserError, match=r"get_context\('spawn'\)"),
        ):
            pool.map_async(_ladder, [run.folder]).get(60)
        with (
            ProcessPoolExecutor(1, mp_context=context) as executor,
            pytest.raises(evosim.UserError, match="was forked"),
        ):
            executor.submit(_ladder, run.folder).result(60)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            said = "".join(
                _refused(lambda call=call: call(run))
                for call in (
                    lambda r: r.losses(),
                    lambda r: r.table("ladder"),
                    repr,
                    lambda r: r.figure("fitness"),
                )
            )
            os.write(writing, f"{said} {run.folder.name}".encode())
            os._exit(0)
        os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "++++ micro"  # where it lies can be read: that needs no thread
    assert run.losses().height == 6  # the parent works as before


def _refused(call: object) -> str:
    try:
        call()  # type: ignore[operator]
    except evosim.UserError:
        return "+"
    return "-"


def test_a_fork_before_any_thread_works(run: evosim.Run, tmp_path: Path) -> None:
    """And with it all programs whose parent only hands out work."""
    (tmp_path / "early.py").write_text(EARLY)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "early.py"), str(run.folder)],
        capture_output=True,
        text=True,
        check=False,
        env=forked_processes.environment(),
    )
    assert done.stdout == f"[{run.ladder().height}]\n", done.stderr


def test_the_page_s_way_of_starting_processes_works(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(# seeds\.py\n.*?)```", page, flags=re.DOTALL)
    (tmp_path / "seeds.py").write_text(block)
    done = subprocess.run(
        [sys.executable, "seeds.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=forked_processes.environment(),
    )
    assert done.returncode == 0, done.stderr
    # Of either seed three kinds of loss in two worlds
    assert done.stdout.count("shape: (6, 10)") == 2


# Charts


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


def test_figures_stand_beside_a_user_s_own_charts(run: evosim.Run) -> None:
    """Side by side, below, in layers, in any order; alone they keep the house's look, and what the
    user sets counts for more.
    """
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


def test_a_notebook_shows_figures_without_a_network(run: evosim.Run, tmp_path: Path) -> None:
    shown = run.figure("ladders")._repr_mimebundle_()["text/html"]
    assert "<img" in shown  # for notebooks that run no scripts
    for word in ("<script src", "cdn.jsdelivr", "unpkg", "requirejs"):
        assert word not in shown.replace(shown[shown.index("base64,") : shown.index('" alt=')], "")
    # Each has a place of its own on the page
    assert shown != run.figure("ladders")._repr_mimebundle_()["text/html"]
    run.figure("ladders").save(str(tmp_path / "page.html"))
    assert "cdn.jsdelivr" not in (tmp_path / "page.html").read_text(encoding="utf-8")
    with alt.renderers.enable("json"):  # what the user chose is what shows it
        assert "application/json" in run.figure("ladders")._repr_mimebundle_()[0]


def test_a_comparison_is_shown_once_in_a_notebook(
    run: evosim.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    monkeypatch.setattr(rich.jupyter, "display", lambda *what: shown.append(what))
    page = evosim.compare(run, run)._repr_html_()
    assert "same run" in page
    assert not shown


# Names


def test_plain_names_can_be_drawn() -> None:
    frame = pl.DataFrame(
        {
            "optimizer.population": [50],
            "optimizer_population": [1],
            "locus:ease": [0.5],
            "a[b].c": [2],
            "mean": [3.0],
            ".": [4],
        }
    )
    plain = evosim.plain_names(frame)
    assert plain.columns == [
        "optimizer_population_2",
        "optimizer_population",
        "locus_ease",
        "a_b_c",
        "mean",
        "column",
    ]
    assert plain.row(0) == frame.row(0)
    described = alt.Chart(plain).mark_point().encode(x="locus_ease", y="a_b_c").to_dict()
    assert described["encoding"]["x"] == {"field": "locus_ease", "type": "quantitative"}


def test_a_run_keeps_its_path_if_the_notebook_changes_folder(
    run: evosim.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was loaded by a relative path draws, saves and reports from another folder."""
    shutil.copytree(run.folder, tmp_path / "läufe" / "ein lauf")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    found = evosim.load("läufe/ein lauf")
    assert isinstance(found, evosim.Run)
    assert "\n  läufe/ein lauf, digest" in repr(found)
    monkeypatch.chdir(tmp_path / "other")
    assert found.draw(["fitness"], formats=["svg"]) == [
        tmp_path / "läufe" / "ein lauf" / "figures" / "fitness.svg"
    ]
    assert found.save("tables", ["ladder"]) == [Path("tables/ladder.csv")]
    evosim.write_report(found, "report.html")
    assert sorted(path.name for path in Path().iterdir()) == ["report.html", "tables"]
    assert str(found.folder) in repr(found)
