"""The example package, installed into a folder on the path, and an experiment in its world."""

from __future__ import annotations

import tomllib
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / "example_package"
EXPERIMENT = """
name = "coin"
[world]
name = "coin"
[world.modern]
fair = 0.2
[genome]
name = "{genome}"
[optimizer]
name = "sexual"
population = 20
[[phases]]
world = "ancestral"
generations = 5
[[phases]]
world = "modern"
generations = 3
"""


def install(folder: Path, source: Path, name: str, version: str, points: str) -> None:
    """Write the files of an installed package, and its metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.glob("*/*.py"):
        target = folder / path.relative_to(source)
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text())
    facts = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (facts / "entry_points.txt").write_text(points)


def declared() -> str:
    """The entry points in the pyproject.toml of the example, in the form that installers write."""
    groups = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    return "\n".join(
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))
    )


def tree(genome: str = "planner") -> dict[str, object]:
    """An experiment in the world of the example package."""
    return tomllib.loads(EXPERIMENT.format(genome=genome))
