"""Worlds and genomes by name: those of evosim and those of other installed packages.

A package offers a world by an entry point of the group `evosim.worlds` (a genome: `evosim.genomes`)
that names an object of the class `evosim.worlds.Entry` (`evosim.genomes.Entry`). Evosim's own names
cannot be taken. An error in a package's code is reported in one line with the package's name. The
sources of a package are part of the source digest of every run that uses it, so a run is not
continued, and a stored table not reused, under other code.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NamedTuple

from evosim import genomes, worlds
from evosim.errors import Stop, UserError, in_one_line, unknown
from evosim.runtime.names import check_name, printable
from evosim.worlds import toy_text

ALLOWED = (  # modules that files may name, with commas; helper processes have it too
    "EVOSIM_ALLOW_IMPORT"
)
ADAPTERS = ("GymV21Environment", "GymV26Environment")
GROUPS = {"world": "evosim.worlds", "genome": "evosim.genomes"}
OWN: dict[str, Mapping[str, Any]] = {"world": worlds.WORLDS, "genome": genomes.GENOMES}
KINDS: dict[str, type[Any]] = {"world": worlds.Entry, "genome": genomes.Entry}
INVALID: dict[str, type[Exception]] = {
    "world": worlds.InvalidWorld,
    "genome": genomes.InvalidGenome,
}
# Evosim's own sources are hashed by `record`
SKIPPED = {"evosim", *sys.stdlib_module_names}
# Packages of evosim before version 0.2, which older plug-ins import
RENAMED = {"worlds": "evosim.worlds", "genomes": "evosim.genomes"}
# Names inside these packages that older plug-ins use: see CHANGELOG.md
RENAMED_NAMES = {
    "MOST_AGES": "MAX_AGES",
    "assemble": "build_grid",
    "best_by_trial": "best_by_enumeration",
    "births": "case_starts",
    "ended": "terminal_states",
    "kept": "fitness_retained",
    "merged": "merge_states",
    "merged_pair": "merge_states_of_pair",
    "misread": "merging_error",
    "mixed": "mix_worlds",
    "reachable": "reachable_by_age",
    "second_rules": "second_objective_active",
    "shape_of": "world_shape",
    "shares": "case_shares",
    "swapped": "modern_params",
    "uncounted": "uncounted_states",
    "what": "description",
    "worth_by_paths": "lifetime_by_paths",
}
# How Python reports a name that is not there (any more), and where it is missing
MISSING_NAME = re.compile(
    r"cannot import name '(\w+)' from 'evosim\."
    r"|module 'evosim\.[\w.]+' has no attribute '(\w+)'"
    r"|'(?:TabularMdp|WorldPair|PlannerRules|GatedRules|ReflexRules|TableRules)' object has no"
    r" attribute '(\w+)'"
    r"|\b(?:Entry|TableRules)\.__init__\(\) got an unexpected keyword argument '(\w+)'"
)
TOY_TEXT = (
    "any environment of Gymnasium with a table of transitions, as FrozenLake-v1 (extra 'gymnasium')"
)


def allow_import(*modules: str) -> None:
    """Let files name modules of environments: `world.name = "gymnasium:MODULE:Env-v0"`.

    Otherwise no module is imported because a file names it: whoever wrote the file would run code
    here. It holds for this process and for those that it starts from now on.

    Parameters
    ----------
    *modules : str
        Dotted names of modules; what lies in a package counts too.

    Raises
    ------
    UserError
        If one is no name of a module.
    """
    for module in modules:
        if not isinstance(module, str) or not all(
            part.isidentifier() for part in module.split(".")
        ):
            raise UserError(
                f"--allow-import must be a module's name, but is {module!r}. Write for example"
                " --allow-import mygrid."
            )
    os.environ[ALLOWED] = ",".join(dict.fromkeys([*_allowed(), *modules]))


def _allowed() -> list[str]:
    return [name.strip() for name in os.environ.get(ALLOWED, "").split(",") if name.strip()]


def _module_in(environment: str) -> str:
    """The module that an environment's name has imported; empty if it has none.

    Gymnasium's adapters of older environments take a name of such a form as an argument.
    """
    module, colon, _ = environment.partition(":")
    return module if colon else "shimmy" if environment.startswith(ADAPTERS) else ""


def _check_import(key: str, environment: str) -> None:
    """Refuse an environment that names a module which is not allowed. Raises `UserError`."""
    module = _module_in(environment)
    if module and not any(module == name or module.startswith(f"{name}.") for name in _allowed()):
        raise UserError(
            f"{key} must name no module to be imported, but '{environment}' names '{module}'. If"
            f" you trust that code, add --allow-import {module} (in Python:"
            f" evosim.allow_import({module!r}))."
        )


def will_import(choices: Iterable[Choice]) -> list[str]:
    """Say which modules runs import because their file names them.

    Parameters
    ----------
    choices : iterable of Choice
        What experiments use.

    Returns
    -------
    list of str
        A line for each module.
    """
    named: dict[str, str] = {}
    for choice in choices:
        if choice.world.startswith(toy_text.PREFIX) and (
            module := _module_in(choice.world.removeprefix(toy_text.PREFIX))
        ):
            named[module] = "world.name"
        if ":" in choice.algorithm:
            named[choice.algorithm.rpartition(":")[0]] = "optimizer.algorithm"
    return [f"imports the module '{module}', which {key} names" for module, key in named.items()]


def world(name: str) -> worlds.Entry:
    """The world of this name. Raises `UserError`."""
    if name.startswith(toy_text.PREFIX):
        environment = name.removeprefix(toy_text.PREFIX)
        _check_import("world.name", environment)
        return worlds.Entry(
            toy_text.ToyText, partial(toy_text.build, environment), TOY_TEXT, "expected reward"
        )
    return _found("world", name)


def genome(name: str) -> genomes.Entry:
    """The genome of this name. Raises `UserError`."""
    return _found("genome", name)


def names(kind: str) -> list[str]:
    """The names of all `world`s (landscapes among them) or `genome`s on offer.

    Nothing is loaded.
    """
    extra = [*worlds.LANDSCAPES, f"{toy_text.PREFIX}<EnvId>"] if kind == "world" else []
    return [*OWN[kind], *extra, *sorted(_points(kind))]


def offered(kind: str) -> dict[str, str]:
    """What each is, in a line. What cannot be loaded says so."""
    out = {name: entry.description for name, entry in OWN[kind].items()}
    if kind == "world":
        out[f"{toy_text.PREFIX}<EnvId>"] = TOY_TEXT
    for name, points in sorted(_points(kind).items()):
        try:
            out[name] = f"{_found(kind, name).description} ({_package(points[0])})"
        except UserError as error:
            out[name] = f"cannot be used: {error}"
    return out


def versions(chosen: Mapping[str, str]) -> dict[str, str]:
    """Versions of the packages that a chosen `world` and `genome` (names by kind) come from, beside
    evosim's own.
    """
    out = {}
    for kind, name in chosen.items():
        if name.startswith(toy_text.PREFIX):
            # Whoever builds the world is told
            with contextlib.suppress(metadata.PackageNotFoundError):
                out["gymnasium"] = metadata.version("gymnasium")
        elif name not in OWN[kind]:
            for point in _points(kind).get(name, []):
                if point.dist is not None:
                    package, version = _owner(point.dist)
                    out[package] = version
    return out


class Choice(NamedTuple):
    """What an experiment uses that may be code of others: names of a world and of a genome, and an
    algorithm (`module:function`).
    """

    world: str = ""
    genome: str = ""
    algorithm: str = ""


def modules(choice: Choice) -> list[str]:
    """The modules that the world and the genome of a choice come from, without those of evosim's
    own.

    Of an environment of Gymnasium it is the module that the environment's name or its registration
    says; Gymnasium's own environments have none, because their version is recorded (`versions`).
    """
    out = []
    for kind, name in (("world", choice.world), ("genome", choice.genome)):
        if name.startswith(toy_text.PREFIX):
            out += _module_of_environment(name.removeprefix(toy_text.PREFIX))
        elif name not in OWN[kind]:
            out += [point.module for point in _points(kind).get(name, [])]
    return out


def all_own(choice: Choice) -> bool:
    """Whether a choice uses no code but evosim's own. Nothing is loaded.

    Parameters
    ----------
    choice
        What an experiment uses.

    Returns
    -------
    bool
        False also of environments of Gymnasium, whose package may be anybody's.
    """
    return (
        ":" not in choice.algorithm
        and choice.genome in {"", *OWN["genome"]}
        and choice.world in {"", *OWN["world"], *worlds.LANDSCAPES}
    )


def home_of(module: str) -> str:
    """Name the package that a module lies in, whose sources count together (`sources`).

    Parameters
    ----------
    module
        A dotted name.

    Returns
    -------
    str
        The name of the package, or of the module if it lies in none.
    """
    return _home(module)[0]


def _module_of_environment(environment: str) -> list[str]:
    """The module that makes an environment, if it is not Gymnasium's own and can be found."""
    module, colon, _ = environment.partition(":")
    if not colon:
        module = ""
        # (code of others; who builds the world says what is wrong)
        with contextlib.suppress(Exception):
            made_by: Any = importlib.import_module("gymnasium").spec(environment).entry_point
            module = made_by.partition(":")[0] if isinstance(made_by, str) else made_by.__module__
    return [module] if module.partition(".")[0] not in ("", "gymnasium", "__main__") else []


