"""Claim 3: masturbation is an inner failure.

Populations waste more by self-stimulation in A than the best ancestral genome does. The waste falls
with search.

The waste after much search is compared over three mutation rates and extrapolated to zero mutation,
where mutation load vanishes. For each longest horizon the table also has the waste of the best
genome. If it is positive, representation causes it, not search. The causal number, fitness gained
without that desire, stands next to the ledger's entry.

Founders of the experiment are indifferent to it. The waste must therefore arise by mutation before
selection can remove it. Other populations start with all its alleles, as a search without knowledge
would. They are analysed earlier, because selection removes the desire within some tens of
generations.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.claims.claim import Charts, Claim, Part, Tables
from evosim.claims.experiments import ancestral_only, three_sizes, with_settings
from evosim.claims.measurements import Measurement, exactly, mean_over_seeds
from evosim.claims.populations import (
    SELF_STIMULATION,
    best_genome_account,
    population_accounts,
    population_seconds,
)
from evosim.claims.seed_statistics import intercepts, search_doublings, seed_values, slopes
from evosim.config.schema import Experiment
from evosim.figures.theme import HEIGHT, LOCUS_COLOURS, WIDTH, themed

RANDOM = "genome.weights.solo.initial=[]"  # all alleles are equally common among founders
EARLIER = 20
FEATURE, WASTE = "solo", f"waste:{SELF_STIMULATION}"
SCALES = {"half": 0.5, "double": 2.0}  # of every mutation rate, in addition to 1
CAPS = range(1, 9)
COSTS = {"default": None, "free": 0.0}  # of a step of planning
SMALL = 1e-9  # offspring; below it an entry is rounding


def parts(experiment: Experiment) -> list[Part]:
    """A part for each population size and mutation rate, and the best genomes."""
    marks = three_sizes(experiment.swap)
    sizes = three_sizes(experiment.optimizer["population"])
    out = [
        Part(
            f"cell-{n}",
            population_accounts,
            (ancestral_only(experiment, n), marks, FEATURE),
            cost=population_seconds(experiment, n),
        )
        for n in sizes
    ]
    out += [
        Part(
            f"random-{n}",
            population_accounts,
            (
                ancestral_only(experiment, n, RANDOM),
                tuple(max(m // EARLIER, 2) for m in marks),
                FEATURE,
            ),
            cost=2.0 * population_seconds(experiment, n),
        )
        for n in sizes
    ]
    for name, scale in SCALES.items():
        slower = ancestral_only(
            experiment,
            sizes[-1],
            f"genome.mutation_scale={scale * experiment.genome['mutation_scale']}",
        )
        out.append(
            Part(
                f"mutation-{name}",
                population_accounts,
                (slower, marks[-1:], FEATURE),
                cost=population_seconds(experiment, sizes[-1]),
            )
        )
    for name, cost in COSTS.items():
        planning_cost = experiment.genome["planning_cost"] if cost is None else cost
        out.append(
            Part(f"caps-{name}", best_by_cap, (with_settings(experiment), planning_cost), cost=10.0)
        )
    return out


def best_by_cap(experiment: Experiment, planning_cost: float) -> pl.DataFrame:
    """The account of the best ancestral genome, for each longest horizon on the grid."""
    rows = []
    for cap in CAPS:
        capped = with_settings(
            experiment,
            f"genome.planning_cost={planning_cost}",
            f"genome.horizon.alleles={list(range(1, cap + 1))}",
        )
        row = best_genome_account(capped, FEATURE)
        wastes = row[WASTE] > SMALL
        rows.append(
            {
                "planning_cost": planning_cost,
                "cap": cap,
                **row,
                "verdict": "representation" if wastes else "search",
            }
        )
    return pl.DataFrame(rows)


def _cells(tables: Tables, founders: str = "cell") -> pl.DataFrame:
    return pl.concat(
        [table for name, table in tables.items() if name.startswith(f"{founders}-")]
    ).sort("population", "generations", "seed")


def _rates(tables: Tables, experiment: Experiment) -> pl.DataFrame:
    """The largest populations after most search, at each mutation rate.

    `rate` is a thousand times the rate per locus and gamete.
    """
    rate = 1000.0 * experiment.genome["mutation_scale"] * experiment.genome["horizon"]["mutation"]
    cells = _cells(tables)
    last = cells.filter(
        (pl.col("population") == cells["population"].max())
        & (pl.col("generations") == cells["generations"].max())
    )
    parts = [last.with_columns(pl.lit(rate).alias("rate"))]
    return pl.concat(
        [
            *parts,
            *(
                tables[f"mutation-{name}"].with_columns(pl.lit(rate * scale).alias("rate"))
                for name, scale in SCALES.items()
            ),
        ]
    )


def own_entry(tables: Tables, experiment: Experiment) -> float:
    """Waste of the best ancestral genome of the experiment by self-stimulation."""
    cap = max(experiment.genome["horizon"]["alleles"])
    return float(tables["caps-default"].filter(pl.col("cap") == cap)[WASTE][0])


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """The predicted quantities, in thousandths of an expected offspring, minus those of R3."""
    cells, rates = _cells(tables), _rates(tables, experiment)
    own = own_entry(tables, experiment)
    excess = (pl.col(WASTE) - own) * 1000.0
    sizes, marks = sorted(cells["population"].unique()), sorted(cells["generations"].unique())

    def at(size: int, mark: int) -> pl.DataFrame:
        here = cells.filter((pl.col("population") == size) & (pl.col("generations") == mark))
        return here.with_columns(excess.alias("excess"), (pl.col("gain") * 1000.0).alias("causal"))

    least, most = at(sizes[0], marks[0]), at(sizes[-1], marks[-1])
    early, random = at(sizes[-1], marks[0]), _cells(tables, "random")
    thousandth = "offspring / 1000"
    caps = pl.concat([tables[f"caps-{name}"] for name in COSTS])
    free = tables["caps-free"]
    generations, population = (
        pl.col(name).cast(pl.Float64).log(2.0) for name in ("generations", "population")
    )
    return {
        "excess_after_least_search": mean_over_seeds(seed_values(least, "excess"), thousandth),
        "excess_after_most_search": mean_over_seeds(seed_values(most, "excess"), thousandth),
        "fall": mean_over_seeds(
            seed_values(least, "excess") - seed_values(most, "excess"), thousandth
        ),
        "trend": mean_over_seeds(
            slopes(cells, search_doublings(), excess), f"{thousandth} per doubling of search"
        ),
        "trend_from_random_founders": mean_over_seeds(
            slopes(random, search_doublings(), excess), f"{thousandth} per doubling of search"
        ),
        "trend_with_generations": mean_over_seeds(
            slopes(cells.filter(pl.col("population") == sizes[-1]), generations, excess),
            f"{thousandth} per doubling",
        ),
        "trend_with_population": mean_over_seeds(
            slopes(cells.filter(pl.col("generations") == marks[-1]), population, excess),
            f"{thousandth} per doubling",
        ),
        "rise_with_mutation": mean_over_seeds(
            slopes(rates, pl.col("rate"), excess), f"{thousandth} per .001 of mutation"
        ),
        "floor_without_mutation": mean_over_seeds(
            intercepts(rates, pl.col("rate"), excess), thousandth
        ),
        "causal_early": mean_over_seeds(seed_values(early, "causal"), thousandth),
        "entry_early": mean_over_seeds(seed_values(early, "excess"), thousandth),
        "entry_minus_causal_early": mean_over_seeds(
            seed_values(early, "excess") - seed_values(early, "causal"), thousandth
        ),
        "best_entry": exactly(
            1000.0 * float(tables["caps-default"][WASTE].max()),  # type: ignore[arg-type]
            f"{thousandth}, most over caps",
        ),
        "best_entry_if_planning_is_free": exactly(
            1000.0 * float(free[WASTE].max()),  # type: ignore[arg-type]
            f"{thousandth}, most over caps",
        ),
        "caps_where_representation_wastes": exactly(
            float((caps["verdict"] == "representation").sum()), f"of {caps.height}"
        ),
    }


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Waste by generation, population size and kind of founders.

    The last panel shows it by mutation rate, after most search.
    """
    excess = ((pl.col(WASTE) - own_entry(tables, experiment)) * 1000.0).alias("excess")
    who = pl.col("population").cast(pl.String).alias("who")
    late, early = (
        _means_with_bands(_cells(tables, founders).with_columns(excess, who), "generations")
        for founders in ("cell", "random")
    )
    rates = _means_with_bands(_rates(tables, experiment).with_columns(excess, who), "rate")
    sizes = sorted(late["who"].unique(), key=int)
    colour = alt.Color(
        "who:N",
        title="population",
        sort=sizes,
        scale=alt.Scale(domain=sizes, range=LOCUS_COLOURS[1:4]),
    )
    panels = [
        _panel(
            alt.Chart(early),
            _generations(early),
            "self-stimulation's entry in A (offspring / 1000)",
            colour,
            "founders have all its alleles",
        ),
        _panel(alt.Chart(late), _generations(late), None, colour, "founders are indifferent"),
        _panel(alt.Chart(rates), _rate(rates), None, colour, "... at the end, by mutation"),
    ]
    notes = [
        f"entry beyond that of the best genome; {experiment.replicates} seeds a point. Bars hold"
        " the middle 95% of them; every panel has its own scale"
    ]
    return {
        "waste": themed(
            alt.hconcat(*panels, spacing=24), "Waste by self-stimulation in A, by search", notes
        )
    }


