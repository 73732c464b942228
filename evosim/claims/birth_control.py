"""Claim 2: birth control is an outer failure.

The best ancestral genome loses as much in the modern world as populations do. More search does not
lower the loss. The amount of search is population times ancestral generations.

Two more modern worlds show the cause: one lacks contraception, the other differs by contraception
alone. Reflexes show that the loss needs no objective. In the savanna, reflexes lose nothing to
contraception. In `host`, a parasite on island and mainland, the test covers all losses to the
shift.
"""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import polars as pl

from evosim.analysis.behaviour import SHIFT_KINDS
from evosim.claims.claim import Charts, Claim, Part, Tables
from evosim.claims.experiments import ancestral_only, packaged, three_sizes, with_settings
from evosim.claims.measurements import (
    Measurement,
    best_found,
    mean_over_seeds,
    of_sample,
    ratio_over_seeds,
)
from evosim.claims.populations import best_genome_account, population_accounts, population_seconds
from evosim.claims.seed_statistics import search_doublings, seed_values, slopes
from evosim.config.schema import Experiment
from evosim.figures.theme import HEIGHT, LOCUS_COLOURS, WIDTH, themed

MODERN_WORLDS = {
    "as it is": (),
    "without contraception": ("world.modern.contraception=false",),
    "contraception alone": ("world.modern={contraception=true}",),
}
SHIFTED = pl.sum_horizontal([f"M:{kind}" for kind in SHIFT_KINDS])
REMOVED = "without contraception"
NOVEL = "M:novel"
RESTARTS = 8  # of the search for the best reflexes; the grid has 41 million classes


