"""The two ladders as waterfalls: what each stage of the design loses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.intervals import level
from evosim.analysis.ladder import steps_down
from evosim.analysis.summary import LadderSummary
from evosim.figures.inputs import Source
from evosim.figures.theme import ANCESTRAL, HEIGHT, MODERN, WIDTH, format_number, themed, tips


def bars_of(rungs: Iterable[str]) -> list[tuple[str, str, str]]:
    """Names of bars, the rungs at which they end, and whether they are a `total` or a `step`."""
    there = set(rungs)
    steps = [(step, rung, "step") for rung, step in steps_down(there)]
    ends = [(name, name, "total") for name in ("optimum", "population") if name in there]
    return [*ends[:1], *steps, *ends[1:]] if "optimum" in there else [*steps, *ends]


UNIT = "expected offspring"  # in a life


def ladders(worlds: Mapping[str, LadderSummary], unit: str = UNIT, confidence: float = 0.95) -> Any:
    """Left the ancestral, right the modern ladder.

    Bars hang from one rung to the next; whiskers: bootstrap over seeds.
    """
    rows: list[dict[str, str | float | None]] = []
    for world, ladder in worlds.items():
        level = 0.0
        for name, rung, what in bars_of(ladder.rungs):
            value = ladder.rung(rung)
            start = 0.0 if what == "total" else level
            low, high = (
                ladder.ends("population") or (None, None)
                if rung == "population" and what == "total"
                else (None, None)
            )
            change = value if what == "total" else value - level
            text = (
                f"{change:.3f}"
                if what == "total"
                else f"{change:+.3f}".replace("+0.000", "0").replace("-0.000", "0")
            )
            rows.append(
                {
                    "world": world,
                    "stage": name,
                    "from": start,
                    "to": value,
                    "change": change,
                    "text": text.replace("-", "\u2212"),
                    "what": what,
                    "top": max(start, value),
                    "low": low,
                    "high": high,
                }
            )
            level = value
    schema = {"low": pl.Float64, "high": pl.Float64}
    frame = pl.DataFrame(rows, schema_overrides=schema)
    panels = [
        _panel(
            frame.filter(pl.col("world") == world),
            world,
            [name for name, _, _ in bars_of(ladder.rungs)],
            unit,
            confidence,
        )
        for world, ladder in worlds.items()
    ]
    return alt.hconcat(*panels, spacing=36).resolve_scale(color="independent")


def describe(worlds: Mapping[str, LadderSummary], unit: str = UNIT) -> str:
    """The figure in words."""
    parts = []
    for world, ladder in worlds.items():
        rungs, lost = ladder.rungs, []
        level: float | None = None
        for name, rung, what in bars_of(rungs):
            value = ladder.rung(rung)
            if (
                what == "step"
                and level is not None
                and format_number(level - value) != format_number(0.0)
            ):
                loses = level - value
                lost.append(
                    f"{name} {'loses' if loses > 0.0 else 'wins back'} {format_number(abs(loses))}"
                )
            level = value
        ends = ladder.ends("population")
        between = f" ({format_number(ends[0])} to {format_number(ends[1])})" if ends else ""
        start = (
            f"from the optimum, {format_number(ladder.rung('optimum'))}, "
            if "optimum" in rungs
            else ""
        )
        people = (
            f"the population has {format_number(ladder.rung('population'))}{between}"
            if "population" in rungs
            else "no population lived to see the swap"
        )
        parts.append(
            f"In the {world} world, {start}{', '.join(lost) or 'nothing is lost'}; {people}."
        )
    return f"Two waterfalls of {unit} in a life. {' '.join(parts)}"


def _panel(frame: pl.DataFrame, world: str, order: list[str], unit: str, confidence: float) -> Any:
    colour = ANCESTRAL if world == "ancestral" else MODERN
    top = float(frame["top"].max())  # type: ignore[arg-type]
    least = min(0.0, float(frame.select(pl.min_horizontal("from", "to").min()).item()))
    x = alt.X("stage:N", sort=order, title=None, axis=alt.Axis(labelAngle=-35, grid=False))
    y = alt.Y(
        "from:Q",
        title=f"{unit} in a life",
        scale=alt.Scale(domain=[least, top + 0.12 * (top - least)], nice=False),
        axis=alt.Axis(grid=False),
    )
    base = alt.Chart(frame)
    fill = alt.Color(
        "what:N", scale=alt.Scale(domain=["total", "step"], range=[colour, "#9A9A9A"]), legend=None
    )
    ends = (
        [("low:Q", f"{level(confidence)} interval of the mean from"), ("high:Q", "to")]
        if frame["low"].drop_nulls().len()
        else []
    )
    tooltip = tips(
        ("stage:N", "stage"),
        ("change:Q", f"fitness or change ({unit})"),
        ("to:Q", "what is left"),
        *ends,
    )
    bars = base.mark_bar(size=30).encode(x, y, alt.Y2("to:Q"), fill, tooltip=tooltip)
    edges = base.mark_tick(thickness=2, size=30, color="#333333").encode(x, alt.Y("to:Q"))
    text = base.mark_text(dy=-9, fontSize=11).encode(x, alt.Y("top:Q"), alt.Text("text:N"))
    whiskers = base.mark_rule(strokeWidth=2, color="#111111").encode(
        x, alt.Y("low:Q"), alt.Y2("high:Q")
    )
    return alt.layer(bars, edges, whiskers, text).properties(
        width=WIDTH, height=HEIGHT + 20, title=f"{world} world"
    )


def draw(s: Source) -> Any:
    """The figure `ladders` of a run."""
    note = (
        "representation: what no genome can do; shift: a perfect ancestral optimizer loses it too;"
        " search: the rest"
    )
    if "fair" in s.run.controls:
        note = note.replace(
            "search: the rest", "search: imperfect even if meiosis is fair; hack: unfair meiosis"
        )
    worlds = dict(s.summary.account.ladder.items())
    if any("sampling" in ladder.steps for ladder in worlds.values()):
        note = note.replace("search: ", "sampling: selection saw less than all of A; search: ")
    confidence = s.run.experiment.analysis.confidence
    lines = [s.subtitle(f"whiskers: {level(confidence)} bootstrap interval of the mean"), note]
    said = describe(worlds, s.unit)
    return themed(
        ladders(worlds, s.unit, confidence), "The ladder: which stage lost it", lines, s.words(said)
    )
