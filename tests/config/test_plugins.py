"""Worlds and genomes of other packages: loaded, run, recorded, and named in error messages."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import evosim
from evosim.config import registry
from evosim.config.resolve import build, resolve
from evosim.errors import UserError
from evosim.runs import figures
from evosim.runs.source_hash import forget_sources, sources_digest
from tests.support.example_package import EXPERIMENT, install, tree


@pytest.mark.slow
def test_a_run_records_package_version_and_sources(site: Path, tmp_path: Path) -> None:
    before = sources_digest(resolve(tree()))
    file = tmp_path / "coin.toml"
    file.write_text(EXPERIMENT.format(genome="planner"))
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root}:{site}"}
    done = subprocess.run(
        [sys.executable, "-m", "evosim.cli", "run", str(file), "--out", str(tmp_path / "run")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert facts["packages"]["coin-worlds"] == "1.2"
    assert facts["sources"] == before
    source = site / "coin_worlds" / "__init__.py"
    source.write_text(source.read_text() + "\n# another\n")
    forget_sources()
    assert sources_digest(resolve(tree())) != before


def notes_of(*runs: evosim.Run) -> str:
    return " ".join(evosim.compare(*runs).notes())


@pytest.mark.slow
def test_a_comparison_says_whose_code_differs(site: Path, tmp_path: Path) -> None:
    """Runs of one installation have the same code, whatever packages they chose."""
    small = {"optimizer.population": 10, "phases.0.generations": 3, "phases.1.generations": 2}
    micro = evosim.run("micro", small, out=tmp_path / "micro")
    coin = evosim.run(tree(), out=tmp_path / "coin")
    lazy = evosim.run(tree("lazy"), out=tmp_path / "lazy")
    assert set(coin.recorded.provenance["sources_of"]) == {"evosim", "coin_worlds"}
    assert micro.recorded.provenance["sources"] != coin.recorded.provenance["sources"]
    assert "Different code" not in notes_of(micro, coin, lazy)
    source = site / "coin_worlds" / "__init__.py"
    source.write_text(source.read_text() + "\n# another\n")
    forget_sources()
    later = evosim.run(tree("lazy"), {"seed": 1}, out=tmp_path / "later")
    assert "Different code made them (coin_worlds)" in notes_of(coin, later)
    assert "Different code" not in notes_of(micro, later)


@pytest.mark.slow
def test_what_runs_of_before_do_not_tell_is_not_said(site: Path, tmp_path: Path) -> None:
    """Their provenance has only the hash of all sources together, which is evosim's own where
    nothing else was used.
    """
    small = {"optimizer.population": 10, "phases.0.generations": 3, "phases.1.generations": 2}
    micro = evosim.run("micro", small, out=tmp_path / "micro")
    other = evosim.run("micro", small, seed=1, out=tmp_path / "other")
    coin = evosim.run(tree(), out=tmp_path / "coin")
    for run in (micro, other, coin):
        del run.recorded.provenance["sources_of"]
    assert "Different code" not in notes_of(micro, other, coin)
    coin.recorded.provenance["sources"] = "0" * 16
    assert "Different code" not in notes_of(micro, coin)
    other.recorded.provenance["sources"] = "0" * 16
    assert "Different code made them (evosim" in notes_of(micro, other)


@pytest.mark.slow
@pytest.mark.parametrize("genome", ["fickle", "lazy"])
def test_every_figure_and_the_report_are_made_for_any_genome(
    site: Path, tmp_path: Path, genome: str
) -> None:
    """One has written-out policies, and parameters that are named as a planner's; the other has
    nothing that varies.
    """
    import evosim

    run = evosim.run(tree(genome), out=tmp_path / "run")
    failures: list[str] = []
    names = list(run.figures())
    drawn = figures.draw(run.recorded, ("svg",), names=names, on_failure=failures.append)
    assert not failures
    if genome == "fickle":
        assert {"loci", "trajectories", "ladders", "fitness"} <= {path.stem for path in drawn}
        described = run.figure("loci").to_dict()
        alleles = {
            row["locus"]
            for rows in described["datasets"].values()
            for row in rows
            if "locus" in row
        }
        assert {"weights", "bold", "shy"} <= alleles
        assert "mood at the end" in described["description"]
    page = evosim.write_report(run).read_text(encoding="utf-8")
    assert "was not drawn" not in page


@pytest.mark.slow
def test_a_figure_that_fails_costs_nothing_else(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import evosim
    from evosim.cli.gallery import draw as draw_of_folder
    from evosim.figures import FIGURES, Figure

    def fails(source: object) -> None:
        raise KeyError("weights")

    run = evosim.run(tree("fickle"), out=tmp_path / "run")
    monkeypatch.setitem(FIGURES, "loci", Figure("loci", fails, usual=True))
    line = "figure 'loci' was not drawn: KeyError: 'weights'"
    with pytest.warns(UserWarning, match=line):
        drawn = run.draw(formats=["svg"])
    assert {path.stem for path in drawn} >= {"fitness", "ladders"}
    assert run.losses().height == 6
    with pytest.raises(evosim.UserError, match=line):
        run.figure("loci")
    told: list[str] = []
    assert draw_of_folder(run.folder, ["loci", "fitness"], ["svg"], "screen", log=told.append)
    assert told == [line]
    with pytest.raises(evosim.UserError, match=line):
        draw_of_folder(run.folder, ["loci"], ["svg"], "screen")
    assert "KeyError" in evosim.write_report(run).read_text(encoding="utf-8")


def test_a_folder_that_hides_a_module_is_named(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `pip install -e` may leave it: the module is found last, and a folder of its name before
    it.
    """
    install(
        tmp_path / "late",
        tmp_path / "no-source",
        "tides",
        "1",
        "[evosim.worlds]\ntides = tides:ENTRY\n",
    )
    (tmp_path / "work" / "tides").mkdir(parents=True)
    for path in (tmp_path / "late", tmp_path / "work"):
        monkeypatch.syspath_prepend(str(path))
    importlib.invalidate_caches()
    with pytest.raises(
        UserError,
        match=(
            r"world 'tides' .* cannot be loaded: the folder .*/work/tides hides its"
            r" module\. Work in another folder"
        ),
    ):
        registry.world("tides")
    assert "tides" not in sys.modules


