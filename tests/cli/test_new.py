"""New worlds and genomes: a template gives a package that runs.

Mistakes are one line and leave nothing behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evosim.cli import new
from evosim.cli.main import app
from evosim.cli.new import create
from evosim.errors import UserError
from evosim.version import __version__

ROOT = Path(__file__).resolve().parents[2]
# A class of the second name would be one that its file imports
MADE = {"world": "orchard_b", "genome": "entry"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the path that holds both templates as an installer leaves them behind."""
    site = tmp_path_factory.mktemp("site")
    for kind, name in MADE.items():
        folder = create(kind, name, site / f"{name}_project")
        project = tomllib.loads((folder / "pyproject.toml").read_text())
        (site / f"{name}.py").symlink_to(folder / f"{name}.py")
        assert project["tool"]["setuptools"]["py-modules"] == [name]
        facts = site / f"{name}-0.1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['project']['name']}\nVersion:"
            f" {project['project']['version']}\n"
        )
        groups = project["project"]["entry-points"]
        (facts / "entry_points.txt").write_text(
            "\n".join(
                f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in points.items())
                for group, points in groups.items()
            )
        )
    return site


@pytest.mark.slow
def test_what_a_template_gives_passes_its_own_tests(site: Path) -> None:
    """Its contract, its numbers by hand, and a run of its experiment."""
    folders = [str(site / f"{name}_project" / "tests") for name in MADE.values()]
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "pytest",
            "-q",
            "--import-mode=importlib",
            "-p",
            "no:cacheprovider",
            *folders,
        ],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{site}"},
        capture_output=True,
        text=True,
        check=False,
        cwd=site,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout


def test_what_a_template_gives_is_clean(site: Path) -> None:
    for kind, name in MADE.items():
        folder = site / f"{name}_project"
        files = sorted(
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
        assert files == [
            "README.md",
            f"{name}.py",
            f"{name}.toml",
            "pyproject.toml",
            f"tests/test_{name}.py",
        ], kind
        assert not [file for file in files if "$" in (folder / file).read_text()]
    projects = [str(site / f"{name}_project") for name in MADE.values()]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--line-length",
            "160",
            "--select",
            "E,F,W,UP,B,SIM,RET,PERF,NPY",
            *projects,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "Tide-Pools",
            (
                "must begin with a letter and have at most 40 small letters, digits and single"
                " underscores, but is 'Tide-Pools'. Call it 'tide_pools'."
            ),
        ),
        ("../up", "Call it 'up'."),
        ("a" * 41, f"Call it '{'a' * 40}'."),
        ("", "but is ''. Write for example 'my_world'."),
        ("7", "but is '7'. Write for example 'my_world'."),
        ("class", "'class' is a keyword of Python, so a world cannot have this name. Write for"),
        ("json", "module with the name 'json' exists already, so a world cannot have this name."),
        ("numpy", "a Python module with the name 'numpy' exists already"),
        (
            "micro",
            "a world with the name 'micro' exists already ('evosim list'). Write for example",
        ),
        ("tests", "a Python module with the name 'tests' exists already"),
    ],
)
def test_names_that_cannot_be_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        create("world", name, tmp_path / "made")
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orchard").mkdir()
    with pytest.raises(UserError, match="orchard exists already"):
        create("genome", "orchard")
    assert [path.name for path in tmp_path.iterdir()] == ["orchard"]
    assert not list((tmp_path / "orchard").iterdir())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        create("world", "orchard", tmp_path / "file" / "orchard")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_command_says_what_to_type_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["new", "world", "orchard", "--out", "my orchard"])
    assert done.exit_code == 0
    assert "cd 'my orchard'" in done.output
    assert "evosim run orchard.toml" in done.output
    assert (tmp_path / "my orchard" / "orchard.toml").is_file()


@pytest.mark.parametrize("kind", ["world", "genome"])
def test_the_dependency_is_the_distribution_that_is_installed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name under which it is installed, which is not the module's; of a checkout, what its
    pyproject.toml says.
    """
    monkeypatch.setattr(
        new.metadata,
        "packages_distributions",
        lambda: {"evosim": ["evosim", "some-name", "some-name"]},
    )
    monkeypatch.setattr(
        new.metadata, "version", lambda name: {"evosim": "0.0.3", "some-name": __version__}[name]
    )
    project = tomllib.loads(
        (create(kind, "orchard", tmp_path / "one") / "pyproject.toml").read_text()
    )
    assert project["project"]["dependencies"] == ["some-name"]
    monkeypatch.setattr(new.metadata, "packages_distributions", dict)
    project = tomllib.loads(
        (create(kind, "orchard", tmp_path / "two") / "pyproject.toml").read_text()
    )
    assert project["project"]["dependencies"] == [
        tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    ]
