"""A run in Python: one genome, figures, tables, forks and folders."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import polars as pl
import pytest

import evosim
from evosim.runtime import forked_processes


def test_one_genome_and_figures(micro: evosim.Run, tmp_path: Path) -> None:
    one = micro.account(5)
    loci = one["loci"]
    assert micro.account(loci)["class"] == 5
    assert "ladders" in micro.figures()
    chart = micro.figure("ladders")
    assert chart.to_dict()["description"]
    with pytest.raises(evosim.UserError, match="a figure must be one of"):
        micro.figure("ladder")
    with pytest.raises(evosim.UserError, match="has nothing of the kind"):
        micro.figure("drive")
    with pytest.raises(evosim.UserError, match="Did you mean 'ladder'"):
        micro.table("lader")
    written = micro.save(tmp_path / "csv", ["ladder"])
    assert pl.read_csv(written[0])["value"].to_list() == micro.table("ladder")["value"].to_list()


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


def _ladder(folder: Path) -> int:
    return evosim.load(folder).ladder().height  # type: ignore[union-attr]


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
