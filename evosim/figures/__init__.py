"""Figures: tables in, charts out. `FIGURES` lists the figures of a run."""

from __future__ import annotations

from evosim.runtime.home import has_home, use_temporary_home

if not has_home():  # Altair asks for the home folder on import, but stores nothing there
    use_temporary_home()

from evosim.figures.files import FORMATS, OnFailure, draw_charts, failure_line, warn_of_failure
from evosim.figures.inputs import Source
from evosim.figures.page_layout import SIZES
from evosim.figures.registry import FIGURES, Figure
from evosim.figures.run_figures import charts_of, draw_run
from evosim.figures.vega import VERSION, Spec, preload, spec_of, to_svg

__all__ = [
    "FIGURES",
    "FORMATS",
    "SIZES",
    "VERSION",
    "Figure",
    "OnFailure",
    "Source",
    "Spec",
    "charts_of",
    "draw_charts",
    "draw_run",
    "failure_line",
    "preload",
    "spec_of",
    "to_svg",
    "warn_of_failure",
]
