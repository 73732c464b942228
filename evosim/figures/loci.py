"""Objective weights and the rest of the genome through time."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.inputs import BANDS, Source
from evosim.figures.quantile_bands import banded, thinned
from evosim.figures.theme import (
    ACT_COLOURS,
    HEIGHT,
    WIDTH,
    band_tips,
    desire_scales,
    themed,
    tips,
    told,
)

MOST_NAMED = 6  # panels of loci with named alleles


def planner_loci(loci: pl.DataFrame, weights: list[str], swap: int) -> Any:
    """Left: mean expressed objective weights; right: mean planning horizon.

    Bands: the middle 95% of seeds.
    """
    mean = banded(loci, "mean", "locus", "generation")
    right = _panel(
        mean.filter(pl.col("locus") == "horizon"),
        ["horizon"],
        "mean planning horizon (steps)",
        swap,
    )
    if not weights:  # all desires are fixed: only foresight can evolve
        return right
    left = _panel(
        mean.filter(pl.col("locus").is_in(weights)), weights, "mean objective weight", swap
    )
    return alt.hconcat(left, right.properties(width=WIDTH * 0.7), spacing=36).resolve_scale(
        color="independent", strokeDash="independent"
    )


def gated_loci(
    loci: pl.DataFrame, gates: pl.DataFrame, weights: list[str], second: list[str], swap: int
) -> Any:
    """Mean weights of the first and of the second objective, and the share of each gate.

    Bands: the middle 95% of seeds.
    """
    mean = banded(loci, "mean", "locus", "generation")
    # A desire has one colour in both panels
    panels, order = ([], list(dict.fromkeys([*weights, *second])))
    for names, title in (
        (weights, "mean weight, first objective"),
        ([f"second.{name}" for name in second], "mean weight, second objective"),
    ):
        if names:
            shown = mean.filter(pl.col("locus").is_in(names)).with_columns(
                pl.col("locus").str.strip_prefix("second.")
            )
            panels.append(_panel(shown, order, title, swap))
    shares = banded(gates, "frequency", "allele", "generation").rename({"allele": "locus"})
    panels.append(
        _panel(
            shares,
            shares["locus"].unique(maintain_order=True).sort().to_list(),
            "share of gate alleles",
            swap,
            what="gate",
        )
    )
    return alt.hconcat(*panels, spacing=36).resolve_scale(
        color="independent", strokeDash="independent"
    )


def reflex_loci(alleles: pl.DataFrame, swap: int) -> Any:
    """Frequency of each act in each observation class. One panel a class."""
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


def any_loci(
    loci: pl.DataFrame, numbers: list[str], alleles: pl.DataFrame, names: list[str], swap: int
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
            panels.append(
                _panel(mean.filter(pl.col("locus").is_in(group)), group, title, swap, what="locus")
            )
    for name in names:
        shares = banded(
            alleles.filter(pl.col("locus") == name), "frequency", "allele", "generation"
        ).rename({"allele": "locus"})
        order = shares["locus"].unique(maintain_order=True).sort().to_list()
        panels.append(_panel(shares, order, f"share of alleles of {name}", swap, what=name))
    rows = [alt.hconcat(*panels[i : i + 2], spacing=36) for i in range(0, len(panels), 2)]
    return alt.vconcat(*rows, spacing=24).resolve_scale(
        color="independent", strokeDash="independent"
    )


def any_says(
    loci: pl.DataFrame, numbers: list[str], alleles: pl.DataFrame, names: list[str], swap: int
) -> str:
    """The figure of any genome in words."""
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


def planner_says(loci: pl.DataFrame, names: list[str], swap: int) -> str:
    """Figures of planners in words: `names` are loci."""
    mean = banded(loci, "mean", "locus", "generation")
    return f"Lines against generation. {_way(mean, names, swap)}"


def reflex_says(alleles: pl.DataFrame) -> str:
    """The figure of reflexes in words: the commonest act of each class at the end."""
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
            middle = f", {told(at[before], 2)} in generation {before}" if before in at else ""
            parts.append(
                f"{name}: {told(at[min(at)], 2)} at first{middle}, {told(at[max(at)], 2)} in"
                f" generation {max(at)}"
            )
    return "; ".join(parts) + "."


def _panel(
    frame: pl.DataFrame, order: list[str], title: str, swap: int, *, what: str = "desire for"
) -> Any:
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colours, dashes = desire_scales(order)
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


def loci_figure(s: Source) -> Any:
    """The figure `loci` of a run."""
    swap = s.run.experiment.swap
    if s.run.experiment.genome["name"] == "reflex":
        subtitle = [s.many("means"), "share of alleles in each observation class"]
        alleles = s.adopted("alleles")
        return themed(
            reflex_loci(alleles, swap), "Reflexes through time", subtitle, reflex_says(alleles)
        )
    if s.run.experiment.genome["name"] not in ("planner", "gated"):
        return _any_loci(s)
    subtitle = [s.many(BANDS), "weights with a single allele are fixed and not shown"]
    genome = s.run.experiment.genome
    weights = [w for w, locus in genome["weights"].items() if len(locus["alleles"]) > 1]
    if genome["name"] == "gated":
        second = [w for w, locus in genome["second"].items() if len(locus["alleles"]) > 1]
        gates = s.adopted("alleles").filter(pl.col("locus") == "gate")
        if not weights and not second and gates["allele"].n_unique() == 1:
            return None
        chart = gated_loci(s.adopted("loci"), gates, weights, second, swap)
        said = planner_says(
            s.adopted("loci"), [*weights, *(f"second.{name}" for name in second)], swap
        )
        return themed(chart, "Desires, hidden desires and the gate through time", subtitle, said)
    if not weights and len(genome["horizon"]["alleles"]) == 1:
        return None  # nothing varies
    loci = s.adopted("loci")
    return themed(
        planner_loci(loci, weights, swap),
        "Desires and foresight through time",
        subtitle,
        planner_says(loci, [*weights, "horizon"], swap),
    )


def _any_loci(s: Source) -> Any:
    """Loci of any genome, by its grid alone: means of those with numbers, shares of the alleles of
    those with names.
    """
    numbers, names = s.loci
    if not numbers and not names:
        return None  # nothing varies
    loci, alleles = s.adopted("loci"), s.adopted("alleles")
    shown, more = names[:MOST_NAMED], names[MOST_NAMED:]
    subtitle = [s.many(BANDS), "loci with a single allele are fixed and not shown"]
    if more:
        subtitle.append(f"not shown: {', '.join(more)}")
    said = any_says(loci, numbers, alleles, names, s.run.experiment.swap)
    return themed(
        any_loci(loci, numbers, alleles, shown, s.run.experiment.swap),
        "Loci through time",
        subtitle,
        said,
    )
