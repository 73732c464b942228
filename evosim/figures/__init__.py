"""Figures: frames in, charts out. `FIGURES` is the catalogue of what a run can be drawn as."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from evosim.errors import UserError
from evosim.figures.catalogue import FIGURES, Figure
from evosim.figures.sizes import SIZES, set_for
from evosim.figures.source import Source
from evosim.press import PIXELS_PER_INCH, print_figure

__all__ = ["FIGURES", "FORMATS", "SIZES", "Figure", "Source", "charts_of", "draw_charts", "draw_run", "drawn", "warm"]

FORMATS = ("png", "svg", "pdf", "html")
SCREEN = "screen"
PRESSES = 2
VERSION = alt.SCHEMA_VERSION.rpartition(".")[0]


def warm() -> None:
    """Draw something small, so that what comes next need not wait for the engine."""
    pl.DataFrame({"x": [1, 2]}).group_by("x", maintain_order=True).len()
    vl_convert.vegalite_to_svg({"mark": "point"}, vl_version=VERSION)


def charts_of(source: Source, names: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Charts of a run by name, made as they are asked for: those named, or the usual ones. What a run has nothing of is left out."""
    wanted = [name for name, figure in FIGURES.items() if figure.usual] if names is None else names
    for name in wanted:
        chart = FIGURES[name].draw(source)
        if chart is not None:
            yield name, chart


def draw_run(
    source: Source, formats: tuple[str, ...], each: Callable[[Path], object] = id, names: Iterable[str] | None = None, size: str = SCREEN
) -> list[Path]:
    """Draw figures of a run (the usual ones) into its `figures/` folder; gives the paths, and tells `each` as soon as it is there."""
    return draw_charts(source.run.folder / "figures", charts_of(source, names), formats, each, size)


def drawn(described: dict[str, Any]) -> str:
    """A described chart as SVG."""
    svg: str = vl_convert.vegalite_to_svg(described, vl_version=VERSION)
    return svg


def draw_charts(
    folder: Path, charts: Iterable[tuple[str, Any]], formats: tuple[str, ...], each: Callable[[Path], object] = id, size: str = SCREEN
) -> list[Path]:
    """Draw charts by name into a folder, for a column of a page into a folder of its name in it. Raises `UserError` if it cannot be written.

    A figure is drawn once, as SVG, and the other formats made of that, while the next is being described. One thread draws:
    a second would wait for the engine and hold up all of Python meanwhile.
    """
    if size != SCREEN:
        folder = folder / size
    try:
        folder.mkdir(exist_ok=True, parents=size != SCREEN)
        with alt.data_transformers.disable_max_rows(), ThreadPoolExecutor(1) as engine, ThreadPoolExecutor(PRESSES) as presses:
            on_their_way = []
            for name, chart in charts:
                described = chart.to_dict(validate=False)  # tests validate every figure
                files = [folder / f"{name}.{kind}" for kind in formats]
                on_their_way.append(engine.submit(_draw, described, size, files, presses, each))
            return [printed.result() for figure in on_their_way for printed in figure.result()]
    except OSError as error:
        raise UserError(f"{folder} must be writable for figures, but is not: {error.strerror}. Mend its permissions.") from None


def _draw(
    described: dict[str, Any], size: str, files: list[Path], presses: Executor, each: Callable[[Path], object]
) -> list[Future[Path]]:
    """One figure from its description; its files are on their way."""
    column = SIZES[size]
    described, svg = set_for(described, column, drawn) if column else (described, drawn(described))
    pixels = column.pixels_per_inch if column else PIXELS_PER_INCH
    return [presses.submit(_printed, described, svg, pixels, file, each) for file in files]


def _printed(described: dict[str, Any], svg: str, pixels: int, file: Path, each: Callable[[Path], object]) -> Path:
    if file.suffix == ".html":
        from evosim.figures.html import page

        file.write_text(page(file.stem, described, svg), encoding="utf-8")
    else:
        print_figure(svg, file, pixels)
    each(file)
    return file
