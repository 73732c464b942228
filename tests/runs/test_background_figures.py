"""The easel draws what the process itself would, and is done without where it fails."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from evosim.analysis.recorded_run import Recorded
from evosim.cli.main import app
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.runs import accounts, execute, figures
from evosim.runs.background_figures import FigureProcess
from evosim.runs.reader import read_run
from evosim.runtime.forked_processes import environment

FORMATS = ("png", "svg")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    chosen = resolve(apply_settings(read_experiment("micro"), ["optimizer.population=30"]))
    run, _ = execute.run(chosen, out=tmp_path_factory.mktemp("easel") / "run")
    accounts.analyze(run)
    return run


def drawn(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "figures").iterdir())}


@pytest.mark.slow
def test_it_draws_the_same(recorded: Recorded) -> None:
    with FigureProcess() as easel:
        easel.start()
        assert easel.draw(recorded.folder, FORMATS)
    found = drawn(recorded.folder)
    assert len(found) >= 2 * 4
    figures.draw(recorded, FORMATS)
    assert drawn(recorded.folder) == found


def test_where_it_fails_it_says_so(recorded: Recorded, tmp_path: Path) -> None:
    with FigureProcess() as easel:
        assert not easel.draw(recorded.folder, FORMATS)  # the process was not started
    with FigureProcess() as easel:
        easel.start()
        assert easel._process
        easel._process.kill()
        easel._process.wait()
        assert not easel.draw(recorded.folder, FORMATS)
    with FigureProcess() as easel:
        easel.start()
        with pytest.raises(UserError, match="must be"):
            easel.draw(tmp_path / "nothing", FORMATS)


def test_it_ends_with_the_block(recorded: Recorded) -> None:
    with FigureProcess() as easel:
        easel.start()
        process = easel._process
    assert process
    assert process.poll() is not None


def test_it_passes_on_what_failed(recorded: Recorded) -> None:
    """The process says in one line which figure failed; the others count."""
    easel, heard = FigureProcess(), list[str]()
    lines = [
        json.dumps({"failed": "figure 'loci' was not drawn: KeyError: 'weights'"}),
        json.dumps({"done": True}),
    ]
    easel._process = SimpleNamespace(stdin=io.StringIO(), stdout=lines)  # type: ignore[assignment]
    assert easel.draw(recorded.folder, FORMATS, heard.append)
    assert heard == ["figure 'loci' was not drawn: KeyError: 'weights'"]


def test_helper_processes_search_where_this_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same order: a folder that comes last here does not come first there."""
    late, early = tmp_path / "late", tmp_path / "early"
    for folder in (late, early):
        folder.mkdir()
        (folder / "which_of_two.py").write_text(f"print({folder.name!r})\n")
    monkeypatch.syspath_prepend(str(early))
    monkeypatch.setattr(sys, "path", [*sys.path, str(late)])
    monkeypatch.setenv("PYTHONPATH", str(late))
    said = subprocess.run(
        [sys.executable, "-P", "-c", "import which_of_two"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "early\n"


@pytest.mark.slow
def test_figures_are_complete_or_listed_as_missing(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(
        recorded.folder, folder, ignore=shutil.ignore_patterns("figures", "figures.json")
    )
    copied, real, written = read_run(folder), os.fsync, iter(range(100))
    assert figures.figures_missing(folder) is None

    def full(handle: int) -> None:
        if next(written) >= 4:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        figures.draw(copied, ("svg",))
    monkeypatch.undo()
    assert figures.figures_missing(folder) is None
    assert all(path.read_text().endswith("</svg>") for path in (folder / "figures").iterdir())
    (folder / "figures" / "mine.svg").write_text("mine")
    figures.draw(copied, figures.USUAL_FORMATS)
    assert figures.has_figures(copied)
    assert "mine" not in (folder / "figures.json").read_text()
    before = {path: path.stat().st_mtime_ns for path in (folder / "figures").iterdir()}
    (folder / "figures" / "ladders.png").unlink()
    assert figures.figures_missing(folder) == ["ladders"]
    assert (
        CliRunner()
        .invoke(app, ["run", str(folder / "experiment.toml"), "--out", str(folder)])
        .exit_code
        == 0
    )
    assert figures.has_figures(copied)
    assert {path.stem for path, then in before.items() if path.stat().st_mtime_ns != then} == {
        "ladders"
    }
