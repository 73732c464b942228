"""Evolved populations of one experiment over many seeds, and the accounts of what they lose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis import behaviour
from evosim.analysis.account import Accountant
from evosim.analysis.population import PopulationSnapshot
from evosim.analysis.shared_cache import SharedCache
from evosim.claims.experiments import with_settings
from evosim.config.parts import part_params
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.genomes import PlannerRules
from evosim.genomes.loci import Ints
from evosim.optimizers import OPTIMIZERS
from evosim.optimizers.params import OPTIMIZER_PARAMS
from evosim.simulation.control_runs import concatenate, simulate_control
from evosim.simulation.controls import controls_of
from evosim.simulation.loop import simulate
from evosim.simulation.state import Run

Floats = NDArray[np.float64]
Numbers: TypeAlias = dict[str, float]
SELF_STIMULATION = "self_stimulate"


def evolve(setting: Problem, landscape: Landscape, seeds: Iterable[int]) -> list[Run]:
    """Simulate one run per seed over a shared landscape."""
    return [simulate(setting, landscape, seed) for seed in seeds]


def accountant_of_runs(setting: Problem, landscape: Landscape, runs: Sequence[Run]) -> Accountant:
    """Analyse runs that are in memory."""
    tables = {name: pl.concat([run.tables[name] for run in runs]) for name in runs[0].tables}
    return Accountant(
        setting,
        tables | {"landscape": landscape.frame()},
        exact=landscape.exact,
        make_scorer=Scorer,
    )


def accountant_with_controls(setting: Problem, landscape: Landscape) -> Accountant:
    """Simulate an experiment with drivers and all its controls, and analyse them in memory."""
    runs = concatenate(evolve(setting, landscape, setting.experiment.seeds))
    controls = {
        name: concatenate(simulate_control(name, control, landscape))
        for name, control in controls_of(setting.experiment).items()
    }
    tables = runs | {"landscape": landscape.frame()}
    return Accountant(setting, tables, controls, exact=landscape.exact, make_scorer=Scorer)


def newborn_classes(
    setting: Problem, fitness: Callable[[Ints], Floats], seed: int, generations: int
) -> Iterator[Ints]:
    """Simulate the optimizer alone, for claims that need no tables.

    Parameters
    ----------
    setting : Problem
        Genome and optimizer.
    fitness : callable
        Gives the fitness of classes.
    seed : int
        Seed of the optimizer.
    generations : int
        Number of generations.

    Yields
    ------
    ndarray
        `[n]` classes of the newborns of each generation; founders first.
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


def snapshot_of(run: Run, generation: int, moment: str) -> pl.DataFrame:
    """Rows of `populations` at one moment of one generation.

    Raises
    ------
    UserError
        If the population died out before: a mean over surviving seeds would be another quantity.
    """
    populations = run.tables["populations"]
    rows = populations.filter((pl.col("moment") == moment) & (pl.col("generation") == generation))
    if rows.is_empty():
        raise UserError(
            f"The comparison needs populations that live to generation {generation}, but seed"
            f" {run.seed} died out in generation {run.generations - 1}. Use a larger"
            " optimizer.population."
        )
    return rows


def population_seconds(experiment: Experiment, population: int) -> float:
    """About how many seconds `population_accounts` takes."""
    return experiment.replicates * (0.4 + population / 1600.0)


def population_accounts(
    experiment: Experiment, marks: Sequence[int], feature: str = ""
) -> pl.DataFrame:
    """Fitness, waste and losses of evolved populations.

    Parameters
    ----------
    experiment : Experiment
        An experiment with an ancestral phase.
    marks : sequence of int
        Numbers of ancestral generations after which each population is analysed.
    feature : str
        A feature of the world, for the column `gain`.

    Returns
    -------
    DataFrame
        One row per seed and mark. Columns in expected offspring: `waste:ACT` (regret in the
        ancestral world) and `M:KIND` (losses in the modern world). `acts:ACT` is how often each act
        is done in an ancestral life. With a feature, `gain` is the ancestral fitness that is gained
        if the desire for it alone is switched off.
    """
    snapshots = [mark - 1 for mark in marks]
    setting = build(
        with_settings(experiment, f"snapshots={snapshots}", f"phases.0.generations={max(marks)}")
    )
    landscape, known = Landscape(setting), SharedCache(setting.genome, setting.pair)
    rows = []
    for seed in experiment.seeds:
        landscape.reset_record()
        run = simulate(setting, landscape, seed)
        for mark in marks:
            census = PopulationSnapshot.from_table(snapshot_of(run, mark - 1, "snapshot"))
            row = {
                "seed": seed,
                "population": experiment.optimizer["population"],
                "generations": mark,
            }
            rows.append(row | _census_account(setting, known, census, feature))
    return pl.DataFrame(rows)


def best_genome_account(experiment: Experiment, feature: str = "") -> Numbers:
    """The account of the best ancestral genome, with the best modern fitness.

    Of several best genomes it is the one with the least modern fitness. The entry `enumerated` is
    true if the grid was enumerated; otherwise these are the best genomes that a search found. The
    other entries are those of `population_accounts`.
    """
    setting = build(experiment)
    landscape = Landscape(setting)
    optima = {
        world: landscape.best(world, experiment.seed, experiment.analysis.restarts)
        for world in ("ancestral", "modern")
    }
    modern_fitness = landscape.fitness(optima["ancestral"]).modern_intent
    class_id = int(optima["ancestral"][modern_fitness.argmin()])
    classes = np.array([class_id])
    census = PopulationSnapshot(classes, np.ones(1), np.ones(1), classes, np.ones(1))
    known = SharedCache(setting.genome, setting.pair)
    rungs: Numbers = {
        "optimum_M": known.gaps.spans["modern_intent"].best,
        "best_M": float(landscape.fitness(optima["modern"]).modern_intent.min()),
        "class": class_id,
        "enumerated": landscape.exact,
    }
    loci: Numbers = {}
    if len(setting.genome.decode(classes).planners()) == 1:
        values = setting.genome.grid.values(classes)[0]
        loci = {
            f"locus:{locus.name}": float(value)
            for locus, value in zip(setting.genome.grid.loci, values, strict=True)
        }
    return rungs | loci | _census_account(setting, known, census, feature)


def _census_account(
    setting: Problem, known: SharedCache, census: PopulationSnapshot, feature: str
) -> Numbers:
    """Fitness, waste, acts and modern losses of one population."""
    ledger = behaviour.mean_ledger([known.ledger(int(c)) for c in census.classes], census.share)
    fitness = census.fitness(known.evaluator)
    acts = setting.pair.ancestral.acts
    row: Numbers = {"fitness_A": fitness.ancestral.mean, "fitness_M": fitness.modern.mean}
    row |= {f"waste:{act}": float(x) for act, x in zip(acts, ledger.waste.sum(axis=0), strict=True)}
    row |= {f"acts:{act}": float(x) for act, x in zip(acts, ledger.times_ancestral, strict=True)}
    row |= {f"M:{kind}": float(table.sum()) for kind, table in ledger.modern.items()}
    if feature:
        row["gain"] = _gain_without(known, census, setting.pair.ancestral.features.index(feature))
    return row


def _gain_without(known: SharedCache, census: PopulationSnapshot, feature: int) -> float:
    """Ancestral fitness gained if all desires for the feature are 0."""
    rules = known.evaluator.genome.decode(census.classes)
    assert isinstance(rules, PlannerRules)
    difference = known.evaluator.net_fitness(
        rules.without(feature), "ancestral"
    ) - known.evaluator.net_fitness(rules, "ancestral")
    return float((census.share * census.fitness_retained) @ difference)
