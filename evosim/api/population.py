"""Your own populations: counted genotypes or classes, analysed as if they had evolved."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.summary import AnalysisCost, RunHeader, RunSummary, SeedEnding
from evosim.api.accounts import Accounted, Tree
from evosim.config.resolve import Problem, build, payoff_unit
from evosim.config.schema import Experiment
from evosim.errors import UserError, unknown
from evosim.genomes import Grid
from evosim.genomes.loci import Locus
from evosim.runs import accounts as runs_accounts
from evosim.tables.formatting import number

OWN = ("class", "count", "seed", "kept")
CLOSE = 1e-9


class Population(Accounted):
    """The account of a population that was given, in an experiment's worlds.

    It evolved nowhere, so that there is no recovery and no hack.

    Attributes:
        experiment: whose worlds and genome.
        census: what was counted: `seed`, `class`, `count`, `kept`.
    """

    def __init__(
        self,
        experiment: Experiment,
        census: pl.DataFrame,
        tables: dict[str, pl.DataFrame],
        summary: RunSummary,
    ) -> None:
        self.experiment, self.census = experiment, census
        self._tables, self._summary = tables, summary

    @property
    def typed_summary(self) -> RunSummary:
        """The account in numbers, means over the populations that were given."""
        return self._summary

    @cached_property
    def summary(self) -> Tree:
        """The account as nested dictionaries, means over the populations that were given."""
        return {key: x for key, x in self._summary.as_dict().items() if key != "offset"}

    @property
    def accounts(self) -> dict[str, pl.DataFrame]:
        """Tables of the account by name, as of a run; docs/schema.md has the columns."""
        return self._tables

    def _hack_words(self) -> str:
        return (
            "Greedy genes (a hack of the search): not measured; a population that was given has no"
            " control. That is not the same as 0."
        )


def account(
    population: pl.DataFrame,
    experiment: Experiment,
    landscape: pl.DataFrame | None = None,
    *,
    exact: bool = True,
) -> Population:
    """Losses of a population in an experiment's worlds.

    `landscape` is that of a run of the experiment, if there is one. Raises `UserError`.

    Columns of `population`: `class` (numbers of the grid), or one column per locus. A locus has its
    expressed value, or a list of its alleles (two if diploid). Optional columns, with defaults:
    `count` (1 copy), `seed` (0) and `kept` (1), the share of fitness that drivers leave. Several
    seeds are several populations, for intervals.
    """
    setting = build(experiment)
    census = counted(population, setting)
    if landscape is None:
        landscape, exact = _landscape(setting, census)
    elif missing := set(census["class"]) - set(landscape["class"]):
        landscape, exact = _landscape(setting, census)
        assert missing <= set(landscape["class"])
    account_of = runs_accounts.account_of_population(setting, census, landscape, exact=exact)
    tables = {
        name: table for name, table in account_of.tables.items() if name not in ("hack", "recovery")
    }
    behaviour = tables["behaviour"]
    tables["behaviour"] = behaviour.filter(pl.col("subject") != "population at the end")
    seeds = census["seed"].unique(maintain_order=True).to_list()
    header = RunHeader(
        experiment=experiment.name,
        seed=seeds[0],
        replicates=len(seeds),
        expected="",
        changed=(),
        confidence=experiment.analysis.confidence,
        unit=payoff_unit(experiment),
        offset=None,
        digest=None,
        out=None,
        runs={str(seed): SeedEnding("complete", 0) for seed in seeds},
    )
    summary = RunSummary(header, replace(account_of.summary, recovery=None), AnalysisCost())
    return Population(experiment, census, tables, summary)


def counted(population: pl.DataFrame, setting: Problem) -> pl.DataFrame:
    """A population as `seed`, `class`, `count`, `retained`, one row a class and seed.

    Raises `UserError`.
    """
    if not isinstance(population, pl.DataFrame):
        raise UserError(
            f"a population must be a polars frame, but is a {type(population).__name__}. Make one"
            " with polars.DataFrame(...)."
        )
    grid = setting.genome.grid
    names = [locus.name for locus in grid.loci]
    for name in population.columns:
        if name not in (*OWN, *names):
            raise unknown("a column of a population", name, [*OWN, *names])
    if population.is_empty():
        raise UserError("a population must have at least one row, but has none. Add some.")
    for name in population.columns:
        if population[name].null_count():
            raise UserError(
                f"column '{name}' of a population must have a value in every row, but has"
                f" {population[name].null_count()} nulls. Fill them."
            )
    classes = (
        _given_classes(population, grid)
        if "class" in population.columns
        else _classes_of_loci(population, grid)
    )
    count = _whole(population, "count", 1, least=1)
    retained = np.ones(population.height)
    if "kept" in population.columns:
        retained = _numbers(population, "kept")
        if not ((retained >= 0.0) & (retained <= 1.0)).all():
            raise UserError(
                "column 'kept' of a population must lie in [0, 1], but does not. It is the share"
                " that drivers leave of fitness."
            )
    frame = pl.DataFrame(
        {
            "seed": _whole(population, "seed", 0, least=0),
            "class": classes,
            "count": count,
            "kept": retained,
        }
    )
    return (
        frame.group_by("seed", "class", "kept", maintain_order=True)
        .agg(pl.col("count").sum())
        .select(frame.columns)
    )


def _given_classes(population: pl.DataFrame, grid: Grid) -> NDArray[np.int64]:
    other_columns = [name for name in population.columns if name not in OWN]
    if other_columns:
        raise UserError(
            "a population must be given by 'class' or by loci, but has both"
            f" ('{other_columns[0]}'). Drop one."
        )
    classes = _whole(population, "class", 0, least=0)
    if int(classes.max()) >= grid.size:
        raise UserError(
            f"column 'class' must lie in 0..{grid.size - 1}, but has {int(classes.max())}. See the"
            " run's table 'landscape'."
        )
    return classes


def _classes_of_loci(population: pl.DataFrame, grid: Grid) -> NDArray[np.int64]:
    digits = np.zeros((population.height, len(grid.loci)), dtype=np.int64)
    for i, locus in enumerate(grid.loci):
        if locus.name in population.columns:
            digits[:, i] = _expressed(population[locus.name], locus, grid.ploidy)
        elif locus.values.size > 1:
            varying = ", ".join(x.name for x in grid.loci if x.values.size > 1)
            raise UserError(
                f"a population must have a column for every locus that varies ({varying}), or"
                f" 'class', but has none for '{locus.name}'. Add it."
            )
    return grid.from_digits(digits)


def _expressed(values: pl.Series, locus: Locus, ploidy: int) -> NDArray[np.int64]:
    """`[n]` the class of one locus, by expressed values or by lists of alleles."""
    alleles = list(locus.params.alleles)
    if isinstance(values.dtype, pl.List | pl.Array):
        pairs = values.to_list()
        if any(len(pair) != ploidy for pair in pairs):
            raise UserError(
                f"column '{locus.name}' must have lists of {ploidy}"
                f" allele{'s' if ploidy > 1 else ''}, but has others. Write for example"
                f" {alleles[:1] * ploidy}."
            )
        genotypes = [[_allele(allele, alleles, locus.name) for allele in pair] for pair in pairs]
        return np.array([locus.expression[pair[0], pair[-1]] for pair in genotypes], dtype=np.int64)
    if alleles and isinstance(alleles[0], str):
        known = {str(alleles[int(value)]): i for i, value in enumerate(locus.values)}
        for value in values.unique(maintain_order=True):
            if value not in known:
                raise unknown(f"column '{locus.name}'", str(value), known)
        return np.array([known[value] for value in values], dtype=np.int64)
    x = _numbers(values.to_frame(), values.name)
    nearest = np.abs(x[:, None] - locus.values[None, :]).argmin(axis=1)
    for given, known_value in zip(x, locus.values[nearest], strict=True):
        if abs(given - known_value) > CLOSE * max(1.0, abs(known_value)):
            some = ", ".join(f"{value:g}" for value in locus.values[:20])
            raise UserError(
                f"column '{locus.name}' must hold values that the locus can express ({some}), but"
                f" has {given:g}. The nearest is {known_value:g}."
            )
    return nearest.astype(np.int64)


def _allele(given: Any, alleles: list[Any], name: str) -> int:
    for i, allele in enumerate(alleles):
        if given == allele or (
            not isinstance(allele, str)
            and not isinstance(given, str)
            and abs(given - allele) <= CLOSE * max(1.0, abs(allele))
        ):
            return i
    raise unknown(f"an allele of column '{name}'", str(given), map(str, alleles))


def _whole(population: pl.DataFrame, name: str, default: int, *, least: int) -> NDArray[np.int64]:
    if name not in population.columns:
        return np.full(population.height, default, dtype=np.int64)
    if not population[name].dtype.is_integer():
        raise UserError(
            f"column '{name}' of a population must hold whole numbers, but holds"
            f" {population[name].dtype}. Cast it to Int64."
        )
    values = population[name].cast(pl.Int64).to_numpy()
    if int(values.min()) < least:
        raise UserError(
            f"column '{name}' of a population must be at least {least}, but has"
            f" {number(float(values.min()), 0)}. Use {least} or more."
        )
    return np.asarray(values, dtype=np.int64)


def _numbers(population: pl.DataFrame, name: str) -> NDArray[np.float64]:
    if not population[name].dtype.is_numeric():
        raise UserError(
            f"column '{name}' of a population must hold numbers, but holds"
            f" {population[name].dtype}. Cast it to Float64."
        )
    return np.asarray(population[name].cast(pl.Float64).to_numpy(), dtype=np.float64)


def _landscape(setting: Problem, census: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """A setting's landscape with these classes, and whether its best genomes are the true best."""
    return runs_accounts.landscape_of(setting, census["class"].unique().sort().to_numpy())
