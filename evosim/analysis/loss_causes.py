"""Losses by cause: Shapley values of waste and hack over all living classes.

Causes are desires, foresight, upkeep and other parts.

`evosim.analysis.causes` splits what one planner loses. Here each step below R3 is split. A part is
the newborns' mean loss by a cause at the lower rung, minus that at the upper rung.

* waste: R3 down to the population with the hack channel closed (R4; R5 where there is no channel);
* hack: that population down to the population that evolved;
* sampling: as in the ladder, if selection saw only part of the ancestral world. With a fixed sample
  it leads from R3 to R3s, and waste begins at R3s. With a varying sample it follows waste.

Causes are those of `causes`, and `drivers`: what drivers and modifiers take from fitness directly.
Only the part of the objective is waste in masturbation style. A negative part repairs another one.

The parts of each step sum to the step of the ladder, which other code computes; this is checked. At
most `MOST_MINDS` distinct minds are planned. If living genomes have more, then the most common
classes are split, and the loss of the others is `not_split`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis import means_over_seeds
from evosim.analysis.intervals import cut, intervals
from evosim.analysis.planner_causes import EXACT, SWITCHES
from evosim.analysis.population import PopulationSnapshot
from evosim.analysis.repaired_planners import PARTS, has_compiled_code, repair
from evosim.analysis.values import ByWorld, Estimate
from evosim.reference.dynamic_programming import Floats
from evosim.runtime.dataclass_json import Key
from evosim.worlds import TabularMdp

if TYPE_CHECKING:
    from evosim.analysis.account_inputs import AccountInputs
    from evosim.analysis.seed_account import SeedAccount

WORLDS = ("ancestral", "modern")
PLAYERS = (*PARTS, "upkeep", "drivers")
CAUSES = (*SWITCHES, "drivers")
FORESIGHT = ("horizon", "discount")
NOT_SPLIT = "not_split"
# The loss, and the name of its step in the ladder
STEPS = {"sampling": "sampling", "waste": "search", "hack": "hack"}
MOST_MINDS = 20_000  # two seconds in savanna
# Possible next states at all ages of all minds, so that large worlds take no longer
MOST_WORK = 4_000_000_000
UNCOMPILED = 10  # rules without compiled code take so much longer
BLOCK = 4096  # genomes whose parts are in memory at the same time
SCHEMA = {
    "seed": pl.Int64,
    "world": pl.String,
    "step": pl.String,
    "classes": pl.Int64,
    "covered": pl.Float64,
    "cause": pl.String,
    "value": pl.Float64,
}


@dataclass(frozen=True)
class LossByCause:
    """One step of the ladder in one world.

    Attributes
    ----------
    loss : Estimate
        The step.
    covered : float
        Share of newborns whose genomes are split, on the rung that has less.
    causes : dict of Estimate
        By cause; with `not_split` they sum to the loss.
    foresight : Estimate
        The sum of `horizon` and `discount`.
    not_found, load : Estimate or None
        The other split of waste: the upper rung minus the best individual present, and that minus
        the mean. None for the other steps.
    """

    loss: Estimate
    covered: float
    causes: Mapping[str, Estimate]
    foresight: Estimate
    not_found: Annotated[Estimate | None, Key(omit=None)] = None
    load: Annotated[Estimate | None, Key(omit=None)] = None


@dataclass(frozen=True)
class Summary:
    """Losses by world and step; no step where none was measured."""

    worlds: Annotated[ByWorld[Mapping[str, LossByCause]], Key(inline=True)]


class NotTheStep(ArithmeticError):
    """The parts of a step do not sum to the step of the ladder: the program is wrong."""


@dataclass(frozen=True, eq=False)
class Occupants:
    """The genomes on one rung.

    Attributes
    ----------
    classes, fitness_retained, share : ndarray
        `[n]` class, share of fitness that drivers and modifiers leave, and share of newborns.
    """

    classes: NDArray[np.int64]
    fitness_retained: Floats
    share: Floats

    @classmethod
    def of_class(cls, class_id: int) -> Occupants:
        """A single genome without drivers."""
        return cls(np.array([class_id], dtype=np.int64), np.ones(1), np.ones(1))

    @classmethod
    def of_snapshot(cls, snapshot: PopulationSnapshot) -> Occupants:
        """A population."""
        return cls(snapshot.classes, snapshot.fitness_retained, snapshot.share.astype(np.float64))


@dataclass(frozen=True, eq=False)
class RungLoss:
    """The loss of the genomes of a rung beyond that of R3, by cause.

    Attributes
    ----------
    parts : dict of float
        By cause, and `not_split`.
    classes : int
        Number of classes that are split.
    covered : float
        Their share of newborns.
    """

    parts: dict[str, float]
    classes: int
    covered: float


def shapley_parts(value: Floats) -> Floats:
    """`[n, p]` Shapley values of `n` games, given as `[n, 2^p]` values of all coalitions.

    Bit `i` of a column is player `i`.
    """
    coalitions = np.arange(value.shape[1])
    p = len(coalitions).bit_length() - 1
    size = np.array([int(some).bit_count() for some in coalitions])
    weight = np.array(
        [math.factorial(k) * math.factorial(p - 1 - k) / math.factorial(p) for k in range(p)]
    )
    out = np.empty((len(value), p))
    for player in range(p):
        without = coalitions[coalitions >> player & 1 == 0]
        gain = value[:, without | 1 << player] - value[:, without]
        out[:, player] = gain @ weight[size[without]]
    return out


def parts_of_genomes(amounts: Floats, after_upkeep: Floats, after_drivers: Floats) -> Floats:
    """`[n, p]` loss of genomes by player of `PLAYERS`.

    Parameters
    ----------
    amounts : ndarray
        `[n, SETS]` lifetime amounts with each set of parts right (`repaired_planners.repair`).
    after_upkeep, after_drivers : ndarray
        `[n]` shares of fitness that upkeep, and that drivers and modifiers, leave.
    """
    out = np.empty((len(amounts), len(PLAYERS)))
    for at in range(0, len(amounts), BLOCK):
        some = slice(at, at + BLOCK)
        # In the order of PLAYERS: bits of upkeep, then of drivers, follow those of the mind
        own_upkeep = amounts[some] * after_upkeep[some, None]
        no_drivers = np.concatenate([own_upkeep, amounts[some]], axis=1)
        own_drivers = no_drivers * after_drivers[some, None]
        out[some] = shapley_parts(np.concatenate([own_drivers, no_drivers], axis=1))
    return out


class _OneWorld:
    """Parts of all living genomes in one world."""

    def __init__(self, inputs: AccountInputs, world_name: str, rungs: Sequence[Occupants]) -> None:
        self.inputs, self.world_name = inputs, world_name
        cache = inputs.record.cache
        self.evaluator = cache.evaluator
        self.size = cache.gaps.spans[
            "ancestral" if world_name == "ancestral" else "modern_intent"
        ].size
        self.best = inputs.best_classes.of_rungs()["best_ancestral"]
        order = _by_commonness(self.best, rungs)
        rules = self.evaluator.genome.decode(order)
        repaired = repair(
            rules,
            self.evaluator.pair,
            world_name,
            make_scorer=inputs.make_scorer,
            most_minds=most_minds(
                self.evaluator.world(world_name), compiled=has_compiled_code(rules)
            ),
        )
        self.amounts = repaired.amounts
        split = len(self.amounts)
        self.after_upkeep = rules.fitness_retained[:split]
        self.row = {class_id: row for row, class_id in enumerate(order[:split].tolist())}
        self._check_classes()
        self.parts_of_best = self.parts(Occupants.of_class(self.best))[0]
        self.fitness_of_best = self.evaluator.scored(self.best, world_name)

    def _check_classes(self) -> None:
        """Planners as they are must have the fitness that ladders use."""
        for class_id, row in self.row.items():
            here = float(self.amounts[row, 0] * self.after_upkeep[row])
            known = self.evaluator.scored(class_id, self.world_name)
            if not abs(here - known) <= EXACT * self.size:
                raise NotTheStep(
                    f"class {class_id} must have fitness {known!r} in the {self.world_name} world,"
                    f" but has {here!r}. This is a fault of evosim: report it."
                )

    def parts(self, rung: Occupants) -> Floats:
        """`[n, p]` parts of genomes, all of which are split."""
        rows = np.array([self.row[class_id] for class_id in rung.classes.tolist()])
        return parts_of_genomes(self.amounts[rows], self.after_upkeep[rows], rung.fitness_retained)

    def loss(self, rung: Occupants) -> RungLoss:
        """The loss of a rung beyond that of R3."""
        split = np.array([class_id in self.row for class_id in rung.classes.tolist()])
        some = Occupants(rung.classes[split], rung.fitness_retained[split], rung.share[split])
        more = some.share @ (self.parts(some) - self.parts_of_best) if split.any() else None
        parts = dict.fromkeys(CAUSES, 0.0)
        if more is not None:
            parts |= dict(zip(PLAYERS, more.tolist(), strict=True))
        left = [
            share
            * (self.fitness_of_best - self.evaluator.scored(class_id, self.world_name) * retained)
            for class_id, retained, share in zip(
                rung.classes[~split].tolist(),
                rung.fitness_retained[~split].tolist(),
                rung.share[~split].tolist(),
                strict=True,
            )
        ]
        return RungLoss(
            parts | {NOT_SPLIT: math.fsum(left)},
            len(np.unique(some.classes)),
            1.0 if split.all() else float(some.share.sum()),
        )

    def rows(
        self, account: SeedAccount, rungs: Mapping[str, Occupants], steps: Sequence[Step]
    ) -> list[dict[str, object]]:
        """Rows of the table of one seed. Raises `NotTheStep`."""
        losses = {name: self.loss(rung) for name, rung in rungs.items()}
        measured = account.ladders.of(self.world_name).steps
        out: list[dict[str, object]] = []
        for step, upper, lower in steps:
            high, low = losses[upper], losses[lower]
            parts = {cause: low.parts[cause] - high.parts[cause] for cause in low.parts}
            self._check_step(account.seed, step, parts, measured[STEPS[step]])
            head = {
                "seed": account.seed,
                "world": self.world_name,
                "step": step,
                "classes": low.classes,
                "covered": min(low.covered, high.covered),
            }
            out += [{**head, "cause": cause, "value": value} for cause, value in parts.items()]
        return out

    def _check_step(
        self, seed: int, step: str, parts: Mapping[str, float], measured: float | None
    ) -> None:
        total = math.fsum(parts.values())
        if measured is None or not abs(total - measured) <= EXACT * self.size:
            raise NotTheStep(
                f"the causes of step '{STEPS[step]}' must sum to {measured!r} in the"
                f" {self.world_name} world of seed {seed}, but sum to {total!r}. This is a fault of"
                " evosim: report it."
            )


Step = tuple[str, str, str]  # its name, its upper and its lower rung


def steps_of(rungs: Mapping[str, object], *, has_control: bool, varies: bool) -> list[Step]:
    """The steps below R3 that are measured, as in `ladder.rungs_and_steps`.

    Parameters
    ----------
    rungs : Mapping
        By name, the rungs that were reached.
    has_control : bool
        Whether the experiment has a control with fair meiosis.
    varies : bool
        Whether selection saw another sample in each generation.
    """
    searched = "control" if has_control else "population"
    if varies:
        steps = [("waste", "best_ancestral", "all_cases"), ("sampling", "all_cases", searched)]
    elif "best_on_sample" in rungs:
        steps = [
            ("sampling", "best_ancestral", "best_on_sample"),
            ("waste", "best_on_sample", searched),
        ]
    else:
        steps = [("waste", "best_ancestral", searched)]
    if has_control:
        steps.append(("hack", "control", "population"))
    return [step for step in steps if step[1] in rungs and step[2] in rungs]


def tables(inputs: AccountInputs) -> dict[str, pl.DataFrame]:
    """The table `loss_causes`; no rows for rules that do not plan.

    Raises
    ------
    NotTheStep
        If parts do not sum to a step of the ladder.
    """
    out: list[dict[str, object]] = []
    record = inputs.record
    genome = record.cache.evaluator.genome
    if genome.decode(np.zeros(1, dtype=np.int64)).planners():
        for world_name in WORLDS:
            rungs = [rungs_of(inputs, account, world_name) for account in inputs.seeds]
            world = _OneWorld(inputs, world_name, [x for seed in rungs for x in seed.values()])
            for account, of_seed in zip(inputs.seeds, rungs, strict=True):
                steps = steps_of(
                    of_seed,
                    has_control=bool(record.drive_controls),
                    varies=not record.selection.plain and record.selection.varies,
                )
                out += world.rows(account, of_seed, steps)
    return {"loss_causes": pl.DataFrame(out, schema=SCHEMA)}


def rungs_of(inputs: AccountInputs, account: SeedAccount, world_name: str) -> dict[str, Occupants]:
    """The rungs of one seed from R3 down, as far as populations lived to the swap."""
    record = inputs.record
    out = {"best_ancestral": Occupants.of_class(inputs.best_classes.of_rungs()["best_ancestral"])}
    best = record.best_on_sample(account.seed)
    if best:
        out["best_on_sample"] = Occupants.of_class(getattr(best, world_name))
    for rung, control in (("all_cases", "all_cases"), ("control", "fair")):
        if control in record.controls:
            snapshot = record.snapshot(record.controls[control], account.seed, "swap")
            if snapshot:
                out[rung] = Occupants.of_snapshot(snapshot)
    if account.snapshot:
        out["population"] = Occupants.of_snapshot(account.snapshot)
    return out


def most_minds(world: TabularMdp, *, compiled: bool) -> int:
    """How many distinct minds are planned at most in a world; `compiled`: by compiled code."""
    work = world.lifespan * int(np.count_nonzero(world.transitions))
    most = min(MOST_MINDS, MOST_WORK // work)
    return most if compiled else most // UNCOMPILED


def _by_commonness(best: int, rungs: Sequence[Occupants]) -> NDArray[np.int64]:
    """All classes: the best ancestral genome, then by their sum of shares over all rungs."""
    classes = np.concatenate([[best], *(rung.classes for rung in rungs)])
    share = np.concatenate([[1.0], *(rung.share for rung in rungs)])
    distinct, inverse = np.unique(classes, return_inverse=True)
    weight = np.bincount(inverse.ravel(), share)
    return distinct[np.lexsort((distinct, -weight, distinct != best))]


def summarize(inputs: AccountInputs, tables: Mapping[str, pl.DataFrame]) -> Summary | None:
    """Means over the seeds of the ladder, with intervals; None for rules that do not plan."""
    if not inputs.record.cache.evaluator.genome.decode(np.zeros(1, dtype=np.int64)).planners():
        return None
    return Summary(ByWorld(*(_of_world(inputs, tables, world) for world in WORLDS)))


def _of_world(
    inputs: AccountInputs, tables: Mapping[str, pl.DataFrame], world: str
) -> dict[str, LossByCause]:
    ladder = tables["ladder"].filter((pl.col("world") == world) & (pl.col("part") == "step"))
    # The seeds of the ladder's means, so that parts sum to the step that it shows
    seeds = means_over_seeds.complete_seeds(tables["ladder"].filter(pl.col("world") == world))
    table = tables["loss_causes"].filter(
        (pl.col("world") == world) & pl.col("seed").is_in(seeds.implode())
    )
    settings, ranges = inputs.record.experiment.analysis, inputs.ranges.of_ladder(world)

    def estimates(values: Sequence[Floats]) -> list[Estimate]:
        means = [float(np.mean(of_seeds)) for of_seeds in values]
        lows, highs = intervals(np.stack(values), settings.bootstrap, settings.confidence)
        return [
            Estimate(mean, None if np.isnan(low) else low, None if np.isnan(high) else high, n)
            for mean, low, high, n in zip(
                means, lows.tolist(), highs.tolist(), map(len, values), strict=True
            )
        ]

    def of_ladder(step: str) -> Estimate:
        rows = ladder.filter((pl.col("name") == step) & pl.col("seed").is_in(seeds.implode()))
        (found,) = estimates([rows["value"].to_numpy()])
        if found.low is None or found.high is None:
            return found
        low, high = cut((found.low, found.high), ranges.get(step))
        return replace(found, low=low, high=high)

    out = {}
    for step, in_ladder in STEPS.items():
        rows = table.filter(pl.col("step") == step)
        if rows.is_empty():
            continue
        values = {
            str(cause): of_cause["value"].to_numpy()
            for (cause,), of_cause in rows.group_by("cause", maintain_order=True)
        }
        foresight = np.sum([values[cause] for cause in FORESIGHT], axis=0)
        *causes, of_foresight = estimates([*values.values(), foresight])
        waste = step == "waste"
        out[step] = LossByCause(
            loss=of_ladder(in_ladder),
            covered=float(rows["covered"].mean()),  # type: ignore[arg-type]
            causes=dict(zip(values, causes, strict=True)),
            foresight=of_foresight,
            not_found=of_ladder("unfound") if waste else None,
            load=of_ladder("load") if waste else None,
        )
    return out
