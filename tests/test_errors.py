"""Errors for users."""

from __future__ import annotations

import errno

import pytest

from evosim.errors import (
    LONGEST,
    UserError,
    closest,
    edit_distance,
    in_one_line,
    of_system,
    unknown,
)


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("savana", "savanna", 1), ("deaht", "death", 1), ("lava", "savana", 3), ("", "abc", 3)],
)
def test_edit_distance_counts_edits_and_swaps(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance


def test_the_closest_name_wins() -> None:
    assert closest("savana", ["lava", "savanna"]) == "savanna"
    assert closest("claim-06", ["claim-06-demons", "claim-07-mazes"]) == "claim-06-demons"
    assert closest("xyzzy", ["lava"]) is None
    assert closest("", []) is None


def test_an_unknown_name_gets_all_options() -> None:
    message = str(unknown("the fruit", "aple", ["pear", "apple"]))
    assert message == "the fruit must be one of apple, pear, but is 'aple'. Did you mean 'apple'?"


def test_messages_are_one_short_printable_line() -> None:
    assert in_one_line("a\nb\x1b") == "a\\nb\\x1b"
    assert len(in_one_line("ab " * LONGEST)) < LONGEST + 20
    assert "\n" not in str(UserError("a\nb"))


def test_errors_of_the_system_become_one_line() -> None:
    full = of_system(OSError(errno.ENOSPC, "No space left on device", "x.csv"))
    assert "no space left for x.csv" in str(full)
    missing = of_system(FileNotFoundError(errno.ENOENT, "No such file", "x"))
    assert "ls -ld x" in str(missing)
    assert of_system(ValueError("no")) is None
