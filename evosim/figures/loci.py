"""The genome through time: the figure `loci`.

A genome says which panels it has (`evosim.genomes.LocusFigure`). This module knows no genome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from evosim.config import registry
from evosim.figures.inputs import BANDS, Source
from evosim.figures.quantile_bands import banded, thinned
from evosim.figures.theme import (
    ACT_COLOURS,
    HEIGHT,
    NO_PLACES,
    WIDTH,
    band_tips,
    format_number,
    locus_scales,
    themed,
    tips,
)
from evosim.genomes import LocusPanel

MOST_NAMED = 6  # panels of loci with named alleles
SPACING = 36  # pixels between panels


def varying(panel: LocusPanel, parameters: Mapping[str, Any]) -> list[str]:
    """Names of the loci of a panel that have more than one allele, without the panel's prefix.

    Parameters
    ----------
    panel : LocusPanel
        One panel of the genome's figure.
    parameters : mapping
        The genome's parameters, as an experiment writes them.
    """
    values = parameters.get(panel.parameter, {})
    loci = {panel.parameter: values} if _one_locus(values) else values
    return [name for name, locus in loci.items() if len(locus["alleles"]) > 1]


def _one_locus(parameter: Mapping[str, Any]) -> bool:
    return not isinstance(parameter.get("alleles", {}), Mapping)


def in_panels(
    loci: pl.DataFrame,
    alleles: pl.DataFrame,
    panels: Mapping[LocusPanel, list[str]],
    swap: int,
    places: Mapping[str, int] = NO_PLACES,
) -> Any:
    """Panels of a genome that names them, from left to right. Bands: the middle 95% of seeds.

    Parameters
    ----------
    loci, alleles : pl.DataFrame
        Tables of the run by generation.
    panels : dict
        Names of the loci of each panel, without its prefix.
    swap : int
        First generation of the modern world.
    places : mapping
        Colours of the world's features, as in `theme.locus_scales`.
    """
    mean, charts = banded(loci, "mean", "locus", "generation"), []
    for panel, names in panels.items():
        whole = [panel.prefix + name for name in names]
        if panel.shares:
            frame = banded(
                alleles.filter(pl.col("locus").is_in(whole)), "frequency", "allele", "generation"
            ).rename({"allele": "locus"})
            order = frame["locus"].unique(maintain_order=True).sort().to_list()
        else:
            frame = mean.filter(pl.col("locus").is_in(whole)).with_columns(
                pl.col("locus").str.strip_prefix(panel.prefix)
            )
            order = list(  # panels with one legend have the same colours
                dict.fromkeys(
                    name
                    for other, found in panels.items()
                    if other.legend == panel.legend and not other.shares
                    for name in found
                )
            )
        chart = _panel(frame, order, panel.title, swap, what=panel.legend, places=places)
        if panel.width != 1.0 and len(panels) > 1:
            chart = chart.properties(width=WIDTH * panel.width)
        charts.append(chart)
    if len(charts) == 1:
        return charts[0]
    return alt.hconcat(*charts, spacing=SPACING).resolve_scale(
        color="independent", strokeDash="independent"
    )


def in_areas(alleles: pl.DataFrame, swap: int) -> Any:
    """Shares of the alleles of each locus as stacked areas, one small panel per locus."""
    several = alleles.filter(pl.col("allele").n_unique().over("locus") > 1)
    mean = several.group_by("locus", "allele", "generation", maintain_order=True).agg(
        pl.col("frequency").mean()
    )
    acts = mean["allele"].unique(maintain_order=True).sort().to_list()
    last = int(mean["generation"].max())  # type: ignore[arg-type]
    mean = mean.filter((pl.col("generation") % max(1, last // 150)) == 0)
    legend = alt.Legend(labelExpr="replace(datum.label, '_', ' ')", symbolType="square")
    area = (
        alt.Chart(mean)
        .mark_area(stroke="white", strokeWidth=0.5)
        .encode(
            alt.X(
                "generation:Q",
                title="generation",
                scale=alt.Scale(nice=False),
                axis=alt.Axis(grid=False, tickCount=4),
            ),
            alt.Y(
                "frequency:Q",
                title="share of alleles",
                stack="zero",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(tickCount=2, format="%"),
            ),
            alt.Color(
                "allele:N",
                title="act",
                scale=alt.Scale(
                    domain=acts, range=[ACT_COLOURS[i % len(ACT_COLOURS)] for i in range(len(acts))]
                ),
                legend=legend,
            ),
            tooltip=tips(
                ("locus:N", "what it sees"),
                ("allele:N", "act"),
                ("generation:Q", "generation", "d"),
                ("frequency:Q", "share of alleles", ".1%"),
            ),
        )
    )
    layers = [area]
    if swap <= last:
        layers.append(
            alt.Chart(mean).mark_rule(color="white", strokeWidth=2.5).encode(x=alt.datum(swap))
        )
    order = mean["locus"].unique(maintain_order=True).to_list()
    chart = alt.layer(*layers).properties(width=190, height=80)
    return chart.facet(alt.Facet("locus:N", title=None, sort=order), columns=3)


def by_grid(
    loci: pl.DataFrame,
    numbers: list[str],
    alleles: pl.DataFrame,
    names: list[str],
    swap: int,
    places: Mapping[str, int] = NO_PLACES,
) -> Any:
    """Loci of a genome of which only the grid is known.

    Parameters
    ----------
    loci : pl.DataFrame
        `seed`, `generation`, `locus`, `mean` (expressed value).
    numbers : list of str
        Loci whose alleles are numbers: their means in one panel, but for `horizon`, which has its
        own.
    alleles : pl.DataFrame
        `seed`, `generation`, `locus`, `allele`, `frequency`.
    names : list of str
        Loci whose alleles have names: a panel each, with the share of every allele.
    swap : int
        First generation of the modern world.
    places : mapping
        Colours of the world's features, as in `theme.locus_scales`.

    Returns
    -------
    altair chart
        Panels in a row. Bands: the middle 95% of seeds.
    """
    mean, panels = banded(loci, "mean", "locus", "generation"), []
    groups = [
        ([x for x in numbers if x != "horizon"], "mean expressed value"),
        ([x for x in numbers if x == "horizon"], "mean planning horizon (steps)"),
    ]
    for group, title in groups:
        if group:
            some = mean.filter(pl.col("locus").is_in(group))
            panels.append(_panel(some, group, title, swap, what="locus", places=places))
    for name in names:
        shares = banded(
            alleles.filter(pl.col("locus") == name), "frequency", "allele", "generation"
        ).rename({"allele": "locus"})
        order = shares["locus"].unique(maintain_order=True).sort().to_list()
        title = f"share of alleles of {name}"
        panels.append(_panel(shares, order, title, swap, what=name, places=places))
    rows = [alt.hconcat(*panels[i : i + 2], spacing=SPACING) for i in range(0, len(panels), 2)]
    return alt.vconcat(*rows, spacing=24).resolve_scale(
        color="independent", strokeDash="independent"
    )


def by_grid_words(
    loci: pl.DataFrame, numbers: list[str], alleles: pl.DataFrame, names: list[str], swap: int
) -> str:
    """The figure of a genome that names no panels, in words."""
    parts = (
        [f"Means: {_way(banded(loci, 'mean', 'locus', 'generation'), numbers, swap)}"]
        if numbers
        else []
    )
    last = alleles.filter(pl.col("generation") == pl.col("generation").max())
    for name in names:
        shares = (
            last.filter(pl.col("locus") == name)
            .group_by("allele")
            .agg(pl.col("frequency").mean())
            .sort("frequency", "allele", descending=[True, False])
        )
        parts.append(
            f"{name} at the end: "
            + ", ".join(f"{allele} {share:.0%}" for allele, share in shares.head(3).iter_rows())
            + "."
        )
    return f"Lines against generation. {' '.join(parts)}"


def panel_words(loci: pl.DataFrame, names: list[str], swap: int) -> str:
    """Panels of mean expressed values in words; `names` are loci of the grid."""
    mean = banded(loci, "mean", "locus", "generation")
    return f"Lines against generation. {_way(mean, names, swap)}"


def area_words(alleles: pl.DataFrame) -> str:
    """The areas in words: the most common allele of each locus at the end."""
    last = alleles.filter(
        pl.col("generation") == pl.col("generation").max(),
        pl.col("allele").n_unique().over("locus") > 1,
    )
    mean = (
        last.group_by("locus", "allele", maintain_order=True)
        .agg(pl.col("frequency").mean())
        .sort("frequency", descending=True)
    )
    most = [
        f"{row['locus']}: {row['allele'].replace('_', ' ')} {row['frequency']:.0%}"
        for row in (
            mean.group_by("locus", maintain_order=True).first().sort("locus").iter_rows(named=True)
        )
    ]
    return (
        "Shares of acts in each observation class against generation. The commonest at the end:"
        f" {'; '.join(most)}."
    )


def _way(lines: pl.DataFrame, names: list[str], swap: int) -> str:
    """Where lines begin, are just before the swap, and end."""
    last = int(lines["generation"].max())  # type: ignore[arg-type]
    before = swap - 1 if swap <= last else None
    parts = []
    for name in names:
        at = dict(lines.filter(pl.col("locus") == name).select("generation", "mean").iter_rows())
        if at:
            middle = (
                f", {format_number(at[before], 2)} in generation {before}" if before in at else ""
            )
            start, end = format_number(at[min(at)], 2), format_number(at[max(at)], 2)
            parts.append(f"{name}: {start} at first{middle}, {end} in generation {max(at)}")
    return "; ".join(parts) + "."


def _panel(
    frame: pl.DataFrame,
    order: list[str],
    title: str,
    swap: int,
    *,
    what: str,
    places: Mapping[str, int],
) -> Any:
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colours, dashes = locus_scales(order, places)
    colour = alt.Color("locus:N", title=what, scale=colours, legend=legend)
    dash = alt.StrokeDash("locus:N", title=what, scale=dashes, legend=legend)
    if len(order) == 1:
        colour, dash = colour.legend(None), dash.legend(None)
    x = alt.X(
        "generation:Q",
        title="generation",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(grid=False, tickCount=6, tickMinStep=1),
    )
    tooltip = band_tips(frame, ("locus:N", what), ("generation:Q", "generation", "d"), of=title)
    base = alt.Chart(thinned(frame, "locus"))
    band = base.mark_area(opacity=0.15).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    line = base.mark_line(strokeWidth=2).encode(
        x, alt.Y("mean:Q", title=title), colour, dash, tooltip=tooltip
    )
    layers = [band, line]
    if swap < int(frame["generation"].max()):  # type: ignore[arg-type]
        layers.append(
            alt.Chart(pl.DataFrame({"generation": [swap]})).mark_rule(color="#333333").encode(x)
        )
    return alt.layer(*layers).properties(width=WIDTH + 40, height=HEIGHT + 20)


def draw(s: Source) -> Any:
    """The figure `loci` of a run; None if no locus varies."""
    genome = s.run.experiment.genome
    figure, swap = registry.genome(genome["name"]).figure, s.run.experiment.swap
    if figure.areas:
        alleles = s.adopted("alleles")
        subtitle = [s.subtitle("means"), figure.note]
        return themed(in_areas(alleles, swap), figure.title, subtitle, area_words(alleles))
    if not figure.panels:
        return _loci_by_grid(s, figure.title, figure.note)
    names = {panel: varying(panel, genome) for panel in figure.panels}
    if not any(names.values()):
        return None
    shown = {
        panel: found or [panel.parameter]
        for panel, found in names.items()
        if found or _one_locus(genome.get(panel.parameter, {}))
    }
    means = [
        panel.prefix + name for panel, loci in shown.items() if not panel.shares for name in loci
    ]
    loci, alleles = s.adopted("loci"), s.adopted("alleles")
    return themed(
        in_panels(loci, alleles, shown, swap, s.world.feature_colours),
        figure.title,
        [s.subtitle(BANDS), figure.note],
        panel_words(loci, means, swap),
    )


def _loci_by_grid(s: Source, title: str, note: str) -> Any:
    """Loci of a genome that names no panels: means of numbers, shares of named alleles."""
    numbers, names = s.loci
    if not numbers and not names:
        return None  # nothing varies
    loci, alleles = s.adopted("loci"), s.adopted("alleles")
    shown, more = names[:MOST_NAMED], names[MOST_NAMED:]
    subtitle = [s.subtitle(BANDS), note]
    if more:
        subtitle.append(f"not shown: {', '.join(more)}")
    swap = s.run.experiment.swap
    return themed(
        by_grid(loci, numbers, alleles, shown, swap, s.world.feature_colours),
        title,
        subtitle,
        by_grid_words(loci, numbers, alleles, names, swap),
    )
