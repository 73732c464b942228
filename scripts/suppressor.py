"""The parliament of genes: an unlinked suppressor against its cost, beside theory. Run: python scripts/suppressor.py"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import polars as pl
from study import Study, accountant, evolve, mean_and_interval, setting, verdict

from evosim.figures.bands import banded
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.landscape import Landscape
from evosim.theory import two_locus

SEEDS, BURN = range(20), 200
COSTS = (0.0, 0.02, 0.1, 0.3, 0.5)
INTRODUCED, SHOWN = 50, 0.1


def theory(cost: float, start: tuple[float, float], generations: int) -> tuple[np.ndarray, np.ndarray]:
    """Haplotype frequencies and mean fitness of an infinite population, from frequencies of driver and suppressor."""
    w = np.outer([1.0, 1.0, 0.0], [1.0, 1.0 - cost, 1.0 - cost])
    return two_locus.iterate(two_locus.haplotypes(*start), 0.5, [0.9, 0.5, 0.5], w, generations)


def rows() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Where driver, suppressor and fitness settle for each cost; and the trajectories of the default."""
    out, paths = [], pl.DataFrame()
    for cost in COSTS:
        made = setting("suppressor", f"genome.modifiers.0.cost={cost}", "search_ledger=false")
        landscape = Landscape(made)
        maker = accountant(made, landscape, evolve(made, landscape, SEEDS))
        alleles = maker.tables["alleles"].filter(pl.col("allele").is_in(["driver", "suppressor"]))
        best = maker.designs["ancestral"].rungs["best_ancestral"]
        fitness = maker.tables["generations"].select("seed", "generation", (pl.col("ancestral_mean") / best).alias("frequency"))
        long = pl.concat([alleles.select("seed", "generation", "allele", "frequency"), fitness.select("seed", "generation", pl.lit("fitness").alias("allele"), "frequency")])
        path, weights = theory(cost, (0.8, 0.005), 4000)
        there = {"driver": two_locus.driver_frequency(path[-1]), "suppressor": two_locus.modifier_frequency(path[-1]), "fitness": float(weights[-1])}
        at_400, at_400_w = theory(cost, (0.8, 0.005), 350)
        then = {"driver": two_locus.driver_frequency(at_400[-1]), "suppressor": two_locus.modifier_frequency(at_400[-1]), "fitness": float(at_400_w[-1])}
        row: dict[str, Any] = {"cost": cost}
        late = long.filter(pl.col("generation") >= BURN).group_by("seed", "allele").agg(pl.col("frequency").mean())
        for name in there:
            row |= {f"theory_{name}": there[name], f"theory_{name}_at_400": then[name]}
            row |= mean_and_interval(name, late.filter(pl.col("allele") == name)["frequency"])
        out.append(row)
        print(row, flush=True)
        if cost == SHOWN:
            paths = long
    return pl.DataFrame(out), paths


def figure(paths: pl.DataFrame) -> Any:
    """Driver, suppressor and fitness through time, beside the recursion from where the suppressor came in."""
    lines = banded(paths, "frequency", "allele", "generation")
    path, weights = theory(SHOWN, (0.8, 0.005), 350)
    expected = pl.concat(
        [
            pl.DataFrame({"allele": [name] * 350, "generation": np.arange(350) + INTRODUCED, "mean": values})
            for name, values in (("driver", path[:350, 2:].sum(axis=1)), ("suppressor", path[:350, 1::2].sum(axis=1)), ("fitness", weights[:350]))
        ]
    )
    names = ["driver", "suppressor", "fitness"]
    colour = alt.Color("allele:N", title=None, sort=names, scale=alt.Scale(domain=names, range=["#D55E00", "#009E73", "#0072B2"]), legend=alt.Legend(symbolType="stroke", symbolOpacity=1))
    x = alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False))
    y = alt.Y("mean:Q", title="frequency among newborns; share of fitness", scale=alt.Scale(domain=[0, 1]))
    band = alt.Chart(lines).mark_area(opacity=0.2).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    line = alt.Chart(lines).mark_line(strokeWidth=2).encode(x, y, colour)
    dotted = alt.Chart(expected).mark_line(strokeWidth=1.5, strokeDash=[3, 3], color="#000000").encode(x, y, alt.Detail("allele:N"))
    chart = (band + line + dotted).properties(width=WIDTH + 160, height=HEIGHT + 40)
    notes = [f"suppressor; {len(SEEDS)} seeds of N = 2000; bands hold 95% of them; k = .9, recessive lethal; the suppressor costs {SHOWN}", f"dotted: theory of an infinite population from generation {INTRODUCED}, when 20 copies of the suppressor come in"]
    return themed(chart, "The parliament of genes", notes)


def main() -> None:
    """Make tables, figure and verdicts."""
    study = Study("suppressor", setting("suppressor"))
    table, paths = rows()
    row = table.filter(pl.col("cost") == SHOWN).to_dicts()[0]
    claims = []
    for name in ("driver", "suppressor", "fitness"):
        low, high, expected = row[f"{name}_low"], row[f"{name}_high"], row[f"theory_{name}"]
        claims.append(verdict(f"{name} settles where the recursion does (cost .1; N = 2000 conceded .01)", f"{expected:.4f} +- .01", row[name], low, high, low - 0.01 <= expected <= high + 0.01))
    dear = table.filter(pl.col("cost") == 0.5).to_dicts()[0]
    claims.append(verdict("a suppressor that costs .5 does not invade (the most it may cost is .4628)", "0", dear["suppressor"], dear["suppressor_low"], dear["suppressor_high"], dear["suppressor_high"] < 0.002))
    claims.append(verdict("fitness is restored in part: above .36 without it", "> 0.36", row["fitness"], row["fitness_low"], row["fitness_high"], row["fitness_low"] > 0.36))
    study.keep({"suppressor": table, "verdicts": pl.DataFrame(claims)}, {"suppressor": figure(paths)}, seeds=len(SEEDS))


if __name__ == "__main__":
    main()