def sources(modules: Iterable[str]) -> list[tuple[str, Path]]:
    """Every source file behind some modules, with the name it goes by. Nothing is loaded.

    A module that lies in a package counts with the whole package, data files included. What a file
    imports counts too, if it belongs to the same distribution, or to no distribution at all (a file
    beside it). Other distributions and the standard library do not count.

    Parameters
    ----------
    modules : iterable of str
        Dotted names. Modules that cannot be found are left out.

    Returns
    -------
    list of (str, Path)
        Sorted by name, each file once.
    """
    left = list(modules)
    if not left:
        return []
    owners = _owners()
    homes: dict[str, list[tuple[str, Path]]] = {}
    while left:
        home, spec = _home(left.pop())
        if spec is None or home in homes:
            continue
        homes[home] = list(_files(home, spec))
        whose = set(owners.get(home.partition(".")[0], ()))
        for _, path in homes[home]:
            for name in imported(path, home) if path.suffix == ".py" else ():
                top = name.partition(".")[0]
                theirs = set(owners.get(top, ()))
                if top not in SKIPPED and (not theirs or theirs & whose):
                    left.append(name)
    return sorted({pair for files in homes.values() for pair in files})


def _owners() -> Mapping[str, list[str]]:
    """Distributions by the modules that they hold; without those whose facts cannot be read."""
    with contextlib.suppress(Exception):
        return metadata.packages_distributions()
    out: dict[str, list[str]] = {}
    for dist in metadata.distributions():
        with contextlib.suppress(Exception):  # (what others have installed)
            files = [path for path in dist.files or () if path.suffix == ".py"]
            tops = (dist.read_text("top_level.txt") or "").split() or {
                path.parts[0].removesuffix(".py") for path in files
            }
            for top in tops:
                out.setdefault(top, []).append(_owner(dist)[0])
    return out


