"""Resolve an experiment: names become worlds and genomes, and all defaults are filled in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from evosim.config import registry
from evosim.config.landscape_search import any_of, on_landscape, resolved_on_landscape
from evosim.config.parts import check_keys, genome_classes, part_params, resolved_part
from evosim.config.schema import Experiment
from evosim.config.toml_files import validated
from evosim.errors import UserError
from evosim.genomes import Genome, Grid, InvalidGenome, WorldShape
from evosim.optimizers.params import OPTIMIZER_PARAMS, InvalidOptimizer, check_on_grid
from evosim.runtime.names import check_names
from evosim.worlds import LANDSCAPES, Cue, Entry, InvalidWorld, WorldPair, with_cue
from evosim.worlds.mixture import Member, mix_worlds

# Words that stand beside names of acts or loci: rows of the accounts, of the search ledger, columns
# of populations.
ACTS_TAKEN = ("upkeep", "sum")
LOCI_TAKEN = ("fitness in A", "fitness in M", "class", "count", "seed", "kept")


@dataclass(frozen=True, eq=False)
class Problem:
    """What an experiment's names stand for."""

    experiment: Experiment
    pair: WorldPair
    genome: Genome


def resolve(tree: dict[str, Any]) -> Experiment:
    """A written tree with every default filled in. Raises `UserError`."""
    written: Experiment = validated(Experiment, tree, "")
    if on_landscape(written):
        return resolved_on_landscape(written)
    world = dict(written.world)
    params_class = registry.world(written.world.name).params
    if written.optimizer.get("name") == "gradient":
        raise UserError(
            "optimizer.name must search alleles, but 'gradient' goes by small steps, and policies"
            f" of a grid do not follow those. Use it with world.name = {any_of(LANDSCAPES)}, or use"
            f" one of {', '.join(sorted(OPTIMIZER_PARAMS))}."
        )
    check_keys(params_class, written.world.ancestral, "world.ancestral")
    check_keys(params_class, written.world.modern, "world.modern")
    ancestral: Any = validated(params_class, written.world.ancestral, "world.ancestral")
    full = dataclasses.asdict(ancestral)
    modern: Any = validated(params_class, {**full, **written.world.modern}, "world.modern")
    world["ancestral"] = full
    world["modern"] = {name: getattr(modern, name) for name in written.world.modern}
    for i, other in enumerate(written.analysis.family):
        check_keys(params_class, other.set, f"analysis.family.{i}.set")
        validated(params_class, {**full, **other.set}, f"analysis.family.{i}.set")
    for i, member in enumerate(written.world.mixture):
        check_keys(params_class, member.set, f"world.mixture.{i}.set")
        base = full if member.world == "ancestral" else dataclasses.asdict(modern)
        validated(params_class, {**base, **member.set}, f"world.mixture.{i}.set")
    _check_phases(written)
    return written.model_copy(
        update={
            "world": type(written.world)(**world),
            "genome": resolved_part(written.genome, genome_classes(written.genome), "genome"),
            "optimizer": resolved_part(written.optimizer, OPTIMIZER_PARAMS, "optimizer"),
        }
    )


def build(experiment: Experiment) -> Problem:
    """World pair and genome of a resolved experiment. Raises `UserError`."""
    if on_landscape(experiment):
        lived_in = ", ".join(name for name in registry.names("world") if name not in LANDSCAPES)
        raise UserError(
            f"world.name must be a pair of worlds to be lived in ({lived_in}), but"
            f" '{experiment.world.name}' is a landscape over real vectors. Search it with 'evosim"
            " run' or 'evosim claims claim-06-demons'."
        )
    try:
        pair = _pair(experiment, experiment.world.modern)
        _check_selection(experiment, pair)
        a = pair.ancestral
        shape = WorldShape(
            a.features, tuple(a.beliefs), pair.options(), a.lifespan, cue=pair.cue is not None
        )
        genome = registry.genome(experiment.genome["name"])
        built = genome.build(part_params(experiment.genome, genome.params, "genome"), shape)
        check_names_of(pair, built)
        name = experiment.optimizer["name"]
        params = part_params(experiment.optimizer, OPTIMIZER_PARAMS[name], "optimizer")
        check_on_grid(name, params, built.grid, experiment.generations)
        family_pairs(experiment)  # refuse now what could not be accounted for later
        return Problem(experiment, pair, built)
    except (InvalidWorld, InvalidGenome, InvalidOptimizer) as error:
        raise UserError(str(error)) from None


