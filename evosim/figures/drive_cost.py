"""Drivers through time, and fitness with them, with fair meiosis, and without them."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.analysis import expected_drive
from evosim.analysis.expected_drive import Resting
from evosim.figures.inputs import BANDS, Source
from evosim.figures.quantile_bands import banded, thinned
from evosim.figures.theme import (
    ARM_COLOURS,
    ARM_DASHES,
    HEIGHT,
    LOCUS_COLOURS,
    LOCUS_DASHES,
    WIDTH,
    band_tips,
    format_number,
    themed,
)

ARMS = {"run": "as it was", "fair": "fair meiosis", "absent": "no driver"}
THEORY, CIRCLES = "#111111", 40
BESIDE = -9  # pixels, so that the line of the swap hides nothing


def drive(
    alleles: dict[str, pl.DataFrame],
    generations: dict[str, pl.DataFrame],
    sites: list[tuple[str, str]],
    swap: int,
    expected: pl.DataFrame | None = None,
    rests: Resting | None = None,
) -> Any:
    """Frequency of drivers and modifiers, and mean fitness of the run and its controls.

    Frequencies count newborns. The world that selects is A before the swap, and M after it. Frames
    by arm, as recorded; lines are means, bands hold the middle 95% of seeds. Marks at the
    frequencies show theory where `analysis.expected_drive` has a prediction. Circles: the recursion
    of an infinite population. Diamond: the driver's equilibrium if the fitness of carriers stays
    constant.
    """
    x = alt.X(
        "generation:Q", title="generation", axis=alt.Axis(grid=False, tickCount=6, tickMinStep=1)
    )
    left = _frequencies(alleles["run"], sites, x)
    if expected is not None:
        left += _recursion(expected, x)
    if rests is not None:
        left += _resting(rests, x)
    panels = [left.properties(title="drivers and modifiers")]
    for world, column in (("ancestral", "ancestral_mean"), ("modern", "modern_mean")):
        fitness = pl.concat(
            [
                frame.filter(pl.col("world") == world).select(
                    "seed",
                    "generation",
                    pl.col(column).alias("fitness"),
                    pl.lit(ARMS[arm]).alias("arm"),
                )
                for arm, frame in generations.items()
            ]
        )
        if not fitness.is_empty():
            panels.append(_fitness_panel(fitness, [ARMS[arm] for arm in generations], world, x))
    if swap <= int(generations["run"]["generation"].max()):  # type: ignore[arg-type]
        frame = pl.DataFrame({"generation": [swap], "text": ["the world changes"]})
        rule = alt.Chart(frame).mark_rule(color="#333333").encode(x)
        label = (
            alt.Chart(frame)
            .mark_text(align="left", dx=5, y=8, fontSize=10.5, fontStyle="italic")
            .encode(x, alt.Text("text:N"))
        )
        panels[0] = (left + rule + label).properties(title="drivers and modifiers")
    return alt.hconcat(*panels, spacing=30).resolve_scale(
        color="independent", strokeDash="independent"
    )


def describe(
    alleles: pl.DataFrame, generations: dict[str, pl.DataFrame], sites: list[tuple[str, str]]
) -> str:
    """The figure in words."""
    parts = []
    for locus, allele in sites:
        at = (
            alleles.filter((pl.col("locus") == locus) & (pl.col("allele") == allele))
            .group_by("generation")
            .agg(pl.col("frequency").mean())
            .sort("generation")
        )
        parts.append(
            f"{allele} at {locus} goes from a frequency of {format_number(at['frequency'][0])} to"
            f" {format_number(at['frequency'][-1])}"
        )
    for world, column in (("ancestral", "ancestral_mean"), ("modern", "modern_mean")):
        ends = []
        for arm, frame in generations.items():
            in_world = frame.filter(pl.col("world") == world)
            if in_world.height:
                last = in_world.filter(pl.col("generation") == pl.col("generation").max())
                ends.append(f"{format_number(last[column].mean())} {ARMS[arm]}")  # type: ignore[arg-type]
        if ends:
            parts.append(f"mean fitness at the end of the {world} world: {', '.join(ends)}")
    return f"{'; '.join(parts)}."


def _fitness_panel(fitness: pl.DataFrame, domain: list[str], world: str, x: Any) -> Any:
    lines = banded(fitness, "fitness", "arm", "generation")
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colour = alt.Color(
        "arm:N",
        title="meiosis",
        scale=alt.Scale(domain=domain, range=ARM_COLOURS),
        legend=legend,
        sort=domain,
    )
    dash = alt.StrokeDash(
        "arm:N",
        title="meiosis",
        scale=alt.Scale(domain=domain, range=ARM_DASHES),
        legend=legend,
        sort=domain,
    )
    start = int(fitness["generation"].min())  # type: ignore[arg-type]
    across = alt.X(
        "generation:Q",
        title="generation",
        scale=alt.Scale(domainMin=start, nice=False),
        axis=alt.Axis(grid=False, tickCount=5, tickMinStep=1),
    )
    y = alt.Y("mean:Q", title="mean fitness (expected offspring)", scale=alt.Scale(zero=True))
    base = alt.Chart(thinned(lines, "arm"))
    tooltip = band_tips(
        lines,
        ("arm:N", "meiosis"),
        ("generation:Q", "generation", "d"),
        of="mean fitness (expected offspring)",
    )
    band = base.mark_area(opacity=0.13).encode(across, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    line = base.mark_line(strokeWidth=2).encode(across, y, colour, dash, tooltip=tooltip)
    return (band + line).properties(
        width=WIDTH * 0.8, height=HEIGHT + 20, title=f"fitness in the {world} world"
    )


def _frequencies(alleles: pl.DataFrame, sites: list[tuple[str, str]], x: Any) -> Any:
    names = [f"{allele} at {locus}" for locus, allele in sites]
    wanted = pl.DataFrame(
        {"locus": [s[0] for s in sites], "allele": [s[1] for s in sites], "site": names}
    )
    lines = banded(
        alleles.join(wanted, on=["locus", "allele"], maintain_order="left"),
        "frequency",
        "site",
        "generation",
    )
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colour = alt.Color(
        "site:N",
        title="allele",
        scale=alt.Scale(domain=names, range=LOCUS_COLOURS[: len(names)]),
        legend=legend,
    )
    dash = alt.StrokeDash(
        "site:N",
        title="allele",
        scale=alt.Scale(domain=names, range=LOCUS_DASHES[: len(names)]),
        legend=legend,
    )
    tooltip = band_tips(
        lines,
        ("site:N", "allele"),
        ("generation:Q", "generation", "d"),
        of="frequency among newborns",
    )
    y = alt.Y("mean:Q", title="frequency among newborns", scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(thinned(lines, "site"))
    band = base.mark_area(opacity=0.15).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    return alt.layer(
        band, base.mark_line(strokeWidth=2).encode(x, y, colour, dash, tooltip=tooltip)
    ).properties(width=WIDTH, height=HEIGHT + 20)


def _recursion(expected: pl.DataFrame, x: Any) -> Any:
    every = max(1, expected["generation"].n_unique() // CIRCLES)
    few = expected.filter(pl.col("generation") % every == 0)
    tips = [
        alt.Tooltip("site:N", title="theory of"),
        alt.Tooltip("generation:Q"),
        alt.Tooltip("frequency:Q", title="frequency", format=".4f"),
    ]
    return (
        alt.Chart(few)
        .mark_point(size=22, strokeWidth=1.2, color=THEORY, fill="white", opacity=1)
        .encode(x, alt.Y("frequency:Q"), tooltip=tips)
    )


def _resting(rests: Resting, x: Any) -> Any:
    frame = pl.DataFrame(
        [
            {
                "generation": rests.generation,
                "frequency": rests.frequency,
                "low": rests.low,
                "high": rests.high,
                "site": rests.site,
            }
        ]
    )
    tips = [
        alt.Tooltip("site:N", title="theory of"),
        alt.Tooltip("frequency:Q", title="would rest at", format=".3f"),
        alt.Tooltip("low:Q", title="seeds from", format=".3f"),
        alt.Tooltip("high:Q", title="to", format=".3f"),
    ]
    base = alt.Chart(frame)
    whisker = base.mark_rule(strokeWidth=1.4, color=THEORY, xOffset=BESIDE).encode(
        x, alt.Y("low:Q"), alt.Y2("high:Q")
    )
    return whisker + base.mark_point(
        shape="diamond",
        size=90,
        xOffset=BESIDE,
        strokeWidth=1.6,
        color=THEORY,
        fill="white",
        opacity=1,
    ).encode(x, alt.Y("frequency:Q"), tooltip=tips)


def draw(s: Source) -> Any:
    """The figure `drive` of a run; nothing without a control with fair meiosis."""
    drive_cost = s.summary.account.hack
    if "fair" not in s.run.controls or drive_cost is None:
        return None
    arms = {"run": s.run.tables, **{name: s.run.controls[name] for name in ("fair", "absent")}}
    alleles, generations = (
        {arm: s.by_generation(name, tables) for arm, tables in arms.items()}
        for name in ("alleles", "generations")
    )
    sites = [(row.locus, row.allele) for row in drive_cost.frequencies]
    genome = s.evaluator.genome
    expected = expected_drive.path(s.run.experiment, genome)
    rests = expected_drive.resting(
        s.run.experiment, genome, s.run.tables["populations"], s.run.tables["landscape"]
    )
    chart = drive(alleles, generations, sites, s.run.experiment.swap, expected, rests)
    said = describe(alleles["run"], generations, sites)
    subtitle = [s.subtitle(BANDS)]
    if expected is not None:
        subtitle.append(
            "circles: theory, the recursion of an infinite population; it applies because nothing"
            " that decides varies here"
        )
    if rests is not None:
        whiskers = "; whisker: from the least to the largest of them" if rests.seeds > 1 else ""
        of = (
            f"mean of the {rests.seeds} seeds that have both alleles{whiskers}"
            if rests.seeds > 1
            else "one seed"
        )
        subtitle.append(
            f"diamond: theory, where the driver would rest ({rests.frequency:.2f}; it is at"
            f" {rests.recorded:.2f}) if the fitness of carriers stayed"
        )
        subtitle.append(f"as it is in generation {rests.generation}; {of}")
    return themed(chart, "Drivers, and what they cost", subtitle, s.words(said))
