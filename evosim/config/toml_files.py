"""Read experiment files (TOML), apply settings to them, and recognize other kinds of files."""

from __future__ import annotations

import copy
import json
import math
import re
import shlex
import stat
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic import TypeAdapter, ValidationError

from evosim.config.schema import MAX_SEED
from evosim.errors import UserError, unknown
from evosim.runtime.names import check_text

T = TypeVar("T")
EXPERIMENTS = Path(__file__).parents[1] / "experiments"
MAX_FILE = 64 * 2**20  # bytes
MAX_DEPTH = 50  # of tables and lists within each other
MOST_PARTS = 1000  # of a key, before it is read at all
_QUOTED = re.compile(rb"""(?:"[^"\n]*+"|'[^'\n]*+')""")
_PART = rb"(?:" + _QUOTED.pattern + rb"|[A-Za-z0-9_-]++)"
# A key of several parts; what is in quotes is one part
_DOTTED = re.compile(_PART + rb"(?:[ \t]*+\.[ \t]*+" + _PART + rb")*+")
# Of values that may be of several kinds, of which a message would name one alone
RULES = {"ratio": "be one number, or two: [eggs, sperm]"}
_adapter: Any = cache(TypeAdapter)  # making one takes longer than using it


def validated(kind: type[T] | Any, data: Any, where: str) -> T:
    """`data` as an instance of a pydantic or plain dataclass, checked strictly; one-line
    `UserError` otherwise.
    """
    check_plain(data, where)
    try:
        return _adapter(kind).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise UserError(_one_line(error, data, where)) from None


