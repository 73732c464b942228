"""Populations of one experiment over many seeds, and what each of them does and loses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis import behaviour
from evosim.analysis.account import Known
from evosim.analysis.population import Census
from evosim.config.parts import part_params
from evosim.config.resolve import Setting, build, resolve
from evosim.config.schema import Experiment
from evosim.config.toml_files import apply_settings
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.genomes import PlannerRules
from evosim.genomes.loci import Ints
from evosim.optimizers import OPTIMIZERS
from evosim.optimizers.params import OPTIMIZER_PARAMS
from evosim.simulation.loop import Run, simulate

Floats = NDArray[np.float64]
SOLO = "self_stimulate"


def varied(experiment: Experiment, *settings: str) -> Experiment:
    """The experiment with `key=value` changes, and without the words of a claim, which decide
    nothing. Raises `UserError`.
    """
    tree = experiment.model_dump(mode="json", exclude_none=True, exclude={"claim"})
    return resolve(apply_settings(tree, list(settings)))


def quarters(largest: int) -> tuple[int, int, int]:
    """A sixteenth, a quarter and all of it: sizes of populations, or generations, equally far apart
    as powers of two.
    """
    return (max(largest // 16, 2), max(largest // 4, 3), max(largest, 4))


def cell(experiment: Experiment, population: int, *settings: str) -> Experiment:
    """The ancestral phase alone at one size of population."""
    alone = f"phases=[{{world='ancestral',generations={experiment.swap}}}]"
    return varied(
        experiment,
        f"optimizer.population={population}",
        alone,
        "snapshots=[]",
        "search_ledger=false",
        *settings,
    )


def cost_of(experiment: Experiment, population: int) -> float:
    """About how many seconds `entries` takes: what larger populations hold more of are classes."""
    return experiment.replicates * (0.4 + population / 1600.0)


def entries(experiment: Experiment, marks: Sequence[int], feature: str = "") -> pl.DataFrame:
    """One row a seed and mark (after so many generations in A): what the population is worth,
    wastes in A and loses in M.

    Columns `waste:ACT` (regret in A) and `M:KIND` are those of the behaviour ledger, `acts:ACT` how
    often each act is done in a life in A. With a `feature`, `gain` is the fitness gained in A if
    that desire alone is switched off.
    """
    kept = [mark - 1 for mark in marks]
    made = build(varied(experiment, f"snapshots={kept}", f"phases.0.generations={max(marks)}"))
    landscape, known = Landscape(made), Known(made.genome, made.pair)
    rows: list[dict[str, Any]] = []
    for seed in experiment.seeds:
        landscape.afresh()
        run = simulate(made, landscape, seed)
        for mark in marks:
            census = Census.of(alive(run, mark - 1, "snapshot"))
            row = {
                "seed": seed,
                "population": experiment.optimizer["population"],
                "generations": mark,
            }
            rows.append(row | _entries(made, known, census, feature))
    return pl.DataFrame(rows)


def newborns(
    setting: Setting, fitness: Callable[[Ints], Floats], seed: int, generations: int
) -> Iterator[Ints]:
    """Classes `[n]` of each generation's newborns, founders first, and nothing else: for claims
    that need no tables. `fitness` is of classes.
    """
    name = setting.experiment.optimizer["name"]
    optimizer = OPTIMIZERS[name](
        part_params(setting.experiment.optimizer, OPTIMIZER_PARAMS[name], "optimizer"),
        setting.genome.grid,
        seed,
    )
    for generation in range(generations):
        classes = setting.genome.grid.classes(optimizer.ask())
        yield classes
        if generation + 1 < generations:
            optimizer.tell(fitness(classes))


def alive(run: Run, generation: int, moment: str) -> pl.DataFrame:
    """A snapshot of a run.

    Raises `UserError` if it had died out: a mean over seeds that live would be another quantity.
    """
    populations = run.tables["populations"]
    found = populations.filter((pl.col("moment") == moment) & (pl.col("generation") == generation))
    if found.is_empty():
        raise UserError(
            f"populations must live to generation {generation} to be compared, but seed {run.seed}"
            f" died out in {run.generations - 1}. Raise optimizer.population."
        )
    return found


def best(experiment: Experiment, feature: str = "") -> dict[str, Any]:
    """The same of R3, the best ancestral genome (of several, the one that is worst in M), and the
    rungs around it.

    `enumerated` says whether all genomes of the grid were looked at. If not, these are the best
    found.
    """
    made = build(experiment)
    landscape = Landscape(made)
    found = {
        name: landscape.best(name, experiment.seed, experiment.analysis.restarts)
        for name in ("ancestral", "modern")
    }
    worth = landscape.worth(found["ancestral"]).modern_intent
    number = int(found["ancestral"][worth.argmin()])
    one = Census(np.array([number]), np.ones(1), np.ones(1), np.array([number]), np.ones(1))
    known = Known(made.genome, made.pair)
    values = made.genome.grid.values(np.array([number]))[0]
    rungs = {
        "optimum_M": known.gaps.spans["modern_intent"].best,
        "best_M": float(landscape.worth(found["modern"]).modern_intent.min()),
        "class": number,
        "enumerated": landscape.exact,
    }
    loci = (
        {
            f"locus:{locus.name}": float(v)
            for locus, v in zip(made.genome.grid.loci, values, strict=True)
        }
        if len(made.genome.decode(np.array([number])).planners()) == 1
        else {}
    )
    return rungs | loci | _entries(made, known, one, feature)


def _entries(made: Setting, known: Known, census: Census, feature: str) -> dict[str, Any]:
    ledger = behaviour.mean_ledger([known.ledger(int(c)) for c in census.classes], census.share)
    worth = census.worth(known.conducts)
    acts = made.pair.ancestral.acts
    row: dict[str, Any] = {"fitness_A": worth["ancestral"].mean, "fitness_M": worth["modern"].mean}
    row |= {f"waste:{act}": float(x) for act, x in zip(acts, ledger.waste.sum(axis=0), strict=True)}
    row |= {f"acts:{act}": float(x) for act, x in zip(acts, ledger.times_ancestral, strict=True)}
    row |= {f"M:{kind}": float(table.sum()) for kind, table in ledger.modern.items()}
    if feature:
        row["gain"] = _gain(known, census, made.pair.ancestral.features.index(feature))
    return row


def _gain(known: Known, census: Census, feature: int) -> float:
    """Fitness gained in A if everybody's desire for a feature were 0."""
    rules = known.conducts.genome.decode(census.classes)
    assert isinstance(rules, PlannerRules)
    difference = known.conducts.net(rules.without(feature), "ancestral") - known.conducts.net(
        rules, "ancestral"
    )
    return float((census.share * census.kept) @ difference)


