"""Settings `key=value` that change single values of a written experiment."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w

from evosim.config.schema import Tree
from evosim.config.validation import MAX_DEPTH, shortened
from evosim.errors import UserError

SHOW = "'evosim show' prints all paths."


def apply_settings(tree: Tree, settings: list[str]) -> Tree:
    """A copy of a written tree with other values.

    Parameters
    ----------
    tree : dict
        A written experiment.
    settings : list of str
        Settings `key=value`. Keys are dotted paths. Values are TOML; a bare word is text.

    Raises
    ------
    UserError
        If a setting is malformed, or if its path does not exist.
    """
    changed = copy.deepcopy(tree)
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not key.strip():
            raise UserError(
                f"--set must be key=value, but is '{shortened(setting)}'. Write for example --set"
                " optimizer.population=100."
            )
        set_value(changed, key.strip(), _parsed(value.strip()), f"--set {shortened(setting)}")
    return changed


def set_value(tree: Tree, key: str, value: Any, context: str) -> None:
    """Set the value at a dotted path of a written tree, in place.

    Parameters
    ----------
    tree : dict
        A written experiment. Absent tables are added.
    key : str
        A dotted path. Numbers are positions in lists.
    value : Any
        The new value.
    context : str
        The beginning of error messages.

    Raises
    ------
    UserError
        If the path does not exist.
    """
    here: Any = tree
    *parents, last = key.split(".")
    if len(parents) >= MAX_DEPTH:
        raise UserError(
            f"{context}: the key must have at most {MAX_DEPTH} parts, but has {len(parents) + 1}."
            f" {SHOW}"
        )
    for i, step in enumerate(parents):
        here = _child(here, step, context)
        after = [*parents[i + 1 :], last]
        if here in ({}, []) and after[0].isdecimal():  # an absent list has no positions
            whole = inline({".".join(after[1:]): value} if after[1:] else value)
            path = ".".join(parents[: i + 1])
            raise UserError(
                f"{context}: '{after[0]}' must be a position in a list, but {path} holds none. "
                f"Give the whole list: {path}=[{whole}]."
            )
    if isinstance(here, list):
        here[_position(here, last, context)] = value
    elif isinstance(here, Mapping):
        here[last] = value  # type: ignore[index]
    else:
        raise UserError(f"{context}: '{last}' is not in a table, but in {here!r}. {SHOW}")


def inline(value: Any) -> str:
    """A value as TOML in one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + " }"
    return " ".join(tomli_w.dumps({"x": value}).partition(" = ")[2].split())


def _parsed(text: str) -> Any:
    """The value of a setting: TOML, a number without a leading digit, or text."""
    try:
        tree = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        tree = {}
    if tree.keys() == {"value"}:  # a line break in the text might begin another key
        return tree["value"]
    try:
        # TOML requires a digit before the point, but users write .3
        return float(text) if text.isascii() else text
    except ValueError:
        return text


def _child(parent: Any, step: str, context: str) -> Any:
    """The value below a table or a list. An absent table is added."""
    if isinstance(parent, list):
        return parent[_position(parent, step, context)]
    if isinstance(parent, dict):
        return parent.setdefault(step, {})
    raise UserError(f"{context}: '{step}' is below {parent!r}, which is not a table. {SHOW}")


def _position(values: list[Any], step: str, context: str) -> int:
    if step not in map(str, range(len(values))):
        raise UserError(
            f"{context}: '{step}' must be a position from 0 to {len(values) - 1}. {SHOW}"
        )
    return int(step)
