"""The command `evosim new`: create a package with a world or a genome of your own."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shlex
import shutil
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from evosim.errors import UserError
from evosim.runtime.terminal import echo
from evosim.version import __version__

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
SUFFIX = ".tmpl"
LONGEST = 40  # characters of a name
# Names that the templates import
TAKEN = {
    "Any",
    "Entry",
    "GermLine",
    "Grid",
    "Ints",
    "InvalidGenome",
    "LocusParams",
    "Mapping",
    "NDArray",
    "Path",
    "PlannerRules",
    "TabularMdp",
    "WorldPair",
    "WorldShape",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

new = typer.Typer(
    name="new", help="Create a package for your own world or genome, with an experiment and tests."
)

Name = Annotated[str, typer.Argument(help="Its name in experiments and Python, e.g. tide_pools.")]
Out = Annotated[
    Path | None, typer.Option(help="Folder to create. Default: NAME in the current folder.")
]


@new.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    """Create a package for your own world or genome, with an experiment and tests."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@new.command()
def world(name: Name, out: Out = None) -> None:
    """Create a world: two worlds with a loss by the shift, an experiment, tests."""
    _create_and_print("world", name, out)


@new.command()
def genome(name: Name, out: Out = None) -> None:
    """Create a genome: agents with one desire, an experiment in savanna, tests."""
    _create_and_print("genome", name, out)


def create(kind: str, name: str, out: Path | None = None) -> Path:
    """Create the folder of a new world or genome.

    Parameters
    ----------
    kind : {"world", "genome"}
        The kind of package.
    name : str
        Its name in experiments and Python.
    out : Path or None
        The folder. None: `name` in the current folder.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UserError
        If the name or the folder cannot be used. No files remain then.
    """
    folder = Path(name) if out is None else out
    if folder.exists() or folder.is_symlink():
        raise UserError(
            f"{folder} exists already. Choose another folder with --out, or remove {folder}."
        )
    check_name(kind, name)
    names = {
        "name": name,
        "class": _class_of(name),
        "dist": name.replace("_", "-"),
        "evosim": distribution(),
    }
    partial: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        for source in sorted((TEMPLATES / kind).rglob(f"*{SUFFIX}")):
            target = partial / source.relative_to(TEMPLATES / kind).with_name(
                source.name.removesuffix(SUFFIX).replace("name", name)
            )
            target.parent.mkdir(exist_ok=True)
            target.write_text(
                Template(source.read_text(encoding="utf-8")).substitute(names), encoding="utf-8"
            )
        partial.chmod(0o777 & ~_umask())
        os.rename(partial, folder)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written: {error.strerror or error}. Choose another folder with"
            " --out."
        ) from None
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def distribution() -> str:
    """The name of the distribution that holds evosim, for the dependencies of a new package.

    On the package index, another program has the name `evosim`. If evosim is a checkout that is not
    installed, the name comes from its `pyproject.toml`. Raises `UserError`.
    """
    installed = sorted(set(metadata.packages_distributions().get("evosim", ())))
    if installed:
        same = [name for name in installed if metadata.version(name) == __version__]
        return (same or installed)[0]
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    try:
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["name"])
    except (OSError, ValueError, KeyError):
        raise UserError(
            "a new package depends on evosim, which is not installed. In your evosim checkout: 'pip"
            " install -e .'"
        ) from None


def check_name(kind: str, name: str) -> None:
    """Raise `UserError` for a name that a new world or genome cannot have."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        likely = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:LONGEST].strip("_")
        hint = (
            f"Call it '{likely}'."
            if likely and likely != name and _NAME.fullmatch(likely)
            else f"Write for example 'my_{kind}'."
        )
        raise UserError(
            f"NAME must begin with a letter and have at most {LONGEST} small letters, digits and"
            f" single underscores, but is '{name}'. {hint}"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise UserError(
            f"'{name}' is a keyword of Python, so a {kind} cannot have this name. Write for example"
            f" 'my_{name}'."
        )
    from evosim.config import registry  # brings NumPy with it

    if name in registry.names(kind):
        raise UserError(
            f"a {kind} with the name '{name}' exists already ('evosim list'). Write for example"
            f" 'my_{name}'."
        )
    if name in sys.stdlib_module_names or _importable(name) or name == "tests":
        raise UserError(
            f"a Python module with the name '{name}' exists already, so a {kind} cannot have this"
            f" name. Write for example 'my_{name}'."
        )


def _create_and_print(kind: str, name: str, out: Path | None) -> None:
    folder = create(kind, name, out)
    echo(f"{folder}: a {kind}, its experiment and its tests. Next steps:")
    echo(
        f"  cd {shlex.quote(str(folder))}\n  pip install -e '.[test]'\n  python -m pytest\n  evosim"
        f" run {name}.toml"
    )


def _importable(name: str) -> bool:
    """Whether a module has this name. A folder without Python files does not count."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def _class_of(name: str) -> str:
    """The name of the parameter class. It differs from all names that the templates import."""
    camel_case = "".join(part.capitalize() for part in name.split("_"))
    return f"{camel_case}Params" if camel_case in TAKEN else camel_case


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
