"""The three losses: bars for shift, waste and hack in both worlds on one axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.intervals import level
from evosim.analysis.loss_summary import NICKNAMES, LossSummary, with_nickname
from evosim.figures.inputs import Source
from evosim.figures.theme import WIDTH, format_number, themed, tips

# Fixed in all figures. They differ in lightness, too.
LOSS_COLOURS = {"shift": "#882255", "waste": "#009E73", "hack": "#E69F00"}
WORLDS = ("ancestral world", "modern world")
LABELS = 0.3 * 2 * WIDTH  # room for the labels of bars, as part of the longest bar, times the width


def loss_frame(losses: LossSummary) -> pl.DataFrame:
    """The losses that were measured: `world`, `loss`, `mean`, `low`, `high`, `share`, `label`."""
    return bars_of({"loss": loss.name} | vars(loss) for loss in losses.losses)


def bars_of(losses: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """The same from rows of `run.losses()`; losses that were not measured have no bar."""
    rows = [
        {
            "world": f"{loss['world']} world",
            "loss": loss["loss"],
            "mean": loss["mean"],
            "low": loss["low"],
            "high": loss["high"],
            "share": loss["share_of_best"],
            "label": _amount(loss["loss"], loss["mean"], loss["share_of_best"]),
            "end": max(0.0, loss["mean"], 0.0 if loss["high"] is None else loss["high"]),
        }
        for loss in losses
        if loss["mean"] is not None and (loss["loss"], loss["world"]) != ("shift", "ancestral")
    ]
    columns: dict[str, type[pl.DataType]] = {
        name: pl.String if name in ("world", "loss", "label") else pl.Float64
        for name in ("world", "loss", "mean", "low", "high", "share", "label", "end")
    }
    return pl.DataFrame(rows, schema=columns)


def _amount(name: str, mean: float, share: float | None) -> str:
    """A loss with its share of the best; a negative loss is called a gain."""
    amount = format_number(abs(mean))
    what = f"{name}: gain {amount}" if _is_gain(mean) else f"{name} {amount}"
    return what if share is None else f"{what} ({abs(share):.0%})"


def _is_gain(mean: float) -> bool:
    """Whether a loss is negative by more than rounding."""
    return mean < 0.0 and format_number(mean) != format_number(0.0)


def losses_chart(
    frame: pl.DataFrame,
    unit: str,
    nicknames: Mapping[str, str],
    *,
    width: float = 2 * WIDTH,
    amounts: pl.DataFrame | None = None,
) -> Any:
    """Horizontal bars by world and loss; whiskers: intervals over seeds.

    Parameters
    ----------
    frame : pl.DataFrame
        Rows of `bars_of`.
    unit : str
        Unit of payoff.
    nicknames : Mapping[str, str]
        By loss, the nickname in the legend.
    width : float
        Of the plot, in pixels.
    amounts : pl.DataFrame, optional
        Rows of all charts that have the same axis. By default those of this chart.
    """
    names = list(NICKNAMES)
    titles = [with_nickname(name, nicknames) for name in names]
    frame = frame.with_columns(
        pl.col("loss").replace_strict(dict(zip(names, titles, strict=True))).alias("name")
    )
    y = alt.Y(
        "world:N",
        sort=list(WORLDS),
        title=None,
        axis=alt.Axis(grid=False, ticks=False),
        scale=alt.Scale(paddingInner=0.25),
    )
    offset = alt.YOffset("name:N", sort=titles, scale=alt.Scale(domain=titles))
    amounts = frame if amounts is None else amounts
    labels_take = LABELS / width
    high = max(0.0, *(amounts["end"].to_list() or [0.0]))
    low = min(0.0, *(amounts["mean"].to_list() or [0.0]), *amounts["low"].drop_nulls().to_list())
    x = alt.X(
        "mean:Q",
        title=f"lost at the switch ({unit} in a life)",
        scale=alt.Scale(domain=[low, high + labels_take * (high - low)], nice=False),
    )
    colour = alt.Color(
        "name:N",
        title=None,
        sort=titles,
        scale=alt.Scale(domain=titles, range=list(LOSS_COLOURS.values())),
        legend=alt.Legend(orient="bottom", symbolType="square", symbolStrokeWidth=0),
    )
    tooltips = tips(
        ("name:N", "loss"),
        ("world:N", "in"),
        ("mean:Q", "mean", ".4f"),
        ("low:Q", "interval from", ".4f"),
        ("high:Q", "to", ".4f"),
        ("share:Q", "share of the best", ".0%"),
    )
    base = alt.Chart(frame)
    bars = base.mark_bar(stroke="#333333", strokeWidth=0.5).encode(
        x, y, offset, colour, tooltip=tooltips
    )
    whiskers = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=1.6, color="#111111")
        .encode(alt.X("low:Q"), alt.X2("high:Q"), y, offset, tooltip=tooltips)
    )
    labels = base.mark_text(align="left", dx=5, color="#111111").encode(
        alt.X("end:Q"), y, offset, alt.Text("label:N")
    )
    zero = alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(color="#333333")
    return alt.layer(bars, whiskers, labels, zero.encode(alt.X("zero:Q"))).properties(
        width=width, height=alt.Step(26, **{"for": "offset"})
    )


def side_by_side(runs: Mapping[str, LossSummary], unit: str) -> Any:
    """The losses of several runs on one scale: a chart for each run, two in a row."""
    frames = {name: loss_frame(losses) for name, losses in runs.items()}
    amounts = pl.concat(frames.values())
    # One legend serves all runs, so waste has its nickname if it applies to any of them
    words = {k: word for losses in runs.values() for k, word in losses.nicknames.items()}
    charts = [
        losses_chart(frame, unit, words, width=1.2 * WIDTH, amounts=amounts).properties(title=name)
        for name, frame in frames.items()
    ]
    return alt.concat(*charts, columns=2, spacing=24)


def describe(losses: LossSummary) -> str:
    """The losses in words, for readers who cannot see the figure."""
    parts = []
    for loss in losses.losses:
        if loss.mean is None:
            continue
        gain = _is_gain(loss.mean)
        low, high = (None, None) if loss.low is None or loss.high is None else (loss.low, loss.high)
        if gain and low is not None and high is not None:
            low, high = -high, -low
        ends = "" if low is None else f" [{format_number(low)}, {format_number(high)}]"
        amount = f"{'gain ' if gain else ''}{format_number(abs(loss.mean))}"
        parts.append(f"{loss.name} in the {loss.world} world {amount}{ends}")
    return "; ".join(parts)


def draw(s: Source) -> Any:
    """The three losses of a run; None if nothing was measured."""
    losses = s.summary.account.losses
    frame = loss_frame(losses)
    if frame.is_empty():
        return None
    notes = [
        f"{s.run_label}; whiskers: {level(s.summary.header.confidence)} intervals of means over"
        " seeds",
        "shift: the world changed (none in the ancestral world); waste: imperfect search; hack: a"
        " gene that cheats",
    ]
    missing = sorted({loss.name for loss in losses.losses if loss.mean is None})
    if missing:
        notes.append(f"not measured: {', '.join(missing)}")
    words = f"The three losses. {'. '.join(notes)}. {describe(losses)}."
    return themed(
        losses_chart(frame, s.summary.header.unit, losses.nicknames),
        "The three losses",
        notes,
        words,
    )
