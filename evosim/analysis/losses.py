"""The three losses: shift, waste and hack, in both worlds, and the fitness that they refer to.

* *Shift*: the best genome for the modern world, minus the ancestral optimum scored there. There is
  none in the ancestral world.
* *Waste*: the ancestral optimum, minus the population at the switch with the hack channel closed.
* *Hack*: that population, minus the population that evolved.

In the modern world the three sum to the distance from the best genome to the population. There,
waste and hack are signed transfers: imperfect search may be luckier than the perfect one.

Several genomes may tie for the ancestral optimum. Then part of the shift is *forced*: every one of
them loses it. The rest, from the luckiest of them to the unluckiest, is *left open* by training.
Of that, a population is charged with what those of its individuals lose that are ancestral optima.
So each population has a shift from `forced` to `forced + left_open`. If fewer than `LEAST_SHARE` of
its individuals are optima, nothing separates shift and waste in the modern world.

All optima are over genomes that breed true. The best genome for the modern world is the best for
intent there (R1). Where payoff is not intent, the shift leads to the best genome for *ancestral
intent*. Worlds that are equal so have no shift. *Specification* leads on to the ancestral
optimum, which is the best for payoff. It may be a gain. The ladder takes the two steps in the other
order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evosim.analysis import ladder, means_over_seeds
from evosim.analysis.loss_summary import (
    FitnessRow,
    Level,
    Loss,
    LossSummary,
    NearOptimal,
    ShiftParts,
)
from evosim.analysis.values import ByWorld

if TYPE_CHECKING:
    from evosim.analysis.account_inputs import AccountInputs
    from evosim.analysis.checked_record import CheckedRecord
    from evosim.analysis.fitness_ranges import FitnessRanges
    from evosim.analysis.population import PopulationSnapshot
    from evosim.worlds.tabular import TabularMdp

WORLDS = ("ancestral", "modern")
LOSSES = ("shift", "waste", "hack")
LEAST_SHARE = 0.1
RUNG = "best_ancestral"
SCHEMA = {"seed": pl.Int64, "world": pl.String, "loss": pl.String, "value": pl.Float64}


def own_optimum(optima: pl.DataFrame, snapshot: PopulationSnapshot) -> float | None:
    """Modern fitness of the ancestral optimum that stands for a population.

    Parameters
    ----------
    optima : pl.DataFrame
        The ancestral optima: `class`, `modern_intent`.
    snapshot : PopulationSnapshot
        The population with the hack channel closed.

    Returns
    -------
    float or None
        The mean over the individuals that are ancestral optima. The value of the optima if they do
        not differ. None if they differ and too few individuals are optima.
    """
    low, high = (float(end) for end in np.quantile(optima["modern_intent"], [0.0, 1.0]))
    if high == low:
        return low
    values = dict(optima.select("class", "modern_intent").iter_rows())
    members = np.isin(snapshot.classes, list(values))
    share = snapshot.share[members]
    if share.sum() < LEAST_SHARE:
        return None
    modern = np.array([values[int(c)] for c in snapshot.classes[members]])
    return float(np.clip(modern @ share / share.sum(), low, high))


def losses_of_seed(
    fixed: ByWorld[ladder.FixedRungs],
    ladders: ByWorld[ladder.Ladder],
    optimum: float | None,
    *,
    has_control: bool,
) -> list[tuple[str, str, float]]:
    """World, loss and value of the losses of one seed.

    Parameters
    ----------
    fixed : ByWorld of FixedRungs
        Rungs of the grid.
    ladders : ByWorld of Ladder
        Ladders of the seed.
    optimum : float or None
        `own_optimum` of the population with the hack channel closed.
    has_control : bool
        Whether the experiment has a hack channel, and so a control in which it is closed.

    Returns
    -------
    list of tuple
        Empty if a population died out before the switch, so that no loss is without the others.
    """
    rows = []
    for world in WORLDS:
        rungs, grid = ladders.of(world).rungs, fixed.of(world).rungs
        population = rungs.get("population")
        closed = rungs.get("control") if has_control else population
        if population is None or closed is None:
            return []
        top: float | None = grid["best_ancestral"]
        if world == "modern":
            top, for_intent = optimum, fixed.modern.best_by_intent_in_a
            if for_intent is not None:
                rows.append((world, "shift", grid["best_for_intent"] - for_intent))
            if top is not None and for_intent is None:
                rows.append((world, "shift", grid["best_for_intent"] - top))
            if top is not None and for_intent is not None:
                rows.append((world, "specification", for_intent - top))
        if top is not None:
            rows.append((world, "waste", top - closed))
        if has_control:
            rows.append((world, "hack", closed - population))
    return rows


def tables(inputs: AccountInputs) -> dict[str, pl.DataFrame]:
    """The table `losses`: one row for each seed, world and loss that was measured."""
    record, ranges = inputs.record, inputs.ranges
    has_control = bool(record.drive_controls)
    optima = ladder.near_best(
        ladder.breeding_true(record.tables["landscape"]), 0.0, ranges.span("ancestral")
    )
    modern = ranges.fixed_rungs.modern
    if modern.best_of["best_ancestral"] - modern.rungs["best_ancestral"] == 0.0:
        # Without ties, by the reference code, as in the ladder
        optima = optima.head(1).with_columns(modern_intent=pl.lit(modern.rungs["best_ancestral"]))
    rows: list[tuple[int, str, str, float]] = []
    for account in inputs.seeds:
        closed = account.snapshot
        if has_control:
            closed = record.snapshot(record.controls["fair"], account.seed, "swap")
        losses = losses_of_seed(
            ranges.fixed_rungs,
            account.ladders,
            own_optimum(optima, closed) if closed else None,
            has_control=has_control,
        )
        rows += [(account.seed, *loss) for loss in losses]
    return {"losses": pl.DataFrame(rows, schema=SCHEMA, orient="row")}


def summarize(inputs: AccountInputs, tables: Mapping[str, pl.DataFrame]) -> LossSummary:
    """Means over seeds of the table `losses`, with fitness and near-optimal genomes."""
    ranges, experiment = inputs.ranges, inputs.record.experiment
    genome = inputs.record.cache.evaluator.genome
    modern = ranges.fixed_rungs.modern
    by_intent = modern.best_by_intent_in_a
    luckiest = modern.best_of["best_ancestral"] if by_intent is None else by_intent
    forced = modern.rungs["best_for_intent"] - luckiest
    left_open = 0.0
    if by_intent is None:
        left_open = luckiest - modern.rungs["best_ancestral"]
    table = tables["losses"]

    def values(world: str, loss: str) -> list[float]:
        chosen = (pl.col("world") == world) & (pl.col("loss") == loss)
        return table.filter(chosen)["value"].to_list()

    shift = means_over_seeds.estimate(
        values("modern", "shift"), experiment.analysis, (forced, forced + left_open)
    )
    parts = ShiftParts(forced, left_open, shift)
    return LossSummary(
        losses=tuple(
            _loss(inputs, name, world, values(world, name), parts)
            for name in LOSSES
            for world in WORLDS
        ),
        specification=(
            None
            if by_intent is None
            else _loss(inputs, "specification", "modern", values("modern", "specification"), parts)
        ),
        fitness=_fitness(inputs, tables),
        shift_parts=parts,
        near_optimal=_near_optimal(inputs, tables["ladder"]),
        genomes=genome.grid.breeding_true,
        modern_generations=experiment.generations - experiment.swap,
        grid_size=genome.grid.size,
        equal_worlds=_alike(inputs.record.pair.ancestral, inputs.record.pair.modern),
        has_desires=bool(genome.decode(np.zeros(1, dtype=np.int64)).planners()),
    )


def _alike(ancestral: TabularMdp, modern: TabularMdp) -> bool:
    """Whether two worlds have the same rules and rewards."""
    rules = ("available", "transitions", "payoff", "intent", "features_felt", "start")
    return all(np.array_equal(getattr(ancestral, x), getattr(modern, x)) for x in rules)


def _loss(
    inputs: AccountInputs, name: str, world: str, values: Sequence[float], parts: ShiftParts
) -> Loss:
    """One loss in one world; its values by seed."""
    ranges, settings = inputs.ranges, inputs.record.experiment.analysis
    fixed = ranges.fixed_rungs.of(world).rungs
    if name == "shift" and world == "ancestral":
        return Loss(name, world, 0.0, None, None, 0, share_of_loss(ranges, world, 0.0), exact=True)
    if name == "shift" and not parts.left_open:
        share = share_of_loss(ranges, world, parts.forced)
        return Loss(name, world, parts.forced, None, None, 0, share, exact=ranges.exact)
    least, most = ranges.of_population(world)
    unluckiest, luckiest = fixed["best_ancestral"], ranges.fixed_rungs.of(world).best_of[RUNG]
    for_intent = fixed["best_for_intent"] - parts.forced
    ends = {
        "shift": (parts.forced, parts.forced + parts.left_open),
        "specification": (for_intent - luckiest, for_intent - unluckiest),
        "waste": (unluckiest - most, luckiest - least),
        "hack": (least - most, most - least),
    }[name]
    found = means_over_seeds.estimate(values, settings, ends)
    return Loss(
        name,
        world,
        found.mean,
        found.low,
        found.high,
        found.n,
        None if found.mean is None else share_of_loss(ranges, world, found.mean),
        exact=False,
        why_not="" if values else _why_not(inputs, name, world),
    )


def _why_not(inputs: AccountInputs, name: str, world: str) -> str:
    """Why a loss was not measured, and what measures it."""
    record = inputs.record
    if name == "hack" and not record.drive_controls:
        return "no gene here can cheat; 'evosim run three-losses' has one"
    lived = any(account.ladders.of(world).rungs.get("population") for account in inputs.seeds)
    if world == "modern" and lived and name != "hack":
        return f"ancestral optima tie and few individuals are one of them; try {_closer(record)}"
    population = record.experiment.optimizer.get("population", 0)
    return (
        "in every seed a population died out before the switch; try --set"
        f" optimizer.population={max(1000, 10 * population)}"
    )


def _closer(record: CheckedRecord) -> str:
    """Settings with which more individuals are ancestral optima."""
    scale = record.experiment.genome.get("mutation_scale")
    if not scale:
        return f"a longer search: --set phases.0.generations={10 * record.experiment.swap}"
    seeds = max(10, 2 * record.experiment.replicates)
    return (
        "fewer mutations and more seeds: --set"
        f" genome.mutation_scale={scale / 10.0:g} --replicates {seeds}"
    )


def share_of_loss(ranges: FitnessRanges, world: str, loss: float) -> float | None:
    """A loss as a share of the way from the worst policy to the best genome."""
    best = ranges.fixed_rungs.of(world).rungs["best_for_intent"]
    below = ranges.share_of_best(world, best - loss)
    return None if below is None else 1.0 - below


def _fitness(inputs: AccountInputs, tables: Mapping[str, pl.DataFrame]) -> tuple[FitnessRow, ...]:
    """Fitness of the best genomes and of the populations, in both worlds."""
    ranges, experiment = inputs.ranges, inputs.record.experiment

    def of_genome(world: str, rung: str) -> Level:
        fixed = ranges.fixed_rungs.of(world)
        worst, most = fixed.rungs[rung], fixed.best_of[rung]
        share = ranges.share_of_best(world, worst)
        level = Level(worst, None, None, 0, share, ranges.exact)
        if most > worst:
            level = replace(level, most=most, share_of_most=ranges.share_of_best(world, most))
        return level

    def of_population(world: str, moment: str) -> Level:
        column = tables["recovery"].drop_nulls("modern_at_swap")[f"{world}_at_{moment}"]
        estimate = means_over_seeds.estimate(
            column.drop_nulls().to_list(), experiment.analysis, ranges.of_population(world)
        )
        mean = estimate.mean
        share = None if mean is None else ranges.share_of_best(world, mean)
        return Level(mean, estimate.low, estimate.high, estimate.n, share, exact=False)

    rows = [
        FitnessRow("best", *(of_genome(world, "best_for_intent") for world in WORLDS)),
        FitnessRow("best_ancestral", *(of_genome(world, "best_ancestral") for world in WORLDS)),
        FitnessRow("population", *(of_population(world, "swap") for world in WORLDS)),
    ]
    if experiment.swap < experiment.generations:
        at_end = (of_population(world, "end") for world in WORLDS)
        rows.append(FitnessRow("population_at_end", *at_end))
    return tuple(rows)


def _near_optimal(inputs: AccountInputs, ladders: pl.DataFrame) -> tuple[NearOptimal, ...]:
    """Shares of the modern best that near-optimal genomes keep."""
    record, ranges = inputs.record, inputs.ranges
    landscape = ladder.breeding_true(record.tables["landscape"])
    span, settings = ranges.span("ancestral"), record.experiment.analysis
    best = ranges.fixed_rungs.ancestral.rungs["best_ancestral"]
    known = max(settings.near_ties, default=0.0)
    whole = landscape.height == record.cache.evaluator.genome.grid.breeding_true

    def near_optimal_row(within: float | None, close: pl.DataFrame) -> NearOptimal:
        if not ranges.exact:
            return NearOptimal(within, None, None, None, None)
        if close.is_empty():
            return NearOptimal(within, 0, None, None, None)
        ends = np.quantile(close["modern_intent"].to_numpy(), [0.0, 0.5, 1.0]).tolist()
        shares = [ranges.share_of_best("modern", value) for value in ends]
        return NearOptimal(within, close.height, *shares)

    rows = [
        near_optimal_row(within, ladder.near_best(landscape, within, span))
        for within in sorted({0.0, *settings.near_ties})
    ]
    populations = ladders.filter(
        (pl.col("world") == "ancestral") & (pl.col("name") == "population")
    )["value"].drop_nulls()
    if len(populations):
        mean = float(np.mean(populations.to_numpy()))
        close = landscape.filter(pl.col("ancestral") >= mean)
        all_known = whole or (ranges.exact and mean >= best - known * abs(best - span.worst))
        row = (
            near_optimal_row(None, close)
            if all_known
            else NearOptimal(None, None, None, None, None)
        )
        rows.append(row)
    return tuple(rows)
