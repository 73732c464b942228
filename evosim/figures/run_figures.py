"""Charts and files of all figures of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from evosim.figures.files import (
    SCREEN,
    OnFailure,
    OnFile,
    draw_charts,
    failure_line,
    warn_of_failure,
)
from evosim.figures.inputs import Source
from evosim.figures.registry import FIGURES


def charts_of(
    source: Source, names: Iterable[str] | None = None, on_failure: OnFailure = warn_of_failure
) -> Iterator[tuple[str, Any]]:
    """Charts of a run by name, each made when it is requested.

    Parameters
    ----------
    source : Source
        The run and its analysis.
    names : iterable of str, optional
        Names of figures. By default the usual ones.
    on_failure : callable
        Called with one line about each figure that fails. It is left out, like a figure that has
        nothing to show.

    Yields
    ------
    tuple of (str, altair chart)
        Name and chart.
    """
    if names is None:
        names = [name for name, figure in FIGURES.items() if figure.usual]
    for name in names:
        try:
            chart = FIGURES[name].draw(source)
        except Exception as error:  # a plug-in may have what no figure expects
            on_failure(failure_line(name, error))
            continue
        if chart is not None:
            yield name, chart


def draw_run(
    source: Source,
    formats: tuple[str, ...],
    on_file: OnFile = id,
    names: Iterable[str] | None = None,
    size: str = SCREEN,
    on_failure: OnFailure = warn_of_failure,
    required: Iterable[str] = (),
) -> list[Path]:
    """Draw figures of a run into its folder `figures/`.

    Parameters are those of `charts_of` and `files.draw_charts`.

    Returns
    -------
    list of Path
        The files that were written.
    """
    failures: list[str] = []

    def note_failure(line: str) -> None:
        failures.append(line)
        on_failure(line)

    return draw_charts(
        source.run.folder / "figures",
        charts_of(source, names, note_failure),
        formats,
        on_file,
        size,
        on_failure,
        required,
        failures,
    )
