"""The plan of a sweep: numbered runs in chunks, one for each cell and seed.

The plan depends only on the sweep file and the code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import polars as pl

from evosim.config.external_code import Choice
from evosim.config.resolve import resolve
from evosim.config.settings import set_value
from evosim.errors import UserError
from evosim.simulation.controls import controls_of
from evosim.sweeps.design import Cell, Settings, base_tree, cells_of, experiment_of
from evosim.sweeps.schema import SweepFile, TomlTable, Written

OWN_SEEDS = 2**62  # the seeds of controls begin there
COLUMNS = ("run", "chunk", "cell", "seed")
JSON = "json"
DTYPES: dict[str, type[pl.DataType]] = {
    "int": pl.Int64,
    "float": pl.Float64,
    "bool": pl.Boolean,
    "text": pl.String,
    JSON: pl.String,
}
DEFAULT_KEEP = ("ladder", "ledger")
SCHEMA_VERSION = 1
LARGEST_CHUNK = 1000

Value = str | int | float | bool | None  # a value in a table
Row = dict[str, Value]


@dataclass(frozen=True, eq=False)
class Plan:
    """The plan of a sweep: its runs in cells and chunks, and the tables to store.

    Attributes
    ----------
    sweep, tree : SweepFile
        The sweep file, and the experiment as written with `[set]`.
    cells : int
        Number of cells.
    keep : tuple[str, ...]
        Tables that are kept for each run.
    kinds : dict[str, str]
        How each swept parameter is stored in tables: `int`, `float`, `bool`, `text` or `json`.
    frame : polars.DataFrame
        One row per run: `run`, `chunk`, `cell` (digest), `seed`, and the swept parameters.
    blocks : tuple[int, ...]
        Number of runs of each landscape, in the order of `frame`.
    """

    sweep: SweepFile
    tree: TomlTable
    cells: int
    keep: tuple[str, ...]
    kinds: dict[str, str]
    frame: pl.DataFrame
    blocks: tuple[int, ...]

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return int(self.frame["chunk"][-1]) + 1

    def run(self, i: int) -> PlannedRun:
        """Run `i`."""
        return planned_runs(self.frame.slice(i, 1))[0]


@dataclass(frozen=True)
class PlannedRun:
    """One run of a plan.

    Attributes
    ----------
    run, chunk : int
        Number of the run and of its chunk.
    cell : str
        Digest of its cell.
    seed : int
        Its seed.
    values : Row
        The swept parameters, as the table holds them.
    """

    run: int
    chunk: int
    cell: str
    seed: int
    values: Row

    def settings(self, kinds: dict[str, str]) -> Settings:
        """The swept parameters as an experiment takes them."""
        return decoded(self.values, kinds)


def planned_runs(frame: pl.DataFrame) -> list[PlannedRun]:
    """The runs in rows of a plan's frame."""
    names = [name for name in frame.columns if name not in COLUMNS]
    return [
        PlannedRun(run, chunk, cell, seed, dict(zip(names, values, strict=True)))
        for run, chunk, cell, seed, *values in frame.select(*COLUMNS, *names).iter_rows()
    ]


def digest_of(sweep: SweepFile, tree: TomlTable) -> str:
    """Hash of everything a sweep file decides: experiment, design, seeds, and what is kept."""
    decides = {
        "schema_version": SCHEMA_VERSION,
        "experiment": {
            key: value
            for key, value in tree.items()
            if key not in ("title", "question", "expected", "seed", "replicates")
        },
        "sweep": sweep.model_dump(mode="json", exclude={"name", "title", "experiment", "settings"}),
        "order": sweep.swept,
    }
    return blake2b(json.dumps(decides, sort_keys=True).encode(), digest_size=16).hexdigest()


def make_plan(written: Written, progress: Callable[[int, int], None] | None = None) -> Plan:
    """All runs of a sweep, checked.

    Cells that share a landscape are adjacent, otherwise cells are in the order of the file. The
    seeds of a cell are adjacent.

    Parameters
    ----------
    written : Written
        The sweep file and its experiment.
    progress : Callable, optional
        Receives the number of cells that are resolved, and of all.

    Raises
    ------
    UserError
        If a cell is invalid.
    """
    sweep, tree = written.sweep, base_tree(written)
    cells = cells_of(sweep, tree, progress)
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.landscape, []).append(cell)
    ordered = [cell for group in groups.values() for cell in group]
    n, runs = sweep.replicates, len(cells) * sweep.replicates
    size = chunk_size(runs, n) if sweep.chunk is None else sweep.chunk
    kinds = {key: _kind([cell.settings[key] for cell in ordered]) for key in sweep.swept}
    numbers = pl.int_range(runs, dtype=pl.Int64, eager=True)
    columns: dict[str, pl.Series] = {
        "run": numbers,
        "chunk": numbers // size,
        "cell": _each(pl.Series([cell.digest for cell in ordered], dtype=pl.String()), n),
        "seed": pl.Series(
            [seed for cell in ordered for seed in seeds_of(sweep, cell.digest)], dtype=pl.Int64
        ),
    }
    for key, kind in kinds.items():
        values = [encoded(cell.settings[key], kind) for cell in ordered]
        columns[key] = _each(pl.Series(values, dtype=DTYPES[kind]), n)
    return Plan(
        sweep,
        tree,
        len(cells),
        _tables_to_keep(sweep, tree, ordered),
        kinds,
        pl.DataFrame(columns),
        tuple(n * len(group) for group in groups.values()),
    )


