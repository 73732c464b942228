"""The parameter tree of an experiment: read from TOML, validated, resolved, digested, written back.

Here are the parts that belong to no world, genome or optimizer; `evosim.config.resolve` validates
the others.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from evosim.runtime.names import check_name

MAX_SEED = 2**63 - 1  # TOML integers are signed
MAX_GENERATIONS = 10**9
MAX_CLASSES = 10**9
WORDS = {"title", "question", "expected", "claim"}  # of an experiment: they decide no result
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]


def title_of(value: str) -> str:
    """A title, which has one line and may be empty. Raises `UserError` for another."""
    if value:
        check_name(value, "title")
    return value


Title = Annotated[str, AfterValidator(title_of)]


class StrictModel(BaseModel):
    """Unknown keys and wrong types are errors; instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Member(StrictModel):
    """A part of training that is lived elsewhere.

    Attributes:
        share: of lives; which life it is, is drawn at birth. What is left is lived in the ancestral
        world itself. world: the world that the place is like. set: parameters in which it differs
        from that.
    """

    share: float = Field(ge=0.0, le=1.0)
    world: Literal["ancestral", "modern"] = "modern"
    set: dict[str, Any] = Field(default_factory=dict)


class CueChoice(StrictModel):
    """What agents are told at birth of the world they live in, and how often that is wrong.

    Attributes:
        ancestral_error: share of ancestral lives that are told `modern`.
        modern_error: share of modern lives that are told `ancestral`.
    """

    ancestral_error: float = Field(default=0.0, ge=0.0, le=1.0)
    modern_error: float = Field(default=0.0, ge=0.0, le=1.0)


class WorldChoice(StrictModel):
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
            raise ValueError(
                f"world.mixture: shares must sum to at most 1, but sum to {total:g}. Lower them."
            )
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a cue nothing is said of one, so that digests are those of files that knew
        none.
        """
        out: dict[str, Any] = handler(self)
        if self.cue is None:
            out.pop("cue", None)
        return out


class SelectionChoice(StrictModel):
    """What the optimizer hears of fitness in an ancestral world of several cases.

    After the swap it hears the mean over lives.

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


class Phase(StrictModel):
    """A stretch of generations in one world."""

    world: Literal["ancestral", "modern"]
    generations: int = Field(ge=1)


