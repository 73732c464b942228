"""Claim 4: greedy genes hack the search.

A driver persists at a cost that more search does not lower. Fair meiosis and suppressors lower it.

Each population size has a run, and the same run with fair meiosis. A second fair run has other
seeds (the null). The hack step is the mean fitness in A of the fair control minus that of the run.

With an unlinked suppressor, driver and suppressor are compared with the recursion of two loci. The
recursion is computed twice. The registered one assumes a genome that has adapted to the driver's
rider. Then two copies pay only the driver's own cost. The other one uses the fitness that carriers
have at that time. The world `suppressor`, in which genetics alone varies, tests the recursion
itself.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl

from evosim.claims.claim import Charts, Claim, Part, Row, Tables
from evosim.claims.experiments import packaged, with_settings
from evosim.claims.measurements import Measurement, mean_over_seeds, ratio_over_seeds
from evosim.claims.populations import snapshot_of
from evosim.claims.seed_statistics import seed_values
from evosim.config.resolve import build
from evosim.config.schema import Experiment
from evosim.figures.theme import HEIGHT, LOCUS_COLOURS, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.simulation.control_runs import simulate_one
from evosim.simulation.controls import controls_of
from evosim.theory import two_locus

ARMS = ("", "fair", "fair_again")
DRIVER, SUPPRESSOR = "copies:t:driver", "copies:sup:suppressor"
WITH_SUPPRESSOR = (
    'genome.markers.sup={alleles=["wild","suppressor"],initial=["wild"],mutation=0.001}',
    'genome.modifiers=[{locus="sup",allele="suppressor",of="t",ratio=0.5,effect_dominance=1.0,cost=0.01,dominance=1.0,cost_to="viability"}]',
)
LOOKS = 11  # at the end of a run with a suppressor, over a sixth of its generations
LONG = 4000  # generations until a recursion has converged
STILL, STILL_START = 2000, (0.8, 0.005)  # population and start of the recursion in `suppressor`


def sizes_of(experiment: Experiment) -> tuple[int, int, int]:
    """Half the population, all of it, and four times as many."""
    n = experiment.optimizer["population"]
    return n // 2, n, 4 * n


def marks_of(experiment: Experiment) -> tuple[int, int, int]:
    """A quarter of the generations in A, half of them, and all."""
    g = experiment.swap
    return g // 4, g // 2, g


def parts(experiment: Experiment) -> list[Part]:
    """A part for each population size, each size with a suppressor, and the still world."""
    marks, n = marks_of(experiment), experiment.optimizer["population"]
    out = [
        Part(
            f"size-{size}",
            arms,
            (sized(experiment, size, marks[-1]), marks),
            cost=experiment.replicates * (0.6 + size / 1600.0),
        )
        for size in sizes_of(experiment)
    ]
    end = marks[-1] + marks[-1] // 6
    looks = tuple(int(g) for g in np.linspace(marks[-1], end, LOOKS))
    out.append(
        Part(
            "suppressed",
            arms,
            (sized(experiment, n, end, *WITH_SUPPRESSOR), looks),
            cost=1.0 * experiment.replicates,
        )
    )
    out.append(
        Part(
            "still",
            still,
            (experiment.seed, experiment.replicates, marks[-1]),
            cost=0.5 * experiment.replicates,
        )
    )
    return out


def sized(experiment: Experiment, n: int, generations: int, *settings: str) -> Experiment:
    """The ancestral phase with one population size and the same initial driver frequency."""
    alone = f"phases=[{{world='ancestral',generations={generations}}}]"
    copies = f"optimizer.introductions.0.copies={n // 20}"
    return with_settings(
        experiment,
        f"optimizer.population={n}",
        copies,
        alone,
        "snapshots=[]",
        "search_ledger=false",
        *settings,
    )


def arms(experiment: Experiment, marks: tuple[int, ...]) -> pl.DataFrame:
    """One row per seed, mark and arm: fitness in A and frequencies of driver and suppressor.

    `free` is the mean fitness without the costs of drivers themselves. `by_behaviour:c` is the mean
    fitness of carriers of `c` copies of the driver, without the costs of drivers and suppressors.
    It is null if there are none.
    """
    problem = with_settings(experiment, f"snapshots={sorted({mark - 1 for mark in marks})}")
    controls = controls_of(problem)
    landscape = Landscape(build(problem))
    rows = []
    for arm in ARMS:
        setting = build(controls[arm] if arm else problem)
        for seed in experiment.seeds:
            landscape.reset_record()
            run = simulate_one(arm, setting, landscape, seed)
            for mark in sorted(set(marks)):
                where = {
                    "seed": seed,
                    "arm": arm or "run",
                    "population": experiment.optimizer["population"],
                    "generations": mark,
                }
                rows.append(where | _state(snapshot_of(run, mark - 1, "snapshot"), landscape))
    return pl.DataFrame(rows)


def _state(populations: pl.DataFrame, landscape: Landscape) -> Row:
    """Mean fitness in A and frequencies of one snapshot."""
    share = populations["count"].to_numpy() / populations["count"].sum()
    fitness = landscape.fitness(populations["class"].to_numpy()).ancestral
    driver = populations[DRIVER].to_numpy()
    out: Row = {
        "mean": float(share @ (fitness * populations["kept"].to_numpy())),
        "free": float(share @ fitness),
        "driver": float(share @ driver) / 2.0,
    }
    out["suppressor"] = (
        float(share @ populations[SUPPRESSOR].to_numpy()) / 2.0
        if SUPPRESSOR in populations.columns
        else 0.0
    )
    for copies in range(3):
        here = driver == copies
        out[f"by_behaviour:{copies}"] = (
            float(share[here] @ fitness[here] / share[here].sum()) if here.any() else None
        )
    return out


def still(seed: int, replicates: int, generations: int) -> pl.DataFrame:
    """Driver and suppressor in a world without any other variation.

    One row per seed: means over the second half of a run.
    """
    problem = build(
        with_settings(
            packaged("suppressor"),
            "search_ledger=false",
            "controls=false",
            f"phases.0.generations={generations}",
        )
    )
    from evosim.simulation.loop import simulate

    landscape = Landscape(problem)
    rows = []
    for number in range(seed, seed + replicates):
        alleles = (
            simulate(problem, landscape, number)
            .tables["alleles"]
            .filter(pl.col("generation") >= generations // 2)
        )
        frequencies = {
            name: alleles.filter(pl.col("allele") == name)["frequency"].to_numpy().mean()
            for name in ("driver", "suppressor")
        }
        rows.append({"seed": number, **frequencies})
    return pl.DataFrame(rows)


def recursion(
    ratio: float,
    viability: tuple[float, float],
    suppressor_cost: float,
    start: tuple[float, float] = (0.8, 0.05),
) -> tuple[float, float]:
    """Equilibrium of a driver and an unlinked full suppressor.

    `viability` is the fitness of one and of two copies of the driver.
    """
    left = 1.0 - suppressor_cost
    w = np.outer([1.0, *viability], [1.0, left, left])
    path, _ = two_locus.iterate(
        two_locus.haplotypes(*start), 0.5, [ratio, 0.5, 0.5], w, LONG, settled=two_locus.SETTLED
    )
    return two_locus.driver_frequency(path[-1]), two_locus.modifier_frequency(path[-1])


def _sizes(tables: Tables) -> pl.DataFrame:
    return pl.concat([table for name, table in tables.items() if name.startswith("size-")]).sort(
        "population", "generations", "seed"
    )


def hacks(table: pl.DataFrame) -> pl.DataFrame:
    """By seed, size and mark: the hack step, its part through behaviour, and the null.

    The null is fair minus fair.
    """
    index = ["seed", "population", "generations"]
    wide = table.pivot(on="arm", index=index, values=["mean", "free", "driver"])
    return wide.with_columns(
        (pl.col("mean_fair") - pl.col("mean_run")).alias("hack"),
        (pl.col("free_fair") - pl.col("free_run")).alias("behaviour"),
        (pl.col("mean_fair_again") - pl.col("mean_fair")).alias("null"),
    ).sort(index)


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """The predicted quantities. Steps are in expected offspring in A."""
    by_size, (small, n, large), marks = (
        hacks(_sizes(tables)),
        sizes_of(experiment),
        marks_of(experiment),
    )

    def at(size: int, mark: int, column: str) -> np.ndarray:
        return seed_values(
            by_size.filter((pl.col("population") == size) & (pl.col("generations") == mark)), column
        )

    last = marks[-1]
    hack, early = at(n, last, "hack"), at(n, marks[0], "hack")
    tamed = tables["suppressed"]
    left = seed_values(hacks(tamed.filter(pl.col("generations") == last)), "hack")
    late = _late(tamed, experiment)
    ratio, cost = (float(experiment.genome["drivers"][0][key]) for key in ("ratio", "cost"))
    registered = recursion(ratio, (1.0, 1.0 - cost), 0.01)
    micro = packaged("suppressor").genome
    rest = recursion(
        micro["drivers"][0]["ratio"],
        (1.0, 1.0 - micro["drivers"][0]["cost"]),
        micro["modifiers"][0]["cost"],
        STILL_START,
    )
    unit = "expected offspring"
    return {
        "driver": mean_over_seeds(at(n, last, "driver_run"), "frequency"),
        "hack": mean_over_seeds(hack, unit),
        "hack_through_behaviour": mean_over_seeds(at(n, last, "behaviour"), unit),
        "null": mean_over_seeds(at(n, last, "null"), unit),
        "change_with_generations": mean_over_seeds(hack - early, unit),
        "change_with_population": mean_over_seeds(
            at(large, last, "hack") - at(small, last, "hack"), unit
        ),
        "driver_with_fair_meiosis": mean_over_seeds(at(n, last, "driver_fair"), "frequency"),
        "left_with_suppressor": ratio_over_seeds(left, hack, "of the hack step without it"),
        "driver_beyond_recursion": mean_over_seeds(
            late["driver"] - registered[0], f"frequency, beyond {registered[0]:.3f}"
        ),
        "suppressor_beyond_recursion": mean_over_seeds(
            late["suppressor"] - registered[1], f"frequency, beyond {registered[1]:.3f}"
        ),
        "driver_beyond_recursion_now": mean_over_seeds(
            late["driver"] - late["driver_now"], "frequency"
        ),
        "suppressor_beyond_recursion_now": mean_over_seeds(
            late["suppressor"] - late["suppressor_now"], "frequency"
        ),
        "still_driver_beyond_recursion": mean_over_seeds(
            seed_values(tables["still"], "driver") - rest[0], f"frequency, beyond {rest[0]:.3f}"
        ),
        "still_suppressor_beyond_recursion": mean_over_seeds(
            seed_values(tables["still"], "suppressor") - rest[1], f"frequency, beyond {rest[1]:.3f}"
        ),
    }


def _late(tamed: pl.DataFrame, experiment: Experiment) -> dict[str, np.ndarray]:
    """By seed: frequencies at the end of runs with a suppressor, and the recursion.

    The recursion uses the fitness of carriers at that time.
    """
    of_run = tamed.filter(pl.col("arm") == "run")
    columns = ["driver", "suppressor", *(f"by_behaviour:{c}" for c in range(3))]
    means = of_run.group_by("seed").agg(pl.col(name).mean() for name in columns).sort("seed")
    driver = experiment.genome["drivers"][0]
    own = (1.0 - driver["cost"] * driver["dominance"], 1.0 - driver["cost"])
    now = []
    for row in means.iter_rows(named=True):
        none = row["by_behaviour:0"]
        if none is None:  # all carry it: no genome to compare with
            now.append((float("nan"), float("nan")))
            continue
        # Without carriers of two copies, the behaviour of one copy is used.
        one = row["by_behaviour:1"] if row["by_behaviour:1"] is not None else none
        two = row["by_behaviour:2"] if row["by_behaviour:2"] is not None else one
        now.append(recursion(driver["ratio"], (own[0] * one / none, own[1] * two / none), 0.01))
    frequencies = {name: seed_values(means, name) for name in ("driver", "suppressor")}
    return frequencies | {
        "driver_now": np.array([x for x, _ in now]),
        "suppressor_now": np.array([x for _, x in now]),
    }


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """The hack step by generation and population size, with and without suppressor."""
    by_size = hacks(_sizes(tables)).with_columns(pl.col("population").cast(pl.String).alias("who"))
    tamed = hacks(tables["suppressed"]).with_columns(pl.lit("with a suppressor").alias("who"))
    null = by_size.filter(pl.col("population") == sizes_of(experiment)[1]).select(
        "seed",
        "generations",
        pl.col("null").alias("hack"),
        pl.lit("fair against fair").alias("who"),
    )
    both = pl.concat(
        [
            by_size.select("seed", "generations", "hack", "who"),
            tamed.select("seed", "generations", "hack", "who"),
            null,
        ]
    )
    h = pl.col("hack")
    seen = (
        both.group_by("who", "generations")
        .agg(
            h.mean().alias("mean"), h.quantile(0.025).alias("low"), h.quantile(0.975).alias("high")
        )
        .sort("who", "generations")
    )
    who = [str(n) for n in sizes_of(experiment)] + ["with a suppressor", "fair against fair"]
    colour = alt.Color(
        "who:N",
        title="population",
        sort=who,
        scale=alt.Scale(
            domain=who, range=[*LOCUS_COLOURS[4:7], LOCUS_COLOURS[3], LOCUS_COLOURS[7]]
        ),
    )
    x = alt.X(
        "generations:Q",
        title="generations in A",
        axis=alt.Axis(grid=False),
        scale=alt.Scale(zero=True),
    )
    base = alt.Chart(seen)
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.4).encode(
        x, alt.Y("low:Q"), alt.Y2("high:Q"), colour
    )
    lines = base.mark_line(point=alt.OverlayMarkDef(size=40)).encode(
        x, alt.Y("mean:Q", title="hack step in A (offspring)"), colour
    )
    notes = [
        f"{experiment.replicates} seeds a point; bars hold the middle 95% of them; the suppressor's"
        f" runs have populations of {sizes_of(experiment)[1]}"
    ]
    return {
        "hack": themed(
            (bars + lines).properties(width=WIDTH + 140, height=HEIGHT + 20),
            "Cost of a driver in A: with more search, and with a suppressor",
            notes,
        )
    }


CLAIM = Claim(parts, measure, figures)
