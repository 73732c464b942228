"""Accounts: what runs and populations have in common, as frames."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from evosim.analysis.means_over_seeds import steps_of_complete_seeds
from evosim.analysis.summary import RunSummary
from evosim.api import frames
from evosim.api.arguments import one_of, texts
from evosim.runtime.forked_processes import Guarded
from evosim.tables import sentences

if TYPE_CHECKING:
    from evosim.config.schema import Experiment

SPLITS = ("kind", "act", "age")

Tree = dict[str, Any]  # nested plain data, as in JSON


class Accounted(Guarded):
    """Numbers of an account as polars frames.

    Every frame has `mean` over seeds, its confidence interval (`low`, `high`), and `n`, the number
    of seeds behind it. `n` is 0 for numbers that depend on worlds and grid alone. It is also 0 for
    numbers that were not measured (`mean` is null). Intervals need five seeds; their level is
    `analysis.confidence`, by default 95%. With `seeds=True` a frame has one row per seed instead.
    Units are the world's (`unit`).
    """

    experiment: Experiment

    @property
    def typed_summary(self) -> RunSummary:
        """The account in numbers, means over seeds, as a tree of frozen dataclasses."""
        raise NotImplementedError

    @cached_property
    def summary(self) -> Tree:
        """The account as nested dictionaries, means over seeds: what `evosim run --json` prints."""
        return self.typed_summary.as_dict()

    @property
    def accounts(self) -> dict[str, pl.DataFrame]:
        """Tables of the account by name; docs/schema.md has the columns."""
        raise NotImplementedError

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables by name."""
        return self.accounts

    @property
    def unit(self) -> str:
        """Unit of payoff."""
        return self.typed_summary.header.unit

    def table(self, name: str) -> pl.DataFrame:
        """One table. Raises `UserError` for a name there is not."""
        return self.tables[one_of(name, "a table", self.tables)]

    def losses(self, *, seeds: bool = False) -> pl.DataFrame:
        """The three losses at once: shift, waste and hack, in both worlds.

        Parameters
        ----------
        seeds : bool
            One row for each seed, world and loss, in place of means.

        Returns
        -------
        pl.DataFrame
            Columns `loss`, `nickname`, `world`, `mean`, `low`, `high`, `n`,
            `share_of_best`, `exact`, `why_not`. With `seeds`: `seed`, `world`, `loss`, `value`. A
            loss that was not measured is null, not 0. A negative loss is a gain. `nickname` is
            null for the waste of genomes without desires.
        """
        if seeds:
            return self.table("losses")
        return frames.losses(self.typed_summary.account)

    def _hack_words(self) -> str:
        return sentences.hack_words(self.typed_summary)

    def ladder(self, *, seeds: bool = False) -> pl.DataFrame:
        """Rungs and steps of both ladders, with means and intervals.

        Columns: `world`, `part` (rung or step), `code` (R0 to R5), `name`, `mean`, `low`, `high`,
        `n`.
        """
        return self.accounts["ladder"] if seeds else frames.ladder(self.typed_summary.account)

    def steps(self, *, seeds: bool = False) -> pl.DataFrame:
        """Loss of each step of the ladders by act: `world`, `step`, `act` (null: upkeep).

        Means sum to the ladder's steps.
        """
        table = self.accounts["steps"]
        return (
            table
            if seeds
            else self._means(
                steps_of_complete_seeds(table, self.accounts["ladder"]), "world", "step", "act"
            )
        )

    def behaviour(
        self, *, by: Sequence[str] = ("kind", "act"), seeds: bool = False
    ) -> pl.DataFrame:
        """Regret by `subject`, `world` and `by` (the behaviour ledger); rows sum to the whole loss.

        `by` may name `kind`, `act` and `age`.
        """
        by = [one_of(name, "by", SPLITS) for name in texts(by, "by", "['act']")]
        summed = frames.behaviour(self.accounts["behaviour"], by)
        return summed if seeds else self._means(summed, "subject", "world", *by)

    def desires(self, *, seeds: bool = False) -> pl.DataFrame:
        """Mean weight, regret and gain of each desire, by `feature`, `acts` and `quantity`.

        Regret: that of the acts that serve the desire. Gain: if this desire alone is switched off.
        """
        long = frames.desires(self.accounts["desires"])
        return long if seeds else self._means(long, "feature", "acts", "quantity")

    def causes(self, *, seeds: bool = False) -> pl.DataFrame:
        """Loss by desire, belief and planning (Shapley values): `subject`, `world`, `cause`.

        The frame is empty for genomes that do not plan.
        """
        table = self.accounts["causes"]
        return table if seeds else self._means(table, "subject", "world", "cause")

    def ties(self) -> pl.DataFrame:
        """Genomes at and near the ancestral best, and their fitness in M: one row per tolerance.

        The numbers depend on worlds and grid alone.
        """
        return self.accounts["ties"]

    def _means(self, table: pl.DataFrame, *by: str) -> pl.DataFrame:
        return frames.over_seeds(table, by, self.experiment.analysis)

    def __repr__(self) -> str:
        from evosim.api.display import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from evosim.api.display import as_html

        return as_html(self)
