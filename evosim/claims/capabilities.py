"""Claim 10: capabilities generalize better than alignment.

In the modern world intent falls more than capability, unless planners look past the consequences.

Capability is felt return, alignment is intent. Both are shares of the span between the worst and
the best policy of a world (`analysis.capability`). The claim covers the best ancestral genome and
populations at the swap, under three beliefs about the modern world. It covers shallow planners,
deep planners, and the best genomes of other worlds. The phase diagram varies the longest horizon
and the length of gestation, with cheap planning.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.analysis.capability import BELIEFS, Capabilities
from evosim.analysis.population import PopulationSnapshot
from evosim.claims.claim import Charts, Claim, Part, Row, Tables
from evosim.claims.experiments import ancestral_only, packaged, with_settings
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds
from evosim.claims.populations import best_genome_account, snapshot_of
from evosim.claims.seed_statistics import seed_values
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.figures.theme import themed
from evosim.fitness.landscape import Landscape
from evosim.genomes import PlannerRules
from evosim.simulation.loop import simulate
from evosim.worlds import TabularMdp

SHALLOW = ("genome.horizon.alleles=[1,2,3,4]", "genome.planning_cost=0.06")
GESTATIONS = (2, 3, 4, 5)
FAR = 2  # steps beyond gestation that show mating and birth in one plan
OTHERS = ("micro", "villages", "maze")  # packaged experiments whose worlds are tested too
FALLS = ("capability", "alignment")


def parts(experiment: Experiment) -> list[Part]:
    """Genomes and populations of shallow and deep planners, and a part for each gestation."""
    n = experiment.optimizer["population"]
    shallow = ancestral_only(experiment, n, *SHALLOW)
    out = [Part("best", best_genomes, (experiment,), cost=5.0)]
    out += [
        Part(f"populations-{name}", populations, (problem,), cost=1.0 * experiment.replicates)
        for name, problem in (("shallow", shallow), ("deep", ancestral_only(experiment, n)))
    ]
    out += [
        Part(
            f"gestation-{g}",
            phases,
            (ancestral_only(experiment, n, f"world.ancestral.gestation={g}"), g),
            cost=5.0 + 0.7 * experiment.replicates,
        )
        for g in GESTATIONS
    ]
    return out


def best_genomes(experiment: Experiment) -> pl.DataFrame:
    """Capability and alignment of the best ancestral genome of each grid, by belief."""
    settings = {"shallow": with_settings(experiment, *SHALLOW), "deep": with_settings(experiment)}
    settings |= {name: with_settings(packaged(name)) for name in OTHERS}
    return pl.concat(
        [
            _of_best(problem, int(account["class"])).with_columns(pl.lit(name).alias("who"))
            for name, problem in settings.items()
            for account in [best_genome_account(problem)]
        ]
    )


def _of_best(experiment: Experiment, number: int) -> pl.DataFrame:
    problem = build(experiment)
    return pl.DataFrame(
        [
            {
                "belief": b,
                **_reached(
                    problem,
                    Capabilities(_worlds(problem)),
                    PopulationSnapshot(
                        np.array([number]), *(np.ones(1),) * 2, np.array([number]), np.ones(1)
                    ),
                    b,
                    {},
                ),
            }
            for b in BELIEFS
        ]
    )


def _worlds(problem: Problem) -> dict[str, TabularMdp]:
    return {"A": problem.pair.ancestral, "M": problem.pair.modern}


def _reached(
    problem: Problem,
    capabilities: Capabilities,
    census: PopulationSnapshot,
    belief: str,
    known: dict[tuple[int, str, str], tuple[float, float]],
) -> dict[str, float]:
    """Mean capability and alignment of a census in both worlds.

    Planners without any objective have no capability and are left out.
    """
    rules = problem.genome.decode(census.classes)
    assert isinstance(rules, PlannerRules)
    for world in ("A", "M"):
        for i, number in enumerate(census.classes.tolist()):
            if (number, world, belief) not in known:
                got = capabilities.reached(rules, i, world, belief)
                known[number, world, belief] = (got.capability, got.alignment)
    reached = {
        world: np.array([known[number, world, belief] for number in census.classes.tolist()])
        for world in ("A", "M")
    }
    # The same planners in all four means
    has = np.isfinite(reached["A"]).all(axis=1) & np.isfinite(reached["M"]).all(axis=1)
    return {
        f"{name}_{world}": (
            float(np.average(both[has, column], weights=census.share[has]))
            if has.any()
            else float("nan")
        )
        for world, both in reached.items()
        for column, name in enumerate(FALLS)
    }


def populations(experiment: Experiment) -> pl.DataFrame:
    """One row per seed and belief: capability and alignment of the population at the swap."""
    problem = build(experiment)
    landscape, capabilities = Landscape(problem), Capabilities(_worlds(problem))
    known: dict[tuple[int, str, str], tuple[float, float]] = {}
    rows = []
    for seed in experiment.seeds:
        landscape.reset_record()
        swap = snapshot_of(simulate(problem, landscape, seed), experiment.swap - 1, "swap")
        rows += [
            {
                "seed": seed,
                "belief": b,
                **_reached(problem, capabilities, PopulationSnapshot.from_table(swap), b, known),
            }
            for b in BELIEFS
        ]
    return pl.DataFrame(rows)


def phases(experiment: Experiment, gestation: int) -> pl.DataFrame:
    """For each longest horizon, the share of the best modern fitness that R3 and populations keep.

    The row of R3 has no seed. It also has the falls of its capability and alignment.
    """
    rows: list[Row] = []
    horizons = [int(h) for h in experiment.genome["horizon"]["alleles"]]
    for cap in (h for h in horizons if h > 1):
        capped = with_settings(
            experiment, f"genome.horizon.alleles={[h for h in horizons if h <= cap]}"
        )
        account = best_genome_account(capped)
        fallen = (
            _of_best(capped, int(account["class"]))
            .filter(pl.col("belief") == "true")
            .row(0, named=True)
        )
        here = {"gestation": gestation, "cap": cap}
        rows.append(
            {
                **here,
                "seed": None,
                "kept": account["fitness_M"] / account["best_M"],
                **{f"{name}_fall": fallen[f"{name}_A"] - fallen[f"{name}_M"] for name in FALLS},
            }
        )
        problem = build(capped)
        landscape = Landscape(problem)
        for seed in experiment.seeds:
            run = simulate(problem, landscape, seed)
            snapshot_of(run, experiment.swap - 1, "swap")
            rows.append(
                {
                    **here,
                    "seed": seed,
                    "kept": run.tables["generations"]["modern_mean"][-1] / account["best_M"],
                    **dict.fromkeys(f"{name}_fall" for name in FALLS),
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def _phases(tables: Tables) -> pl.DataFrame:
    return pl.concat(
        [table for name, table in tables.items() if name.startswith("gestation-")]
    ).sort("gestation", "cap", "seed")


def _fall(name: str) -> pl.Expr:
    return pl.col(f"{name}_A") - pl.col(f"{name}_M")


EXCESS = _fall("alignment") - _fall("capability")


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """Falls between worlds, in shares of the span.

    `excess` is the fall of alignment minus the fall of capability.
    """
    unit = "share of the span"
    out: dict[str, Measurement] = {}
    for who in ("shallow", "deep", *OTHERS):
        for belief in BELIEFS:
            row = (
                tables["best"]
                .filter((pl.col("who") == who) & (pl.col("belief") == belief))
                .with_columns(EXCESS.alias("excess"), *(_fall(f).alias(f"{f}_fall") for f in FALLS))
                .row(0, named=True)
            )
            word = "" if belief == "true" else f"_believing_{belief}"
            out[f"{who}_excess{word}"] = exactly(row["excess"], unit)
            out |= {f"{who}_{f}_fall{word}": exactly(row[f"{f}_fall"], unit) for f in FALLS}
            out |= {f"{who}_{f}_M{word}": exactly(row[f"{f}_M"], unit) for f in FALLS}
            out |= {
                f"{who}_loss_{w}{word}": exactly(
                    1.0 - row[f"alignment_{w}"], "share of the worst possible"
                )
                for w in ("A", "M")
            }
    for who in ("shallow", "deep"):
        for belief in BELIEFS:
            populations = (
                tables[f"populations-{who}"]
                .filter(pl.col("belief") == belief)
                .with_columns(EXCESS.alias("excess"), *(_fall(f).alias(f"{f}_fall") for f in FALLS))
            )
            word = "" if belief == "true" else f"_believing_{belief}"
            out[f"{who}_populations_excess{word}"] = mean_over_seeds(
                seed_values(populations, "excess"), unit
            )
            out |= {
                f"{who}_populations_{f}_fall{word}": mean_over_seeds(
                    seed_values(populations, f"{f}_fall"), unit
                )
                for f in FALLS
            }
    return out | _of_phases(_phases(tables))


def _of_phases(table: pl.DataFrame) -> dict[str, Measurement]:
    far = pl.col("cap") >= pl.col("gestation") + FAR
    own = table.filter(pl.col("seed").is_null())
    evolved = table.filter(pl.col("seed").is_not_null())
    sides = [
        seed_values(
            evolved.filter(side).group_by("seed", maintain_order=True).agg(pl.col("kept").mean()),
            "kept",
        )
        for side in (far, ~far)
    ]
    unit = "of the best in M"
    return {
        "far_best_kept_least": exactly(float(own.filter(far)["kept"].min()), unit),  # type: ignore[arg-type]
        "near_best_kept_most": exactly(float(own.filter(~far)["kept"].max()), unit),  # type: ignore[arg-type]
        "far_populations_kept": mean_over_seeds(sides[0], unit),
        "near_populations_kept": mean_over_seeds(sides[1], unit),
        "gained_by_seeing_far": mean_over_seeds(sides[0] - sides[1], unit),
    }


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Capability and alignment in both worlds, and the phase diagram."""
    return {"falls": _falls(tables), "phases": _phase_diagram(_phases(tables), experiment)}


