"""Load the worlds and genomes that other packages offer.

An error in the code of a package is reported in one line, with the name of the package.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any

from evosim import genomes, worlds
from evosim.config.entry_points import first_line, package_of
from evosim.errors import Stop, UserError
from evosim.runtime.names import check_name

ENTRY_CLASSES: dict[str, type[Any]] = {"world": worlds.Entry, "genome": genomes.Entry}
INVALID: dict[str, type[Exception]] = {
    "world": worlds.InvalidWorld,
    "genome": genomes.InvalidGenome,
}
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
_CLASSES = "TabularMdp|WorldPair|PlannerRules|GatedRules|ReflexRules|TableRules"
MISSING_NAME = re.compile(
    "|".join(
        (
            r"cannot import name '(\w+)' from 'evosim\.",
            r"module 'evosim\.[\w.]+' has no attribute '(\w+)'",
            rf"'(?:{_CLASSES})' object has no attribute '(\w+)'",
            r"\b(?:Entry|TableRules)\.__init__\(\) got an unexpected keyword argument '(\w+)'",
        )
    )
)


def load_entry(kind: str, name: str, point: metadata.EntryPoint) -> Any:
    """Load and check what an entry point offers.

    Parameters
    ----------
    kind : {"world", "genome"}
        The kind that the entry point offers.
    name : str
        The name of the world or genome.
    point : EntryPoint
        Where it is.

    Returns
    -------
    Entry
        The entry of the package. Its `build` reports errors in one line.

    Raises
    ------
    UserError
        If the code raises an error, or if the entry is not complete.
    """
    package = package_of(point)
    title = f"{kind} '{name}' of package '{package}'"
    try:
        entry = point.load()
    except (KeyboardInterrupt, Stop):
        raise
    except BaseException as error:  # code of others may raise anything
        if folder := _hiding_folder(point.module):
            raise UserError(
                f"{title} cannot be loaded: the folder {folder} hides its module. Work in another"
                " folder, or rename that folder."
            ) from None
        if renamed := _renamed(error):
            old, new = renamed
            raise UserError(
                f"{title} imports '{old}', which is now '{new}'. Install a newer version"
                f" of that package, or write '{new}' for '{old}' in its code."
            ) from None
        raise UserError(
            f"{title} cannot be loaded: {point.value} raises {first_line(error)}. Correct the code"
            f" of that package, or run 'pip uninstall {package.split()[0]}'."
        ) from None
    _check_entry(entry, kind, title, point)
    return dataclasses.replace(entry, build=_reporting(kind, title, entry.build))


def _check_entry(entry: Any, kind: str, title: str, point: metadata.EntryPoint) -> None:
    """Raise `UserError` unless an entry is complete."""
    if not isinstance(entry, ENTRY_CLASSES[kind]):
        raise UserError(
            f"{title} must be an object of the class evosim.{kind}s.Entry, but {point.value} is a"
            f" {type(entry).__name__}. In its code, write {point.attr} = Entry(...)."
        )
    texts = {"description": entry.description, **({"unit": entry.unit} if kind == "world" else {})}
    if kind == "world" and entry.state_legend:
        texts["state_legend"] = entry.state_legend
    for key, text in texts.items():
        check_name(text, f"'{key}' of {title}")
    if not callable(entry.build):
        raise UserError(
            f"{title} needs a function that builds it, but 'build' is {entry.build!r}. In its code,"
            " pass a function as build to Entry."
        )
    if not dataclasses.is_dataclass(entry.params):
        raise UserError(
            f"{title} needs a dataclass of parameters, but 'params' is {entry.params!r}. In its"
            " code, decorate that class with @dataclass(frozen=True)."
        )


def _renamed(error: BaseException) -> tuple[str, str] | None:
    """The old and the new name, if an error is about a name that evosim has changed."""
    if isinstance(error, ImportError) and (old := (error.name or "").split(".")[0]) in RENAMED:
        return old, RENAMED[old]
    match = MISSING_NAME.search(str(error))
    old = next(filter(None, match.groups()), "") if match else ""
    return (old, RENAMED_NAMES[old]) if old in RENAMED_NAMES else None


def _hiding_folder(module: str) -> str:
    """The folder that Python mistakes for a module of this name. Empty if there is none.

    Packages that are installed with `pip install -e` may come last in the search of Python.
    """
    loaded = sys.modules.get(module.partition(".")[0])
    if loaded is None or getattr(loaded, "__file__", None) is not None or "." in module:
        return ""
    sys.modules.pop(module)  # so that Python finds the module once no folder hides it
    return str(next(iter(getattr(loaded, "__path__", [])), ""))


def _reporting(kind: str, title: str, build: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with errors that are reported in one line."""

    def wrapped(*arguments: Any) -> Any:
        try:
            result = build(*arguments)
        except INVALID[kind]:
            raise  # the message of its author about the parameters
        except (KeyboardInterrupt, Stop):
            raise
        except BaseException as error:  # code of others may raise anything
            if renamed := _renamed(error):
                old, new = renamed
                raise INVALID[kind](
                    f"{title} uses '{old}', which is now '{new}'. Install a newer version of that"
                    f" package, or write '{new}' for '{old}' in its code."
                ) from None
            raise INVALID[kind](
                f"{title} cannot be built: its code raises {first_line(error)}. Correct the code of"
                " that package, or choose other parameters."
            ) from None
        if kind == "world" and not isinstance(result, worlds.WorldPair):
            raise INVALID[kind](
                f"{title} must build a WorldPair, but builds a {type(result).__name__}. In its"
                " code, return a WorldPair from build."
            )
        return result

    return wrapped
