"""The command line as a user meets it: outputs, and errors of one line with exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evosim import __version__
from evosim.analysis.behaviour import SHIFT_KINDS
from evosim.analysis.summary_reader import read_summary
from evosim.runs import execute
from evosim.tables import formatting, sentences
from tests.support.command import evosim
from tests.support.paths import ROOT
from tests.support.settings import command


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert evosim(capsys, "--version") == (0, f"evosim {__version__}\n", "")


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = evosim(capsys, "list")
    assert code == 0
    for name in (
        "coarse-savanna",
        "theorem",
        "reflexes",
        "savanna",
        "micro",
        "planner",
        "sexual",
        "exhaustive",
    ):
        assert name in out


@pytest.mark.slow
def test_what_is_shown_can_be_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = evosim(capsys, "show", "micro", "--set", "optimizer.population=20")
    assert code == 0
    (tmp_path / "mine.toml").write_text(out)
    code, out, _ = evosim(capsys, "run", "mine.toml", "--no-figures", "--json")
    assert code == 0
    assert json.loads(out)["experiment"] == "micro"


def test_json_has_what_scripts_need(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = evosim(
        capsys, *command("coarse-savanna"), "--json", "--seed", "7", "--no-figures"
    )
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["experiment"] == "coarse-savanna"
    assert result["seed"] == 7
    assert result["elapsed_s"] > 0
    assert Path(result["out"]).is_dir()
    for world in ("ancestral", "modern"):
        assert {
            "optimum",
            "best_for_intent",
            "best_for_payoff",
            "best_ancestral",
            "population",
        } <= set(result["ladder"][world]["rungs"])
        assert {"representation", "specification", "shift", "search", "hack"} <= set(
            result["ladder"][world]["steps"]
        )
        assert result["behaviour"][world]["kinds"]
        assert result["behaviour"][world]["acts"]
    assert result["ladder"]["modern"]["steps"]["hack"] is None


@pytest.mark.slow
def test_a_person_reads_the_split(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = evosim(
        capsys, *command("coarse-savanna"), "--replicates", "2", "--no-figures", "--details"
    )
    assert code == 0
    for words in (
        "lost at the switch",
        "The ladder",
        "shift",
        "Loss by act",
        "mate protected",
        "Desires",
        "not measured",
        "results/runs",
    ):
        assert words in out
    folder = next(Path("results/runs").iterdir())
    code, again, _ = evosim(capsys, *command("coarse-savanna"), "--replicates", "2", "--no-figures")
    assert "already holds this run" in again
    code, out, _ = evosim(capsys, "analyze", str(folder), "--labels")
    assert code == 0
    assert "Christiano" in out
    assert "generalization" in out


def test_one_class_has_its_own_account(capsys: pytest.CaptureFixture[str]) -> None:
    evosim(capsys, *command("reflexes"), "--out", "run", "--no-figures")
    code, out, _ = evosim(capsys, "analyze", "run", "--class", "5", "--json")
    account = json.loads(out)
    assert code == 0
    lost = account["ancestral"]["optimum"] - account["ancestral"]["fitness"]
    assert sum(account["behaviour"]["ancestral"]["kinds"].values()) == pytest.approx(lost)


@pytest.mark.slow
def test_figures_are_drawn_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    evosim(capsys, *command("coarse-savanna", "replicates=2"), "--out", "run", "--no-figures")
    assert not Path("run/figures").exists()
    code, out, _ = evosim(capsys, "figures", "run", "--usual")
    assert code == 0
    for path in map(Path, out.split()):
        head = path.read_bytes()[:300]
        assert {".png": b"\x89PNG", ".svg": b"<svg", ".pdf": b"%PDF"}[path.suffix] in head
    names = {p.stem for p in Path("run/figures").iterdir()}
    assert names == {"losses", "fitness", "ladders", "behaviour", "loci", "search"}
    evosim(capsys, *command("coarse-drive"), "--out", "driven", "--no-figures")
    evosim(capsys, "figures", "driven", "--usual", "--format", "png")
    assert {p.stem for p in Path("driven/figures").iterdir()} == {*names, "drive"}
    assert "generation" in Path("run/figures/fitness.svg").read_text()


@pytest.mark.slow
def test_users_without_a_home_have_figures(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As in a container under a number that no list of users has.

    (The script forgets who it is; HOME alone is not enough.)
    """
    evosim(capsys, *command("micro"), "--out", "run", "--no-figures")
    script = (
        "import os, pwd, sys\n"
        "def nobody(number): raise KeyError(number)\n"
        "pwd.getpwuid = nobody\n"
        "os.environ.pop('HOME', None)\n"
        "from evosim.cli import main as cli\n"
        "sys.argv = ['evosim', 'figures', 'run', '--format', 'svg']\n"
        "cli.main()\n"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert (tmp_path / "run" / "figures" / "ladders.svg").is_file()


@pytest.mark.slow
def test_reflexes_have_figures_too(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = evosim(capsys, *command("reflexes"), "--out", "run")
    assert (code, err) == (0, "")
    assert Path("run/figures/loci.png").stat().st_size > 10_000


def test_what_was_changed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = evosim(
        capsys, *command("micro", "world.modern.breed_danger=0.4"), "--no-figures", "--json"
    )
    assert code == 0
    changed = json.loads(out)["changed"]
    assert "world.modern.breed_danger=0.4" in changed
    assert "phases.0.generations=6" in changed
    assert len(changed) == 3


def test_the_shift_sentence_names_an_act_of_the_shift_kinds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = evosim(capsys, *command("reflexes"), "--no-figures", "--json")
    assert code == 0
    summary = json.loads(out)
    acts = summary["behaviour"]["modern"]["acts_by_kind"]
    by_act = {act: sum(kinds.get(kind, 0.0) for kind in SHIFT_KINDS) for act, kinds in acts.items()}
    sentence = next(
        s for s in sentences.sentences(read_summary(summary)) if s.startswith("Counted by act")
    )
    assert f"by {max(by_act, key=lambda a: by_act[a]).replace('_', ' ')} (" in sentence


def test_an_interrupt_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(execute, "run", stop)
    code, _, err = evosim(capsys, "run", "micro")
    assert code == 130
    assert err == "evosim: interrupted\n"


def test_odd_words_in_a_title_are_only_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    title = "'Results [/final] of x y'"
    code, out, _ = evosim(
        capsys, *command("micro", f"title={title}"), "--no-figures", "--out", "b[1]"
    )
    assert code == 0
    assert "[/final]" in out
    code, out, _ = evosim(capsys, "show", "micro", "--set", f"title={title}")
    (tmp_path / "odd.toml").write_text(out, encoding="utf-8")
    assert evosim(capsys, "show", "odd.toml")[0] == 0
    code, _, err = evosim(capsys, "show", "micro", "--set", "title='x\u2028y'")
    assert code == 2
    assert "title must be text that can be shown, but holds U+2028" in err


@pytest.mark.slow
def test_what_the_data_leave_open_is_not_called_unavoidable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = evosim(capsys, *command("villages"), "--no-figures", "--json")
    summary = json.loads(out)
    assert summary["shift"]["left_open_by_the_data"] > 0.1
    sentence = next(
        s for s in sentences.sentences(read_summary(summary)) if s.startswith("Birth-control")
    )
    shared, shift = (
        summary["shift"]["shared_by_all_ancestral_optima"],
        summary["ladder"]["modern"]["steps"]["shift"],
    )
    # All that tie are quoted, not the worst of them alone.
    assert (
        f"The shift step loses {formatting.number(shared)} to {formatting.number(shift)}, by which"
        in sentence
    )
    if shared:
        assert f"{formatting.number(shared)} is lost by every one of them" in sentence
    tied = summary["ties"][0]
    assert (
        f"gets {formatting.number(tied['modern_min'])} to {formatting.number(tied['modern_max'])}"
        f" ({tied['classes']} genomes tie)" in sentence
    )


def test_shown_parameters_have_units_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = evosim(capsys, "show")
    assert "gestation = 4  # ages; from conception to birth" in out


MISTAKES = {
    "no such option": (["run", "--replicate", "2"], "No such option"),
    "no such command": (["rum"], "No such command 'rum'"),
    "words for a number": (["run", "--replicates", "two"], "Invalid value for '--replicates'"),
    "not a table": (
        ["run", "--set", "genome.weights.solo=0"],
        "genome.weights.solo must be a table",
    ),
    "a folder as experiment": (["run", "./"], "must be readable text"),
    "unknown experiment": (["run", "birth-contol"], "Did you mean 'birth-control'?"),
    "missing file": (["run", "nothing.toml"], "must exist"),
    "unknown key": (
        ["run", "--set", "world.ancestral.deaht=0.1"],
        "Did you mean 'world.ancestral.death'?",
    ),
    "unknown top key": (["run", "--set", "sed=1"], "unknown key 'sed'. Did you mean 'seed'?"),
    "misplaced key": (
        ["run", "--set", "population=9"],
        "unknown key 'population'. Did you mean 'optimizer.population'?",
    ),
    "not a truth value": (
        ["run", "--set", "controls=no"],
        "controls must be a valid boolean, but is 'no'. Write true or false.",
    ),
    "a world as experiment": (["run", "savana"], "Did you mean 'savanna'? That is a world"),
    "unknown world": (["run", "--set", "world.name=savana"], "Did you mean 'savanna'?"),
    "unknown genome": (["run", "--set", "genome.name=plannr"], "Did you mean 'planner'?"),
    "unknown optimizer": (["run", "--set", "optimizer.name=sexul"], "Did you mean 'sexual'?"),
    "unknown locus key": (
        ["run", "--set", "genome.horizon.alele=1"],
        "unknown key 'genome.horizon.alele'. Did you mean 'genome.horizon.alleles'?",
    ),
    "wrong type": (
        ["run", "--set", "optimizer.population=lots"],
        "optimizer.population must be a valid integer",
    ),
    "fraction": (
        ["run", "--set", "optimizer.population=0.5"],
        "optimizer.population must be a valid integer",
    ),
    "probability": (
        ["run", "--set", "world.ancestral.death=1.5"],
        "world.ancestral.death must lie in [0.0, 1.0]",
    ),
    "modern probability": (
        ["run", "--set", "world.modern.death=-1"],
        "world.modern.death must lie in [0.0, 1.0]",
    ),
    "not a number": (
        ["run", "--set", "world.ancestral.death=nan"],
        "world.ancestral.death must be finite, but is nan",
    ),
    "infinite": (
        ["run", "--set", "genome.tie_tolerance=inf"],
        "genome.tie_tolerance must be finite, but is inf",
    ),
    "boundless desire": (
        ["run", "--set", "genome.weights.young.alleles=[0,1e308]"],
        "genome.weights.young.alleles must lie within +-1e+100",
    ),
    "infinite horizon": (
        ["run", "--set", "genome.horizon.alleles=[inf]"],
        "genome.horizon.alleles.0 must be finite",
    ),
    "text for a weight": (
        ["run", "--set", 'genome.weights.pleasure.alleles=["0.0","1.0"]'],
        "genome.weights.pleasure.alleles must be numbers",
    ),
    "near ties": (
        ["run", "--set", "analysis.near_ties=[-0.5]"],
        "analysis.near_ties.0 must be greater than or equal to 0",
    ),
    "last seed": (
        ["run", "--seed", str(2**63 - 1), "--replicates", "2"],
        "the last seed must be at most",
    ),
    "snapshots": (
        ["run", "--set", "snapshots=[99999]"],
        "snapshots must be generations from 0 to 599, but has 99999",
    ),
    "odd digit": (["run", "--set", "phases.\u00b2=1"], "must be a position"),
    "one generation": (
        ["run", "theorem", "--set", "phases.0.generations=1"],
        "phases.0.generations must be at least 2",
    ),
    "structure": (
        ["run", "--set", "world.modern.gestation=3"],
        "world.modern.gestation must be left alone",
    ),
    "empty grid": (
        ["run", "--set", "genome.weights.solo.alleles=[]"],
        "genome.weights.solo.alleles must list at least one",
    ),
    "population of zero": (
        ["run", "--set", "optimizer.population=0"],
        "optimizer.population must be at least 1",
    ),
    "no generations": (
        ["run", "--set", "phases.0.generations=0"],
        "phases.0.generations must be greater",
    ),
    "no phases": (["run", "--set", "phases=[]"], "phases must have at least 1 item"),
    "modern first": (
        ["run", "--set", "phases.0.world=modern"],
        "phases.0.world must be 'ancestral'",
    ),
    "negative seed": (["run", "--seed", "-1"], "seed must be greater than or equal to 0"),
    "no replicates": (["run", "--replicates", "0"], "replicates must be greater"),
    "no threads": (["run", "--threads", "0"], "--threads must lie in 1.."),
    "too many threads": (["run", "--threads", "4096"], "--threads must lie in 1.."),
    "not key=value": (["run", "--set", "population"], "--set must be key=value"),
    "through a number": (["run", "--set", "seed.x=1"], "'evosim show' prints all paths"),
    "beyond a list": (["run", "--set", "phases.7.generations=1"], "must be a position from 0 to 1"),
    "a list that is not there": (
        ["run", "--set", "world.mixture.0.share=0.1"],
        "world.mixture holds none. Give the whole list: world.mixture=[{ share = 0.1 }].",
    ),
    "deep in a list that is not there": (
        ["run", "--set", "analysis.family.0.set.death=0.1"],
        "analysis.family holds none. Give the whole list: analysis.family=[{ set.death = 0.1 }].",
    ),
    "an entry of an empty list": (
        ["run", "--set", "world.mixture=[]", "--set", "world.mixture.0.share=0.1"],
        "world.mixture holds none. Give the whole list: world.mixture=[{ share = 0.1 }].",
    ),
    "too large a grid": (
        ["run", "theorem", "--set", "optimizer.max_classes=100"],
        "must have at most 100 classes to be enumerated (optimizer.max_classes), but has 2916",
    ),
    "not a run": (["analyze", "."], "must be a run's folder"),
    "no folder": (["analyze", "nowhere"], "must be a folder"),
    "unknown format": (["figures", "run", "--format", "gif"], "--format must be one of"),
    "bad show": (["show", "coarse-savanna", "--set", "genome.ploidy=3"], "genome.ploidy must be 1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing_behind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, mistake: str
) -> None:
    arguments, message = MISTAKES[mistake]
    code, out, err = evosim(capsys, *arguments)
    assert code == 2, out + err
    assert out == ""
    assert err.count("\n") == 1, err
    assert message in err
    assert "Traceback" not in err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_list_that_a_message_offers_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = evosim(capsys, "show", "micro", "--set", "world.mixture.0.share=0.1")
    offered = err.partition("whole list: ")[2].rstrip().removesuffix(".")
    code, out, err = evosim(capsys, "show", "micro", "--set", offered)
    assert code == 0, err
    assert "[[world.mixture]]\nshare = 0.1\n" in out


def test_malformed_toml_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("name = [1,\n")
    code, _, err = evosim(capsys, "run", "bad.toml")
    assert code == 2
    assert err.count("\n") == 1
    assert "must be valid TOML" in err


def test_help_and_version_do_not_compile_or_draw() -> None:
    """Neither numba nor altair nor polars is imported for help: that is what keeps it quick."""
    script = (
        "import sys\n"
        "from evosim.cli import main as cli\n"
        "sys.argv = ['evosim', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in ('numba', 'altair', 'polars', 'scipy') if m in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ},
        check=True,
    )
    assert done.stdout.endswith("[]\n")


@pytest.mark.slow
def test_a_run_imports_nothing_that_it_may_not_need() -> None:
    """Compiler and drawing engine are imported when they are needed.

    A module that takes half a second and serves one formula is never imported.
    """
    script = (
        "import sys\n"
        "from evosim.runs import execute\n"
        "print(sorted(m for m in ('numba', 'altair', 'vl_convert', 'scipy') if m in sys.modules))\n"
        "from evosim import figures; from evosim.simulation import loop\n"
        "print('scipy.stats' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ},
        check=True,
    )
    assert done.stdout == "[]\nFalse\n"