def choices_of(tree: TomlTable, frame: pl.DataFrame, kinds: dict[str, str]) -> list[Choice]:
    """Worlds, genomes and algorithms of the runs of a plan, each combination once.

    `sources_digest` hashes their code.

    Parameters
    ----------
    tree, frame, kinds : TomlTable
        As in `Plan`.

    Returns
    -------
    list of Choice
        One entry for each combination of world, genome and algorithm.
    """
    swept = [key for key in kinds if key.split(".")[0] in ("world", "genome", "optimizer")]
    rows = frame.select(swept).unique(maintain_order=True).iter_rows(named=True) if swept else [{}]
    choices = []
    for row in rows:
        own: TomlTable = json.loads(json.dumps(tree))
        for key, value in decoded(row, {key: kinds[key] for key in swept}).items():
            set_value(own, key, value, key)
        names = [
            own.get(part, {}).get(key, "")
            for part, key in (("world", "name"), ("genome", "name"), ("optimizer", "algorithm"))
        ]
        choices.append(Choice(*map(str, names)))
    return sorted(set(choices))


def seeds_of(sweep: SweepFile, digest: str) -> list[int]:
    """The seeds of the replicates of a cell, given by its digest."""
    common = range(sweep.seed, sweep.seed + sweep.replicates)
    if sweep.seeds == "common":
        return list(common)
    return [
        int.from_bytes(blake2b(f"{digest} {seed}".encode(), digest_size=8).digest()) % OWN_SEEDS
        for seed in common
    ]


def chunk_size(runs: int, replicates: int) -> int:
    """Runs per chunk: half the square root of all runs; whole cells if they fit.

    So chunks and files stay few, and workers stay busy.
    """
    size = min(max(1, math.isqrt(max(runs - 1, 0)) // 2 + 1), LARGEST_CHUNK)
    return -(-size // replicates) * replicates if replicates <= size else size


def encoded(value: object, kind: str) -> Value:
    """The value of a parameter as a table holds it."""
    if kind == JSON:
        return json.dumps(value, sort_keys=True)
    assert isinstance(value, Value)
    return value


def decoded(row: Row, kinds: dict[str, str]) -> Settings:
    """The swept parameters in a row of the plan, as an experiment takes them."""
    return {
        key: json.loads(str(row[key])) if kind == JSON else row[key] for key, kind in kinds.items()
    }


def _each(series: pl.Series, n: int) -> pl.Series:
    """Every value `n` times."""
    if n == 1:
        return series
    index = pl.int_range(len(series), dtype=pl.Int64, eager=True)
    return series.gather(index.repeat_by(n).explode())


def _kind(values: list[Any]) -> str:
    types = {type(value).__name__ for value in values}
    if types == {"int"} and not all(-(2**63) <= v < 2**63 for v in values):
        return JSON
    if len(types) > 1:
        return JSON
    return {"int": "int", "float": "float", "bool": "bool", "str": "text"}.get(types.pop(), JSON)


def _tables_to_keep(sweep: SweepFile, tree: TomlTable, cells: list[Cell]) -> tuple[str, ...]:
    """The tables of `keep`; by default the small ones, with `hack` if any cell has controls."""
    if sweep.keep is not None:
        return tuple(dict.fromkeys(sweep.keep))
    settings = {key for cell in cells[:1] for key in cell.settings}
    matter = any(key.split(".")[0] in ("genome", "controls") for key in settings)
    controlled = any(
        controls_of(experiment_of(tree, cell.settings)) for cell in (cells if matter else cells[:1])
    )
    return (*DEFAULT_KEEP, "hack") if controlled else DEFAULT_KEEP


def base_experiment(tree: TomlTable) -> TomlTable | None:
    """The base experiment, resolved; None if it is invalid without the swept parameters."""
    try:
        return resolve(tree).model_dump(mode="json")
    except UserError:
        return None
