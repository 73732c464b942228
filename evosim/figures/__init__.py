"""Figures: frames in, charts out. `FIGURES` is the catalogue of what a run can be drawn as."""

from __future__ import annotations

from evosim.runtime.home import has_home, use_temporary_home

if not has_home():  # Altair asks for it when it is imported, although it stores nothing there
    use_temporary_home()

import shlex
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.errors import UserError, in_one_line
from evosim.figures.drawing_engine import PEN, NoPen, check_addresses
from evosim.figures.inputs import Source
from evosim.figures.page_layout import SIZES, set_for
from evosim.figures.registry import FIGURES, Figure
from evosim.figures.svg_export import PIXELS_PER_INCH, print_figure
from evosim.runtime.atomic_files import inside, may_write, refuse_link, write_atomically
from evosim.runtime.names import shown
from evosim.runtime.output_folders import check_place

__all__ = [
    "FIGURES",
    "FORMATS",
    "SIZES",
    "Figure",
    "Source",
    "charts_of",
    "draw_charts",
    "draw_run",
    "drawn",
    "warm",
]

FORMATS = ("png", "svg", "pdf", "html")
Failed = Callable[[str], object]
SCREEN = "screen"
PRESSES = 2
VERSION = alt.SCHEMA_VERSION.rpartition(".")[0]


def warm() -> None:
    """Draw something small, so that what comes next need not wait for the engine."""
    pl.DataFrame({"x": [1, 2]}).group_by("x", maintain_order=True).len()
    drawn({"mark": "point"})


def warned(words: str) -> None:
    """Say in a warning that a figure failed."""
    warnings.warn(words, stacklevel=2)


def failure(name: str, error: Exception) -> str:
    """One line on a figure that failed."""
    return in_one_line(
        f"figure '{name}' was not drawn: {type(error).__name__}:"
        f" {str(error).strip().partition(chr(10))[0]}"
    )


def charts_of(
    source: Source, names: Iterable[str] | None = None, failed: Failed = warned
) -> Iterator[tuple[str, Any]]:
    """Charts of a run by name, made as they are asked for: those named, or the usual ones.

    What a run has nothing of is left out.

    A figure that fails is left out too, and `failed` hears why in one line: nothing else is lost
    with it.
    """
    wanted = [name for name, figure in FIGURES.items() if figure.usual] if names is None else names
    for name in wanted:
        try:
            chart = FIGURES[name].draw(source)
        except (
            Exception
        ) as error:  # (a genome or a world of others may have what no figure expects)
            failed(failure(name, error))
            continue
        if chart is not None:
            yield name, chart


def draw_run(
    source: Source,
    formats: tuple[str, ...],
    each: Callable[[Path], object] = id,
    names: Iterable[str] | None = None,
    size: str = SCREEN,
    failed: Failed = warned,
    asked: Iterable[str] = (),
) -> list[Path]:
    """Draw figures of a run (the usual ones) into its `figures/` folder; gives the paths, and tells
    `each` as soon as it is there.

    `failed` hears in one line of each figure that could not be drawn.
    """
    failures: list[str] = []

    def noted(words: str) -> None:
        failures.append(words)
        failed(words)

    return draw_charts(
        source.run.folder / "figures",
        charts_of(source, names, noted),
        formats,
        each,
        size,
        failed,
        asked,
        failures,
    )


def described_of(chart: Any) -> dict[str, Any]:
    """Describe a chart as the engine takes it, without signs that no picture can hold.

    Parameters
    ----------
    chart : altair.Chart
        Any chart; tests validate every figure.

    Returns
    -------
    dict
        Its description with its data. Control characters of texts are spelled out.
    """
    with alt.data_transformers.enable("default", max_rows=None):
        described: dict[str, Any] = shown(chart.to_dict(validate=False))
    return described


def drawn(described: dict[str, Any]) -> str:
    """A described chart as SVG."""
    return PEN.ask("vegalite_to_svg", vl_spec=described, vl_version=VERSION)


