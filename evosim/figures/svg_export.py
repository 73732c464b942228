"""Write a drawn figure (SVG) as PNG, PDF or SVG."""

from __future__ import annotations

import re
from pathlib import Path

import vl_convert

from evosim.runtime.atomic_files import write_atomically

PIXELS_PER_INCH = 200
POINTS_PER_MM = 72.0 / 25.4


def export_svg(svg: str, file: Path, pixels_per_inch: int = PIXELS_PER_INCH) -> Path:
    """Write a figure as PNG, PDF or SVG, whole or not at all. Raises `UserError`."""
    if file.suffix == ".png":
        data = vl_convert.svg_to_png(in_points(svg), ppi=pixels_per_inch)
    elif file.suffix == ".pdf":
        data = vl_convert.svg_to_pdf(in_points(svg))
    else:
        data = svg.encode()
    write_atomically(file, data)
    return file


def in_points(svg: str) -> str:
    """A drawing with its size in points instead of millimetres.

    The converter takes a pixel for a point, and a millimetre for 96/25.4 points.
    """
    head, end, rest = svg.partition(">")
    return (
        re.sub(
            r'(width|height)="([\d.]+)mm"',
            lambda m: f'{m[1]}="{float(m[2]) * POINTS_PER_MM:.4f}"',
            head,
        )
        + end
        + rest
    )
