"""Packages that `evosim new` creates, as an installer leaves them on the path."""

from __future__ import annotations

from pathlib import Path

from evosim.cli.new import create


def install(kind: str, name: str, site: Path) -> Path:
    """Create a package from its template and make it importable from a folder.

    Parameters
    ----------
    kind : str
        `world` or `genome`.
    name : str
        Name of the package.
    site : Path
        Folder on the path. It gets a link to the module and a `dist-info` folder.

    Returns
    -------
    Path
        The package's own folder.
    """
    folder = create(kind, name, site / f"{name}_project")
    (site / f"{name}.py").symlink_to(folder / f"{name}.py")
    facts = site / f"{name}-0.1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (facts / "entry_points.txt").write_text(f"[evosim.{kind}s]\n{name} = {name}:ENTRY\n")
    return folder
