"""The summary of a run as a tree of frozen dataclasses: what `summary.json` holds.

All numbers are means over seeds. `None` means: not measured. Mappings are keyed by names of rungs,
steps, acts, kinds of loss, causes, or desires. Each key of the file is in `docs/schema.md`.
`RunSummary.as_dict` gives the plain values that are written; `summary_reader` reads them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from evosim.analysis.loss_summary import LossSummary
from evosim.analysis.values import Amounts, ByWorld, Ends, Estimate, MeasuredByWorld
from evosim.runtime.dataclass_json import Key, to_json_object

T = TypeVar("T")
EARLIER = 2


@dataclass(frozen=True)
class LadderSummary:
    """The ladder in one world.

    Attributes
    ----------
    rungs : dict of float or None
        Fitness of each rung that was measured.
    steps : dict of float or None
        Loss of each step; None where it was not measured.
    intervals : dict of Estimate
        Mean and interval of rungs and steps that differ between seeds.
    seeds : int
        Number of seeds behind the means.
    """

    rungs: Mapping[str, float | None]
    steps: Mapping[str, float | None]
    intervals: Mapping[str, Estimate]
    seeds: int

    def rung(self, name: str) -> float:
        """Fitness of a rung that was measured; raises `KeyError` for another."""
        return _measured(self.rungs, name)

    def step(self, name: str) -> float:
        """Loss of a step that was measured; raises `KeyError` for another."""
        return _measured(self.steps, name)

    def ends(self, name: str) -> Ends | None:
        """Ends of the interval of a rung or step; None if it has none."""
        estimate = self.intervals.get(name)
        return estimate.interval if estimate else None


def _measured(values: Mapping[str, float | None], name: str) -> float:
    value = values[name]
    if value is None:
        raise KeyError(f"{name} was not measured")
    return value


@dataclass(frozen=True)
class LedgerSummary:
    """The behaviour ledger in one world: loss by kind, by act, and by act and kind."""

    kinds: Amounts
    acts: Amounts
    acts_by_kind: Mapping[str, Amounts]
    seeds: int


@dataclass(frozen=True)
class ShiftSummary:
    """How the ancestral optima differ in the modern world.

    Attributes
    ----------
    shared_by_all_ancestral_optima, left_open_by_the_data : float
        The two parts of the step `shift`.
    ancestral_optima_good_in_modern : str
        `all`, `some`, `none` or `not defined`.
    path_by_intent_in_ancestral : float or None
        Modern intent of the best genome for ancestral intent; None where intent is payoff.
    """

    shared_by_all_ancestral_optima: float
    left_open_by_the_data: float
    ancestral_optima_good_in_modern: str
    path_by_intent_in_ancestral: float | None


@dataclass(frozen=True)
class TieSet:
    """Genomes within a tolerance of the ancestral best: a row of the table `ties`."""

    tolerance: float
    classes: int
    behaviours: int
    modern_min: float
    modern_max: float
    class_modern_min: int
    class_modern_max: int


@dataclass(frozen=True)
class DriveVerdict:
    """Whether a part of the hack step is above 0 in the ancestral world.

    Attributes
    ----------
    claim : str
        Statement that is tested.
    measured : Estimate
        The part, with its interval.
    above : float
        The interval must be above this number.
    verdict : str
        `comes out`, `does not come out` or `undecided`.
    null : Estimate or None
        The same quantity between two fair controls; None if one of them is missing.
    """

    claim: str
    measured: Estimate
    above: float
    verdict: str
    null: Estimate | None


@dataclass(frozen=True)
class AlleleFrequency:
    """Mean frequency of a driver or modifier among newborns before the swap, by arm."""

    locus: str
    allele: str
    arms: Annotated[Mapping[str, float | None], Key(inline=True)]


@dataclass(frozen=True)
class DriveSummary:
    """The cost of unfair meiosis, against controls with fair meiosis.

    Attributes
    ----------
    quantities : MeasuredByWorld[Estimate]
        By world and quantity (`hack`, `own_cost`, `behaviour`, `null`, ...).
    verdicts : tuple of DriveVerdict
        Empty where no hack step was measured.
    frequencies : tuple of AlleleFrequency
        One per driver and modifier.
    died_before_the_swap : dict of int
        Number of seeds that died out, by arm.
    """

    quantities: Annotated[MeasuredByWorld[Estimate], Key(inline=True)]
    verdicts: tuple[DriveVerdict, ...]
    frequencies: tuple[AlleleFrequency, ...]
    died_before_the_swap: Mapping[str, int]


@dataclass(frozen=True)
class TraitChange:
    """Causes of change of a trait: terms of the Price equation, summed over generations."""

    trait: str
    terms: Annotated[Mapping[str, float | None], Key(inline=True)]
    change: float | None
    order_spread: float | None


@dataclass(frozen=True)
class PriceSummary:
    """The Price equation summed before the swap (`traits`) and after it (`after`)."""

    terms: tuple[str, ...]
    traits: tuple[TraitChange, ...]
    after: tuple[TraitChange, ...]


@dataclass(frozen=True)
class DesireSummary:
    """A desire: its weight, loss by the acts that serve it, and gain without it, by world."""

    feature: str
    acts: str
    weight: float | None
    ledger_ancestral: float | None
    ledger_modern: float | None
    gain_ancestral: float | None
    gain_modern: float | None


@dataclass(frozen=True)
class FitnessAtMoment:
    """Fitness of the population at one moment, and as a share of the best genome's.

    Attributes
    ----------
    mean : float or None
        Fitness, mean over seeds.
    share_of_best : float or None
        Mean share of the best genome's fitness; None where it is not defined.
    interval_of_share : Estimate or None
        The share with its interval; None if it has no interval.
    """

    mean: float | None
    share_of_best: float | None
    interval_of_share: Annotated[Estimate | None, Key(omit=None)] = None

    @property
    def ends_of_share(self) -> Ends | None:
        """Ends of the interval of the share; None if it has none."""
        return self.interval_of_share.interval if self.interval_of_share else None


@dataclass(frozen=True)
class RecoverySummary:
    """Fitness at the swap and at the end, over the `seeds` that lived to the swap."""

    seeds: int
    ancestral_at_swap: FitnessAtMoment
    modern_at_swap: FitnessAtMoment
    ancestral_at_end: FitnessAtMoment
    modern_at_end: FitnessAtMoment
    modern_at_end_fair: Annotated[FitnessAtMoment | None, Key(omit=None)] = None


@dataclass(frozen=True)
class StepLabels:
    """Loss by a step, and the name that each author gives to such a loss."""

    value: float | None
    names: Annotated[Mapping[str, str], Key(inline=True)]


@dataclass(frozen=True)
class CauseSummary:
    """Loss by cause; `covered` is the share of the population that was analysed."""

    covered: float
    causes: Annotated[Amounts, Key(inline=True)]


@dataclass(frozen=True)
class VariationSummary:
    """Total variation between lives in both worlds; columns of the table `variation`."""

    classes: float
    covered: float
    least: float
    most: float
    exact: float | None
    range: float
    payoff_change: float
    bound: float
    difference: float
    slack: float


@dataclass(frozen=True)
class VerdictShare:
    """Share of a population that has a verdict over a family of worlds."""

    verdict: str
    kind: str | None
    share: float


@dataclass(frozen=True)
class FamilySummary:
    """Verdicts over a family of worlds, by subject."""

    worlds: tuple[str, ...]
    subjects: Mapping[str, tuple[VerdictShare, ...]]


@dataclass(frozen=True)
class AccountSummary:
    """The account of a run in numbers.

    Attributes
    ----------
    losses : LossSummary
        The three losses: the headline.
    exact : bool
        Whether the grid was enumerated; otherwise the best genomes are the best found.
    drivers : bool
        Whether the genome has alleles that drive.
    goes_on_in_modern : bool
        Whether there are generations after the swap.
    classes : int
        Number of classes that were evaluated.
    left_open : Amounts
        By how much genomes that tie for a rung differ in the modern world.
    worst_policy : ByWorld[float]
        Fitness of the worst policy.
    overlap : float or None
        Share of the modern life inside the reach of the ancestral world.
    hack, search, recovery : object or None
        None where the account does not apply.
    parts : dict of object
        By name of the account, the `Summary` of each account that computes itself, or None.
    """

    losses: Annotated[LossSummary, Key(inline=True)]
    exact: bool
    drivers: bool
    goes_on_in_modern: bool
    classes: int
    ladder: ByWorld[LadderSummary]
    left_open: Amounts
    worst_policy: ByWorld[float]
    shift: ShiftSummary
    ties: tuple[TieSet, ...]
    behaviour: ByWorld[LedgerSummary | None]
    behaviour_of_best_ancestral: ByWorld[LedgerSummary | None]
    steps_by_act: ByWorld[Mapping[str, Amounts]]
    overlap: float | None
    hack: DriveSummary | None
    search: PriceSummary | None
    desires: tuple[DesireSummary, ...]
    recovery: Annotated[RecoverySummary | None, Key(omit=None)]
    times_per_life: MeasuredByWorld[float]
    labels: Mapping[str, StepLabels]
    parts: Annotated[Mapping[str, Any], Key(inline=True)]

    def part(self, kind: type[T]) -> T | None:
        """The numbers of an account that computes itself, by its class `Summary`.

        None if the account does not apply, or if a file of an earlier version has no such account.
        """
        return next((part for part in self.parts.values() if isinstance(part, kind)), None)


@dataclass(frozen=True)
class SeedEnding:
    """How the run with one seed ended: `complete` or `extinct`, and after how many generations."""

    status: str
    generations: int


@dataclass(frozen=True)
class RunHeader:
    """The experiment, seeds and folder of a run.

    Attributes
    ----------
    seed : int
        The first of `replicates` consecutive seeds.
    expected : str
        The expected result, from the experiment file.
    expected_note : str
        The text of a packaged experiment that is left out, because settings differ.
    changed : tuple of str
        Names of parameters that differ from the packaged experiment.
    confidence : float
        Level of all intervals.
    unit : str
        Unit of payoff.
    offset : ByWorld[float] or None
        Payoff at birth, where a world has it and it is not 0.
    digest, out : str or None
        Digest and folder of the run; None for a population that did not evolve here.
    runs : dict of SeedEnding
        By seed.
    schema_version : int
        Version of tables and summary; summaries of version 2 and earlier do not state it.
    """

    experiment: str
    seed: int
    replicates: int
    expected: str
    changed: tuple[str, ...]
    confidence: float
    unit: str
    offset: ByWorld[float] | None
    digest: Annotated[str | None, Key(omit=None)]
    out: Annotated[str | None, Key(omit=None)]
    runs: Mapping[str, SeedEnding]
    schema_version: Annotated[int, Key(omit=EARLIER)] = EARLIER
    expected_note: Annotated[str, Key(omit="")] = ""

    @property
    def extinct(self) -> list[str]:
        """Seeds of the runs that died out."""
        return [seed for seed, run in self.runs.items() if run.status == "extinct"]


@dataclass(frozen=True)
class AnalysisCost:
    """Time and memory of the analysis; None if not measured."""

    analysis_seconds: Annotated[float | None, Key(omit=None)] = None
    peak_memory_mib: Annotated[float | None, Key(omit=None)] = None


@dataclass(frozen=True)
class RunSummary:
    """The header of a run, its account in numbers, and the cost of the analysis."""

    header: Annotated[RunHeader, Key(inline=True)]
    account: Annotated[AccountSummary, Key(inline=True)]
    cost: Annotated[AnalysisCost, Key(inline=True)]

    def as_dict(self) -> dict[str, Any]:
        """The content of `summary.json`: dictionaries, lists, texts and numbers."""
        return to_json_object(self)


@dataclass(frozen=True)
class SearchQuantity:
    """Mean over `n` seeds of one result of a search; ends are None without an interval."""

    quantity: str
    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def interval(self) -> Ends | None:
        """Both ends; None without an interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class SearchSummary:
    """The search of a landscape over real vectors: what was run, and `search`, its results."""

    experiment: str
    seed: int
    replicates: int
    expected: str
    changed: tuple[str, ...]
    confidence: Annotated[float | None, Key(omit=None)]
    digest: str
    out: str
    runs: Mapping[str, SeedEnding]
    search: tuple[SearchQuantity, ...]
    expected_note: Annotated[str, Key(omit="")] = ""

    def as_dict(self) -> dict[str, Any]:
        """The content of `summary.json`: dictionaries, lists, texts and numbers."""
        return to_json_object(self)
