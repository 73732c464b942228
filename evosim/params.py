"""The parameter tree of an experiment: read from TOML, validated, resolved, digested, written back.

Here are the parts that belong to no world, genome or optimizer; `evosim.compose` validates the others.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import re
import shlex
import stat
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from evosim.errors import UserError, unknown
from evosim.names import check_name, check_text

T = TypeVar("T")
EXPERIMENTS = Path(__file__).parent / "experiments"
MAX_SEED = 2**63 - 1  # TOML integers are signed
MAX_FILE = 64 * 2**20  # bytes
MAX_DEPTH = 50  # of tables and lists within each other
MAX_GENERATIONS = 10**9
MOST_PARTS = 1000  # of a key, before it is read at all
_QUOTED = re.compile(rb"""(?:"[^"\n]*+"|'[^'\n]*+')""")
_PART = rb"(?:" + _QUOTED.pattern + rb"|[A-Za-z0-9_-]++)"
_DOTTED = re.compile(_PART + rb"(?:[ \t]*+\.[ \t]*+" + _PART + rb")*+")  # a key of several parts; what is in quotes is one part
MAX_CLASSES = 10**9
RULES = {"ratio": "be one number, or two: [eggs, sperm]"}  # of values that may be of several kinds, of which a message would name one alone
WORDS = {"title", "question", "expected", "claim"}  # of an experiment: they decide no result
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]


def title_of(value: str) -> str:
    """A title, which has one line and may be empty. Raises `UserError` for another."""
    if value:
        check_name(value, "title")
    return value


Title = Annotated[str, AfterValidator(title_of)]
_adapter: Any = cache(TypeAdapter)  # making one takes longer than using it


class Strict(BaseModel):
    """Unknown keys and wrong types are errors; instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Member(Strict):
    """A part of training that is lived elsewhere.

    Attributes:
        share: of lives; which life it is, is drawn at birth. What is left is lived in the ancestral world itself.
        world: the world that the place is like.
        set: parameters in which it differs from that.
    """

    share: float = Field(ge=0.0, le=1.0)
    world: Literal["ancestral", "modern"] = "modern"
    set: dict[str, Any] = Field(default_factory=dict)


class CueChoice(Strict):
    """What agents are told at birth of the world they live in, and how often that is wrong.

    Attributes:
        ancestral_error: share of ancestral lives that are told `modern`.
        modern_error: share of modern lives that are told `ancestral`.
    """

    ancestral_error: float = Field(default=0.0, ge=0.0, le=1.0)
    modern_error: float = Field(default=0.0, ge=0.0, le=1.0)


class WorldChoice(Strict):
    """Which world pair.

    Attributes:
        name: of `evosim list`.
        ancestral: parameters of the ancestral world; those left out keep their defaults.
        modern: parameters that change at the swap. Empty: the modern world is the ancestral one.
        mixture: other worlds in which shares of ancestral lives are lived.
        cue: what agents are told of the world they live in. Left out, they are told nothing.
    """

    name: str
    ancestral: dict[str, Any] = Field(default_factory=dict)
    modern: dict[str, Any] = Field(default_factory=dict)
    mixture: tuple[Member, ...] = ()
    cue: CueChoice | None = None

    @model_validator(mode="after")
    def _consistent(self) -> WorldChoice:
        total = sum(member.share for member in self.mixture)
        if total > 1.0 + 1e-12:
            raise ValueError(f"world.mixture: shares must sum to at most 1, but sum to {total:g}. Lower them.")
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a cue nothing is said of one, so that digests are those of files that knew none."""
        out: dict[str, Any] = handler(self)
        if self.cue is None:
            out.pop("cue", None)
        return out


class SelectionChoice(Strict):
    """What the optimizer hears of fitness in an ancestral world of several cases. After the swap it hears the mean over lives.

    Attributes:
        over: the `mean` over cases, the `worst` case, or `cvar`: the mean over the worst births.
        tail: share of births that are the worst, for `cvar`.
        sample: cases drawn by their shares, with replacement; 0: all there are.
        fresh: whether they are drawn again in each generation, or once for a run.
    """

    over: Literal["mean", "worst", "cvar"] = "mean"
    tail: float = Field(default=0.1, gt=0.0, le=1.0)
    sample: int = Field(default=0, ge=0, le=1_000_000)
    fresh: bool = True

    @property
    def plain(self) -> bool:
        """Whether selection hears fitness in the whole world, and nothing else."""
        return self.over == "mean" and not self.sample

    @property
    def varies(self) -> bool:
        """Whether what selection sees is drawn again in each generation."""
        return bool(self.sample) and self.fresh


