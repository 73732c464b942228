"""Press: a drawn figure (SVG) into the format that a file's name ends in."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import vl_convert

PIXELS_PER_INCH = 200


def print_figure(svg: str, file: Path) -> Path:
    """Write a figure as PNG, PDF or SVG. Raises `OSError`."""
    if file.suffix == ".png":
        file.write_bytes(vl_convert.svg_to_png(svg, ppi=PIXELS_PER_INCH))
    elif file.suffix == ".pdf":
        file.write_bytes(vl_convert.svg_to_pdf(svg))
    else:
        file.write_text(svg, encoding="utf-8")
    return file


def have_a_home() -> None:
    """Altair cannot be imported by a user without a home, as there are in containers, although it wants nothing there."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()
