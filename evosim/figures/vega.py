"""Charts as Vega-Lite specifications, and their drawings as SVG."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.drawing_engine import ENGINE
from evosim.runtime.names import without_control_signs

# A Vega-Lite specification: a tree of plain JSON, whose schema belongs to Vega-Lite.
Spec = dict[str, Any]

# The version of Vega-Lite as the engine expects it: without the last number.
VERSION = alt.SCHEMA_VERSION.rpartition(".")[0]
COMPOSED = ("layer", "hconcat", "vconcat", "concat")  # keys that hold lists of charts


def spec_of(chart: Any) -> Spec:
    """The Vega-Lite specification of a chart, with its data.

    Parameters
    ----------
    chart : altair.Chart
        Any chart. It is not validated here; tests validate every figure.

    Returns
    -------
    dict
        The specification. Control characters in texts are spelled out.
    """
    with alt.data_transformers.enable("default", max_rows=None):
        spec: Spec = without_control_signs(chart.to_dict(validate=False))
    return spec


def to_svg(spec: Spec) -> str:
    """The drawing of a specification."""
    return ENGINE.ask("vegalite_to_svg", vl_spec=spec, vl_version=VERSION)


def preload() -> None:
    """Start the drawing engine and load what charts need, so that the first figure is fast."""
    pl.DataFrame({"x": [1, 2]}).group_by("x", maintain_order=True).len()
    to_svg({"mark": "point"})
