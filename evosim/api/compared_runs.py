"""The compared runs and their numbers, without text and figures."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from evosim.analysis.comparison import detected_differences
from evosim.analysis.recorded_run import Recorded
from evosim.analysis.summary import RunSummary
from evosim.api.frames import losses
from evosim.config.resolve import payoff_unit
from evosim.runtime.forked_processes import Guarded


@dataclass(frozen=True, eq=False)
class ComparedRuns(Guarded):
    """Runs and their differences from the first one.

    Attributes
    ----------
    recorded : tuple of Recorded
        The runs, the base first.
    names : tuple of str
        Short names of the runs, all different.
    parameters : pl.DataFrame
        One row per parameter that differs: `parameter`, and a column of JSON values per run.
    provenance : pl.DataFrame
        One row per fact, such as digest or versions: `fact`, `what`, `same`, and a column per run.
    differences : pl.DataFrame
        One row per run and quantity: `run`, `part`, `world`, `name`, `base`, `other`, `difference`,
        `low`, `high`, `seeds_base`, `seeds_other`, `how`. `part` is loss, rung, step, regret or
        hack.
        `how` is exact, best found, paired, unpaired, alike, no interval or not measured.
    analyses : tuple
        Tables and summary of each run's account.
    """

    recorded: tuple[Recorded, ...]
    names: tuple[str, ...]
    parameters: pl.DataFrame
    provenance: pl.DataFrame
    differences: pl.DataFrame
    analyses: tuple[tuple[dict[str, pl.DataFrame], RunSummary], ...]

    @property
    def unit(self) -> str:
        """Unit of payoff; `payoff` if the worlds have different units."""
        units = {payoff_unit(run.experiment) for run in self.recorded}
        return units.pop() if len(units) == 1 else "payoff"

    @property
    def base(self) -> str:
        """Name of the run that the others are compared with."""
        return self.names[0]

    def losses(self) -> pl.DataFrame:
        """The three losses of all runs: `run`, then the columns of `run.losses()`."""
        return pl.concat(
            losses(summary.account).select(pl.lit(name).alias("run"), pl.all())
            for name, (_, summary) in zip(self.names, self.analyses, strict=True)
        )

    def detected_differences(self) -> pl.DataFrame:
        """The differences whose interval does not hold 0.

        One of twenty does so by chance where there is none.
        """
        return detected_differences(self.differences)
