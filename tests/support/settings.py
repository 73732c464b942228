"""Small resolved experiments for tests."""

from __future__ import annotations

from typing import Any

from evosim.config.experiments import read_experiment
from evosim.config.resolve import Problem, build, resolve
from evosim.config.settings import apply_settings


def setting(name: str, *settings: str) -> Problem:
    """The setting of a packaged experiment with `key=value` changes."""
    return build(resolve(apply_settings(read_experiment(name), list(settings))))


QUICK: dict[str, tuple[str, ...]] = {
    "coarse-savanna": (
        "optimizer.population=40",
        "phases.0.generations=12",
        "phases.1.generations=6",
    ),
    "reflexes": (
        "optimizer.population=40",
        "phases.0.generations=8",
        "phases.1.generations=4",
        "analysis.restarts=3",
    ),
    "coarse-drive": (
        "optimizer.population=60",
        "phases.0.generations=16",
        "phases.1.generations=3",
        "replicates=2",
        "optimizer.introductions.0.generation=2",
    ),
    "deception": ("optimizer.population=40", "phases.0.generations=8", "phases.1.generations=4"),
    "villages": ("optimizer.population=40", "phases.0.generations=8", "phases.1.generations=4"),
    "micro": ("phases.0.generations=6", "phases.1.generations=4"),
}


def quick(name: str, *settings: str) -> list[str]:
    """Settings that make a packaged experiment small."""
    return [*QUICK[name], *settings]


def command(name: str, *settings: str) -> list[str]:
    """Arguments of `evosim run` for a small experiment."""
    out: list[Any] = ["run", name]
    for item in quick(name, *settings):
        out += ["--set", item]
    return out
