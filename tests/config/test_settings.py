"""Settings that change single values."""

from __future__ import annotations

import pytest

from evosim.config.settings import apply_settings, inline, set_value
from evosim.errors import UserError


def test_values_are_toml_and_bare_words_are_text() -> None:
    settings = ["a.b=3", "c=word", "d=.5", "e=[1, 2]"]
    assert apply_settings({}, settings) == {"a": {"b": 3}, "c": "word", "d": 0.5, "e": [1, 2]}


def test_the_given_tree_is_not_changed() -> None:
    tree = {"a": [{"b": 1}]}
    assert apply_settings(tree, ["a.0.b=2"]) == {"a": [{"b": 2}]}
    assert tree == {"a": [{"b": 1}]}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("a.7.b", "'7' must be a position from 0 to 0"),
        ("c.d", "'d' is not in a table"),
        (".".join("x" * 60), "must have at most 50 parts"),
    ],
)
def test_paths_that_do_not_exist_are_refused(key: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        set_value({"a": [{"b": 1}], "c": 3}, key, 1, "--set")


def test_a_value_is_one_line_of_toml() -> None:
    assert inline({"a": [1, {"b": "x"}]}) == '{ a = [ 1, { b = "x" }, ] }'
