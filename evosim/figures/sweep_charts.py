"""Charts of sweeps: phase diagrams, main effects, and steps of the ladder across a parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import numpy as np
import polars as pl

from evosim.figures.losses import LOSS_COLOURS
from evosim.figures.theme import HEIGHT, LOCUS_COLOURS, WIDTH, tips

SCHEME: Literal["cividis"] = (
    "cividis"  # even in lightness, so that it reads in grey and for the colour-blind
)
EMPTY = "#E4E4E4"
# Largest number of levels across for which cells show numbers, and half intervals
MOST_TEXT, MOST_SPREAD = (12, 8)
EVEN, EVEN_LOG = 0.02, 0.15  # relative; steps that differ less are taken for equal
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [4, 2]]
STEPS = ("representation", "dominance", "specification", "shift", "search", "hack")
STEP_COLOURS = [LOCUS_COLOURS[i] for i in (7, 5, 4, 2, 1, 3)]


@dataclass(frozen=True)
class Axis:
    """A swept parameter as an axis.

    Attributes:
        title: in words.
        labels: of its levels, in order.
        values: the same as numbers; None where they are none.
    """

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...] | None = None

    @property
    def scale(self) -> str:
        """The scale with equal steps: `linear` or `log`, else `uneven`; `names` for text values."""
        if self.values is None:
            return "names"
        if len(self.values) < 3 or _even(self.values):
            return "linear"
        return (
            "log"
            if min(self.values) > 0.0 and _even([math.log(v) for v in self.values], EVEN_LOG)
            else "uneven"
        )

    @property
    def axis_title(self) -> str:
        """The title, and what its steps are where that is not plain."""
        note = {"log": " (logarithmic steps)", "uneven": " (levels; steps not to scale)"}.get(
            self.scale, ""
        )
        return self.title + note


def _even(values: Any, within: float = EVEN) -> bool:
    steps = np.diff(np.asarray(values, dtype=np.float64))
    return bool(np.ptp(steps) <= within * np.abs(steps).max())


def number(value: float | None, decimals: int = 2) -> str:
    """With a true minus, and no negative zero."""
    if value is None:
        return ""
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text.replace("-", "\u2212")


def decimals(values: list[float]) -> int:
    """How many show three digits of the largest."""
    most = max((abs(value) for value in values), default=0.0)
    return min(6, max(0, 2 - math.floor(math.log10(most)))) if most > 0.0 else 2


def along(frame: pl.DataFrame, what: str) -> str:
    """A line in words: where it begins and ends, and its extremes if they lie between.

    Columns `x` and `mean`, in order.
    """
    rows = list(frame.drop_nulls("mean").select(pl.col("x").cast(pl.String), "mean").iter_rows())
    if not rows:
        return "nothing was measured."
    places = decimals([mean for _, mean in rows])
    ends, inner = {rows[0], rows[-1]}, ""
    for word, row in (
        ("lowest", min(rows, key=lambda r: r[1])),
        ("highest", max(rows, key=lambda r: r[1])),
    ):
        inner += f", {word} {number(row[1], places)} at {row[0]}" if row not in ends else ""
    return (
        f"{number(rows[0][1], places)} at {what} {rows[0][0]}, {number(rows[-1][1], places)} at"
        f" {rows[-1][0]}{inner}."
    )


def extremes(frame: pl.DataFrame, names: tuple[str, str]) -> str:
    """A map in words: its lowest and its highest cell. Columns `x`, `y` and `mean`."""
    rows = list(
        frame.drop_nulls("mean").select(pl.col("x", "y").cast(pl.String), "mean").iter_rows()
    )
    if not rows:
        return "Nothing was measured."
    places = decimals([row[2] for row in rows])
    low, high = min(rows, key=lambda r: r[2]), max(rows, key=lambda r: r[2])
    lowest, highest = (
        f"{number(mean, places)} at {names[0]} {x} and {names[1]} {y}" for x, y, mean in (low, high)
    )
    empty = frame.height - len(rows)
    return f"Lowest {lowest}; highest {highest}" + (
        f"; {empty} cells have no mean." if empty else "."
    )


def _cells(frame: pl.DataFrame, least: float, most: float, *, both_ends: bool) -> pl.DataFrame:
    """Cells of a heat map with their numbers, intervals and ink as text."""
    middle = (least + most) / 2.0
    places = decimals([least, most])
    rows = [
        {
            **row,
            "number": number(row["mean"], places) if row["mean"] is not None else row["note"],
            "spread": (
                _half(row["low"], row["high"], places, both_ends=both_ends)
                + (f" {row['note']}" if row["mean"] is not None and row["note"] else "")
            ),
            "ink": "black" if row["mean"] is None or row["mean"] > middle else "white",
        }
        for row in frame.select("x", "y", "mean", "low", "high", "note").iter_rows(named=True)
    ]
    return pl.DataFrame(
        rows, schema_overrides={"mean": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    )


def phase(frame: pl.DataFrame, x: Axis, y: Axis, quantity: str, *, both_ends: bool = False) -> Any:
    """A heat map of two factors.

    `frame` has `x`, `y` (labels), `mean`, `low`, `high`, and a `note` for cells with missing runs.
    Each cell shows its mean, and below it half its interval, or both ends (`both_ends`). Cells
    without a mean are grey and give the reason.
    """
    shown = frame.drop_nulls("mean")["mean"]
    least, most = (float(shown.min()), float(shown.max())) if shown.len() else (0.0, 1.0)  # type: ignore[arg-type]
    table = _cells(frame, least, most, both_ends=both_ends)
    across, up = len(x.labels), len(y.labels)
    width, height = (
        max(26, min(most_wide, room // n))
        for n, most_wide, room in ((across, 84, 640), (up, 58, 460))
    )
    ex = alt.X(
        "x:N",
        sort=list(x.labels),
        title=x.axis_title,
        axis=alt.Axis(
            labelAngle=0 if max(map(len, x.labels)) * 6 < width else -35,
            grid=False,
            ticks=False,
            domain=False,
        ),
    )
    wy = alt.Y(
        "y:N",
        sort=list(reversed(y.labels)),
        title=y.axis_title,
        axis=alt.Axis(grid=False, ticks=False, domain=False),
    )
    base = alt.Chart(table)
    span = [least, most] if most > least else [least - 0.5, least + 0.5]
    colour = alt.Color(
        "mean:Q",
        title=quantity,
        scale=alt.Scale(scheme=SCHEME, domain=span),
        legend=alt.Legend(
            gradientLength=max(80, min(200, up * height)), format=".3~g", titleLimit=260
        ),
    )
    layers = [
        base.transform_filter("datum.mean === null")
        .mark_rect(color=EMPTY, stroke="white")
        .encode(ex, wy, tooltip=tips(("x:N", x.title), ("y:N", y.title), ("note:N", "no mean"))),
        base.transform_filter("datum.mean !== null")
        .mark_rect(stroke="white")
        .encode(
            ex,
            wy,
            colour,
            tooltip=tips(("x:N", x.title), ("y:N", y.title), *_measured(table, quantity)),
        ),
    ]
    ink = alt.Color("ink:N", scale=None, legend=None)
    if across <= MOST_TEXT:
        some = across <= MOST_SPREAD and any(table["spread"])
        layers.append(
            base.mark_text(fontSize=12, dy=-6 if some else 0).encode(
                ex, wy, alt.Text("number:N"), ink
            )
        )
        if some:
            layers.append(
                base.mark_text(fontSize=9.5, dy=9).encode(ex, wy, alt.Text("spread:N"), ink)
            )
    return (
        alt.layer(*layers)
        .resolve_scale(color="independent")
        .properties(width=alt.Step(width), height=alt.Step(height))
    )


def _measured(frame: pl.DataFrame, quantity: str, form: str = ".4~g") -> list[tuple[str, str, str]]:
    """Tooltips of a mean, and of its interval where there is one."""
    ends = (
        [("low:Q", "interval from", form), ("high:Q", "to", form)]
        if frame["low"].drop_nulls().len()
        else []
    )
    return [("mean:Q", quantity, form), *ends]


def _half(low: float | None, high: float | None, places: int, *, both_ends: bool) -> str:
    if low is None or high is None or high <= low:
        return ""
    half = (high - low) / 2.0
    if half < 0.5 * 10.0**-places:  # no interval with a width may look like none
        places = 1 - math.floor(math.log10(half))
    return (
        f"[{number(low, places)}, {number(high, places)}]"
        if both_ends
        else f"\u00b1{number(half, places)}"
    )


def across(frame: pl.DataFrame, x: Axis, quantity: str) -> Any:
    """A line over one factor: `x` (label), `mean`, `low`, `high`."""
    return _line(frame, x, quantity, words=quantity).properties(
        width=WIDTH + 60, height=HEIGHT + 20
    )


def _position(x: Axis, title: str | None = None) -> tuple[Any, list[Any]]:
    """The horizontal channel of a factor, and where its levels are on it."""
    if x.scale == "names" or x.values is None:
        angle = 0 if sum(map(len, x.labels)) <= 30 else -30
        return alt.X(
            "at:N",
            sort=list(x.labels),
            title=title or x.axis_title,
            axis=alt.Axis(grid=False, labelAngle=angle),
            scale=alt.Scale(padding=0.5),
        ), list(x.labels)
    kind: Literal["log", "linear"] = "log" if x.scale == "log" else "linear"
    if x.scale == "uneven" and min(x.values) > 0.0 and max(x.values) / min(x.values) > 20:
        kind = "log"
    words = (title or x.title) + (" (log scale)" if kind == "log" else "")
    axis = (
        alt.Axis(grid=False, format=".6~g", values=list(x.values))
        if len(x.values) <= 8
        else alt.Axis(grid=False, format=".6~g", tickCount=6)
    )
    pad = alt.Scale(type=kind, zero=False, nice=False, padding=14)
    return alt.X("at:Q", title=words, axis=axis, scale=pad), list(x.values)


def _line(
    frame: pl.DataFrame,
    x: Axis,
    title: str | None,
    colour: str = "#111111",
    domain: list[float] | None = None,
    *,
    words: str,
) -> Any:
    channel, places = _position(x)
    known = dict(zip(x.labels, places, strict=True))
    table = frame.with_columns(pl.Series("at", [known[label] for label in frame["x"]]))
    y = alt.Y(
        "mean:Q",
        title=title,
        scale=alt.Scale(domain=domain, zero=False) if domain else alt.Scale(zero=False),
        axis=alt.Axis(tickCount=5),
    )
    base = alt.Chart(table)
    layers = []
    if x.scale != "names":
        layers.append(
            base.mark_area(opacity=0.15, color=colour).encode(
                channel, alt.Y("low:Q", title=title), alt.Y2("high:Q")
            )
        )
        layers.append(base.mark_line(strokeWidth=2, color=colour).encode(channel, y))
    layers.append(
        base.mark_rule(strokeWidth=1.5, color=colour).encode(
            channel, alt.Y("low:Q", title=title), alt.Y2("high:Q")
        )
    )
    tooltip = tips(("x:N", x.title), *_measured(frame, words))
    layers.append(
        base.mark_point(filled=True, opacity=1, size=55, color=colour).encode(
            channel, y, tooltip=tooltip
        )
    )
    return alt.layer(*layers)


def main_effects(panels: list[tuple[Axis, str, pl.DataFrame]], quantity: str) -> Any:
    """One panel per factor, with one vertical scale.

    A panel has an axis, a heading, and a frame with `x`, `mean`, `low`, `high`.
    """
    lows = [v for _, _, f in panels for v in (*f["low"].drop_nulls(), *f["mean"].drop_nulls())]
    highs = [v for _, _, f in panels for v in (*f["high"].drop_nulls(), *f["mean"].drop_nulls())]
    pad = 0.05 * (max(highs) - min(lows)) or 0.5
    domain = [min(lows) - pad, max(highs) + pad]
    charts = []
    for i, (x, words, frame) in enumerate(panels):
        chart = _line(frame, x, quantity if i % 3 == 0 else None, domain=domain, words=quantity)
        charts.append(
            chart.properties(
                width=190,
                height=HEIGHT - 20,
                title=alt.TitleParams(words, fontSize=12, anchor="middle"),
            )
        )
    rows = [alt.hconcat(*charts[i : i + 3], spacing=22) for i in range(0, len(charts), 3)]
    return rows[0] if len(rows) == 1 else alt.vconcat(*rows, spacing=22)


def steps(frame: pl.DataFrame, x: Axis) -> Any:
    """Loss of each step of the ladder across a factor, one panel per world.

    Columns: `world`, `step`, `x`, `mean`, `low`, `high`.
    """
    return _lines(frame, x, "step", "lost at the step", dict(zip(STEPS, STEP_COLOURS, strict=True)))


def losses(frame: pl.DataFrame, x: Axis, names: Sequence[str]) -> Any:
    """The three losses across a factor, one panel per world; columns as of `steps`.

    The `names` are those in column `step`: of shift, waste and hack, in this order.
    """
    colours = dict(zip(names, LOSS_COLOURS.values(), strict=True))
    return _lines(frame, x, "loss", "lost at the switch", colours)


def _lines(frame: pl.DataFrame, x: Axis, title: str, lost: str, colours: Mapping[str, str]) -> Any:
    """Lines of column `step` across a factor, one panel per world, in the given colours."""
    worlds = [world for world in ("ancestral", "modern") if (frame["world"] == world).any()]
    shown = [step for step in colours if (frame["step"] == step).any()]
    places = [list(colours).index(step) for step in shown]
    legend = alt.Legend(symbolSize=120, symbolStrokeWidth=0, labelLimit=240)
    colour = alt.Color(
        "step:N",
        title=title,
        sort=shown,
        scale=alt.Scale(domain=shown, range=[colours[step] for step in shown]),
        legend=legend,
    )
    shape = alt.Shape(
        "step:N",
        title=title,
        sort=shown,
        scale=alt.Scale(domain=shown, range=[SHAPES[i] for i in places]),
    )
    dash = alt.StrokeDash(
        "step:N",
        sort=shown,
        scale=alt.Scale(domain=shown, range=[DASHES[i] for i in places]),
        legend=None,
    )
    channel, at = _position(x)
    known = dict(zip(x.labels, at, strict=True))
    table = frame.with_columns(pl.Series("at", [known[label] for label in frame["x"]]))
    panels = []
    for world in worlds:
        base = alt.Chart(table.filter(pl.col("world") == world))
        y = alt.Y(
            "mean:Q",
            title=f"{lost} (expected offspring in a life)" if world == worlds[0] else None,
            axis=alt.Axis(tickCount=6),
        )
        layers = [
            alt.Chart(pl.DataFrame({"zero": [0.0]}))
            .mark_rule(color="#999999")
            .encode(alt.Y("zero:Q"))
        ]
        if x.scale != "names":
            layers.append(base.mark_line(strokeWidth=2).encode(channel, y, colour, dash))
        layers.append(
            base.mark_rule(strokeWidth=1.5).encode(
                channel, alt.Y("low:Q"), alt.Y2("high:Q"), colour
            )
        )
        tooltip = tips(
            ("step:N", title),
            ("x:N", x.title),
            *_measured(table, "lost (expected offspring in a life)"),
        )
        layers.append(
            base.mark_point(filled=True, opacity=1, size=60).encode(
                channel, y, colour, shape, tooltip=tooltip
            )
        )
        panels.append(
            alt.layer(*layers).properties(
                width=WIDTH - 20, height=HEIGHT + 20, title=f"{world} world"
            )
        )
    return alt.hconcat(*panels, spacing=30)


def _sampled_channel(channel: Any, name: str, title: str, values: pl.Series, log: bool) -> Any:
    if values.dtype == pl.String or values.dtype == pl.Boolean:
        return channel(f"{name}:N", title=title, axis=alt.Axis(labelAngle=0, grid=False))
    scale = alt.Scale(type="log" if log else "linear", zero=False, nice=False, padding=10)
    return channel(
        f"{name}:Q",
        title=title + (" (log scale)" if log else ""),
        scale=scale,
        axis=alt.Axis(grid=False, tickCount=5, format=".6~g"),
    )


def _sampled_tip(name: str, title: str, values: pl.Series) -> tuple[str, str, str]:
    names = values.dtype == pl.String or values.dtype == pl.Boolean
    return f"{name}:{'N' if names else 'Q'}", title, ".6~g"


def scattered(frame: pl.DataFrame, x: tuple[str, bool], y: tuple[str, bool], quantity: str) -> Any:
    """Points of a design by two of its parameters, coloured by `mean`.

    `x` and `y` hold each parameter's title and whether its scale is logarithmic.
    """
    colour = alt.Color(
        "mean:Q",
        title=quantity,
        scale=alt.Scale(scheme=SCHEME),
        legend=alt.Legend(format=".3~g", titleLimit=260),
    )
    ex, wy = (
        _sampled_channel(channel, name, *pair)
        for channel, name, pair in (
            (alt.X, "x", (x[0], frame["x"], x[1])),
            (alt.Y, "y", (y[0], frame["y"], y[1])),
        )
    )
    size = 120 if frame.height < 200 else 50
    kinds = (("x", x[0], frame["x"]), ("y", y[0], frame["y"]))
    tooltip = tips(*[_sampled_tip(*kind) for kind in kinds], ("mean:Q", quantity, ".4~g"))
    return (
        alt.Chart(frame)
        .mark_circle(size=size, opacity=1, stroke="white", strokeWidth=0.6)
        .encode(ex, wy, colour, tooltip=tooltip)
        .properties(width=WIDTH + 80, height=WIDTH)
    )


def sampled_effects(panels: list[tuple[str, bool, str, pl.DataFrame]], quantity: str) -> Any:
    """One panel per parameter of a design.

    A panel has a title, whether it is logarithmic, a heading, and `x`, `mean`, `low`, `high`.
    """
    charts = []
    for i, (title, log, words, frame) in enumerate(panels):
        y_title = quantity if i % 3 == 0 else None
        y = alt.Y("mean:Q", title=y_title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
        ex = _sampled_channel(alt.X, "x", title, frame["x"], log)
        base = alt.Chart(frame)
        rules = base.mark_rule(opacity=0.35, color="#555555").encode(
            ex, alt.Y("low:Q", title=y_title), alt.Y2("high:Q")
        )
        tooltip = tips(_sampled_tip("x", title, frame["x"]), *_measured(frame, quantity))
        points = base.mark_circle(size=35, opacity=0.8, color="#0072B2").encode(
            ex, y, tooltip=tooltip
        )
        charts.append(
            (rules + points).properties(
                width=190,
                height=HEIGHT - 40,
                title=alt.TitleParams(words, fontSize=12, anchor="middle"),
            )
        )
    rows = [alt.hconcat(*charts[i : i + 3], spacing=22) for i in range(0, len(charts), 3)]
    return rows[0] if len(rows) == 1 else alt.vconcat(*rows, spacing=22)
