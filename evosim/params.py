"""The parameter tree of an experiment: read from TOML, validated, resolved, digested, written back.

Here are the parts that belong to no world, genome or optimizer; `evosim.compose` validates the others.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from evosim.errors import UserError, unknown

T = TypeVar("T")
EXPERIMENTS = Path(__file__).parent / "experiments"
TYPES = ("float", "int", "str", "bool")
MAX_SEED = 2**63 - 1  # TOML integers are signed
_adapter: Any = cache(TypeAdapter)  # making one takes longer than using it


class Strict(BaseModel):
    """Unknown keys and wrong types are errors; instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class WorldChoice(Strict):
    """Which world pair.

    Attributes:
        name: of `evosim list`.
        ancestral: parameters of the ancestral world; those left out keep their defaults.
        modern: parameters that change at the swap. Empty: the modern world is the ancestral one.
    """

    name: str
    ancestral: dict[str, Any] = Field(default_factory=dict)
    modern: dict[str, Any] = Field(default_factory=dict)


class Phase(Strict):
    """A stretch of generations in one world."""

    world: Literal["ancestral", "modern"]
    generations: int = Field(ge=1)


class AnalysisChoice(Strict):
    """How accounts are made.

    Attributes:
        max_classes: a larger grid is not kept whole: its near ties are, and those classes that lived.
        max_enumerated: a still larger grid is not enumerated; its best genomes are then the best found.
        restarts: random starts of the coordinate ascent that looks for them.
        near_ties: relative distances from the best within which genomes are listed as near ties.
        bootstrap: resamples of seeds behind each interval.
        confidence: of the intervals.
    """

    max_classes: int = Field(default=200_000, ge=1)
    max_enumerated: int = Field(default=5_000_000, ge=1)
    restarts: int = Field(default=40, ge=1)
    near_ties: tuple[Annotated[float, Field(ge=0.0, lt=1.0)], ...] = (0.0, 0.01, 0.02, 0.05)
    bootstrap: int = Field(default=2000, ge=100)
    confidence: float = Field(default=0.95, gt=0.0, lt=1.0)


class Experiment(Strict):
    """One experiment, complete. `world`, `genome` and `optimizer` hold every parameter after `compose.resolve`.

    `snapshots` lists generations whose populations are kept beside the first, the last ancestral and the last of all.
    `search_ledger` keeps the Price equation of every generation. `controls` runs an experiment that has drivers also with
    fair meiosis (twice, with seeds of its own the second time) and without them.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = ""
    question: str = ""
    expected: str = ""
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    replicates: int = Field(default=1, ge=1, le=100_000)
    world: WorldChoice
    genome: dict[str, Any]
    optimizer: dict[str, Any]
    phases: tuple[Phase, ...] = Field(min_length=1)
    snapshots: tuple[int, ...] = ()
    search_ledger: bool = True
    controls: bool = True
    analysis: AnalysisChoice = AnalysisChoice()

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if self.phases[0].world != "ancestral":
            raise ValueError("phases.0.world must be 'ancestral', but is 'modern'. Begin with an ancestral phase.")
        if self.seeds[-1] > MAX_SEED:
            raise ValueError(f"the last seed must be at most {MAX_SEED}, but is {self.seeds[-1]}. Lower seed or replicates.")
        for generation in self.snapshots:
            if not 0 <= generation < self.generations:
                raise ValueError(
                    f"snapshots must be generations from 0 to {self.generations - 1}, but has {generation}. Remove it."
                )
        return self

    @property
    def seeds(self) -> range:
        """The seed of each replicate."""
        return range(self.seed, self.seed + self.replicates)

    @property
    def swap(self) -> int:
        """The generation in which the modern world begins: that of the first modern phase, or the end."""
        generation = 0
        for phase in self.phases:
            if phase.world == "modern":
                break
            generation += phase.generations
        return generation

    @property
    def generations(self) -> int:
        """Generations of all phases together."""
        return sum(phase.generations for phase in self.phases)

    def digest(self) -> str:
        """Hash of everything that decides results: the tree without the words about it."""
        tree = self.model_dump(mode="json", exclude={"title", "question", "expected"})
        return hashlib.blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16).hexdigest()

    def setting_digest(self) -> str:
        """Hash of the setting alone, whatever the seeds: part of a run's folder name."""
        tree = self.model_dump(mode="json", exclude={"title", "question", "expected", "seed", "replicates"})
        return hashlib.blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16).hexdigest()

    def to_toml(self) -> str:
        """The tree as a TOML file that `evosim run` reads."""
        return tomli_w.dumps(self.model_dump(mode="json"))


