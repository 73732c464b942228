"""Kinds of files and folders of evosim, and the command for each kind."""

from __future__ import annotations

import shlex
from pathlib import Path

from evosim.config.toml_files import named_experiments, read_toml
from evosim.errors import UserError

RUN_FOLDER = "the folder of a run"
SEARCH_FOLDER = "the folder of a landscape search"
SWEEP_FOLDER = "the folder of a sweep"
PARTIAL_FOLDER = "the folder of an interrupted run"
EXPERIMENT_FILE = "an experiment file"
SWEEP_FILE = "a sweep file"
PACKAGED = "a packaged experiment"


def kind_at(path: Path) -> str:
    """The kind of a file or folder, from the files in the folder or the keys in the file.

    Parameters
    ----------
    path : Path
        A file, a folder, or the name of a packaged experiment.

    Returns
    -------
    str
        One of the kinds above. Empty for any other file.
    """
    try:
        if path.is_dir():
            if (path / "sweep.json").is_file():
                return SWEEP_FOLDER
            if not (path / "experiment.toml").is_file():
                return ""
            if (path / "tables" / "paths.parquet").is_file():
                return SEARCH_FOLDER
            return RUN_FOLDER if (path / "provenance.json").is_file() else PARTIAL_FOLDER
        if not path.is_file():
            return PACKAGED if str(path) in named_experiments() else ""
        tree = read_toml(path)
    except (UserError, OSError, ValueError):
        return ""
    if isinstance(tree.get("experiment"), str):
        return SWEEP_FILE
    return EXPERIMENT_FILE if {"world", "genome", "optimizer"} & tree.keys() else ""


def refuse_other_kind(path: Path, *accepted: str) -> None:
    """Raise an error if a path has another kind than a command accepts.

    The error names the command for the kind. A path of no known kind is left to the reader of the
    accepted kind.

    Parameters
    ----------
    path : Path
        The argument of the command.
    *accepted : str
        The kinds that the command accepts.

    Raises
    ------
    UserError
        If the path has another kind.
    """
    kind = kind_at(path)
    if not kind or kind in accepted:
        return
    names = " or ".join(name for name in accepted if name != PARTIAL_FOLDER)
    raise UserError(f"{path} is {kind}, not {names}. {_remedy(path, kind, accepted)}.")


def _remedy(path: Path, kind: str, accepted: tuple[str, ...]) -> str:
    """The commands for a path of some kind."""
    here, experiment, sweep = (
        shlex.quote(str(path / name)) for name in ("", "experiment.toml", "sweep.toml")
    )
    if kind == RUN_FOLDER and accepted == (EXPERIMENT_FILE,):
        return f"Show it: 'evosim analyze {here}'. Rerun it: 'evosim run {experiment}'"
    if kind == SWEEP_FOLDER and accepted == (SWEEP_FILE,):
        return f"Continue it: 'evosim sweep run {sweep} --out {here}'"
    parent = path.parent
    is_folder = kind_at(parent) in (RUN_FOLDER, SEARCH_FOLDER, SWEEP_FOLDER)
    if is_folder and kind_at(parent) in accepted:
        return f"Give its folder: {parent}"
    command = {
        RUN_FOLDER: f"analyze {here}",
        SEARCH_FOLDER: f"figures {here}",
        SWEEP_FOLDER: f"sweep analyze {here}",
        PARTIAL_FOLDER: f"run {here} --resume",
        EXPERIMENT_FILE: f"run {here}",
        SWEEP_FILE: f"sweep run {here}",
        PACKAGED: f"run {here}",
    }[kind]
    return f"Use 'evosim {command}'"