class Phase(Strict):
    """A stretch of generations in one world."""

    world: Literal["ancestral", "modern"]
    generations: int = Field(ge=1)


class Prediction(Strict):
    """What is registered of one measured quantity before it is measured at full size.

    Attributes:
        quantity: its name among what the claim measures.
        says: `above` or `below` a value, `within` low and high, or `equals` a value, within `tolerance`: the value of an exact quantity, or the whole interval of one over seeds.
        value: what it is compared with, unless `says` is `within`.
        low, high: the ends, if `says` is `within`.
        tolerance: how far apart equals may be.
        by_construction: whether it cannot fail unless the code is wrong. Then it is a check of the accounts and no evidence for the claim.
        why: where the prediction comes from.
    """

    quantity: str
    says: Literal["above", "below", "within", "equals"]
    value: float = 0.0
    low: float | None = None
    high: float | None = None
    tolerance: float = Field(default=1e-9, ge=0.0)
    by_construction: bool = False
    why: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Prediction:
        if (self.says == "within") != (self.low is not None and self.high is not None):
            raise ValueError(f"claim.predictions: '{self.quantity}' must have low and high if it says 'within', and only then. Mend it.")
        return self


class ClaimChoice(Strict):
    """A claim that an experiment tests. It decides no result: digests leave it out.

    Attributes:
        number: of the claim.
        statement: the claim, in a sentence.
        source: who claims it.
        quick, full: `key=value` settings of the two sizes at which it is tested.
        predictions: what must be measured for the claim to come out, registered beforehand.
    """

    number: int = Field(ge=1)
    statement: str
    source: str = ""
    quick: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    predictions: tuple[Prediction, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_fail(self) -> ClaimChoice:
        if all(prediction.by_construction for prediction in self.predictions):
            raise ValueError("claim.predictions must have one that can fail, but all are true by construction. Add one.")
        return self


class FamilyMember(Strict):
    """A world of the family over which genomes are judged.

    Attributes:
        name: how tables call it.
        set: parameters in which it differs from the ancestral world, as in `world.modern`; at least one.
    """

    name: Name
    set: dict[str, Any]

    @field_validator("set")
    @classmethod
    def _differs(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not value:
            raise ValueError("analysis.family.set must have a parameter in which the world differs from the ancestral one, but is empty. Write one, or leave the member out.")
        return value


class AnalysisChoice(Strict):
    """How accounts are made.

    Attributes:
        max_classes: a larger grid is not kept whole: its near ties are, and those classes that lived.
        max_enumerated: a still larger grid is not enumerated; its best genomes are then the best found.
        restarts: random starts of the coordinate ascent that looks for them.
        near_ties: relative distances from the best within which genomes are listed as near ties.
        bootstrap: resamples of seeds behind each interval.
        confidence: of the intervals.
        family: worlds, beside the ancestral one, over which genomes are called robustly or pseudo-aligned.
    """

    max_classes: int = Field(default=200_000, ge=1, le=MAX_CLASSES)
    max_enumerated: int = Field(default=5_000_000, ge=1, le=MAX_CLASSES)
    restarts: int = Field(default=40, ge=1, le=1_000_000)
    near_ties: tuple[Annotated[float, Field(ge=0.0, lt=1.0)], ...] = Field(default=(0.0, 0.01, 0.02, 0.05), max_length=1000)
    bootstrap: int = Field(default=2000, ge=100, le=1_000_000)
    confidence: float = Field(default=0.95, gt=0.0, lt=1.0)
    family: tuple[FamilyMember, ...] = Field(default=(), max_length=1000)

    @model_validator(mode="after")
    def _names_differ(self) -> AnalysisChoice:
        names = ["ancestral", *(member.name for member in self.family)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"analysis.family must have names of their own, none of them 'ancestral', but has '{name}' twice. Rename one.")
        return self


class Experiment(Strict):
    """One experiment, complete. `world`, `genome` and `optimizer` hold every parameter after `compose.resolve`.

    `snapshots` lists generations whose populations are kept beside the first, the last ancestral and the last of all.
    `search_ledger` keeps the Price equation of every generation. `controls` runs an experiment that has drivers also with
    fair meiosis (twice, with seeds of its own the second time) and without them, and one that selects on samples drawn again in each
    generation also with selection on the whole ancestral world.
    """

    name: Name
    title: Title = ""
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
    selection: SelectionChoice = SelectionChoice()
    claim: ClaimChoice | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if self.phases[0].world != "ancestral":
            raise ValueError("phases.0.world must be 'ancestral', but is 'modern'. Begin with an ancestral phase.")
        if self.seeds[-1] > MAX_SEED:
            raise ValueError(f"the last seed must be at most {MAX_SEED}, but is {self.seeds[-1]}. Lower seed or replicates.")
        if self.generations > MAX_GENERATIONS:
            raise ValueError(f"phases must have at most {MAX_GENERATIONS:,} generations together, but have {self.generations:,}. Lower them.")
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
        tree = without_unused(self.model_dump(mode="json", exclude=WORDS))
        return hashlib.blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16).hexdigest()

    def setting_digest(self) -> str:
        """Hash of the setting alone, whatever the seeds: part of a run's folder name."""
        tree = without_unused(self.model_dump(mode="json", exclude=WORDS | {"seed", "replicates"}))
        return hashlib.blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16).hexdigest()

    def to_toml(self) -> str:
        """The tree as a TOML file that `evosim run` reads."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def without_unused(tree: dict[str, Any]) -> dict[str, Any]:
    """A resolved tree without a plain selection, an empty mixture and an empty family, so that digests of experiments without them stay what they were."""
    out = {key: value for key, value in tree.items() if key != "selection" or not SelectionChoice(**value).plain}
    world = {key: value for key, value in tree["world"].items() if key != "mixture" or value}
    analysis = {key: value for key, value in tree.get("analysis", {}).items() if key != "family" or value}
    return out | {"world": world} | ({"analysis": analysis} if "analysis" in tree else {})


def validated(kind: type[T] | Any, data: Any, where: str) -> T:
    """`data` as an instance of a pydantic or plain dataclass, checked strictly; one-line `UserError` otherwise."""
    check_plain(data, where)
    try:
        return _adapter(kind).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise UserError(_one_line(error, data, where)) from None


def check_plain(data: Any, where: str = "") -> None:
    """Raise `UserError` unless all is text, finite numbers, truth values, lists and tables, not too deep: what TOML and JSON both have."""
    left: list[tuple[str, Any, int]] = [(where, data, 0)]
    while left:
        path, value, depth = left.pop()
        if depth > MAX_DEPTH:
            raise UserError(f"{path} must lie at most {MAX_DEPTH} tables and lists deep, but lies deeper. Take it out of some.")
        if isinstance(value, Mapping):
            for key in value:
                _check_text(key, f"a key of {path or 'the file'}")
            left += [(f"{path}.{key}" if path else str(key) or '""', value[key], depth + 1) for key in reversed(value)]
        elif isinstance(value, list | tuple):
            left += [(f"{path}.{i}", value[i], depth + 1) for i in reversed(range(len(value)))]
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise UserError(f"{path} must be finite, but is {value}. Write a number.")
        elif isinstance(value, int):
            if not -MAX_SEED <= value <= MAX_SEED:
                raise UserError(f"{path} must be a whole number within +-{MAX_SEED}, but has {len(f'{abs(value):x}')} hexadecimal digits. Change it.")
        elif isinstance(value, str):
            _check_text(value, path)
        elif value is not None:
            raise UserError(f"{path} must be text, a number, true, false, a list or a table, but is a {type(value).__name__} ({value}). Change it.")


def _check_text(value: Any, what: str) -> None:
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise UserError(f"{what} must be Unicode text, but holds bytes that are none ({value[:100]!r}). Write it in UTF-8.")
        check_text(value, what)


def _one_line(error: ValidationError, data: Any, where: str) -> str:
    first = error.errors()[0]
    path = _written_path(first["loc"], data, first["type"])
    name = ".".join([where, *path] if where else path) or "the experiment"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{name} must not be there: no such key. Remove it or mend its spelling; 'evosim show' lists all keys."
    if first["type"] == "missing":
        return f"{name} must be given, but is missing. Add it."
    if first["type"] == "value_error":  # raised by a parameter class of ours, already in one line
        return str(first["msg"]).removeprefix("Value error, ")
    rule = RULES.get(path[-1] if path else "", str(first["msg"]).rpartition("should ")[2].replace("an object", "a table"))
    given = first.get("input")
    return f"{name} must {rule}, but is {'a table' if isinstance(given, dict) else shortened(repr(given))}. Change it."


def shortened(text: str, most: int = 200) -> str:
    """A text, or its beginning."""
    return text if len(text) <= most else f"{text[:most]}..."


def _written_path(steps: tuple[int | str, ...], data: Any, kind: str) -> list[str]:
    """Where in `data` an error lies: its steps without those of pydantic's own (branches of unions, names of classes)."""
    path, here = [], data
    for i, step in enumerate(steps):
        inside = (isinstance(here, Mapping) and step in here) or (isinstance(here, list | tuple) and isinstance(step, int) and step < len(here))
        if inside:
            here = here[step]
        if inside or (kind == "missing" and i == len(steps) - 1):
            path.append(str(step) or '""')
    return path


