"""The one place where names become worlds and genomes, and where a written experiment becomes a resolved one."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import tomli_w

from evosim import installed
from evosim.errors import UserError, unknown
from evosim.names import check_names
from evosim.optimizers.catalogue import OPTIMIZER_PARAMS, InvalidOptimizer, check_on_grid
from evosim.optimizers.vectors import VECTOR_PARAMS
from evosim.params import (
    WORDS,
    Experiment,
    inline,
    named_experiments,
    read_experiment,
    shortened,
    validated,
    without_unused,
)
from genomes import Genome, Grid, InvalidGenome, WorldShape
from worlds import LANDSCAPES, Cue, Entry, Hills, InvalidWorld, WorldPair, with_cue
from worlds.family import Member, mixed

# Words that stand beside names of acts or loci: rows of the accounts, of the search ledger, columns of populations.
ACTS_TAKEN = ("upkeep", "sum")
LOCI_TAKEN = ("fitness in A", "fitness in M", "class", "count", "seed", "kept")
MISSING = object()  # no value at this path
MOST_NUMBERS = 200_000_000  # drawn before a search of a landscape begins


@dataclass(frozen=True, eq=False)
class Setting:
    """What an experiment's names stand for."""

    experiment: Experiment
    pair: WorldPair
    genome: Genome


def resolve(tree: dict[str, Any]) -> Experiment:
    """A written tree with every default filled in. Raises `UserError`."""
    written: Experiment = validated(Experiment, tree, "")
    if on_landscape(written):
        return _resolved_on_landscape(written)
    world = dict(written.world)
    params_class = installed.world(written.world.name).params
    if written.optimizer.get("name") == "gradient":
        raise UserError(
            "optimizer.name must search alleles, but 'gradient' goes by small steps, and policies of a grid do not follow those. "
            f"Use it with world.name = {_any_of(LANDSCAPES)}, or use one of {', '.join(sorted(OPTIMIZER_PARAMS))}."
        )
    _check_keys(params_class, written.world.ancestral, "world.ancestral")
    _check_keys(params_class, written.world.modern, "world.modern")
    ancestral: Any = validated(params_class, written.world.ancestral, "world.ancestral")
    full = dataclasses.asdict(ancestral)
    modern: Any = validated(params_class, {**full, **written.world.modern}, "world.modern")
    world["ancestral"] = full
    world["modern"] = {name: getattr(modern, name) for name in written.world.modern}
    for i, other in enumerate(written.analysis.family):
        _check_keys(params_class, other.set, f"analysis.family.{i}.set")
        validated(params_class, {**full, **other.set}, f"analysis.family.{i}.set")
    for i, member in enumerate(written.world.mixture):
        _check_keys(params_class, member.set, f"world.mixture.{i}.set")
        base = full if member.world == "ancestral" else dataclasses.asdict(modern)
        validated(params_class, {**base, **member.set}, f"world.mixture.{i}.set")
    _check_phases(written)
    return written.model_copy(
        update={
            "world": type(written.world)(**world),
            "genome": _resolved_part(written.genome, _genome_classes(written.genome), "genome"),
            "optimizer": _resolved_part(written.optimizer, OPTIMIZER_PARAMS, "optimizer"),
        }
    )


