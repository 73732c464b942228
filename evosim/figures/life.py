"""One life, act by act, in A and in M with the same random numbers."""

from __future__ import annotations

import re
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.acts import fill, ink, letters, named
from evosim.figures.theme import WIDTH

LONG, SHORT = 2 * WIDTH, 1.3 * WIDTH
MANY = 30  # ages, from which tiles need all the width there is
MOST_ROWS = 16  # states that are told apart by name
FACTOR = re.compile(r"([a-z]+)(\d+)")
ROOM = 30


def factors(states: list[str]) -> list[dict[str, int]] | None:
    """The numbers in names such as `e3.p1.s0`, for each; nothing if some name is not of that kind. What is said behind a comma is left out."""
    out = []
    for name in states:
        found = [FACTOR.fullmatch(part) for part in name.partition(",")[0].split(".")]
        if not all(found) or len(found) < 2:
            return None
        out.append({m[1]: int(m[2]) for m in found if m})
    return out if all(x.keys() == out[0].keys() for x in out) else None


def life(rows: pl.DataFrame, acts: tuple[str, ...], headings: dict[str, str], amounts: dict[str, str]) -> Any:
    """One block a world: acts as tiles with letters, payoff above them, and below what state it is in.

    `rows` are those of `analysis.lives`; `headings` and `amounts` (what is counted, with its unit) are by world.
    """
    short = letters(acts)
    span = int(rows["age"].max()) + 1  # type: ignore[arg-type]
    frame = rows.with_columns(
        (pl.col("age") + 1).alias("end"), (pl.col("age") + 0.5).alias("middle"), pl.col("act").replace_strict(named(acts)).alias("label"),
        pl.col("act").replace_strict(short).alias("letter"), pl.col("act").replace_strict(ink(acts)).alias("ink"),
    )  # fmt: skip
    width = LONG if span > MANY else SHORT
    shown, numbers = set(rows["act"]), factors(rows["state"].to_list())
    tops = {name: max(1, *(x[name] for x in numbers)) for name in numbers[0]} if numbers else {}
    blocks = []
    for which in ("ancestral", "modern"):
        mine = frame.filter(pl.col("world") == which)
        if mine.height:
            blocks.append(_block(mine, acts, shown, span, width, headings[which], amounts[which], tops))
    return alt.vconcat(*blocks, spacing=22).resolve_scale(color="independent", x="independent", fill="shared")


def _block(frame: pl.DataFrame, acts: tuple[str, ...], shown: set[str], span: int, width: float, title: str, amount: str, tops: dict[str, int]) -> Any:
    scale = alt.Scale(domain=[0, span], nice=False)
    bare = alt.Axis(labels=False, ticks=False, grid=False, domain=False)
    x = alt.X("age:Q", title=None, scale=scale, axis=bare)
    tips = [
        alt.Tooltip("age:Q"), alt.Tooltip("state:N"), alt.Tooltip("label:N", title="act"), alt.Tooltip("chance:Q", title="chance of the act", format=".0%"),
        alt.Tooltip("amount:Q", title=amount, format=".3g"), alt.Tooltip("so_far:Q", title="so far", format=".3g"),
    ]  # fmt: skip
    base = alt.Chart(frame)
    legend = fill(acts, shown, orient="bottom", columns=6)
    tiles = base.mark_rect(stroke="white", strokeWidth=0.6).encode(x, alt.X2("end:Q"), y=alt.value(14), y2=alt.value(14 + ROOM), fill=legend, tooltip=tips)
    font = max(6.0, min(11.0, 0.9 * width / span))
    text = base.mark_text(fontSize=font).encode(
        alt.X("middle:Q", scale=scale, axis=bare), alt.Text("letter:N"), alt.Color("ink:N", scale=None), y=alt.value(14 + ROOM / 2), tooltip=tips
    )
    events = frame.filter(pl.col("amount") != 0.0)
    largest = float(events["amount"].abs().max()) if events.height else 1.0  # type: ignore[arg-type]
    sized = events.with_columns((pl.col("amount").abs() / largest).alias("size"))
    marks = []
    for shape, some, hue in (("triangle-down", pl.col("amount") > 0.0, "#111111"), ("cross", pl.col("amount") < 0.0, "#D55E00")):
        size = alt.Size("size:Q", scale=alt.Scale(domain=[0, 1], range=[8, 70]), legend=None)
        drawn = alt.Chart(sized.filter(some)).mark_point(shape=shape, filled=True, color=hue, opacity=1)
        marks.append(drawn.encode(alt.X("middle:Q", scale=scale, axis=bare), size, y=alt.value(7), tooltip=tips))
    strip = alt.layer(tiles, text, *marks).resolve_scale(color="independent").properties(width=width, height=14 + ROOM, title=alt.TitleParams(title, anchor="start", fontSize=12))
    below = _factors(frame, tops, scale, width, tips) if tops else [_states(frame, scale, width, tips)]
    return alt.vconcat(strip, *below, spacing=5).resolve_scale(color="independent", fill="shared")


def _factors(frame: pl.DataFrame, tops: dict[str, int], scale: Any, width: float, tips: list[Any]) -> list[Any]:
    """One strip a factor of the state, from 0 to its largest value in either world."""
    found, out = factors(frame["state"].to_list()) or [], []
    for i, (name, top) in enumerate(tops.items()):
        mine = frame.with_columns(pl.Series("value", [x[name] for x in found]))
        ticks = alt.Axis(tickMinStep=1, tickCount=min(top, 3), grid=True, titleAngle=0, titlePadding=10)
        y = alt.Y("value:Q", title=name, scale=alt.Scale(domain=[0, top]), axis=ticks)
        axis = alt.Axis(grid=False, tickMinStep=1) if i == len(tops) - 1 else alt.Axis(labels=False, ticks=False, grid=False)
        x = alt.X("age:Q", title="age" if i == len(tops) - 1 else None, scale=scale, axis=axis)
        out.append(
            alt.Chart(mine)
            .mark_rect(color="#4C4C4C", opacity=0.75)
            .encode(x, alt.X2("end:Q"), y, alt.Y2(datum=0), tooltip=tips)
            .properties(width=width, height=26)
        )
    return out


def _states(frame: pl.DataFrame, scale: Any, width: float, tips: list[Any]) -> Any:
    """The states it is in, in the order in which it first comes to them; of very many the first."""
    order = frame["state"].unique(maintain_order=True).to_list()[:MOST_ROWS]
    mine = frame.filter(pl.col("state").is_in(order))
    return (
        alt.Chart(mine)
        .mark_rect(color="#4C4C4C", opacity=0.75)
        .encode(
            alt.X("age:Q", title="age", scale=scale, axis=alt.Axis(grid=False, tickMinStep=1)),
            alt.X2("end:Q"),
            alt.Y("state:N", sort=order, title=None, axis=alt.Axis(labelLimit=200, ticks=False)),
            tooltip=tips,
        )
        .properties(width=width, height=14 * len(order))
    )
