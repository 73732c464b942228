"""Check and complete the parameters of a world, genome or optimizer."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from typing import Any

from evosim.config import registry
from evosim.config.schema import Tree
from evosim.config.validation import check_keys, validated
from evosim.errors import UserError, unknown


def part_params(part: Tree, params_class: type[Any], where: str) -> Any:
    """The parameters of a part of the tree, as an instance of their class.

    Parameters
    ----------
    part : dict
        A written genome or optimizer, with its `name`.
    params_class : type
        The dataclass of its parameters.
    where : str
        The path of the part in the experiment.

    Raises
    ------
    UserError
        For the first parameter that does not fit.
    """
    rest = {key: value for key, value in part.items() if key != "name"}
    check_keys(params_class, rest, where)
    return validated(params_class, rest, where)


def genome_classes(written: Tree) -> dict[str, type[Any]]:
    """Parameter classes by name of the genome: those of evosim, and that of the written genome.

    Parameters
    ----------
    written : dict
        A written genome, which may come from another package.
    """
    own: dict[str, type[Any]] = {
        name: entry.params for name, entry in registry.BUILT_IN["genome"].items()
    }
    name = written.get("name")
    return (
        own
        if not isinstance(name, str) or name in own
        else own | {name: registry.genome(name).params}
    )


def resolved_part(part: Tree, classes: dict[str, type[Any]], where: str) -> Tree:
    """A genome or an optimizer with all defaults filled in.

    Parameters
    ----------
    part : dict
        The written part, with its `name`.
    classes : dict
        Parameter classes by name.
    where : str
        The path of the part in the experiment.

    Raises
    ------
    UserError
        If the name is unknown, or for the first parameter that does not fit.
    """
    name = part.get("name")
    if not isinstance(name, str):
        raise UserError(
            f"{where}.name must be text, but is {name!r}. Write one of"
            f" {', '.join(sorted(classes))}."
        )
    if name not in classes:
        raise unknown(f"{where}.name", name, classes)
    resolved: Tree = json.loads(_cached_part(json.dumps(part), classes[name], where))  # type: ignore[arg-type]
    return resolved


@lru_cache(maxsize=1024)
def _cached_part(part: str, params_class: Any, where: str) -> str:
    """A resolved part as JSON. Cached, because the cells of a sweep share most parts."""
    written = json.loads(part)
    return json.dumps(
        {"name": written["name"], **dataclasses.asdict(part_params(written, params_class, where))}
    )
