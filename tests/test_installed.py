"""Worlds and genomes of other packages: found, run, named where they fail, and recorded. The example is a package on the path."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evosim import installed
from evosim.compose import build, commented, resolve
from evosim.errors import UserError
from evosim.record import sources_digest
from evosim.score import Scorer

EXAMPLE = Path(__file__).parent / "example_package"
EXPERIMENT = """
name = "coin"
[world]
name = "coin"
[world.modern]
fair = 0.2
[genome]
name = "{genome}"
[optimizer]
name = "sexual"
population = 20
[[phases]]
world = "ancestral"
generations = 5
[[phases]]
world = "modern"
generations = 3
"""


def install(folder: Path, source: Path, name: str, version: str, points: str) -> None:
    """What an installer leaves behind: the package and its facts."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.glob("*/*.py"):
        target = folder / path.relative_to(source)
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text())
    facts = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (facts / "entry_points.txt").write_text(points)


def declared() -> str:
    """The entry points as the example's pyproject.toml declares them, in the form that installers write."""
    groups = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    return "\n".join(line for group, points in groups.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items())))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path in which the example is installed."""
    folder = tmp_path / "site"
    install(folder, EXAMPLE, "coin-worlds", "1.2", declared())
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    sources_digest.cache_clear()
    yield folder
    sources_digest.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] in ("coin_worlds", "bad")]:
        del sys.modules[name]


def tree(genome: str = "planner") -> dict[str, object]:
    return tomllib.loads(EXPERIMENT.format(genome=genome))


def test_an_installed_world_is_a_world(site: Path) -> None:
    resolved = resolve(tree())
    assert resolved.world.ancestral == {"fair": 0.5, "throws": 3}
    made = build(resolved)
    worth = Scorer(made.pair.ancestral, made.pair).score(made.genome.decode(np.arange(1)))
    assert worth.payoff[0] == pytest.approx(0.75)  # wants nothing, so it throws every other time
    assert resolve(tomllib.loads(commented(resolved))) == resolved
    assert "coin" in installed.names("world")
    assert installed.offered("world")["coin"] == "a coin is thrown (coin-worlds 1.2)"


def test_an_installed_genome_is_a_genome(site: Path) -> None:
    made = build(resolve(tree("lazy")))
    assert made.genome.grid.size == 1
    assert installed.offered("genome")["lazy"].endswith("(coin-worlds 1.2)")


def test_a_run_records_package_version_and_sources(site: Path, tmp_path: Path) -> None:
    before = sources_digest()
    file = tmp_path / "coin.toml"
    file.write_text(EXPERIMENT.format(genome="planner"))
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {"PYTHONPATH": f"{root}:{site}"}
    done = subprocess.run(
        [sys.executable, "-m", "evosim.cli", "run", str(file), "--out", str(tmp_path / "run")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert facts["packages"]["coin-worlds"] == "1.2"
    assert facts["sources"] == before
    source = site / "coin_worlds" / "__init__.py"
    source.write_text(source.read_text() + "\n# another\n")
    sources_digest.cache_clear()
    assert sources_digest() != before


def test_without_it_the_name_is_unknown() -> None:
    with pytest.raises(UserError, match=r"world\.name must be one of .*, but is 'coin'"):
        resolve(tree())


@pytest.mark.parametrize(
    ("code", "point", "message"),
    [
        ("import nothing_of_that_name", "bad:ENTRY", r"world 'coin' of package 'bad 0\.1' must load, but bad:ENTRY raises ModuleNotFoundError: No module named 'nothing_of_that_name'\. Mend"),
        ("ENTRY = 3", "bad:ENTRY", r"world 'coin' of package 'bad 0\.1' must be an object of the class worlds\.Entry, but bad:ENTRY is a int"),
        ("from worlds import Entry\nENTRY = Entry(dict, dict, 'x')", "bad:ENTRY", r"world 'coin' of package 'bad 0\.1' must have a dataclass of parameters"),
        (
            "from dataclasses import dataclass\nfrom worlds import Entry\n@dataclass(frozen=True)\nclass P:\n    fair: float = 0.5\n"
            "ENTRY = Entry(P, lambda p, m: 1 / 0, 'x')",
            "bad:ENTRY",
            r"world 'coin' of package 'bad 0\.1' must build, but raises ZeroDivisionError: .*\. Mend that package",
        ),
        (
            "from dataclasses import dataclass\nfrom worlds import Entry\n@dataclass(frozen=True)\nclass P:\n    fair: float = 0.5\n"
            "ENTRY = Entry(P, lambda p, m: 3, 'x')",
            "bad:ENTRY",
            r"world 'coin' of package 'bad 0\.1' must build a WorldPair, but builds a int",
        ),
    ],
)
def test_mistakes_of_a_package_are_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, point: str, message: str) -> None:
    source = tmp_path / "source" / "bad"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(code)
    install(tmp_path / "bad-site", tmp_path / "source", "bad", "0.1", f"[evosim.worlds]\ncoin = {point}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "bad-site"))
    importlib.invalidate_caches()
    try:
        with pytest.raises(UserError, match=message) as caught:
            build(resolve(tree()))
        assert "\n" not in str(caught.value)
        if "must build" not in message:
            assert installed.offered("world")["coin"].startswith("cannot be used: world 'coin'")
    finally:
        sys.modules.pop("bad", None)


def test_two_packages_may_not_offer_one_name(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "other", EXAMPLE, "other-worlds", "3", "[evosim.worlds]\ncoin = coin_worlds:COIN\n")
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    importlib.invalidate_caches()
    with pytest.raises(UserError, match=r"must be offered by one package, but 'coin' is by coin-worlds 1\.2 and other-worlds 3\."):
        resolve(tree())


def test_own_names_cannot_be_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "thief", EXAMPLE, "thief", "1", "[evosim.worlds]\nmicro = coin_worlds:COIN\n")
    monkeypatch.syspath_prepend(str(tmp_path / "thief"))
    importlib.invalidate_caches()
    assert installed.world("micro").params.__module__ == "worlds.micro"
