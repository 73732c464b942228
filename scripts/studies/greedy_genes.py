"""Greedy genes in savanna: the three losses in one run, and whether more search lowers the third.

Run: python scripts/studies/greedy_genes.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.analysis.account import Accountant
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import Measurement, mean_over_seeds, ratio_over_seeds
from evosim.claims.populations import accountant_with_controls, evolve
from evosim.claims.study import Study, stored_provenance
from evosim.claims.verdicts import StudyVerdict, above, below, near
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.theory import drive, two_locus

SEEDS, HOLD_OUT, FEW = 20, 100, 20
WINDOWS = ((100, 150), (250, 300), (500, 600))
SIZES, GENERATIONS = (250, 500, 1000, 2000), (150, 300, 600)
SUPPRESSOR = (
    'genome.markers.sup={alleles=["wild","suppressor"],initial=["wild"],mutation=0.001}',
    'genome.modifiers=[{locus="sup",allele="suppressor",of="t",ratio=0.5,cost=0.01}]',
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "default": (),
    "the desire mutates as others do (.002)": ("genome.weights.solo.mutation=0.002",),
    "the driver costs nothing by itself": ("genome.drivers.0.cost=0.0",),
    "no desire on the haplotype": ("optimizer.introductions.0.alleles.solo=-1.0",),
}


def driver() -> tuple[float, float]:
    """Transmission ratio and cost of the driver, from the experiment."""
    entry = build_packaged("coarse-drive").experiment.genome["drivers"][0]
    return float(entry["ratio"]), float(entry["cost"])


def accounted(
    landscape: Landscape | None, seed: int, replicates: int, *settings: str
) -> tuple[Accountant, Landscape]:
    """The accountant of a variant with its controls, over one shared landscape."""
    problem = build_packaged(
        "coarse-drive", f"seed={seed}", f"replicates={replicates}", "search_ledger=false", *settings
    )
    landscape = landscape or Landscape(problem)
    return accountant_with_controls(problem, landscape), landscape


def hacks(accountant: Accountant) -> pl.DataFrame:
    """The hack step in A of each seed that has one."""
    table = accountant.account().tables["hack"]
    return (
        table.filter((pl.col("world") == "ancestral") & (pl.col("quantity") == "hack"))
        .select("seed", "value")
        .sort("seed")
    )


def paired(one: pl.DataFrame, other: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The hack steps of two variants, of the seeds that both have."""
    both = one.join(other, on="seed", suffix="_other", maintain_order="left")
    return both["value"].to_numpy(), both["value_other"].to_numpy()


def split(accountant: Accountant) -> dict[str, Any]:
    """The three losses of one variant with intervals, and the frequency of the driver."""
    account = accountant.account()
    ladder, hack = account.tables["ladder"], account.tables["hack"]
    row: dict[str, Any] = {}
    for world, letter in (("ancestral", "A"), ("modern", "M")):
        steps = ladder.filter((pl.col("world") == world) & (pl.col("part") == "step"))
        row[f"shift_{letter}"] = (
            steps.filter(pl.col("name") == "shift")["value"].drop_nulls().to_numpy().mean()
        )
        row |= mean_over_seeds(
            steps.filter(pl.col("name") == "search")["value"].drop_nulls()
        ).columns(f"search_{letter}")
        for quantity in ("hack", "own_cost", "behaviour", "null"):
            values = hack.filter((pl.col("world") == world) & (pl.col("quantity") == quantity))[
                "value"
            ]
            row |= mean_over_seeds(values).columns(f"{quantity}_{letter}")
    at = accountant.experiment.swap - 1
    driver = accountant.tables["alleles"].filter(
        (pl.col("locus") == "t") & (pl.col("allele") == "driver") & (pl.col("generation") == at)
    )
    return row | mean_over_seeds(driver["frequency"]).columns("driver")


