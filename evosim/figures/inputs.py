"""Inputs of figures: a recorded run with its analysis, or the search of a landscape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.policy_table import most_common_class
from evosim.analysis.recorded_run import Recorded
from evosim.analysis.summary import RunSummary
from evosim.config import registry
from evosim.config.schema import Experiment
from evosim.runtime import blocks
from evosim.runtime.blocks import some_rows
from evosim.worlds import Entry

MOST_CHANGES = 2
# Generations that are drawn: of all seeds together, and of one at least
MOST_ROWS, LEAST_ROWS = (20_000, 1_000)
BANDS = "bands hold 95% of them"


@dataclass(frozen=True, eq=False)
class Source:
    """A recorded run and its analysis, from which figures are drawn.

    `number` is the class whose policy and life are drawn, by default the most common one at the
    swap.
    """

    run: Recorded
    analysis: dict[str, pl.DataFrame]
    summary: RunSummary
    class_id: int | None = None

    @cached_property
    def world(self) -> Entry:
        """The run's world: its legend of states, and the colours of its features."""
        return registry.world(self.run.experiment.world.name)

    @cached_property
    def evaluator(self) -> ClassEvaluator:
        """Behaviour of the classes of the run's grid in its worlds."""
        return ClassEvaluator.of_experiment(self.run.experiment)

    @cached_property
    def drawn_class(self) -> tuple[int, str]:
        """The class whose policy and life are drawn, and in words which it is."""
        if self.class_id is not None:
            return self.class_id, f"class {self.class_id}"
        class_id, share, moment = most_common_class(self.run.tables["populations"])
        when = {"swap": "at the swap", "end": "at the end", "first": "at the beginning"}[moment]
        of = "population" if self.run.experiment.replicates == 1 else "populations"
        return class_id, f"class {class_id}, the commonest {when} ({share:.0%} of the {of})"

    @cached_property
    def loci(self) -> tuple[list[str], list[str]]:
        """Loci of the run's genome that vary and are expressed: numeric loci, then named ones."""
        varying = [
            locus
            for locus in self.evaluator.genome.grid.loci
            if locus.values.size > 1 and not locus.silent
        ]
        named = [locus.name for locus in varying if isinstance(locus.params.alleles[0], str)]
        return [locus.name for locus in varying if locus.name not in named], named

    @property
    def run_label(self) -> str:
        """The experiment and its seeds, for a subtitle."""
        e = self.run.experiment
        name = (
            f"{e.name}; seed {e.seed}"
            if e.replicates == 1
            else f"{e.name}; {e.replicates} seeds from {e.seed}"
        )
        changed = list(self.summary.header.changed)
        if len(changed) > MOST_CHANGES:
            changed = [*changed[:MOST_CHANGES], f"and {len(changed) - MOST_CHANGES} more"]
        return f"{name}; changed: {', '.join(changed)}" if changed else name

    def by_generation(
        self, name: str, tables: Mapping[str, pl.DataFrame] | None = None
    ) -> pl.DataFrame:
        """A table by generation.

        Of a run with more generations than a figure can show, only some rows are read. Memory then
        does not grow with the number of generations.

        Parameters
        ----------
        name
            `generations`, `loci`, `alleles` or `search`. Terms of `search` are sums of changes.
            Those of skipped generations are added to the next generation shown.
        tables
            Those of the run (default) or of a control.
        """
        tables = self.run.tables if tables is None else tables
        experiment = self.run.experiment
        total = experiment.generations
        step = min(-(-total * experiment.replicates // MOST_ROWS), -(-total // LEAST_ROWS))
        if step <= 1:
            return tables[name]
        if name == "search":
            return _added_up(tables, step, total)
        generation = pl.col("generation")
        ends = [experiment.swap - 1, experiment.swap, total - 1]
        return some_rows(tables, name, (generation % step == 0) | generation.is_in(ends))

    def adopted(self, name: str) -> pl.DataFrame:
        """A table by generation, without the generations in which exhaustive search enumerates.

        Exhaustive search enumerates in the first generation of each phase. If a run has no other
        generations, they stay.
        """
        table = self.by_generation(name)
        if self.run.experiment.optimizer["name"] != "exhaustive":
            return table
        starts = np.cumsum([0, *(phase.generations for phase in self.run.experiment.phases)])[:-1]
        later = table.filter(~pl.col("generation").is_in(starts.tolist()))
        return table if later.is_empty() else later

    def subtitle(self, note: str) -> str:
        """The run's label, the note on the spread of several seeds, and extinct seeds."""
        out = f"{self.run_label}; {note}" if self.run.experiment.replicates > 1 else self.run_label
        return f"{out}; {extinction}" if (extinction := self.extinction) else out

    @property
    def extinction(self) -> str:
        """How many seeds died out, in words; nothing if none did."""
        extinct = len(self.summary.header.extinct)
        if extinct < len(self.summary.header.runs):
            return f"{extinct} died out, later means are of the others" if extinct else ""
        return (
            "it died out"
            if extinct == 1
            else f"all {extinct} died out, late means are of those that still lived"
        )

    def words(self, said: str) -> str:
        """A text alternative, and who died out."""
        runs = len(self.summary.header.runs)
        return (
            f"{said} {'This run' if runs == 1 else f'Of {runs} runs'}: {self.extinction}."
            if self.extinction
            else said
        )

    @property
    def unit(self) -> str:
        """Unit of payoff."""
        return self.summary.header.unit


def _added_up(tables: Mapping[str, pl.DataFrame], step: int, total: int) -> pl.DataFrame:
    """The search ledger with the changes of every `step` generations added up."""
    stretch = step * max(1, blocks.BLOCK // step)
    parts = []
    for first in range(0, total, stretch):
        rows = some_rows(
            tables, "search", pl.col("generation").is_between(first, first + stretch - 1)
        )
        end = pl.min_horizontal(pl.col("generation") // step * step + step - 1, total - 1).alias(
            "generation"
        )
        numbers = [
            pl.col(column).sum() for column, kind in rows.schema.items() if kind == pl.Float64
        ]
        parts.append(
            rows.with_columns(end)
            .group_by("seed", "trait", "generation", maintain_order=True)
            .agg(numbers)
        )
    return pl.concat(parts)


@dataclass(frozen=True, eq=False)
class Searched:
    """Paths and experiment of a search, from which figures are drawn."""

    table: pl.DataFrame
    experiment: Experiment

    @property
    def run_label(self) -> str:
        """The experiment and its seeds, for a subtitle."""
        e = self.experiment
        seeds = (
            f"seed {e.seed}"
            if e.replicates == 1
            else f"{e.replicates} seeds from {e.seed}; bands hold 95% of them"
        )
        return f"{e.name}; {e.optimizer['name']} on {e.world.name}; {seeds}"


UNDRIVEN = "; what drivers cost is not in it"
WHISKERS = "whiskers hold 95% of them"
COMMON = 5  # classes whose lives are compared
WORLDS = ("ancestral", "modern")


def intent_differs(s: Source) -> bool:
    """Whether intent differs from payoff in the modern world."""
    modern = s.evaluator.pair.modern
    return not np.array_equal(modern.intent, modern.payoff)


def payoff_words(s: Source) -> str:
    """Unit of payoff."""
    return s.summary.header.unit


def unit_of_payoff(s: Source) -> str:
    """Unit of fitness in M: intent, if that is not payoff."""
    return "expected intent" if intent_differs(s) else payoff_words(s)
