"""The behaviour ledger: which acts lost it, by kind, and at what age."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import HEIGHT, KIND_COLOURS, WIDTH


def behaviour(ledger: pl.DataFrame) -> Any:
    """Top: regret of the population at the swap by act and kind, in each world, and upkeep. Bottom: regret of acts by age."""
    population = ledger.filter((pl.col("subject") == "population") & (pl.col("value") != 0.0))
    if population.is_empty():
        text = alt.Chart(pl.DataFrame({"text": ["no regret at all"]})).mark_text(fontSize=14).encode(alt.Text("text:N"))
        return text.properties(width=WIDTH, height=60)
    seeds = max(1, population["seed"].n_unique())
    rows = []
    for world in ("ancestral", "modern"):
        mine = population.filter(pl.col("world") == world).with_columns(pl.col("act").fill_null("upkeep"))
        kinds = mine.group_by("kind", maintain_order=True).agg(pl.col("value").sum())
        shown = kinds.filter(pl.col("value") > 5e-4 * pl.col("value").sum())["kind"].to_list()
        mine = mine.filter(pl.col("kind").is_in(shown))
        rows.append(_by_act(mine, seeds, world) & _by_age(mine, seeds))
    return alt.hconcat(*rows, spacing=40).resolve_scale(color="independent")


def _colour(kinds: list[str]) -> Any:
    order = [kind for kind in KIND_COLOURS if kind in kinds]
    scale = alt.Scale(domain=order, range=[KIND_COLOURS[kind] for kind in order])
    return alt.Color("kind:N", title="kind of loss", scale=scale, legend=alt.Legend(orient="bottom", columns=4))


def _by_act(frame: pl.DataFrame, seeds: int, world: str) -> Any:
    acts = frame.group_by("act", "kind", maintain_order=True).agg((pl.col("value").sum() / seeds).alias("regret"))
    return (
        alt.Chart(acts)
        .mark_bar(stroke="#333333", strokeWidth=0.4)
        .encode(
            alt.X("regret:Q", title="regret (expected offspring in a life)", axis=alt.Axis(tickCount=5)),
            alt.Y("act:N", sort="-x", title=None, axis=alt.Axis(grid=False, labelExpr="replace(datum.label, '_', ' ')")),
            _colour(acts["kind"].to_list()),
        )
        .properties(width=WIDTH, height=170, title=f"{world} world")
    )


def _by_age(frame: pl.DataFrame, seeds: int) -> Any:
    ages = frame.drop_nulls("age").group_by("age", "kind", maintain_order=True).agg((pl.col("value").sum() / seeds).alias("regret"))
    if ages.height:  # entries of 0 are not stored, and an area would bridge the gaps
        span = pl.DataFrame({"age": range(int(ages["age"].max()) + 2)}, schema={"age": pl.Int64})  # type: ignore[arg-type]
        every = span.join(ages.select("kind").unique(maintain_order=True), how="cross")
        ages = every.join(ages, on=["age", "kind"], how="left").with_columns(pl.col("regret").fill_null(0.0)).sort("kind", "age")
    return (
        alt.Chart(ages)
        .mark_area(interpolate="step-after")
        .encode(
            alt.X("age:Q", title="age", axis=alt.Axis(grid=False)),
            alt.Y("regret:Q", title="regret per age", stack="zero"),
            _colour(ages["kind"].to_list()),
        )
        .properties(width=WIDTH, height=HEIGHT - 110)
    )
