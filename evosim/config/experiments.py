"""Find an experiment by its name or its file."""

from __future__ import annotations

from pathlib import Path

from evosim.config import registry
from evosim.config.file_kinds import EXPERIMENT_FILE, refuse_other_kind
from evosim.config.schema import Tree
from evosim.config.toml_files import named_experiments, read_toml
from evosim.errors import UserError, closest, unknown


def read_experiment(name: str) -> Tree:
    """The written tree of an experiment.

    Parameters
    ----------
    name : str
        The name of a packaged experiment, or the path of a TOML file.

    Raises
    ------
    UserError
        If there is no such experiment. The message names what was probably meant.
    """
    known = named_experiments()
    if name in known:
        return read_toml(known[name])
    refuse_other_kind(Path(name), EXPERIMENT_FILE)
    if name.endswith(".toml") or "/" in name or "\\" in name:
        return read_toml(Path(name))
    raise _unknown_experiment(name, list(known))


def _unknown_experiment(name: str, known: list[str]) -> UserError:
    """The error for an unknown experiment. The name may be that of a world or genome."""
    kinds = dict.fromkeys(known, "experiment")
    for kind in ("world", "genome"):
        for other in registry.names(kind):
            kinds.setdefault(other, kind)
    near = closest(name, kinds)
    if near is None or kinds[near] == "experiment":
        return unknown("the experiment", name, known)
    users = [name for name in experiments_with(kinds[near], near) if not name.startswith("claim-")]
    verb = "is" if name == near else f"is unknown. Did you mean '{near}'? That is"
    run = f"Run an experiment with it: {', '.join(users)}" if users else "Name it in a file"
    example = f"'evosim run {users[0]}'" if users else "'evosim show three-losses > own.toml'"
    return UserError(f"'{name}' {verb} a {kinds[near]}, not an experiment. {run}, as {example}.")


def experiments_with(kind: str, name: str) -> list[str]:
    """The packaged experiments that use a world or a genome.

    Parameters
    ----------
    kind : {"world", "genome"}
        The kind of the name.
    name : str
        The name of the world or genome.
    """
    return [
        experiment
        for experiment, path in named_experiments().items()
        if read_toml(path).get(kind, {}).get("name") == name
    ]