def check_names_of(pair: WorldPair, genome: Genome) -> None:
    """Refuse names of a world or a genome that no screen and no picture would show as they are.

    Parameters
    ----------
    pair : WorldPair
        The two worlds.
    genome : Genome
        What is evolved.

    Raises
    ------
    UserError
        For the first such name.
    """
    a = pair.ancestral
    check_free(a.acts, ACTS_TAKEN, f"an act of world '{pair.name}'", "a row of the accounts")
    check_free(
        trait_names(genome.grid),
        LOCI_TAKEN,
        "a locus of the genome",
        "a row of the search ledger or a column of populations",
    )
    kinds: dict[str, Iterable[Any]] = {
        "a state": a.states,
        "an act": a.acts,
        "a feature": a.features,
        "an observation class": pair.classes,
        "a belief": a.beliefs,
    }
    for what, names in kinds.items():
        check_names(names, f"{what} of world '{pair.name}'")
    for world in (a, pair.modern):
        check_names(world.case_names, f"a case of world '{pair.name}'")
    check_names([locus.name for locus in genome.grid.loci], "a locus of the genome")
    for locus in genome.grid.loci:
        named = [allele for allele in locus.params.alleles if isinstance(allele, str)]
        check_names(named, f"an allele of locus '{locus.name}'")


def check_free(names: Iterable[str], taken: Iterable[str], what: str, use: str) -> None:
    """Refuse names that would share a row or a column with something else.

    Parameters
    ----------
    names : iterable of str
        Names of one kind, as a world or a genome gives them.
    taken : iterable of str
        What the accounts use in the same place.
    what : str
        What messages call one of the names.
    use : str
        What the accounts use them for.

    Raises
    ------
    UserError
        For the first name that is taken, or that is there twice once underscores are shown as
        spaces.
    """
    seen: dict[str, str] = {}
    for name in names:
        if name in taken:
            raise UserError(
                f"{what} must not be called '{name}', which is {use}. Rename it, for example to 'my"
                f" {name}'."
            )
        shown = str(name).replace("_", " ")
        if shown in seen:
            raise UserError(
                f"{what} must look like no other, but '{seen[shown]}' and '{name}' are both shown"
                f" as '{shown}'. Rename one."
            )
        seen[shown] = name


def trait_names(grid: Grid) -> list[str]:
    """The loci of a grid, and what the search ledger calls its drivers and modifiers."""
    driven = [
        f"{grid.loci[i].name}: {grid.loci[i].params.alleles[allele]}"
        for i, allele in grid.drive.alleles
    ]
    return [*(locus.name for locus in grid.loci), *driven]


def family_pairs(experiment: Experiment) -> dict[str, WorldPair]:
    """By name, the pair with each world of the family in place of the modern one.

    Raises `UserError`.
    """
    try:
        return {
            member.name: _pair(experiment, dict(member.set))
            for member in experiment.analysis.family
        }
    except InvalidWorld as error:
        raise UserError(str(error).replace("world.modern", "analysis.family")) from None


def _pair(experiment: Experiment, modern: dict[str, Any]) -> WorldPair:
    """The world pair of an experiment with these parameters of the modern world.

    Raises `InvalidWorld`.
    """
    entry = registry.world(experiment.world.name)
    pair = mix_worlds(
        entry.build(entry.params(**experiment.world.ancestral), modern), _members(experiment, entry)
    )
    if experiment.world.cue is None:
        return pair
    return with_cue(
        pair, Cue(experiment.world.cue.ancestral_error, experiment.world.cue.modern_error)
    )


def _members(experiment: Experiment, entry: Entry) -> list[Member]:
    """The other worlds of training. Raises `InvalidWorld`."""
    world, out = experiment.world, []
    for i, member in enumerate(world.mixture):
        modern = member.world == "modern"
        if modern:
            made = entry.build(
                entry.params(**world.ancestral), {**world.modern, **member.set}
            ).modern
        else:
            made = entry.build(entry.params(**{**world.ancestral, **member.set}), {}).ancestral
        out.append(Member(f"{member.world} {i + 1}", member.share, made, modern))
    return out


def _check_selection(experiment: Experiment, pair: WorldPair) -> None:
    choice = experiment.selection
    cases = int((pair.ancestral.case_shares() > 0.0).sum())
    if not choice.plain and cases < 2:
        raise UserError(
            "selection must be over the mean of all lives where lives begin in one case only, but"
            f" is over '{choice.over}' with sample {choice.sample}. Add a [[world.mixture]], or"
            " take a world of several cases."
        )


def _check_phases(experiment: Experiment) -> None:
    """The exhaustive optimizer proposes the whole grid first: one generation would leave that as
    its population.
    """
    if experiment.optimizer.get("name") != "exhaustive":
        return
    for i, phase in enumerate(experiment.phases):
        if phase.generations < 2:
            raise UserError(
                f"phases.{i}.generations must be at least 2 for the exhaustive optimizer (one to"
                f" try every genome, one to keep the best), but is {phase.generations}. Raise it."
            )