def _home(name: str) -> tuple[str, ModuleSpec | None]:
    """The outermost package or module that a dotted name lies in, without packages that are mere
    folders (namespaces).
    """
    first, *rest = name.split(".")
    spec = None
    with contextlib.suppress(ImportError, ValueError):  # ValueError: `__main__` of some programs
        spec = importlib.util.find_spec(first)
    while spec is not None and not spec.has_location and rest:
        first = f"{first}.{rest.pop(0)}"
        spec = PathFinder.find_spec(first, list(spec.submodule_search_locations or ()))
    return first, spec if spec is not None and spec.has_location else None


def _files(home: str, spec: ModuleSpec) -> Iterator[tuple[str, Path]]:
    """The files of a module or package: all but compiled Python, hidden files, and runs and sweeps
    that were written there.
    """
    for folder in spec.submodule_search_locations or ():
        for here, inside, names in os.walk(folder):
            inside[:] = [
                x
                for x in inside
                if x != "__pycache__"
                and not x.startswith(".")
                and not _written_by_us(Path(here, x))
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


def _written_by_us(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("experiment.toml", "sweep.json"))


@cache
def imported(file: Path, package: str = "") -> list[str]:
    """Modules, or names in modules, that a file imports anywhere in it, but for what it imports for
    type checkers alone.

    A file that is no Python of this version imports nothing. Relative imports are those of
    `package`; without one they are left out.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return []
    out = []
    for node in _that_run(tree):
        if isinstance(node, ast.Import):
            out += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            with contextlib.suppress(ImportError):  # beyond the top
                base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                out += [f"{base}.{alias.name}" for alias in node.names]
    return out


def _that_run(node: ast.AST) -> Iterator[ast.AST]:
    """A node of a syntax tree and all below it that can run."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (
            isinstance(child, ast.If)
            and isinstance(child.test, ast.Name)
            and child.test.id == "TYPE_CHECKING"
        ):
            yield from _that_run(child)


