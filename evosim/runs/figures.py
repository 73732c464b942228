"""Draw the figures of a recorded run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from evosim.analysis.recorded_run import Recorded
from evosim.errors import unknown
from evosim.runs.accounts import FIGURES, analysed
from evosim.runs.provenance import write_json
from evosim.runs.reader import FIGURE_LIST

if TYPE_CHECKING:
    from evosim.figures import Source

USUAL_FORMATS = ("png", "svg", "pdf")


def has_figures(recorded: Recorded) -> bool:
    """Return whether all default figures of a run are drawn."""
    return figures_missing(recorded.folder) == []


def figures_missing(folder: Path) -> list[str] | None:
    """Return default figures of a run or a search that are missing in some default format.

    Parameters
    ----------
    folder : Path
        Of the run.

    Returns
    -------
    list of str, or None
        Names. None if the figures were never drawn completely, so the list of names is unknown.
    """
    try:
        names = json.loads((folder / FIGURE_LIST).read_text(encoding="utf-8"))["figures"]
        return [
            name
            for name in names
            if not all((folder / FIGURES / f"{name}.{kind}").is_file() for kind in USUAL_FORMATS)
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def list_figures(folder: Path, files: Iterable[Path]) -> None:
    """Store the list of default figures of a run or a search, when all are drawn.

    Raises `UserError`.

    Parameters
    ----------
    folder : Path
        Of the run.
    files : iterable of Path
        Their files, in any format.
    """
    write_json(folder / FIGURE_LIST, {"figures": sorted({path.stem for path in files})})


def source_of(recorded: Recorded) -> Source:
    """Return the data of a run's figures; the run is analysed first if necessary."""
    from evosim.figures import Source

    return Source(recorded, *analysed(recorded))


def draw(
    recorded: Recorded,
    formats: tuple[str, ...],
    on_file: Callable[[Path], object] = id,
    names: Iterable[str] | None = None,
    size: str = "screen",
    on_failure: Callable[[str], object] | None = None,
    required: Iterable[str] = (),
) -> list[Path]:
    """Draw figures of a run. It is analysed first if necessary.

    Parameters
    ----------
    recorded : Recorded
        The run.
    formats : tuple of str
        `png`, `svg`, `pdf` or `html`.
    on_file : callable
        Called with each file when it is written.
    names : iterable of str, optional
        Names of figures. By default the usual ones.
    size : str
        `screen`, or a column of a page: `one` or `two`.
    on_failure : callable, optional
        Called with one line about each figure that failed. By default that is a warning.
    required : iterable of str
        Figures that the run must have.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    UserError
        A name is unknown, the folder cannot be written, or a required figure has nothing to show.
    """
    from evosim.figures import FIGURES, FORMATS, SIZES, draw_run, warn_of_failure

    if size not in SIZES:
        raise unknown("--size", size, SIZES)
    for name in formats:
        if name not in FORMATS:
            raise unknown("--format", name, FORMATS)
    names = None if names is None else list(names)
    for name in names or ():
        if name not in FIGURES:
            raise unknown("a figure", name, FIGURES)
    on_failure = on_failure or warn_of_failure
    source = source_of(recorded)
    files = draw_run(source, formats, on_file, names, size, on_failure, required)
    usual = {name for name, figure in FIGURES.items() if figure.usual}
    if size == "screen" and (names is None or usual <= set(names)):
        list_figures(recorded.folder, (path for path in files if path.stem in usual))
    return files


def preload_drawing() -> None:
    """Load the drawing engine and start it."""
    from evosim.figures import preload

    preload()
