"""Resolve and check the parameters of a world, genome or optimizer."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from typing import Any

from evosim.config import registry
from evosim.config.toml_files import validated
from evosim.errors import UserError, unknown


def part_params(part: dict[str, Any], params_class: type[Any], where: str) -> Any:
    """The parameter dataclass of a part of the tree that names its kind by `name`."""
    rest = {key: value for key, value in part.items() if key != "name"}
    check_keys(params_class, rest, where)
    return validated(params_class, rest, where)


def genome_classes(written: dict[str, Any]) -> dict[str, type[Any]]:
    """Parameter classes of evosim's own genomes, and of the one that is written if another package
    offers it.
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


def resolved_part(
    part: dict[str, Any], classes: dict[str, type[Any]], where: str
) -> dict[str, Any]:
    """Parameters of a world, genome or optimizer with all defaults filled in.

    Raises `UserError`.
    """
    name = part.get("name")
    if not isinstance(name, str):
        raise UserError(
            f"{where}.name must be given as text, but is {name!r}. Use one of"
            f" {', '.join(sorted(classes))}."
        )
    if name not in classes:
        raise unknown(f"{where}.name", name, classes)
    resolved: dict[str, Any] = json.loads(_resolved_again(json.dumps(part), classes[name], where))  # type: ignore[arg-type]
    return resolved


@lru_cache(maxsize=1024)
def _resolved_again(part: str, params_class: Any, where: str) -> str:
    """A part resolved, as JSON; remembered, because the cells of a sweep have most parts in
    common.
    """
    written = json.loads(part)
    return json.dumps(
        {"name": written["name"], **dataclasses.asdict(part_params(written, params_class, where))}
    )


def check_keys(params_class: type[Any], given: dict[str, Any], where: str) -> None:
    """Refuse keys that a class of parameters does not have."""
    known = [item.name for item in dataclasses.fields(params_class)]
    for key in given:
        if key not in known:
            raise unknown(f"a key of {where}", key, known)
