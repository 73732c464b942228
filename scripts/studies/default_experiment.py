"""The default experiment `three-losses`: the criteria that it was chosen by, and its losses.

The criteria were written down before the losses were computed. No criterion is about the size of a
loss in a population:

* `planners`: the best planner is better than the best reflex in the ancestral world by 10%. The
  best reflex is the best that a search with many starts found.
* `breeds true`: a homozygote expresses the best planner.
* `all lose half`: every genome within 5% of the best loses more than half in the modern world.
* `reached`: populations with fair meiosis reach 95% of the best at the switch (mean over seeds).
* `common early`: without a driver, self-stimulation costs 5% of the best or more in generation 10.
* `rare late`: it costs 1% of the best or less in generation 300.

The table `criteria` has them for two sets of seeds, and for both together. The second set was
computed after the text about the first set was committed. The table `edges` has the criteria of
neighbouring experiments, and the table `choice` the criterion `reached` by population size.

On 40 seeds the criterion `reached` was open: 0.95 was in its interval. The table `settled` has it
for 200 further seeds. Their number was fixed, and committed, before any of them was computed.

Run: python scripts/studies/default_experiment.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.analysis import behaviour
from evosim.analysis.population import PopulationSnapshot
from evosim.analysis.shared_cache import SharedCache
from evosim.claims.experiments import build_packaged, with_genome, with_settings
from evosim.claims.measurements import Measurement, best_found, exactly, mean_over_seeds
from evosim.claims.populations import SELF_STIMULATION, evolve
from evosim.claims.study import Study, stored_provenance
from evosim.claims.verdicts import Criterion, above, below, judge
from evosim.config.resolve import Problem, build
from evosim.figures.theme import ANCESTRAL, MODERN, themed
from evosim.fitness.landscape import Landscape
from evosim.simulation.control_runs import simulate_control
from evosim.simulation.controls import controls_of
from evosim.simulation.state import Run

NAME = "three-losses"
FIRST, HELD_OUT, SEEDS = 40000, 41000, 20
CHOICE = 45000  # first seed of the table `choice`
SETTLED = range(46000, 46200)  # seeds of the table `settled`
NEAR = (0.0, 0.01, 0.02, 0.05, 0.1)  # distance from the best ancestral fitness, as a share of it
RESTARTS = 400  # of the search for the best reflex
AFTER = (0, 50, 100, 300)  # generations after the last ancestral one
EARLY, LATE = 10, 300
GENERATIONS = (EARLY, 30, 100, LATE, 1000)
NO_DRIVER = ("genome.drivers=[]", "optimizer.introductions=[]", "search_ledger=false")
CRITERIA: dict[str, tuple[str, Criterion]] = {
    "planners": ("best planner / best reflex found, ancestral world", above(1.1)),
    "breeds true": ("share of the best planners that breed true", above(0.999)),
    "all lose half": ("largest share kept within 5% of the best", below(0.5)),
    "reached": ("fair control at the switch / best, ancestral world", above(0.95)),
    "common early": (f"self-stimulation in generation {EARLY} / best", above(0.05)),
    "rare late": (f"self-stimulation in generation {LATE} / best", below(0.01)),
}
EDGES: dict[str, tuple[str, ...]] = {
    "three-losses": (),
    "low_energy 0": ("world.ancestral.low_energy=0",),
    "low_energy 2": ("world.ancestral.low_energy=2",),
    "low_energy 3": ("world.ancestral.low_energy=3",),
    "founders with all horizons": ("genome.horizon.initial=[1,2,3,4,5,6,7,8]",),
    "planning_cost 0.02": ("genome.planning_cost=0.02",),
    "planning_cost 0.04": ("genome.planning_cost=0.04",),
    "planning_cost 0.05": ("genome.planning_cost=0.05",),
    "planning_cost 0.08": ("genome.planning_cost=0.08",),
    "planning_cost 0.1": ("genome.planning_cost=0.1",),
    "contraceptive_hassle 0.1": ("world.ancestral.contraceptive_hassle=0.1",),
    "horizons 1 to 4": ("genome.horizon.alleles=[1,2,3,4]", "genome.horizon.initial=[1,2,3,4]"),
    "horizons 1 to 5": ("genome.horizon.alleles=[1,2,3,4,5]", "genome.horizon.initial=[1,2,3,4]"),
    "population 500": ("optimizer.population=500", "optimizer.introductions.0.copies=25"),
    "population 2000": ("optimizer.population=2000", "optimizer.introductions.0.copies=100"),
    "solo_pleasure 0": ("world.ancestral.solo_pleasure=0.0", "world.modern.solo_pleasure=0.0"),
}


@dataclass(frozen=True)
class Variant:
    """An experiment with its enumerated landscape."""

    problem: Problem

    @classmethod
    def of(cls, *settings: str) -> Variant:
        """The default experiment with changes."""
        return cls(build_packaged(NAME, "search_ledger=false", *settings))

    @cached_property
    def landscape(self) -> Landscape:
        """Fitness of all classes."""
        return Landscape(self.problem)

    @cached_property
    def genomes(self) -> pl.DataFrame:
        """All classes that breed true."""
        return self.landscape.frame().filter("breeds_true")

    @cached_property
    def best(self) -> dict[str, float]:
        """Fitness of the best genome of each world."""
        frame = self.genomes
        return {w: float(frame[w].to_numpy().max()) for w in ("ancestral", "modern")}

    def near(self, distance: float) -> pl.DataFrame:
        """Genomes that breed true, near the best in the ancestral world, with their share kept."""
        least = self.best["ancestral"] * (1.0 - max(distance, 1e-12))
        return self.genomes.filter(pl.col("ancestral") >= least).with_columns(
            share=pl.col("modern") / self.best["modern"]
        )

    def reflexes(self) -> dict[str, float]:
        """Fitness of the best reflexes that a search found, by world; and of the first in M."""
        experiment = with_settings(self.problem.experiment, *NO_DRIVER)
        landscape = Landscape(build(with_genome(experiment, "reflex")))
        best = {
            world: landscape.fitness(landscape.best(world, FIRST, RESTARTS))
            for world in ("ancestral", "modern")
        }
        return {
            "ancestral": float(best["ancestral"].ancestral.max()),
            "modern": float(best["modern"].modern.max()),
            "ancestral_best_in_modern": float(best["ancestral"].modern.min()),
        }


def seeds_from(first: int) -> range:
    """A set of seeds."""
    return range(first, first + SEEDS)


def fitness_of(variant: Variant, rows: pl.DataFrame) -> tuple[float, float]:
    """Mean fitness of one population in both worlds, with the cost of drivers."""
    fitness = variant.landscape.fitness(rows["class"].to_numpy(), observed=False)
    share = (rows["count"] / rows["count"].sum()).to_numpy() * rows["kept"].to_numpy()
    return float(share @ fitness.ancestral), float(share @ fitness.modern)


def snapshots(
    variant: Variant, runs: Iterable[Run], generations: Sequence[int], meiosis: str
) -> list[dict[str, Any]]:
    """Fitness and mean horizon by seed and generation after the last ancestral one."""
    last, out = variant.problem.experiment.swap - 1, []
    for run in runs:
        populations, loci = run.tables["populations"], run.tables["loci"]
        for after in generations:
            rows = populations.filter(pl.col("generation") == last + after).unique(
                ["class", "copies:t:driver"]
                if "copies:t:driver" in populations.columns
                else "class",
                keep="first",
                maintain_order=True,
            )
            assert rows.height, "a population died out"
            a, m = fitness_of(variant, rows)
            horizon = loci.filter(
                (pl.col("locus") == "horizon") & (pl.col("generation") == last + after)
            )["mean"][0]
            out.append(
                {"seed": run.seed, "meiosis": meiosis, "after": after}
                | {"ancestral": a, "modern": m, "horizon": horizon}
            )
    return out


def populations(first: int) -> tuple[Variant, pl.DataFrame]:
    """Populations with the driver and with fair meiosis, at and after the switch."""
    swap = Variant.of().problem.experiment.swap
    variant = Variant.of(
        f"seed={first}", f"replicates={SEEDS}", f"snapshots={[swap - 1 + after for after in AFTER]}"
    )
    experiment, landscape = variant.problem.experiment, variant.landscape
    runs = evolve(variant.problem, landscape, experiment.seeds)
    fair = simulate_control("fair", controls_of(experiment)["fair"], landscape)
    rows = snapshots(variant, runs, AFTER, "driver") + snapshots(variant, fair, AFTER, "fair")
    return variant, pl.DataFrame(rows)


def self_stimulation(
    variant: Variant, seeds: Sequence[int], generations: Sequence[int]
) -> pl.DataFrame:
    """Its ledger entry and times per life by seed and generation, in a run without a driver."""
    problem = build(
        with_settings(
            variant.problem.experiment,
            *NO_DRIVER,
            f"phases=[{{world='ancestral',generations={max(generations) + 1}}}]",
            f"snapshots={list(generations)}",
        )
    )
    known = SharedCache(problem.genome, problem.pair)
    act, rows = problem.pair.ancestral.acts.index(SELF_STIMULATION), []
    for run in evolve(problem, Landscape(problem), seeds):
        table = run.tables["populations"].filter(pl.col("moment") == "snapshot")
        for generation in generations:
            now = table.filter(pl.col("generation") == generation)
            census = PopulationSnapshot.from_table(now)
            ledger = behaviour.mean_ledger(
                [known.ledger(int(c)) for c in census.classes], census.share
            )
            rows.append(
                {
                    "seed": run.seed,
                    "generation": generation,
                    "entry": float(ledger.waste[:, act].sum()),
                    "times": float(ledger.times_ancestral[act]),
                }
            )
    return pl.DataFrame(rows)


def fair_at_switch(variant: Variant, seeds: Sequence[int]) -> list[float]:
    """Ancestral fitness of each population with fair meiosis at the switch."""
    swap = variant.problem.experiment.swap
    experiment = with_settings(
        variant.problem.experiment,
        f"seed={seeds[0]}",
        f"replicates={len(seeds)}",
        f"phases=[{{world='ancestral',generations={swap}}}]",
    )
    fair = simulate_control("fair", controls_of(experiment)["fair"], variant.landscape)
    return [
        fitness_of(variant, run.tables["populations"].filter(pl.col("moment") == "swap"))[0]
        for run in fair
    ]


def quantities(
    variant: Variant, reached: Iterable[float], solo: pl.DataFrame, reflexes: dict[str, float]
) -> dict[str, Measurement]:
    """The quantity of each criterion."""
    best = variant.best["ancestral"]
    everything = variant.landscape.frame()
    top = everything.filter(pl.col("ancestral") >= everything["ancestral"].max() * (1 - 1e-12))  # type: ignore[operator]

    def cost(generation: int) -> Measurement:
        return mean_over_seeds(
            solo.filter(pl.col("generation") == generation)["entry"].to_numpy() / best
        )

    values = (
        best_found(best / reflexes["ancestral"]),
        exactly(float(top["breeds_true"].to_numpy().mean())),
        exactly(float(variant.near(0.05)["share"].to_numpy().max())),
        mean_over_seeds(np.array(list(reached)) / best),
        cost(EARLY),
        cost(LATE),
    )
    return dict(zip(CRITERIA, values, strict=True))


def judged(
    variant: Variant, found: pl.DataFrame, solo: pl.DataFrame, reflexes: dict[str, float]
) -> dict[str, Measurement]:
    """The quantity of each criterion, for the populations of the table `seeds`."""
    reached = found.filter((pl.col("meiosis") == "fair") & (pl.col("after") == 0))
    return quantities(variant, reached["ancestral"], solo, reflexes)


def verdict(name: str, measured: Measurement) -> str:
    """Whether a criterion is met: `yes`, `no`, or `open` if the interval contains its limit."""
    low = measured.value if measured.low is None else measured.low
    high = measured.value if measured.high is None else measured.high
    words = {"comes out": "yes", "does not come out": "no"}
    return words.get(judge(low, high, CRITERIA[name][1]), "open")


def criteria(seeds: str, found: dict[str, Measurement]) -> list[dict[str, Any]]:
    """Rows of the table `criteria`."""
    return [
        {"seeds": seeds, "criterion": name, "quantity": CRITERIA[name][0]}
        | measured.columns("value")
        | {"kind": measured.kind, "met": verdict(name, measured)}
        for name, measured in found.items()
    ]


def edge(name: str, settings: Sequence[str]) -> dict[str, Any]:
    """One row of the table `edges`: the quantities of all criteria, and which criteria fail."""
    variant, seeds = Variant.of(*settings), seeds_from(FIRST)
    solo = self_stimulation(variant, seeds, (EARLY, LATE))
    reflexes = variant.reflexes()
    found = quantities(variant, fair_at_switch(variant, seeds), solo, reflexes)
    top = variant.near(0.0)
    row: dict[str, Any] = {
        "variant": name,
        "fails": ", ".join(n for n, m in found.items() if verdict(n, m) == "no"),
        "open": ", ".join(n for n, m in found.items() if verdict(n, m) == "open"),
        "best_ancestral": variant.best["ancestral"],
        "best_modern": variant.best["modern"],
        "best_reflex": reflexes["ancestral"],
        "horizon_of_best": float(top["locus:horizon"].to_numpy().min()),
        "share_kept_min": float(top["share"].to_numpy().min()),
        "share_kept_max": float(top["share"].to_numpy().max()),
    }
    for criterion, measured in found.items():
        row |= measured.columns(criterion.replace(" ", "_"))
    print(f"{name}: fails {row['fails'] or 'none'}", file=sys.stderr, flush=True)
    return row


def choice() -> pl.DataFrame:
    """The criterion `reached` by size of populations, on further seeds."""
    rows = []
    for name in ("population 500", "three-losses"):
        variant = Variant.of(*EDGES[name])
        reached = fair_at_switch(variant, range(CHOICE, CHOICE + 2 * SEEDS))
        size = variant.problem.experiment.optimizer["population"]
        share = np.array(reached) / variant.best["ancestral"]
        rows.append(
            {"population": size, "seeds": len(share)} | mean_over_seeds(share).columns("reached")
        )
    return pl.DataFrame(rows)


def settled() -> pl.DataFrame:
    """The criterion `reached` on many further seeds."""
    variant = Variant.of()
    share = np.array(fair_at_switch(variant, SETTLED)) / variant.best["ancestral"]
    measured = mean_over_seeds(share)
    row = {"first": SETTLED[0], "seeds": len(share)} | measured.columns("reached")
    return pl.DataFrame([row | {"met": verdict("reached", measured)}])


def losses(first: int, variant: Variant, found: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table `losses`: shift (exact), waste and hack in both worlds."""
    switch = found.filter(pl.col("after") == 0)
    driver, fair = (
        switch.filter(pl.col("meiosis") == meiosis).sort("seed") for meiosis in ("driver", "fair")
    )
    top, rows = variant.near(0.0), []
    for world in ("ancestral", "modern"):
        scored = {"ancestral": top["ancestral"], "modern": top["modern"]}[world].to_numpy()
        values = {
            "shift": exactly(variant.best[world] - float(scored.max())),
            "waste": mean_over_seeds(float(scored.max()) - fair[world].to_numpy()),
            "hack": mean_over_seeds((fair[world] - driver[world]).to_numpy()),
        }
        for loss, measured in values.items():
            if (world, loss) == ("ancestral", "shift"):
                continue
            best = variant.best[world]
            rows.append(
                {"seeds_from": first, "world": world, "loss": loss}
                | measured.columns("value")
                | {
                    "share_of_best": measured.value / best,
                    "optima": top.height,
                    "kind": measured.kind,
                }
            )
    return rows


