"""Tables of an account as tidy polars frames, with means and intervals over seeds.

Numbers that the summary has are taken from it, so that frames and summary agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import polars as pl

from evosim.analysis import price_equation as totals_of_search
from evosim.analysis.behaviour import NO_OVERLAP, SPLIT
from evosim.analysis.intervals import interval
from evosim.analysis.ladder import RUNG_CODES, RUNGS, STEPS
from evosim.analysis.means_over_seeds import SEED_DEPENDENT, IntervalSettings, mean
from evosim.analysis.summary import AccountSummary
from evosim.api.arguments import describe
from evosim.errors import UserError
from evosim.runtime.blocks import some_rows

WORLDS = ("ancestral", "modern")
Schema = dict[str, pl.DataType | type[pl.DataType]]
MEASURED: Schema = {"mean": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64}
STEPS_AND_PARTS = (*STEPS[:-1], "unfound", "load", STEPS[-1])


def plain_names(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame whose column names every plotting library takes as they are.

    Altair reads a dot in a field as "the part of". It reads a colon as "of the type", and brackets
    as an index. A chart of `optimizer.population` would be empty. Such characters become
    underscores.

    Parameters
    ----------
    frame : pl.DataFrame
        For example `sweep.runs()` or `sweep.cells(...)`.

    Returns
    -------
    pl.DataFrame
        The same values. A name that would be there twice gets a number (`a_b`, `a_b_2`).
    """
    if not isinstance(frame, pl.DataFrame):
        raise UserError(
            f"frame must be a polars frame, but is {describe(frame)}. Give for example"
            " run.table('populations')."
        )
    names: dict[str, str] = {}
    free = set(frame.columns)
    for name in frame.columns:
        plain = re.sub(r"\W+", "_", name).strip("_") or "column"
        if plain != name:
            number, first = 2, plain
            while plain in free:
                plain, number = f"{first}_{number}", number + 1
            free.add(plain)
        names[name] = plain
    return frame.rename(names)


def measured(values: Iterable[float | None], spread: IntervalSettings) -> dict[str, float | None]:
    """Mean, interval ends and number `n` of seeds; the mean is null where `n` is 0."""
    x = [value for value in values if value is not None]
    low, high = interval(x, spread.bootstrap, spread.confidence) or (None, None)
    return {"mean": mean(x), "low": low, "high": high, "n": len(x)}


def over_seeds(
    table: pl.DataFrame, by: Sequence[str], spread: IntervalSettings, value: str = "value"
) -> pl.DataFrame:
    """One row a group, in the table's order: mean over its seeds, interval, and how many there are.

    The table has one row a seed and group.

    Rows without a seed depend on worlds and grid alone. They have a value, but no interval, and `n`
    is 0.
    """
    rows = []
    for key, group in table.group_by(*by, maintain_order=True):
        own = (
            {"mean": group[value][0], "low": None, "high": None, "n": 0}
            if group["seed"][0] is None
            else measured(group[value], spread)
        )
        rows.append(dict(zip(by, key, strict=True)) | own)
    schema: Schema = {name: table.schema[name] for name in by}
    return pl.DataFrame(rows, schema=schema | MEASURED)


def ladder(account: AccountSummary) -> pl.DataFrame:
    """Rungs and steps of both ladders.

    Rows that depend on worlds and grid alone have no interval, and `n` is 0.
    """
    rows = []
    for world, ladder_of_world in account.ladder.items():
        for part, order, values in (
            ("rung", RUNGS, ladder_of_world.rungs),
            ("step", STEPS_AND_PARTS, ladder_of_world.steps),
        ):
            for name in (name for name in order if name in values):
                varies = name in SEED_DEPENDENT
                low, high = ladder_of_world.ends(name) or (None, None)
                rows.append(
                    {
                        "world": world,
                        "part": part,
                        "code": RUNG_CODES.get(name),
                        "name": name,
                        "mean": values[name],
                        "low": low,
                        "high": high,
                        "n": ladder_of_world.seeds if varies and values[name] is not None else 0,
                    }
                )
    texts: Schema = dict.fromkeys(("world", "part", "code", "name"), pl.String)
    return pl.DataFrame(rows, schema=texts | MEASURED)