def build(experiment: Experiment) -> Setting:
    """World pair and genome of a resolved experiment. Raises `UserError`."""
    if on_landscape(experiment):
        lived_in = ", ".join(name for name in installed.names("world") if name not in LANDSCAPES)
        raise UserError(
            f"world.name must be a pair of worlds to be lived in ({lived_in}), but '{experiment.world.name}' is a landscape over real "
            "vectors. Search it with 'evosim run' or 'evosim claims claim-06-demons'."
        )
    try:
        pair = _pair(experiment, experiment.world.modern)
        _check_selection(experiment, pair)
        a = pair.ancestral
        shape = WorldShape(a.features, tuple(a.beliefs), pair.options(), a.lifespan, cue=pair.cue is not None)
        genome = installed.genome(experiment.genome["name"])
        built = genome.build(part_params(experiment.genome, genome.params, "genome"), shape)
        check_names_of(pair, built)
        name = experiment.optimizer["name"]
        params = part_params(experiment.optimizer, OPTIMIZER_PARAMS[name], "optimizer")
        check_on_grid(name, params, built.grid, experiment.generations)
        family_pairs(experiment)  # refuse now what could not be accounted for later
        return Setting(experiment, pair, built)
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
    check_free(trait_names(genome.grid), LOCI_TAKEN, "a locus of the genome", "a row of the search ledger or a column of populations")
    kinds: dict[str, Iterable[Any]] = {
        "a state": a.states, "an act": a.acts, "a feature": a.features, "an observation class": pair.classes, "a belief": a.beliefs,
    }  # fmt: skip
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
        For the first name that is taken, or that is there twice once underscores are shown as spaces.
    """
    seen: dict[str, str] = {}
    for name in names:
        if name in taken:
            raise UserError(f"{what} must not be called '{name}', which is {use}. Rename it, for example to 'my {name}'.")
        shown = str(name).replace("_", " ")
        if shown in seen:
            raise UserError(f"{what} must look like no other, but '{seen[shown]}' and '{name}' are both shown as '{shown}'. Rename one.")
        seen[shown] = name


def trait_names(grid: Grid) -> list[str]:
    """The loci of a grid, and what the search ledger calls its drivers and modifiers."""
    driven = [f"{grid.loci[i].name}: {grid.loci[i].params.alleles[allele]}" for i, allele in grid.drive.alleles]
    return [*(locus.name for locus in grid.loci), *driven]


def family_pairs(experiment: Experiment) -> dict[str, WorldPair]:
    """By name, the pair with each world of the family in place of the modern one. Raises `UserError`."""
    try:
        return {member.name: _pair(experiment, dict(member.set)) for member in experiment.analysis.family}
    except InvalidWorld as error:
        raise UserError(str(error).replace("world.modern", "analysis.family")) from None


def _pair(experiment: Experiment, modern: dict[str, Any]) -> WorldPair:
    """The world pair of an experiment with these parameters of the modern world. Raises `InvalidWorld`."""
    entry = installed.world(experiment.world.name)
    pair = mixed(entry.build(entry.params(**experiment.world.ancestral), modern), _members(experiment, entry))
    if experiment.world.cue is None:
        return pair
    return with_cue(pair, Cue(experiment.world.cue.ancestral_error, experiment.world.cue.modern_error))


def _members(experiment: Experiment, entry: Entry) -> list[Member]:
    """The other worlds of training. Raises `InvalidWorld`."""
    world, out = experiment.world, []
    for i, member in enumerate(world.mixture):
        modern = member.world == "modern"
        if modern:
            made = entry.build(entry.params(**world.ancestral), {**world.modern, **member.set}).modern
        else:
            made = entry.build(entry.params(**{**world.ancestral, **member.set}), {}).ancestral
        out.append(Member(f"{member.world} {i + 1}", member.share, made, modern))
    return out


def _check_selection(experiment: Experiment, pair: WorldPair) -> None:
    choice = experiment.selection
    cases = int((pair.ancestral.shares() > 0.0).sum())
    if not choice.plain and cases < 2:
        raise UserError(
            f"selection must be over the mean of all lives where lives begin in one case only, but is over '{choice.over}' with sample {choice.sample}. "
            "Add a [[world.mixture]], or take a world of several cases."
        )


def on_landscape(experiment: Experiment) -> bool:
    """Whether an experiment searches a landscape over real vectors, not a pair of worlds."""
    return experiment.world.name in LANDSCAPES


def build_landscape(experiment: Experiment, seed: int) -> tuple[Hills, Any]:
    """The landscape of a seed, and the parameters of what searches it. Raises `UserError`."""
    entry = LANDSCAPES[experiment.world.name]
    params = part_params(experiment.optimizer, VECTOR_PARAMS[experiment.optimizer["name"]], "optimizer")
    try:
        return entry.build(entry.params(**experiment.world.ancestral), seed), params
    except InvalidWorld as error:
        raise UserError(str(error)) from None


def commented(experiment: Experiment) -> str:
    """The resolved experiment as TOML, with unit and reason beside each number of the world."""
    name = experiment.world.name
    entry: Any = LANDSCAPES[name] if on_landscape(experiment) else installed.world(name)
    written = {"[world.ancestral]": entry.params, "[world.cue]": Cue}
    known = {table: {item.name: item.metadata for item in dataclasses.fields(params)} for table, params in written.items()}
    lines, inside = [], ""
    tree = experiment.model_dump(mode="json", exclude_none=True)
    # As tables of their own, and without the empty ones, so that more can be written below them.
    lists = {
        f"{part}.{key}": tree[part].pop(key)
        for part in ("genome", "optimizer", "analysis")
        for key in list(tree[part])
        if key in ("drivers", "modifiers", "introductions", "family")
    }
    lists["world.mixture"] = tree["world"].pop("mixture")
    for line in tomli_w.dumps(tree).removesuffix("\n").split("\n"):
        if line.startswith("["):
            inside = line
        name = line.partition(" = ")[0]
        if name in known.get(inside, {}):
            facts = known[inside][name]
            line = f"{line}  # {facts['unit']}; {facts['why']}" if "unit" in facts else line
        lines.append(line)
    for name, entries in lists.items():
        for entry in entries:
            lines += ["", f"[[{name}]]", *(f"{key} = {inline(value)}" for key, value in entry.items())]
    return "\n".join(lines) + "\n"


def changes(experiment: Experiment) -> list[str]:
    """How an experiment differs from the packaged one of the same name, as `key=value`; words, seeds apart.

    Nothing is said of an experiment whose name is not a packaged one.
    """
    if experiment.name not in named_experiments():
        return []
    found = differing([resolve(read_experiment(experiment.name)), experiment])
    return [f"{key}={json.dumps(mine) if mine is not MISSING else '(removed)'}" for key, (_, mine) in found.items()]


# What may change in a packaged experiment while its words stay true: seeds, and what is kept or computed of the same runs.
WORDS_STAY_TRUE = ("name", "seed", "replicates", "snapshots", "search_ledger", "analysis.bootstrap", "analysis.confidence")


def with_own_words(experiment: Experiment) -> Experiment:
    """The experiment without words that are another's: `title`, `question` and `expected` of a packaged one whose settings differ.

    A file that began as a copy of a packaged experiment has such words too, whatever its name. Words that its author
    wrote stay.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.

    Returns
    -------
    Experiment
        The same settings; words of another experiment are empty, and the title is then the name, and that it was changed.
    """
    update: dict[str, str] = {}
    for word in ("title", "question", "expected"):
        of = _packaged_words().get((word, getattr(experiment, word)), ())
        if of and not any(_words_are_true_of(name, experiment) for name in of):
            update[word] = f"{experiment.name}, changed" if word == "title" and experiment.name in of else ""
    return experiment.model_copy(update=update) if update else experiment


@cache
def _packaged_words() -> dict[tuple[str, str], tuple[str, ...]]:
    """Names of the packaged experiments by kind of word and text."""
    out: dict[tuple[str, str], tuple[str, ...]] = {}
    for name in named_experiments():
        tree = read_experiment(name)
        for word in ("title", "question", "expected"):
            if tree.get(word):
                out[word, tree[word]] = (*out.get((word, tree[word]), ()), name)
    return out


def _words_are_true_of(name: str, experiment: Experiment) -> bool:
    """Whether an experiment is the packaged one of this name in all that its words speak of."""
    return all(key in WORDS_STAY_TRUE for key in differing([resolve(read_experiment(name)), experiment]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TEN = 10.0  # times a default, from which on a value looks like a slip


def oddities(experiment: Experiment) -> list[str]:
    """What is legal and looks like a slip: numbers at least ten times their default, as .95 without its point.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.

    Returns
    -------
    list of str
        A line for each such number that the packaged experiment of the same name has not: the key, both values, what is likely meant.
    """
    name = experiment.world.name
    world: Any = LANDSCAPES[name].params if on_landscape(experiment) else installed.world(name).params
    parts = {"world.ancestral": (world, experiment.world.ancestral), "world.modern": (world, experiment.world.modern)}
    own = experiment.name in named_experiments()  # then what it has in common with the packaged one is no slip
    changed = differing([resolve(read_experiment(experiment.name)), experiment]) if own else {}
    out = []
    for where, (params, values) in parts.items():
        for item in dataclasses.fields(params):
            usual, value = item.default, values.get(item.name)
            if not (_is_number(usual) and _is_number(value)):
                continue
            assert value is not None
            if usual and abs(value / usual) >= TEN and (not own or f"{where}.{item.name}" in changed):
                out.append(f"{where}.{item.name} is {value:g}, {value / usual:.3g} times its default of {usual:g}. It is taken as it is; check that no point is missing.")
    return out


def differing(experiments: Sequence[Experiment]) -> dict[str, list[Any]]:
    """By dotted path, the values of the parameters in which experiments differ; words and seeds apart. `MISSING` where one has none."""
    trees = [flat(e.model_dump(mode="json")) for e in experiments]
    filled = {key[:i] for leaves in trees for key in leaves for i, c in enumerate(key) if c == "."}
    keys = dict.fromkeys(key for leaves in trees for key in leaves if key.partition(".")[0] not in (*WORDS, "seed", "replicates"))
    rows = {key: [leaves.get(key, MISSING) for leaves in trees] for key in keys if key not in filled}
    return {key: values for key, values in rows.items() if any(value != values[0] for value in values)}


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    """The leaves of a tree by dotted path; lists of numbers and words are leaves."""
    if isinstance(tree, dict):
        items = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list) and any(isinstance(value, dict | list) for value in tree):
        items = [(str(i), value) for i, value in enumerate(tree)]
    else:
        return {path: tree}
    return {k: v for key, value in items for k, v in flat(value, f"{path}.{key}" if path else key).items()}


def part_params(part: dict[str, Any], params_class: type[Any], where: str) -> Any:
    """The parameter dataclass of a part of the tree that names its kind by `name`."""
    rest = {key: value for key, value in part.items() if key != "name"}
    _check_keys(params_class, rest, where)
    return validated(params_class, rest, where)


def unit_of(experiment: Experiment) -> str:
    """What payoff is counted in, as the world says; `payoff` if it says nothing."""
    return installed.world(experiment.world.name).unit


def landscape_digest(experiment: Experiment) -> str:
    """Hash of world and genome (and whether cases are looked at): what an enumeration depends on."""
    tree = without_unused(experiment.model_dump(mode="json", include={"world", "genome", "selection"}))
    if "selection" in tree:
        tree["selection"] = True  # cases are evaluated, whatever is selected by
    return hashlib.blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16).hexdigest()


def _resolved_on_landscape(written: Experiment) -> Experiment:
    """The experiment with every default filled in. There is no modern world, and a genome is the vector itself."""
    world, entry = written.world, LANDSCAPES[written.world.name]
    if world.modern:
        raise UserError(f"world.modern must be empty for '{world.name}', which is one landscape, but has {', '.join(world.modern)}. Remove it.")
    if written.genome != {"name": "vector"}:
        raise UserError(f"genome must be {{ name = 'vector' }} for world '{world.name}', but is {shortened(str(written.genome))}. Change it.")
    unused = {
        "world.mixture": world.mixture, "world.cue": world.cue, "selection": not written.selection.plain, "analysis.family": written.analysis.family,
        "snapshots": written.snapshots,
    }  # fmt: skip
    for name, given in unused.items():
        if given:
            raise UserError(f"{name} must be left out for world '{world.name}', which is a landscape over numbers, but is given. Remove it.")
    if len(written.phases) != 1:
        raise UserError(f"phases must be one ancestral phase for world '{world.name}', but are {len(written.phases)}. Remove the others.")
    _check_keys(entry.params, world.ancestral, "world.ancestral")
    ancestral: Any = validated(entry.params, world.ancestral, "world.ancestral")
    if (numbers := written.generations * (1 + ancestral.sides)) > MOST_NUMBERS:
        raise UserError(
            f"phases.0.generations times directions must be at most {MOST_NUMBERS:,} random numbers, but is {numbers:,}. Lower generations or sides."
        )
    return written.model_copy(
        update={
            "world": world.model_copy(update={"ancestral": dataclasses.asdict(ancestral)}),
            "optimizer": _resolved_part(written.optimizer, VECTOR_PARAMS, "optimizer"),
        }
    )


def _any_of(names: Iterable[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def _genome_classes(written: dict[str, Any]) -> dict[str, type[Any]]:
    """Parameter classes of evosim's own genomes, and of the one that is written if another package offers it."""
    own: dict[str, type[Any]] = {name: entry.params for name, entry in installed.OWN["genome"].items()}
    name = written.get("name")
    return own if not isinstance(name, str) or name in own else own | {name: installed.genome(name).params}


