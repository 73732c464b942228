"""The parameter tree of a sweep file: read from TOML, validated, and flattened to dotted keys."""

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
    """Where a parameter of a design comes from: an interval, or a list of choices.

    Attributes:
        low, high: ends of the interval; both belong to it.
        scale: equal steps of the value, or of its logarithm.
        integer: whole numbers only.
        choices: instead of an interval; each equally often.
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
    """Points that fill a box.

    Attributes:
        kind: `random`, `latin-hypercube` or `sobol` (scrambled).
        size: points.
        seed: of the points; runs have seeds of their own.
        ranges: by parameter.
    """

    kind: Kind
    size: int = Field(ge=1, le=10_000_000)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    ranges: dict[str, Range] = Field(min_length=1)


class SweepFile(StrictModel):
    """One sweep, as written, with dotted keys.

    Attributes:
        name: names the folder.
        experiment: a packaged experiment, or a TOML file (relative to the sweep file).
        replicates: runs of each cell.
        seed: of the first replicate.
        seeds: `common` gives every cell the same seeds; `own` gives each its own, hashed from its
        parameters. settings: `[set]`, parameters that all cells share. grid: every combination of
        these values. zip: tables of equally long lists, whose values advance together. design: a
        design of points. keep: which tables stay beside the one row a run. chunk: runs that are
        computed and written together; derived from the number of runs if it is not given.
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
        """The parameters that differ between cells, in the order of the file."""
        names = [
            *self.grid,
            *(key for group in self.zip for key in group),
            *(self.design.ranges if self.design else ()),
        ]
        return list(names)


@dataclass(frozen=True)
class Written:
    """A sweep file that was read.

    Attributes:
        sweep: what it says.
        tree: the written experiment, with `[set]` put in by `design`.
        text: the file's bytes, for the copy in the folder.
    """

    sweep: SweepFile
    tree: TomlTable
    text: bytes


def read_sweep(path: Path) -> Written:
    """Read and check a sweep file and the experiment it names. Raises `UserError`."""
    refuse_other_kind(path, SWEEP_FILE)
    return written(read_bytes(path, "the sweep file"), path)


def written(text: bytes, path: Path) -> Written:
    """A sweep by the text of its file, checked with the experiment it names, which is looked for
    beside `path`. Raises `UserError`.
    """
    sweep = _checked(text, path)
    which = sweep.experiment
    if which.endswith(".toml") or "/" in which or "\\" in which:
        which = str(path.parent / which) if path.parent != Path() else f"./{which}"
    return Written(sweep, read_experiment(which), text)


def read_alone(path: Path) -> SweepFile:
    """Read and check a sweep file, and not the experiment it names. Raises `UserError`."""
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
            f"design.size times its ranges must be at most {MOST_COORDINATES:,}, but is"
            f" {sweep.design.size * len(sweep.design.ranges):,}. Make it smaller."
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
    """The leaves of nested tables by dotted path: `"a.b" = x` and `a.b = x` are the same, so that
    only one may be there.
    """
    out: TomlTable = {}
    for key, value in data.items():
        name = f"{path}.{key}" if path else key
        nested = isinstance(value, dict) and value and not (leaf and leaf(value))
        _add(out, _flat(value, name, leaf, of) if nested else {name: value}, of)
    return out


def _flat_settings(data: TomlTable) -> TomlTable:
    """Settings by dotted path.

    A quoted key stands for itself, as in `--set`: a table as its value replaces what is there.
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
                f"{of}.{key} must be given once, but is twice: quoted and not. Remove one."
            )
    out |= more


def _check_range(name: str, given: Range) -> None:
    low, high = given.low, given.high
    if given.choices is not None:
        if low is not None or high is not None or given.scale != "linear" or given.integer:
            raise UserError(
                f"{name} must have choices alone, or low and high, but has both. Remove one."
            )
    elif low is None or high is None:
        raise UserError(f"{name} must have low and high, or choices, but has not. Add them.")
    elif not low < high:
        raise UserError(
            f"{name}.low must be below high, but {low:g} is not below {high:g}. Change one."
        )
    elif max(abs(low), abs(high)) > (MOST_WHOLE if given.integer else MOST):
        raise UserError(
            f"{name} must lie within +-{MOST_WHOLE if given.integer else MOST:g}, but goes from"
            f" {low:g} to {high:g}. Narrow it."
        )
    elif given.scale == "log" and low <= 0.0:
        raise UserError(f"{name}.low must be above 0 on a log scale, but is {low:g}. Raise it.")
    elif given.integer and not (low.is_integer() and high.is_integer()):
        raise UserError(
            f"{name} must have whole numbers as low and high if integer, but has {low:g} and"
            f" {high:g}. Change them."
        )


def _check_lists(sweep: SweepFile) -> None:
    for key, values in sweep.grid.items():
        if not values:
            raise UserError(
                f"grid.{key} must list at least one value, but is empty. Add one or remove it."
            )
    for i, group in enumerate(sweep.zip):
        if not group or not all(group.values()):
            raise UserError(
                f"zip.{i} must list at least one value of each parameter, but does not. Add some or"
                " remove it."
            )
        lengths = {key: len(values) for key, values in group.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} {n}" for key, n in lengths.items())
            raise UserError(
                f"the lists of zip.{i} must be equally long, but are not ({told}). Mend one."
            )


def _check_names(sweep: SweepFile) -> None:
    swept = sweep.swept
    for key in [*sweep.settings, *swept]:
        if key.split(".")[0] in NOT_SWEPT:
            remedy = (
                "Give seed and replicates of the sweep itself"
                if key in ("seed", "replicates")
                else "Remove it"
            )
            raise UserError(
                f"{key} must not be set by a sweep: it decides no result of a cell. {remedy}."
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
                f"set.{'.'.join(longer)} must be given once, but set.{'.'.join(shorter)} holds it"
                " too. Remove one."
            )
    for i, key in enumerate(swept):
        if key in swept[:i]:
            raise UserError(f"{key} must be swept once, but is twice. Remove one.")
        for other in [
            *swept[:i],
            *(name for name in sweep.settings if name == key or name.startswith(f"{key}.")),
        ]:
            if key == other or key.startswith(f"{other}.") or other.startswith(f"{key}."):
                raise UserError(
                    f"{key} must be given once, but"
                    f" {'[set] gives it' if other == key else f'{other} is given'} too. Remove one."
                )
