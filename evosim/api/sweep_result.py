"""A sweep, as Python users see it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evosim.api.arguments import a_path, describe, one_of, texts
from evosim.api.in_folder import InFolder
from evosim.errors import UserError

if TYPE_CHECKING:
    import altair as alt

    from evosim.sweeps.analysis_tables import Analysis
    from evosim.sweeps.status import SweepStatus


class Sweep(InFolder):
    """A sweep: the table of its runs, and what its parameters do.

    Attributes:
        folder: where it lies, as an absolute path.
        store: its files.
    """

    def __init__(self, folder: str | Path) -> None:
        from evosim.sweeps.store import Store

        self.folder = a_path(folder, "folder", "'results/sweeps/FOLDER'").absolute()
        self.store = Store(self.folder)

    @property
    def status(self) -> SweepStatus:
        """How far it is: runs that are done, failed, died out; chunks; damage."""
        from evosim.sweeps.status import status_of

        return status_of(self.store)

    @cached_property
    def analysis(self) -> Analysis:
        """Analysis of the finished runs. They are collected and analysed if necessary.

        Raises `UserError`.
        """
        from evosim.sweeps.analysis import analysis_of

        return analysis_of(self.store)

    def runs(self) -> pl.DataFrame:
        """One row per run: its plan, its status and its account. Raises `UserError`.

        Numbers of the account have dotted names.
        """
        return self.table("runs")

    def table(self, name: str) -> pl.DataFrame:
        """A collected table: `runs`, or one that the sweep keeps. Raises `UserError`."""
        from evosim.sweeps.analysis import fresh_digest

        one_of(name, "a table", ["runs", *self.store.keep])
        fresh_digest(self.store)
        try:
            return self.store.collected(name).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            words = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
            raise UserError(
                f"{self.folder / name}.parquet must be a table, but {words}. Make it again with"
                " 'evosim sweep collect'."
            ) from None

    @property
    def parameters(self) -> list[str]:
        """Parameters that vary: those of the grid and of the design.

        Parameters that advance together are joined by a plus.
        """
        from evosim.sweeps.queries import parameters_of

        return parameters_of(self.analysis)

    @property
    def quantities(self) -> list[str]:
        """Quantities that were measured in every run, by dotted name as in `summary`."""
        from evosim.sweeps.queries import chosen

        return chosen(self.analysis, ["*"])

    @property
    def headlines(self) -> list[str]:
        """Main quantities that were measured.

        The three losses, fitness of the population, and runs that died out.
        """
        from evosim.sweeps.analysis_tables import headlines

        return headlines(set(self.quantities))

    def cells(self, quantity: str | None = None) -> pl.DataFrame:
        """One row per cell and quantity: parameters, `mean`, `low`, `high`, and runs by status."""
        return self._of("cells", quantity)

    def effects(self, quantity: str | None = None) -> pl.DataFrame:
        """Means at each level of each parameter over all levels of the others, with intervals."""
        return self._of("effects", quantity)

    def contrasts(self, quantity: str | None = None) -> pl.DataFrame:
        """Differences between levels, seed by seed, with intervals."""
        return self._of("contrasts", quantity)

    def shares(self, quantity: str | None = None) -> pl.DataFrame:
        """Shares of the variance between cells: of parameters alone, in pairs, and in all.

        `share` is the estimate as it is, which chance can bring below 0 or above 1. `low` and
        `high` are cut to 0 and 1.
        """
        return self._of("shares", quantity)

    def figures(
        self, of: Sequence[str] = (), *, x: str | None = None, y: str | None = None
    ) -> dict[str, alt.TopLevelMixin]:
        """Altair charts by name: phase diagrams, main effects, steps of the ladder.

        `of` names quantities; `x` and `y` parameters. Raises `UserError`.
        """
        from evosim.figures.user_charts import handed
        from evosim.sweeps.chart_inputs import ChartInputs
        from evosim.sweeps.figures import charts
        from evosim.sweeps.queries import chosen, factor_named
        from evosim.sweeps.schema import read_alone

        for name, option in ((x, "x"), (y, "y")):
            if not isinstance(name, str | None):
                raise UserError(
                    f"{option} must be the name of a parameter, but is {describe(name)}. Use one of"
                    f" {', '.join(self.parameters)}."
                )
        named = [
            factor_named(self.analysis, name, option) if name else None
            for name, option in ((x, "x"), (y, "y"))
        ]
        wanted = texts(of, "of", "['ladder.modern.steps.shift']")
        inputs = ChartInputs(self.analysis, read_alone(self.folder / "sweep.toml"), *named)
        if not inputs.factors and not inputs.sampled:
            raise UserError(
                f"{self.folder} must have a parameter with two values to be drawn, but has one"
                " cell. Draw a run of it."
            )
        return {
            name: handed(chart) for name, chart in charts(inputs, chosen(self.analysis, wanted))
        }

    def figure(
        self, name: str, of: Sequence[str] = (), *, x: str | None = None, y: str | None = None
    ) -> Any:
        """One of `figures`. Raises `UserError`."""
        charts = self.figures(of, x=x, y=y)
        return charts[one_of(name, "a figure", charts)]

    def _of(self, table: str, quantity: str | None) -> pl.DataFrame:
        from evosim.sweeps.queries import chosen

        rows = self.analysis.tables[table]
        if quantity is None:
            return rows
        if not isinstance(quantity, str):
            raise UserError(
                f"quantity must be text, but is {describe(quantity)}. Give for example"
                " 'ladder.modern.steps.shift'; sweep.quantities lists all."
            )
        return rows.filter(pl.col("quantity").is_in(chosen(self.analysis, [quantity])))

    def __repr__(self) -> str:
        from evosim.api.display import parts_of_sweep, text_of

        return text_of(*parts_of_sweep(self))

    def _repr_html_(self) -> str:
        from evosim.api.display import html_of, parts_of_sweep

        return html_of(*parts_of_sweep(self))
