"""Write charts as PNG, SVG, PDF and HTML files into a folder."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import altair as alt

from evosim.errors import UserError, in_one_line
from evosim.figures.drawing_engine import NoDrawingEngine, check_addresses
from evosim.figures.page_layout import SIZES, fit_to_column
from evosim.figures.svg_export import PIXELS_PER_INCH, export_svg
from evosim.figures.vega import Spec, spec_of, to_svg
from evosim.runtime.atomic_files import inside, may_write, refuse_link, write_atomically
from evosim.runtime.output_folders import check_place

FORMATS = ("png", "svg", "pdf", "html")
SCREEN = "screen"
EXPORT_THREADS = 2

OnFailure = Callable[[str], object]
OnFile = Callable[[Path], object]


def warn_of_failure(line: str) -> None:
    """Warn that a figure failed."""
    warnings.warn(line, stacklevel=2)


def failure_line(name: str, error: Exception) -> str:
    """One line about a figure that failed."""
    first = str(error).strip().partition("\n")[0]
    return in_one_line(f"figure '{name}' was not drawn: {type(error).__name__}: {first}")


def draw_charts(
    folder: Path,
    charts: Iterable[tuple[str, Any]],
    formats: tuple[str, ...],
    on_file: OnFile = id,
    size: str = SCREEN,
    on_failure: OnFailure = warn_of_failure,
    required: Iterable[str] = (),
    failures: Sequence[str] = (),
) -> list[Path]:
    """Draw charts into a folder.

    A chart is drawn once, as SVG. The other formats are made from it while the next chart is
    described. One thread draws: a second one would wait for the engine and block Python meanwhile.
    A chart that fails does not stop the others.

    Parameters
    ----------
    folder : Path
        The folder. For the size of a page, files are written into its folder of that name.
    charts : iterable of (str, chart)
        Charts by name.
    formats : tuple of str
        Of `FORMATS`.
    on_file : callable
        Called with each file when it is written.
    size : str
        Of `SIZES`.
    on_failure : callable
        Called with one line about each figure that failed.
    required : iterable of str
        Figures that must be in `charts`, by name or by the part before the hyphen.
    failures : sequence of str
        Lines about figures that failed before they became charts. A required figure may be there.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    UserError
        The folder cannot be written, or a required figure has nothing to show; then no figure is
        drawn. `NoDrawingEngine` if the engine cannot start.
    """
    check_addresses()
    if required := list(required):
        charts = list(charts)
        _check_required(folder, required, [name for name, _ in charts], failures)
    if (
        folder.name == "figures"
        and folder.parent.is_dir()
        and not may_write(folder if folder.is_dir() else folder.parent)
    ):
        raise UserError(_read_only(folder))
    if size != SCREEN:
        refuse_link(folder)
        folder = folder / size
    refuse_link(folder)
    check_place(folder, "the folder of figures")
    try:
        folder.mkdir(exist_ok=True, parents=size != SCREEN)
        return _draw_into(folder, charts, formats, size, on_file, on_failure)
    except OSError as error:
        raise UserError(
            f"cannot write figures into {folder}: {error.strerror}. Make the folder writable"
            f" ('chmod u+w {shlex.quote(str(folder))}') or give another with --out."
        ) from None


def _check_required(
    folder: Path, required: list[str], names: list[str], failures: Sequence[str]
) -> None:
    for name in required:
        failed = any(f"figure '{name}'" in line for line in failures)
        if not failed and not any(other == name or other.startswith(f"{name}-") for other in names):
            raise UserError(
                f"figure '{name}' must have something to show, but {folder.parent} has nothing"
                " of the kind. Draw another, or all that there are: 'evosim figures"
                f" {folder.parent}'."
            )


def _draw_into(
    folder: Path,
    charts: Iterable[tuple[str, Any]],
    formats: tuple[str, ...],
    size: str,
    on_file: OnFile,
    on_failure: OnFailure,
) -> list[Path]:
    """Draw charts into a folder that exists."""
    with (
        alt.data_transformers.enable("default", max_rows=None),
        ThreadPoolExecutor(1) as engine,
        ThreadPoolExecutor(EXPORT_THREADS) as exporters,
    ):
        pending = []
        for name, chart in charts:
            try:
                spec = spec_of(chart)
            except Exception as error:
                on_failure(failure_line(name, error))
                continue
            files = [inside(folder, f"{name}.{kind}", "a figure's file") for kind in formats]
            pending.append((name, engine.submit(_draw, spec, size, files, exporters, on_file)))
        written: list[Path] = []
        for name, figure in pending:
            try:
                written += [file.result() for file in figure.result()]
            except (OSError, UserError, NoDrawingEngine):  # from the disk, or no memory
                engine.shutdown(wait=False, cancel_futures=True)
                raise
            except Exception as error:  # from the drawing engine
                on_failure(failure_line(name, error))
        return written


def _read_only(folder: Path) -> str:
    """Advice for a run's folder that this user may not write."""
    run = folder.parent.resolve()
    copy = shlex.quote(f"{run.name}-copy")
    return (
        f"{folder} must be writable for figures, but is read-only for this user. "
        f"Draw in a copy: 'cp -r {shlex.quote(str(run))} {copy} && evosim figures {copy}'."
    )


def _draw(
    spec: Spec, size: str, files: list[Path], exporters: Executor, on_file: OnFile
) -> list[Future[Path]]:
    """Draw one figure; its files are written by other threads."""
    column = SIZES[size]
    spec, svg = fit_to_column(spec, column, to_svg) if column else (spec, to_svg(spec))
    pixels = column.pixels_per_inch if column else PIXELS_PER_INCH
    return [exporters.submit(_write, spec, svg, pixels, file, on_file) for file in files]


def _write(spec: Spec, svg: str, pixels: int, file: Path, on_file: OnFile) -> Path:
    if file.suffix == ".html":
        from evosim.figures.html import page

        write_atomically(file, page(file.stem, spec, svg).encode())
    else:
        export_svg(svg, file, pixels)
    on_file(file)
    return file
