"""Policy of one class in each state, in A and in M."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis import policy_table
from evosim.figures.act_colours import fill, ink, letters, named
from evosim.figures.inputs import WORLDS, Source
from evosim.figures.theme import WIDTH, WORLD_COLOURS, themed

MOST_PLACES = 30
STEP = 16
CLEAR = 0.05  # chance below which an act is not written in its tile


def shown_places(frame: pl.DataFrame, most: int = MOST_PLACES) -> list[str]:
    """The places in which most of a life is spent, in either world; in the world's order."""
    lived = (
        frame.unique(["world", "place", "column"], maintain_order=True)
        .group_by("world", "place", "order", maintain_order=True)
        .agg(pl.col("occupancy").sum())
    )
    top = (
        lived.group_by("place", "order", maintain_order=True)
        .agg(pl.col("occupancy").max())
        .sort("occupancy", "order", descending=[True, False])
        .head(most)
    )
    return top.sort("order")["place"].to_list()


def left_out(frame: pl.DataFrame, places: list[str]) -> tuple[int, dict[str, float]]:
    """Number of places that are not listed, and the share of a life spent there, by world."""
    once = frame.unique(["world", "place", "column"], maintain_order=True)
    rest = ~pl.col("place").is_in(places)
    shares = {}
    for world in WORLDS:
        rows = once.filter(pl.col("world") == world)
        total = float(rows["occupancy"].sum())
        shares[world] = float(rows.filter(rest)["occupancy"].sum()) / total if total > 0.0 else 0.0
    return once.filter(rest)["place"].n_unique(), shares


@dataclass
class Tile:
    """Columns in a row of the chart in which the class acts alike in one place of one world.

    Attributes
    ----------
    order : int
        Position of the place.
    x, x2 : int
        First column, and the column after the last one.
    act, chance : str, float
        The most common act and its probability.
    label, ink, letters, words : str
        Legend entry, colour of the letters, letters, and tooltip.
    least_left, most_left : int
        Ages left to live.
    ages : float
        Expected ages of a life spent here.
    """

    world: str
    place: str
    order: int
    x: int
    x2: int
    act: str
    chance: float
    label: str
    ink: str
    letters: str
    least_left: int
    most_left: int
    ages: float
    words: str


def tiles(frame: pl.DataFrame, acts: tuple[str, ...]) -> pl.DataFrame:
    """One row per `Tile`, from the policy of a class by place and column."""
    order = {act: i for i, act in enumerate(acts)}
    cells = (
        frame.with_columns(pl.col("act").replace_strict(order, return_dtype=pl.Int64).alias("rank"))
        .sort("world", "order", "column", "rank")
        .group_by(
            "world", "place", "order", "column", "least_left", "most_left", maintain_order=True
        )
        .agg("act", "chance", pl.col("occupancy").first())
    )
    out: list[Tile] = []
    policy: list[tuple[str, float]] = []  # of the last tile
    for cell in cells.iter_rows(named=True):
        chances = sorted(
            zip(cell["act"], cell["chance"], strict=True),
            key=lambda x: (-round(x[1], 9), order[x[0]]),
        )
        same = [(act, round(chance, 6)) for act, chance in chances] == policy
        last = out[-1] if out else None
        if (
            last
            and same
            and (last.world, last.place, last.x2) == (cell["world"], cell["place"], cell["column"])
        ):
            last.x2 = cell["column"] + 1
            last.least_left, last.ages = cell["least_left"], last.ages + cell["occupancy"]
            continue
        policy = [(act, round(chance, 6)) for act, chance in chances]
        out.append(_tile(cell, chances, acts))
    return pl.DataFrame(out)


def _tile(cell: Mapping[str, Any], chances: list[tuple[str, float]], acts: tuple[str, ...]) -> Tile:
    act, chance = chances[0]
    short = letters(acts)
    return Tile(
        world=cell["world"],
        place=cell["place"],
        order=cell["order"],
        x=cell["column"],
        x2=cell["column"] + 1,
        act=act,
        chance=chance,
        label=named(acts)[act],
        ink=ink(acts)[act] if chance > 0.6 else "black",
        letters="".join(short[a] for a, c in chances if c >= CLEAR),
        least_left=cell["least_left"],
        most_left=cell["most_left"],
        ages=cell["occupancy"],
        words=", ".join(f"{a.replace('_', ' ')} {c:.0%}" for a, c in chances if c >= 0.005),
    )