def by_seed(table: pl.DataFrame, column: str) -> NDArray[np.float64]:
    """A column of a table with one row a seed, in order of seeds."""
    return table.sort("seed")[column].to_numpy().astype(np.float64)


def slopes(table: pl.DataFrame, x: pl.Expr, y: pl.Expr) -> NDArray[np.float64]:
    """`[seeds]` least-squares slope of `y` on `x` within each seed."""
    frame = table.select("seed", x.cast(pl.Float64).alias("x"), y.cast(pl.Float64).alias("y"))
    centred = frame.with_columns((pl.col("x") - pl.col("x").mean().over("seed")).alias("d"))
    fitted = centred.group_by("seed", maintain_order=True).agg(
        ((pl.col("d") * pl.col("y")).sum() / (pl.col("d") ** 2).sum()).alias("slope")
    )
    return by_seed(fitted, "slope")


def intercepts(table: pl.DataFrame, x: pl.Expr, y: pl.Expr) -> NDArray[np.float64]:
    """`[seeds]` where the least-squares line of each seed meets `x` = 0."""
    means = table.group_by("seed", maintain_order=True).agg(
        x.cast(pl.Float64).mean().alias("x"), y.cast(pl.Float64).mean().alias("y")
    )
    return by_seed(means, "y") - slopes(table, x, y) * by_seed(means, "x")


def searched() -> pl.Expr:
    """How much search there was: doublings of population times generations."""
    return (pl.col("population") * pl.col("generations")).cast(pl.Float64).log(2.0)
