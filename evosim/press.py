"""Press: a drawn figure (SVG) into the format that a file's name ends in."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import vl_convert

PIXELS_PER_INCH = 200
POINTS_PER_MM = 72.0 / 25.4


def print_figure(svg: str, file: Path, pixels_per_inch: int = PIXELS_PER_INCH) -> Path:
    """Write a figure as PNG, PDF or SVG. Raises `OSError`."""
    if file.suffix == ".png":
        write_figure(file, vl_convert.svg_to_png(in_points(svg), ppi=pixels_per_inch))
    elif file.suffix == ".pdf":
        write_figure(file, vl_convert.svg_to_pdf(in_points(svg)))
    else:
        write_figure(file, svg.encode())
    return file


def write_figure(file: Path, data: bytes) -> None:
    """Write a figure's bytes. A link that lies there is replaced: what it leads to stays.

    Parameters
    ----------
    file : Path
        Where to.
    data : bytes
        All of the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if file.is_symlink():
        file.unlink()
    file.write_bytes(data)


def in_points(svg: str) -> str:
    """A drawing that says its size in millimetres, in the press's own unit: it takes a pixel for a point, and millimetres for 96/25.4 of it."""
    head, end, rest = svg.partition(">")
    return re.sub(r'(width|height)="([\d.]+)mm"', lambda m: f'{m[1]}="{float(m[2]) * POINTS_PER_MM:.4f}"', head) + end + rest


def have_a_home() -> None:
    """Altair cannot be imported by a user without a home, as there are in containers, although it wants nothing there."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()