def policies(frame: pl.DataFrame, acts: tuple[str, ...], what: str) -> Any:
    """Acts in A and in M by place and remaining life; right: ages of a life spent in each place.

    `frame` is that of `analysis.acting`. `what` names its places: states or observations. Ties have
    both letters and a paler colour.
    """
    places = shown_places(frame)
    seen = frame.filter(pl.col("place").is_in(places))
    every = tiles(seen, acts)
    columns = frame.unique("column").sort("column").select("column", "least_left", "most_left")
    names = [
        _left(row, i == 0, columns.height) for i, row in enumerate(columns.iter_rows(named=True))
    ]
    shown = set(seen.filter(pl.col("chance") >= CLEAR)["act"])
    panels = [
        _tiles(every.filter(pl.col("world") == world), places, names, acts, shown, world, what)
        for world in WORLDS
    ]
    return alt.hconcat(*panels, _ages(seen, places, what), spacing=14).resolve_scale(
        color="independent", fill="shared"
    )


def _left(row: Mapping[str, int], first: bool, columns: int) -> str:
    """Label of a column: ages left to live."""
    if columns == 1:
        return "any"
    if first:
        return f"{row['least_left']}+"
    return (
        f"{row['least_left']}"
        if row["least_left"] == row["most_left"]
        else f"{row['least_left']}-{row['most_left']}"
    )


def _tiles(
    frame: pl.DataFrame,
    places: list[str],
    names: list[str],
    acts: tuple[str, ...],
    shown: set[str],
    world: str,
    what: str,
) -> Any:
    n = len(names)
    width = max(84, min(WIDTH, 34 * n))
    middle = frame.with_columns(((pl.col("x") + pl.col("x2")) / 2).alias("middle"))
    labels = "[" + ",".join(f"'{name}'" for name in names) + "][floor(datum.value)]"
    axis = alt.Axis(
        values=[i + 0.5 for i in range(n)],
        labelExpr=labels,
        grid=False,
        ticks=False,
        labelOverlap=True,
    )
    scale = alt.Scale(domain=[0, n], nice=False)
    first = world == "ancestral"
    y_axis = alt.Axis(grid=False, ticks=False, labelLimit=220, labels=first, domain=False)
    y = alt.Y(
        "place:N",
        sort=places,
        title=what if first else None,
        scale=alt.Scale(domain=places),
        axis=y_axis,
    )
    tips = [
        alt.Tooltip("place:N", title=what),
        alt.Tooltip("words:N", title="does"),
        alt.Tooltip("least_left:Q", title="ages left, from"),
        alt.Tooltip("most_left:Q", title="to"),
        alt.Tooltip("ages:Q", title="ages of a life spent so", format=".3g"),
    ]
    base = alt.Chart(middle)
    rects = base.mark_rect(stroke="white", strokeWidth=1).encode(
        alt.X("x:Q", title="ages left to live", scale=scale, axis=axis),
        alt.X2("x2:Q"),
        y,
        fill(acts, shown),
        alt.Opacity("chance:Q", scale=alt.Scale(domain=[0, 1], range=[0.25, 1]), legend=None),
        tooltip=tips,
    )
    text = base.mark_text(fontSize=10).encode(
        alt.X("middle:Q", scale=scale),
        y,
        alt.Text("letters:N"),
        alt.Color("ink:N", scale=None),
        tooltip=tips,
    )
    return (
        alt.layer(rects, text)
        .resolve_scale(color="independent")
        .properties(
            width=width,
            height=STEP * len(places),
            title=alt.TitleParams(f"{world} world", fontSize=12),
        )
    )


