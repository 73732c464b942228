"""docs/own.md: what a newcomer types there works, and gives the numbers that stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evosim.cli.new import create

pytestmark = pytest.mark.docs
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "own.md").read_text(encoding="utf-8")
RUNS = """
import json, sys, evosim
from pathlib import Path
here = Path(sys.argv[1])
small = {"optimizer.population": 20, "phases.0.generations": 4, "phases.1.generations": 2}
told = {"turtles": evosim.run(here / "turtles.toml", out="whole").summary["ladder"]}
changes = {"genome": {"name": "monomania"}, **small}
told["monomania"] = evosim.run(here / "turtles.toml", changes, out="one thing").summary["ladder"]
own = {"name": "deap", "algorithm": "mine:search", "population": 20}
changes = {"optimizer": own, "phases.0.generations": 4, "phases.1.generations": 2}
run = evosim.run(here / "turtles.toml", changes, out="own algorithm")
told["mine"], told["packages"] = run.summary["ladder"], run.recorded.provenance["packages"]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's packages, made by its commands and blocks, as an installer leaves them behind."""
    site = tmp_path_factory.mktemp("own")
    for kind, name in (("world", "turtles"), ("genome", "monomania")):
        assert f"evosim new {kind} {name}\n" in PAGE
        folder = create(kind, name, site / f"{name}_project")
        (site / f"{name}.py").symlink_to(folder / f"{name}.py")
        facts = site / f"{name}-0.1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
        (facts / "entry_points.txt").write_text(f"[evosim.{kind}s]\n{name} = {name}:ENTRY\n")
    for file, lines in re.findall(r"^\| `([\w/.]+)` \| (\d+) \|", PAGE, flags=re.MULTILINE):
        assert len((site / "turtles_project" / file).read_text().splitlines()) == int(lines), file
    blocks = re.findall(r"```(?:python|toml)\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [name for name, _ in blocks] == ["turtles.py", "tests/test_turtles.py", "turtles.toml"]
    for name, text in blocks:
        (site / "turtles_project" / name).write_text(text)
    (mine,) = re.findall(
        r"```python\n(# mine\.py.*?)```",
        (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    (site / "mine.py").write_text(mine)
    return site


def said(site: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{site}"}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=site,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_s_world_passes_the_page_s_tests(site: Path) -> None:
    out = said(
        site,
        "-m",
        "pytest",
        "-q",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        str(site / "turtles_project" / "tests"),
    )
    assert "4 passed" in out


def test_the_page_s_numbers_are_what_its_experiment_gives(site: Path) -> None:
    told = json.loads(said(site, "-c", RUNS, str(site / "turtles_project")))
    rows = dict(re.findall(r"^\| (R\d), [\w ]+ \| ([\d.]+ \| [\d.]+) \|", PAGE, flags=re.MULTILINE))
    rungs = {"R0": "optimum", "R2": "best_for_payoff", "R3": "best_ancestral", "R5": "population"}
    assert rows == {
        row: " | ".join(
            f"{told['turtles'][world]['rungs'][rung]:.3f}" for world in ("ancestral", "modern")
        )
        for row, rung in rungs.items()
    }
    assert told["turtles"]["modern"]["steps"]["shift"] > 0.5
    optimum = told["turtles"]["ancestral"]["rungs"]["optimum"]
    for other in ("monomania", "mine"):
        assert (
            0.0
            < told[other]["ancestral"]["rungs"]["best_ancestral"]
            <= optimum
            == told[other]["ancestral"]["rungs"]["optimum"]
        )
    assert told["packages"]["mine:search"].startswith("source ")
    assert (told["packages"]["turtles"], told["packages"].get("monomania")) == ("0.1.0", None)