def _falls(tables: Tables) -> Any:
    names = {
        "shallow": "savanna, shallow planners",
        "deep": "savanna, deep planners",
        **{name: name for name in OTHERS},
    }
    long = tables["best"].unpivot(
        [f"{f}_{w}" for f in FALLS for w in ("A", "M")],
        index=["who", "belief"],
        variable_name="what",
    )
    long = long.with_columns(
        pl.col("what").str.split("_").list.get(0).alias("measure"),
        pl.col("what").str.split("_").list.get(1).alias("world"),
        pl.col("who").replace_strict(names),
    )
    colour = alt.Color(
        "measure:N", title=None, scale=alt.Scale(domain=list(FALLS), range=["#0072B2", "#D55E00"])
    )
    x = alt.X("world:N", title=None, axis=alt.Axis(labelAngle=0, grid=False))
    chart = (
        alt.Chart(long)
        .mark_line(point=alt.OverlayMarkDef(size=50), strokeWidth=2)
        .encode(
            x,
            alt.Y(
                "value:Q",
                title="share of the span",
                scale=alt.Scale(domain=[min(0.0, float(long["value"].min())), 1]),  # type: ignore[arg-type]
            ),
            colour,
        )
    )
    faceted = chart.properties(width=105, height=100).facet(
        row=alt.Row(
            "who:N",
            title=None,
            sort=list(names.values()),
            header=alt.Header(labelAngle=0, labelAlign="left"),
        ),
        column=alt.Column("belief:N", title="belief", sort=list(BELIEFS)),
    )
    return themed(
        faceted,
        "From A to M: what they want, and what was wanted of them",
        ["the best ancestral genome; 0 the worst policy of that world, 1 the best"],
    )


