"""Everything that is recorded of a population over time, in small panels with seed bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.ladder import best_fitness
from evosim.config import registry
from evosim.figures.inputs import BANDS, Source
from evosim.figures.loci import varying
from evosim.figures.quantile_bands import banded
from evosim.figures.theme import NO_PLACES, WIDTH, WORLD_COLOURS, WORLD_DASHES, locus_scales, themed

MOST_ROWS = 150  # generations of each line
ACROSS = 3
SIZE = (WIDTH * 0.72, 110)
PAIRS = {"mean": "mean fitness", "max": "largest fitness", "sd": "spread of fitness (sd)"}


def trajectories(
    generations: pl.DataFrame,
    loci: pl.DataFrame,
    weights: list[str],
    swap: int,
    best: dict[str, float],
    unit: str,
    places: Mapping[str, int] = NO_PLACES,
) -> Any:
    """Panels of fitness, distinct classes, horizon, intent in M and desires over generations.

    Fitness has its mean, largest value and spread in both worlds. Bands are over seeds. Dotted: the
    fitness of the best genome of each world.
    """
    every = max(1, (int(generations["generation"].max()) + 1) // MOST_ROWS)  # type: ignore[arg-type]
    last = int(generations["generation"].max())  # type: ignore[arg-type]
    selected = (
        (pl.col("generation") % every == 0)
        | (pl.col("generation") == last)
        | pl.col("generation").is_in([swap - 1, swap])
    )
    generations, loci = generations.filter(selected), loci.filter(selected)
    marked = swap if swap <= last else None
    panels = [
        _worlds(generations, what, title, unit, marked, best if what != "sd" else {})
        for what, title in PAIRS.items()
    ]
    panels.append(_single(generations, "classes", "distinct genomes", "classes", marked))
    horizon = loci.filter(pl.col("locus") == "horizon")
    if horizon.height:
        panels.append(
            _single(
                horizon.with_columns(pl.col("mean").alias("value")),
                "value",
                "mean horizon",
                "steps",
                marked,
            )
        )
    if weights:
        panels.append(
            _desires(loci.filter(pl.col("locus").is_in(weights)), weights, marked, places)
        )
    if (generations["modern_intent_mean"] - generations["modern_mean"]).abs().max() > 1e-12:  # type: ignore[operator]
        panels.append(_single(generations, "modern_intent_mean", "mean intent in M", unit, marked))
    if generations["size"].n_unique() > 1:
        panels.append(_single(generations, "size", "size", "newborns", marked))
    rows = [alt.hconcat(*panels[i : i + ACROSS], spacing=26) for i in range(0, len(panels), ACROSS)]
    return alt.vconcat(*rows, spacing=18).resolve_scale(
        color="independent", strokeDash="independent"
    )


def _x() -> Any:
    return alt.X(
        "generation:Q", title="generation", axis=alt.Axis(grid=False, tickCount=4, tickMinStep=1)
    )


def _tips(title: str, *more: Any) -> list[Any]:
    return [
        alt.Tooltip("generation:Q"),
        *more,
        alt.Tooltip("mean:Q", title=title, format=".4g"),
        alt.Tooltip("low:Q", title="95% of seeds from", format=".4g"),
        alt.Tooltip("high:Q", title="to", format=".4g"),
    ]


def _lines(
    frame: pl.DataFrame,
    title: str,
    unit: str,
    swap: int | None,
    colour: Any,
    dash: Any,
    more: list[Any],
    marks: list[Any],
) -> Any:
    base = alt.Chart(frame)
    y = alt.Y("mean:Q", title=unit, axis=alt.Axis(tickCount=4))
    hues = {} if colour is None else {"color": colour}
    layers = [
        *marks,
        base.mark_area(opacity=0.18).encode(
            _x(), alt.Y("low:Q", title=unit), alt.Y2("high:Q"), **hues
        ),
        base.mark_line(strokeWidth=1.6).encode(
            _x(),
            y,
            *([] if dash is None else [dash]),
            **hues,
            tooltip=_tips(f"{title} ({unit})", *more),
        ),
    ]
    if swap is not None:
        layers.append(
            alt.Chart(pl.DataFrame({"generation": [swap]}))
            .mark_rule(color="#333333")
            .encode(alt.X("generation:Q"))
        )
    return alt.layer(*layers).properties(
        width=SIZE[0], height=SIZE[1], title=alt.TitleParams(title, fontSize=12)
    )


def _worlds(
    generations: pl.DataFrame,
    what: str,
    title: str,
    unit: str,
    swap: int | None,
    best: dict[str, float],
) -> Any:
    columns = [f"{world}_{what}" for world in ("ancestral", "modern")]
    long = (
        generations.drop("world")
        .unpivot(columns, index=["seed", "generation"], variable_name="world")
        .with_columns(pl.col("world").str.strip_suffix(f"_{what}"))
    )
    frame = banded(long, "value", "world", "generation")
    legend = alt.Legend(
        symbolType="stroke", symbolSize=300, symbolOpacity=1, labelExpr="datum.label + ' world'"
    )
    colour, dash = (
        alt.Color("world:N", title=None, scale=WORLD_COLOURS, legend=legend),
        alt.StrokeDash("world:N", title=None, scale=WORLD_DASHES, legend=legend),
    )
    layers = []
    if best:
        ends = pl.DataFrame({"world": list(best), "at": list(best.values())})
        tips = [alt.Tooltip("world:N"), alt.Tooltip("at:Q", title="best genome", format=".4g")]
        layers = [
            alt.Chart(ends)
            .mark_rule(strokeDash=[2, 3], strokeWidth=1.2)
            .encode(
                alt.Y("at:Q", title=unit), alt.Color("world:N", scale=WORLD_COLOURS), tooltip=tips
            )
        ]
    return _lines(frame, title, unit, swap, colour, dash, [alt.Tooltip("world:N")], layers)


def _single(table: pl.DataFrame, column: str, title: str, unit: str, swap: int | None) -> Any:
    return _lines(
        banded(table, column, "generation"), title, unit, swap, alt.value("#333333"), None, [], []
    )


def _desires(
    loci: pl.DataFrame, weights: list[str], swap: int | None, places: Mapping[str, int]
) -> Any:
    frame = banded(loci, "mean", "locus", "generation")
    legend = alt.Legend(symbolType="stroke", symbolSize=300, symbolOpacity=1)
    colours, dashes = locus_scales(weights, places)
    colour = alt.Color("locus:N", title=None, sort=weights, scale=colours, legend=legend)
    dash = alt.StrokeDash("locus:N", title=None, sort=weights, scale=dashes, legend=legend)
    return _lines(
        frame,
        "mean objective weights",
        "weight",
        swap,
        colour,
        dash,
        [alt.Tooltip("locus:N", title="desire for")],
        [],
    )


def weights_of(s: Source) -> list[str]:
    """Loci of the first panel of the run's genome; without panels, those with numbers."""
    genome = s.run.experiment.genome
    if panels := registry.genome(genome["name"]).figure.panels:
        return [panels[0].prefix + name for name in varying(panels[0], genome)]
    return [name for name in s.loci[0] if name != "horizon"]


def draw(s: Source) -> Any:
    """All that is recorded through time."""
    generations, loci = s.adopted("generations"), s.adopted("loci")
    if generations["generation"].n_unique() < 2:
        return None
    weights = weights_of(s)
    best = best_fitness(s.run.tables["landscape"])
    chart = trajectories(
        generations, loci, weights, s.run.experiment.swap, best, s.unit, s.world.feature_colours
    )
    shown = generations["generation"]
    ends = {g: generations.filter(shown == g).mean() for g in (int(shown.min()), int(shown.max()))}  # type: ignore[arg-type]
    description = "; ".join(
        f"in generation {g} mean fitness is {row['ancestral_mean'][0]:.3g} in A and"
        f" {row['modern_mean'][0]:.3g} in M, of {row['classes'][0]:.3g} distinct genomes"
        for g, row in ends.items()
    )
    notes = [
        s.subtitle(BANDS),
        (
            "dotted: the best genome"
            f" {'' if s.run.provenance['landscape']['exact'] else 'found '}of each world; upright"
            " line: the world changes"
        ),
    ]
    return themed(chart, "Trajectories", notes, f"Trajectories. {'. '.join(notes)}. {description}.")