def validated(kind: type[T] | Any, data: Any, where: str) -> T:
    """`data` as an instance of a pydantic or plain dataclass, checked strictly; one-line `UserError` otherwise."""
    _check_finite(data, where)
    try:
        return _adapter(kind).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise UserError(_one_line(error, where)) from None
    except (TypeError, ValueError) as error:  # TOML has dates and NaN, JSON has not
        raise UserError(f"{where or 'the file'} must hold numbers, text, lists and tables, but {error}. Mend it.") from None


def _check_finite(data: Any, where: str) -> None:
    if isinstance(data, float) and not math.isfinite(data):
        raise UserError(f"{where} must be finite, but is {data}. Write a number.")
    if isinstance(data, Mapping):
        for key, value in data.items():
            _check_finite(value, f"{where}.{key}" if where else str(key))
    elif isinstance(data, list | tuple):
        for i, value in enumerate(data):
            _check_finite(value, f"{where}.{i}")


def _one_line(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    # Union branches and dataclass names are steps of pydantic's own, not keys the user wrote.
    path = [str(p) for p in first["loc"] if not (isinstance(p, str) and (p[:1].isupper() or "[" in p or "]" in p or p in TYPES))]
    name = ".".join([where, *path] if where else path) or "the experiment"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{name} must not be there: no such key. Remove it or mend its spelling; 'evosim show' lists all keys."
    if first["type"] == "missing":
        return f"{name} must be given, but is missing. Add it."
    if first["type"] == "value_error":  # raised by a parameter class of ours, already in one line
        return str(first["msg"]).removeprefix("Value error, ")
    rule = str(first["msg"]).rpartition("should ")[2].replace("an object", "a table")
    given = first.get("input")
    return f"{name} must {rule}, but is {'a table' if isinstance(given, dict) else repr(given)}. Change it."


def read_toml(path: Path, what: str = "the experiment file") -> dict[str, Any]:
    """The tree in a TOML file; one-line errors for a missing, unreadable or malformed one."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise UserError(f"{what} must exist, but {path} does not. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{what} must be readable text, but {path} is not: {error.strerror if isinstance(error, OSError) else error}. Mend it.") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} must be valid TOML, but: {error}. Mend that line.") from None


def named_experiments() -> dict[str, Path]:
    """The experiments that come with the package, by name."""
    return {path.stem: path for path in sorted(EXPERIMENTS.glob("*.toml"))}


def read_experiment(which: str) -> dict[str, Any]:
    """The tree of an experiment given by name or by the path of a TOML file."""
    if which.endswith(".toml") or "/" in which or "\\" in which:
        return read_toml(Path(which))
    known = named_experiments()
    if which not in known:
        raise unknown("the experiment", which, known)
    return read_toml(known[which])


def apply_settings(tree: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """The tree with `key=value` settings put in; keys are dotted paths, values TOML (bare words are text)."""
    out = json.loads(json.dumps(tree, default=str))
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not key.strip():
            raise UserError(f"--set must be key=value, but is '{setting}'. Write for example --set optimizer.population=100.")
        put(out, key.strip(), _value(value.strip()), f"--set {setting}")
    return out


def put(tree: dict[str, Any], key: str, value: Any, told: str) -> None:
    """Put a value at a dotted path of a written tree, in place. `told` is how complaints begin. Raises `UserError`."""
    where: Any = tree
    *parents, last = key.split(".")
    for step in parents:
        where = _step(where, step, told)
    if isinstance(where, list):
        where[_index(where, last, told)] = value
    elif isinstance(where, Mapping):
        where[last] = value  # type: ignore[index]
    else:
        raise UserError(f"{told}: '{last}' must lie in a table, but does not. Check the path with 'evosim show'.")


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        try:
            return float(text)  # TOML wants a digit before the point; people write .3
        except ValueError:
            return text


def _step(tree: Any, step: str, told: str) -> Any:
    if isinstance(tree, list):
        return tree[_index(tree, step, told)]
    if isinstance(tree, dict):
        return tree.setdefault(step, {})
    raise UserError(f"{told}: '{step}' must be a table, but is not. Check the path with 'evosim show'.")


def _index(tree: list[Any], step: str, told: str) -> int:
    if not (step.isascii() and step.isdigit()) or int(step) >= len(tree):
        raise UserError(f"{told}: '{step}' must be a position from 0 to {len(tree) - 1}. Check with 'evosim show'.")
    return int(step)
