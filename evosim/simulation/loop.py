"""The loop of one run. The order of events is in `simulate`.

The base optimizer hears the fitness of the phase's own world and nothing else. Fitness in the other
world is looked up for the record only, so replacing the modern world cannot change an ancestral
generation.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.config.parts import part_params
from evosim.config.resolve import Problem
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.genomes.loci import Alleles, Ints
from evosim.optimizers import OPTIMIZERS, Extinction, InvalidOptimizer, Optimizer
from evosim.optimizers.genotype_reader import Census, worth
from evosim.optimizers.params import OPTIMIZER_PARAMS
from evosim.reference.selection import case_weights
from evosim.runtime.blocks import BY_GENERATION, Blocks
from evosim.runtime.progress import Tell
from evosim.simulation.generation import Living
from evosim.simulation.price_equation import SearchLedger, Traits
from evosim.simulation.recorder import Recorder
from evosim.simulation.state import Keeper, State


@dataclass(frozen=True, eq=False)
class Run:
    """One replicate.

    Attributes:
        status: `complete`, or `extinct` in some generation.
        tables: by name. The tables by generation are missing where they are in `blocks`.
        lived: classes that lived, where noted.
        blocks: the tables by generation of a long run, on disk.
    """

    seed: int
    status: str
    generations: int
    tables: dict[str, pl.DataFrame]
    lived: Ints
    blocks: Blocks | None = None


def simulate(
    setting: Problem,
    landscape: Landscape,
    seed: int,
    progress: Tell | None = None,
    *,
    control: str = "",
    keeper: Keeper | None = None,
) -> Run:
    """One replicate of an experiment.

    In every generation: the optimizer shows its newborns; their classes are looked up or evaluated;
    they are recorded (the first, the last ancestral generation and the last of all also as
    snapshots), and the search ledger accounts for what made them; the optimizer hears their fitness
    in the world of the phase (in the ancestral one, as the experiment's selection has it) and makes
    the next newborns. If all of it is 0 nobody can be a parent: the run ends there with status
    `extinct`, and the last generation's snapshot is its end.

    With a `keeper` the run goes on from the state that it has, if any. The keeper is told of every
    generation when it is recorded and its fitness not yet heard, and may stop the run there
    (`Stop`). Stopped and continued, a run has the same tables byte for byte.
    """
    experiment, grid = setting.experiment, setting.genome.grid
    name = experiment.optimizer["name"]
    params = part_params(experiment.optimizer, OPTIMIZER_PARAMS[name], "optimizer")
    recorder = Recorder(seed, grid)
    worlds = [phase.world for phase in experiment.phases for _ in range(phase.generations)]
    begins = {0, *itertools.accumulate(phase.generations for phase in experiment.phases)}
    total, g = len(worlds), 0
    label = f"{control.replace('_', ' ')} control" if control else f"seed {seed}"
    status = "complete"
    choice, shares = experiment.selection, setting.pair.ancestral.case_shares()

    def heard(g: int, those: Living | None = None) -> tuple[NDArray[np.float64], ...]:
        """What the optimizer hears of those that live: fitness, and where that is not fitness in
        the whole world, this too.
        """
        those = those or living
        if choice.plain or worlds[g] == "modern":
            return (those.fitness(worlds[g]),)
        return those.selected(choice, case_weights(choice, shares, seed, g)), those.fitness(
            "ancestral"
        )

    def judge(genotypes: Alleles, g: int) -> NDArray[np.float64]:
        """What the optimizer would hear of others in a generation. They are not recorded."""
        others = Living(Census(grid))
        others.look(genotypes, landscape, optimizer.kept(genotypes), lived=False)
        return heard(g, others)[0]

    try:
        optimizer = OPTIMIZERS[name](params, grid, seed)
    except InvalidOptimizer as error:
        raise UserError(str(error)) from None
    with landscape.noting() as lived:
        on_disk = keeper.blocks(experiment, seed, control) if keeper else None
        try:
            census, reader = Census(grid), Census(grid)
            living = Living(census)
            optimizer.judged_by(judge)

            def fitness(
                genotypes: Alleles, first: int
            ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
                distinct, places = reader.classes(genotypes)
                found, kept = (
                    landscape.worth(distinct, lived=False),
                    optimizer.kept(genotypes, first),
                )
                return tuple(
                    worth(table, places, kept, np.empty(len(kept)))
                    for table in (found.ancestral, found.modern)
                )  # type: ignore[return-value]

            ledger = SearchLedger(Traits(grid, fitness), seed) if experiment.search_ledger else None
            facts = {"label": label, "seed": seed, "control": control, "generations": total}
            saved = keeper.begin(experiment, seed, control) if keeper else None
            if saved:
                g = saved.facts["generation"] + 1
                try:
                    if not optimizer.resume(saved.arrays["genotypes"], g - 1):
                        _lead_again(optimizer, landscape, living, g - 1, begins, heard)
                    landscape.note(saved.arrays["lived"])
                    recorder.resume(saved)
                    if ledger:
                        ledger.resume(saved.arrays)
                    if on_disk is not None:
                        on_disk.reopen(saved.facts["blocks"], saved.facts["seal"], _names(ledger))
                except (LookupError, TypeError, ValueError, pl.exceptions.PolarsError):
                    raise UserError(
                        f"the checkpoint of the {label} must hold what was recorded, but holds"
                        " something else. Start afresh (--force)."
                    ) from None
                genotypes = optimizer.ask()
                if not np.array_equal(genotypes, saved.arrays["genotypes"]):
                    raise UserError(
                        f"optimizer '{name}' must do again what it did before the checkpoint, but"
                        " does not. Start afresh (--force)."
                    )
                living.look(genotypes, landscape, optimizer.kept(genotypes))
                optimizer.tell(*heard(g - 1))
            while g < total:
                if g in begins:
                    optimizer.begin_phase()
                genotypes = optimizer.ask()
                living.look(genotypes, landscape, optimizer.kept(genotypes))
                recorder.generation(g, worlds[g], census.counts(genotypes), living)
                if ledger:
                    ledger.generation(g, worlds[max(g - 1, 0)], genotypes, optimizer.descent())
                moments = {
                    "first": g == 0,
                    "swap": g == experiment.swap - 1,
                    "snapshot": g in experiment.snapshots,
                }
                for moment in (name for name, now in moments.items() if now):
                    recorder.population(moment, g, genotypes, landscape, optimizer.kept)
                if recorder.full:
                    _cut(recorder, ledger, on_disk)
                if keeper:
                    now = facts | {"generation": g}
                    keeper.between(now, _taker(now, genotypes, lived, recorder, ledger, on_disk))
                if progress:
                    progress(label, g, total, *recorder.means)
                g += 1
                optimizer.tell(*heard(g - 1))
        except Extinction:
            status = "extinct"
        except InvalidOptimizer as error:
            raise UserError(str(error)) from None
        finally:
            optimizer.end()
        recorder.population("end", g - 1, genotypes, landscape, optimizer.kept)
        if on_disk is not None:
            _cut(recorder, ledger, on_disk)
            tables = {"populations": recorder.snapshots()}
        else:
            tables = recorder.tables() | ({"search": ledger.table()} if ledger else {})
        return Run(seed, status, g, tables, np.array(sorted(lived), dtype=np.int64), on_disk)


def _names(ledger: SearchLedger | None) -> tuple[str, ...]:
    """The tables by generation that a run has."""
    return BY_GENERATION if ledger else BY_GENERATION[:-1]


def _cut(recorder: Recorder, ledger: SearchLedger | None, on_disk: Blocks | None) -> None:
    """Put the rows since the last block into one: on disk, or in memory without a folder for it."""
    rows = recorder.cut()
    accounts = ledger.cut() if ledger else []
    if on_disk is None:
        recorder.blocks.append(rows)
        if ledger:
            ledger.blocks.append(accounts)
    elif rows.generations.height:
        on_disk.add(
            recorder.tables_of(rows) | ({"search": ledger.table_of(accounts)} if ledger else {})
        )


def _lead_again(
    optimizer: Optimizer,
    landscape: Landscape,
    living: Living,
    until: int,
    begins: set[int],
    heard: Callable[[int], tuple[NDArray[np.float64], ...]],
) -> None:
    """Lead an optimizer through the generations before the one it is to go on from, without
    recording them again.
    """
    for g in range(until):
        if g in begins:
            optimizer.begin_phase()
        genotypes = optimizer.ask()
        living.look(genotypes, landscape, optimizer.kept(genotypes))
        optimizer.tell(*heard(g))
    if until in begins:
        optimizer.begin_phase()


def _taker(
    facts: dict[str, Any],
    genotypes: Alleles,
    lived: set[int],
    recorder: Recorder,
    ledger: SearchLedger | None,
    on_disk: Blocks | None,
) -> Callable[[], State]:
    """What gives the state as it is now, until another generation is recorded.

    It may be asked in the middle of the next generation: newborns are not overwritten while their
    children are made and recorded, and what was recorded since is left out.
    """
    mark, accounts, many = (
        recorder.mark(),
        ledger.mark() if ledger else None,
        0 if on_disk is None else len(on_disk),
    )

    def take() -> State:
        state = recorder.kept(mark)
        arrays: dict[str, NDArray[Any]] = {
            "genotypes": genotypes,
            "lived": np.array(sorted(lived), dtype=np.int64),
            **state.arrays,
        }
        if ledger and accounts:
            arrays |= ledger.kept(accounts)
        found: dict[str, Any] = {}
        if on_disk is not None:
            on_disk.settle()
            found = {"blocks": many, "seal": on_disk.seals[many]}
        return State(facts | state.facts | found, arrays, state.tables)

    return take