def parts(experiment: Experiment) -> list[Part]:
    """A part for each population size, the modern worlds, reflexes and the parasite."""
    marks = three_sizes(experiment.swap)
    sizes = three_sizes(experiment.optimizer["population"])
    out = [
        Part(
            f"cell-{n}",
            population_accounts,
            (ancestral_only(experiment, n), marks),
            cost=population_seconds(experiment, n),
        )
        for n in sizes
    ]
    out.append(
        Part(
            "removed",
            population_accounts,
            (ancestral_only(experiment, sizes[1], *MODERN_WORLDS[REMOVED]), marks[1:]),
            cost=10.0,
        )
    )
    out.append(Part("grid", grid, (experiment,), cost=2.0))
    out.append(
        Part("reflexes", population_accounts, (reflexes(experiment), (marks[-1],)), cost=10.0)
    )
    out.append(Part("best-reflex", best_reflex, (reflexes(experiment),), cost=10.0))
    out += [
        Part(
            f"host-{n}",
            population_accounts,
            (ancestral_only(host(experiment), n), marks),
            cost=population_seconds(experiment, n),
        )
        for n in (sizes[-1] // 8, sizes[-1] // 4, sizes[-1] // 2)
    ]
    out.append(Part("best-host", best_alone, (host(experiment),), cost=5.0))
    return out


def grid(experiment: Experiment) -> pl.DataFrame:
    """Rungs R2 and R3, and the account of R3, in each modern world."""
    return pl.DataFrame(
        [
            {"world": name} | best_genome_account(with_settings(experiment, *settings))
            for name, settings in MODERN_WORLDS.items()
        ]
    )


def reflexes(experiment: Experiment) -> Experiment:
    """The same change of world for reflexes."""
    n = three_sizes(experiment.optimizer["population"])[1]
    return ancestral_only(_as_long("reflexes", experiment), n)


def host(experiment: Experiment) -> Experiment:
    """Reflexes of a parasite, with as many generations and the same seeds."""
    return _as_long("host", experiment)


def _as_long(name: str, experiment: Experiment) -> Experiment:
    same = (
        f"replicates={experiment.replicates}",
        f"seed={experiment.seed}",
        f"phases.0.generations={experiment.swap}",
    )
    return with_settings(packaged(name), *same)


def best_reflex(experiment: Experiment) -> pl.DataFrame:
    """The account of the best reflexes that a search found."""
    return best_alone(with_settings(experiment, f"analysis.restarts={RESTARTS}"))


def best_alone(experiment: Experiment) -> pl.DataFrame:
    """Rungs R2 and R3, and the account of R3."""
    return pl.DataFrame([best_genome_account(experiment)])


def _cells(tables: Tables, of: str = "cell") -> pl.DataFrame:
    return pl.concat([table for name, table in tables.items() if name.startswith(f"{of}-")]).sort(
        "population", "generations", "seed"
    )


def _most_searched(cells: pl.DataFrame) -> pl.DataFrame:
    return cells.filter(
        (pl.col("population") == cells["population"].max())
        & (pl.col("generations") == cells["generations"].max())
    )


def _row(table: pl.DataFrame, world: str) -> Mapping[str, float]:
    return table.filter(pl.col("world") == world).row(0, named=True)


def measure(tables: Tables, experiment: Experiment) -> dict[str, Measurement]:
    """The predicted quantities. Losses of populations are shares of the loss of R3."""
    cells = _cells(tables)
    here, removed = _row(tables["grid"], "as it is"), _row(tables["grid"], REMOVED)
    alone = _row(tables["grid"], "contraception alone")
    own, shift = here[NOVEL], here["best_M"] - here["fitness_M"]
    share, most = pl.col(NOVEL) / own, _most_searched(cells)
    parasite = tables["best-host"].with_columns(SHIFTED.alias("shifted")).row(0, named=True)
    parasites = _cells(tables, "host").with_columns(
        (SHIFTED / parasite["shifted"]).alias("shifted")
    )
    middle = three_sizes(experiment.optimizer["population"])[1]
    with_it = cells.filter(
        (pl.col("population") == middle) & (pl.col("generations") == cells["generations"].max())
    )
    without = tables["removed"].filter(pl.col("generations") == cells["generations"].max())
    lost, left = (
        here["best_M"] - seed_values(with_it, "fitness_M"),
        removed["best_M"] - seed_values(without, "fitness_M"),
    )
    reflex = tables["best-reflex"].row(0, named=True)

    def exactly(value: float, unit: str) -> Measurement:
        return best_found(value, unit, enumerated=bool(tables["grid"]["enumerated"].all()))

    return {
        "best_novel": exactly(own, "expected offspring"),
        "novel_trend": mean_over_seeds(
            slopes(cells, search_doublings(), share), "of R3's entry, per doubling of search"
        ),
        "distance_trend": mean_over_seeds(
            slopes(cells, search_doublings(), (share - 1.0).abs()),
            "of R3's entry, per doubling of search",
        ),
        "novel_after_most_search": mean_over_seeds(
            seed_values(most.with_columns(share.alias("share")), "share"), "of R3's entry"
        ),
        "shift_step": exactly(shift, "expected offspring"),
        "shift_left_without_contraception": exactly(
            (removed["best_M"] - removed["fitness_M"]) / shift, "of the shift step"
        ),
        "kept_with_contraception_alone": exactly(alone["fitness_M"] / alone["best_M"], "R3 / R2"),
        "loss_left_without_contraception": ratio_over_seeds(left, lost, "of what populations lose"),
        "novel_without_contraception": of_sample(
            float(tables["removed"][NOVEL].to_numpy().max()), "expected offspring"
        ),
        "reflex_novel": of_sample(
            float(tables["reflexes"][NOVEL].to_numpy().max()), "expected offspring"
        ),
        "reflex_kept": best_found(
            reflex["fitness_M"] / reflex["best_M"], "R3 / R2", enumerated=reflex["enumerated"]
        ),
        "host_best_shift": best_found(
            parasite["shifted"], "expected infections", enumerated=parasite["enumerated"]
        ),
        "host_kept": best_found(
            parasite["fitness_M"] / parasite["best_M"], "R3 / R2", enumerated=parasite["enumerated"]
        ),
        "host_shift_trend": mean_over_seeds(
            slopes(parasites, search_doublings(), pl.col("shifted")),
            "of R3's entries, per doubling of search",
        ),
        "host_shift_after_most_search": mean_over_seeds(
            seed_values(_most_searched(parasites), "shifted"), "of R3's entries"
        ),
        "reflex_populations_kept": mean_over_seeds(
            seed_values(tables["reflexes"], "fitness_M") / reflex["best_M"], "of R2, best found"
        ),
    }


def figures(tables: Tables, experiment: Experiment) -> Charts:
    """Novel losses of populations by amount of search, compared with those of R3."""
    own = _row(tables["grid"], "as it is")[NOVEL]
    cells = _cells(tables).with_columns(
        (pl.col("population") * pl.col("generations")).alias("search"),
        pl.col("population").cast(pl.String).alias("size"),
    )
    sizes = [str(n) for n in sorted(cells["population"].unique())]
    seen = (
        cells.group_by("size", "search")
        .agg(
            pl.col(NOVEL).mean().alias("mean"),
            pl.col(NOVEL).quantile(0.025).alias("low"),
            pl.col(NOVEL).quantile(0.975).alias("high"),
        )
        .sort("size", "search")
    )
    x = alt.X(
        "search:Q",
        title="population times generations in A",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(grid=False, format="~s", tickCount=5),
    )
    y = alt.Y(
        "mean:Q",
        title="regret in M by novel acts (offspring)",
        scale=alt.Scale(domain=[0, 1.1 * max(own, float(seen["high"].max()))]),  # type: ignore[arg-type]
    )
    colour = alt.Color(
        "size:N",
        title="population",
        sort=sizes,
        scale=alt.Scale(domain=sizes, range=LOCUS_COLOURS[1:4]),
    )
    base = alt.Chart(seen)
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.5).encode(
        x, alt.Y("low:Q"), alt.Y2("high:Q"), colour
    )
    lines = base.mark_line(point=alt.OverlayMarkDef(size=45)).encode(x, y, colour)
    rule = alt.Chart(pl.DataFrame({"y": [own], "text": ["the best ancestral genome"]})).encode(
        alt.Y("y:Q")
    )
    best_line = rule.mark_rule(strokeDash=[6, 3], color="#000000")
    text = rule.mark_text(align="left", dx=4, dy=-8, x=0, fontSize=11).encode(alt.Text("text:N"))
    chart = (best_line + bars + lines + text).properties(width=WIDTH + 120, height=HEIGHT)
    notes = [
        f"{experiment.replicates} seeds a point; bars hold the middle 95% of them; novel: by acts"
        " that A did not have"
    ]
    return {"novel": themed(chart, "Loss by novel acts in M, by search in A", notes)}


CLAIM = Claim(parts, measure, figures)
