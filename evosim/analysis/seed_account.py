"""The account of one replicate: its ladders, ledgers, desires, recovery and drive cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import polars as pl

from evosim.analysis import behaviour, desires, drive_cost, ladder
from evosim.analysis.checked_record import CheckedRecord, Tables
from evosim.analysis.population import PopulationFitness, PopulationSnapshot
from evosim.analysis.values import ByWorld
from evosim.errors import UserError

WORLDS = ("ancestral", "modern")


@dataclass(frozen=True)
class Recovery:
    """A row of the table `recovery`: mean fitness at the swap and at the end of a replicate.

    None if the population died out before the swap, or without a control.
    """

    seed: int
    ancestral_at_swap: float | None = None
    modern_at_swap: float | None = None
    ancestral_at_end: float | None = None
    modern_at_end: float | None = None
    modern_at_end_fair: float | None = None


RECOVERY_SCHEMA = {
    "seed": pl.Int64,
    "ancestral_at_swap": pl.Float64,
    "modern_at_swap": pl.Float64,
    "ancestral_at_end": pl.Float64,
    "modern_at_end": pl.Float64,
    "modern_at_end_fair": pl.Float64,
}


@dataclass(frozen=True, eq=False)
class SeedAccount:
    """All results for one replicate.

    Attributes
    ----------
    seed : int
        Of the replicate.
    snapshot : PopulationSnapshot or None
        The population at the swap; None if it died out before.
    ladders : ByWorld[ladder.Ladder]
        Rungs and steps.
    ledgers : list of pl.DataFrame
        Rows of the table `behaviour`.
    ledger_by_rung : dict of behaviour.Ledger
        Mean behaviour ledger of the populations at the swap: `all_cases`, `control`, `population`.
    desires, drive_rows, recovery : DataFrame, list of DriveRow, or Recovery
        Rows of the tables `desires`, `hack` and `recovery`.
    """

    seed: int
    snapshot: PopulationSnapshot | None
    ladders: ByWorld[ladder.Ladder]
    ledgers: list[pl.DataFrame]
    ledger_by_rung: dict[str, behaviour.Ledger]
    desires: pl.DataFrame
    drive_rows: list[drive_cost.DriveRow]
    recovery: Recovery


@dataclass(frozen=True, eq=False)
class _AtSwap:
    """Populations of one seed at the swap; None for those that died out or were not simulated."""

    run: PopulationSnapshot | None
    fair: PopulationSnapshot | None
    all_cases: PopulationSnapshot | None

    def by_rung(self) -> dict[str, PopulationSnapshot]:
        """Those that are there, by the rung that they reach."""
        rungs = {"all_cases": self.all_cases, "control": self.fair, "population": self.run}
        return {rung: snapshot for rung, snapshot in rungs.items() if snapshot}


class SeedAccountant:
    """Computes the accounts of single replicates."""

    def __init__(self, record: CheckedRecord, fixed_rungs: ByWorld[ladder.FixedRungs]) -> None:
        self.record, self.fixed_rungs = record, fixed_rungs
        self.evaluator = record.cache.evaluator
        self.acts = record.pair.ancestral.acts

    def account(self, seed: int) -> SeedAccount:
        """The account of a replicate. Raises `UserError` if its record is damaged."""
        record = self.record
        swap = record.snapshot(record.tables, seed, "swap", with_ledgers=True)
        end = record.snapshot(record.tables, seed, "end", with_ledgers=True)
        if end is None:
            raise UserError(
                f"the record has no last population of seed {seed}. It is damaged: run it again."
            )
        at_swap = _AtSwap(
            swap, self._control("fair", seed, "swap"), self._control("all_cases", seed, "swap")
        )
        fitness = {
            arm: snapshot.fitness(self.evaluator, record.selection_fitness(snapshot, seed))
            for arm, snapshot in (("run", swap), ("fair", at_swap.fair))
            if snapshot
        }
        by_rung = {
            rung: self.population_ledger(snapshot) for rung, snapshot in at_swap.by_rung().items()
        }
        ledgers = [
            behaviour.ledger_frame(ledger, self.acts, rung, seed)
            for rung, ledger in by_rung.items()
        ]
        if swap:
            ledger = self.population_ledger(end)
            ledgers.append(behaviour.ledger_frame(ledger, self.acts, "population at the end", seed))
        return SeedAccount(
            seed=seed,
            snapshot=swap,
            ladders=self._ladders(seed, fitness, at_swap.all_cases),
            ledgers=ledgers,
            ledger_by_rung=by_rung,
            desires=self._desires(seed, swap, by_rung),
            drive_rows=self._drive_rows(seed, fitness),
            recovery=self._recovery(seed, fitness, end),
        )

    def population_ledger(self, snapshot: PopulationSnapshot) -> behaviour.Ledger:
        """The mean ledger of a population. The cost of drivers and modifiers is upkeep."""
        ledgers = [self.record.cache.ledger(int(c)) for c in snapshot.classes]
        mean = behaviour.mean_ledger(ledgers, snapshot.share).as_reported()
        fitness = snapshot.fitness(self.evaluator)
        return replace(
            mean,
            upkeep_ancestral=(
                mean.upkeep_ancestral + (fitness.ancestral.free - fitness.ancestral.mean)
            ),
            upkeep_modern=mean.upkeep_modern + (fitness.modern.free - fitness.modern.mean),
        )

    def _control(self, name: str, seed: int, moment: str) -> PopulationSnapshot | None:
        if name not in self.record.controls:
            return None
        return self.record.snapshot(
            self.record.controls[name], seed, moment, with_ledgers=moment == "swap"
        )

    def _ladders(
        self,
        seed: int,
        fitness: dict[str, ByWorld[PopulationFitness]],
        all_cases: PopulationSnapshot | None,
    ) -> ByWorld[ladder.Ladder]:
        record = self.record
        best = record.best_on_sample(seed)
        of_all = all_cases.fitness(self.evaluator) if all_cases else None
        ladders = []
        for world in WORLDS:
            reached = {arm: _reached(by_world.of(world)) for arm, by_world in fitness.items()}
            sampled = None
            if not record.selection.plain:
                class_id = getattr(best, world) if best else None
                sampled = ladder.SampledSelection(
                    record.selection.varies,
                    None if class_id is None else self.evaluator.scored(class_id, world),
                    _reached(of_all.of(world)) if of_all else None,
                )
            ladders.append(
                ladder.rungs_and_steps(
                    self.fixed_rungs.of(world),
                    reached.get("run"),
                    reached.get("fair"),
                    has_control=bool(record.drive_controls),
                    sampled=sampled,
                )
            )
        return ByWorld(*ladders)

    def _desires(
        self, seed: int, swap: PopulationSnapshot | None, ledgers: dict[str, behaviour.Ledger]
    ) -> pl.DataFrame:
        if swap is None:
            return pl.DataFrame(schema={"seed": pl.Int64, **desires.SCHEMA})
        table = desires.switched_off(self.evaluator, swap, ledgers["population"])
        return table.select(pl.lit(seed, dtype=pl.Int64).alias("seed"), pl.all())

    def _drive_rows(
        self, seed: int, fitness: dict[str, ByWorld[PopulationFitness]]
    ) -> list[drive_cost.DriveRow]:
        controls = self.record.drive_controls
        if not controls:
            return []

        def at_swap(tables: Tables) -> ByWorld[PopulationFitness] | None:
            snapshot = self.record.snapshot(tables, seed, "swap")
            return snapshot.fitness(self.evaluator) if snapshot else None

        others = {name: at_swap(tables) for name, tables in controls.items() if name != "fair"}
        return drive_cost.drive_rows(seed, {**fitness, **others})

    def _recovery(
        self, seed: int, fitness: dict[str, ByWorld[PopulationFitness]], end: PopulationSnapshot
    ) -> Recovery:
        if "run" not in fitness:
            return Recovery(seed)
        swap, last = fitness["run"], end.fitness(self.evaluator)
        fair_end = self._control("fair", seed, "end") if "fair" in fitness else None
        return Recovery(
            seed=seed,
            ancestral_at_swap=swap.ancestral.mean,
            modern_at_swap=swap.modern.mean,
            ancestral_at_end=last.ancestral.mean,
            modern_at_end=last.modern.mean,
            modern_at_end_fair=fair_end.fitness(self.evaluator).modern.mean if fair_end else None,
        )


def _reached(fitness: PopulationFitness) -> ladder.Reached:
    return ladder.Reached(fitness.mean, fitness.best_present)


def recovery_table(accounts: list[SeedAccount]) -> pl.DataFrame:
    """The table `recovery`, one row per seed."""
    return pl.DataFrame([asdict(x.recovery) for x in accounts], schema=RECOVERY_SCHEMA)
