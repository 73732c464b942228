"""Source files of packages that an experiment uses. Nothing is loaded.

The sources of a package are part of the source digest of every run that uses it. A run is therefore
not continued, and a stored table not reused, under other code.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from evosim.config.entry_points import owner

# `evosim.runs.source_hash` hashes the sources of evosim.
SKIPPED = {"evosim", *sys.stdlib_module_names}


def sources(modules: Iterable[str]) -> list[tuple[str, Path]]:
    """Every source file behind some modules, with its name. Nothing is loaded.

    A module in a package counts with the whole package, data files included. Imported modules count
    too, if they belong to the same distribution or to none (a file in the same folder). Other
    distributions and the standard library do not count.

    Parameters
    ----------
    modules : iterable of str
        Dotted names. Modules that cannot be found are omitted.

    Returns
    -------
    list of (str, Path)
        Sorted by name, each file once.
    """
    remaining = list(modules)
    if not remaining:
        return []
    owners = _owners()
    files_by_home: dict[str, list[tuple[str, Path]]] = {}
    while remaining:
        home, spec = _home(remaining.pop())
        if spec is None or home in files_by_home:
            continue
        files_by_home[home] = list(_files(home, spec))
        own = set(owners.get(home.partition(".")[0], ()))
        for _, path in files_by_home[home]:
            for name in imported(path, home) if path.suffix == ".py" else ():
                top = name.partition(".")[0]
                others = set(owners.get(top, ()))
                if top not in SKIPPED and (not others or others & own):
                    remaining.append(name)
    return sorted({pair for files in files_by_home.values() for pair in files})


def home_of(module: str) -> str:
    """The name of the package whose sources count together for a module (`sources`).

    Parameters
    ----------
    module : str
        A dotted name.

    Returns
    -------
    str
        The name of the package, or of the module if it lies in no package.
    """
    return _home(module)[0]


@cache
def imported(file: Path, package: str = "") -> list[str]:
    """Modules, or names in modules, that a file imports anywhere.

    Imports for type checkers do not count.

    Parameters
    ----------
    file : Path
        A Python file. A file that this version of Python cannot parse imports nothing.
    package : str
        The package to which relative imports refer. Empty: relative imports are omitted.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return []
    names = []
    for node in _executable_nodes(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            with contextlib.suppress(ImportError):  # a relative import above the top package
                base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                names += [f"{base}.{alias.name}" for alias in node.names]
    return names


def _owners() -> Mapping[str, list[str]]:
    """Distributions by their top-level modules. Unreadable distributions are omitted."""
    with contextlib.suppress(Exception):
        return metadata.packages_distributions()
    owners: dict[str, list[str]] = {}
    for dist in metadata.distributions():
        with contextlib.suppress(Exception):  # packages of others may raise anything
            files = [path for path in dist.files or () if path.suffix == ".py"]
            tops = (dist.read_text("top_level.txt") or "").split() or {
                path.parts[0].removesuffix(".py") for path in files
            }
            for top in tops:
                owners.setdefault(top, []).append(owner(dist)[0])
    return owners


def _home(name: str) -> tuple[str, ModuleSpec | None]:
    """The outermost package or module that holds a dotted name. Namespace packages do not count."""
    first, *rest = name.split(".")
    spec = None
    with contextlib.suppress(ImportError, ValueError):  # ValueError: `__main__` of some programs
        spec = importlib.util.find_spec(first)
    while spec is not None and not spec.has_location and rest:
        folders, part = list(spec.submodule_search_locations or ()), rest.pop(0)
        first = f"{first}.{part}"
        try:
            spec = PathFinder.find_spec(first, folders)
        except KeyError:  # a namespace package inside one that is not imported
            spec = ModuleSpec(first, None, is_package=True)
            spec.submodule_search_locations = [os.path.join(folder, part) for folder in folders]
    return first, spec if spec is not None and spec.has_location else None


def _files(home: str, spec: ModuleSpec) -> Iterator[tuple[str, Path]]:
    """The files of a module or package.

    Compiled Python, hidden files, and folders of runs and sweeps are omitted.
    """
    for folder in spec.submodule_search_locations or ():
        for here, subfolders, names in os.walk(folder):
            subfolders[:] = [
                name
                for name in subfolders
                if name != "__pycache__"
                and not name.startswith(".")
                and not _is_output_folder(Path(here, name))
            ]
            for name in names:
                path = Path(here, name)
                if not name.startswith(".") and path.suffix != ".pyc" and path.is_file():
                    yield f"{home}/{path.relative_to(folder).as_posix()}", path
    origin = Path(spec.origin) if spec.origin is not None else None
    if origin is not None and not origin.is_file():  # in an archive, which counts as a whole
        yield from ((f"{home}/{path.name}", path) for path in origin.parents if path.is_file())
    elif not spec.submodule_search_locations and origin is not None:
        yield f"{home}{origin.suffix}", origin


def _is_output_folder(folder: Path) -> bool:
    """Whether evosim wrote this folder: a run, a search or a sweep."""
    return any((folder / name).is_file() for name in ("experiment.toml", "sweep.json"))


def _executable_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node of a syntax tree and all nodes below it, without blocks for type checkers."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (
            isinstance(child, ast.If)
            and isinstance(child.test, ast.Name)
            and child.test.id == "TYPE_CHECKING"
        ):
            yield from _executable_nodes(child)
