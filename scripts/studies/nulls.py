"""Three nulls of the default experiment: drawn savannas, new acts and shifts.

The experiment is `three-losses`. Each draw is one run of a sweep with a seed of its own and a
control with fair meiosis. Shift is computed from the enumerated grid, over genomes that breed true.
Waste and hack are measured in the population at the switch; the modern phase has one generation.

* `savannas`: all numbers of the savanna are drawn within 30% of the default, independently.
* `acts`: the pleasure, the hassle and the failure rate of the new act are drawn.
* `shifts`: one to six parameters of the modern world change; every second draw has contraception.
* `twins`: the same shifts, each with and without contraception. Shift is computed, and the best
  ancestral genome is compared with its own ancestral plan. There are no populations.
* `default`: the default itself, with further seeds.
* `felt`: new acts that are felt through all features. No parameter of the world does this, so
  these are no runs: shift alone is computed.

The sweeps are stored in `results/sweeps/`. After an interruption, run the same command again.

Run: python scripts/studies/nulls.py
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import tomli_w

from evosim.analysis.intervals import share
from evosim.analysis.ladder import near_best
from evosim.claims import mesa_optimization
from evosim.claims.experiments import build_packaged, packaged, with_settings
from evosim.claims.measurements import CONFIDENCE, Measurement, mean_over_seeds, share_of_seeds
from evosim.claims.study import RESULTS, Study
from evosim.config.resolve import Problem, build, resolve
from evosim.errors import Interrupted, UserError
from evosim.figures.theme import ANCESTRAL, MODERN, themed
from evosim.fitness.landscape import Landscape
from evosim.runs.source_hash import sources_digest
from evosim.runtime.atomic_files import write_atomically
from evosim.runtime.interrupts import StopRequests
from evosim.sweeps.chunk_files import parquet_bytes
from evosim.sweeps.design import base_tree
from evosim.sweeps.execute import RunOptions, begin, resume
from evosim.sweeps.plan import digest_of
from evosim.sweeps.schema import TomlTable, written
from evosim.sweeps.store import Store
from evosim.worlds.savanna import Savanna

EXPERIMENT = "three-losses"
SETTINGS: TomlTable = {"phases.1.generations": 1, "search_ledger": False}
DRAWS = {"default": 40, "savannas": 200, "acts": 200, "shifts": 200}
FELT_ACTS = 200
SEEDS = {"savannas": 1801, "acts": 1802, "shifts": 1803, "felt": 1804}  # of the drawn parameters
TITLES = {
    "savannas": "Savannas: all numbers within 30%",
    "acts": "New acts: pleasure, hassle and failure of contraception",
    "shifts": "Shifts: one to six changes; half of the draws have contraception",
    "default": "The default, with further seeds",
}
WITHIN = 0.3
ACTS = {
    "contraceptive_pleasure": (0.0, 2.0),
    "contraceptive_hassle": (0.0, 1.0),
    "contraceptive_failure": (0.0, 1.0),
}
FELT = ("satiety", "ease", "company", "pleasure", "solo", "young")  # all but the payoff itself
STRONGEST = 1.0  # of a feature of a new act: as strong as the pleasure of mating
MOST_CHANGES, LARGEST_FACTOR = 6, 2.0
PLEASANT = 1.0  # at least as pleasant as mating
HALF_AS_PLEASANT, STERILE = 0.5, 0.25  # half the pleasure; at most a quarter of the conceptions
CHUNK = 5
KEEP = ["ties"]
NEAR = (0.01, 0.05)
NONE = 1e-9  # fitness and differences of fitness up to this are none
PILL = "world.modern.contraception"
HEADLINES = {
    "shift": "shift, share of the best modern genome (worst of the best ancestral genomes)",
    "shift_least": "shift of the luckiest of the best ancestral genomes",
    "shift_near_1": "shift of the luckiest genome within 1% of the best",
    "shift_near_5": "shift of the luckiest genome within 5% of the best",
    "waste_ancestral": "waste in the ancestral world, share of its best genome",
    "waste_modern": "waste in the modern world, share of its best genome",
    "hack_ancestral": "hack in the ancestral world, share of its best genome",
    "hack_modern": "hack in the modern world, share of its best genome",
}

# Draws


def savanna_ranges() -> dict[str, TomlTable]:
    """Ranges of all numbers of both savannas: 30% around the default, inside what is allowed.

    Whole numbers are drawn from the whole numbers in the range. A number whose range holds one
    value only is absent.
    """
    world = packaged(EXPERIMENT).world
    highest = {item.name: item.metadata["high"] for item in dataclasses.fields(Savanna)}
    out: dict[str, TomlTable] = {}
    for where, values in (("ancestral", world.ancestral), ("modern", world.modern)):
        for name, value in values.items():
            if isinstance(value, bool):
                continue
            low, high = (1.0 - WITHIN) * value, (1.0 + WITHIN) * value
            if highest[name] is not None:
                high = min(high, float(highest[name]))
            if isinstance(value, int):
                low, high = math.ceil(low - NONE), math.floor(high + NONE)
            if low < high:
                out[f"world.{where}.{name}"] = {"low": low, "high": high}
                if isinstance(value, int):
                    out[f"world.{where}.{name}"]["integer"] = True
    return out


def changeable() -> dict[str, float]:
    """Ancestral values of the parameters that a drawn shift may change.

    These are all numbers that may differ between the worlds, except those of contraception.
    """
    values = packaged(EXPERIMENT).world.ancestral
    return {
        item.name: values[item.name]
        for item in dataclasses.fields(Savanna)
        if not item.metadata["structural"] and not item.name.startswith("contracept")
    }


def shifts(draws: int) -> list[dict[str, float]]:
    """Changed parameters of the modern world, one dictionary a draw.

    The number of changes is uniform from 1 to 6. A number is multiplied by a factor between 1/2 and
    2, uniform in its logarithm. Probabilities are cut at 1. A whole number changes by 1.
    """
    rng = np.random.default_rng(SEEDS["shifts"])
    values = changeable()
    known = {item.name: item.metadata for item in dataclasses.fields(Savanna)}
    out = []
    for _ in range(draws):
        count = int(rng.integers(1, MOST_CHANGES + 1))
        drawn: dict[str, float] = {}
        for name in rng.choice(sorted(values), count, replace=False).tolist():
            exponent = rng.uniform(-1.0, 1.0)
            if isinstance(values[name], int):
                drawn[name] = max(values[name] + (1 if exponent > 0.0 else -1), 0)
            else:
                new = float(f"{values[name] * LARGEST_FACTOR**exponent:.4g}")
                drawn[name] = new if known[name]["high"] is None else min(new, known[name]["high"])
        out.append(drawn)
    return out


def sweep_file(null: str, draws: int, settings: Mapping[str, Any]) -> bytes:
    """The sweep file of a null."""
    tree: TomlTable = {
        "name": f"nulls-{null}",
        "title": TITLES[null],
        "experiment": EXPERIMENT,
        "replicates": draws if null == "default" else 1,
        "seeds": "own",
        "keep": KEEP,
        "chunk": CHUNK,
        "set": dict(settings),
    }
    if null == "savannas":
        ranges = savanna_ranges()
    elif null == "acts":
        ranges = {f"world.modern.{name}": {"low": a, "high": b} for name, (a, b) in ACTS.items()}
    if null in ("savannas", "acts"):
        tree["design"] = {"kind": "random", "size": draws, "seed": SEEDS[null], "ranges": ranges}
    if null == "shifts":
        # the modern world starts from the ancestral one: the default's own changes are left out
        values, drawn = changeable(), shifts(draws)
        lists: dict[str, list[Any]] = {
            f"world.modern.{name}": [changes.get(name, value) for changes in drawn]
            for name, value in values.items()
        }
        tree["zip"] = [{PILL: [i % 2 == 0 for i in range(draws)]} | lists]
    return tomli_w.dumps(tree).encode()


def computed(
    null: str, draws: int, settings: Mapping[str, Any], *, workers: int | None, folder: Path
) -> Store:
    """The finished sweep of a null. Raises `Interrupted` if a stop is requested."""
    plan = written(sweep_file(null, draws, settings), Path("nulls.toml"))
    digest = digest_of(plan.sweep, base_tree(plan))
    store = begin(plan, folder / f"nulls-{null}-{digest[:8]}")
    with StopRequests(None, forced=False) as stop_requested:
        resume(store, RunOptions(workers=workers, threads=1), stop_requested=stop_requested)
    return store


# Measurements


def draws_of(store: Store) -> pl.DataFrame:
    """One row a run: drawn parameters, fitness of the rungs, losses as shares of the best genome.

    A loss is null if the best genome of its world has no offspring, or if its population died out.
    """
    runs = store.collected("runs").collect()
    for world, names in (
        ("ancestral", ("best_ancestral", "control", "population")),
        ("modern", ("best_for_payoff", "best_ancestral", "control", "population")),
    ):
        for name in names:
            column = f"ladder.{world}.rungs.{name}"
            if column not in runs.columns:
                runs = runs.with_columns(pl.lit(None, pl.Float64).alias(column))
    near = store.collected("ties").collect()
    for tolerance in (0.0, *NEAR):
        rows = near.filter((pl.col("tolerance") - tolerance).abs() < NONE)
        name = f"near_{round(100 * tolerance)}"
        runs = runs.join(
            rows.select(
                "run",
                pl.col("modern_min").alias(f"{name}_least"),
                pl.col("modern_max").alias(f"{name}_most"),
                pl.col("classes").alias(f"{name}_genomes"),
            ),
            on="run",
            how="left",
            maintain_order="left",
        )
    a, m = (f"ladder.{world}.rungs." for world in ("ancestral", "modern"))

    def of_best(loss: pl.Expr, best: str) -> pl.Expr:
        return pl.when(pl.col(best) > NONE).then(loss / pl.col(best))

    def no_rounding(loss: pl.Expr) -> pl.Expr:
        return pl.when(loss.abs() > NONE).then(loss).otherwise(loss * 0.0)

    best_a, best_m = f"{a}best_ancestral", f"{m}best_for_payoff"
    reproduces = pl.col(best_a) > NONE
    lost = {
        "shift": pl.col(best_m) - pl.col("near_0_least"),
        "shift_least": pl.col(best_m) - pl.col("near_0_most"),
        "shift_near_1": pl.col(best_m) - pl.col("near_1_most"),
        "shift_near_5": pl.col(best_m) - pl.col("near_5_most"),
    }
    return runs.select(
        "run",
        *store.kinds,
        "seed",
        "status",
        pl.col(best_a).alias("best_ancestral"),
        pl.col(best_m).alias("best_modern"),
        pl.col("near_0_least").alias("ancestral_optimum_modern_least"),
        pl.col("near_0_most").alias("ancestral_optimum_modern_most"),
        *(f"near_{round(100 * x)}_{end}" for x in NEAR for end in ("least", "most", "genomes")),
        pl.col(f"{a}control").alias("fair_ancestral"),
        pl.col(f"{a}population").alias("population_ancestral"),
        pl.col(f"{m}control").alias("fair_modern"),
        pl.col(f"{m}population").alias("population_modern"),
        *(
            pl.when(reproduces).then(of_best(no_rounding(loss), best_m)).alias(name)
            for name, loss in lost.items()
        ),
        of_best(pl.col(best_a) - pl.col(f"{a}control"), best_a).alias("waste_ancestral"),
        of_best(pl.col(f"{m}best_ancestral") - pl.col(f"{m}control"), best_m).alias("waste_modern"),
        of_best(pl.col(f"{a}control") - pl.col(f"{a}population"), best_a).alias("hack_ancestral"),
        of_best(pl.col(f"{m}control") - pl.col(f"{m}population"), best_m).alias("hack_modern"),
    ).sort("run")


def felt_act(setting: Problem, felt: Mapping[str, float], failure: float) -> Problem:
    """The experiment with another new act.

    Parameters
    ----------
    setting : Problem
        The default experiment.
    felt : dict of float
        The amount that the act adds to each feature. Hunger and company are felt as in any act;
        `ease` is minus its effort.
    failure : float
        Share of conceptions left.
    """
    problem = build(
        with_settings(setting.experiment, f"world.modern.contraceptive_failure={failure!r}")
    )
    modern = problem.pair.modern
    act = modern.acts.index("mate_protected")
    features = modern.features_felt.copy()
    here = modern.available[:, act]
    for name, value in felt.items():
        feature = modern.features.index(name)
        of_state = features[here, modern.acts.index("rest"), feature]
        features[here, act, feature] = of_state + value
    pair = dataclasses.replace(
        problem.pair, modern=dataclasses.replace(modern, features_felt=features)
    )
    return dataclasses.replace(problem, pair=pair)


def computed_shift(setting: Problem) -> dict[str, float]:
    """Shift of one experiment from its enumerated grid, over genomes that breed true."""
    landscape = Landscape(setting)
    frame = landscape.frame().filter("breeds_true")
    best = float(frame["modern"].max())  # type: ignore[arg-type]
    row = {"best_ancestral": float(frame["ancestral"].max()), "best_modern": best}  # type: ignore[arg-type]
    for name, tolerance in (("shift_least", 0.0), ("shift_near_1", 0.01), ("shift_near_5", 0.05)):
        near = near_best(frame, tolerance, landscape.spans["ancestral"])["modern"].to_numpy()
        row[name] = _share(best - float(near.max()), best)
        if tolerance == 0.0:
            row["shift"] = _share(best - float(near.min()), best)
    return row


def _share(loss: float, best: float) -> float:
    return max(loss, 0.0) / best if best > NONE else math.nan


def felt_acts(draws: int) -> pl.DataFrame:
    """New acts that are felt through all features: what each adds is uniform from -1 to 1.

    The share of conceptions left is uniform from 0 to 1. Shifts are null if no genome reproduces.
    """
    rng = np.random.default_rng(SEEDS["felt"])
    default = build_packaged(EXPERIMENT)
    rows = []
    for run in range(draws):
        failure = float(f"{rng.uniform():.4g}")
        felt = {name: float(f"{rng.uniform(-STRONGEST, STRONGEST):.4g}") for name in FELT}
        shift = computed_shift(felt_act(default, felt, failure))
        rows.append({"run": run, "failure": failure, **felt} | shift)
    return pl.DataFrame(rows).with_columns(pl.col("^shift.*$").fill_nan(None))


def remembered(name: str, draws: int, make: Callable[[int], pl.DataFrame]) -> pl.DataFrame:
    """A table that needs no run, computed once by the same sources and kept with the sweeps."""
    key = f"{packaged(EXPERIMENT).setting_digest()[:8]}-{sources_digest()[:8]}-{draws}"
    path = RESULTS / "sweeps" / f"nulls-{name}-{key}.parquet"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, parquet_bytes(make(draws), {}))
    return pl.read_parquet(path)


def groups(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Draws by the name of their null; shifts with and without contraception, and all."""
    pill = pl.col(PILL)
    return {
        "savannas": tables["savannas"],
        "acts": tables["acts"],
        "felt": tables["felt"],
        "shifts": tables["shifts"],
        "shifts with contraception": tables["shifts"].filter(pill),
        "shifts without contraception": tables["shifts"].filter(~pill),
        "twins with contraception": tables["twins"].filter("contraception"),
        "twins without contraception": tables["twins"].filter(~pl.col("contraception")),
    }


