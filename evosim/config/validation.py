"""Validate values from files: exact types, and one-line errors with a value that works."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from evosim.config.schema import MAX_SEED, Tree
from evosim.errors import UserError, closest
from evosim.runtime.names import check_text

T = TypeVar("T")
MAX_DEPTH = 50  # of tables and lists within each other
MAX_SHOWN = 200  # characters of a value in a message
# Rules for keys whose value may have several types. The message of pydantic names only one type.
RULES = {"ratio": "be one number, or two: [eggs, sperm]"}
EXAMPLES = {  # by the type of pydantic's error
    "bool_type": "Write true or false.",
    "int_type": "Write for example 1.",
    "int_from_float": "Write for example 1.",
    "float_type": "Write for example 0.5.",
    "string_type": "Write text in quotes, for example 'x'.",
    "string_pattern_mismatch": "Write for example 'my-experiment'.",
    "tuple_type": "Write a list, for example [0.5].",
    "dict_type": "Write a table, for example { name = 'x' }.",
    "model_type": "Write a table, for example { name = 'x' }.",
    "dataclass_type": "Write a table, for example { alleles = [0.0, 1.0] }.",
    "too_short": "Add an item.",
    "too_long": "Remove items.",
    "string_too_long": "Write a shorter text.",
}
SHOW = "'evosim show' prints an experiment with all keys."
_adapter: Any = cache(TypeAdapter)  # building an adapter takes longer than using it


def validated(kind: type[T] | Any, data: Any, where: str) -> T:
    """Convert plain data to a pydantic model or a dataclass, without conversions of types.

    Parameters
    ----------
    kind : type
        The class.
    data : Any
        Values as TOML has them.
    where : str
        The path of the data in the experiment, for messages. Empty: the whole experiment.

    Returns
    -------
    object
        The instance of `kind`.

    Raises
    ------
    UserError
        For the first value that does not fit.
    """
    check_plain(data, where)
    try:
        return _adapter(kind).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise UserError(_message(error, kind, data, where)) from None


def check_plain(data: Any, where: str = "") -> None:
    """Raise `UserError` unless all values exist in TOML and in JSON.

    These are text, finite numbers, true, false, lists and tables. The number of tables and lists
    within each other is limited.

    Parameters
    ----------
    data : Any
        The values.
    where : str
        The path of the data in the experiment, for messages.
    """
    left: list[tuple[str, Any, int]] = [(where, data, 0)]
    while left:
        path, value, depth = left.pop()
        if depth > MAX_DEPTH:
            raise UserError(
                f"{path} is deeper than {MAX_DEPTH} tables and lists within each other. Use fewer"
                " levels."
            )
        if isinstance(value, Mapping):
            for key in value:
                _check_text(key, f"a key of {path or 'the file'}")
            left += [
                (f"{path}.{key}" if path else str(key) or '""', value[key], depth + 1)
                for key in reversed(value)
            ]
        elif isinstance(value, list | tuple):
            left += [(f"{path}.{i}", value[i], depth + 1) for i in reversed(range(len(value)))]
        else:
            _check_scalar(value, path)


def _check_scalar(value: Any, path: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UserError(f"{path} must be finite, but is {value}. Write a number.")
    elif isinstance(value, int):
        if not -MAX_SEED <= value <= MAX_SEED:
            raise UserError(
                f"{path} must be a whole number within +-{MAX_SEED}, but has"
                f" {len(f'{abs(value):x}')} hexadecimal digits. Write for example {MAX_SEED}."
            )
    elif isinstance(value, str):
        _check_text(value, path)
    elif value is not None:
        raise UserError(
            f"{path} must be text, a number, true, false, a list or a table, but is a"
            f" {type(value).__name__} ({value}). Write it as text: '{value}'."
        )


def _check_text(value: Any, what: str) -> None:
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise UserError(
                f"{what} must be Unicode text, but holds other bytes ({value[:100]!r})."
                " Write it in UTF-8."
            )
        check_text(value, what)


def shortened(text: str, most: int = MAX_SHOWN) -> str:
    """A text, or its first `most` characters."""
    return text if len(text) <= most else f"{text[:most]}..."


def _message(error: ValidationError, kind: Any, data: Any, where: str) -> str:
    """The first error of pydantic in one line."""
    first: Any = error.errors()[0]
    path = _path_in(first["loc"], data, first["type"])
    name = ".".join([where, *path] if where else path) or "the experiment"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return _unknown_key(name, path, kind, data, where)
    if first["type"] == "missing":
        return f"the key {name} is missing. Add it. {SHOW}"
    if first["type"] == "value_error":  # a message of our own classes
        return str(first["msg"]).removeprefix("Value error, ")
    rule = str(first["msg"]).rpartition("should ")[2]
    rule = rule.replace("an object", "a table").replace("array", "list")
    rule = RULES.get(path[-1] if path else "", rule)
    given = first.get("input")
    value = "a table" if isinstance(given, dict) else shortened(repr(given))
    return f"{name} must {rule}, but is {value}. {_example(first)}"


def _example(error: Any) -> str:
    """A value that works, for an error of pydantic."""
    context, kind = error.get("ctx", {}), error["type"]
    if kind == "literal_error":
        options = re.findall(r"'[^']*'|[\d.]+", context["expected"])  # text in quotes, numbers
        return f"Write for example {closest(repr(error.get('input')), options) or options[0]}."
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"Write for example {context.get('ge', context.get('le'))}."
    if kind == "greater_than":
        bound = context["gt"]
        return f"Write for example {bound + (1 if isinstance(bound, int) else 0.5)}."
    if kind == "less_than":
        bound = context["lt"]
        return f"Write for example {bound - (1 if isinstance(bound, int) else 0.5)}."
    return EXAMPLES.get(kind, SHOW)


def _unknown_key(name: str, path: list[str], kind: Any, data: Any, where: str) -> str:
    """The message about a key that does not exist, with the key that was probably meant."""
    siblings = _keys_at(kind, path[:-1])
    near = closest(path[-1], siblings)
    if near is not None:
        meant = ".".join([where, *path[:-1], near] if where else [*path[:-1], near])
        return f"unknown key '{name}'. Did you mean '{meant}'? {SHOW}"
    places = [f"{table}.{path[-1]}" for table in data if _has_key(data[table], path[-1])]
    if places:
        return f"unknown key '{name}'. Did you mean '{places[0]}'? {SHOW}"
    return f"unknown key '{name}'. Remove it. {SHOW}"


def _has_key(table: Any, key: str) -> bool:
    return isinstance(table, Mapping) and key in table


def _keys_at(kind: Any, path: list[str]) -> list[str]:
    """Names of the fields of the class at a path inside a model or a dataclass."""
    inside_container = False
    for step in path:
        if inside_container:
            inside_container = False
            continue
        kind, inside_container = _class_in(_annotations(kind).get(step))
    return list(_annotations(kind))


def _annotations(kind: Any) -> dict[str, Any]:
    """Annotations of the fields of a model or a dataclass; empty for other types."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return get_type_hints(kind, include_extras=True)
    return {}