def read_toml(path: Path, what: str = "the experiment file") -> dict[str, Any]:
    """The tree in a TOML file; one-line errors for a missing, unreadable or malformed one."""
    return parsed(read_bytes(path, what), path, what)


def read_bytes(path: Path, what: str) -> bytes:
    """What a file holds; one-line errors for what is no file, or none that a person wrote. A pipe would be waited for, a device never ends."""
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise UserError(f"{what} must be readable text, but {path} is a folder. Give a file in it.")
        if not stat.S_ISREG(facts.st_mode):
            raise UserError(f"{what} must be a file, but {path} is a pipe or a device. Save what it gives as a file.")
        if facts.st_size > MAX_FILE:
            raise UserError(f"{what} must have at most {MAX_FILE:,} bytes, but {path} has {facts.st_size:,}. Make it smaller.")
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{what} must exist, but {path} does not. Check the path.") from None
    except OSError as error:
        raise UserError(f"{what} must be readable text, but {path} is not: {error.strerror}. Mend it.") from None
    except ValueError:  # a zero character
        raise UserError(f"{what} must exist, but {path} cannot be the name of a file. Check the path.") from None


def parsed(data: bytes, path: Path, what: str) -> dict[str, Any]:
    """The tree that a TOML file's bytes say."""
    try:
        _check_dotted(data)
        tree = tomllib.loads(data.decode("utf-8-sig"))  # some editors begin a file with a mark of its encoding
    except UnicodeDecodeError as error:
        raise UserError(f"{what} must be readable text, but {path} is not: {error}. Save it in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} must be valid TOML, but: {str(error).rstrip('.')}. Mend that line.") from None
    except RecursionError:  # or one key that would say as much
        raise UserError(f"{path} must hold at most {MAX_DEPTH} tables and lists within each other, but holds more. Take some out.") from None
    except ValueError as error:  # numbers and dates that cannot be
        raise UserError(f"{path} must be valid TOML, but: {str(error).partition(';')[0].rstrip('.')}. Mend that value.") from None
    check_plain(tree)
    return tree


