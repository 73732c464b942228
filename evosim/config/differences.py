"""Differences between experiments, and between an experiment and a packaged one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from evosim.config import registry
from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import on_landscape
from evosim.config.resolve import resolve
from evosim.config.schema import WORDS, Experiment, Tree
from evosim.config.toml_files import named_experiments
from evosim.worlds import LANDSCAPES

MISSING = object()  # the value at a path that an experiment does not have
TEXTS = ("title", "question", "expected")
# Keys of a packaged experiment that may change while its texts stay true
TEXTS_STAY_TRUE = (
    "name",
    "seed",
    "replicates",
    "snapshots",
    "search_ledger",
    "analysis.bootstrap",
    "analysis.confidence",
)
UNUSUAL_FACTOR = 10.0  # a number that is this many times its default looks like a slip


def differences(experiments: Sequence[Experiment]) -> dict[str, list[Any]]:
    """The values of all parameters in which experiments differ.

    Texts and seeds do not count.

    Parameters
    ----------
    experiments : sequence of Experiment
        Resolved experiments.

    Returns
    -------
    dict
        By dotted path, one value for each experiment. `MISSING` if an experiment has no value.
    """
    trees = [flat(e.model_dump(mode="json")) for e in experiments]
    # Paths that are a table in some experiment, and empty in others
    tables = {key[:i] for leaves in trees for key in leaves for i, c in enumerate(key) if c == "."}
    keys = dict.fromkeys(
        key
        for leaves in trees
        for key in leaves
        if key.partition(".")[0] not in (*WORDS, "seed", "replicates")
    )
    rows = {
        key: [leaves.get(key, MISSING) for leaves in trees] for key in keys if key not in tables
    }
    return {
        key: values for key, values in rows.items() if any(value != values[0] for value in values)
    }


def flat(tree: Any, path: str = "") -> Tree:
    """The leaves of a tree by dotted path. Lists of numbers and of text are leaves."""
    if isinstance(tree, dict):
        items = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list) and any(isinstance(value, dict | list) for value in tree):
        items = [(str(i), value) for i, value in enumerate(tree)]
    else:
        return {path: tree}
    return {
        leaf: value
        for key, child in items
        for leaf, value in flat(child, f"{path}.{key}" if path else key).items()
    }


def changes_from_packaged(experiment: Experiment) -> list[str]:
    """Differences from the packaged experiment of the same name, as `key=value`.

    Texts and seeds do not count. The list is empty if no packaged experiment has the name.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.
    """
    if experiment.name not in named_experiments():
        return []
    packaged = resolve(read_experiment(experiment.name))
    return [
        f"{key}={json.dumps(value) if value is not MISSING else '(removed)'}"
        for key, (_, value) in differences([packaged, experiment]).items()
    ]


def with_own_words(experiment: Experiment) -> Experiment:
    """The experiment without the texts of a packaged experiment that it no longer describes.

    A file that began as a copy of a packaged experiment has the title, question and expectation of
    that experiment. They are removed if the settings differ. Texts of the author stay.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.

    Returns
    -------
    Experiment
        The same settings. A removed title is replaced by the name and `, changed`.
    """
    update: dict[str, str] = {}
    for key in TEXTS:
        packaged = _packaged_texts().get((key, getattr(experiment, key)), ())
        if packaged and not any(_texts_are_true(name, experiment) for name in packaged):
            is_copy = key == "title" and experiment.name in packaged
            update[key] = f"{experiment.name}, changed" if is_copy else ""
    return experiment.model_copy(update=update) if update else experiment


def note_on_expected(experiment: Experiment) -> str:
    """Which text is left out of an experiment that changes a packaged one; empty if none is."""
    name = experiment.name
    if experiment.expected or name not in named_experiments():
        return ""
    if not read_experiment(name).get("expected") or _texts_are_true(name, experiment):
        return ""
    return (
        f"the text of '{name}' is left out, because settings differ. 'evosim show {name}' prints"
        " it."
    )


@cache
def _packaged_texts() -> dict[tuple[str, str], tuple[str, ...]]:
    """Names of packaged experiments by key and text."""
    names: dict[tuple[str, str], tuple[str, ...]] = {}
    for name in named_experiments():
        tree = read_experiment(name)
        for key in TEXTS:
            if tree.get(key):
                names[key, tree[key]] = (*names.get((key, tree[key]), ()), name)
    return names


def _texts_are_true(name: str, experiment: Experiment) -> bool:
    """Whether the texts of a packaged experiment describe an experiment."""
    packaged = resolve(read_experiment(name))
    return all(key in TEXTS_STAY_TRUE for key in differences([packaged, experiment]))


def unusual_values(experiment: Experiment) -> list[str]:
    """Legal values that look like slips: numbers at least ten times their default.

    An example is `95` for `.95`.

    Parameters
    ----------
    experiment : Experiment
        A resolved experiment.

    Returns
    -------
    list of str
        One line for each such number: the key, the value, and the default. Values of the packaged
        experiment of the same name do not count.
    """
    name = experiment.world.name
    params: Any = (
        LANDSCAPES[name].params if on_landscape(experiment) else registry.world(name).params
    )
    packaged = experiment.name in named_experiments()
    changed = (
        differences([resolve(read_experiment(experiment.name)), experiment]) if packaged else {}
    )
    messages = []
    for world, values in (
        ("world.ancestral", experiment.world.ancestral),
        ("world.modern", experiment.world.modern),
    ):
        for item in dataclasses.fields(params):
            default, value = item.default, values.get(item.name)
            if not (_is_number(default) and _is_number(value)):
                continue
            assert value is not None
            key = f"{world}.{item.name}"
            if (
                default
                and abs(value / default) >= UNUSUAL_FACTOR
                and (not packaged or key in changed)
            ):
                messages.append(
                    f"{key} is {value:g}, {value / default:.3g} times its default of {default:g}."
                    " The value is used; check its decimal point."
                )
    return messages


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
