"""Stored figures agree with their tables; a different reproduction is reported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evosim.claims.study import table_digests

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "results"
STUDIES = ROOT / "scripts" / "studies"
FIGURES = sorted(path.parent.name for path in KEPT.glob("*/drawn.json"))


@pytest.fixture(scope="module")
def scripts() -> Iterator[tuple[Any, Any]]:
    sys.path.insert(0, str(STUDIES))
    import redraw
    import reproduce

    yield redraw, reproduce
    sys.path.remove(str(STUDIES))
    for path in STUDIES.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize("name", FIGURES)
def test_stored_figures_are_of_the_stored_tables(scripts: tuple[Any, Any], name: str) -> None:
    study = KEPT / name
    known = json.loads((study / "drawn.json").read_text(encoding="utf-8"))
    assert known["tables"] == table_digests(study), "run python scripts/studies/redraw.py"
    assert (
        known["figures"]
        == sorted(path.stem for path in study.glob("*.svg"))
        == sorted(path.stem for path in study.glob("*.png"))
    )


def test_every_study_with_a_figure_can_be_drawn_again(scripts: tuple[Any, Any]) -> None:
    drawable = set(scripts[0].drawable()) - {"claims"}
    assert {path.parent.name for path in KEPT.glob("*/*.svg")} == set(FIGURES) == drawable


@pytest.mark.slow
def test_an_outdated_figure_is_reported(scripts: tuple[Any, Any], tmp_path: Path) -> None:
    redraw, study = scripts[0], tmp_path / "horizon"
    shutil.copytree(
        KEPT / "horizon", study, ignore=shutil.ignore_patterns("*.png", "*.svg", "drawn.json")
    )
    files = redraw.redraw(study, formats=("svg",))
    assert [file.name for file in files] == ["horizon.svg"]
    assert redraw.stale(study) == []
    table = study / "evolved.csv"
    pl.read_csv(table).with_columns(share=1.0 - pl.col("share")).write_csv(table)
    assert redraw.stale(study) == ["horizon/horizon"]


def test_claims_are_drawn_from_stored_tables(scripts: tuple[Any, Any], tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    shutil.copytree(
        KEPT / "claims" / "claim-04-greedy-genes", tmp_path / "claims" / "claim-04-greedy-genes"
    )
    # Its paths are not kept
    shutil.copytree(KEPT / "claims" / "claim-06-demons", tmp_path / "claims" / "claim-06-demons")
    files = scripts[0].redraw(tmp_path / "claims", tmp_path / "out", ("svg",))
    assert [file.name for file in files] == ["claim-04-hack.svg"]


def test_a_study_without_figures_draws_none(scripts: tuple[Any, Any]) -> None:
    assert scripts[0].redraw(KEPT / "reflexes") == []


def test_every_kept_folder_can_be_made_again(scripts: tuple[Any, Any]) -> None:
    jobs = {job.name: job for job in scripts[1].JOBS}
    assert set(jobs) == {path.parent.name for path in KEPT.glob("*/provenance.json")} | {"claims"}
    for job in jobs.values():
        assert job.makes
        if job.is_script:
            assert f'Study("{job.name}"' in (ROOT / "scripts" / job.script).read_text(
                encoding="utf-8"
            )


def test_tables_are_compared_cell_by_cell(scripts: tuple[Any, Any], tmp_path: Path) -> None:
    reproduce = scripts[1]
    new, kept = tmp_path / "new", tmp_path / "kept"
    frame = pl.DataFrame({"name": ["a", "b"], "x": [0.5, None], "n": [3, 4]})
    for folder in (new, kept):
        (folder / "deep").mkdir(parents=True)
        frame.write_csv(folder / "deep" / "t.csv")
    assert reproduce.differences(new, kept) == []
    for change, said in (
        (
            pl.lit(0.500001).alias("x"),
            ["deep/t.csv: column x, 1 of 2 rows, first in row 2: 0.500001, kept is None"],
        ),
        ((pl.col("x") + 1e-6).alias("x"), []),
        (
            (pl.col("x") + 1e-5).alias("x"),
            ["deep/t.csv: column x, 1 of 2 rows, first in row 1: 0.50001, kept is 0.5"],
        ),
        (
            pl.lit("a").alias("name"),
            ["deep/t.csv: column name, 1 of 2 rows, first in row 2: a, kept is b"],
        ),
        (
            (pl.col("n") + 1).alias("n"),
            ["deep/t.csv: column n, 2 of 2 rows, first in row 1: 4, kept is 3"],
        ),
        (pl.lit(1).alias("more"), ["deep/t.csv: 2 rows of 4 columns, kept are 2 of 3"]),
    ):
        frame.with_columns(change).write_csv(new / "deep" / "t.csv")
        assert reproduce.differences(new, kept) == said
    (new / "deep" / "t.csv").unlink()
    assert reproduce.differences(new, kept) == ["deep/t.csv: only kept"]


SCRIPT = """
import os, sys
from pathlib import Path
out = Path(os.environ["EVOSIM_RESULTS"]) / "study"
out.mkdir()
(out / "t.csv").write_text("x\\n0.25\\n")
sys.exit(int(os.environ.get("FAIL", "0")))
"""


def test_a_reproduction_has_a_verdict_and_a_time(
    scripts: tuple[Any, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reproduce = scripts[1]
    kept = tmp_path / "kept"
    (kept / "study").mkdir(parents=True)
    (kept / "study" / "t.csv").write_text("x\n0.25\n", encoding="utf-8")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "small.py").write_text(
        '"""A small study. Run: nothing"""' + SCRIPT, encoding="utf-8"
    )
    monkeypatch.setattr(reproduce, "ROOT", tmp_path)
    monkeypatch.setattr(reproduce, "KEPT", kept)
    monkeypatch.setattr(
        reproduce, "JOBS", (reproduce.Job("study", "small.py", tmp_path / "scripts"),)
    )

    def reproduced(*options: str) -> None:
        monkeypatch.setattr(sys, "argv", ["reproduce.py", *options])
        reproduce.main()

    reproduced("--out", str(tmp_path / "one"), "--note-times")
    told = capsys.readouterr().out
    assert "A small study.  [time not known]" in told
    assert "1 of 1 compared, all as kept" in told
    row = pl.read_csv(kept / "times.csv").row(0, named=True)
    assert (row["name"], row["outcome"]) == ("study", "as kept")
    reproduced("--list")
    assert ": as kept]" in capsys.readouterr().out
    (kept / "study" / "t.csv").write_text("x\n0.75\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="not as kept: study"):
        reproduced("--out", str(tmp_path / "two"))
    assert "column x, 1 of 1 rows, first in row 1: 0.25, kept is 0.75" in capsys.readouterr().out
    monkeypatch.setenv("FAIL", "3")
    with pytest.raises(SystemExit, match="study failed with 3"):
        reproduced("--out", str(tmp_path / "three"))
    with pytest.raises(SystemExit):
        reproduced("--out", str(tmp_path / "one"))
    assert "must be an empty or new folder" in capsys.readouterr().err


def test_the_shell_script_lists_what_it_would_do() -> None:
    done = subprocess.run(
        [STUDIES / "reproduce.sh", "--list", "--only", "horizon"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.startswith("horizon ")
    assert "1 jobs, " in done.stdout
