"""Resolve experiments that search a landscape over real vectors."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from evosim.config.parts import check_keys, part_params, resolved_part
from evosim.config.schema import Experiment, without_unused
from evosim.config.toml_files import shortened, validated
from evosim.errors import UserError
from evosim.optimizers.vector_params import VECTOR_PARAMS
from evosim.worlds import LANDSCAPES, Hills, InvalidWorld

MOST_NUMBERS = 200_000_000  # drawn before a search of a landscape begins


def on_landscape(experiment: Experiment) -> bool:
    """Whether an experiment searches a landscape over real vectors, not a pair of worlds."""
    return experiment.world.name in LANDSCAPES


def build_landscape(experiment: Experiment, seed: int) -> tuple[Hills, Any]:
    """The landscape of a seed, and the parameters of what searches it. Raises `UserError`."""
    entry = LANDSCAPES[experiment.world.name]
    params = part_params(
        experiment.optimizer, VECTOR_PARAMS[experiment.optimizer["name"]], "optimizer"
    )
    try:
        return entry.build(entry.params(**experiment.world.ancestral), seed), params
    except InvalidWorld as error:
        raise UserError(str(error)) from None


def landscape_digest(experiment: Experiment) -> str:
    """Hash of world and genome (and whether cases are looked at): what an enumeration depends
    on.
    """
    tree = without_unused(
        experiment.model_dump(mode="json", include={"world", "genome", "selection"})
    )
    if "selection" in tree:
        tree["selection"] = True  # cases are evaluated, whatever is selected by
    return hashlib.blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16).hexdigest()


def resolved_on_landscape(written: Experiment) -> Experiment:
    """The experiment with every default filled in.

    There is no modern world, and a genome is the vector itself.
    """
    world, entry = written.world, LANDSCAPES[written.world.name]
    if world.modern:
        raise UserError(
            f"world.modern must be empty for '{world.name}', which is one landscape, but has"
            f" {', '.join(world.modern)}. Remove it."
        )
    if written.genome != {"name": "vector"}:
        raise UserError(
            f"genome must be {{ name = 'vector' }} for world '{world.name}', but is"
            f" {shortened(str(written.genome))}. Change it."
        )
    unused = {
        "world.mixture": world.mixture,
        "world.cue": world.cue,
        "selection": not written.selection.plain,
        "analysis.family": written.analysis.family,
        "snapshots": written.snapshots,
    }
    for name, given in unused.items():
        if given:
            raise UserError(
                f"{name} must be left out for world '{world.name}', which is a landscape over"
                " numbers, but is given. Remove it."
            )
    if len(written.phases) != 1:
        raise UserError(
            f"phases must be one ancestral phase for world '{world.name}', but are"
            f" {len(written.phases)}. Remove the others."
        )
    check_keys(entry.params, world.ancestral, "world.ancestral")
    ancestral: Any = validated(entry.params, world.ancestral, "world.ancestral")
    if (numbers := written.generations * (1 + ancestral.sides)) > MOST_NUMBERS:
        raise UserError(
            f"phases.0.generations times directions must be at most {MOST_NUMBERS:,} random"
            f" numbers, but is {numbers:,}. Lower generations or sides."
        )
    return written.model_copy(
        update={
            "world": world.model_copy(update={"ancestral": dataclasses.asdict(ancestral)}),
            "optimizer": resolved_part(written.optimizer, VECTOR_PARAMS, "optimizer"),
        }
    )


def any_of(names: Iterable[str]) -> str:
    """Join names for a message: `'a' or 'b'`."""
    return " or ".join(f"'{name}'" for name in names)
