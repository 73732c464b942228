"""Small resolved experiments for tests."""

from __future__ import annotations

from typing import Any

from evosim.config.resolve import Setting, build, resolve
from evosim.config.toml_files import apply_settings, read_experiment


def setting(name: str, *settings: str) -> Setting:
    """The setting of a packaged experiment with `key=value` changes."""
    return build(resolve(apply_settings(read_experiment(name), list(settings))))


QUICK: dict[str, tuple[str, ...]] = {
    "birth-control": (
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
    "greedy-genes": (
        "optimizer.population=60",
        "phases.0.generations=16",
        "phases.1.generations=3",
        "replicates=2",
        "optimizer.introductions.0.generation=2",
    ),
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


MODERN: dict[str, dict[str, Any]] = {
    "host": {"recognition": 0.4, "clearance": 0.6, "contact": 0.15, "death": 0.03},
    "lava": {"first": "test 1", "second": "test 2"},
    "episodes": {"deployed_payoff": 1.0},
    "maze": {"not_red": 0.5, "red_thing": 0.5},
    "micro": {"safe_breeding": True, "breed_danger": 0.3, "display_payoff": 0.3},
    "savanna": {
        "contraception": True,
        "forage_success": 0.75,
        "death": 0.01,
        "solo_intensity": 0.5,
    },
    "villages": {"aurora": 0, "aurora_founds": 0.0, "brotherhood": 2, "brotherhood_founds": 0.1},
}
