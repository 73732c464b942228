"""Entry points of installed packages that offer worlds and genomes.

A package offers a world by an entry point of the group `evosim.worlds`. It names an object of the
class `evosim.worlds.Entry`. For a genome, these are `evosim.genomes` and its `Entry`. Nothing is
loaded here: `evosim.config.plugins` loads entries.
"""

from __future__ import annotations

import contextlib
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from evosim.errors import in_one_line
from evosim.runtime.names import check_name, printable

GROUPS = {"world": "evosim.worlds", "genome": "evosim.genomes"}


def points_by_name(kind: str) -> dict[str, list[metadata.EntryPoint]]:
    """Entry points of all installed packages, by the name of the world or genome.

    Parameters
    ----------
    kind : {"world", "genome"}
        The kind that the entry points offer.
    """
    points: dict[str, list[metadata.EntryPoint]] = {}
    for point in _declared()[0]:
        if point.group == GROUPS[kind]:
            points.setdefault(point.name, []).append(point)
    return points


def broken() -> list[str]:
    """One line for each installed package whose list of entry points cannot be read."""
    return _declared()[1]


def package_of(point: metadata.EntryPoint) -> str:
    """Name and version of the package that declares an entry point."""
    return " ".join(owner(point.dist)) if point.dist is not None else printable(point.value)


def owner(dist: metadata.Distribution) -> tuple[str, str]:
    """Name and version of a distribution. A missing version is `of-no-version`."""
    name = _metadata(dist, "Name") or _normalised_name(dist)
    return printable(name), printable(_metadata(dist, "Version") or "of-no-version")


def first_line(error: BaseException) -> str:
    """Class and first line of an error, for messages."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}".rstrip(". ")


def _declared() -> tuple[list[metadata.EntryPoint], list[str]]:
    """Entry points of worlds and genomes of all installed packages, and messages about damage.

    Each package is read separately, so a damaged package affects only itself. As in imports of
    Python, the first package of a name on the path counts.
    """
    points: list[metadata.EntryPoint] = []
    messages: list[str] = []
    names: set[str] = set()
    for dist in metadata.distributions():
        try:
            name = _normalised_name(dist)
            if name in names:
                continue
            names.add(name)
            text = dist.read_text("entry_points.txt") or ""
            if any(group in text for group in GROUPS.values()):
                points += [
                    point for point in _points_of(dist, text) if point.group in GROUPS.values()
                ]
        except Exception as error:  # packages of others may raise anything
            typed: Any = dist
            place = getattr(typed, "_path", "an installed package")
            messages.append(
                in_one_line(
                    f"the entry points of {place} cannot be read ({first_line(error)}): reinstall"
                    " that package"
                )
            )
    return points, messages


def _points_of(dist: metadata.Distribution, text: str) -> list[metadata.EntryPoint]:
    """Read the entry points of a distribution. A damaged list may raise any exception."""
    points = metadata.EntryPoints._from_text_for(text, dist)  # type: ignore[attr-defined]
    for point in points:
        if point.group not in GROUPS.values():
            continue
        if not re.fullmatch(r"[\w.]+\s*:\s*[\w.]+\s*(\[.*\])?", point.value):
            raise ValueError(f"'{point.name}' is '{point.value}', not module:object")
        check_name(point.name, "a name")
    return list(points)


def _metadata(dist: metadata.Distribution, key: str) -> str:
    """A field of the metadata of a distribution. Empty if it is missing.

    Missing metadata are empty in Python 3.11, but raise an exception in the package
    `importlib_metadata`. Dask imports that package, and it then reads all distributions.
    """
    with contextlib.suppress(Exception):  # missing or damaged metadata may raise anything
        return str(dist.metadata[key] or "")
    return ""


def _normalised_name(dist: metadata.Distribution) -> str:
    """The normalised name of a distribution, or that of its folder if the metadata have none."""
    typed: Any = dist
    folder = Path(getattr(typed, "_path", "unknown")).stem
    return re.sub(r"[-_.]+", "-", _metadata(dist, "Name") or folder).lower()