def equilibrium(landscape: Landscape, seed: int) -> pl.DataFrame:
    """The driver in windows of generations, observed and by theory.

    Theory is `q* = (2ka - 1) / (2a - 1 - b)`. Here `a` and `b` are the mean fitness of one and two
    copies relative to none, by seed.
    """
    generations = [g for first, last in WINDOWS for g in range(first, last + 1, 10)]
    problem = build_packaged(
        "coarse-drive",
        f"seed={seed}",
        f"replicates={SEEDS}",
        "search_ledger=false",
        f"snapshots={generations}",
        f"phases=[{{world='ancestral',generations={WINDOWS[-1][1] + 1}}}]",
    )
    k, _ = driver()
    runs = evolve(problem, landscape, problem.experiment.seeds)
    fitness = landscape.frame().select("class", "ancestral")
    rows = []
    for first, last in WINDOWS:
        equilibria = []
        for run in runs:
            populations = run.tables["populations"].filter(
                (pl.col("moment") == "snapshot") & pl.col("generation").is_between(first, last)
            )
            weighed = populations.join(fitness, on="class", maintain_order="left").with_columns(
                (pl.col("ancestral") * pl.col("kept") * pl.col("count")).alias("w")
            )
            sums = weighed.group_by("generation", "copies:t:driver", maintain_order=True).agg(
                pl.col("w").sum() / pl.col("count").sum()
            )
            mean = {
                row["copies:t:driver"]: row["w"]
                for row in (
                    sums.group_by("copies:t:driver", maintain_order=True)
                    .agg(pl.col("w").mean())
                    .to_dicts()
                )
            }
            alleles = run.tables["alleles"].filter(
                (pl.col("allele") == "driver") & pl.col("generation").is_between(first, last)
            )
            a, b = mean[1] / mean[0], mean[2] / mean[0]
            equilibria.append(
                (
                    a,
                    b,
                    float(alleles["frequency"].to_numpy().mean()),
                    drive.equilibrium(k, (1 - a) / (1 - b), 1 - b).frequency,
                )
            )
        columns = dict(
            zip(
                ("one_copy", "two_copies", "observed", "theory"),
                np.array(equilibria).T,
                strict=True,
            )
        )
        row: dict[str, Any] = {"seeds_from": seed, "first": first, "last": last}
        for name, values in (
            columns | {"difference": columns["observed"] - columns["theory"]}
        ).items():
            row |= mean_over_seeds(values).columns(name)
        rows.append(row)
    return pl.DataFrame(rows)


def suppressed(landscape: Landscape) -> tuple[dict[str, Any], pl.DataFrame]:
    """The hack step with an unlinked suppressor that mutation offers, after 700 generations.

    The second table has it by seed, with the frequencies.
    """
    accountant, _ = accounted(
        landscape, 0, SEEDS, *SUPPRESSOR, "phases=[{world='ancestral',generations=700}]"
    )
    row = split(accountant)
    for name in ("driver", "suppressor"):
        late = accountant.tables["alleles"].filter(
            (pl.col("allele") == name) & (pl.col("generation") >= 600)
        )
        row |= mean_over_seeds(
            late.group_by("seed", maintain_order=True).agg(pl.col("frequency").mean())["frequency"]
        ).columns(f"late_{name}")
    # Theory: by then the desire does no harm. One copy costs nothing, two copies the driver's own
    # cost. The suppressor has its own cost.
    k, cost = driver()
    left = 1.0 - float(accountant.experiment.genome["modifiers"][0]["cost"])
    w = np.outer([1.0, 1.0, 1.0 - cost], [1.0, left, left])
    path, _ = two_locus.iterate(two_locus.haplotypes(0.8, 0.05), 0.5, [k, 0.5, 0.5], w, 4000)
    return row | {
        "theory_driver": two_locus.driver_frequency(path[-1]),
        "theory_suppressor": two_locus.modifier_frequency(path[-1]),
    }, hacks(accountant)


def scale(landscape: Landscape) -> tuple[pl.DataFrame, dict[tuple[int, int], pl.DataFrame]]:
    """The hack step by population size and generations, also by seed."""
    rows, by_seed = [], {}
    for n in SIZES:
        for generations in GENERATIONS:
            accountant, _ = accounted(
                landscape,
                0,
                FEW,
                f"optimizer.population={n}",
                f"optimizer.introductions.0.copies={n // 20}",
                f"phases=[{{world='ancestral',generations={generations}}}]",
            )
            rows.append({"N": n, "generations": generations} | split(accountant))
            by_seed[n, generations] = hacks(accountant)
            print(rows[-1], flush=True)
    return pl.DataFrame(rows), by_seed