def _points(kind: str) -> dict[str, list[metadata.EntryPoint]]:
    """Entry points by name; those that evosim's own names hide are left out."""
    own = {*OWN[kind], *(worlds.LANDSCAPES if kind == "world" else ())}
    out: dict[str, list[metadata.EntryPoint]] = {}
    for point in _declared()[0]:
        if point.group == GROUPS[kind] and point.name not in own:
            out.setdefault(point.name, []).append(point)
    return out


def broken() -> list[str]:
    """Say which installed packages have a list of entry points that cannot be read, a line each."""
    return _declared()[1]


def _declared() -> tuple[list[metadata.EntryPoint], list[str]]:
    """Entry points of worlds and genomes of all installed packages, and what could not be read.

    Each package is read apart, so that one that is damaged costs nothing but its own. As in
    Python's imports, the first of a name on the path counts.
    """
    points, wrong, seen = [], [], set()
    for dist in metadata.distributions():
        try:
            name = _name_of(dist)
            if name in seen:
                continue
            seen.add(name)
            text = dist.read_text("entry_points.txt") or ""
            if any(group in text for group in GROUPS.values()):
                points += [
                    point for point in entry_points_of(dist, text) if point.group in GROUPS.values()
                ]
        except Exception as error:  # (what others have installed)
            place: Any = dist
            where = getattr(place, "_path", "an installed package")
            wrong.append(
                in_one_line(
                    f"the entry points of {where} cannot be read ({_said(error)}): reinstall that"
                    " package"
                )
            )
    return points, wrong


def entry_points_of(dist: metadata.Distribution, text: str) -> list[metadata.EntryPoint]:
    """Read the entry points of a distribution.

    Raises whatever a damaged list makes of its reader.
    """
    made = metadata.EntryPoints._from_text_for(text, dist)  # type: ignore[attr-defined]
    for point in made:
        if point.group in GROUPS.values() and not re.fullmatch(
            r"[\w.]+\s*:\s*[\w.]+\s*(\[.*\])?", point.value
        ):
            raise ValueError(f"'{point.name}' is '{point.value}', not module:object")
        if point.group in GROUPS.values():
            check_name(point.name, "a name")
    return list(made)


def _fact(dist: metadata.Distribution, key: str) -> str:
    """One of a distribution's metadata; empty where it is missing.

    Missing metadata are nothing to Python 3.11, and an exception to the package
    `importlib_metadata`, which Dask imports and which reads all distributions from then on.
    """
    with contextlib.suppress(Exception):  # whatever a reader makes of missing or damaged metadata
        return str(dist.metadata[key] or "")
    return ""


def _name_of(dist: metadata.Distribution) -> str:
    """The name of a distribution, normalised; its folder's where its metadata say none."""
    place: Any = dist
    return re.sub(
        r"[-_.]+", "-", _fact(dist, "Name") or Path(getattr(place, "_path", "unknown")).stem
    ).lower()


def _package(point: metadata.EntryPoint) -> str:
    """Whose an entry point is, and of which version."""
    return " ".join(_owner(point.dist)) if point.dist is not None else printable(point.value)


def _owner(dist: metadata.Distribution) -> tuple[str, str]:
    """Name and version of a distribution, where its facts say them."""
    return printable(_fact(dist, "Name") or _name_of(dist)), printable(
        _fact(dist, "Version") or "of-no-version"
    )


