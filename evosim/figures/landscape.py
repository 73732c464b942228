"""The landscape: fitness in A against fitness in M of every genome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.analysis import landscape_density
from evosim.analysis.ladder import BestClasses
from evosim.figures.inputs import UNDRIVEN, Source, intent_differs, payoff_words, unit_of_payoff
from evosim.figures.theme import ANCESTRAL, HEIGHT, MODERN, WIDTH, themed
from evosim.figures.ties import format_tolerance
from evosim.runtime.words import count_of

MARKS = {  # shape and colour
    "population at the swap": ("circle", ANCESTRAL),
    "population at the end": ("diamond", MODERN),
    "best for A": ("triangle-up", "#000000"),
    "best for M": ("square", "#000000"),
    "best for intent in M": ("cross", "#000000"),
}
LIGHTEST = 215.0
FEW = 0.005  # share of a population below which those who stand alone are not drawn
GREYS = ["#E3E3E3", "#6E6E6E"]
MOST_POINTS = 1000  # genomes that are drawn one by one


def landscape(
    every: pl.DataFrame | Binned,
    close: pl.DataFrame,
    people: dict[str, pl.DataFrame],
    peaks: pl.DataFrame,
    titles: dict[str, str],
) -> Any:
    """Left all genomes, right those near the best of A.

    All frames come from `analysis.cross_section`. Few genomes are points (`distinct`). Many are a
    density, with the median of M given A. `people` are by moment; `peaks` has
    `what`, `ancestral`, `modern_intent` and `words`; `titles` titles of both axes.
    """
    panels = [_all(every, people, peaks, titles)]
    if close["classes"].sum() > 1:
        panels.append(_near(close, people, titles))
    return alt.hconcat(*panels, spacing=36).resolve_scale(
        color="independent", fill="independent", size="independent", shape="independent"
    )


@dataclass(frozen=True, eq=False)
class Binned:
    """Genomes that are too many to be points: their `density`, and what M is `given_ancestral`."""

    density: pl.DataFrame
    given: pl.DataFrame


def _all(
    every: pl.DataFrame | Binned,
    people: dict[str, pl.DataFrame],
    peaks: pl.DataFrame,
    titles: dict[str, str],
) -> Any:
    layers = [
        *(_cells(every, titles) if isinstance(every, Binned) else _points(every, titles)),
        *_marks(people, peaks),
    ]
    return alt.layer(*layers).properties(width=WIDTH * 1.2, height=HEIGHT + 80, title="all genomes")


def _points(frame: pl.DataFrame, titles: dict[str, str]) -> list[Any]:
    tips = [
        alt.Tooltip("classes:Q", title="genomes here"),
        alt.Tooltip("class:Q", title="one of them"),
        alt.Tooltip("ancestral:Q", title="in A", format=".4f"),
        alt.Tooltip("modern_intent:Q", title="in M", format=".4f"),
    ]
    x, y = (
        alt.X("ancestral:Q", title=titles["ancestral"], axis=alt.Axis(grid=False)),
        alt.Y("modern_intent:Q", title=titles["modern"], axis=alt.Axis(grid=False)),
    )
    return [
        alt.Chart(frame)
        .mark_point(filled=True, size=30, color="#9A9A9A", opacity=1)
        .encode(x, y, tooltip=tips)
    ]


def _cells(every: Binned, titles: dict[str, str]) -> list[Any]:
    bins, given = every.density, every.given
    x, y = (
        alt.X("x:Q", title=titles["ancestral"], axis=alt.Axis(grid=False)),
        alt.Y("y:Q", title=titles["modern"], axis=alt.Axis(grid=False)),
    )
    top = int(bins["classes"].max())  # type: ignore[arg-type]
    scale = alt.Scale(type="log", domain=[1, max(top, 2)], range=GREYS)
    count = alt.Fill("classes:Q", scale=scale, legend=None)
    tips = [
        alt.Tooltip("classes:Q", title="genomes"),
        alt.Tooltip("x:Q", title="A from", format=".3f"),
        alt.Tooltip("x2:Q", title="to", format=".3f"),
        alt.Tooltip("y:Q", title="M from", format=".3f"),
        alt.Tooltip("y2:Q", title="to", format=".3f"),
    ]
    within = [
        alt.Tooltip("x:Q", title="A from", format=".3f"),
        alt.Tooltip("x2:Q", title="to", format=".3f"),
        alt.Tooltip("classes:Q", title="genomes"),
        alt.Tooltip("least:Q", title="least in M", format=".3f"),
        alt.Tooltip("median:Q", title="median in M", format=".3f"),
        alt.Tooltip("most:Q", title="most in M", format=".3f"),
    ]
    cells = (
        alt.Chart(bins)
        .mark_rect(stroke=None)
        .encode(x, alt.X2("x2:Q"), y, alt.Y2("y2:Q"), count, tooltip=tips)
    )
    return [
        cells,
        alt.Chart(given)
        .mark_rule(color="#111111", strokeWidth=1.6)
        .encode(alt.X("x:Q"), alt.X2("x2:Q"), alt.Y("median:Q"), tooltip=within),
    ]


def _marks(people: dict[str, pl.DataFrame], peaks: pl.DataFrame | None) -> list[Any]:
    """Populations, as large as their shares, and the best genomes.

    Without peaks there is no legend either.
    """
    names = [*people, *(peaks["what"].unique(maintain_order=True) if peaks is not None else [])]
    key = (
        alt.Legend(labelLimit=220, symbolStrokeWidth=1.8, columns=1) if peaks is not None else None
    )
    colour = alt.Color(
        "what:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=[MARKS[name][1] for name in names]),
        legend=key,
    )
    shape = alt.Shape(
        "what:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=[MARKS[name][0] for name in names]),
        legend=key,
    )
    size = alt.Size("share:Q", scale=alt.Scale(domain=[0, 1], range=[12, 900]), legend=None)
    x, y = alt.X("ancestral:Q"), alt.Y("modern_intent:Q")
    tips = [
        alt.Tooltip("ancestral:Q", title="in A", format=".4f"),
        alt.Tooltip("modern_intent:Q", title="in M", format=".4f"),
    ]
    out = []
    for what, some in people.items():
        if (
            frame := some.filter(pl.col("share") >= FEW).with_columns(pl.lit(what).alias("what"))
        ).height:
            of = [
                alt.Tooltip("what:N", title="of the"),
                alt.Tooltip("share:Q", title="share", format=".1%"),
                alt.Tooltip("class:Q", title="commonest class"),
            ]
            out.append(
                alt.Chart(frame)
                .mark_point(strokeWidth=1.8, filled=False, opacity=0.9)
                .encode(x, y, colour, shape, size, tooltip=[*of, *tips])
            )
    if peaks is not None:
        base = alt.Chart(peaks).encode(x, y, shape)
        tooltips = [alt.Tooltip("words:N", title="genome"), alt.Tooltip("class:Q")]
        out.append(base.mark_point(size=130, stroke="white", strokeWidth=5, opacity=1))
        out.append(
            base.mark_point(size=90, strokeWidth=1.8, opacity=1).encode(
                colour, tooltip=[*tooltips, *tips]
            )
        )
    return out


def _near(close: pl.DataFrame, people: dict[str, pl.DataFrame], titles: dict[str, str]) -> Any:
    tolerances = close["tolerance"].unique().sort().to_list()
    words = {t: format_tolerance(t) for t in tolerances}
    frame = close.with_columns(
        pl.col("tolerance").replace_strict(words, return_dtype=pl.String).alias("how near")
    )
    names = list(words.values())
    greys = [
        f"#{round(x):02X}{round(x):02X}{round(x):02X}"
        for x in np.linspace(0, LIGHTEST, max(2, len(names)))
    ]
    best = float(close["ancestral"].max())  # type: ignore[arg-type]
    low = min(float(close["ancestral"].min()), best - 1e-9 - abs(best) * 0.002)  # type: ignore[arg-type]
    inside = {who: some.filter(pl.col("ancestral") >= low) for who, some in people.items()}
    # Heterozygotes may be better than every genome that breeds true.
    top = max([best, *(x for some in inside.values() for x in some["ancestral"])])
    scale = alt.Scale(
        domain=[low - 0.03 * (top - low), top + 0.03 * (top - low)], nice=False, zero=False
    )
    x = alt.X(
        "ancestral:Q",
        title=titles["ancestral"],
        scale=scale,
        axis=alt.Axis(grid=False, tickCount=5),
    )
    y = alt.Y("modern_intent:Q", title=titles["modern"], axis=alt.Axis(grid=False))
    near = alt.Fill(
        "how near:N",
        title="in A",
        sort=names,
        scale=alt.Scale(domain=names, range=greys[: len(names)]),
        legend=alt.Legend(symbolOpacity=1, symbolStrokeWidth=0.5),
    )
    tips = [
        alt.Tooltip("how near:N", title="in A"),
        alt.Tooltip("classes:Q", title="genomes here"),
        alt.Tooltip("class:Q", title="one of them"),
        alt.Tooltip("ancestral:Q", title="in A", format=".4f"),
        alt.Tooltip("modern_intent:Q", title="in M", format=".4f"),
    ]
    dots = (
        alt.Chart(frame)
        .mark_point(size=34, opacity=1, stroke="#333333", strokeWidth=0.5)
        .encode(x, y, near, tooltip=tips)
    )
    return alt.layer(dots, *_marks(inside, None)).properties(
        width=WIDTH, height=HEIGHT + 80, title="those near the best of A"
    )


def _genomes(table: pl.DataFrame) -> Any:
    """Genomes one by one, or their density if there are many."""
    if table.height <= MOST_POINTS:
        return landscape_density.distinct(table)
    edges = landscape_density.edges_of(table)
    return Binned(
        landscape_density.density(table, edges), landscape_density.given_ancestral(table, edges[0])
    )


def _genomes_shown(height: int, facts: Mapping[str, Any]) -> str:
    """How many genomes of the grid the figure shows, in words."""
    if height == facts["grid"]:
        return f"all {count_of(height, 'genome')} of the grid"
    if facts["exact"]:
        return (
            f"{height:,} of {count_of(facts['grid'], 'genome')}: the best, those near them, and"
            " those"
            " that lived; all were tried"
        )
    return (
        f"{height:,} of {count_of(facts['grid'], 'genome')}: those that lived or were tried; the"
        " best are the best found"
    )


def _near_ties_words(close: pl.DataFrame, widest: float) -> str:
    """Number of genomes near the best of A, and their fitness in M, in words."""
    low, high = float(close["modern_intent"].min()), float(close["modern_intent"].max())  # type: ignore[arg-type]
    count = int(close["classes"].sum())
    genomes, they = (
        ("1 genome is", "it is") if count == 1 else (f"{count:,} genomes are", "they are")
    )
    range_of = (
        f"at {low:.3g} in M"
        if count == 1 or high - low < 1e-12
        else f"at {low:.3g} to {high:.3g} in M"
    )
    near = f"{format_tolerance(widest)}{' of the best' if widest else ''}"
    return f"{genomes} {near} in A; {they} {range_of}"


def draw(s: Source) -> Any:
    """The cross-section of the landscape."""
    table, populations = s.run.tables["landscape"], s.run.tables["populations"]
    facts = s.run.provenance["landscape"]
    if facts["grid"] == 1:
        return None  # there is nothing to compare
    every = _genomes(table)
    tolerances = list(s.run.experiment.analysis.near_ties) or [0.0]
    close = landscape_density.within_tolerances(
        table, sorted({0.0, *tolerances}), s.evaluator.spans["ancestral"]
    )
    moments = {"swap": "population at the swap"}
    if s.run.experiment.swap < s.run.experiment.generations:
        moments["end"] = "population at the end"
    people = {
        words: some
        for moment, words in moments.items()
        if (some := landscape_density.inhabitants(table, populations, moment)).height
    }
    peaks = _peaks(s, table)
    titles = {
        "ancestral": f"fitness in A ({payoff_words(s)})",
        "modern": f"{'intent' if intent_differs(s) else 'fitness'} in M ({unit_of_payoff(s)})",
    }
    chart = landscape(every, close, people, peaks, titles)
    shown = _genomes_shown(table.height, facts)
    finding = _near_ties_words(close, max(tolerances))
    where = "; ".join(
        f"the behaviour of the {words} has on average {_mean(some, 'ancestral'):.3g} in A and"
        f" {_mean(some, 'modern_intent'):.3g} in M"
        for words, some in people.items()
    )
    if isinstance(every, Binned):
        most = int(every.density["classes"].max())  # type: ignore[arg-type]
        shown += (
            f"; darker: more of them, up to {most:,} (log scale); short lines: the median of M"
            " given A"
        )
    about = (
        f"{s.run_label}; of populations the mean share over them"
        if s.run.experiment.replicates > 1
        else s.run_label
    )
    about += UNDRIVEN if s.summary.account.drivers else ""
    notes = [
        (
            f"{about}; {s.extinction.partition(',')[0]}, at the end its last newborns stand for a"
            " seed that did"
            if s.extinction
            else about
        ),
        f"{shown}; marks of populations are as large as their shares",
        finding,
    ]
    words = f"Fitness in A and in M. {'. '.join(notes)}. {where}."
    return themed(chart, "Fitness in A and in M", notes, words)


def _peaks(s: Source, table: pl.DataFrame) -> pl.DataFrame:
    peaks = BestClasses.from_landscape(
        table, s.evaluator.spans, exact=bool(s.run.provenance["landscape"]["exact"])
    )
    rungs = [
        ("best for A", "R3, the worst in M of those that are best in A", peaks.ancestral.worst)
    ]
    if peaks.ancestral.best != peaks.ancestral.worst:
        rungs.append(
            ("best for A", "the best in M of those that are best in A", peaks.ancestral.best)
        )
    rungs.append(("best for M", "R2, best for payoff in M", peaks.modern.worst))
    if intent_differs(s):
        rungs.append(
            ("best for intent in M", "R1, best for intent in M", peaks.modern_intent.worst)
        )
    named = pl.DataFrame(rungs, schema=["what", "words", "class"], orient="row").with_columns(
        pl.col("class").cast(table["class"].dtype)
    )
    return named.join(
        table.select("class", "ancestral", "modern_intent"),
        on="class",
        how="left",
        maintain_order="left",
    )


def _mean(people: pl.DataFrame, column: str) -> float:
    return float(
        people.select((pl.col("share") * pl.col(column)).sum() / pl.col("share").sum()).item()
    )
