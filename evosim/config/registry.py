"""Worlds and genomes by name: those of evosim, of Gymnasium and of other installed packages.

The names of evosim cannot be taken by another package.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import partial
from importlib import metadata
from typing import Any

from evosim import genomes, worlds
from evosim.config.allowed_imports import check_import
from evosim.config.entry_points import owner, package_of, points_by_name
from evosim.config.plugins import load_entry
from evosim.errors import UserError, unknown
from evosim.worlds import toy_text

BUILT_IN: dict[str, Mapping[str, Any]] = {"world": worlds.WORLDS, "genome": genomes.GENOMES}
TOY_TEXT = (
    "any environment of Gymnasium with a table of transitions, as FrozenLake-v1 (extra 'gymnasium')"
)


def world(name: str) -> worlds.Entry:
    """The world of this name. Raises `UserError`."""
    if name.startswith(toy_text.PREFIX):
        environment = name.removeprefix(toy_text.PREFIX)
        check_import("world.name", environment)
        return worlds.Entry(
            toy_text.ToyText, partial(toy_text.build, environment), TOY_TEXT, "expected reward"
        )
    return _entry("world", name)


def genome(name: str) -> genomes.Entry:
    """The genome of this name. Raises `UserError`."""
    return _entry("genome", name)


def names(kind: str) -> list[str]:
    """The names of all worlds (with landscapes), or of all genomes. Nothing is loaded.

    Parameters
    ----------
    kind : {"world", "genome"}
        The kind to list.
    """
    extra = [*worlds.LANDSCAPES, f"{toy_text.PREFIX}<EnvId>"] if kind == "world" else []
    return [*BUILT_IN[kind], *extra, *sorted(plugin_points(kind))]


def offered(kind: str) -> dict[str, str]:
    """A description of each world or genome, in one line. It says so if one cannot be loaded.

    Parameters
    ----------
    kind : {"world", "genome"}
        The kind to list.
    """
    descriptions = {name: entry.description for name, entry in BUILT_IN[kind].items()}
    if kind == "world":
        descriptions[f"{toy_text.PREFIX}<EnvId>"] = TOY_TEXT
    for name, points in sorted(plugin_points(kind).items()):
        try:
            descriptions[name] = f"{_entry(kind, name).description} ({package_of(points[0])})"
        except UserError as error:
            descriptions[name] = f"cannot be used: {error}"
    return descriptions


def versions(chosen: Mapping[str, str]) -> dict[str, str]:
    """Versions of the packages, other than evosim, that offer a world and a genome.

    Parameters
    ----------
    chosen : mapping
        The name of a world and of a genome, by kind.

    Returns
    -------
    dict
        Version by name of the package.
    """
    installed = {}
    for kind, name in chosen.items():
        if name.startswith(toy_text.PREFIX):
            # The builder of the world reports a missing Gymnasium.
            with contextlib.suppress(metadata.PackageNotFoundError):
                installed["gymnasium"] = metadata.version("gymnasium")
        elif name not in BUILT_IN[kind]:
            for point in plugin_points(kind).get(name, []):
                if point.dist is not None:
                    package, version = owner(point.dist)
                    installed[package] = version
    return installed


def plugin_points(kind: str) -> dict[str, list[metadata.EntryPoint]]:
    """Entry points by name, without those that have a name of evosim.

    Parameters
    ----------
    kind : {"world", "genome"}
        The kind that the entry points offer.
    """
    own = {*BUILT_IN[kind], *(worlds.LANDSCAPES if kind == "world" else ())}
    return {name: points for name, points in points_by_name(kind).items() if name not in own}


def _entry(kind: str, name: str) -> Any:
    if name in BUILT_IN[kind]:
        return BUILT_IN[kind][name]
    points = plugin_points(kind).get(name, [])
    if not points:
        raise unknown(f"{kind}.name", name, names(kind))
    packages = sorted({package_of(point) for point in points})
    if len(packages) > 1:
        raise UserError(
            f"{kind}.name '{name}' is offered by several packages: {' and '.join(packages)}. Run"
            f" 'pip uninstall {packages[-1].split()[0]}' to keep the first."
        )
    return load_entry(kind, name, points[0])