def _resolved_part(part: dict[str, Any], classes: dict[str, type[Any]], where: str) -> dict[str, Any]:
    name = part.get("name")
    if not isinstance(name, str):
        raise UserError(f"{where}.name must be given as text, but is {name!r}. Use one of {', '.join(sorted(classes))}.")
    if name not in classes:
        raise unknown(f"{where}.name", name, classes)
    resolved: dict[str, Any] = json.loads(_resolved_again(json.dumps(part), classes[name], where))  # type: ignore[arg-type]
    return resolved


@lru_cache(maxsize=1024)
def _resolved_again(part: str, params_class: Any, where: str) -> str:
    """A part resolved, as JSON; remembered, because the cells of a sweep have most parts in common."""
    written = json.loads(part)
    return json.dumps({"name": written["name"], **dataclasses.asdict(part_params(written, params_class, where))})


def _check_phases(experiment: Experiment) -> None:
    """The exhaustive optimizer proposes the whole grid first: one generation would leave that as its population."""
    if experiment.optimizer.get("name") != "exhaustive":
        return
    for i, phase in enumerate(experiment.phases):
        if phase.generations < 2:
            raise UserError(
                f"phases.{i}.generations must be at least 2 for the exhaustive optimizer (one to try every genome, one to "
                f"keep the best), but is {phase.generations}. Raise it."
            )


def _check_keys(params_class: type[Any], given: dict[str, Any], where: str) -> None:
    known = [item.name for item in dataclasses.fields(params_class)]
    for key in given:
        if key not in known:
            raise unknown(f"a key of {where}", key, known)