def _phase_diagram(table: pl.DataFrame, experiment: Experiment) -> Any:
    far = alt.datum.cap == alt.datum.gestation + FAR
    own = table.filter(pl.col("seed").is_null()).with_columns(
        (pl.col("alignment_fall") - pl.col("capability_fall")).alias("excess")
    )
    evolved = (
        table.filter(pl.col("seed").is_not_null())
        .group_by("gestation", "cap", maintain_order=True)
        .agg(pl.col("kept").mean())
    )
    panels: list[Any] = []
    for frame, column, title, domain in (
        (own, "kept", "kept by the best ancestral genome", [0, 1]),
        (evolved, "kept", "kept by evolved populations", [0, 1]),
        (own, "excess", "alignment falls more than capability by", [-0.2, 0.8]),
    ):
        base = alt.Chart(frame).encode(
            alt.X("cap:O", title="longest horizon (steps)", axis=alt.Axis(labelAngle=0)),
            alt.Y("gestation:O", title="gestation (ages)" if not panels else None),
        )
        colour = alt.Color(
            f"{column}:Q", scale=alt.Scale(scheme="cividis", domain=domain, clamp=True), legend=None
        )
        light = domain[0] + 0.55 * (domain[1] - domain[0])
        text = alt.condition(f"datum.{column} > {light}", alt.value("black"), alt.value("white"))
        cells = base.mark_rect(stroke="white").encode(colour)
        frame_ = base.transform_filter(far).mark_rect(fill=None, stroke="#D55E00", strokeWidth=2.5)
        numbers = base.mark_text(fontSize=11).encode(
            alt.Text(f"{column}:Q", format=".2f"), color=text
        )
        panels.append(
            (cells + frame_ + numbers).properties(
                width=250,
                height=150,
                title=alt.TitleParams(title, fontSize=12, fontWeight="normal"),
            )
        )
    notes = [
        (
            "share of the best modern genome's fitness, right after the swap; planning costs"
            f" {experiment.genome['planning_cost']:g} a step. Framed: horizon = gestation + {FAR},"
            " where mating and young come into one view"
        ),
        f"populations: {experiment.replicates} seeds each",
    ]
    return themed(
        alt.hconcat(*panels, spacing=24), "Planning depth against the delay of consequences", notes
    )


CLAIM = Claim(parts, measure, figures)