class Prediction(StrictModel):
    """What is registered of one measured quantity before it is measured at full size.

    Attributes:
        quantity: its name among what the claim measures.
        says: `above` or `below` a value, `within` low and high, or `equals` a value, within
        `tolerance`: the value of an exact quantity, or the whole interval of one over seeds. value:
        what it is compared with, unless `says` is `within`. low, high: the ends, if `says` is
        `within`. tolerance: how far apart equals may be. by_construction: whether it cannot fail
        unless the code is wrong. Then it is a check of the accounts and no evidence for the claim.
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
            raise ValueError(
                f"claim.predictions: '{self.quantity}' must have low and high if it says 'within',"
                " and only then. Mend it."
            )
        return self


class ClaimChoice(StrictModel):
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
            raise ValueError(
                "claim.predictions must have one that can fail, but all are true by construction."
                " Add one."
            )
        return self


class FamilyMember(StrictModel):
    """A world of the family over which genomes are judged.

    Attributes:
        name: how tables call it.
        set: parameters in which it differs from the ancestral world, as in `world.modern`; at least
        one.
    """

    name: Name
    set: dict[str, Any]

    @field_validator("set")
    @classmethod
    def _differs(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not value:
            raise ValueError(
                "analysis.family.set must have a parameter in which the world differs from the"
                " ancestral one, but is empty. Write one, or leave the member out."
            )
        return value


class AnalysisChoice(StrictModel):
    """How accounts are made.

    Attributes:
        max_classes: a larger grid is not kept whole: its near ties are, and those classes that
        lived. max_enumerated: a still larger grid is not enumerated; its best genomes are then the
        best found. restarts: random starts of the coordinate ascent that looks for them. near_ties:
        relative distances from the best within which genomes are listed as near ties. bootstrap:
        resamples of seeds behind each interval. confidence: of the intervals. family: worlds,
        beside the ancestral one, over which genomes are called robustly or pseudo-aligned.
    """

    max_classes: int = Field(default=200_000, ge=1, le=MAX_CLASSES)
    max_enumerated: int = Field(default=5_000_000, ge=1, le=MAX_CLASSES)
    restarts: int = Field(default=40, ge=1, le=1_000_000)
    near_ties: tuple[Annotated[float, Field(ge=0.0, lt=1.0)], ...] = Field(
        default=(0.0, 0.01, 0.02, 0.05), max_length=1000
    )
    bootstrap: int = Field(default=2000, ge=100, le=1_000_000)
    confidence: float = Field(default=0.95, gt=0.0, lt=1.0)
    family: tuple[FamilyMember, ...] = Field(default=(), max_length=1000)

    @model_validator(mode="after")
    def _names_differ(self) -> AnalysisChoice:
        names = ["ancestral", *(member.name for member in self.family)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    "analysis.family must have names of their own, none of them 'ancestral', but"
                    f" has '{name}' twice. Rename one."
                )
        return self


class Experiment(StrictModel):
    """One experiment, complete.

    `world`, `genome` and `optimizer` hold every parameter after `compose.resolve`.

    `snapshots` lists generations whose populations are kept beside the first, the last ancestral
    and the last of all. `search_ledger` keeps the Price equation of every generation. `controls`
    runs an experiment that has drivers also with fair meiosis (twice, with seeds of its own the
    second time) and without them, and one that selects on samples drawn again in each generation
    also with selection on the whole ancestral world.
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
            raise ValueError(
                "phases.0.world must be 'ancestral', but is 'modern'. Begin with an ancestral"
                " phase."
            )
        if self.seeds[-1] > MAX_SEED:
            raise ValueError(
                f"the last seed must be at most {MAX_SEED}, but is {self.seeds[-1]}. Lower seed or"
                " replicates."
            )
        if self.generations > MAX_GENERATIONS:
            raise ValueError(
                f"phases must have at most {MAX_GENERATIONS:,} generations together, but have"
                f" {self.generations:,}. Lower them."
            )
        for generation in self.snapshots:
            if not 0 <= generation < self.generations:
                raise ValueError(
                    f"snapshots must be generations from 0 to {self.generations - 1}, but has"
                    f" {generation}. Remove it."
                )
        return self

    @property
    def seeds(self) -> range:
        """The seed of each replicate."""
        return range(self.seed, self.seed + self.replicates)

    @property
    def swap(self) -> int:
        """The generation in which the modern world begins: that of the first modern phase, or the
        end.
        """
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
        return hashlib.blake2b(
            json.dumps(tree, sort_keys=True).encode(), digest_size=16
        ).hexdigest()

    def setting_digest(self) -> str:
        """Hash of the setting alone, whatever the seeds: part of a run's folder name."""
        tree = without_unused(self.model_dump(mode="json", exclude=WORDS | {"seed", "replicates"}))
        return hashlib.blake2b(
            json.dumps(tree, sort_keys=True).encode(), digest_size=16
        ).hexdigest()

    def to_toml(self) -> str:
        """The tree as a TOML file that `evosim run` reads."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def without_unused(tree: dict[str, Any]) -> dict[str, Any]:
    """A resolved tree without a plain selection, an empty mixture and an empty family, so that
    digests of experiments without them stay what they were.
    """
    out = {
        key: value
        for key, value in tree.items()
        if key != "selection" or not SelectionChoice(**value).plain
    }
    world = {key: value for key, value in tree["world"].items() if key != "mixture" or value}
    analysis = {
        key: value for key, value in tree.get("analysis", {}).items() if key != "family" or value
    }
    return out | {"world": world} | ({"analysis": analysis} if "analysis" in tree else {})
