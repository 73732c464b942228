"""Signals and processes.

Tests may run where signals are ignored: by nohup, or in the background of a script.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil


@contextmanager
def heard() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP do in this block what they do in a terminal.

    Processes started in it inherit that.
    """
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ignored(*numbers: int) -> Iterator[None]:
    """Some signals are ignored in this block.

    nohup does so with SIGHUP, a script's shell with SIGINT of its background jobs.
    """
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def children(word: str, parent: int | None = None) -> list[int]:
    """The processes that a process started (this one if none is given) and that have a word in
    their command.
    """
    with suppress(psutil.Error):
        return [
            child.pid
            for child in psutil.Process(parent).children()
            if word in command_of(child.pid)
        ]
    return []


def command_of(pid: int) -> str:
    """The command of a process; nothing if it has ended."""
    with suppress(psutil.Error):
        return " ".join(psutil.Process(pid).cmdline())
    return ""


def until(happened: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
