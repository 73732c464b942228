"""Source files behind the modules that an experiment uses."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from evosim.config import package_sources
from evosim.config.external_code import Choice
from evosim.errors import UserError
from evosim.runs.source_hash import forget_sources, sources_digest
from tests.support.example_package import install


def other_digests(*used: Choice) -> list[str]:
    """Digests of some choices, computed without a cache."""
    forget_sources()
    importlib.invalidate_caches()
    return [sources_digest(one) for one in used]


@pytest.mark.slow
def test_sources_are_those_that_an_experiment_uses(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package counts only for the experiments that use it, with its data and its imports of its
    own distribution.
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

    (site / "coin_tables.py").write_text(
        "ODDS = 0.5\n"
    )  # a module of the same folder that it imports
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
    assert [name for name, _ in package_sources.sources(["labs.coins.more"])] == [
        "labs.cards.py",
        "labs.coins/__init__.py",
        "labs.coins/more.py",
    ]


def test_namespaces_within_namespaces_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labs_of_many" / "north").mkdir(parents=True)
    (tmp_path / "labs_of_many" / "north" / "cards.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    forget_sources()
    found = [name for name, _ in package_sources.sources(["labs_of_many.north.cards.deck"])]
    assert found == ["labs_of_many.north.cards.py"]


def test_the_algorithm_of_an_experiment_counts_with_its_imports(
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
    with pytest.raises(UserError, match=r"other code began .*; this code has sources"):
        begin(written(text.encode(), tmp_path / "s.toml"), tmp_path / "s")