def _found(kind: str, name: str) -> Any:
    if name in OWN[kind]:
        return OWN[kind][name]
    points = _points(kind).get(name, [])
    if not points:
        raise unknown(f"{kind}.name", name, names(kind))
    packages = sorted({_package(point) for point in points})
    if len(packages) > 1:
        raise UserError(
            f"{kind}.name must be offered by one package, but '{name}' is by"
            f" {' and '.join(packages)}. Uninstall one."
        )
    return _loaded(kind, name, points[0])


def _loaded(kind: str, name: str, point: metadata.EntryPoint) -> Any:
    whose = f"{kind} '{name}' of package '{_package(point)}'"
    try:
        entry = point.load()
    except (KeyboardInterrupt, Stop):
        raise
    except BaseException as error:  # (code of others)
        if hiding := _hidden_by(point.module):
            raise UserError(
                f"{whose} must load, but the folder {hiding} hides its module. Work in another"
                " folder, or rename that one."
            ) from None
        if renamed := _renamed(error):
            old, new = renamed
            raise UserError(
                f"{whose} imports '{old}', which is now '{new}'. Install a newer version"
                f" of that package, or write '{new}' for '{old}' in its code."
            ) from None
        raise UserError(
            f"{whose} must load, but {point.value} raises {_said(error)}. Mend that package or"
            " uninstall it."
        ) from None
    if not isinstance(entry, KINDS[kind]):
        raise UserError(
            f"{whose} must be an object of the class evosim.{kind}s.Entry, but {point.value} is a"
            f" {type(entry).__name__}. Mend that package."
        )
    words = {"description": entry.description, **({"unit": entry.unit} if kind == "world" else {})}
    if kind == "world" and entry.state_legend:
        words["state_legend"] = entry.state_legend
    for key, value in words.items():
        check_name(value, f"'{key}' of {whose}")
    if not callable(entry.build):
        raise UserError(
            f"{whose} must have a function that builds it, but has {entry.build!r}. Mend that"
            " package."
        )
    if not dataclasses.is_dataclass(entry.params):
        raise UserError(
            f"{whose} must have a dataclass of parameters, but has {entry.params!r}. Mend that"
            " package."
        )
    return dataclasses.replace(entry, build=_told(kind, whose, entry.build))


def _renamed(error: BaseException) -> tuple[str, str] | None:
    """The old and the new name, if an error is about a name that evosim has changed."""
    if isinstance(error, ImportError) and (old := (error.name or "").split(".")[0]) in RENAMED:
        return old, RENAMED[old]
    found = MISSING_NAME.search(str(error))
    old = next(filter(None, found.groups()), "") if found else ""
    return (old, RENAMED_NAMES[old]) if old in RENAMED_NAMES else None


def _hidden_by(module: str) -> str:
    """The folder that Python takes for a module of this name because no file of the name comes
    first; nothing if there is none.

    Packages that are installed with `pip install -e` may come last in Python's search.
    """
    found = sys.modules.get(module.partition(".")[0])
    if found is None or getattr(found, "__file__", None) is not None or "." in module:
        return ""
    sys.modules.pop(module)  # so that it is found once nothing hides it
    return str(next(iter(getattr(found, "__path__", [])), ""))


def _told(kind: str, whose: str, build: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose mistakes are told in one line."""

    def wrapped(*given: Any) -> Any:
        try:
            made = build(*given)
        except INVALID[kind]:
            raise  # what its author says of a user's parameters
        except (KeyboardInterrupt, Stop):
            raise
        except BaseException as error:  # (code of others)
            if renamed := _renamed(error):
                old, new = renamed
                raise INVALID[kind](
                    f"{whose} uses '{old}', which is now '{new}'. Install a newer version of that"
                    f" package, or write '{new}' for '{old}' in its code."
                ) from None
            raise INVALID[kind](
                f"{whose} must build, but raises {_said(error)}. Mend that package, or choose other"
                " parameters."
            ) from None
        if kind == "world" and not isinstance(made, worlds.WorldPair):
            raise INVALID[kind](
                f"{whose} must build a WorldPair, but builds a {type(made).__name__}. Mend that"
                " package."
            )
        return made

    return wrapped


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}".rstrip(". ")
