"""Load an algorithm of DEAP or of the user, and choose the arguments that it wants."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from evosim.optimizers.global_rng import seeded
from evosim.optimizers.params import DEAP_ALGORITHMS, InvalidOptimizer

Algorithm = Callable[..., Any]


def load_algorithm(algorithm: str, stream: int) -> Algorithm:
    """Return the function of a name.

    Parameters
    ----------
    algorithm : str
        One of `DEAP_ALGORITHMS`, or `package.module:function`.
    stream : int
        Seeds the global generators during the import, so that a module draws the same numbers in
        every run.

    Raises
    ------
    InvalidOptimizer
        If there is no such function.
    """
    module, _, name = algorithm.rpartition(":")
    if algorithm in DEAP_ALGORITHMS:
        module, name = "deap.algorithms", algorithm
    try:
        with seeded(stream):
            function = getattr(importlib.import_module(module), name)
        if not callable(function):
            raise TypeError(f"a {type(function).__name__} cannot be called")
    except (Exception, SystemExit) as error:
        raise InvalidOptimizer(
            "optimizer.algorithm must be a function that can be imported, "
            f"but '{algorithm}' is not ({in_one_line(error)}). "
            "Correct it, or put its folder on PYTHONPATH."
        ) from None
    return function


def arguments_of(
    function: Algorithm, algorithm: str, offered: Mapping[str, object]
) -> dict[str, object]:
    """Return the arguments that a function takes, of those that are offered.

    Parameters
    ----------
    function : Callable
        The algorithm.
    algorithm : str
        Its name, for messages.
    offered : Mapping
        Arguments by name.

    Raises
    ------
    InvalidOptimizer
        If the function needs other arguments, or if its signature cannot be read.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError) as error:
        raise InvalidOptimizer(
            "optimizer.algorithm must be a function with a readable signature, "
            f"but '{algorithm}' is not ({in_one_line(error)}). Wrap it in a function."
        ) from None
    for name, parameter in parameters.items():
        is_needed = parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        )
        if parameter.kind is parameter.POSITIONAL_ONLY or (is_needed and name not in offered):
            raise InvalidOptimizer(
                f"optimizer.algorithm must take {', '.join(offered)} by name and need nothing else,"
                f" but '{algorithm}' wants '{name}'. Give it a default."
            )
    return {name: value for name, value in offered.items() if name in parameters}


def in_one_line(error: BaseException) -> str:
    """Return the type and message of an error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
