"""Runs of small experiments, and what two runs have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from evosim.config.differences import with_own_words
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.schema import Experiment
from evosim.config.settings import apply_settings
from evosim.errors import Stop
from tests.support.settings import quick


def once(number: int) -> Callable[[], bool]:
    """A watch that asks a run to stop at its n-th question."""
    asked = iter(range(number + 1))
    return lambda: next(asked, None) == number


def stops_once(number: int) -> Callable[[], Stop | None]:
    asked = once(number)
    return lambda: Stop("SIGTERM", 143) if asked() else None


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run but those that know of times and places."""
    every = {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
    return {
        name: data
        for name, data in every.items()
        if name not in ("provenance.json", "summary.json", "sums.sha256")
    }


def experiment(name: str, *settings: str) -> Experiment:
    return with_own_words(resolve(apply_settings(read_experiment(name), quick(name, *settings))))


def equal(a: dict[str, pl.DataFrame], b: dict[str, pl.DataFrame]) -> bool:
    return set(a) == set(b) and all(a[name].equals(b[name]) for name in a)
