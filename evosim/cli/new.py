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
LONGEST = 40
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
    name="new",
    help="Start a world or a genome of one's own: a small package with an experiment and tests.",
)

Name = Annotated[str, typer.Argument(help="What experiments and Python call it, e.g. tide_pools.")]
Out = Annotated[Path | None, typer.Option(help="Folder to make. Default: NAME, here.")]


@new.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    """Start a world or a genome of one's own: a small package with an experiment and tests."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@new.command()
def world(name: Name, out: Out = None) -> None:
    """Start a world: a pair of worlds that shows a loss by the shift, its experiment and its
    tests.
    """
    _told("world", name, out)


@new.command()
def genome(name: Name, out: Out = None) -> None:
    """Start a genome: agents that want one thing, an experiment in savanna, and tests."""
    _told("genome", name, out)


def begin(kind: str, name: str, out: Path | None = None) -> Path:
    """Make the folder of a new `world` or `genome` and return it.

    Raises `UserError`; then nothing is left behind.
    """
    folder = Path(name) if out is None else out
    if folder.exists() or folder.is_symlink():
        raise UserError(
            f"{folder} must not exist yet, but does. Choose another name or --out, or remove it."
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
            f"{folder} must be writable, but is not: {error.strerror or error}. Give another --out."
        ) from None
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def distribution() -> str:
    """The name by which evosim is installed, for the dependencies of a new package.

    The name of the distribution on the package index is not the name of the module: another program
    has that name there. A checkout that is not installed says it in its `pyproject.toml`.
    """
    found = sorted(set(metadata.packages_distributions().get("evosim", ())))
    if found:
        same = [name for name in found if metadata.version(name) == __version__]
        return (same or found)[0]
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    try:
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["name"])
    except (OSError, ValueError, KeyError):
        raise UserError(
            "evosim must be installed to start a package that needs it, but is not. Install it with"
            " pip."
        ) from None


def check_name(kind: str, name: str) -> None:
    """Raise `UserError` for a name that Python or experiments could not call a new world or genome
    by.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        likely = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:LONGEST].strip("_")
        hint = (
            f"Call it '{likely}'."
            if likely and likely != name and _NAME.fullmatch(likely)
            else "Choose another."
        )
        raise UserError(
            f"a {kind}'s name must be small letters, digits and single underscores, begin with a"
            f" letter and have at most {LONGEST}, but is '{name}'. {hint}"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise UserError(
            f"a {kind}'s name must be free in Python, but '{name}' is a word of the language."
            " Choose another."
        )
    from evosim.config import registry  # brings NumPy with it

    if name in registry.names(kind):
        raise UserError(
            f"a {kind}'s name must be new, but '{name}' is there already ('evosim list'). Choose"
            " another."
        )
    if name in sys.stdlib_module_names or _importable(name) or name == "tests":
        raise UserError(
            f"a {kind}'s name must be free in Python, but there is a module '{name}' already."
            " Choose another."
        )


def _told(kind: str, name: str, out: Path | None) -> None:
    folder = begin(kind, name, out)
    echo(f"{folder}: a {kind}, its experiment and its tests. Go on with")
    echo(
        f"  cd {shlex.quote(str(folder))}\n  pip install -e '.[test]'\n  python -m pytest\n  evosim"
        f" run {name}.toml"
    )


def _importable(name: str) -> bool:
    """Whether there is a module of this name; a mere folder that happens to be here is none."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def _class_of(name: str) -> str:
    """The class of parameters, called as the house calls them; not as something that the templates
    import.
    """
    words = "".join(part.capitalize() for part in name.split("_"))
    return f"{words}Params" if words in TAKEN else words


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
