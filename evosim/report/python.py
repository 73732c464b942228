"""Reports from Python: what `evosim report` writes, of handles or folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from evosim.api import Run, Search, Sweep
from evosim.errors import UserError
from evosim.forks import guarded
from evosim.given import a_path, flag, maybe_path
from evosim.report.commands import _place, write

One = Run | Sweep | Search | str | Path


@guarded
def write_report(what: One | Sequence[One], path: str | Path | None = None, *, force: bool = False) -> Path:
    """Write one HTML file about runs, sweeps or searches; gives its path (`report.html` in the folder; of several, here).

    A file that is no report is written over with `force` only. Raises `UserError`, and then writes nothing.
    """
    flag(force, "force")
    one = isinstance(what, Run | Sweep | Search | str | os.PathLike)
    several: list[Any] = [what] if one or not isinstance(what, Iterable) else list(what)
    if not several:
        raise UserError("a report must be about a run, a sweep or a search, but the list is empty. Give one, for example evosim.write_report(run, 'report.html').")
    folders = [one.folder if isinstance(one, Run | Sweep | Search) else a_path(one, "what a report is about", "'results/runs/FOLDER'") for one in several]
    place = _place(folders, maybe_path(path, "path", "'report.html'"), force=force)
    write(folders, place)
    return place
