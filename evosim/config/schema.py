"""The parameter tree of an experiment: its classes, and digests of it.

These classes validate the parts that belong to no world, genome or optimizer.
`evosim.config.resolve` validates the other parts.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, TypeAlias

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
WORDS = {"title", "question", "expected", "claim"}  # keys that do not affect results
Tree: TypeAlias = dict[str, Any]  # a table of a TOML file, before it is validated
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]


def _check_title(value: str) -> str:
    """A title, if it has one line or is empty. Raises `UserError`."""
    if value:
        check_name(value, "title")
    return value


Title = Annotated[str, AfterValidator(_check_title)]


class StrictModel(BaseModel):
    """Unknown keys and wrong types are errors. Instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Member(StrictModel):
    """Another world, in which a share of the ancestral lives takes place.

    Attributes
    ----------
    share : float
        Share of ancestral lives. The world of a life is drawn at birth. The remaining lives take
        place in the ancestral world itself.
    world : {"ancestral", "modern"}
        The world from which this one differs.
    set : dict
        Parameters that differ from that world.
    """

    share: float = Field(ge=0.0, le=1.0)
    world: Literal["ancestral", "modern"] = "modern"
    set: Tree = Field(default_factory=dict)


class CueChoice(StrictModel):
    """A signal at birth that names the world of a life, and is sometimes wrong.

    Attributes
    ----------
    ancestral_error : float
        Share of ancestral lives with the signal `modern`.
    modern_error : float
        Share of modern lives with the signal `ancestral`.
    """

    ancestral_error: float = Field(default=0.0, ge=0.0, le=1.0)
    modern_error: float = Field(default=0.0, ge=0.0, le=1.0)


class WorldChoice(StrictModel):
    """The world pair.

    Attributes
    ----------
    name : str
        A world of `evosim list`.
    ancestral : dict
        Parameters of the ancestral world. Absent parameters keep their defaults.
    modern : dict
        Parameters that change at the swap. Empty: the modern world equals the ancestral world.
    mixture : tuple of Member
        Other worlds, in which shares of the ancestral lives take place.
    cue : CueChoice or None
        The signal at birth. None: agents get no signal.
    """

    name: str
    ancestral: Tree = Field(default_factory=dict)
    modern: Tree = Field(default_factory=dict)
    mixture: tuple[Member, ...] = ()
    cue: CueChoice | None = None

    @model_validator(mode="after")
    def _consistent(self) -> WorldChoice:
        total = sum(member.share for member in self.mixture)
        if total > 1.0 + 1e-12:
            raise ValueError(
                f"world.mixture: shares must sum to at most 1, but sum to {total:g}. Divide each"
                f" share by {total:g} or more."
            )
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> Tree:
        """Omit an absent cue, so that digests equal those from before cues existed."""
        tree: Tree = handler(self)
        if self.cue is None:
            tree.pop("cue", None)
        return tree


class SelectionChoice(StrictModel):
    """The fitness that the optimizer gets in an ancestral world with several start cases.

    After the swap the optimizer gets the mean over lives.

    Attributes
    ----------
    over : {"mean", "worst", "cvar"}
        The mean over cases, the worst case, or CVaR: the mean over the worst births.
    tail : float
        Share of births that count as the worst, for CVaR.
    sample : int
        Number of cases that are drawn by their shares, with replacement. 0: all cases.
    fresh : bool
        Whether cases are drawn again in each generation, or once for a run.
    """

    over: Literal["mean", "worst", "cvar"] = "mean"
    tail: float = Field(default=0.1, gt=0.0, le=1.0)
    sample: int = Field(default=0, ge=0, le=1_000_000)
    fresh: bool = True

    @property
    def plain(self) -> bool:
        """Whether the optimizer gets the mean over all cases."""
        return self.over == "mean" and not self.sample

    @property
    def varies(self) -> bool:
        """Whether the cases are drawn again in each generation."""
        return bool(self.sample) and self.fresh


class Phase(StrictModel):
    """Successive generations in one world."""

    world: Literal["ancestral", "modern"]
    generations: int = Field(ge=1)


class Prediction(StrictModel):
    """A prediction of one quantity, registered before the measurement at full size.

    Attributes
    ----------
    quantity : str
        The name of the quantity in the measurements of the claim.
    says : {"above", "below", "within", "equals"}
        The comparison. It must hold for the value of an exact quantity, or for the whole interval
        of a quantity over seeds.
    value : float
        The value to compare with, unless `says` is `within`.
    low, high : float or None
        The ends of the range, if `says` is `within`.
    tolerance : float
        The largest difference between values that count as equal.
    by_construction : bool
        Whether only an error in the code can make the prediction fail. Such a prediction checks the
        accounts and is no evidence for the claim.
    why : str
        The origin of the prediction.
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
                f"claim.predictions: '{self.quantity}' says '{self.says}', but low is {self.low}"
                f" and high is {self.high}. Give both with says = 'within', and none otherwise."
            )
        return self


class ClaimChoice(StrictModel):
    """A claim that an experiment tests. It does not affect results, so digests omit it.

    Attributes
    ----------
    number : int
        The number of the claim.
    statement : str
        The claim, in one sentence.
    source : str
        The author of the claim.
    quick, full : tuple of str
        `key=value` settings of the two sizes of the test.
    predictions : tuple of Prediction
        The registered predictions. The claim is confirmed if all of them hold.
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
                "claim.predictions needs one that can fail, but all have by_construction = true."
                " Add a prediction with by_construction = false."
            )
        return self


