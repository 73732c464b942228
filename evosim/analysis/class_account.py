"""The account of one genome class: fitness, behaviour ledger, causes, variation, certificates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np

from evosim.analysis import behaviour, certificates
from evosim.analysis.account_summary import ledgers_by_world
from evosim.analysis.certificates import PolicyCertificates
from evosim.analysis.shared_cache import SharedCache
from evosim.analysis.summary import LedgerSummary
from evosim.analysis.values import Amounts, ByWorld
from evosim.config.resolve import family_pairs
from evosim.config.schema import Experiment
from evosim.reference.policies import policy_of
from evosim.runtime.dataclass_json import Key, to_json_object

WORLDS = ("ancestral", "modern")
Loci = Mapping[str, float | str]


@dataclass(frozen=True)
class ClassScore:
    """Fitness of a class and of the best policy in one world; `intent` in the modern one only."""

    optimum: float
    fitness: float
    intent: Annotated[float | None, Key(omit=None)] = None


@dataclass(frozen=True)
class ClassVariation:
    """Total variation between the lives of a class in both worlds; see `total_variation`."""

    least: float
    most: float
    exact: float | None
    range: float
    payoff_change: float
    difference: float
    bound: float
    slack: float


@dataclass(frozen=True)
class ClassAccount:
    """The account of one class of the grid.

    Attributes
    ----------
    loci : Loci
        Expressed values; of named alleles, the name.
    breeds_true : bool
        Whether a homozygote expresses the class.
    behaviour : ByWorld[LedgerSummary | None]
        Loss by kind and by act.
    causes : ByWorld[Amounts] or None
        Loss by cause in each world; None for rules that do not plan.
    certificates : dict of PolicyCertificates or None
        By world, where certificates were requested.
    """

    class_id: Annotated[int, Key("class")]
    loci: Loci
    breeds_true: bool
    ancestral: ClassScore
    modern: ClassScore
    behaviour: ByWorld[LedgerSummary | None]
    causes: ByWorld[Amounts] | None
    variation: ClassVariation
    unit: str
    certificates: Annotated[Mapping[str, PolicyCertificates] | None, Key(omit=None)] = None

    def as_dict(self) -> dict[str, Any]:
        """Dictionaries, lists, texts and numbers."""
        return to_json_object(self)


@dataclass(frozen=True)
class RungClass:
    """A class behind a rung.

    Attributes
    ----------
    share : float or None
        Of the population; None for a rung of the grid.
    ancestral, modern, modern_intent : float
        Net payoff in both worlds, and net intent in the modern world.
    """

    rung: str
    class_id: Annotated[int, Key("class")]
    share: float | None
    loci: Loci
    ancestral: float
    modern: float
    modern_intent: float


def expressed(cache: SharedCache, class_id: int) -> dict[str, float | str]:
    """Values that a class expresses, by locus; of named alleles, the name."""
    grid = cache.evaluator.genome.grid
    values = grid.values(np.array([class_id], dtype=np.int64))[0]
    loci: dict[str, float | str] = {}
    for locus, value in zip(grid.loci, values, strict=True):
        if not locus.silent:
            names = locus.params.alleles
            loci[locus.name] = names[int(value)] if isinstance(names[0], str) else float(value)
    return loci


def rung_class(cache: SharedCache, rung: str, class_id: int, share: float | None) -> RungClass:
    """A class behind a rung, with its genome and fitness."""
    a = cache.evaluator.amounts(class_id, "ancestral")
    m = cache.evaluator.amounts(class_id, "modern")
    loci = expressed(cache, class_id)
    return RungClass(rung, class_id, share, loci, a.fitness, m.fitness, m.net_intent)


def class_account(cache: SharedCache, class_id: int, unit: str) -> ClassAccount:
    """The account of one class, without certificates; `unit` of payoff."""
    evaluator, spans = cache.evaluator, cache.gaps.spans
    classes = np.array([class_id], dtype=np.int64)
    a, m = evaluator.amounts(class_id, "ancestral"), evaluator.amounts(class_id, "modern")
    ledger = cache.ledger(class_id).as_reported()
    frame = behaviour.ledger_frame(ledger, evaluator.pair.ancestral.acts, "genome", None)
    variation = cache.genotypes.variation(class_id)
    return ClassAccount(
        class_id=class_id,
        loci=expressed(cache, class_id),
        breeds_true=bool(evaluator.genome.grid.breeds_true(classes)[0]),
        ancestral=ClassScore(spans["ancestral"].best, a.fitness),
        modern=ClassScore(spans["modern_intent"].best, m.fitness, m.net_intent),
        behaviour=ledgers_by_world(frame, "genome"),
        causes=_causes(cache, class_id),
        variation=ClassVariation(**vars(variation), bound=variation.bound, slack=variation.slack),
        unit=unit,
    )


def _causes(cache: SharedCache, class_id: int) -> ByWorld[Amounts] | None:
    """The causes of a class's loss in both worlds; None for rules that do not plan."""
    classes = np.array([class_id], dtype=np.int64)
    ancestral = cache.genotypes.causes(classes, "ancestral")
    modern = cache.genotypes.causes(classes, "modern")
    if ancestral is None or modern is None:
        return None
    return ByWorld(ancestral[0].parts, modern[0].parts)


def with_certificates(
    account: ClassAccount,
    cache: SharedCache,
    experiment: Experiment,
    never: Sequence[str],
    loses_at_most: float | None,
) -> ClassAccount:
    """The account with certificates in both worlds and in those of the family.

    Parameters
    ----------
    account : ClassAccount
        Of the class.
    cache : SharedCache
        Of the worlds and the genome.
    experiment : Experiment
        That lists the family.
    never : sequence of str
        Names of states, or patterns of names.
    loses_at_most : float or None
        Bound on the loss by acts, in units of payoff.

    Raises
    ------
    UserError
        If no state has such a name.
    """
    pair = cache.evaluator.pair
    worlds = {"ancestral": pair.ancestral, "modern": pair.modern}
    worlds |= {name: member.modern for name, member in family_pairs(experiment).items()}
    rules = cache.evaluator.genome.decode(np.array([account.class_id], dtype=np.int64))
    return replace(
        account,
        certificates={
            name: certificates.policy_certificates(
                world,
                policy_of(rules, 0, world, pair),
                never,
                loses_at_most,
                world.payoff if name == "ancestral" else world.intent,
            )
            for name, world in worlds.items()
        },
    )
