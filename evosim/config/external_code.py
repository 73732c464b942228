"""Code that does not come with evosim, and that an experiment uses."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from evosim import worlds
from evosim.config.allowed_imports import module_in
from evosim.config.registry import BUILT_IN, plugin_points
from evosim.worlds import toy_text


class Choice(NamedTuple):
    """Names in an experiment that may refer to external code.

    Attributes
    ----------
    world, genome : str
        Names of a world and a genome.
    algorithm : str
        An algorithm, as `module:function`.
    """

    world: str = ""
    genome: str = ""
    algorithm: str = ""


def modules(choice: Choice) -> list[str]:
    """The modules that define the world and the genome of a choice, without those of evosim.

    For an environment of Gymnasium, the module comes from its name or its registration. The
    environments of Gymnasium itself have none, because their version is recorded
    (`evosim.config.registry.versions`).
    """
    names = []
    for kind, name in (("world", choice.world), ("genome", choice.genome)):
        if name.startswith(toy_text.PREFIX):
            names += _module_of_environment(name.removeprefix(toy_text.PREFIX))
        elif name not in BUILT_IN[kind]:
            names += [point.module for point in plugin_points(kind).get(name, [])]
    return names


def all_own(choice: Choice) -> bool:
    """Whether a choice uses only code of evosim. Nothing is loaded.

    Parameters
    ----------
    choice : Choice
        Names in an experiment.

    Returns
    -------
    bool
        Also False for all environments of Gymnasium: other packages may define them.
    """
    return (
        ":" not in choice.algorithm
        and choice.genome in {"", *BUILT_IN["genome"]}
        and choice.world in {"", *BUILT_IN["world"], *worlds.LANDSCAPES}
    )


def will_import(choices: Iterable[Choice]) -> list[str]:
    """Announce the modules that runs import because their file names them.

    Parameters
    ----------
    choices : iterable of Choice
        Names in experiments.

    Returns
    -------
    list of str
        One line for each module.
    """
    keys: dict[str, str] = {}
    for choice in choices:
        if choice.world.startswith(toy_text.PREFIX) and (
            module := module_in(choice.world.removeprefix(toy_text.PREFIX))
        ):
            keys[module] = "world.name"
        if ":" in choice.algorithm:
            keys[choice.algorithm.rpartition(":")[0]] = "optimizer.algorithm"
    return [f"imports the module '{module}', which {key} names" for module, key in keys.items()]


def _module_of_environment(environment: str) -> list[str]:
    """The module that defines an environment, if it is not in Gymnasium and can be found."""
    module, colon, _ = environment.partition(":")
    if not colon:
        module = ""
        # Code of others may raise anything. The builder of the world reports the error.
        with contextlib.suppress(Exception):
            entry_point: Any = importlib.import_module("gymnasium").spec(environment).entry_point
            module = (
                entry_point.partition(":")[0]
                if isinstance(entry_point, str)
                else entry_point.__module__
            )
    return [module] if module.partition(".")[0] not in ("", "gymnasium", "__main__") else []