def check_plain(data: Any, where: str = "") -> None:
    """Raise `UserError` unless all is text, finite numbers, truth values, lists and tables, not too
    deep: what TOML and JSON both have.
    """
    left: list[tuple[str, Any, int]] = [(where, data, 0)]
    while left:
        path, value, depth = left.pop()
        if depth > MAX_DEPTH:
            raise UserError(
                f"{path} must lie at most {MAX_DEPTH} tables and lists deep, but lies deeper. Take"
                " it out of some."
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
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise UserError(f"{path} must be finite, but is {value}. Write a number.")
        elif isinstance(value, int):
            if not -MAX_SEED <= value <= MAX_SEED:
                raise UserError(
                    f"{path} must be a whole number within +-{MAX_SEED}, but has"
                    f" {len(f'{abs(value):x}')} hexadecimal digits. Change it."
                )
        elif isinstance(value, str):
            _check_text(value, path)
        elif value is not None:
            raise UserError(
                f"{path} must be text, a number, true, false, a list or a table, but is a"
                f" {type(value).__name__} ({value}). Change it."
            )


def _check_text(value: Any, what: str) -> None:
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise UserError(
                f"{what} must be Unicode text, but holds bytes that are none ({value[:100]!r})."
                " Write it in UTF-8."
            )
        check_text(value, what)


def _one_line(error: ValidationError, data: Any, where: str) -> str:
    first = error.errors()[0]
    path = _written_path(first["loc"], data, first["type"])
    name = ".".join([where, *path] if where else path) or "the experiment"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return (
            f"{name} must not be there: no such key. Remove it or mend its spelling; 'evosim show'"
            " lists all keys."
        )
    if first["type"] == "missing":
        return f"{name} must be given, but is missing. Add it."
    if first["type"] == "value_error":  # raised by a parameter class of ours, already in one line
        return str(first["msg"]).removeprefix("Value error, ")
    rule = RULES.get(
        path[-1] if path else "",
        str(first["msg"]).rpartition("should ")[2].replace("an object", "a table"),
    )
    given = first.get("input")
    return (
        f"{name} must {rule}, but is"
        f" {'a table' if isinstance(given, dict) else shortened(repr(given))}. Change it."
    )


def shortened(text: str, most: int = 200) -> str:
    """A text, or its beginning."""
    return text if len(text) <= most else f"{text[:most]}..."


def _written_path(steps: tuple[int | str, ...], data: Any, kind: str) -> list[str]:
    """Where in `data` an error lies: its steps without those of pydantic's own (branches of unions,
    names of classes).
    """
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


def read_toml(path: Path, what: str = "the experiment file") -> dict[str, Any]:
    """The tree in a TOML file; one-line errors for a missing, unreadable or malformed one."""
    return parsed(read_bytes(path, what), path, what)


def read_bytes(path: Path, what: str) -> bytes:
    """What a file holds; one-line errors for what is no file, or none that a person wrote.

    A pipe would be waited for, a device never ends.
    """
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise UserError(
                f"{what} must be readable text, but {path} is a folder. Give a file in it."
            )
        if not stat.S_ISREG(facts.st_mode):
            raise UserError(
                f"{what} must be a file, but {path} is a pipe or a device. Save what it gives as a"
                " file."
            )
        if facts.st_size > MAX_FILE:
            raise UserError(
                f"{what} must have at most {MAX_FILE:,} bytes, but {path} has {facts.st_size:,}."
                " Make it smaller."
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{what} must exist, but {path} does not. Check the path.") from None
    except OSError as error:
        raise UserError(
            f"{what} must be readable text, but {path} is not: {error.strerror}. Mend it."
        ) from None
    except ValueError:  # a zero character
        raise UserError(
            f"{what} must exist, but {path} cannot be the name of a file. Check the path."
        ) from None


def parsed(data: bytes, path: Path, what: str) -> dict[str, Any]:
    """The tree that a TOML file's bytes say."""
    try:
        _check_dotted(data)
        # Some editors begin a file with a mark of its encoding
        tree = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{what} must be readable text, but {path} is not: {error}. Save it in UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(
            f"{path} must be valid TOML, but: {str(error).rstrip('.')}. Mend that line."
        ) from None
    except RecursionError:  # or one key that would say as much
        raise UserError(
            f"{path} must hold at most {MAX_DEPTH} tables and lists within each other, but holds"
            " more. Take some out."
        ) from None
    except ValueError as error:  # numbers and dates that cannot be
        raise UserError(
            f"{path} must be valid TOML, but: {str(error).partition(';')[0].rstrip('.')}. Mend that"
            " value."
        ) from None
    check_plain(tree)
    return tree


def _check_dotted(data: bytes) -> None:
    """Raise `RecursionError` for a key of very many parts: the parser takes the square of their
    number in time.
    """
    for line in data.splitlines():
        if line.count(b".") > MOST_PARTS and any(
            _QUOTED.sub(b"", found[0]).count(b".") > MOST_PARTS for found in _DOTTED.finditer(line)
        ):
            raise RecursionError


def named_experiments() -> dict[str, Path]:
    """The experiments that come with the package, by name."""
    return {path.stem: path for path in sorted(EXPERIMENTS.glob("*.toml"))}


def read_experiment(which: str) -> dict[str, Any]:
    """The tree of an experiment given by name or by the path of a TOML file."""
    known = named_experiments()
    if which in known:
        return read_toml(known[which])
    refuse_other_kind(Path(which), EXPERIMENT_FILE)
    if which.endswith(".toml") or "/" in which or "\\" in which:
        return read_toml(Path(which))
    raise unknown("the experiment", which, known)


RUN_FOLDER, SEARCH_FOLDER, SWEEP_FOLDER = (
    "the folder of a run",
    "the folder of a landscape's search",
    "the folder of a sweep",
)
PARTIAL_FOLDER, EXPERIMENT_FILE, SWEEP_FILE, PACKAGED = (
    "the folder of an interrupted run",
    "an experiment file",
    "a sweep file",
    "a packaged experiment",
)


def kind_at(path: Path) -> str:
    """What lies at a path, by the files in a folder or the keys in a file.

    Parameters
    ----------
    path : Path
        A file, a folder, or the name of a packaged experiment.

    Returns
    -------
    str
        One of the kinds above; empty if it is none of them.
    """
    try:
        if path.is_dir():
            if (path / "sweep.json").is_file():
                return SWEEP_FOLDER
            if not (path / "experiment.toml").is_file():
                return ""
            if (path / "tables" / "paths.parquet").is_file():
                return SEARCH_FOLDER
            return RUN_FOLDER if (path / "provenance.json").is_file() else PARTIAL_FOLDER
        if not path.is_file():
            return PACKAGED if str(path) in named_experiments() else ""
        tree = read_toml(path)
    except (UserError, OSError, ValueError):
        return ""
    if isinstance(tree.get("experiment"), str):
        return SWEEP_FILE
    return EXPERIMENT_FILE if {"world", "genome", "optimizer"} & tree.keys() else ""


def refuse_other_kind(path: Path, *wanted: str) -> None:
    """Refuse what is of a known kind, but of another than a command needs, with the command that
    takes it.

    Parameters
    ----------
    path : Path
        What the user gave.
    *wanted : str
        Kinds that the command takes.

    Raises
    ------
    UserError
        If another kind lies there. What is no known kind is left to the reader of the wanted one.
    """
    found = kind_at(path)
    if not found or found in wanted:
        return
    quoted = {name: shlex.quote(str(path / name)) for name in ("", "experiment.toml", "sweep.toml")}
    here = quoted[""]
    inside = (
        path.parent if kind_at(path.parent) in (RUN_FOLDER, SEARCH_FOLDER, SWEEP_FOLDER) else None
    )
    if found == RUN_FOLDER and wanted == (EXPERIMENT_FILE,):
        remedy = (
            f"'evosim run {quoted['experiment.toml']}' repeats it, 'evosim analyze {here}' shows it"
        )
    elif found == SWEEP_FOLDER and wanted == (SWEEP_FILE,):
        remedy = f"'evosim sweep run {quoted['sweep.toml']} --out {here}' goes on with it"
    elif inside and kind_at(inside) in wanted:
        remedy = f"give its folder, {inside}"
    else:
        command = {
            RUN_FOLDER: f"analyze {here}",
            SEARCH_FOLDER: f"figures {here}",
            SWEEP_FOLDER: f"sweep analyze {here}",
            PARTIAL_FOLDER: f"run {here} --resume",
            EXPERIMENT_FILE: f"run {here}",
            SWEEP_FILE: f"sweep run {here}",
            PACKAGED: f"run {here}",
        }[found]
        remedy = f"use 'evosim {command}'"
    raise UserError(
        f"{path} must be {' or '.join(kind for kind in wanted if kind != PARTIAL_FOLDER)}, but is"
        f" {found}: {remedy}."
    )


def apply_settings(tree: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """The tree with `key=value` settings put in; keys are dotted paths, values TOML (bare words are
    text).
    """
    out = copy.deepcopy(tree)
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not key.strip():
            raise UserError(
                f"--set must be key=value, but is '{shortened(setting)}'. Write for example --set"
                " optimizer.population=100."
            )
        set_value(out, key.strip(), _value(value.strip()), f"--set {shortened(setting)}")
    return out


def set_value(tree: dict[str, Any], key: str, value: Any, told: str) -> None:
    """Put a value at a dotted path of a written tree, in place.

    `told` is how complaints begin. Raises `UserError`.
    """
    where: Any = tree
    *parents, last = key.split(".")
    if len(parents) >= MAX_DEPTH:
        raise UserError(
            f"{told}: the key must have at most {MAX_DEPTH} parts, but has {len(parents) + 1}."
            " Check the path with 'evosim show'."
        )
    for i, step in enumerate(parents):
        where = _step(where, step, told)
        after = [*parents[i + 1 :], last]
        if where in ({}, []) and after[0].isdecimal():  # a list that is not there has no positions
            whole = inline({".".join(after[1:]): value} if after[1:] else value)
            path = ".".join(parents[: i + 1])
            raise UserError(
                f"{told}: '{after[0]}' must be a position in a list, but {path} holds none. "
                f"Give the whole list: {path}=[{whole}]."
            )
    if isinstance(where, list):
        where[_index(where, last, told)] = value
    elif isinstance(where, Mapping):
        where[last] = value  # type: ignore[index]
    else:
        raise UserError(
            f"{told}: '{last}' must lie in a table, but does not. Check the path with 'evosim"
            " show'."
        )


def inline(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + " }"
    return " ".join(tomli_w.dumps({"x": value}).partition(" = ")[2].split())


def _value(text: str) -> Any:
    try:
        tree = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        tree = {}
    if tree.keys() == {"value"}:  # a line break in the text might begin another key
        return tree["value"]
    try:
        # TOML wants a digit before the point; people write .3
        return float(text) if text.isascii() else text
    except ValueError:
        return text


def _step(tree: Any, step: str, told: str) -> Any:
    if isinstance(tree, list):
        return tree[_index(tree, step, told)]
    if isinstance(tree, dict):
        return tree.setdefault(step, {})
    raise UserError(
        f"{told}: '{step}' must be a table, but is not. Check the path with 'evosim show'."
    )


def _index(tree: list[Any], step: str, told: str) -> int:
    if step not in map(str, range(len(tree))):
        raise UserError(
            f"{told}: '{step}' must be a position from 0 to {len(tree) - 1}. Check with 'evosim"
            " show'."
        )
    return int(step)
