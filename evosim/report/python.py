"""Reports from Python: what `evosim report` writes, of handles or folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evosim.api import Run, Search, Sweep
from evosim.forks import guarded
from evosim.report.commands import _place, write

One = Run | Sweep | Search | str | Path


@guarded
def write_report(what: One | Sequence[One], path: str | Path | None = None, *, force: bool = False) -> Path:
    """Write one HTML file about runs, sweeps or searches; gives its path (`report.html` in the folder; of several, here).

    A file that is no report is written over with `force` only. Raises `UserError`, and then writes nothing.
    """
    several = [what] if isinstance(what, Run | Sweep | Search | str | Path) else list(what)
    folders = [Path(one) if isinstance(one, str | Path) else one.folder for one in several]
    place = _place(folders, Path(path) if path else None, force=force)
    write(folders, place)
    return place