def draw_charts(
    folder: Path,
    charts: Iterable[tuple[str, Any]],
    formats: tuple[str, ...],
    each: Callable[[Path], object] = id,
    size: str = SCREEN,
    failed: Failed = warned,
    asked: Iterable[str] = (),
    failures: Sequence[str] = (),
) -> list[Path]:
    """Draw charts by name into a folder, for a column of a page into a folder of its name in it.

    Raises `UserError` if it cannot be written,
    and `NoPen`, a `UserError` too, if there is no drawing engine.

    Charts that were `asked` for, by name or by the kind before its hyphen, must be there, or have
    failed (`failures` has the lines of those that fail as they are made): otherwise `UserError`,
    and nothing is drawn.

    A figure is drawn once, as SVG, and the other formats made of that, while the next is being
    described. One thread draws: a second would wait for the engine and hold up all of Python
    meanwhile. A figure that fails costs no other one: `failed` hears of it in one line.
    """
    check_addresses()
    if asked := list(asked):
        charts = list(charts)
        for name in asked:
            told = any(f"figure '{name}'" in words for words in failures)
            if not told and not any(
                there == name or there.startswith(f"{name}-") for there, _ in charts
            ):
                raise UserError(
                    f"figure '{name}' must have something to show, but {folder.parent} has nothing"
                    " of the kind. Draw another, or all that there are: 'evosim figures"
                    f" {folder.parent}'."
                )
    if (
        folder.name == "figures"
        and folder.parent.is_dir()
        and not may_write(folder if folder.is_dir() else folder.parent)
    ):
        raise UserError(_not_here(folder))
    if size != SCREEN:
        refuse_link(folder)
        folder = folder / size
    refuse_link(folder)
    check_place(folder, "the folder of figures")
    try:
        folder.mkdir(exist_ok=True, parents=size != SCREEN)
        with (
            alt.data_transformers.enable("default", max_rows=None),
            ThreadPoolExecutor(1) as engine,
            ThreadPoolExecutor(PRESSES) as presses,
        ):
            on_their_way = []
            for name, chart in charts:
                try:
                    described = described_of(chart)
                except Exception as error:
                    failed(failure(name, error))
                    continue
                files = [inside(folder, f"{name}.{kind}", "a figure's file") for kind in formats]
                on_their_way.append(
                    (name, engine.submit(_draw, described, size, files, presses, each))
                )
            made = []
            for name, figure in on_their_way:
                try:
                    made += [printed.result() for printed in figure.result()]
                except (OSError, UserError, NoPen):  # of the disk, or of the engine's memory
                    engine.shutdown(wait=False, cancel_futures=True)
                    raise
                except Exception as error:  # (of the drawing engine)
                    failed(failure(name, error))
            return made
    except OSError as error:
        raise UserError(
            f"{folder} must be writable for figures, but is not: {error.strerror}. Mend its"
            " permissions."
        ) from None


def _not_here(folder: Path) -> str:
    """What is said of a folder for figures that this user may not write."""
    whole = folder.parent.resolve()
    copy = shlex.quote(f"{whole.name}-copy")
    return (
        f"{folder} must be writable for figures, but is read-only for this user. "
        f"Draw in a copy: 'cp -r {shlex.quote(str(whole))} {copy} && evosim figures {copy}'."
    )


def _draw(
    described: dict[str, Any],
    size: str,
    files: list[Path],
    presses: Executor,
    each: Callable[[Path], object],
) -> list[Future[Path]]:
    """One figure from its description; its files are on their way."""
    column = SIZES[size]
    described, svg = set_for(described, column, drawn) if column else (described, drawn(described))
    pixels = column.pixels_per_inch if column else PIXELS_PER_INCH
    return [presses.submit(_printed, described, svg, pixels, file, each) for file in files]


def _printed(
    described: dict[str, Any], svg: str, pixels: int, file: Path, each: Callable[[Path], object]
) -> Path:
    if file.suffix == ".html":
        from evosim.figures.html import page

        write_atomically(file, page(file.stem, described, svg).encode())
    else:
        print_figure(svg, file, pixels)
    each(file)
    return file
