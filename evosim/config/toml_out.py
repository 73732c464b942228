"""Write a resolved experiment as TOML, with comments."""

from __future__ import annotations

import dataclasses
from typing import Any

import tomli_w

from evosim.config import registry
from evosim.config.landscape_search import on_landscape
from evosim.config.schema import Experiment
from evosim.config.settings import inline
from evosim.worlds import LANDSCAPES, Cue


def to_commented_toml(experiment: Experiment) -> str:
    """A resolved experiment as TOML.

    Each number of the world has a comment with its unit and reason.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.
    """
    name = experiment.world.name
    entry: Any = LANDSCAPES[name] if on_landscape(experiment) else registry.world(name)
    params_classes = {"[world.ancestral]": entry.params, "[world.cue]": Cue}
    metadata_by_table = {
        table: {item.name: item.metadata for item in dataclasses.fields(params)}
        for table, params in params_classes.items()
    }
    lines, table = [], ""
    tree = experiment.model_dump(mode="json", exclude_none=True)
    # These lists become tables of their own, so that users can add tables below them. Empty lists
    # are omitted.
    lists = {
        f"{part}.{key}": tree[part].pop(key)
        for part in ("genome", "optimizer", "analysis")
        for key in list(tree[part])
        if key in ("drivers", "modifiers", "introductions", "family")
    }
    lists["world.mixture"] = tree["world"].pop("mixture")
    for line in tomli_w.dumps(tree).removesuffix("\n").split("\n"):
        if line.startswith("["):
            table = line
        metadata = metadata_by_table.get(table, {}).get(line.partition(" = ")[0])
        if metadata and "unit" in metadata:
            line = f"{line}  # {metadata['unit']}; {metadata['why']}"
        lines.append(line)
    for list_name, entries in lists.items():
        for item in entries:
            lines += [
                "",
                f"[[{list_name}]]",
                *(f"{key} = {inline(value)}" for key, value in item.items()),
            ]
    return "\n".join(lines) + "\n"
