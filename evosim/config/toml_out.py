"""Write a resolved experiment as to_commented_toml TOML, and list how experiments differ."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import tomli_w

from evosim.config import registry
from evosim.config.landscape_search import on_landscape
from evosim.config.resolve import resolve
from evosim.config.schema import WORDS, Experiment
from evosim.config.toml_files import inline, named_experiments, read_experiment
from evosim.worlds import LANDSCAPES, Cue

MISSING = object()  # no value at this path


def to_commented_toml(experiment: Experiment) -> str:
    """The resolved experiment as TOML, with unit and reason beside each number of the world."""
    name = experiment.world.name
    entry: Any = LANDSCAPES[name] if on_landscape(experiment) else registry.world(name)
    written = {"[world.ancestral]": entry.params, "[world.cue]": Cue}
    known = {
        table: {item.name: item.metadata for item in dataclasses.fields(params)}
        for table, params in written.items()
    }
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
            lines += [
                "",
                f"[[{name}]]",
                *(f"{key} = {inline(value)}" for key, value in entry.items()),
            ]
    return "\n".join(lines) + "\n"


def changes_from_packaged(experiment: Experiment) -> list[str]:
    """How an experiment differs from the packaged one of the same name, as `key=value`; words,
    seeds apart.

    Nothing is said of an experiment whose name is not a packaged one.
    """
    if experiment.name not in named_experiments():
        return []
    found = differences([resolve(read_experiment(experiment.name)), experiment])
    return [
        f"{key}={json.dumps(mine) if mine is not MISSING else '(removed)'}"
        for key, (_, mine) in found.items()
    ]


# What may change in a packaged experiment while its words stay true: seeds, and what is kept or
# computed of the same runs.
WORDS_STAY_TRUE = (
    "name",
    "seed",
    "replicates",
    "snapshots",
    "search_ledger",
    "analysis.bootstrap",
    "analysis.confidence",
)


def with_own_words(experiment: Experiment) -> Experiment:
    """The experiment without words that are another's: `title`, `question` and `expected` of a
    packaged one whose settings differ.

    A file that began as a copy of a packaged experiment has such words too, whatever its name.
    Words that its author wrote stay.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.

    Returns
    -------
    Experiment
        The same settings; words of another experiment are empty, and the title is then the name,
        and that it was changed.
    """
    update: dict[str, str] = {}
    for word in ("title", "question", "expected"):
        of = _packaged_words().get((word, getattr(experiment, word)), ())
        if of and not any(_words_are_true_of(name, experiment) for name in of):
            update[word] = (
                f"{experiment.name}, changed" if word == "title" and experiment.name in of else ""
            )
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
    return all(
        key in WORDS_STAY_TRUE for key in differences([resolve(read_experiment(name)), experiment])
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TEN = 10.0  # times a default, from which on a value looks like a slip


def unusual_values(experiment: Experiment) -> list[str]:
    """What is legal and looks like a slip: numbers at least ten times their default, as .95 without
    its point.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.

    Returns
    -------
    list of str
        A line for each such number that the packaged experiment of the same name has not: the key,
        both values, what is likely meant.
    """
    name = experiment.world.name
    world: Any = (
        LANDSCAPES[name].params if on_landscape(experiment) else registry.world(name).params
    )
    parts = {
        "world.ancestral": (world, experiment.world.ancestral),
        "world.modern": (world, experiment.world.modern),
    }
    # Then what it has in common with the packaged one is no slip
    own = experiment.name in named_experiments()
    changed = differences([resolve(read_experiment(experiment.name)), experiment]) if own else {}
    out = []
    for where, (params, values) in parts.items():
        for item in dataclasses.fields(params):
            usual, value = item.default, values.get(item.name)
            if not (_is_number(usual) and _is_number(value)):
                continue
            assert value is not None
            if (
                usual
                and abs(value / usual) >= TEN
                and (not own or f"{where}.{item.name}" in changed)
            ):
                out.append(
                    f"{where}.{item.name} is {value:g}, {value / usual:.3g} times its default of"
                    f" {usual:g}. It is taken as it is; check that no point is missing."
                )
    return out


def differences(experiments: Sequence[Experiment]) -> dict[str, list[Any]]:
    """By dotted path, the values of the parameters in which experiments differ; words and seeds
    apart. `MISSING` where one has none.
    """
    trees = [flat(e.model_dump(mode="json")) for e in experiments]
    filled = {key[:i] for leaves in trees for key in leaves for i, c in enumerate(key) if c == "."}
    keys = dict.fromkeys(
        key
        for leaves in trees
        for key in leaves
        if key.partition(".")[0] not in (*WORDS, "seed", "replicates")
    )
    rows = {
        key: [leaves.get(key, MISSING) for leaves in trees] for key in keys if key not in filled
    }
    return {
        key: values for key, values in rows.items() if any(value != values[0] for value in values)
    }


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    """The leaves of a tree by dotted path; lists of numbers and words are leaves."""
    if isinstance(tree, dict):
        items = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list) and any(isinstance(value, dict | list) for value in tree):
        items = [(str(i), value) for i, value in enumerate(tree)]
    else:
        return {path: tree}
    return {
        k: v
        for key, value in items
        for k, v in flat(value, f"{path}.{key}" if path else key).items()
    }


def payoff_unit(experiment: Experiment) -> str:
    """What payoff is counted in, as the world says; `payoff` if it says nothing."""
    return registry.world(experiment.world.name).unit
