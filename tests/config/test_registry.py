"""Worlds and genomes of other packages: found, run, named where they fail, and recorded.

The example is a package on the path.
"""

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

import evosim
from evosim.config import registry
from evosim.config.registry import Choice
from evosim.config.resolve import build, resolve
from evosim.config.toml_out import commented
from evosim.errors import UserError
from evosim.fitness.scorer import Scorer
from evosim.runs import figures
from evosim.runs.source_hash import forget_sources, sources_digest

EXAMPLE = Path(__file__).resolve().parents[1] / "example_package"
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
    """The entry points as the example's pyproject.toml declares them, in the form that installers
    write.
    """
    groups = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    return "\n".join(
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path in which the example is installed."""
    folder = tmp_path / "site"
    install(folder, EXAMPLE, "coin-worlds", "1.2", declared())
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    forget_sources()
    yield folder
    forget_sources()
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
    assert "coin" in registry.names("world")
    assert registry.offered("world")["coin"] == "a coin is thrown (coin-worlds 1.2)"


def test_an_installed_genome_is_a_genome(site: Path) -> None:
    made = build(resolve(tree("lazy")))
    assert made.genome.grid.size == 1
    assert registry.offered("genome")["lazy"].endswith("(coin-worlds 1.2)")


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


def other_digests(*used: Choice) -> list[str]:
    """Digests of some choices, taken afresh."""
    forget_sources()
    importlib.invalidate_caches()
    return [sources_digest(one) for one in used]


def test_sources_are_those_that_an_experiment_uses(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package counts for the experiments that use it, with its data and with what it imports of
    its own distribution; for no others.
    """
    plain, coin = Choice("micro", "planner"), Choice("coin", "planner")
    own = sources_digest()
    before = other_digests(plain, coin, Choice("micro", "lazy"))
    assert before[0] == own
    assert len(set(before)) == 2  # one package offers both the world and the genome

    source = site / "coin_worlds" / "__init__.py"
    source.write_text(f"import coin_tables\nimport coins_of_others\n{source.read_text()}")
    first = other_digests(plain, coin)
    assert first[0] == own
    assert first[1] != before[1]

    (site / "coin_worlds" / "odds.csv").write_text("0.5\n")  # data of the package
    second = other_digests(plain, coin)
    assert second[0] == own
    assert second[1] != first[1]

    (site / "coin_tables.py").write_text("ODDS = 0.5\n")  # a module beside it that it imports
    third = other_digests(plain, coin)
    assert third[1] not in (first[1], second[1])
    (site / "coin_tables.py").write_text("ODDS = 0.4\n")
    assert other_digests(coin)[0] != third[1]

    install(
        site,
        tmp_path / "no-source",
        "coins-of-others",
        "1",
        "[evosim.worlds]\nmint = coins_of_others:COIN\n",
    )
    (site / "coins_of_others-1.dist-info" / "top_level.txt").write_text("coins_of_others\n")
    now = other_digests(plain, coin)
    # Another distribution, though it is imported and offers a world
    (site / "coins_of_others.py").write_text("COIN = None\n")
    assert other_digests(plain, coin) == now
    (site / "coin_worlds" / "__pycache__").mkdir(exist_ok=True)
    # Nor what Python compiles, nor a run that was written there
    (site / "coin_worlds" / "__pycache__" / "x.pyc").write_text("")
    (site / "coin_worlds" / "run.partial").mkdir()
    (site / "coin_worlds" / "run.partial" / "experiment.toml").write_text("")
    assert other_digests(plain, coin) == now


def test_a_package_in_a_namespace_counts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`labs` is a mere folder that several distributions share."""
    for name in ("coins", "dice"):
        (tmp_path / "labs" / name).mkdir(parents=True)
        (tmp_path / "labs" / name / "__init__.py").write_text("")
    (tmp_path / "labs" / "cards.py").write_text("")
    (tmp_path / "labs" / "coins" / "more.py").write_text("from labs import cards\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    forget_sources()
    assert [name for name, _ in registry.sources(["labs.coins.more"])] == [
        "labs.cards.py",
        "labs.coins/__init__.py",
        "labs.coins/more.py",
    ]


def test_the_algorithm_of_an_experiment_counts_with_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "searching.py").write_text("import json\nimport steps_of_it\n")
    (tmp_path / "steps_of_it.py").write_text("STEP = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    used = Choice("micro", "planner", "searching:search")
    (before,) = other_digests(used)
    (tmp_path / "steps_of_it.py").write_text("STEP = 2\n")
    (after,) = other_digests(used)
    assert len({before, after, sources_digest()}) == 3
    assert other_digests(used._replace(algorithm="eaSimple")) == [sources_digest()]


def test_a_sweep_counts_the_sources_of_all_its_cells(site: Path, tmp_path: Path) -> None:
    from evosim.sweeps.execute import begin
    from evosim.sweeps.schema import written

    text = (
        'name = "s"\nexperiment = "micro"\nreplicates = 1\n[grid]\n"genome" = [{name = "planner"},'
        ' {name = "lazy"}]\n'
    )
    store = begin(written(text.encode(), tmp_path / "s.toml"), tmp_path / "s")
    assert (
        store.sources
        == store.made_by
        == sources_digest(Choice("micro", "planner"), Choice("micro", "lazy"))
        != sources_digest()
    )
    with (site / "coin_worlds" / "__init__.py").open("a") as file:
        file.write("# another\n")
    forget_sources()
    with pytest.raises(UserError, match="must have been begun by this code"):
        begin(written(text.encode(), tmp_path / "s.toml"), tmp_path / "s")


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
    drawn = figures.draw(run.recorded, ("svg",), names=list(run.figures()), failed=failures.append)
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
    assert draw_of_folder(run.folder, ["loci", "fitness"], ["svg"], "screen", tell=told.append)
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
            r"world 'tides' .* must load, but the folder .*/work/tides hides its module\. Work in"
            r" another folder"
        ),
    ):
        registry.world("tides")
    assert "tides" not in sys.modules


def test_without_it_the_name_is_unknown() -> None:
    with pytest.raises(UserError, match=r"world\.name must be one of .*, but is 'coin'"):
        resolve(tree())


@pytest.mark.parametrize(
    ("code", "point", "message"),
    [
        (
            "import nothing_of_that_name",
            "bad:ENTRY",
            (
                r"world 'coin' of package 'bad 0\.1' must load, but bad:ENTRY raises"
                r" ModuleNotFoundError: No module named 'nothing_of_that_name'\. Mend"
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
            r"world 'coin' of package 'bad 0\.1' must have a dataclass of parameters",
        ),
        (
            (
                "from dataclasses import dataclass\nfrom evosim.worlds import"
                " Entry\n@dataclass(frozen=True)\nclass P:\n    fair: float = 0.5\nENTRY = Entry(P,"
                " lambda p, m: 1 / 0, 'x')"
            ),
            "bad:ENTRY",
            (
                r"world 'coin' of package 'bad 0\.1' must build, but raises ZeroDivisionError: .*\."
                r" Mend that package"
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
        if "must build" not in message:
            assert registry.offered("world")["coin"].startswith("cannot be used: world 'coin'")
    finally:
        sys.modules.pop("bad", None)


def test_two_packages_may_not_offer_one_name(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path / "other",
        EXAMPLE,
        "other-worlds",
        "3",
        "[evosim.worlds]\ncoin = coin_worlds:COIN\n",
    )
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    importlib.invalidate_caches()
    with pytest.raises(
        UserError,
        match=(
            r"must be offered by one package, but 'coin' is by coin-worlds 1\.2 and"
            r" other-worlds 3\."
        ),
    ):
        resolve(tree())


def test_own_names_cannot_be_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        tmp_path / "thief", EXAMPLE, "thief", "1", "[evosim.worlds]\nmicro = coin_worlds:COIN\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "thief"))
    importlib.invalidate_caches()
    assert registry.world("micro").params.__module__ == "evosim.worlds.micro"