def recovery(first: int, variant: Variant, found: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table `recovery`: share of the best of each world, and mean horizon."""
    rows = []
    for (meiosis, after), part in found.group_by("meiosis", "after", maintain_order=True):
        row: dict[str, Any] = {"seeds_from": first, "meiosis": meiosis, "after": after}
        for world in ("ancestral", "modern"):
            row |= mean_over_seeds(part[world].to_numpy() / variant.best[world]).columns(world)
        row |= mean_over_seeds(part["horizon"]).columns("horizon")
        row["more_than_half"] = int((part["modern"] / variant.best["modern"] > 0.5).sum())
        rows.append(row)
    return rows


def solo_rows(first: int, solo: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table `self-stimulation`."""
    return [
        {"seeds_from": first, "generation": generation}
        | mean_over_seeds(part["entry"]).columns("entry")
        | mean_over_seeds(part["times"]).columns("times")
        for (generation,), part in solo.group_by("generation", maintain_order=True)
    ]


def near_optimal(variant: Variant) -> pl.DataFrame:
    """Shares of the best modern fitness that near-optimal genomes keep; exact."""
    rows = []
    for distance in NEAR:
        near = variant.near(distance)
        share = near["share"].to_numpy()
        rows.append(
            {
                "within": distance,
                "genomes": near.height,
                "behaviours": near["ancestral_policy"].n_unique(),
                "smallest": share.min(),
                "median": float(np.median(share)),
                "largest": share.max(),
                "horizon_min": near["locus:horizon"].min(),
                "horizon_max": near["locus:horizon"].max(),
            }
        )
    return pl.DataFrame(rows)


def draw(folder: Path) -> dict[str, Any]:
    """Share kept by near-optimal genomes; self-stimulation by generation; recovery."""
    n = stored_provenance(folder)["seeds"]
    near = pl.read_csv(folder / "near-genomes.csv")
    best = (
        alt.Chart(near)
        .mark_point(filled=True, size=28, opacity=0.5)
        .encode(
            alt.X(
                "below:Q",
                title="below the best in the ancestral world (%)",
                scale=alt.Scale(reverse=True, domain=[0, 10]),
            ),
            alt.Y(
                "share:Q",
                title="share of the best in the modern world",
                scale=alt.Scale(domain=[0, 1]),
            ),
            alt.Color("horizon:O", title="horizon", scale=alt.Scale(scheme="viridis")),
        )
    )
    half = alt.Chart(pl.DataFrame({"share": [0.5]})).mark_rule(strokeDash=[3, 3], color="#777777")
    limit = alt.Chart(pl.DataFrame({"below": [5.0]})).mark_rule(strokeDash=[3, 3], color="#777777")
    within = near.filter(pl.col("below") <= 5.0)["share"].to_numpy()
    genomes = themed(
        (half.encode(y="share:Q") + limit.encode(x="below:Q") + best).properties(
            width=420, height=240
        ),
        "Every genome within 5% of the ancestral best loses more than half after the change",
        [
            f"dashed: one half, and 5% below the best; the {len(within)} genomes right of it keep"
            f" {within.min():.2f} to {within.max():.2f}"
        ],
    )
    solo = pl.read_csv(folder / "self-stimulation.csv").filter(pl.col("seeds_from") == FIRST)
    x = alt.X(
        "generation:Q",
        title="generation",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(values=solo["generation"].to_list(), grid=False),
    )
    base = alt.Chart(solo)
    cost = base.mark_rule(strokeWidth=2, color=ANCESTRAL).encode(
        x, alt.Y("entry_low:Q"), alt.Y2("entry_high:Q")
    ) + base.mark_line(color=ANCESTRAL, point=alt.OverlayMarkDef(size=45, color=ANCESTRAL)).encode(
        x, alt.Y("entry:Q", title="cost of self-stimulation (offspring in a life)")
    )
    after = pl.read_csv(folder / "recovery.csv").filter(pl.col("seeds_from") == FIRST)
    shown = alt.Chart(after).encode(
        alt.X("after:Q", title="generations after the switch", axis=alt.Axis(grid=False)),
        alt.Color("meiosis:N", title="meiosis", scale=alt.Scale(range=[MODERN, ANCESTRAL])),
    )
    rise = shown.mark_rule(strokeWidth=2).encode(
        alt.Y("modern_low:Q", title="share of the best in the modern world"),
        alt.Y2("modern_high:Q"),
    ) + shown.mark_line(point=alt.OverlayMarkDef(size=45)).encode(
        alt.Y("modern:Q", scale=alt.Scale(domain=[0, 1]))
    )
    first, last = solo["entry"][0], solo["entry"][-1]
    paths = themed(
        alt.hconcat(
            cost.properties(width=250, height=200),
            rise.properties(width=250, height=200),
            spacing=36,
        ),
        "Self-stimulation is common early and rare late; fertility recovers after the switch",
        [
            f"{n} seeds; whiskers: 95% intervals of means; left: without a driver, from {first:.3f}"
            f" to {last:.4f} offspring"
        ],
    )
    return {"near-optimal": genomes, "paths": paths}


def main() -> None:
    """Make tables and figures; `--first` leaves out the held-out seeds."""
    sets = (FIRST,) if "--first" in sys.argv[1:] else (FIRST, HELD_OUT)
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("criteria", "losses", "recovery", "self-stimulation")
    }
    study = Study("default-experiment", build_packaged(NAME), draw)
    variant = Variant.of()
    reflexes = variant.reflexes()
    seeds, solos = [], []
    for first in sets:
        variant, found = populations(first)
        solo = self_stimulation(variant, seeds_from(first), GENERATIONS)
        name = f"{first}-{first + SEEDS - 1}"
        tables["criteria"] += criteria(name, judged(variant, found, solo, reflexes))
        tables["losses"] += losses(first, variant, found)
        tables["recovery"] += recovery(first, variant, found)
        tables["self-stimulation"] += solo_rows(first, solo)
        seeds.append(found)
        solos.append(solo)
        print(f"seeds {name}", file=sys.stderr, flush=True)
    if len(sets) > 1:
        both = judged(variant, pl.concat(seeds), pl.concat(solos), reflexes)
        tables["criteria"] += criteria("both", both)
    near = variant.near(max(NEAR)).select(
        "class",
        below=100.0 * (1.0 - pl.col("ancestral") / variant.best["ancestral"]),
        share="share",
        horizon=pl.col("locus:horizon").cast(pl.Int64),
    )
    study.store(
        {
            **{name: pl.DataFrame(rows) for name, rows in tables.items()},
            "near-optimal": near_optimal(variant),
            "near-genomes": near,
            "choice": choice(),
            "settled": settled(),
            "seeds": pl.concat(seeds),
            "edges": pl.DataFrame([edge(*item) for item in EDGES.items()]),
        },
        seeds=SEEDS,
        best=variant.best,
        best_reflex_found=reflexes,
        restarts=RESTARTS,
        genomes=variant.genomes.height,
    )


if __name__ == "__main__":
    main()
