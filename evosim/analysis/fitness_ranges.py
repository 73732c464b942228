"""The least and largest fitness that is possible in a run: intervals are cut to it."""

from __future__ import annotations

from evosim.analysis import ladder
from evosim.analysis.checked_record import CheckedRecord
from evosim.analysis.intervals import Ends
from evosim.analysis.values import ByWorld
from evosim.reference.dynamic_programming import Span


class FitnessRanges:
    """Spans of fitness in both worlds, shares of them, and ranges of rungs and steps."""

    def __init__(
        self, record: CheckedRecord, fixed_rungs: ByWorld[ladder.FixedRungs], *, exact: bool
    ) -> None:
        self.record, self.fixed_rungs, self.exact = record, fixed_rungs, exact

    def span(self, world: str) -> Span:
        """The span of fitness in a world: payoff in A, intent in M."""
        return self.record.cache.gaps.spans[
            "ancestral" if world == "ancestral" else "modern_intent"
        ]

    def worst_policy(self, world: str) -> float:
        """Fitness of the worst policy; that of the best if they differ by rounding only."""
        span = self.span(world)
        return span.worst if span.width else span.best

    def share_of_best(self, world: str, fitness: float) -> float | None:
        """Fitness on a scale from the worst policy (0) to the best genome (1).

        None if the best genome is not above the worst policy.
        """
        best = self.fixed_rungs.of(world).rungs["best_for_intent"]
        return self.span(world).share_of(best, fitness)

    def share_of_optimum(self, fitness: float) -> float | None:
        """The modern share of an ancestral optimum.

        It is 1 if the optimum is as good as the best genome, also where shares are not defined.
        """
        share = self.share_of_best("modern", fitness)
        best = self.fixed_rungs.modern.rungs["best_for_intent"]
        if share is None and self.span("modern").as_good(best, fitness):
            return 1.0
        return share

    def of_population(self, world: str) -> Ends:
        """The least and largest fitness of a population.

        The largest is that of the best genotype. If the grid was searched and not enumerated, it is
        that of the best policy. Drivers that cost fertility can raise a negative fitness up to 0.
        """
        span, record = self.span(world), self.record
        rungs = self.fixed_rungs.of(world).rungs
        best = rungs.get("best_heterozygote", rungs["best_for_intent"])
        most = best if self.exact else span.best
        has_costs = bool(record.cache.evaluator.genome.grid.drive) or any(
            (tables["populations"]["kept"] < 1.0).any()
            for tables in (record.tables, *record.controls.values())
        )
        return span.least(), max(most, 0.0) if has_costs else most

    def of_shares(self, world: str) -> Ends | None:
        """The least and largest share of the best; None where shares are not defined."""
        low, high = (self.share_of_best(world, end) for end in self.of_population(world))
        return None if low is None or high is None else (low, high)

    def of_ladder(self, world: str) -> dict[str, Ends]:
        """The range of each rung and step that depends on the seed."""
        least, most = self.of_population(world)
        steps = ("sampling", "search", "unfound", "load", "hack")
        ranges = dict.fromkeys(ladder.RUNGS[ladder.RUNGS.index("best_on_sample") :], (least, most))
        ranges |= dict.fromkeys(steps, (least - most, most - least))
        top = self.fixed_rungs.of(world).rungs["best_ancestral"]
        # Search, or sampling, leads down from R3, which is the same in all seeds
        if not self.record.selects_by_fitness:
            return ranges | {"sampling": (top - most, top - least)}
        # No individual is above the best present
        if world == "ancestral":
            ranges["load"] = (0.0, most - least)
        return ranges | dict.fromkeys(("search", "unfound"), (top - most, top - least))
