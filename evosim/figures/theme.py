"""Fonts, sizes and colours of all figures; colours differ in hue and lightness.

Source
------
Colours: Okabe and Ito (2008).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import altair as alt
import polars as pl

from evosim.worlds import WORLDS

ANCESTRAL, MODERN = "#0072B2", "#D55E00"
WORLD_COLOURS = alt.Scale(domain=["ancestral", "modern"], range=[ANCESTRAL, MODERN])
WORLD_DASHES = alt.Scale(domain=["ancestral", "modern"], range=[[1, 0], [6, 3]])

MODERN_INK = (  # the modern world's colour where it is read: words need more contrast than lines
    "#A84A00"
)

# Kinds are next to each other in stacked bars: each has a lightness of its own.
KIND_COLOURS = {
    "misspecified": "#333333",
    "novel": "#D55E00",
    "missed": "#CC79A7",
    "stale": "#E69F00",
    "amplified": "#F0E442",
    "inherited": "#88CCEE",
    "waste": "#0072B2",
    "upkeep": "#111111",
    "no overlap": "#8A2A5B",
}
# Lines: where two are equally light, their dashes differ.
LOCUS_COLOURS = [
    "#000000",
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
    "#882255",
]
LOCUS_DASHES: list[list[float]] = [
    [1, 0],
    [8, 3],
    [1, 0],
    [3, 2],
    [8, 2, 2, 2],
    [1, 0],
    [8, 3],
    [1.5, 2],
    [3, 2],
]
# Places in the lists above. A feature has one colour in the figures of all worlds.
PLACES = {"horizon": 0} | {
    feature: place for entry in WORLDS.values() for feature, place in entry.feature_colours.items()
}
NO_PLACES: Mapping[str, int] = MappingProxyType({})
# Areas that touch: by lightness alone.
ACT_COLOURS = [
    "#0072B2",
    "#E69F00",
    "#882255",
    "#88CCEE",
    "#D55E00",
    "#F0E442",
    "#000000",
    "#CC79A7",
    "#332288",
]
TERM_COLOURS = {
    "selection": "#0072B2",
    "drift": "#7F7F7F",
    "sampling": "#882255",
    "segregation": "#56B4E9",
    "recombination": "#009E73",
    "drive": "#D55E00",
    "mutation": "#E69F00",
    "introduction": "#CC79A7",
    "change": "#000000",
}
TERM_DASHES = {
    "selection": [1, 0],
    "drift": [2, 2],
    "sampling": [1, 3],
    "segregation": [8, 3],
    "recombination": [8, 3, 2, 3],
    "drive": [12, 2],
    "mutation": [5, 2],
    "introduction": [2, 4],
    "change": [1, 0],
}
ARM_COLOURS, ARM_DASHES = ["#D55E00", "#0072B2", "#7F7F7F"], [[1, 0], [6, 3], [2, 2]]

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
WIDTH, HEIGHT = 300, 220


def themed(chart: Any, title: str, subtitle: list[str], alt_text: str = "") -> Any:
    """The chart with title, subtitle, theme and alternative text.

    They are set in place, because every method of a chart copies all of it.
    """
    chart.description = alt_text or ". ".join([title, *subtitle])
    chart.title = alt.TitleParams(title, subtitle=subtitle, anchor="start", offset=14, fontSize=15)
    chart.config = house()
    return chart


def house() -> Any:
    """The look that all figures share, as an Altair config."""
    return alt.Config(
        font=FONT,
        background="white",
        padding=12,
        title=alt.TitleConfig(
            fontSize=12.5,
            subtitleFontSize=11.5,
            subtitleColor="#444444",
            subtitlePadding=5,
            fontWeight="bold",
        ),
        axis=alt.AxisConfig(
            labelFontSize=11,
            titleFontSize=12,
            titleFontWeight="normal",
            gridColor="#E6E6E6",
            domainColor="#777777",
            tickColor="#777777",
        ),
        legend=alt.LegendConfig(
            labelFontSize=11, titleFontSize=12, titleFontWeight="normal", symbolStrokeWidth=2.5
        ),
        header=alt.HeaderConfig(labelFontSize=12, titleFontSize=12, labelFontWeight="bold"),
        view=alt.ViewConfig(stroke=None),
    )


def locus_scales(names: Sequence[str], own: Mapping[str, int] = NO_PLACES) -> tuple[Any, Any]:
    """Scales of colour and of dashes for features or other loci.

    Parameters
    ----------
    names : sequence of str
        Loci in the order of the legend.
    own : mapping
        Places in the palette of features of the run's own world (`feature_colours`).

    Returns
    -------
    tuple of alt.Scale
        Colours and dashes. A name has the same in every experiment, as far as places suffice.
    """
    known, places = PLACES | dict(own), dict[str, int]()
    every = range(len(LOCUS_COLOURS))
    for name in sorted(names, key=lambda name: name not in known):
        first = known.get(name, zlib.crc32(name.encode()))
        free = [i for i in every if i not in places.values()] or list(every)
        wanted = first % len(LOCUS_COLOURS)
        places[name] = wanted if wanted in free else free[first % len(free)]
    colours = [LOCUS_COLOURS[places[name]] for name in names]
    dashes = [LOCUS_DASHES[places[name]] for name in names]
    return (
        alt.Scale(domain=list(names), range=colours),
        alt.Scale(domain=list(names), range=dashes),
    )


def tips(*fields: tuple[str, str] | tuple[str, str, str]) -> list[Any]:
    """Tooltips: each field with its type, title with unit, and format (by default `.3f`)."""
    out = []
    for field, title, *form in fields:
        number = (form[0] if form else ".3f") if field.endswith(":Q") else alt.Undefined
        out.append(alt.Tooltip(field, title=title, format=number))
    return out


def band_tips(
    frame: pl.DataFrame, *fields: tuple[str, str] | tuple[str, str, str], of: str
) -> list[Any]:
    """Tooltips of lines with bands: fields, the mean, and the band's ends if there are any."""
    several = not (frame["low"] == frame["high"]).all()
    ends = (("low:Q", "95% of seeds from"), ("high:Q", "to")) if several else ()
    return tips(*fields, ("mean:Q", of), *ends)


def format_number(value: float | None, decimals: int = 3) -> str:
    """A number in a sentence: with a true minus, and no negative zero."""
    if value is None:
        return "unknown"
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text.replace("-", "\u2212")