def share_of_draws(condition: pl.Series) -> Measurement:
    """Share of draws with its 95% interval; not a number of no draws."""
    if condition.is_empty():
        return Measurement(math.nan)
    return share_of_seeds(int(condition.sum()), len(condition))


def percentile(values: Sequence[float], value: float) -> tuple[float, float, float]:
    """Share of the values below a value, with its 95% interval; equal values count by half."""
    x = np.asarray(values)
    equal = np.abs(x - value) <= NONE
    below = int((x < value)[~equal].sum()) + equal.sum() / 2.0
    ends = share(math.floor(below), len(x), CONFIDENCE), share(math.ceil(below), len(x), CONFIDENCE)
    return below / len(x), ends[0][0], ends[1][1]


def percentiles(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The default in each null, for each headline.

    Its mean over seeds has an interval. The share of draws below that mean has one as well, of the
    chance of draws.
    """
    rows: list[dict[str, object]] = []
    for null, draws in groups(tables).items():
        for quantity in (name for name in HEADLINES if name in draws.columns):
            default = mean_over_seeds(tables["default"][quantity].drop_nulls())
            values = draws[quantity].drop_nulls().to_numpy()
            below, low, high = percentile(values.tolist(), default.value)
            row: dict[str, object] = {"null": null, "quantity": quantity}
            rows.append(
                row
                | default.columns("default")
                | {
                    "draws": draws.height,
                    "measured": len(values),
                    "below": below,
                    "below_low": low,
                    "below_high": high,
                }
                | {
                    f"quantile_{round(100 * q)}": float(np.quantile(values, q))
                    for q in (0.05, 0.25, 0.5, 0.75, 0.95)
                }
            )
    return pl.DataFrame(rows)


def summary(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Draws of each null: how many there are, how they ended, and how many lose how much."""
    act = {name: pl.col(f"world.modern.{name}") for name in ACTS}
    pleasant = act["contraceptive_pleasure"] >= PLEASANT
    sterile = act["contraceptive_failure"] <= STERILE
    parts = groups(tables) | {
        "acts, pleasant": tables["acts"].filter(pleasant),
        "acts, pleasant and sterile": tables["acts"].filter(pleasant & sterile),
        "felt, half as pleasant as mating": tables["felt"].filter(
            pl.col("pleasure") >= HALF_AS_PLEASANT
        ),
    }
    rows = []
    for null, draws in parts.items():
        shift = draws["shift"].drop_nulls()
        status, waste, hack = (
            draws[name] if name in draws.columns else None
            for name in ("status", "waste_ancestral", "hack_ancestral")
        )
        row: dict[str, object] = {
            "null": null,
            "draws": draws.height,
            "failed": None if status is None else (status == "failed").sum(),
            "no_ancestral_genome_reproduces": (draws["best_ancestral"] <= NONE).sum(),
            "no_modern_genome_reproduces": (draws["best_modern"] <= NONE).sum(),
            "died_out": None if status is None else (status == "extinct").sum(),
            "shift_measured": len(shift),
            "waste_measured": None if waste is None else waste.drop_nulls().len(),
            "hack_measured": None if hack is None else hack.drop_nulls().len(),
        }
        for name, condition in (
            ("keeps_less_than_half", shift > 0.5),
            ("keeps_more_than_0.8", shift < 0.2),
            ("loses_nothing", shift <= NONE),
        ):
            row |= share_of_draws(condition).columns(name)
        near = draws["shift_near_5"].drop_nulls()
        row |= share_of_draws(near > 0.5).columns("all_within_5_keep_less_than_half")
        rows.append(row)
    return pl.DataFrame(rows)


def twins(draws: int) -> pl.DataFrame:
    """Each drawn shift with and without contraception: its shift step, and planning again.

    The best ancestral genome plans again in the modern world. Or it follows its ancestral plan
    unchanged, as a table (see `evosim.claims.mesa_optimization`). Both are without the cost of
    planning. If several genomes tie, the one that is worst as a planner counts.
    """
    default = packaged(EXPERIMENT)
    tree = default.model_dump(mode="json", exclude_none=True)
    classes = Landscape(build(default)).best("ancestral", default.seed, default.analysis.restarts)
    rows = []
    for run, changes in enumerate(shifts(draws)):
        for contraception in (False, True):
            world = tree["world"] | {"modern": changes | {"contraception": contraception}}
            setting = build(resolve(tree | {"world": world}))
            values = mesa_optimization.lifetime_values({"modern": setting}, classes)
            worst = values.sort("modern planner").row(0, named=True)
            row = {"run": run, "contraception": contraception} | computed_shift(setting)
            rows.append(
                row
                | {
                    "planner": worst["modern planner"],
                    "table": worst["modern table"],
                    "effect": worst["modern planner"] - worst["modern table"],
                }
            )
    return pl.DataFrame(rows).with_columns(pl.col("^shift.*$").fill_nan(None))


def planning_summary(pairs: pl.DataFrame) -> pl.DataFrame:
    """Shares of shifts in which planning again harms and helps, and the mean effect."""
    pill = pl.col("contraception")
    rows = []
    for name, some in (
        ("with contraception", pairs.filter(pill)),
        ("without contraception", pairs.filter(~pill)),
    ):
        effect = some["effect"]
        row: dict[str, object] = {"shifts": name, "draws": some.height}
        for what, condition in (
            ("harms", effect < -NONE),
            ("helps", effect > NONE),
            ("no_difference", effect.abs() <= NONE),
        ):
            row |= share_of_draws(condition).columns(what)
        row |= mean_over_seeds(effect).columns("mean_effect")
        row |= mean_over_seeds(some["planner"]).columns("planner")
        row |= mean_over_seeds(some["table"]).columns("table")
        rows.append(row)
    return pl.DataFrame(rows)


# Figures

# Of each figure, the draws and headlines of its panels. In `acts` and `shifts` the ancestral world
# is that of the default. So only the modern world depends on the draws.
PANELS = {
    "savannas": (
        ("savannas", "shift"),
        ("savannas", "waste_ancestral"),
        ("savannas", "hack_ancestral"),
    ),
    "acts": (
        ("acts", "shift"),
        ("felt", "shift"),
        ("acts", "waste_modern"),
        ("acts", "hack_modern"),
    ),
    "shifts": (("shifts", "shift"), ("shifts", "waste_modern"), ("shifts", "hack_modern")),
}
AXES = {
    "shift": "shift, share of the best modern genome",
    "waste_ancestral": "waste, share of the best ancestral genome",
    "hack_ancestral": "hack, share of the best ancestral genome",
    "waste_modern": "waste, share of the best modern genome",
    "hack_modern": "hack, share of the best modern genome",
}


def histogram(draws: pl.DataFrame, quantity: str, place: Mapping[str, Any]) -> Any:
    """Distribution of one headline over draws, with the default marked.

    `place` is the row of the headline in the table `percentiles`.
    """
    some = draws.filter(pl.col(quantity).is_not_null())
    if PILL in draws.columns:
        some = some.with_columns(
            modern=pl.when(pl.col(PILL))
            .then(pl.lit("with contraception"))
            .otherwise(pl.lit("without contraception"))
        )
    else:
        some = some.with_columns(modern=pl.lit("draws"))
    kinds = sorted(some["modern"].unique().to_list())
    step = 0.05 if np.ptp(some[quantity].to_numpy()) > 0.5 else 0.02
    bars = (
        alt.Chart(some.select(pl.col(quantity).alias("share"), "modern"))
        .mark_bar(stroke="white", strokeWidth=0.5)
        .encode(
            alt.X(
                "share:Q",
                bin=alt.Bin(step=step),
                title=AXES[quantity],
                axis=alt.Axis(format="%", tickCount=5),
            ),
            alt.Y("count():Q", title="draws", axis=alt.Axis(tickMinStep=1)),
            alt.Color(
                "modern:N",
                title=None,
                scale=alt.Scale(domain=kinds, range=[MODERN, ANCESTRAL][: len(kinds)])
                if len(kinds) > 1
                else alt.Scale(domain=kinds, range=[ANCESTRAL]),
                legend=alt.Legend(orient="bottom") if len(kinds) > 1 else None,
            ),
        )
    )
    rule = (
        alt.Chart(pl.DataFrame({"share": [place["default"]]}))
        .mark_rule(strokeWidth=2, strokeDash=[4, 3], color="black")
        .encode(alt.X("share:Q"))
    )
    where = ", felt through all features" if place["null"] == "felt" else ""
    title = [
        f"the default, {place['default']:.0%}, is above {place['below']:.0%}",
        f"of {place['measured']} measured draws{where}",
    ]
    return alt.layer(bars, rule).properties(width=230, height=190, title=title)


def draw(folder: Path) -> dict[str, Any]:
    """A figure per null: distributions of shift, waste and hack; and one of planning again."""
    places = pl.read_csv(folder / "percentiles.csv")
    counts = pl.read_csv(folder / "summary.csv")
    seeds = pl.read_csv(folder / "default.csv").height
    out = {}
    for null, panels in PANELS.items():
        draws = pl.read_csv(folder / f"{null}.csv", infer_schema_length=None)
        row = counts.filter(pl.col("null") == null).row(0, named=True)
        charts = []
        for part, quantity in panels:
            own = (pl.col("null") == part) & (pl.col("quantity") == quantity)
            frame = draws if part == null else pl.read_csv(folder / f"{part}.csv")
            charts.append(histogram(frame, quantity, places.filter(own).row(0, named=True)))
        lines = [
            f"{row['draws']} draws; dashed: the mean of the default over {seeds} seeds",
            "draws in which no genome reproduces:"
            f" {row['no_ancestral_genome_reproduces']} (ancestral),"
            f" {row['no_modern_genome_reproduces']} (modern); died out: {row['died_out']};"
            f" failed: {row['failed']}",
        ]
        columns = 2 if len(charts) == 4 else 3
        out[null] = themed(alt.concat(*charts, columns=columns), TITLES[null], lines)
    pairs = pl.read_csv(folder / "twins.csv")
    pill, none = pl.read_csv(folder / "planning.csv").to_dicts()
    kinds = ["with contraception", "without contraception"]
    chart = (
        alt.Chart(
            pairs.select(
                "effect",
                modern=pl.when("contraception").then(pl.lit(kinds[0])).otherwise(pl.lit(kinds[1])),
            )
        )
        .mark_bar(stroke="white", strokeWidth=0.5)
        .encode(
            alt.X(
                "effect:Q",
                bin=alt.Bin(step=0.05),
                title="planner minus its ancestral table, expected offspring",
            ),
            alt.Y("count():Q", title="draws", axis=alt.Axis(tickMinStep=1)),
            alt.Color(
                "modern:N",
                title=None,
                scale=alt.Scale(domain=kinds, range=[MODERN, ANCESTRAL]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
        .properties(width=420, height=220)
    )
    out["planning"] = themed(
        chart,
        "Planning again, compared with the ancestral plan, over drawn shifts",
        [
            f"the best ancestral genome in {row['draws']} shifts {row['shifts']}: harms"
            f" {row['harms']:.0%}, helps {row['helps']:.0%}, mean effect {row['mean_effect']:.3f}"
            for row in (pill, none)
        ],
    )
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute what is missing, then make tables and figures."""
    parser = argparse.ArgumentParser(description="Compute the nulls, or continue them.")
    parser.add_argument("--workers", type=int, help="processes (default: all processors)")
    workers = parser.parse_args(arguments).workers
    phases = [f"{key}={json.dumps(value)}" for key, value in SETTINGS.items()]
    stores: dict[str, Store] = {}
    for null, draws in DRAWS.items():
        print(f"{null}: {draws} draws", file=sys.stderr, flush=True)
        stores[null] = computed(null, draws, SETTINGS, workers=workers, folder=RESULTS / "sweeps")
    study = Study("nulls", build_packaged(EXPERIMENT, *phases), draw)
    tables = {null: draws_of(store) for null, store in stores.items()}
    tables["felt"] = remembered("felt", FELT_ACTS, felt_acts)
    tables["twins"] = remembered("twins", DRAWS["shifts"], twins)
    for null, draws in DRAWS.items():
        (study.folder / f"{null}.toml").write_bytes(sweep_file(null, draws, SETTINGS))
    study.store(
        {
            **tables,
            "percentiles": percentiles(tables),
            "summary": summary(tables),
            "planning": planning_summary(tables["twins"]),
        },
        draws=DRAWS,
        seeds_of_draws=SEEDS,
        sources_of_runs={null: store.sources for null, store in stores.items()},
    )


if __name__ == "__main__":
    try:
        main()
    except (Interrupted, UserError) as error:
        raise SystemExit(str(error)) from None
