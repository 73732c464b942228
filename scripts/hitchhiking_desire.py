"""How far from a driver a wasteful desire is still carried along. Run: python scripts/hitchhiking_desire.py"""

from __future__ import annotations

import itertools
from typing import Any

import altair as alt
import polars as pl
from study import Study, mean_and_interval, setting, verdict, with_controls

from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.landscape import Landscape
from evosim.theory import two_locus
from genomes.grid import haldane

DISTANCES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
SEEDS, K, N, COPIES = 20, 0.75, 500, 25
MOMENTS = (80, 199)


def rows() -> pl.DataFrame:
    """One row for each distance: share of the wasteful allele soon after the driver fixed and at the end; the hack step."""
    out = []
    landscape: Landscape | None = None
    for distance in DISTANCES:
        made = setting("hitchhiking-desire", f"genome.markers.t.position={distance}", f"replicates={SEEDS}", "search_ledger=false")
        landscape = landscape or Landscape(made)  # no distance changes any class's worth
        maker = with_controls(made, landscape)
        wasteful = (pl.col("locus") == "solo") & (pl.col("allele") == "1.0")
        row: dict[str, Any] = {"centimorgan": distance, "r": haldane(distance), "theory_neutral": _neutral(distance)}
        for arm, tables in (("run", maker.tables), ("fair", maker.controls["fair"])):
            for g in MOMENTS:
                share = tables["alleles"].filter(wasteful & (pl.col("generation") == g))["frequency"]
                row |= mean_and_interval(f"{arm}_share_at_{g}", share)
        for g in MOMENTS:
            driver = maker.tables["alleles"].filter((pl.col("allele") == "driver") & (pl.col("generation") == g)).sort("seed")["frequency"]
            rider = maker.tables["alleles"].filter(wasteful & (pl.col("generation") == g)).sort("seed")["frequency"]
            row |= mean_and_interval(f"driver_at_{g}", driver) | mean_and_interval(f"apart_at_{g}", driver - rider)
        hack = maker.account().tables["hack"].filter(pl.col("world") == "ancestral")
        for quantity in ("hack", "null"):
            row |= mean_and_interval(quantity, hack.filter(pl.col("quantity") == quantity)["value"])
        out.append(row)
        print(row, flush=True)
    return pl.DataFrame(out)


def _neutral(distance: float) -> float:
    """Final frequency of a rider that costs nothing."""
    return two_locus.hitchhiked(COPIES / (2 * N), haldane(distance), K)


def figure(table: pl.DataFrame) -> Any:
    """Share of the wasteful allele and the hack step against distance."""
    frame = table.with_columns(pl.max_horizontal("centimorgan", pl.lit(0.03)).alias("x"))
    x = alt.X("x:Q", title="map distance (centimorgan; leftmost: none)", scale=alt.Scale(type="log", domain=[0.03, 100]), axis=alt.Axis(grid=False, values=[0.1, 1, 10, 100]))
    colour = {"after 30 generations": "#D55E00", "at the end": "#0072B2"}
    scale = alt.Scale(domain=[*colour, "theory, a rider without cost"], range=[*colour.values(), "#000000"])
    layers = []
    for (word, _), g in zip(colour.items(), MOMENTS, strict=True):
        base = alt.Chart(frame.with_columns(pl.lit(word).alias("when")))
        name = f"run_share_at_{g}"
        layers += [
            base.mark_line(point=alt.OverlayMarkDef(size=45)).encode(x, alt.Y(f"{name}:Q", title="share of the wasteful allele", scale=alt.Scale(domain=[0, 1])), alt.Color("when:N", title=None, scale=scale)),
            base.mark_rule(strokeWidth=2).encode(x, alt.Y(f"{name}_low:Q"), alt.Y2(f"{name}_high:Q"), alt.Color("when:N", scale=scale)),
        ]
    dotted = alt.Chart(frame.with_columns(pl.lit("theory, a rider without cost").alias("when")))
    layers.append(dotted.mark_line(strokeDash=[3, 3]).encode(x, alt.Y("theory_neutral:Q"), alt.Color("when:N", scale=scale)))
    left = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT + 20)
    base = alt.Chart(frame)
    zero = alt.Chart(pl.DataFrame({"y": [0.0]})).mark_rule(color="#999999").encode(alt.Y("y:Q"))
    y = alt.Y("hack:Q", title="hack step in A (expected offspring)")
    right = (zero + base.mark_line(point=alt.OverlayMarkDef(size=45), color="#D55E00").encode(x, y) + base.mark_rule(strokeWidth=2, color="#D55E00").encode(x, alt.Y("hack_low:Q"), alt.Y2("hack_high:Q"))).properties(width=WIDTH, height=HEIGHT + 20)
    notes = [f"hitchhiking-desire; {SEEDS} seeds of N = {N}; driver k = {K} without cost, {COPIES} copies in generation 50 with solo = 1", "whiskers: 95% bootstrap interval of the mean"]
    return themed(alt.hconcat(left, right, spacing=36), "A desire rides along if it lies close enough", notes)


def main() -> None:
    """Make table, figure and verdicts."""
    study = Study("hitchhiking-desire", setting("hitchhiking-desire"))
    table = rows()
    near, far = table.row(0, named=True), table.row(-1, named=True)
    share, end = f"run_share_at_{MOMENTS[0]}", f"run_share_at_{MOMENTS[1]}"
    apart = f"apart_at_{MOMENTS[1]}"
    shares = table[share].to_list()
    falls = all(a >= b - 0.02 for a, b in itertools.pairwise(shares))
    claims = [
        verdict("completely linked, the desire goes where the driver goes (their frequencies at the end differ by)", "0 +- .01", near[apart], near[f"{apart}_low"], near[f"{apart}_high"], abs(near[f"{apart}_low"]) < 0.01 > abs(near[f"{apart}_high"])),
        verdict("a morgan away it is left behind", "< .05", far[end], far[f"{end}_low"], far[f"{end}_high"], far[f"{end}_high"] < 0.05),
        verdict("its share falls with distance (largest rise between neighbours)", "<= .02", max(b - a for a, b in itertools.pairwise(shares)), None, None, falls),
        verdict("completely linked, it lowers fitness: the hack step exceeds the null", f"> {near['null_high']:.4f}", near["hack"], near["hack_low"], near["hack_high"], near["hack_low"] > max(near["null_high"], 0.0)),
    ]  # fmt: skip
    study.keep({"hitchhiking": table, "verdicts": pl.DataFrame(claims)}, {"hitchhiking": figure(table)}, seeds=SEEDS)


if __name__ == "__main__":
    main()
