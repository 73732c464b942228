"""A recorded run, as Python users see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from evosim.analysis.recorded_run import Recorded
from evosim.analysis.summary import RunSummary
from evosim.api import frames
from evosim.api.accounts import Accounted, Tree
from evosim.api.arguments import describe, one_of, texts
from evosim.api.in_folder import InFolder
from evosim.api.population import Population
from evosim.api.population import account as account_of
from evosim.errors import UserError
from evosim.runs import accounts as runs_accounts
from evosim.runs import figures as runs_figures

FORMATS = ("png", "svg", "pdf")


class Run(Accounted, InFolder):
    """A recorded run: its tables, its account, its figures.

    Attributes:
        recorded: experiment, provenance and tables as they were written.
        folder: where it lies, as an absolute path.
        experiment: every parameter, resolved.
    """

    def __init__(self, recorded: Recorded) -> None:
        # A notebook may change its working folder later.
        self.folder = recorded.folder.absolute()
        self.recorded, self.experiment = replace(recorded, folder=self.folder), recorded.experiment

    @cached_property
    def typed_summary(self) -> RunSummary:
        """The account in numbers, means over seeds, as a tree of frozen dataclasses.

        It is computed if the folder does not have it.
        """
        return runs_accounts.summary_of(self.recorded, again=False)

    @cached_property
    def accounts(self) -> dict[str, pl.DataFrame]:
        """Tables of the account by name; docs/schema.md has the columns."""
        return runs_accounts.analysed(self.recorded)[0]

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables of the run by name: recorded tables, accounts, and `controls/NAME/TABLE`."""
        controls = {
            f"controls/{arm}/{name}": table
            for arm, tables in self.recorded.controls.items()
            for name, table in tables.items()
        }
        return {**self.recorded.tables, **controls, **self.accounts}

    @property
    def provenance(self) -> Tree:
        """Digest, seed, versions and command: facts to quote with a number."""
        return self.recorded.provenance

    def search(self, *, seeds: bool = False) -> pl.DataFrame:
        """The search ledger (Price equation) by `when`, `trait` and `term`; terms sum to `change`.

        `when` is before or after the swap.
        """
        table = frames.search(
            self.recorded.tables, self.experiment.swap, self.experiment.generations
        )
        return table if seeds else self._means(table, "when", "trait", "term")

    def hack(self, *, seeds: bool = False) -> pl.DataFrame:
        """Cost of unfair meiosis: `world`, `quantity` (hack, its parts, its null).

        Empty for runs without controls.
        """
        table = self.accounts["hack"]
        return table if seeds else self._means(table, "world", "quantity")

    def recovery(self, *, seeds: bool = False) -> pl.DataFrame:
        """Fitness at the swap and at the end, by `quantity`.

        Seeds that died out before the swap are left out.
        """
        table = frames.recovery(self.accounts["recovery"])
        return table if seeds else self._means(table, "quantity")

    def account(self, genome: int | Mapping[str, Any]) -> Tree:
        """Fitness, ledger and causes of one genome in both worlds.

        Parameters
        ----------
        genome
            Number of a class, or values by locus.

        Raises
        ------
        UserError
            The grid has no such genome.
        """
        if isinstance(genome, bool) or not isinstance(genome, int | Mapping):
            raise UserError(
                f"genome must be the number of a class or values by locus, but is"
                f" {describe(genome)}. Give for example run.account(0)."
            )
        if isinstance(genome, Mapping):
            genome = int(
                self.population(
                    pl.DataFrame({name: [value] for name, value in genome.items()})
                ).census["class"][0]
            )
        return runs_accounts.account_of_class(self.recorded, genome).as_dict()

    def population(self, population: pl.DataFrame) -> Population:
        """The account of a population of your own in this run's worlds; see `evosim.account`.

        Raises `UserError`.
        """
        return account_of(
            population,
            self.experiment,
            self.recorded.tables["landscape"],
            exact=self.provenance["landscape"]["exact"],
        )

    def figures(self) -> dict[str, str]:
        """Figures by name, each with what it shows in a line."""
        from evosim.figures import FIGURES

        return {name: figure.description for name, figure in FIGURES.items()}

    def figure(self, name: str) -> Any:
        """A figure as an Altair chart.

        Raises `UserError` for a name there is not, or that this run has nothing to draw of.
        """
        known = self.figures()
        one_of(name, "a figure", known)
        from evosim.figures import charts_of
        from evosim.figures.user_charts import handed

        failures: list[str] = []
        for _, chart in charts_of(runs_figures.source_of(self.recorded), [name], failures.append):
            return handed(chart)
        if failures:
            raise UserError(
                f"{failures[0]}. Draw another, or correct the genome or world if it is yours."
            )
        raise UserError(
            f"figure '{name}' must have something to show ({known[name]}), but {self.folder} has"
            " nothing of the kind. Draw another."
        )

    def draw(
        self, names: Iterable[str] | None = None, formats: Sequence[str] = FORMATS
    ) -> list[Path]:
        """Draw figures (the usual ones) into the run's folder; gives their paths.

        Raises `UserError`.
        """
        wanted = None if names is None else texts(names, "names", "['fitness']")
        kinds = tuple(texts(formats, "formats", "['png']", some=True))
        return runs_figures.draw(self.recorded, kinds, names=wanted, required=wanted or ())