class FamilyMember(StrictModel):
    """One world of the family in which genomes are tested.

    Attributes
    ----------
    name : str
        Its name in tables.
    set : dict
        Parameters that differ from the ancestral world, as in `world.modern`. At least one.
    """

    name: Name
    set: Tree

    @field_validator("set")
    @classmethod
    def _differs(cls, value: Tree) -> Tree:
        if not value:
            raise ValueError(
                "analysis.family.set is empty, so this world equals the ancestral world. Add a"
                " parameter, for example set = { death = 0.1 }, or remove the member."
            )
        return value


class AnalysisChoice(StrictModel):
    """Parameters of the analysis.

    Attributes
    ----------
    max_classes : int
        The largest grid that is stored whole. Of a larger grid, near ties and observed classes are
        stored.
    max_enumerated : int
        The largest grid that is enumerated. A coordinate ascent searches the best genomes of a
        larger grid.
    restarts : int
        Random starts of that ascent.
    near_ties : tuple of float
        Relative distances from the best. Genomes within them are listed as near ties.
    bootstrap : int
        Resamples of seeds for each interval.
    confidence : float
        Confidence level of the intervals.
    family : tuple of FamilyMember
        Worlds, in addition to the ancestral one, in which genomes are called robustly aligned or
        pseudo-aligned.
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
                    f"analysis.family has the name '{name}' twice. Rename one, for example"
                    f" '{name}-2'; 'ancestral' is the ancestral world."
                )
        return self


class Experiment(StrictModel):
    """One experiment.

    After `evosim.config.resolve.resolve`, `world`, `genome` and `optimizer` hold every parameter.

    Attributes
    ----------
    snapshots : tuple of int
        Generations whose populations are stored, in addition to the first, the last ancestral and
        the last generation.
    search_ledger : bool
        Whether the Price equation of every generation is stored.
    controls : bool
        Whether controls run too. With drivers, these are two runs with fair meiosis (the second
        with its own seeds) and one without drivers. With fresh samples of start cases, it is a run
        with selection on the whole ancestral world.
    """

    name: Name
    title: Title = ""
    question: str = ""
    expected: str = ""
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    replicates: int = Field(default=1, ge=1, le=100_000)
    world: WorldChoice
    genome: Tree
    optimizer: Tree
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
                "phases.0.world must be 'ancestral', but is 'modern'. Write world = 'ancestral' in"
                " the first phase."
            )
        if self.seeds[-1] > MAX_SEED:
            raise ValueError(
                f"the last seed must be at most {MAX_SEED}, but is {self.seeds[-1]}. Use a smaller"
                " seed or fewer replicates."
            )
        if self.generations > MAX_GENERATIONS:
            raise ValueError(
                f"phases must have at most {MAX_GENERATIONS:,} generations in total, but have"
                f" {self.generations:,}. Lower phases.0.generations."
            )
        for generation in self.snapshots:
            if not 0 <= generation < self.generations:
                raise ValueError(
                    f"snapshots must be generations from 0 to {self.generations - 1}, but has"
                    f" {generation}. Remove {generation} from the list."
                )
        return self

    @property
    def seeds(self) -> range:
        """The seed of each replicate."""
        return range(self.seed, self.seed + self.replicates)

    @property
    def swap(self) -> int:
        """The first generation of the first modern phase, or the number of generations."""
        generation = 0
        for phase in self.phases:
            if phase.world == "modern":
                break
            generation += phase.generations
        return generation

    @property
    def generations(self) -> int:
        """Number of generations in all phases."""
        return sum(phase.generations for phase in self.phases)

    def digest(self) -> str:
        """Hash of everything that affects results: the tree without its `WORDS`."""
        return hash_of(without_unused(self.model_dump(mode="json", exclude=WORDS)))

    def setting_digest(self) -> str:
        """Hash of the tree without seeds: a part of the name of a run's folder."""
        excluded = WORDS | {"seed", "replicates"}
        return hash_of(without_unused(self.model_dump(mode="json", exclude=excluded)))

    def to_toml(self) -> str:
        """The tree as a TOML file that `evosim run` reads."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def hash_of(tree: Tree) -> str:
    """Hash of a tree: 32 hexadecimal digits."""
    return hashlib.blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16).hexdigest()


# Parameters of worlds that came later, by world, with the value that means "as before"
LATER: dict[str, dict[str, float]] = {"savanna": {"solo_pleasure": 0.0}}


def without_unused(tree: Tree) -> Tree:
    """A resolved tree without a plain selection, an empty mixture, an empty family and `LATER`.

    The digests of experiments without them therefore equal those from before these keys existed.
    """
    used = {
        key: value
        for key, value in tree.items()
        if key != "selection" or not SelectionChoice(**value).plain
    }
    world = {key: value for key, value in tree["world"].items() if key != "mixture" or value}
    if later := LATER.get(world["name"]):
        world["ancestral"] = {
            key: value
            for key, value in world["ancestral"].items()
            if key not in later or value != later[key]
        }
    analysis = {
        key: value for key, value in tree.get("analysis", {}).items() if key != "family" or value
    }
    return used | {"world": world} | ({"analysis": analysis} if "analysis" in tree else {})