def _class_in(annotation: Any) -> tuple[Any, bool]:
    """The model or dataclass in an annotation, and whether it is inside a list or a table."""
    if _annotations(annotation):
        return annotation, False
    origin = get_origin(annotation)
    container = origin not in (None, Annotated, Union, UnionType)
    for argument in get_args(annotation):
        inner_class, inside = _class_in(argument)
        if inner_class is not None:
            return inner_class, inside or container
    return None, False


def _path_in(steps: tuple[int | str, ...], data: Any, kind: str) -> list[str]:
    """The path of an error in `data`, without steps that pydantic adds (unions, class names)."""
    path, here = [], data
    for i, step in enumerate(steps):
        inside = (isinstance(here, Mapping) and step in here) or (
            isinstance(here, list | tuple) and isinstance(step, int) and step < len(here)
        )
        if inside:
            here = here[step]
        if inside or (kind == "missing" and i == len(steps) - 1):
            path.append(str(step) or '""')
    return path


def check_keys(params_class: type[Any], given: Tree, where: str) -> None:
    """Raise `UserError` for a key that a parameter class does not have.

    Parameters
    ----------
    params_class : type
        A dataclass of parameters.
    given : dict
        The written parameters.
    where : str
        The path of the parameters in the experiment.
    """
    known = [item.name for item in dataclasses.fields(params_class)]
    for key in given:
        if key not in known:
            near = closest(key, known)
            meant = f"Did you mean '{where}.{near}'? " if near else ""
            raise UserError(
                f"unknown key '{where}.{key}'. {meant}Known keys: {', '.join(sorted(known))}."
            )
