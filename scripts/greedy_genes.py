"""Greedy genes in savanna: the three losses in one run, and whether more search cures the third. Run: python scripts/greedy_genes.py"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import polars as pl
from study import Study, mean_and_interval, setting, verdict, with_controls

from evosim.analysis.account import Accountant
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.landscape import Landscape
from evosim.theory import drive

SEEDS, HOLD_OUT, FEW = 20, 100, 20
SIZES, GENERATIONS = (250, 500, 1000, 2000), (150, 300, 600)
SUPPRESSOR = (
    'genome.markers.sup={alleles=["wild","suppressor"],initial=["wild"],mutation=0.0}',
    'genome.modifiers=[{locus="sup",allele="suppressor",of="t",ratio=0.5,cost=0.01}]',
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "default": (),
    "the desire mutates as others do (.002)": ("genome.weights.solo.mutation=0.002",),
    "the driver costs nothing by itself": ("genome.drivers.0.cost=0.0",),
    "no desire on the haplotype": ("optimizer.introductions.0.alleles.solo=-1.0",),
    "an unlinked suppressor comes in generation 150": (
        *SUPPRESSOR,
        'optimizer.introductions=[{generation=50,copies=25,alleles={t="driver",solo=1.0}},'
        '{generation=150,copies=10,alleles={sup="suppressor"}}]',
    ),
}


def accounted(landscape: Landscape | None, seed: int, replicates: int, *settings: str) -> tuple[Accountant, Landscape]:
    """The accountant of a variant with its controls; no variant changes what a class is worth."""
    made = setting("greedy-genes", f"seed={seed}", f"replicates={replicates}", "search_ledger=false", *settings)
    landscape = landscape or Landscape(made)
    return with_controls(made, landscape), landscape


def split(maker: Accountant) -> dict[str, Any]:
    """The three losses of one variant, with intervals, and how common the driver is."""
    account = maker.account()
    ladder, hack = account.tables["ladder"], account.tables["hack"]
    row: dict[str, Any] = {}
    for world, letter in (("ancestral", "A"), ("modern", "M")):
        steps = ladder.filter((pl.col("world") == world) & (pl.col("part") == "step"))
        row[f"shift_{letter}"] = steps.filter(pl.col("name") == "shift")["value"].drop_nulls().to_numpy().mean()
        row |= mean_and_interval(f"search_{letter}", steps.filter(pl.col("name") == "search")["value"].drop_nulls())
        for quantity in ("hack", "own_cost", "behaviour", "null"):
            values = hack.filter((pl.col("world") == world) & (pl.col("quantity") == quantity))["value"]
            row |= mean_and_interval(f"{quantity}_{letter}", values)
    at = maker.experiment.swap - 1
    driver = maker.tables["alleles"].filter((pl.col("locus") == "t") & (pl.col("allele") == "driver") & (pl.col("generation") == at))
    return row | mean_and_interval("driver", driver["frequency"])


def equilibrium(maker: Accountant) -> dict[str, Any]:
    """The driver at the swap, and where theory puts it from what its carriers are worth then: q* = (2ka - 1) / (2a - 1 - b).

    Averages of genotypes over all seeds, each relative to its own population's wild type; mean of the last 20 generations.
    """
    rows = []
    last = maker.tables["populations"].filter(pl.col("moment") == "swap")
    worth = maker.tables["landscape"].select("class", "ancestral")
    at = maker.experiment.swap
    for seed in last["seed"].unique(maintain_order=True):
        mine = last.filter(pl.col("seed") == seed).join(worth, on="class").with_columns((pl.col("ancestral") * pl.col("kept")).alias("w"))
        mean = {row["copies:t:driver"]: row["w"] for row in mine.group_by("copies:t:driver").agg((pl.col("w") * pl.col("count")).sum() / pl.col("count").sum()).to_dicts()}
        alleles = maker.tables["alleles"].filter((pl.col("seed") == seed) & (pl.col("allele") == "driver") & pl.col("generation").is_between(at - 20, at - 1))
        if len(mean) == 3:
            a, b = mean[1] / mean[0], mean[2] / mean[0]
            rows.append({"a": a, "b": b, "observed": float(alleles["frequency"].to_numpy().mean()), "theory": drive.equilibrium(0.65, (1 - a) / (1 - b), 1 - b).frequency})
    table = pl.DataFrame(rows)
    out: dict[str, Any] = {"seeds": table.height}
    for column in ("a", "b", "observed", "theory"):
        out |= mean_and_interval(column, table[column])
    return out | mean_and_interval("difference", table["observed"] - table["theory"])


def scale(landscape: Landscape) -> pl.DataFrame:
    """The hack step against population size and generations: does more search cure it?"""
    rows = []
    for n in SIZES:
        for generations in GENERATIONS:
            maker, _ = accounted(
                landscape, 0, FEW, f"optimizer.population={n}", f"optimizer.introductions.0.copies={n // 20}",
                f"phases=[{{world='ancestral',generations={generations}}}]",
            )  # fmt: skip
            rows.append({"N": n, "generations": generations} | split(maker))
            print(rows[-1], flush=True)
    return pl.DataFrame(rows)


def figure(table: pl.DataFrame) -> Any:
    """The hack step in A against generations, a line for each size."""
    sizes = [str(n) for n in SIZES]
    frame = table.with_columns(pl.col("N").cast(pl.String))
    colour = alt.Color("N:N", title="N", sort=sizes, scale=alt.Scale(domain=sizes, range=["#56B4E9", "#0072B2", "#D55E00", "#000000"]))
    x = alt.X("generations:Q", title="generations in A (the driver comes in generation 50)", scale=alt.Scale(domain=[100, 650]), axis=alt.Axis(grid=False))
    panels = []
    for column, title in (("hack_A", "hack step in A (expected offspring)"), ("search_A", "search step in A (expected offspring)")):
        base = alt.Chart(frame)
        line = base.mark_line(point=alt.OverlayMarkDef(size=45)).encode(x, alt.Y(f"{column}:Q", title=title, scale=alt.Scale(domainMin=0)), colour)
        bars = base.mark_rule(strokeWidth=2).encode(x, alt.Y(f"{column}_low:Q"), alt.Y2(f"{column}_high:Q"), colour)
        panels.append((line + bars).properties(width=WIDTH, height=HEIGHT + 20))
    notes = [f"greedy-genes; {FEW} seeds a point; whiskers: 95% bootstrap interval of the mean"]
    return themed(alt.hconcat(*panels, spacing=36), "More search cures the waste, not the greed", notes)


def main() -> None:
    """Make tables, figure and verdicts."""
    study = Study("greedy-genes", setting("greedy-genes"))
    rows, landscape, balance = [], None, []
    for start in (0, HOLD_OUT):
        maker, landscape = accounted(landscape, start, SEEDS)
        rows.append({"variant": "default", "seeds": f"{start}-{start + SEEDS - 1}"} | split(maker))
        balance.append({"seeds_from": start} | equilibrium(maker))
    for name, settings in list(VARIANTS.items())[1:]:
        maker, _ = accounted(landscape, 0, SEEDS, *settings)
        rows.append({"variant": name, "seeds": f"0-{SEEDS - 1}"} | split(maker))
        print(rows[-1], flush=True)
    table = pl.DataFrame(rows)
    assert landscape is not None
    sizes = scale(landscape)
    claims = []
    for row in rows[:2]:
        over = max(row["null_A_high"], 0.0)
        claims.append(verdict(f"the driver persists (seeds {row['seeds']})", "> 0", row["driver"], row["driver_low"], row["driver_high"], row["driver_low"] > 0.0))
        claims.append(verdict(f"its hack step in A exceeds the null (seeds {row['seeds']})", f"> {over:.4f}", row["hack_A"], row["hack_A_low"], row["hack_A_high"], row["hack_A_low"] > over))
        claims.append(verdict(f"so does what it does through behaviour (seeds {row['seeds']})", f"> {over:.4f}", row["behaviour_A"], row["behaviour_A_low"], row["behaviour_A_high"], row["behaviour_A_low"] > over))
    for item in balance:
        low, high = item["difference_low"], item["difference_high"]
        claims.append(verdict(f"observed minus theoretical frequency at the swap (seeds from {item['seeds_from']})", "0 +- .05", item["difference"], low, high, low <= 0.05 and high >= -0.05))
    first, last = (sizes.filter(pl.col("generations") == g)["hack_A"].to_numpy() for g in (GENERATIONS[0], GENERATIONS[-1]))
    claims.append(verdict("the hack step does not fall with generations (least change over N)", ">= 0", float(np.min(last - first)), None, None, bool((last >= first).all())))
    long = sizes.filter(pl.col("generations") == GENERATIONS[-1])["hack_A"].to_numpy()
    claims.append(verdict("nor with N (largest N over smallest, 600 generations)", ">= .8", float(long[-1] / long[0]), None, None, bool(long[-1] >= 0.8 * long[0])))
    cured = table.row(-1, named=True)
    claims.append(verdict("a suppressor takes most of it back (share of the default's hack step that is left)", "< .5", cured["hack_A"] / rows[0]["hack_A"], cured["hack_A_low"] / rows[0]["hack_A"], cured["hack_A_high"] / rows[0]["hack_A"], cured["hack_A_high"] < 0.5 * rows[0]["hack_A"]))
    tables = {"split": table, "equilibrium": pl.DataFrame(balance), "scale": sizes, "verdicts": pl.DataFrame(claims)}
    study.keep(tables, {"scale": figure(sizes)}, seeds=SEEDS)


if __name__ == "__main__":
    main()