def _check_dotted(data: bytes) -> None:
    """Raise `RecursionError` for a key of very many parts: the parser takes the square of their number in time."""
    for line in data.splitlines():
        if line.count(b".") > MOST_PARTS and any(_QUOTED.sub(b"", found[0]).count(b".") > MOST_PARTS for found in _DOTTED.finditer(line)):
            raise RecursionError


def named_experiments() -> dict[str, Path]:
    """The experiments that come with the package, by name."""
    return {path.stem: path for path in sorted(EXPERIMENTS.glob("*.toml"))}


def read_experiment(which: str) -> dict[str, Any]:
    """The tree of an experiment given by name or by the path of a TOML file."""
    known = named_experiments()
    if which in known:
        return read_toml(known[which])
    refuse_other_kind(Path(which), EXPERIMENT_FILE)
    if which.endswith(".toml") or "/" in which or "\\" in which:
        return read_toml(Path(which))
    raise unknown("the experiment", which, known)


RUN_FOLDER, SEARCH_FOLDER, SWEEP_FOLDER = "the folder of a run", "the folder of a landscape's search", "the folder of a sweep"
PARTIAL_FOLDER, EXPERIMENT_FILE, SWEEP_FILE, PACKAGED = "the folder of an interrupted run", "an experiment file", "a sweep file", "a packaged experiment"


def kind_at(path: Path) -> str:
    """What lies at a path, by the files in a folder or the keys in a file.

    Parameters
    ----------
    path : Path
        A file, a folder, or the name of a packaged experiment.

    Returns
    -------
    str
        One of the kinds above; empty if it is none of them.
    """
    try:
        if path.is_dir():
            if (path / "sweep.json").is_file():
                return SWEEP_FOLDER
            if not (path / "experiment.toml").is_file():
                return ""
            if (path / "tables" / "paths.parquet").is_file():
                return SEARCH_FOLDER
            return RUN_FOLDER if (path / "provenance.json").is_file() else PARTIAL_FOLDER
        if not path.is_file():
            return PACKAGED if str(path) in named_experiments() else ""
        tree = read_toml(path)
    except (UserError, OSError, ValueError):
        return ""
    if isinstance(tree.get("experiment"), str):
        return SWEEP_FILE
    return EXPERIMENT_FILE if {"world", "genome", "optimizer"} & tree.keys() else ""


