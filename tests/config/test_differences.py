"""Differences between experiments."""

from __future__ import annotations

from evosim.config.differences import MISSING, changes_from_packaged, differences, flat
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings


def test_leaves_have_dotted_paths() -> None:
    tree = {"a": {"b": 1}, "c": [{"d": 2}], "e": [1, 2]}
    assert flat(tree) == {"a.b": 1, "c.0.d": 2, "e": [1, 2]}


def test_texts_and_seeds_are_no_differences() -> None:
    tree = read_experiment("micro")
    one = resolve(tree)
    other = resolve(apply_settings(tree, ["seed=5", "title=other", "optimizer.population=7"]))
    assert list(differences([one, other])) == ["optimizer.population"]


def test_changes_are_relative_to_the_packaged_experiment() -> None:
    tree = read_experiment("micro")
    changed = apply_settings(tree, ["world.modern.breed_danger=0.4"])
    assert changes_from_packaged(resolve(changed)) == ["world.modern.breed_danger=0.4"]
    assert changes_from_packaged(resolve(tree)) == []
    assert changes_from_packaged(resolve(changed | {"name": "own"})) == []


def test_an_absent_value_is_missing() -> None:
    tree = read_experiment("micro")
    family = 'analysis.family=[{name="x", set={breed_danger=0.3}}]'
    values = differences([resolve(tree), resolve(apply_settings(tree, [family]))])
    assert values["analysis.family.0.name"] == [MISSING, "x"]