def losses(account: AccountSummary) -> pl.DataFrame:
    """The three losses in both worlds, as in `summary.json`; one row for each loss and world."""
    columns: Schema = {
        "loss": pl.String,
        "nickname": pl.String,
        "world": pl.String,
        "mean": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "n": pl.Int64,
        "share_of_best": pl.Float64,
        "exact": pl.Boolean,
        "why_not": pl.String,
    }
    words = account.losses.nicknames
    rows = [
        {column: getattr(x, column) for column in columns if hasattr(x, column)}
        | {"loss": x.name, "nickname": words.get(x.name), "why_not": x.why_not or None}
        for x in account.losses.losses
    ]
    return pl.DataFrame(rows, schema=columns)


def behaviour(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Regret by subject, seed, world and `by` (kind, act, age); a missing entry is 0.

    Rungs have no seed. A loss in M that is not split into kinds has only a row `no overlap`. A loss
    that is split has rows for its kinds only.
    """
    who = ["subject", "world", "seed"]
    unsplit = (pl.col("kind") == NO_OVERLAP).any().over(who, mapping_strategy="group_to_rows")
    table = table.with_columns(unsplit.alias("unsplit"))
    whole = table.select(*who, "unsplit").unique(maintain_order=True)
    entries = table.select("world", *by).unique(maintain_order=True)
    summed = table.group_by(*who, *by, maintain_order=True).agg(pl.col("value").sum())
    here = whole.join(entries, on="world", maintain_order="left_right")
    if "kind" in by:
        split = pl.col("kind").is_in(SPLIT)
        here = here.filter(
            ~(split & pl.col("unsplit")) & ~((pl.col("kind") == NO_OVERLAP) & ~pl.col("unsplit"))
        )
    out = here.join(summed, on=[*who, *by], how="left", nulls_equal=True, maintain_order="left")
    return out.select(*who, *by, pl.col("value").fill_null(0.0))


def search(tables: Mapping[str, pl.DataFrame], swap: int, generations: int) -> pl.DataFrame:
    """Terms of the Price equation summed before and after the swap: one row a seed, trait and term.

    `after the swap` begins with the last selection by the ancestral world; see
    `evosim.analysis.price_equation.price_summary`.
    """
    schema = {
        "seed": pl.Int64,
        "when": pl.String,
        "trait": pl.String,
        "term": pl.String,
        "value": pl.Float64,
    }
    ledger = partial(some_rows, tables, "search")
    if "search" not in tables or ledger(pl.col("generation") == 1).is_empty():
        return pl.DataFrame(schema=schema)
    terms = [*totals_of_search.TERMS, "change"]
    parts = [
        totals_of_search.totals(ledger, first, last).with_columns(when=pl.lit(when))
        for when, first, last in (
            ("before the swap", 1, swap - 1),
            ("after the swap", swap, generations - 1),
        )
    ]
    rows = pl.concat(parts).with_row_index("row")
    long = rows.unpivot(
        terms, index=["row", "seed", "when", "trait"], variable_name="term", value_name="value"
    ).sort("row", maintain_order=True)
    return long.drop_nulls("value").select(list(schema))


def desires(table: pl.DataFrame) -> pl.DataFrame:
    """One row a seed, desire and quantity."""
    quantities = ["weight", "ledger_ancestral", "ledger_modern", "gain_ancestral", "gain_modern"]
    return table.unpivot(
        quantities, index=["seed", "feature", "acts"], variable_name="quantity", value_name="value"
    )


def recovery(table: pl.DataFrame) -> pl.DataFrame:
    """Fitness at the swap and at the end: one row per seed and quantity.

    Seeds that died out before the swap are left out.
    """
    long = table.drop_nulls("modern_at_swap").unpivot(
        index="seed", variable_name="quantity", value_name="value"
    )
    return long.drop_nulls("value")
