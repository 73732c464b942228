"""Tables of the finished runs of a chunk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from evosim.runs.in_memory import Replicate
from evosim.sweeps.chunk_files import Frames
from evosim.sweeps.plan import DTYPES, PlannedRun, Row
from evosim.sweeps.store import FAILED, RUNS

Schema = dict[str, type[pl.DataType]]
FIXED: Schema = {"status": pl.String, "generations": pl.Int64, "error": pl.String}
BY_AGE = ["subject", "seed", "world", "kind", "act"]


@dataclass(frozen=True, eq=False)
class Failure:
    """A run that could not be computed, and why."""

    error: str
    status: str = FAILED


class FinishedRuns:
    """The finished runs of a chunk, by number, with the tables that are kept of each.

    Parameters
    ----------
    keep, kinds : tuple[str, ...]
        As in `plan.Plan`.
    found : Frames or None
        Tables of runs that were finished before.
    """

    def __init__(
        self, keep: tuple[str, ...], kinds: dict[str, str], earlier: Frames | None = None
    ) -> None:
        self._keep, self._kinds = keep, kinds
        self._rows: dict[int, Row] = {}
        self._parts: dict[str, list[pl.DataFrame]] = {name: [] for name in keep}
        if earlier:
            for row in earlier[RUNS].iter_rows(named=True):
                self._rows[row["run"]] = _without_none(row)
            for name in keep:
                self._parts[name].append(earlier[name])

    def __contains__(self, run: int) -> bool:
        return run in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def failed(self) -> int:
        """Number of runs that failed."""
        return sum(row["status"] == FAILED for row in self._rows.values())

    def add(self, planned: PlannedRun, result: Replicate | Failure) -> None:
        """Add a run that has ended."""
        own: Row = {"run": planned.run, "cell": planned.cell, "seed": planned.seed}
        own |= _without_none(planned.values)
        if isinstance(result, Failure):
            self._rows[planned.run] = own | {"status": FAILED, "error": result.error}
            return
        ended: Row = {"status": result.status, "generations": result.generations}
        self._rows[planned.run] = {**own, **ended, **result.numbers}
        run = pl.lit(planned.run, dtype=pl.Int64).alias("run")
        for name, frame in tables_to_keep(result, self._keep).items():
            self._parts[name].append(frame.select(run, pl.all()))

    def frames(self) -> Frames:
        """All tables, in order of runs."""
        self._parts = {name: [joined(parts)] for name, parts in self._parts.items()}
        runs = runs_frame([self._rows[run] for run in sorted(self._rows)], self._kinds)
        return {RUNS: runs, **{name: parts[0] for name, parts in self._parts.items()}}


def _without_none(row: Row) -> Row:
    return {key: value for key, value in row.items() if value is not None}


def finished_runs(
    keep: tuple[str, ...],
    kinds: dict[str, str],
    results: Iterable[tuple[PlannedRun, Replicate | Failure]],
) -> Frames:
    """The tables of some runs of a plan and their results."""
    finished = FinishedRuns(keep, kinds)
    for planned, result in results:
        finished.add(planned, result)
    return finished.frames()


def tables_to_keep(result: Replicate, keep: Iterable[str]) -> Frames:
    """The tables of a run that are kept, without those that the run does not have.

    `ledger` is the behaviour ledger, summed over ages.
    """
    out = {}
    for name in keep:
        if name == "ledger":
            summed = result.tables["behaviour"].group_by(*BY_AGE, maintain_order=True)
            out[name] = summed.agg(pl.col("value").sum())
        elif name in result.tables:
            out[name] = result.tables[name]
    # A column without any value has no type, but may have values in other runs.
    return {name: frame.cast({pl.Null: pl.Float64}) for name, frame in out.items()}


def runs_frame(rows: list[Row], kinds: dict[str, str]) -> pl.DataFrame:
    """One row per run: the plan, how it ended, and the account's numbers in order of their names.

    Parameters
    ----------
    rows : list[Row]
        One dictionary per run.
    kinds : dict[str, str]
        How each swept parameter is stored; see `plan.Plan`.
    """
    planned: Schema = {
        "run": pl.Int64,
        "cell": pl.String,
        "seed": pl.Int64,
        **{key: DTYPES[kind] for key, kind in kinds.items()},
    }
    schema = planned | FIXED
    numbers = sorted({key for row in rows for key in row} - set(schema))
    return pl.DataFrame(rows, schema={**schema, **dict.fromkeys(numbers, pl.Float64)})


def joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """The parts of a kept table as one, in order of runs. Cells may differ in their columns."""
    if not parts:
        return pl.DataFrame(schema={"run": pl.Int64})
    return pl.concat(parts, how="diagonal_relaxed").sort("run", maintain_order=True)