def draw(folder: Path) -> dict[str, Any]:
    """The hack step in A by generations, a line for each population size."""
    table, seeds = pl.read_csv(folder / "scale.csv"), stored_provenance(folder)["seeds"]
    sizes = [str(n) for n in table["N"].unique().sort()]
    frame = table.with_columns(pl.col("N").cast(pl.String))
    colour = alt.Color(
        "N:N",
        title="N",
        sort=sizes,
        scale=alt.Scale(domain=sizes, range=["#56B4E9", "#0072B2", "#D55E00", "#000000"]),
    )
    x = alt.X(
        "generations:Q",
        title="generations in A (the driver comes in generation 50)",
        scale=alt.Scale(domain=[100, 650]),
        axis=alt.Axis(grid=False),
    )
    panels = []
    for column, title in (
        ("hack_A", "hack step in A (expected offspring)"),
        ("search_A", "search step in A (expected offspring)"),
    ):
        base = alt.Chart(frame)
        line = base.mark_line(point=alt.OverlayMarkDef(size=45)).encode(
            x, alt.Y(f"{column}:Q", title=title, scale=alt.Scale(domainMin=0)), colour
        )
        bars = base.mark_rule(strokeWidth=2).encode(
            x, alt.Y(f"{column}_low:Q"), alt.Y2(f"{column}_high:Q"), colour
        )
        panels.append((line + bars).properties(width=WIDTH, height=HEIGHT + 20))
    notes = [f"greedy-genes; {seeds} seeds a point; whiskers: 95% bootstrap interval of the mean"]
    chart = themed(
        alt.hconcat(*panels, spacing=36),
        "More search does not cure the greed: it grows, at any population size",
        notes,
    )
    return {"scale": chart}


def main() -> None:
    """Make tables, figure and verdicts."""
    study = Study("greedy-genes", build_packaged("coarse-drive"), draw)
    rows, landscape = [], None
    for start in (0, HOLD_OUT):
        accountant, landscape = accounted(landscape, start, SEEDS)
        rows.append(
            {"variant": "default", "seeds": f"{start}-{start + SEEDS - 1}"} | split(accountant)
        )
    for name, settings in list(VARIANTS.items())[1:]:
        accountant, _ = accounted(landscape, 0, SEEDS, *settings)
        rows.append({"variant": name, "seeds": f"0-{SEEDS - 1}"} | split(accountant))
        print(rows[-1], flush=True)
    table = pl.DataFrame(rows)
    assert landscape is not None
    balance = pl.concat([equilibrium(landscape, start) for start in (0, HOLD_OUT)])
    tamed, left = suppressed(landscape)
    sizes, by_seed = scale(landscape)
    claims = []
    for row in rows[:2]:
        claims.append(
            StudyVerdict.of(
                f"the driver persists (seeds {row['seeds']})",
                "> 0",
                Measurement.from_columns(row, "driver"),
                above(0.0),
            )
        )
        claims.append(
            StudyVerdict.of(
                f"its hack step in A is above 0 (seeds {row['seeds']})",
                "> 0",
                Measurement.from_columns(row, "hack_A"),
                above(0.0),
            )
        )
        claims.append(
            StudyVerdict.of(
                f"so is what it does through behaviour (seeds {row['seeds']})",
                "> 0",
                Measurement.from_columns(row, "behaviour_A"),
                above(0.0),
            )
        )
    for item in balance.to_dicts():
        where = f"generations {item['first']}-{item['last']}, seeds from {item['seeds_from']}"
        claims.append(
            StudyVerdict.of(
                f"the driver is where theory puts it ({where}): observed minus theory",
                "0 +- .02",
                Measurement.from_columns(item, "difference"),
                near(0.0, 0.02),
            )
        )
    changes = []
    for n in SIZES:
        first, last = paired(by_seed[n, GENERATIONS[0]], by_seed[n, GENERATIONS[-1]])
        changes.append(mean_over_seeds(last - first))
    least = min(changes, key=lambda change: change.value)
    claims.append(
        StudyVerdict.of(
            "the hack step does not fall with generations (least mean change over N, seed by seed)",
            "> 0",
            least,
            above(0.0),
        )
    )
    ratio = ratio_over_seeds(
        *paired(by_seed[SIZES[-1], GENERATIONS[-1]], by_seed[SIZES[0], GENERATIONS[-1]])
    )
    claims.append(
        StudyVerdict.of(
            "nor with N (largest N over smallest, 600 generations)", "> .8", ratio, above(0.8)
        )
    )
    rest = ratio_over_seeds(*paired(left, by_seed[500, GENERATIONS[-1]]))
    claims.append(
        StudyVerdict.of(
            "a suppressor takes most of it back (share of the hack step without it that is left)",
            "< .5",
            rest,
            below(0.5),
        )
    )
    for name in ("driver", "suppressor"):
        there = tamed[f"theory_{name}"]
        claims.append(
            StudyVerdict.of(
                f"with the suppressor, the {name} settles where the recursion does",
                f"{there:.3f} +- .03",
                Measurement.from_columns(tamed, f"late_{name}"),
                near(there, 0.03),
            )
        )
    tables = {
        "split": table,
        "equilibrium": balance,
        "suppressed": pl.DataFrame([tamed]),
        "scale": sizes,
        "verdicts": pl.DataFrame(claims),
    }
    study.store(tables, seeds=SEEDS)


if __name__ == "__main__":
    main()
