"""Installed: worlds and genomes by name, evosim's own and those that other installed packages offer.

A package offers a world by an entry point of the group `evosim.worlds` (a genome: `evosim.genomes`) that names an object of the class
`worlds.Entry` (`genomes.Entry`). Names of evosim's own cannot be taken. What a package's code raises is told in one line with the package's
name, and its sources are part of the digest of sources, so that no run is continued, and no table taken for known, under other code.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import genomes
import worlds
from evosim.errors import UserError, unknown
from worlds import toy_text

GROUPS = {"world": "evosim.worlds", "genome": "evosim.genomes"}
OWN: dict[str, Mapping[str, Any]] = {"world": worlds.WORLDS, "genome": genomes.GENOMES}
KINDS: dict[str, type[Any]] = {"world": worlds.Entry, "genome": genomes.Entry}
INVALID: dict[str, type[Exception]] = {"world": worlds.InvalidWorld, "genome": genomes.InvalidGenome}
TOY_TEXT = "any environment of Gymnasium with a table of transitions, as FrozenLake-v1 (extra 'gymnasium')"


def world(name: str) -> worlds.Entry:
    """The world of this name. Raises `UserError`."""
    if name.startswith(toy_text.PREFIX):
        environment = name.removeprefix(toy_text.PREFIX)
        return worlds.Entry(toy_text.ToyText, partial(toy_text.build, environment), TOY_TEXT, "expected reward")
    return _found("world", name)


def genome(name: str) -> genomes.Entry:
    """The genome of this name. Raises `UserError`."""
    return _found("genome", name)


def names(kind: str) -> list[str]:
    """The names of all `world`s (landscapes among them) or `genome`s on offer. Nothing is loaded."""
    extra = [*worlds.LANDSCAPES, f"{toy_text.PREFIX}<EnvId>"] if kind == "world" else []
    return [*OWN[kind], *extra, *sorted(_points(kind))]


def offered(kind: str) -> dict[str, str]:
    """What each is, in a line. What cannot be loaded says so."""
    out = {name: entry.what for name, entry in OWN[kind].items()}
    if kind == "world":
        out[f"{toy_text.PREFIX}<EnvId>"] = TOY_TEXT
    for name, points in sorted(_points(kind).items()):
        try:
            out[name] = f"{_found(kind, name).what} ({_package(points[0])})"
        except UserError as error:
            out[name] = f"cannot be used: {error}"
    return out


def versions(chosen: Mapping[str, str]) -> dict[str, str]:
    """Versions of the packages that a chosen `world` and `genome` (names by kind) come from, beside evosim's own."""
    out = {}
    for kind, name in chosen.items():
        if name.startswith(toy_text.PREFIX):
            with contextlib.suppress(metadata.PackageNotFoundError):  # whoever builds the world is told
                out["gymnasium"] = metadata.version("gymnasium")
        elif name not in OWN[kind]:
            for point in _points(kind).get(name, []):
                if point.dist is not None:
                    out[point.dist.name] = point.dist.version
    return out


def sources() -> list[tuple[str, Path]]:
    """Every source file of the packages that offer something, with the name it goes by. Nothing is loaded."""
    tops = {point.module.partition(".")[0] for kind in GROUPS for points in _points(kind).values() for point in points}
    out = []
    for top in sorted(tops):
        spec = importlib.util.find_spec(top)
        if spec is None:
            continue
        for folder in spec.submodule_search_locations or ():
            out += [(f"{top}/{path.relative_to(folder).as_posix()}", path) for path in sorted(Path(folder).rglob("*.py"))]
        if not spec.submodule_search_locations and spec.origin is not None:
            out.append((f"{top}.py", Path(spec.origin)))
    return out


def _points(kind: str) -> dict[str, list[metadata.EntryPoint]]:
    """Entry points by name; those that evosim's own names hide are left out."""
    out: dict[str, list[metadata.EntryPoint]] = {}
    for point in metadata.entry_points(group=GROUPS[kind]):
        if point.name not in OWN[kind]:
            out.setdefault(point.name, []).append(point)
    return out


def _package(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


def _found(kind: str, name: str) -> Any:
    if name in OWN[kind]:
        return OWN[kind][name]
    points = _points(kind).get(name, [])
    if not points:
        raise unknown(f"{kind}.name", name, names(kind))
    packages = sorted({_package(point) for point in points})
    if len(packages) > 1:
        raise UserError(f"{kind}.name must be offered by one package, but '{name}' is by {' and '.join(packages)}. Uninstall one.")
    return _loaded(kind, name, points[0])


def _loaded(kind: str, name: str, point: metadata.EntryPoint) -> Any:
    whose = f"{kind} '{name}' of package '{_package(point)}'"
    try:
        entry = point.load()
    except Exception as error:  # (code of others)
        raise UserError(f"{whose} must load, but {point.value} raises {_said(error)}. Mend that package or uninstall it.") from None
    if not isinstance(entry, KINDS[kind]):
        raise UserError(f"{whose} must be an object of the class {kind}s.Entry, but {point.value} is a {type(entry).__name__}. Mend that package.")
    if not dataclasses.is_dataclass(entry.params):
        raise UserError(f"{whose} must have a dataclass of parameters, but has {entry.params!r}. Mend that package.")
    return dataclasses.replace(entry, build=_told(kind, whose, entry.build))


def _told(kind: str, whose: str, build: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose mistakes are told in one line."""

    def wrapped(*given: Any) -> Any:
        try:
            made = build(*given)
        except INVALID[kind]:
            raise  # what its author says of a user's parameters
        except Exception as error:  # (code of others)
            raise INVALID[kind](f"{whose} must build, but raises {_said(error)}. Mend that package, or choose other parameters.") from None
        if kind == "world" and not isinstance(made, worlds.WorldPair):
            raise INVALID[kind](f"{whose} must build a WorldPair, but builds a {type(made).__name__}. Mend that package.")
        return made

    return wrapped


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}".rstrip(". ")
