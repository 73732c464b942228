"""All figures that can be drawn of a folder: of a run, a sweep, or a landscape search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evosim.api.export import source_of
from evosim.config.landscape_search import on_landscape
from evosim.config.resolve import resolve
from evosim.config.toml_files import (
    PARTIAL_FOLDER,
    RUN_FOLDER,
    SEARCH_FOLDER,
    SWEEP_FOLDER,
    read_toml,
    refuse_other_kind,
)
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

    Attributes:
        name: by which it is asked for.
        of: what it is drawn from: a `run`, a `sweep` or a `search`.
        what: it shows, in one line.
        usual: whether it is drawn unasked.
    """

    name: str
    of: str
    what: str
    usual: bool


def entries() -> list[Entry]:
    """All figures: of runs, of sweeps, of searches."""
    from evosim.figures import FIGURES
    from evosim.figures.search_paths import SEARCH_FIGURES

    runs = [Entry(name, RUN, figure.what, figure.usual) for name, figure in FIGURES.items()]
    sweeps = [Entry(name, SWEEP, what, True) for name, what in KINDS.items()]
    return [
        *runs,
        *sweeps,
        *(Entry(name, SEARCH, figure.what, True) for name, figure in SEARCH_FIGURES.items()),
    ]


def kind_of(folder: Path) -> str:
    """What a folder holds.

    A folder that is none of them is taken for a run's, which says what is missing. Raises
    `UserError`.
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
    tell: Callable[[str], object] = lambda words: None,
) -> list[Path]:
    """Draw figures of what a folder holds into it: those named, the usual ones, or all; gives the
    paths.

    Without names what is not there is left out. Raises `UserError`, also where a figure that was
    named has nothing to show.
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
        # Of sweeps there are several of a kind, named by their quantity
        if of != SWEEP or "-" not in name:
            _must_be_known(name, of, [entry.name for entry in known])
    asked = list(dict.fromkeys(names))
    there = [entry.name for entry in known if entry.usual or not usual]
    failures: list[str] = []
    drawn = {RUN: _of_run, SWEEP: _of_sweep, SEARCH: _of_search}[of](
        folder, asked, there, tuple(formats), size, tell, failures.append
    )
    if failures and not drawn:
        raise UserError(failures[0])
    for words in failures:
        tell(words)
    return drawn


def _must_be_known(name: str, of: str, known: Sequence[str]) -> None:
    others = [entry.of for entry in entries() if entry.name == name]
    if others and name not in known:
        raise UserError(
            f"{name} must be a figure of a {of}, but is one of a {others[0]}. Choose from"
            f" {', '.join(known)}."
        )
    if name not in known:
        raise unknown("a figure", name, known)


def _of_run(
    folder: Path,
    asked: list[str],
    there: list[str],
    formats: tuple[str, ...],
    size: str,
    tell: Callable[[str], object],
    failed: Callable[[str], object],
) -> list[Path]:
    recorded = read_run(folder)
    if not accounts.same_code(recorded):
        tell(
            f"{recorded.folder} was made by other code (evosim {recorded.provenance['evosim']});"
            " --force repeats it."
        )
    return runs_figures.draw(
        recorded, formats, names=asked or there, size=size, failed=failed, asked=asked
    )


def _of_sweep(
    folder: Path,
    asked: list[str],
    there: list[str],
    formats: tuple[str, ...],
    size: str,
    tell: Callable[[str], object],
    failed: Callable[[str], object],
) -> list[Path]:
    from evosim.sweeps import analysis as sweeps_analysis
    from evosim.sweeps import figures
    from evosim.sweeps.store import Store

    store = Store(folder)
    analysis = sweeps_analysis.analysis_of(store)
    return figures.draw(
        store.folder,
        analysis,
        sweeps_analysis.chosen(analysis, []),
        None,
        None,
        formats,
        names=asked or None,
        size=size,
        failed=failed,
    )


def _of_search(
    folder: Path,
    asked: list[str],
    there: list[str],
    formats: tuple[str, ...],
    size: str,
    tell: Callable[[str], object],
    failed: Callable[[str], object],
) -> list[Path]:
    from evosim.figures import draw_charts
    from evosim.figures.inputs import Searched
    from evosim.figures.search_paths import SEARCH_FIGURES

    if not landscape_search.same_code(folder):
        tell(f"{folder} was made by other code; --force repeats it.")
    source = Searched(
        source_of(folder).table(landscape_search.TABLE),
        resolve(read_toml(folder / EXPERIMENT_FILE)),
    )
    charts = ((name, SEARCH_FIGURES[name].draw(source)) for name in asked or there)
    drawn = draw_charts(folder / "figures", charts, formats, size=size, failed=failed, asked=asked)
    if not asked and size == "screen":
        runs_figures.list_figures(folder, drawn)
    return drawn


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
    """Formats from a list with commas, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",")))
