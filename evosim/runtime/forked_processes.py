"""Forked processes, of a user's program and of evosim.

A process that was forked from one with worker threads raises an error. Otherwise it would wait for
threads that it does not have.

A fork copies the memory of a process, but only one thread. Three libraries expect their threads to
exist. These are Polars (its pool, and the threads that read files), Numba, and the drawing engine
(V8). GNU OpenMP, which Numba uses, ends a forked process. `multiprocessing` forks on Linux unless
it is asked to spawn, and so do `ProcessPoolExecutor` and `os.fork`. A fork made before any of them
has started its threads is harmless.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from evosim.errors import UserError, of_system

# Threads by their names: Polars' pool (polars-0, ...) and its readers, and the drawing engine.
# Polars starts a thread `polars-ooc-...` when it is imported, which does no harm.
HARMFUL = re.compile(r"polars-\d|async-executor|tokio|V8 ")
TASKS = Path("/proc/self/task")

P = ParamSpec("P")
R = TypeVar("R")

_started = _forked = False


def threads_started() -> bool:
    """Whether this process has threads that a forked process would wait for.

    Where that cannot be seen, whether it may have.
    """
    layer: Any = sys.modules.get("numba.np.ufunc.parallel")
    if getattr(layer, "_is_initialized", False) and layer.threading_layer() == "omp":
        return True
    try:
        names = [path.read_text() for path in TASKS.glob("*/comm")]
    except OSError:  # a thread that ended meanwhile
        names = []
    return (
        any(map(HARMFUL.match, names))
        if names
        else "polars" in sys.modules and "evosim.runs.folder" in sys.modules
    )


def check() -> None:
    """Refuse to work in a process that was forked from one with threads.

    Raises
    ------
    UserError
        Names a call to write instead.
    """
    if _forked:
        raise UserError(
            "evosim must run in a process with threads of its own. This one was forked from a"
            " process whose threads it lacks. Spawn processes instead:"
            " multiprocessing.get_context('spawn').Pool(),"
            " ProcessPoolExecutor(mp_context=get_context('spawn'))."
        )


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function: call `check` first, and report errors of the system in one line."""

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        check()
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            if (system_error := of_system(error)) is None:
                raise
            raise system_error from error

    return checked


class Guarded:
    """Base class: in a forked process, each use of a method or property calls `check` first."""

    def __getattribute__(self, name: str) -> Any:
        if _forked and not name.startswith("__") and hasattr(type(self), name):
            check()
        return object.__getattribute__(self, name)


def environment() -> dict[str, str]:
    """Environment variables for a helper process, so that it finds the same modules.

    Its search path is this process's own, in the same order. Evosim's folder must not come first.
    In a clone, a folder of a user's package there would hide the package itself.
    """
    # '' is the current folder
    paths = [os.path.abspath(path) for path in sys.path if os.pathsep not in path]
    return dict(os.environ) | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _note_threads() -> None:
    global _started
    _started = threads_started()


def _mark() -> None:
    global _forked
    _forked |= _started


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_note_threads, after_in_child=_mark)
