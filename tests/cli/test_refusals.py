"""Refusals of the command line in one line: wrong files, files in the way, empty figures."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import evosim as api
from evosim.config import differences, resolve
from evosim.config.file_kinds import kind_at
from evosim.errors import UserError
from evosim.optimizers.exhaustive import ExhaustiveSearch
from evosim.optimizers.params import Exhaustive
from evosim.runs import figures
from evosim.runs.reader import read_run
from evosim.version import DISTRIBUTION
from tests.support.command import evosim
from tests.support.paths import ROOT
from tests.support.settings import command, setting

SWEEP = (
    'name = "trial"\nexperiment = "micro"\n[set]\n"phases.0.generations" ='
    ' 3\n[grid]\n"world.modern.breed_danger" = [0.1, 0.2]\n'
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, the plan of a sweep, and files of both kinds."""
    folder = tmp_path_factory.mktemp("refusals")
    api.run("micro", {"phases.0.generations": 3, "phases.1.generations": 2}, out=folder / "run")
    (folder / "sweep.toml").write_text(SWEEP)
    (folder / "own.toml").write_text((folder / "run" / "experiment.toml").read_text())
    (folder / "empty").mkdir()
    from evosim.sweeps.execute import begin
    from evosim.sweeps.schema import read_sweep

    begin(read_sweep(folder / "sweep.toml"), folder / "many")
    return folder


# Arguments, and the command that the line names.
KINDS = {
    "sweep file run": (["run", "sweep.toml"], "evosim sweep run sweep.toml"),
    "sweep file shown": (["show", "sweep.toml"], "evosim sweep run sweep.toml"),
    "sweep's folder run": (["run", "many"], "evosim sweep analyze many"),
    "run's folder run": (["run", "run"], "Rerun it: 'evosim run run/experiment.toml'"),
    "experiment swept": (["sweep", "run", "own.toml"], "evosim run own.toml"),
    "name swept": (["sweep", "run", "coarse-savanna"], "evosim run coarse-savanna"),
    "sweep's folder swept": (
        ["sweep", "run", "many"],
        "evosim sweep run many/sweep.toml --out many",
    ),
    "run's folder swept": (["sweep", "run", "run"], "evosim analyze run"),
    "experiment scripted": (["sweep", "script", "own.toml", "--slurm"], "evosim run own.toml"),
    "sweep's folder analyzed": (["analyze", "many"], "evosim sweep analyze many"),
    "run's file analyzed": (["analyze", "run/experiment.toml"], "Give its folder: run"),
    "file analyzed": (["analyze", "own.toml"], "evosim run own.toml"),
    "name analyzed": (["analyze", "micro"], "evosim run micro"),
    "run's folder as sweep": (["sweep", "status", "run"], "evosim analyze run"),
    "sweep file as folder": (["sweep", "analyze", "sweep.toml"], "evosim sweep run sweep.toml"),
    "file of a sweep": (["sweep", "collect", "many/sweep.toml"], "Give its folder: many"),
    "compared": (["compare", "run", "many"], "evosim sweep analyze many"),
    "exported": (["export", "run/experiment.toml"], "Give its folder: run"),
    "drawn": (["figures", "own.toml"], "evosim run own.toml"),
    "reported": (["report", "own.toml"], "evosim run own.toml"),
}


