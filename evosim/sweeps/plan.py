"""Plan: cells and seeds become numbered runs in chunks.

It depends on the sweep file and the sources alone.
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
from evosim.sweeps.schema import SweepFile, Written

OWN_SEEDS = 2**62  # a control's seeds begin there
COLUMNS = ("run", "chunk", "cell", "seed")
JSON = "json"
DTYPES: dict[str, Any] = {
    "int": pl.Int64,
    "float": pl.Float64,
    "bool": pl.Boolean,
    "text": pl.String,
    JSON: pl.String,
}
DEFAULT_KEEP = ("ladder", "ledger")
SCHEMA_VERSION = 1
LARGEST_CHUNK = 1000


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep computes.

    Attributes:
        sweep, tree: the file, and the written experiment with `[set]` put in.
        cells: how many.
        keep: which tables are kept.
        kinds: how each swept parameter is kept in tables: `int`, `float`, `bool`, `text`, or
        `json`. frame: one row a run: `run`, `chunk`, `cell` (digest), `seed`, and the swept
        parameters.
    """

    sweep: SweepFile
    tree: dict[str, Any]
    cells: int
    keep: tuple[str, ...]
    kinds: dict[str, str]
    frame: pl.DataFrame
    blocks: tuple[int, ...]

    @property
    def chunks(self) -> int:
        """How many there are."""
        return int(self.frame["chunk"][-1]) + 1


def digest_of(sweep: SweepFile, tree: dict[str, Any]) -> str:
    """Hash of all that a sweep file decides: of the experiment as written, the design, the seeds,
    and what is kept how.
    """
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
    """All runs of a sweep, checked. Raises `UserError`.

    Cells with one landscape stand together, otherwise in the order of the file; the seeds of a cell
    stand together.
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
        "cell": _each([cell.digest for cell in ordered], pl.String(), n),
        "seed": pl.Series(
            [seed for cell in ordered for seed in seeds_of(sweep, cell.digest)], dtype=pl.Int64
        ),
    }
    for key, kind in kinds.items():
        columns[key] = _each(
            [encoded(cell.settings[key], kind) for cell in ordered], DTYPES[kind], n
        )
    frame = pl.DataFrame(columns)
    return Plan(
        sweep,
        tree,
        len(cells),
        _kept(sweep, tree, ordered),
        kinds,
        frame,
        tuple(n * len(group) for group in groups.values()),
    )


def choices_of(tree: dict[str, Any], frame: pl.DataFrame, kinds: dict[str, str]) -> list[Choice]:
    """What the runs of a plan use that may be code of others (`record.sources_digest`), each once.

    Parameters
    ----------
    tree, frame, kinds
        As in `Plan`.

    Returns
    -------
    list of Choice
        One row for each combination of world, genome and algorithm.
    """
    swept = [key for key in kinds if key.split(".")[0] in ("world", "genome", "optimizer")]
    found = []
    for row in (
        frame.select(swept).unique(maintain_order=True).iter_rows(named=True) if swept else [{}]
    ):
        own = json.loads(json.dumps(tree))
        for key, value in decoded(row, {key: kinds[key] for key in swept}).items():
            set_value(own, key, value, key)
        names = [
            own.get(part, {}).get(key, "")
            for part, key in (("world", "name"), ("genome", "name"), ("optimizer", "algorithm"))
        ]
        found.append(Choice(*map(str, names)))
    return sorted(set(found))


def seeds_of(sweep: SweepFile, digest: str) -> list[int]:
    """The seeds of a cell's replicates."""
    common = range(sweep.seed, sweep.seed + sweep.replicates)
    if sweep.seeds == "common":
        return list(common)
    return [
        int.from_bytes(blake2b(f"{digest} {seed}".encode(), digest_size=8).digest()) % OWN_SEEDS
        for seed in common
    ]


def chunk_size(runs: int, replicates: int) -> int:
    """Runs a chunk: half the square root of all, so that chunks and files stay few and workers
    busy; whole cells if they fit.
    """
    size = min(max(1, math.isqrt(max(runs - 1, 0)) // 2 + 1), LARGEST_CHUNK)
    return -(-size // replicates) * replicates if replicates <= size else size


def encoded(value: Any, kind: str) -> Any:
    """A parameter's value as a table holds it."""
    return json.dumps(value, sort_keys=True) if kind == JSON else value


def decoded(row: dict[str, Any], kinds: dict[str, str]) -> Settings:
    """The settings of a row of the plan."""
    return {key: json.loads(row[key]) if kind == JSON else row[key] for key, kind in kinds.items()}


def _each(values: list[Any], dtype: Any, n: int) -> pl.Series:
    """Every value `n` times."""
    series = pl.Series(values, dtype=dtype)
    return (
        series
        if n == 1
        else series.gather(
            pl.int_range(len(values), dtype=pl.Int64, eager=True).repeat_by(n).explode()
        )
    )


def _kind(values: list[Any]) -> str:
    types = {type(value).__name__ for value in values}
    if types == {"int"} and not all(-(2**63) <= v < 2**63 for v in values):
        return JSON
    return (
        {"int": "int", "float": "float", "bool": "bool", "str": "text"}.get(types.pop(), JSON)
        if len(types) == 1
        else JSON
    )


def _kept(sweep: SweepFile, tree: dict[str, Any], cells: list[Cell]) -> tuple[str, ...]:
    """The tables to keep: those asked for, or the small ones, `hack` among them where any cell has
    controls.
    """
    if sweep.keep is not None:
        return tuple(dict.fromkeys(sweep.keep))
    settings = {key for cell in cells[:1] for key in cell.settings}
    matter = any(key.split(".")[0] in ("genome", "controls") for key in settings)
    controlled = any(
        controls_of(experiment_of(tree, cell.settings)) for cell in (cells if matter else cells[:1])
    )
    return (*DEFAULT_KEEP, "hack") if controlled else DEFAULT_KEEP


def base_experiment(tree: dict[str, Any]) -> dict[str, Any] | None:
    """The base experiment resolved, for the record; nothing if it is no experiment without the
    swept parameters.
    """
    try:
        return resolve(tree).model_dump(mode="json")
    except UserError:
        return None
