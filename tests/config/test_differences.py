"""Differences between experiments."""

from __future__ import annotations

import pytest

from evosim.config.differences import (
    MISSING,
    changes_from_packaged,
    differences,
    flat,
    note_on_expected,
    with_own_words,
)
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


@pytest.mark.parametrize("name", ["micro", "three-losses"])
def test_a_changed_experiment_has_a_note_instead_of_its_text(name: str) -> None:
    tree = read_experiment(name)
    same = with_own_words(resolve(apply_settings(tree, ["seed=5", "replicates=3"])))
    assert same.expected == tree["expected"]
    assert note_on_expected(same) == ""
    changed = with_own_words(resolve(apply_settings(tree, ["optimizer.population=77"])))
    assert changed.expected == ""
    assert f"the text of '{name}' is left out" in note_on_expected(changed)
    own = changed.model_copy(update={"expected": "Nothing."})
    assert note_on_expected(own) == ""