@pytest.mark.parametrize(
    ("code", "point", "message"),
    [
        (
            "import nothing_of_that_name",
            "bad:ENTRY",
            (
                r"world 'coin' of package 'bad 0\.1' cannot be loaded: bad:ENTRY raises"
                r" ModuleNotFoundError: No module named 'nothing_of_that_name'\. Correct"
            ),
        ),
        *(
            (
                f"from {old} import Entry",
                "bad:ENTRY",
                (
                    rf"world 'coin' of package 'bad 0\.1' imports '{old.split('.')[0]}', which is"
                    rf" now 'evosim\.{old.split('.')[0]}'\. Install a newer version"
                ),
            )
            for old in ("worlds", "genomes", "worlds.parameters")
        ),
        (
            "ENTRY = 3",
            "bad:ENTRY",
            (
                r"world 'coin' of package 'bad 0\.1' must be an object of the class"
                r" evosim\.worlds\.Entry, but bad:ENTRY is a int"
            ),
        ),
        (
            "from evosim.worlds import Entry\nENTRY = Entry(dict, dict, 'x')",
            "bad:ENTRY",
            r"world 'coin' of package 'bad 0\.1' needs a dataclass of parameters",
        ),
        (
            (
                "from dataclasses import dataclass\nfrom evosim.worlds import"
                " Entry\n@dataclass(frozen=True)\nclass P:\n    fair: float = 0.5\nENTRY = Entry(P,"
                " lambda p, m: 1 / 0, 'x')"
            ),
            "bad:ENTRY",
            (
                r"world 'coin' of package 'bad 0\.1' cannot be built: its code raises"
                r" ZeroDivisionError: .*\. Correct the code of that package"
            ),
        ),
        (
            (
                "from dataclasses import dataclass\nfrom evosim.worlds import"
                " Entry\n@dataclass(frozen=True)\nclass P:\n    fair: float = 0.5\nENTRY = Entry(P,"
                " lambda p, m: 3, 'x')"
            ),
            "bad:ENTRY",
            r"world 'coin' of package 'bad 0\.1' must build a WorldPair, but builds a int",
        ),
        (
            "from evosim.worlds.parameters import number, swapped\nENTRY = 0",
            "bad:ENTRY",
            r"imports 'swapped', which is now 'modern_params'",
        ),
        (
            "from evosim.worlds import Entry\nENTRY = Entry(dict, dict, what='x')",
            "bad:ENTRY",
            r"imports 'what', which is now 'description'",
        ),
        (
            (
                "from dataclasses import dataclass\nfrom evosim.worlds import"
                " Entry, parameters\n@dataclass(frozen=True)\nclass P:\n    fair: float = 0.5\n"
                "ENTRY = Entry(P, lambda p, m: parameters.swapped(p, m), 'x')"
            ),
            "bad:ENTRY",
            r"uses 'swapped', which is now 'modern_params'",
        ),
    ],
)
def test_mistakes_of_a_package_are_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, point: str, message: str
) -> None:
    source = tmp_path / "source" / "bad"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(code)
    install(
        tmp_path / "bad-site",
        tmp_path / "source",
        "bad",
        "0.1",
        f"[evosim.worlds]\ncoin = {point}\n",
    )
    monkeypatch.syspath_prepend(str(tmp_path / "bad-site"))
    importlib.invalidate_caches()
    try:
        with pytest.raises(UserError, match=message) as caught:
            build(resolve(tree()))
        assert "\n" not in str(caught.value)
        if not re.search("must build|cannot be built|uses", message):
            assert registry.offered("world")["coin"].startswith("cannot be used: world 'coin'")
    finally:
        sys.modules.pop("bad", None)