@pytest.mark.parametrize("name", KINDS)
def test_refusals_of_files_name_the_right_command(
    capsys: pytest.CaptureFixture[str], made: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(made)
    before = sorted(made.rglob("*"))
    arguments, remedy = KINDS[name]
    code, out, err = evosim(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert remedy in err
    assert sorted(made.rglob("*")) == before


def test_what_is_no_known_kind_is_not_guessed(made: Path) -> None:
    assert (
        kind_at(made / "empty")
        == kind_at(made / "nowhere")
        == kind_at(made / "run" / "provenance.json")
        == ""
    )


def test_one_kind_or_one_name_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    for asked, there, not_there in (
        ("worlds", "savanna", "planner"),
        ("world", "savanna", "planner"),
        ("genome", "planner", "savanna"),
        ("savanna", "savanna", "micro"),
    ):
        code, out, _ = evosim(capsys, "list", asked)
        assert code == 0
        assert there in out
        assert not_there not in out
    code, out, err = evosim(capsys, "list", "savana")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Did you mean 'savanna'?" in err


def test_ten_times_a_default_is_noted_and_taken(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = evosim(
        capsys, "show", "coarse-savanna", "--set", "world.ancestral.contraceptive_pleasure=95"
    )
    assert code == 0
    assert err.count("contraceptive_pleasure") == 1
    assert "contraceptive_pleasure = 95" in out
    assert "world.ancestral.contraceptive_pleasure is 95, 100 times its default of 0.95" in err
    err = evosim(
        capsys, "show", "coarse-savanna", "--set", "world.ancestral.contraceptive_pleasure=1.9"
    )[2]
    assert "times its default" not in err
    code, _, err = evosim(
        capsys,
        "run",
        "coarse-savanna",
        "--set",
        "world.ancestral.contraceptive_pleasure=95",
        "--set",
        "snapshots=[99999]",
    )
    assert (code, err.count("\n")) == (2, 1), "a refusal stands alone"
    modern = differences.unusual_values(
        setting("coarse-savanna", "world.modern.contraceptive_pleasure=9.5").experiment
    )
    assert [words.partition(" ")[0] for words in modern] == ["world.modern.contraceptive_pleasure"]


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (ROOT / "evosim" / "experiments").glob("*.toml"))
)
def test_packaged_experiments_have_no_odd_values(name: str) -> None:
    from evosim.config.experiments import read_experiment

    assert differences.unusual_values(resolve.resolve(read_experiment(name))) == []


# Nothing is written over


def test_exported_tables_are_not_written_over(
    capsys: pytest.CaptureFixture[str], made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    mine = tmp_path / "out" / "ties.csv"
    mine.write_text("mine")
    code, out, err = evosim(capsys, "export", str(made / "run"), "ladder", "ties", "--out", "out")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--force" in err
    assert mine.read_text() == "mine"
    assert not (tmp_path / "out" / "ladder.csv").exists(), "all tables or none"
    assert (
        evosim(capsys, "export", str(made / "run"), "ladder", "ties", "--out", "out", "--force")[0]
        == 0
    )
    assert mine.read_text() != "mine"
    with pytest.raises(UserError, match="must not be written over"):
        api.load(made / "run").save(tmp_path / "out", ["ties"])
    api.load(made / "run").save(tmp_path / "out", ["ties"], force=True)


def test_a_report_elsewhere_is_not_written_over(
    capsys: pytest.CaptureFixture[str], made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evosim.report import build
    from evosim.runtime import output_folders

    written: list[Path] = []
    monkeypatch.setattr(
        build, "write", lambda folders, path, progress=None: (written.append(path) or 1, [])
    )
    page = f"<!doctype html>{output_folders.REPORT_MARK.decode()}"
    other, own = tmp_path / "other.html", made / "run" / build.FILE
    other.write_text(page)
    code, out, err = evosim(capsys, "report", str(made / "run"), "--out", str(other))
    assert (code, out, err.count("\n"), written) == (2, "", 1, [])
    own.write_text(page)
    assert evosim(capsys, "report", str(made / "run"))[0] == 0, (
        "a run's own report may be made again"
    )
    own.unlink()
    assert evosim(capsys, "report", str(made / "run"), "--out", str(other), "--force")[0] == 0
    assert written == [own, other]


def test_figures_of_nothing_are_refused(made: Path) -> None:
    run = api.load(made / "run")
    with pytest.raises(UserError, match="figure 'drive' must have something to show"):
        run.draw(["drive"])
    assert not (made / "run" / "figures").exists()


# Fitness below 0


def test_an_exhaustive_search_does_not_die_out() -> None:
    grid = setting("micro").genome.grid
    search = ExhaustiveSearch(Exhaustive(), grid)
    for fitness in (np.full(grid.size, -3.0), np.zeros(grid.size)):
        search.begin_phase()
        assert len(search.ask()) == grid.size
        fitness[[1, 4]] += 0.5 * (fitness[0] < 0.0)
        search.tell(fitness)
        assert len(search.ask()) == (2 if fitness[0] < 0.0 else grid.size)


@pytest.mark.slow
def test_a_run_whose_best_is_below_zero_is_whole(tmp_path: Path) -> None:
    """Exhaustive search with costs as payoffs runs to the end; the best genome is good."""
    settings = {
        "optimizer": {"name": "exhaustive"},
        "world.ancestral.offset": 0.0,
        "world.ancestral.goal": 1.0,
        "phases": [{"world": "ancestral", "generations": 2}, {"world": "modern", "generations": 2}],
    }
    run = api.run("lava", settings, out=tmp_path / "run")
    best = run.summary["ladder"]["modern"]["rungs"]["best_for_intent"]
    assert best < 0.0
    assert run.summary["runs"]["0"] == {"status": "complete", "generations": 4}
    assert run.summary["ties"][0]["modern_max"] == pytest.approx(best)
    assert run.summary["shift"]["ancestral_optima_good_in_modern"] == "some"
    # Shares count from the worst policy, so that a best below 0 has them too.
    shares = [
        entry["share_of_best"]
        for name, entry in run.summary["recovery"].items()
        if name.startswith("modern")
    ]
    assert shares
    assert all(0.0 <= share <= 1.0 + 1e-12 for share in shares)
    assert figures.draw(read_run(tmp_path / "run"), ("svg",), names=["fitness", "ladders", "loci"])


def test_causes_say_which_genome_is_scored_where(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    _, out, _ = evosim(capsys, *command("micro"), "--no-figures", "--details", "--out", "run")
    assert "R2 in A: the best modern genome (for payoff in M), scored in the ancestral world" in out
    assert re.search(r"R2 in A +R2 in M", out)


# The name


def test_nothing_names_the_other_program_of_the_package_index() -> None:
    """On the index, `evosim` is another program: no page, message or template may install it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == DISTRIBUTION != "evosim"
    wrong = re.compile(
        r"pip3? install[^\n`|\\#]*?[\s'\"]evosim(?![-\w/.])|(?<![\w-])evosim\[(?:[a-z]+)\]"
    )
    assert wrong.search("pip install evosim")
    assert wrong.search("pip install -U 'evosim[dask]'")
    assert wrong.search("Install evosim[gymnasium].")
    assert not wrong.search(f"pip install '{DISTRIBUTION}[dask]'")
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.j2")]
    for room in ("evosim", "worlds", "genomes", "scripts"):
        files += [
            path
            for path in (ROOT / room).rglob("*")
            if path.suffix in (".py", ".tmpl", ".toml", ".jinja")
        ]
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not wrong.search(line), f"{path}:{number}: {line}"
    named = re.findall(
        r"pip install '([\w-]+)\[",
        "".join(path.read_text(encoding="utf-8") for path in files if path.suffix == ".py"),
    )
    assert named
    assert set(named) == {DISTRIBUTION}
