"""Checks of the arguments of the Python API. A wrong argument is one line, not a traceback."""

from __future__ import annotations

import functools
import os
import reprlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from evosim.errors import UserError, unknown

P = ParamSpec("P")
R = TypeVar("R")


def removed_argument(name: str, hint: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Refuse an argument that a function had in an earlier version, in one line.

    Parameters
    ----------
    name : str
        The argument.
    hint : str
        The replacement, as one sentence.

    Returns
    -------
    Callable
        A decorator.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            if name in kwargs:
                raise UserError(
                    f"evosim.{function.__name__} has no argument {name} any more. Leave it out."
                    f" {hint}"
                )
            return function(*args, **kwargs)

        return checked

    return decorate


def a_path(value: Any, what: str, example: str) -> Path:
    """Read an argument that must be a path.

    Parameters
    ----------
    value : object
        The argument.
    what : str
        Name of the argument in messages.
    example : str
        A value that works.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    UserError
        If it is neither text nor a path.
    """
    if not isinstance(value, str | os.PathLike) or (
        isinstance(value, os.PathLike) and not isinstance(os.fspath(value), str)
    ):
        raise UserError(
            f"{what} must be a path, but is {describe(value)}. Give text or a pathlib.Path, for"
            f" example {example}."
        )
    path = Path(value)
    if "\0" in str(path):
        raise UserError(
            f"{what} must be a path, but has the sign U+0000 in it ({describe(str(path))}). Give"
            f" for example {example}."
        )
    return path


def maybe_path(value: Any, what: str, example: str) -> Path | None:
    """Read an argument that may be a path; None and empty text stand for none.

    Parameters and errors are those of `a_path`.
    """
    return (
        None
        if value is None or (isinstance(value, str) and not value)
        else a_path(value, what, example)
    )


def one_of(name: Any, kind: str, known: Iterable[str]) -> str:
    """Read an argument that must be one of some names.

    Parameters
    ----------
    name : object
        The argument.
    kind : str
        Name of the argument in messages, as `a table`.
    known : iterable of str
        The names.

    Returns
    -------
    str
        The name.

    Raises
    ------
    UserError
        If it is not among them.
    """
    options = list(known)
    if not isinstance(name, str):
        raise UserError(
            f"{kind} must be text, but is {describe(name)}. "
            + (f"Use one of {', '.join(sorted(options))}." if options else "There is none here.")
        )
    if name not in options:
        raise unknown(kind, name, options)
    return name


def texts(values: Any, what: str, example: str, *, some: bool = False) -> list[str]:
    """Read an argument that must be a list of texts; one text is a list of one.

    Parameters
    ----------
    values : object
        The argument.
    what : str
        Name of the argument in messages.
    example : str
        A value that works.
    some : bool
        Whether there must be one at least.

    Returns
    -------
    list of str
        The texts.

    Raises
    ------
    UserError
        If it is something else.
    """
    if isinstance(values, str):
        return [values]
    if isinstance(values, bytes) or not isinstance(values, Iterable):
        raise UserError(
            f"{what} must be a list of texts, but is {describe(values)}. Give for example"
            f" {example}."
        )
    out = list(values)
    for value in out:
        if not isinstance(value, str):
            raise UserError(
                f"{what} must be a list of texts, but has {describe(value)} in it. Give for example"
                f" {example}."
            )
    if some and not out:
        raise UserError(f"{what} must have a text in it, but is empty. Give for example {example}.")
    return out


def whole(value: Any, what: str, example: int) -> int | None:
    """Read an argument that may be a whole number; None stands for none.

    Parameters
    ----------
    value : object
        The argument.
    what : str
        Name of the argument in messages.
    example : int
        A value that works.

    Returns
    -------
    int or None
        The number.

    Raises
    ------
    UserError
        If it is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(
            f"{what} must be a whole number, but is {describe(value)}. Give for example {example}."
        )
    return value


def flag(value: Any, what: str) -> bool:
    """Read an argument that must be True or False: a text such as "no" would count as yes.

    Parameters
    ----------
    value : object
        The argument.
    what : str
        Name of the argument in messages.

    Returns
    -------
    bool
        The same.

    Raises
    ------
    UserError
        If it is something else.
    """
    if not isinstance(value, bool):
        raise UserError(
            f"{what} must be True or False, but is {describe(value)}. Give for example {what}=True."
        )
    return value


def describe(value: Any) -> str:
    """Say what a value is, in a few words."""
    return f"{reprlib.repr(value)} (a {type(value).__name__})" if value is not None else "None"
