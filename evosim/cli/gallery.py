"""All figures that can be drawn from a folder: of a run, a sweep, or a landscape search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evosim.api.export import source_of
from evosim.config.file_kinds import (
    PARTIAL_FOLDER,
    RUN_FOLDER,
    SEARCH_FOLDER,
    SWEEP_FOLDER,
    refuse_other_kind,
)
from evosim.config.landscape_search import on_landscape
from evosim.config.resolve import resolve
from evosim.config.toml_files import read_toml
from evosim.errors import UserError, unknown
from evosim.runs import accounts, landscape_search
from evosim.runs import figures as runs_figures
from evosim.runs.reader import read_run
from evosim.sweeps.figures import KINDS

RUN, SWEEP, SEARCH = "run", "sweep", "search"
SWEEP_FILE, EXPERIMENT_FILE = "sweep.json", "experiment.toml"


@dataclass(frozen=True)
class Entry:
    """One figure of the gallery.

    Attributes
    ----------
    name : str
        The name of the figure on the command line.
    of : {"run", "sweep", "search"}
        The kind of folder that the figure needs.
    what : str
        The content of the figure, in one line.
    usual : bool
        Whether it is a default figure.
    """

    name: str
    of: str
    what: str
    usual: bool


def entries() -> list[Entry]:
    """All figures: of runs, of sweeps, of searches."""
    from evosim.figures import FIGURES
    from evosim.figures.registry import SEARCH_FIGURES

    runs = [Entry(name, RUN, figure.description, figure.usual) for name, figure in FIGURES.items()]
    sweeps = [Entry(name, SWEEP, what, True) for name, what in KINDS.items()]
    return [
        *runs,
        *sweeps,
        *(Entry(name, SEARCH, figure.description, True) for name, figure in SEARCH_FIGURES.items()),
    ]


def kind_of(folder: Path) -> str:
    """The kind of a folder: `run`, `sweep` or `search`.

    An unknown folder counts as that of a run: the reader of runs then names the missing files.
    Raises `UserError`.
    """
    refuse_other_kind(folder, RUN_FOLDER, SWEEP_FOLDER, SEARCH_FOLDER, PARTIAL_FOLDER)
    if (folder / SWEEP_FILE).is_file():
        return SWEEP
    return (
        SEARCH
        if (folder / EXPERIMENT_FILE).is_file()
        and on_landscape(resolve(read_toml(folder / EXPERIMENT_FILE)))
        else RUN
    )


def draw(
    folder: Path,
    names: Sequence[str],
    formats: Sequence[str],
    size: str,
    *,
    usual: bool = False,
    log: Callable[[str], object] = lambda words: None,
) -> list[Path]:
    """Draw the figures of a run, a sweep or a search into its folder.

    Parameters
    ----------
    folder : Path
        The folder of a run, a sweep or a landscape search.
    names : sequence of str
        The figures to draw. Empty: all figures that have data.
    formats : sequence of str
        File formats, as `png`.
    size : str
        A size of `evosim.figures.SIZES`.
    usual : bool
        Whether to draw only the default figures, if there are no `names`.
    log : callable
        Called with each warning.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UserError
        If an argument is unknown, or if a figure in `names` has no data.
    """
    from evosim.figures import FORMATS, SIZES

    if size not in SIZES:
        raise unknown("--size", size, SIZES)
    for kind in formats:
        if kind not in FORMATS:
            raise unknown("--format", kind, FORMATS)
    of = kind_of(folder)
    known = [entry for entry in entries() if entry.of == of]
    for name in names:
        # Sweeps have several figures of a kind, named by their quantity.
        if of != SWEEP or "-" not in name:
            _check_name(name, of, [entry.name for entry in known])
    available = [entry.name for entry in known if entry.usual or not usual]
    failures: list[str] = []
    request = _Request(
        folder, list(dict.fromkeys(names)), available, tuple(formats), size, log, failures.append
    )
    paths = {RUN: _draw_run, SWEEP: _draw_sweep, SEARCH: _draw_search}[of](request)
    if failures and not paths:
        raise UserError(failures[0])
    for message in failures:
        log(message)
    return paths


@dataclass(frozen=True)
class _Request:
    """A request for figures.

    Attributes
    ----------
    folder : Path
        The folder of a run, a sweep or a search.
    names : list of str
        The figures that the user named.
    available : list of str
        The figures to draw without names.
    formats : tuple of str
        File formats.
    size : str
        The size of the figures.
    warn, on_failure : callable
        Called with warnings, and with the reasons of figures that cannot be drawn.
    """

    folder: Path
    names: list[str]
    available: list[str]
    formats: tuple[str, ...]
    size: str
    warn: Callable[[str], object]
    on_failure: Callable[[str], object]


def _check_name(name: str, of: str, known: Sequence[str]) -> None:
    others = [entry.of for entry in entries() if entry.name == name]
    if others and name not in known:
        raise UserError(
            f"{name} is a figure of a {others[0]}, but the folder holds a {of}. Choose from"
            f" {', '.join(known)}."
        )
    if name not in known:
        raise unknown("a figure", name, known)


def _draw_run(request: _Request) -> list[Path]:
    recorded = read_run(request.folder)
    if not accounts.same_code(recorded):
        version = recorded.provenance["evosim"]
        request.warn(
            f"{recorded.folder} was made by other code (evosim {version}); --force repeats the run."
        )
    return runs_figures.draw(
        recorded,
        request.formats,
        names=request.names or request.available,
        size=request.size,
        on_failure=request.on_failure,
        required=request.names,
    )


def _draw_sweep(request: _Request) -> list[Path]:
    from evosim.sweeps import figures
    from evosim.sweeps.analysis import analysis_of
    from evosim.sweeps.queries import chosen
    from evosim.sweeps.store import Store

    store = Store(request.folder)
    analysis = analysis_of(store)
    return figures.draw(
        store.folder,
        analysis,
        chosen(analysis, []),
        options=figures.DrawOptions(
            request.formats, request.names or None, request.size, request.on_failure
        ),
    )


def _draw_search(request: _Request) -> list[Path]:
    from evosim.figures import draw_charts
    from evosim.figures.inputs import Searched
    from evosim.figures.registry import SEARCH_FIGURES

    folder = request.folder
    if not landscape_search.same_code(folder):
        request.warn(f"{folder} was made by other code; --force repeats the run.")
    source = Searched(
        source_of(folder).table(landscape_search.TABLE),
        resolve(read_toml(folder / EXPERIMENT_FILE)),
    )
    names = request.names or request.available
    charts = ((name, SEARCH_FIGURES[name].draw(source)) for name in names)
    paths = draw_charts(
        folder / "figures",
        charts,
        request.formats,
        size=request.size,
        on_failure=request.on_failure,
        required=request.names,
    )
    if not request.names and request.size == "screen":
        runs_figures.list_figures(folder, paths)
    return paths


def table() -> Any:
    """The gallery for a terminal."""
    from rich.table import Table

    out = Table(box=None)
    for column in ("figure", "of a", "shows"):
        out.add_column(column)
    for entry in entries():
        out.add_row(entry.name, entry.of, entry.what)
    return out


def formats_of(text: str) -> list[str]:
    """File formats from a comma-separated list, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",")))