def _ages(frame: pl.DataFrame, places: list[str], what: str) -> Any:
    lived = (
        frame.unique(["world", "place", "column"], maintain_order=True)
        .group_by("world", "place", maintain_order=True)
        .agg(pl.col("occupancy").sum())
        .sort("world", "place")
    )
    axis = alt.Axis(ticks=False, grid=True, domain=False, labelLimit=220)
    return (
        alt.Chart(lived)
        .mark_bar(height=STEP * 0.38)
        .encode(
            alt.X("occupancy:Q", title="ages of a life spent there", axis=alt.Axis(tickCount=4)),
            alt.Y("place:N", sort=places, title=what, scale=alt.Scale(domain=places), axis=axis),
            alt.YOffset("world:N", sort=list(WORLDS)),
            alt.Color(
                "world:N",
                scale=WORLD_COLOURS,
                title="world",
                legend=alt.Legend(orient="bottom", symbolType="square", symbolStrokeWidth=0),
            ),
            tooltip=[
                alt.Tooltip("place:N", title="where"),
                alt.Tooltip("world:N"),
                alt.Tooltip("occupancy:Q", title="ages of a life", format=".3g"),
            ],
        )
        .properties(
            width=WIDTH * 0.45,
            height=STEP * len(places),
            title=alt.TitleParams("how long there", fontSize=12),
        )
    )


def draw(s: Source) -> Any:
    """The policy of the most common class."""
    class_id, class_words = s.drawn_class
    frame = policy_table.acting(s.evaluator, class_id)
    if frame.is_empty():
        return None
    pair = s.evaluator.pair
    what = policy_table.places_of(s.evaluator)
    chart = policies(frame, pair.ancestral.acts, what)
    shown = shown_places(frame)
    many, lived = left_out(frame, shown)
    notes = [
        s.run_label,
        "; ".join(
            x
            for x in (
                class_words,
                (
                    "where several letters stand it does any of them"
                    if (frame["chance"] < 1.0).any()
                    else ""
                ),
                _empty(frame),
            )
            if x
        ),
    ]
    reading = s.world.state_legend if what == "state" else ""
    rest = (
        f"{many} {what}s are not shown, in which it spends {lived['ancestral']:.1%} of its life in"
        f" A and {lived['modern']:.1%} in M"
        if many
        else ""
    )
    if reading or rest:
        notes.append("; ".join(x for x in (f"{what}s: {reading}" if reading else "", rest) if x))
    return themed(
        chart,
        "Policy, state by state",
        notes,
        f"Policy of a genome by {what}. {'. '.join(notes)}. {_differences(frame, what)}",
    )


def _empty(frame: pl.DataFrame) -> str:
    """The meaning of empty tiles, if there are any."""
    tiles = frame.unique(["world", "place", "column"]).height
    if tiles == len(WORLDS) * frame["place"].n_unique() * frame["column"].n_unique():
        return ""
    return "empty: it never comes there" + (
        " with so much of life left" if frame["column"].n_unique() > 1 else ""
    )


def _differences(frame: pl.DataFrame, what: str) -> str:
    """A sentence: in how many places the class acts differently, and its most frequent acts.

    Only places that the class visits in both worlds count.
    """
    keys = ["place", "column"]
    by = {w: frame.filter(pl.col("world") == w) for w in WORLDS}
    both = by["ancestral"].join(
        by["modern"],
        on=[*keys, "act"],
        how="full",
        coalesce=True,
        suffix=":m",
        maintain_order="left_right",
    )
    common = (
        by["ancestral"]
        .select(keys)
        .unique(maintain_order=True)
        .join(by["modern"].select(keys).unique(maintain_order=True), on=keys, maintain_order="left")
    )
    apart = (
        both.join(common, on=keys, maintain_order="left")
        .with_columns(
            gap=(pl.col("chance").fill_null(0.0) - pl.col("chance:m").fill_null(0.0)).abs()
        )
        .filter(pl.col("gap") > 1e-6)
    )
    total = common["place"].n_unique()
    changed = apart["place"].unique(maintain_order=True).to_list()
    times = {
        w: (
            by[w]
            .group_by("act", maintain_order=True)
            .agg((pl.col("chance") * pl.col("occupancy")).sum().alias("times"))
            .sort("times", "act", descending=[True, False])
        )
        for w in WORLDS
    }
    done = "; ".join(
        f"in {short} it does "
        + ", ".join(f"{act.replace('_', ' ')} {n:.3g}" for act, n in times[w].head(4).iter_rows())
        + " times in a life"
        for w, short in zip(WORLDS, "AM", strict=True)
    )
    return (
        f"Of {total} {what}s that it comes to in both worlds it acts otherwise in M in"
        f" {len(changed)}; {done}."
    )