def refuse_other_kind(path: Path, *wanted: str) -> None:
    """Refuse what is of a known kind, but of another than a command needs, with the command that takes it.

    Parameters
    ----------
    path : Path
        What the user gave.
    *wanted : str
        Kinds that the command takes.

    Raises
    ------
    UserError
        If another kind lies there. What is no known kind is left to the reader of the wanted one.
    """
    found = kind_at(path)
    if not found or found in wanted:
        return
    quoted = {name: shlex.quote(str(path / name)) for name in ("", "experiment.toml", "sweep.toml")}
    here = quoted[""]
    inside = path.parent if kind_at(path.parent) in (RUN_FOLDER, SEARCH_FOLDER, SWEEP_FOLDER) else None
    if found == RUN_FOLDER and wanted == (EXPERIMENT_FILE,):
        remedy = f"'evosim run {quoted['experiment.toml']}' repeats it, 'evosim analyze {here}' shows it"
    elif found == SWEEP_FOLDER and wanted == (SWEEP_FILE,):
        remedy = f"'evosim sweep run {quoted['sweep.toml']} --out {here}' goes on with it"
    elif inside and kind_at(inside) in wanted:
        remedy = f"give its folder, {inside}"
    else:
        command = {
            RUN_FOLDER: f"analyze {here}", SEARCH_FOLDER: f"figures {here}", SWEEP_FOLDER: f"sweep analyze {here}", PARTIAL_FOLDER: f"run {here} --resume",
            EXPERIMENT_FILE: f"run {here}", SWEEP_FILE: f"sweep run {here}", PACKAGED: f"run {here}",
        }[found]  # fmt: skip
        remedy = f"use 'evosim {command}'"
    raise UserError(f"{path} must be {' or '.join(kind for kind in wanted if kind != PARTIAL_FOLDER)}, but is {found}: {remedy}.")


def apply_settings(tree: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """The tree with `key=value` settings put in; keys are dotted paths, values TOML (bare words are text)."""
    out = copy.deepcopy(tree)
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not key.strip():
            raise UserError(f"--set must be key=value, but is '{shortened(setting)}'. Write for example --set optimizer.population=100.")
        put(out, key.strip(), _value(value.strip()), f"--set {shortened(setting)}")
    return out


def put(tree: dict[str, Any], key: str, value: Any, told: str) -> None:
    """Put a value at a dotted path of a written tree, in place. `told` is how complaints begin. Raises `UserError`."""
    where: Any = tree
    *parents, last = key.split(".")
    if len(parents) >= MAX_DEPTH:
        raise UserError(f"{told}: the key must have at most {MAX_DEPTH} parts, but has {len(parents) + 1}. Check the path with 'evosim show'.")
    for i, step in enumerate(parents):
        where = _step(where, step, told)
        after = [*parents[i + 1 :], last]
        if where in ({}, []) and after[0].isdecimal():  # a list that is not there has no positions
            whole = inline({".".join(after[1:]): value} if after[1:] else value)
            path = ".".join(parents[: i + 1])
            raise UserError(
                f"{told}: '{after[0]}' must be a position in a list, but {path} holds none. "
                f"Give the whole list: {path}=[{whole}]."
            )
    if isinstance(where, list):
        where[_index(where, last, told)] = value
    elif isinstance(where, Mapping):
        where[last] = value  # type: ignore[index]
    else:
        raise UserError(f"{told}: '{last}' must lie in a table, but does not. Check the path with 'evosim show'.")


def inline(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + " }"
    return " ".join(tomli_w.dumps({"x": value}).partition(" = ")[2].split())


def _value(text: str) -> Any:
    try:
        tree = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        tree = {}
    if tree.keys() == {"value"}:  # a line break in the text might begin another key
        return tree["value"]
    try:
        return float(text) if text.isascii() else text  # TOML wants a digit before the point; people write .3
    except ValueError:
        return text


def _step(tree: Any, step: str, told: str) -> Any:
    if isinstance(tree, list):
        return tree[_index(tree, step, told)]
    if isinstance(tree, dict):
        return tree.setdefault(step, {})
    raise UserError(f"{told}: '{step}' must be a table, but is not. Check the path with 'evosim show'.")


def _index(tree: list[Any], step: str, told: str) -> int:
    if step not in map(str, range(len(tree))):
        raise UserError(f"{told}: '{step}' must be a position from 0 to {len(tree) - 1}. Check with 'evosim show'.")
    return int(step)
