"""Inputs of a sweep's charts: the analysis, parameter names and their order."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from evosim.analysis.intervals import level
from evosim.runtime.words import count_of
from evosim.sweeps.analysis_tables import Analysis, FactorSummary
from evosim.sweeps.factors import short_factors, short_names
from evosim.sweeps.schema import SweepFile
from evosim.sweeps.tables import unfinished_words


@dataclass(frozen=True, eq=False)
class ChartInputs:
    """Inputs of a sweep's charts.

    Attributes
    ----------
    analysis : Analysis
        Of the sweep.
    sweep : SweepFile
        Its file.
    x, y : str or None
        Swept parameters that the user chose for the axes.
    """

    analysis: Analysis
    sweep: SweepFile
    x: str | None
    y: str | None

    def of(self, table: str, name: str) -> pl.DataFrame:
        """The rows of a quantity in a table."""
        return self.analysis.of(table, name)

    @property
    def factors(self) -> dict[str, FactorSummary]:
        """Factors with more than one level, without the design."""
        return {f.name: f for f in self.analysis.facts.grid_factors if f.count > 1}

    @property
    def sampled(self) -> list[str]:
        """Parameters of the design."""
        return self.analysis.facts.design_parameters

    @property
    def short(self) -> dict[str, str]:
        """Short names of factors and parameters."""
        names = short_factors(self.analysis.facts.factors) | short_names(self.sampled)
        return {key: name.replace("_", " ") for key, name in names.items()}

    def is_log(self, parameter: str) -> bool:
        """Whether the range of a design's parameter is logarithmic."""
        design = self.sweep.design
        return design is not None and design.ranges[parameter].scale == "log"

    def ranked(self, name: str) -> list[str]:
        """Factors by their share of the variance, largest first; else in the order of the file."""
        rows = (
            self.of("shares", name)
            .filter(pl.col("with").is_null() & pl.col("order").is_in(["total", "first"]))
            .drop_nulls("share")
        )
        shares = dict(rows.sort("order").select("factor", "share").iter_rows())
        return sorted(self.factors, key=lambda key: -shares.get(key, 0.0))

    def ranked_sampled(self, name: str) -> list[str]:
        """Parameters of the design, by share or rank correlation, largest first."""
        rows = self.of("sampled", name).filter(pl.col("with").is_null())
        ranks = {
            parameter: max(share or 0.0, abs(correlation or 0.0) ** 2)
            for parameter, share, correlation in rows.select(
                "parameter", "share", "correlation"
            ).iter_rows()
        }
        return sorted(self.sampled, key=lambda key: -ranks.get(key, 0.0))

    def interval_words(self) -> str:
        """Description of the bars of a chart; empty if there are too few seeds for intervals."""
        facts = self.analysis.facts
        if not facts.has_intervals:
            return ""
        return f"{level(facts.confidence)} confidence interval over seeds"

    def subtitle(self, name: str, note: str = "", *, paired: bool = True) -> list[str]:
        """The lines below a title.

        Parameters
        ----------
        name : str
            The quantity; empty if there are several.
        note : str
            A line about this chart.
        paired : bool
            Whether the chart uses only seeds that were measured in every cell.
        """
        facts = self.analysis.facts
        unfinished = unfinished_words(facts.runs)
        seeds = "1 seed" if facts.replicates == 1 else f"{facts.replicates} seeds each"
        lines = [
            f"{facts.name} {facts.sweep[:8]}: {count_of(facts.cells, 'cell')}, {seeds}"
            + (f"; runs: {unfinished}" if unfinished else "")
        ]
        lines += [note] if note else []
        left_out = self.of("quantities", name)["seeds_left_out"].sum() if name and paired else 0
        if left_out:
            lines.append(
                f"without {count_of(int(left_out), 'seed')} that were not measured in every cell"
            )
        return lines
