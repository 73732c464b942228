"""The behaviour ledger: which acts lost it, by kind, and at what age."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.inputs import Source
from evosim.figures.theme import KIND_COLOURS, WIDTH, format_number, themed, tips

WORLDS = ("ancestral", "modern")
BAR = 24  # pixels
UNIT = "expected offspring"  # in a life
LEAST = 5e-4  # of a world's regret; kinds with less are not drawn


def behaviour(ledger: pl.DataFrame, unit: str = UNIT) -> Any:
    """Top: regret of the population at the swap by act and kind, in each world, and upkeep.

    Bottom: regret of acts by age.
    """
    acts, ages, seeds = _entries(ledger)
    if acts.is_empty():
        text = (
            alt.Chart(
                pl.DataFrame(
                    {
                        "text": [
                            "no regret at all"
                            if seeds
                            else "all populations died out before the swap"
                        ]
                    }
                )
            )
            .mark_text(fontSize=14)
            .encode(alt.Text("text:N"))
        )
        return text.properties(width=WIDTH, height=60)
    shown = [kind for kind in KIND_COLOURS if (acts["kind"] == kind).any()]
    last = int(ages["age"].max()) + 1 if ages.height else 1  # type: ignore[arg-type]
    above = [
        _by_act(acts.filter(pl.col("world") == world), world, shown, seeds, unit)
        for world in WORLDS
    ]
    below = [
        _by_age(ages.filter(pl.col("world") == world), shown, last, seeds, unit) for world in WORLDS
    ]
    return alt.concat(*above, *below, columns=2, spacing={"row": 26, "column": 34})


def describe(ledger: pl.DataFrame, unit: str = UNIT) -> str:
    """The figure in words."""
    acts, _, seeds = _entries(ledger)
    if not seeds:
        return (
            "All populations died out before the swap: there is no population before it whose"
            " regret can be measured."
        )
    if acts.is_empty():
        return "The population at the swap has no regret at all, in either world."
    parts = []
    for world in WORLDS:
        rows = acts.filter(pl.col("world") == world).sort("regret", descending=True)
        largest = ", ".join(
            f"{format_number(row['regret'])} by {row['act']} ({row['kind']})"
            for row in rows.head(3).iter_rows(named=True)
        )
        lost = float(population(ledger).filter(pl.col("world") == world)["value"].sum()) / seeds
        parts.append(
            f"In the {world} world {format_number(lost)} is lost"
            + (f", most of it {largest}." if rows.height else ".")
        )
    return (
        f"Bars of regret ({unit} in a life) of the population before the swap, by act and by age."
        f" {' '.join(parts)}"
    )


def population(ledger: pl.DataFrame) -> pl.DataFrame:
    """Entries of the population before the swap that are not 0."""
    return ledger.filter((pl.col("subject") == "population") & (pl.col("value") != 0.0))


def _entries(ledger: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Regret by `world`, `act`, `kind`, regret by `world`, `age`, `kind`, and the number of seeds.

    Regret is the population's mean over seeds. Seeds without regret count too.
    """
    rows = population(ledger)
    seeds = ledger.filter(pl.col("subject") == "population")["seed"].n_unique()
    rows = rows.with_columns(pl.col("act").fill_null("upkeep").str.replace_all("_", " "))
    total = pl.col("value").sum()
    large = rows.filter(total.over("world", "kind") > LEAST * total.over("world"))
    acts, ages = (
        part.group_by("world", by, "kind", maintain_order=True).agg((total / seeds).alias("regret"))
        for part, by in ((large, "act"), (large.drop_nulls("age"), "age"))
    )
    return acts, ages, seeds


def _colour(kinds: list[str]) -> Any:
    scale = alt.Scale(domain=kinds, range=[KIND_COLOURS[kind] for kind in kinds])
    return alt.Color(
        "kind:N",
        title="kind of loss",
        scale=scale,
        legend=alt.Legend(orient="bottom", columns=8, symbolType="square", symbolStrokeWidth=0.5),
    )


def _by_act(acts: pl.DataFrame, world: str, kinds: list[str], seeds: int, unit: str) -> Any:
    mean = "regret" if seeds == 1 else f"regret, mean of {seeds} seeds"
    return (
        alt.Chart(acts)
        .mark_bar(stroke="#333333", strokeWidth=0.4)
        .encode(
            alt.X("regret:Q", title=f"regret ({unit} in a life)", axis=alt.Axis(tickCount=5)),
            alt.Y("act:N", sort="-x", title=None, axis=alt.Axis(grid=False)),
            _colour(kinds),
            tooltip=tips(
                ("act:N", "act"),
                ("kind:N", "kind of loss"),
                ("regret:Q", f"{mean} ({unit} in a life)", ".4f"),
            ),
        )
        .properties(width=WIDTH, height={"step": BAR}, title=f"{world} world")
    )


def _by_age(ages: pl.DataFrame, kinds: list[str], last: int, seeds: int, unit: str) -> Any:
    """Bars from age to age, over the same ages in both worlds.

    Entries of 0 are not stored, and leave gaps where they belong.
    """
    mean = "regret" if seeds == 1 else f"regret, mean of {seeds} seeds"
    return (
        alt.Chart(ages.with_columns(end=pl.col("age") + 1))
        .mark_bar(binSpacing=0)
        .encode(
            alt.X(
                "age:Q",
                title="age",
                bin="binned",
                scale=alt.Scale(domain=[0, last], nice=False),
                axis=alt.Axis(grid=False, tickMinStep=1, tickCount=8, format="d"),
            ),
            alt.X2("end:Q"),
            alt.Y("regret:Q", title="regret per age", stack="zero", axis=alt.Axis(tickCount=4)),
            _colour(kinds),
            tooltip=tips(
                ("age:Q", "age", "d"),
                ("kind:N", "kind of loss"),
                ("regret:Q", f"{mean} ({unit})", ".4f"),
            ),
        )
        .properties(width=WIDTH, height=110)
    )


def draw(s: Source) -> Any:
    """The figure `behaviour` of a run."""
    note = f"population in the last ancestral generation, generation {s.run.experiment.swap - 1}"
    ledger = s.analysis["behaviour"]
    return themed(
        behaviour(ledger, s.unit),
        "The behaviour ledger: which acts lost it",
        [s.subtitle("means"), note],
        s.words(describe(ledger, s.unit)),
    )
