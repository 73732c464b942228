"""Sweep files: read from TOML, validated, and flattened to dotted keys."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from evosim import accounts
from evosim.config.experiments import read_experiment
from evosim.config.file_kinds import SWEEP_FILE, refuse_other_kind
from evosim.config.schema import MAX_SEED, Experiment, Name, StrictModel, Title
from evosim.config.toml_files import parsed, read_bytes
from evosim.config.validation import validated
from evosim.errors import UserError, unknown

# Tables of accounts that each run computes, and `ledger`, the behaviour ledger without ages.
ACCOUNTS = (
    "ledger",
    *(
        name
        for account in accounts.ACCOUNTS.values()
        if account.in_sweeps
        for name in account.tables
    ),
)
SIMULATED = ("generations", "loci", "alleles", "populations", "search", "landscape")
KEEPABLE = (*ACCOUNTS, *SIMULATED)
NOT_SWEPT = ("name", "title", "question", "expected", "claim", "seed", "replicates")
MOST = 1e100  # of an end of a range, so that its width is finite
MOST_WHOLE = 2**53  # beyond it not every whole number has a place on the number line of a range
MOST_COORDINATES = 100_000_000
LEAF = ("low", "high", "scale", "integer", "choices")
TomlTable = dict[str, Any]  # a table of a TOML file
Kind = Literal["random", "latin-hypercube", "sobol"]


class Range(StrictModel):
    """The range of a parameter of a design: an interval, or a list of choices.

    Attributes
    ----------
    low, high : float or None
        Ends of the interval, both included.
    scale : str
        `linear`, or `log` for equal steps of the logarithm.
    integer : bool
        Whether values are integers.
    choices : tuple or None
        Values instead of an interval; all are equally frequent.
    """

    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log"] = "linear"
    integer: bool = False
    choices: tuple[Any, ...] | None = Field(default=None, min_length=1)

    def at(self, u: float) -> Any:
        """The value at a share `u` in [0, 1) of the range."""
        if self.choices is not None:
            return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]
        assert self.low is not None
        assert self.high is not None
        low, high = self.low, self.high + self.integer
        if self.scale == "log":
            value = math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        else:
            value = low + u * (high - low)
        value = min(max(math.floor(value) if self.integer else value, self.low), self.high)
        return int(value) if self.integer else value


class Design(StrictModel):
    """Points that fill a box of parameters.

    Attributes
    ----------
    kind : str
        `random`, `latin-hypercube` or `sobol` (scrambled).
    size : int
        Number of points.
    seed : int
        Seed of the points. Runs have other seeds.
    ranges : dict
        Range of each parameter.
    """

    kind: Kind
    size: int = Field(ge=1, le=10_000_000)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    ranges: dict[str, Range] = Field(min_length=1)


class SweepFile(StrictModel):
    """The content of a sweep file, with dotted keys.

    Attributes
    ----------
    name, title : str
        The name is part of the name of the folder.
    experiment : str
        A packaged experiment, or a TOML file relative to the sweep file.
    replicates, seed : int
        Runs per cell, and the seed of the first one.
    seeds : str
        `common`: the same seeds in every cell. `own`: other seeds in every cell, hashed from its
        parameters.
    settings : dict
        `[set]`: parameters that all cells share.
    grid : dict
        Values that are combined in all ways.
    zip : tuple of dict
        Lists of equal length whose values advance together.
    design : Design or None
        A design of points.
    keep : tuple or None
        Tables to keep in addition to the table of runs.
    chunk : int or None
        Runs that are computed and written together. By default it follows from their number.
    """

    name: Name
    title: Title = ""
    experiment: str
    replicates: int = Field(default=1, ge=1, le=1_000_000)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    seeds: Literal["common", "own"] = "common"
    settings: TomlTable = Field(default_factory=dict, alias="set")
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    zip: tuple[dict[str, tuple[Any, ...]], ...] = ()
    design: Design | None = None
    keep: tuple[str, ...] | None = None
    chunk: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _consistent(self) -> SweepFile:
        if self.seed + self.replicates - 1 > MAX_SEED:
            raise ValueError(f"the last seed must be at most {MAX_SEED}. Lower seed or replicates.")
        return self

    @property
    def swept(self) -> list[str]:
        """The swept parameters, in the order of the file."""
        names = [
            *self.grid,
            *(key for group in self.zip for key in group),
            *(self.design.ranges if self.design else ()),
        ]
        return list(names)


@dataclass(frozen=True)
class Written:
    """A sweep file and its experiment.

    Attributes
    ----------
    sweep : SweepFile
        The content of the file.
    tree : dict
        The experiment as written, without `[set]`.
    text : bytes
        The file, for the copy in the folder.
    """

    sweep: SweepFile
    tree: TomlTable
    text: bytes


def read_sweep(path: Path) -> Written:
    """Read and check a sweep file and the experiment it names. Raises `UserError`."""
    refuse_other_kind(path, SWEEP_FILE)
    return written(read_bytes(path, "the sweep file"), path)


def written(text: bytes, path: Path) -> Written:
    """Check a sweep file and the experiment it names.

    Parameters
    ----------
    text : bytes
        The content of the sweep file.
    path : Path
        Its path. The path of an experiment file is relative to the same folder.

    Raises
    ------
    UserError
        If either is invalid.
    """
    sweep = _checked(text, path)
    name = sweep.experiment
    if name.endswith(".toml") or "/" in name or "\\" in name:
        name = str(path.parent / name) if path.parent != Path() else f"./{name}"
    return Written(sweep, read_experiment(name), text)


def read_alone(path: Path) -> SweepFile:
    """Read and check a sweep file without its experiment. Raises `UserError`."""
    return _checked(read_bytes(path, "the sweep file"), path)


def _checked(text: bytes, path: Path) -> SweepFile:
    data = parsed(text, path, "the sweep file")
    _check_keys(
        data,
        tuple(_written_name(name) for name in SweepFile.model_fields),
        "a key of the sweep file",
    )
    if isinstance(data.get("set"), dict):
        data["set"] = _flat_settings(data["set"])
    if isinstance(data.get("grid"), dict):
        data["grid"] = _flat(data["grid"], of="grid")
    if isinstance(data.get("zip"), list):
        data["zip"] = [
            _flat(group, of=f"zip.{i}") if isinstance(group, dict) else group
            for i, group in enumerate(data["zip"])
        ]
    design = data.get("design")
    if isinstance(design, dict):
        _check_keys(design, tuple(Design.model_fields), "a key of design")
        if isinstance(design.get("ranges"), dict):
            design["ranges"] = _flat(design["ranges"], leaf=_is_range, of="design.ranges")
            for key, given in design["ranges"].items():
                if isinstance(given, dict):
                    _check_keys(given, LEAF, f"a key of design.ranges.{key}")
    sweep: SweepFile = validated(SweepFile, data, "")
    for key, given in (sweep.design.ranges if sweep.design else {}).items():
        _check_range(f"design.ranges.{key}", given)
    if sweep.design and sweep.design.size * len(sweep.design.ranges) > MOST_COORDINATES:
        raise UserError(
            f"the design has {sweep.design.size * len(sweep.design.ranges):,} coordinates (points"
            f" times ranges); at most {MOST_COORDINATES:,} are allowed. Lower design.size."
        )
    _check_lists(sweep)
    _check_names(sweep)
    for name in sweep.keep or ():
        if name not in KEEPABLE:
            raise unknown("a table of keep", name, KEEPABLE)
    return sweep


def _written_name(field: str) -> str:
    return SweepFile.model_fields[field].alias or field


def _check_keys(data: TomlTable, known: tuple[str, ...], kind: str) -> None:
    for key in data:
        if key not in known:
            raise unknown(kind, key, known)


def _is_range(data: TomlTable) -> bool:
    return not data or any(key in LEAF for key in data)


def _flat(data: TomlTable, path: str = "", leaf: Any = None, of: str = "") -> TomlTable:
    """The leaves of nested tables by dotted path.

    `"a.b" = x` and `a.b = x` are the same key, so only one of them may be given.
    """
    out: TomlTable = {}
    for key, value in data.items():
        name = f"{path}.{key}" if path else key
        nested = isinstance(value, dict) and value and not (leaf and leaf(value))
        _add(out, _flat(value, name, leaf, of) if nested else {name: value}, of)
    return out


def _flat_settings(data: TomlTable) -> TomlTable:
    """Settings by dotted path.

    A table under a quoted key replaces the whole value, as in `--set`.
    """
    out: TomlTable = {}
    for key, value in data.items():
        _add(
            out,
            (
                _flat(value, key, of="set")
                if isinstance(value, dict) and value and "." not in key
                else {key: value}
            ),
            "set",
        )
    return out


def _add(out: TomlTable, more: TomlTable, of: str) -> None:
    for key in more:
        if key in out:
            raise UserError(
                f"{of}.{key} is given twice: as a quoted key and as a table. Remove one of them."
            )
    out |= more


def _check_range(name: str, given: Range) -> None:
    low, high = given.low, given.high
    if given.choices is not None:
        if low is not None or high is not None or given.scale != "linear" or given.integer:
            raise UserError(
                f"{name} has choices and keys of an interval. Keep choices, or low and high."
            )
    elif low is None or high is None:
        raise UserError(
            f"{name} has no interval. Give low and high, such as {{low = 0.1, high = 0.5}}, or"
            " choices."
        )
    elif not low < high:
        raise UserError(f"{name}: low is {low:g}, which is not below high = {high:g}. Swap them.")
    elif max(abs(low), abs(high)) > (most := MOST_WHOLE if given.integer else MOST):
        raise UserError(
            f"{name} goes from {low:g} to {high:g}, beyond +-{most:g}. Give a smaller interval."
        )
    elif given.scale == "log" and low <= 0.0:
        raise UserError(f"{name}: low is {low:g}, but a log scale needs low above 0.")
    elif given.integer and not (low.is_integer() and high.is_integer()):
        raise UserError(
            f"{name}: low and high are {low:g} and {high:g}, but integer = true needs integers."
        )


def _check_lists(sweep: SweepFile) -> None:
    for key, values in sweep.grid.items():
        if not values:
            raise UserError(f"grid.{key} is an empty list. Give at least one value or remove it.")
    for i, group in enumerate(sweep.zip):
        if not group or not all(group.values()):
            raise UserError(
                f"zip.{i} has a parameter without values, or none. Give each at least one value, or"
                " remove the zip."
            )
        lengths = {key: len(values) for key, values in group.items()}
        if len(set(lengths.values())) > 1:
            words = ", ".join(f"{key} {n}" for key, n in lengths.items())
            raise UserError(
                f"the lists of zip.{i} have different lengths ({words}). Give each the same number"
                " of values."
            )


def _check_names(sweep: SweepFile) -> None:
    swept = sweep.swept
    for key in [*sweep.settings, *swept]:
        if key.split(".")[0] in NOT_SWEPT:
            remedy = (
                f"Write {key} at the top of the sweep file"
                if key in ("seed", "replicates")
                else "Remove it"
            )
            raise UserError(
                f"a sweep cannot vary {key}, which changes no result of a cell. {remedy}."
            )
        if key.split(".")[0] not in Experiment.model_fields:
            raise unknown(
                f"the first part of {key}",
                key.split(".")[0],
                set(Experiment.model_fields) - set(NOT_SWEPT),
            )
    names = sorted([key.split(".") for key in sweep.settings])
    for shorter, longer in itertools.pairwise(names):
        if longer[: len(shorter)] == shorter:
            raise UserError(
                f"set.{'.'.join(longer)} is also part of set.{'.'.join(shorter)}. Remove one of"
                " them."
            )
    for i, key in enumerate(swept):
        if key in swept[:i]:
            raise UserError(f"{key} is swept twice. Remove one of the two.")
        for other in [
            *swept[:i],
            *(name for name in sweep.settings if name == key or name.startswith(f"{key}.")),
        ]:
            if key == other or key.startswith(f"{other}.") or other.startswith(f"{key}."):
                where = "[set]" if other == key else other
                raise UserError(f"{key} is swept, but {where} gives it too. Remove one of them.")
