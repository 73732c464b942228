"""Resolve experiments that search a landscape over real vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from evosim.config.parts import part_params, resolved_part
from evosim.config.schema import Experiment, hash_of, without_unused
from evosim.config.validation import check_keys, shortened, validated
from evosim.errors import UserError
from evosim.optimizers.vector_params import VECTOR_PARAMS
from evosim.worlds import LANDSCAPES, Hills, InvalidWorld

MAX_NUMBERS = 200_000_000  # random numbers that are drawn before a search begins


def on_landscape(experiment: Experiment) -> bool:
    """Whether an experiment searches a landscape over real vectors, not a pair of worlds."""
    return experiment.world.name in LANDSCAPES


def build_landscape(experiment: Experiment, seed: int) -> tuple[Hills, Any]:
    """The landscape of a seed, and the parameters of its optimizer. Raises `UserError`."""
    entry = LANDSCAPES[experiment.world.name]
    params = part_params(
        experiment.optimizer, VECTOR_PARAMS[experiment.optimizer["name"]], "optimizer"
    )
    try:
        return entry.build(entry.params(**experiment.world.ancestral), seed), params
    except InvalidWorld as error:
        raise UserError(str(error)) from None


def landscape_digest(experiment: Experiment) -> str:
    """Hash of all parameters that affect the enumeration of a grid.

    These are the world and the genome, and whether start cases are evaluated.
    """
    tree = without_unused(
        experiment.model_dump(mode="json", include={"world", "genome", "selection"})
    )
    if "selection" in tree:
        tree["selection"] = True  # cases are evaluated for any kind of selection
    return hash_of(tree)


def resolved_on_landscape(written: Experiment) -> Experiment:
    """An experiment on a landscape with all defaults filled in.

    A landscape has no modern world, and a genome is the vector itself.

    Parameters
    ----------
    written : Experiment
        The written experiment.

    Raises
    ------
    UserError
        If a part is given that a landscape does not have.
    """
    world, entry = written.world, LANDSCAPES[written.world.name]
    if world.modern:
        raise UserError(
            f"world.modern must be empty for the landscape '{world.name}', but has"
            f" {', '.join(world.modern)}. Remove the table world.modern."
        )
    if written.genome != {"name": "vector"}:
        raise UserError(
            f"genome is {shortened(str(written.genome))}, but world '{world.name}' needs vectors."
            " Write genome = { name = 'vector' }."
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
                f"{name} is given, but the landscape '{world.name}' has no {name}. Remove {name}."
            )
    if len(written.phases) != 1:
        raise UserError(
            f"phases must be one ancestral phase for world '{world.name}', but there are"
            f" {len(written.phases)}. Keep the first phase only."
        )
    check_keys(entry.params, world.ancestral, "world.ancestral")
    ancestral: Any = validated(entry.params, world.ancestral, "world.ancestral")
    if (numbers := written.generations * (1 + ancestral.sides)) > MAX_NUMBERS:
        raise UserError(
            f"phases.0.generations times directions must be at most {MAX_NUMBERS:,} random"
            f" numbers, but is {numbers:,}. Lower phases.0.generations or world.ancestral.sides."
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