def _generations(frame: pl.DataFrame) -> Any:
    marks = sorted(frame["generations"].unique())
    return alt.X(
        "generations:Q",
        title="generations in A",
        scale=alt.Scale(type="log", base=2),
        axis=alt.Axis(grid=False, values=marks),
    )


def _rate(frame: pl.DataFrame) -> Any:
    most = float(frame["rate"].max())  # type: ignore[arg-type]
    return alt.X(
        "rate:Q",
        title="mutation (per 1000 gametes and locus)",
        scale=alt.Scale(domain=[0, 1.1 * most]),
        axis=alt.Axis(grid=False, tickCount=5),
    )


def _means_with_bands(frame: pl.DataFrame, x: str) -> pl.DataFrame:
    e = pl.col("excess")
    return (
        frame.group_by("who", x)
        .agg(
            e.mean().alias("mean"), e.quantile(0.025).alias("low"), e.quantile(0.975).alias("high")
        )
        .sort("who", x)
    )


def _panel(base: Any, x: Any, title: str | None, colour: Any, over: str) -> Any:
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.5).encode(
        x, alt.Y("low:Q"), alt.Y2("high:Q"), color=colour
    )
    lines = base.mark_line(point=alt.OverlayMarkDef(size=45)).encode(
        x, alt.Y("mean:Q", title=title), color=colour
    )
    return (bars + lines).properties(
        width=WIDTH - 80,
        height=HEIGHT,
        title=alt.TitleParams(over, fontSize=12, fontWeight="normal"),
    )


CLAIM = Claim(parts, measure, figures)
