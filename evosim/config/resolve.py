"""Resolve an experiment: names become worlds and genomes, and all defaults are filled in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from evosim.config import registry
from evosim.config.landscape_search import any_of, on_landscape, resolved_on_landscape
from evosim.config.parts import genome_classes, part_params, resolved_part
from evosim.config.schema import Experiment, Tree
from evosim.config.validation import check_keys, validated
from evosim.errors import UserError
from evosim.genomes import Genome, Grid, InvalidGenome, WorldShape
from evosim.optimizers.params import OPTIMIZER_PARAMS, InvalidOptimizer, check_on_grid
from evosim.runtime.names import check_names
from evosim.worlds import LANDSCAPES, Cue, Entry, InvalidWorld, WorldPair, with_cue
from evosim.worlds.mixture import Member, mix_worlds

# Names of rows and columns in the same tables as acts and loci: accounts, the search ledger,
# populations.
ACTS_TAKEN = ("upkeep", "sum")
LOCI_TAKEN = ("fitness in A", "fitness in M", "class", "count", "seed", "kept")


@dataclass(frozen=True, eq=False)
class Problem:
    """The objects that the names of an experiment refer to.

    Attributes
    ----------
    experiment : Experiment
        The resolved experiment.
    pair : WorldPair
        The ancestral and the modern world.
    genome : Genome
        Loci, alleles and the decoder of classes.
    """

    experiment: Experiment
    pair: WorldPair
    genome: Genome


def resolve(tree: Tree) -> Experiment:
    """Fill in all defaults of a written experiment.

    Parameters
    ----------
    tree : dict
        The written experiment.

    Returns
    -------
    Experiment
        The experiment with every parameter of world, genome and optimizer.

    Raises
    ------
    UserError
        For the first value that does not fit.
    """
    written: Experiment = validated(Experiment, tree, "")
    if on_landscape(written):
        return resolved_on_landscape(written)
    world = dict(written.world)
    params_class = registry.world(written.world.name).params
    if written.optimizer.get("name") == "gradient":
        raise UserError(
            "optimizer 'gradient' needs a landscape over real vectors, but world"
            f" '{written.world.name}' has a grid of alleles. Write world.name ="
            f" {any_of(LANDSCAPES)}, or as optimizer.name one of"
            f" {', '.join(sorted(OPTIMIZER_PARAMS))}."
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
    """Build the world pair and the genome of a resolved experiment.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.

    Raises
    ------
    UserError
        If the world or the genome refuses its parameters, or if they do not fit together.
    """
    if on_landscape(experiment):
        pairs = ", ".join(name for name in registry.names("world") if name not in LANDSCAPES)
        raise UserError(
            f"world.name must be a pair of worlds ({pairs}), but '{experiment.world.name}' is a"
            " landscape over real vectors. Search it with 'evosim run' or 'evosim claims"
            " claim-06-demons'."
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
        family_pairs(experiment)  # report errors in the family before the run
        return Problem(experiment, pair, built)
    except (InvalidWorld, InvalidGenome, InvalidOptimizer) as error:
        raise UserError(str(error)) from None


def check_names_of(pair: WorldPair, genome: Genome) -> None:
    """Raise an error for names that a screen or a figure cannot show as they are.

    Parameters
    ----------
    pair : WorldPair
        The two worlds.
    genome : Genome
        The genome.

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
    for kind, names in kinds.items():
        check_names(names, f"{kind} of world '{pair.name}'")
    for world in (a, pair.modern):
        check_names(world.case_names, f"a case of world '{pair.name}'")
    check_names([locus.name for locus in genome.grid.loci], "a locus of the genome")
    for locus in genome.grid.loci:
        named = [allele for allele in locus.params.alleles if isinstance(allele, str)]
        check_names(named, f"an allele of locus '{locus.name}'")


def check_free(names: Iterable[str], taken: Iterable[str], kind: str, use: str) -> None:
    """Raise an error for names that would share a row or a column of a table.

    Parameters
    ----------
    names : iterable of str
        Names of one kind in a world or a genome.
    taken : iterable of str
        Names of the accounts in the same place.
    kind : str
        The kind of the names, for messages.
    use : str
        The use of the taken names, for messages.

    Raises
    ------
    UserError
        For the first name that is taken, or that appears twice. Underscores count as spaces.
    """
    seen: dict[str, str] = {}
    for name in names:
        if name in taken:
            raise UserError(
                f"{kind} cannot have the name '{name}', which is {use}. Rename it, for example to"
                f" 'my {name}'."
            )
        shown = str(name).replace("_", " ")
        if shown in seen:
            raise UserError(
                f"{kind} must differ from all others, but '{seen[shown]}' and '{name}' are both"
                f" shown as '{shown}'. Rename one, for example to '{name}_2'."
            )
        seen[shown] = name


def trait_names(grid: Grid) -> list[str]:
    """Names of the loci of a grid, and of its drivers and modifiers in the search ledger."""
    driven = [
        f"{grid.loci[i].name}: {grid.loci[i].params.alleles[allele]}"
        for i, allele in grid.drive.alleles
    ]
    return [*(locus.name for locus in grid.loci), *driven]


def family_pairs(experiment: Experiment) -> dict[str, WorldPair]:
    """World pairs by name of the family member, which replaces the modern world.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.

    Raises
    ------
    UserError
        If a member has parameters that its world refuses.
    """
    try:
        return {
            member.name: _pair(experiment, dict(member.set))
            for member in experiment.analysis.family
        }
    except InvalidWorld as error:
        raise UserError(str(error).replace("world.modern", "analysis.family")) from None


def _pair(experiment: Experiment, modern: Tree) -> WorldPair:
    """The world pair with these parameters of the modern world. Raises `InvalidWorld`."""
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
    """The other worlds of ancestral lives. Raises `InvalidWorld`."""
    world, members = experiment.world, []
    for i, member in enumerate(world.mixture):
        modern = member.world == "modern"
        if modern:
            built = entry.build(
                entry.params(**world.ancestral), {**world.modern, **member.set}
            ).modern
        else:
            built = entry.build(entry.params(**{**world.ancestral, **member.set}), {}).ancestral
        members.append(Member(f"{member.world} {i + 1}", member.share, built, modern))
    return members


def _check_selection(experiment: Experiment, pair: WorldPair) -> None:
    choice = experiment.selection
    cases = int((pair.ancestral.case_shares() > 0.0).sum())
    if not choice.plain and cases < 2:
        raise UserError(
            f"selection is over '{choice.over}' with sample {choice.sample}, which needs several"
            " start cases, but this world has one. Write selection.over = 'mean' and"
            " selection.sample = 0, or add a [[world.mixture]]."
        )


def _check_phases(experiment: Experiment) -> None:
    """The exhaustive optimizer needs two generations: all classes, then the best ones."""
    if experiment.optimizer.get("name") != "exhaustive":
        return
    for i, phase in enumerate(experiment.phases):
        if phase.generations < 2:
            raise UserError(
                f"phases.{i}.generations must be at least 2 for the exhaustive optimizer, but is"
                f" {phase.generations}. Write phases.{i}.generations = 2."
            )


def payoff_unit(experiment: Experiment) -> str:
    """The unit of payoff in the world of an experiment; `payoff` if the world names none."""
    return registry.world(experiment.world.name).unit
