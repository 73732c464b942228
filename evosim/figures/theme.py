"""One theme for every figure: fonts, sizes, and colours that differ in hue and in lightness (Okabe and Ito 2008)."""

from __future__ import annotations

from typing import Any

import altair as alt

ANCESTRAL, MODERN = "#0072B2", "#D55E00"
WORLD_COLOURS = alt.Scale(domain=["ancestral", "modern"], range=[ANCESTRAL, MODERN])
WORLD_DASHES = alt.Scale(domain=["ancestral", "modern"], range=[[1, 0], [6, 3]])

KIND_COLOURS = {
    "misspecified": "#999999",
    "novel": "#D55E00",
    "missed": "#CC79A7",
    "stale": "#E69F00",
    "amplified": "#F0E442",
    "inherited": "#56B4E9",
    "waste": "#0072B2",
    "upkeep": "#444444",
    "no overlap": "#882255",
}
LOCUS_COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B2DF8A"]
TERM_COLOURS = {
    "selection": "#0072B2", "drift": "#7F7F7F", "sampling": "#B2DF8A", "segregation": "#56B4E9", "recombination": "#009E73",
    "drive": "#D55E00", "mutation": "#E69F00", "introduction": "#CC79A7", "change": "#000000",
}  # fmt: skip
TERM_DASHES = {
    "selection": [1, 0], "drift": [2, 2], "sampling": [1, 3], "segregation": [8, 3], "recombination": [8, 3, 2, 3],
    "drive": [1, 0], "mutation": [5, 2], "introduction": [2, 4], "change": [1, 0],
}  # fmt: skip
ARM_COLOURS, ARM_DASHES = ["#D55E00", "#0072B2", "#7F7F7F"], [[1, 0], [6, 3], [2, 2]]

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
WIDTH, HEIGHT = 300, 220


def themed(chart: Any, title: str, subtitle: list[str], alt_text: str = "") -> Any:
    """The chart with title and the house's look, and what it says for those who do not see it. Set in place, because every method of a chart copies all of it."""
    chart.description = alt_text or ". ".join([title, *subtitle])
    chart.title = alt.TitleParams(title, subtitle=subtitle, anchor="start", offset=14)
    chart.config = alt.Config(
        font=FONT,
        background="white",
        padding=12,
        title=alt.TitleConfig(fontSize=15, subtitleFontSize=11.5, subtitleColor="#444444", subtitlePadding=5, fontWeight="bold"),
        axis=alt.AxisConfig(
            labelFontSize=11, titleFontSize=12, titleFontWeight="normal", gridColor="#E6E6E6", domainColor="#777777", tickColor="#777777"
        ),
        legend=alt.LegendConfig(labelFontSize=11, titleFontSize=12, titleFontWeight="normal", symbolStrokeWidth=2.5),
        header=alt.HeaderConfig(labelFontSize=12, titleFontSize=12, labelFontWeight="bold"),
        view=alt.ViewConfig(stroke=None),
    )
    return chart
