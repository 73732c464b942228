"""One life, act by act, in A and in M with the same random numbers."""

from __future__ import annotations

import re
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis import sample_life
from evosim.figures.act_colours import fill, ink, letters, named
from evosim.figures.inputs import WORLDS, Source, intent_differs
from evosim.figures.theme import themed
from evosim.runtime.words import count_of

# Ages in a line at most, and pixels of a tile then: letters must fit in print
LINE, WIDEST = (27, 14.5)
STRIP, ABOVE, FACTOR_HEIGHT, FONT = 22, 14, 18, 10
MOST_ROWS = 16  # states with a row of their own
FACTOR = re.compile(r"([a-z]+)(\d+)")


def factors(states: list[str]) -> list[dict[str, int]] | None:
    """The numbers in names such as `e3.p1.s0`, for each; nothing if some name is not of that kind.

    Text after a comma is ignored.
    """
    out = []
    for name in states:
        matches = [FACTOR.fullmatch(part) for part in name.partition(",")[0].split(".")]
        if not all(matches) or len(matches) < 2:
            return None
        out.append({m[1]: int(m[2]) for m in matches if m})
    return out if all(x.keys() == out[0].keys() for x in out) else None


def life(
    rows: pl.DataFrame, acts: tuple[str, ...], headings: dict[str, str], amounts: dict[str, str]
) -> Any:
    """One block per world, in lines of equal length: payoff above, acts as tiles, states below.

    Tiles have the letters of acts. `rows` are those of `analysis.lives`; `headings` and `amounts`
    (what is counted, with its unit) are by world.
    """
    short = letters(acts)
    span = int(rows["age"].max()) + 1  # type: ignore[arg-type]
    lines = -(-span // LINE)
    long = -(-span // lines)
    largest = float(rows["amount"].abs().max() or 1.0)  # type: ignore[arg-type]
    frame = rows.with_columns(
        (pl.col("age") + 1).alias("end"),
        (pl.col("age") + 0.5).alias("middle"),
        pl.col("act").replace_strict(named(acts)).alias("label"),
        pl.col("act").replace_strict(short).alias("letter"),
        pl.col("act").replace_strict(ink(acts)).alias("ink"),
        (pl.col("age") // long).alias("line"),
        (pl.col("amount").abs() / largest).alias("size"),
    )
    shown, numbers = set(rows["act"]), factors(rows["state"].to_list())
    tops = {name: max(1, *(x[name] for x in numbers)) for name in numbers[0]} if numbers else {}
    blocks = []
    for world in ("ancestral", "modern"):
        rows = frame.filter(pl.col("world") == world)
        parts = [
            _line(
                some,
                acts,
                shown,
                (line * long, (line + 1) * long),
                amounts[world],
                tops,
                headings[world] if line == 0 else "",
            )
            for (line,), some in rows.group_by("line", maintain_order=True)
            if isinstance(line, int)
        ]
        if parts:
            blocks.append(
                alt.vconcat(*parts, spacing=8).resolve_scale(
                    color="independent", x="independent", fill="shared"
                )
            )
    return alt.hconcat(*blocks, spacing=30).resolve_scale(
        color="independent", x="independent", fill="shared"
    )


def _line(
    frame: pl.DataFrame,
    acts: tuple[str, ...],
    shown: set[str],
    ends: tuple[int, int],
    amount: str,
    tops: dict[str, int],
    title: str,
) -> Any:
    scale, width = alt.Scale(domain=list(ends), nice=False), LINE * WIDEST
    bare = alt.Axis(labels=False, ticks=False, grid=False, domain=False)
    tips = [
        alt.Tooltip("age:Q"),
        alt.Tooltip("state:N"),
        alt.Tooltip("label:N", title="act"),
        alt.Tooltip("chance:Q", title="chance of the act", format=".0%"),
        alt.Tooltip("amount:Q", title=amount, format=".3g"),
        alt.Tooltip("so_far:Q", title="so far", format=".3g"),
    ]
    base = alt.Chart(frame)
    legend = fill(acts, shown, orient="bottom", columns=6)
    x, middle = (
        alt.X("age:Q", title=None, scale=scale, axis=bare),
        alt.X("middle:Q", title=None, scale=scale, axis=bare),
    )
    tiles = base.mark_rect(stroke="white", strokeWidth=0.6).encode(
        x,
        alt.X2("end:Q"),
        y=alt.value(ABOVE),
        y2=alt.value(ABOVE + STRIP),
        fill=legend,
        tooltip=tips,
    )
    text = base.mark_text(fontSize=FONT).encode(
        middle,
        alt.Text("letter:N"),
        alt.Color("ink:N", scale=None),
        y=alt.value(ABOVE + STRIP / 2),
        tooltip=tips,
    )
    marks = []
    for shape, some, hue in (
        ("triangle-down", pl.col("amount") > 0.0, "#111111"),
        ("cross", pl.col("amount") < 0.0, "#D55E00"),
    ):
        size = alt.Size("size:Q", scale=alt.Scale(domain=[0, 1], range=[8, 70]), legend=None)
        if (selected := frame.filter(some)).height:
            marks.append(
                alt.Chart(selected)
                .mark_point(shape=shape, filled=True, color=hue, opacity=1)
                .encode(middle, size, y=alt.value(ABOVE / 2), tooltip=tips)
            )
    strip = (
        alt.layer(tiles, text, *marks)
        .resolve_scale(color="independent")
        .properties(width=width, height=ABOVE + STRIP)
    )
    if title:
        strip = strip.properties(title=alt.TitleParams(title, anchor="start", fontSize=12))
    below = (
        _factors(frame, tops, scale, width, tips) if tops else [_states(frame, scale, width, tips)]
    )
    return alt.vconcat(strip, *below, spacing=4).resolve_scale(color="independent", fill="shared")


def _factors(
    frame: pl.DataFrame, tops: dict[str, int], scale: Any, width: float, tips: list[Any]
) -> list[Any]:
    """One strip a factor of the state, from 0 to its largest value in either world."""
    by_state, out = factors(frame["state"].to_list()) or [], []
    for i, (name, top) in enumerate(tops.items()):
        rows, last = (
            frame.with_columns(pl.Series("value", [x[name] for x in by_state])),
            i == len(tops) - 1,
        )
        ticks = alt.Axis(
            values=[0, top], format="d", grid=True, titleAngle=0, titlePadding=10, labelFontSize=10
        )
        y = alt.Y("value:Q", title=name, scale=alt.Scale(domain=[0, top]), axis=ticks)
        axis = (
            alt.Axis(grid=False, tickMinStep=1, labelPadding=2)
            if last
            else alt.Axis(labels=False, ticks=False, grid=False)
        )
        x = alt.X("age:Q", title="age" if last else None, scale=scale, axis=axis)
        bars = (
            alt.Chart(rows)
            .mark_rect(color="#4C4C4C", opacity=0.75)
            .encode(x, alt.X2("end:Q"), y, alt.Y2(datum=0), tooltip=tips)
        )
        out.append(bars.properties(width=width, height=FACTOR_HEIGHT))
    return out


def _states(frame: pl.DataFrame, scale: Any, width: float, tips: list[Any]) -> Any:
    """The states it is in, in the order in which it first comes to them; of very many the first."""
    order = frame["state"].unique(maintain_order=True).to_list()[:MOST_ROWS]
    x = alt.X("age:Q", title="age", scale=scale, axis=alt.Axis(grid=False, tickMinStep=1))
    y = alt.Y("state:N", sort=order, title=None, axis=alt.Axis(labelLimit=200, ticks=False))
    bars = (
        alt.Chart(frame.filter(pl.col("state").is_in(order)))
        .mark_rect(color="#4C4C4C", opacity=0.75)
        .encode(x, alt.X2("end:Q"), y, tooltip=tips)
    )
    return bars.properties(width=width, height=14 * len(order))


def draw(s: Source) -> Any:
    """One life of the commonest class."""
    class_id, class_words = s.drawn_class
    one = sample_life.life(s.evaluator, class_id, s.run.experiment.seed)
    if one.rows.is_empty():
        return None
    counted = {"ancestral": "payoff", "modern": "intent" if intent_differs(s) else "payoff"}
    ages = {w: int((one.rows["world"] == w).sum()) for w in WORLDS}
    headings = {
        w: (
            f"{w} world: {ages[w]} ages, {counted[w]} {one.total[w]:.3g} (mean"
            f" {one.expected[w]:.3g})"
        )
        for w in WORLDS
    }
    amounts = {w: f"{counted[w]} of the act" for w in WORLDS}
    acts = s.evaluator.pair.ancestral.acts
    chart = life(one.rows, acts, headings, amounts)
    rule = (
        f"of {count_of(one.drawn, 'life', 'lives')} drawn by seed {s.run.experiment.seed}, the one"
        " nearest to the mean"
        f" of both worlds (life {one.number})"
    )
    signs = "triangles: acts that pay, larger where they pay more" + (
        "; crosses: acts that cost" if (one.rows["amount"] < 0.0).any() else ""
    )
    notes = [s.run_label, class_words, f"the same random numbers in both worlds; {rule}", signs]
    if reading := s.world.state_legend:
        notes[-1] += f"; below: {reading}"
    return themed(
        chart,
        "One life, act by act",
        notes,
        f"One life, act by act. {'. '.join(notes)}. "
        + "; ".join(f"{headings[w]}: {_times(one.rows, w)}" for w in WORLDS)
        + ".",
    )


def _times(rows: pl.DataFrame, world: str) -> str:
    done = (
        rows.filter(pl.col("world") == world)
        .group_by("act", maintain_order=True)
        .len()
        .sort("len", "act", descending=[True, False])
    )
    return ", ".join(
        f"{act.replace('_', ' ')} {count_of(n, 'time')}" for act, n in done.iter_rows()
    )
