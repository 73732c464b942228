"""Meiotic drive: alleles that cheat in meiosis, alleles that modify the cheating, and what both
cost their bearers.

A *driver* is an allele of some locus that a heterozygote (one copy of it) passes on with its
*transmission ratio* `k` instead of 1/2. A *modifier* is an allele of another locus whose bearers
transmit the driver with another ratio: a suppressor where that is lower, an enhancer where it is
higher. Which it is, and how far it lies from the driver on the map, is for the experiment to say.
Costs multiply: each is a factor of viability or fertility that depends on the number of copies
alone.

Ratios per sex are for gametes: the first for eggs, the second for sperm. Where individuals have one
sex (hermaphrodites) each newborn has an egg of its first and a sperm of its second parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evosim.genomes.errors import InvalidGenome
from evosim.genomes.loci import Alleles, Locus

Floats = NDArray[np.float64]
CostTo = Literal["viability", "fertility", "female fertility", "male fertility"]
FAIR = 0.5


@dataclass(frozen=True)
class Driver:
    """An allele that is passed on unfairly.

    Attributes:
        locus: where it sits, a marker or any other locus.
        allele: the allele that drives; all others of the locus are wild type.
        ratio: share of a heterozygote's gametes that carry it, in [0, 1]; one number, or `[eggs,
        sperm]`. cost: share of viability or fertility that two copies take, in [0, 1]. dominance:
        share of the cost that one copy takes, in [0, 1]. cost_to: what it takes from. wild: the
        allele put in its place to ask what the same population would be without it; empty: the
        first of
            the locus that is not the driver.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    locus: str
    allele: float | str
    ratio: float | tuple[float, float] = FAIR
    cost: float = 0.0
    dominance: float = 0.5
    cost_to: CostTo = "viability"
    wild: float | str = ""


@dataclass(frozen=True)
class Modifier:
    """An allele that changes how a driver is passed on: a suppressor or an enhancer.

    Attributes:
        locus: where it sits, linked to the driver or not.
        allele: the allele that modifies.
        of: the locus of the driver it acts on.
        ratio: the driver's transmission ratio in a parent with two copies; one number, or `[eggs,
        sperm]`. effect_dominance: share of that change that one copy makes, in [0, 1]. cost: share
        of viability or fertility that two copies take, in [0, 1]. dominance: share of the cost that
        one copy takes, in [0, 1]. cost_to: what it takes from.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    locus: str
    allele: float | str
    of: str
    ratio: float | tuple[float, float] = FAIR
    effect_dominance: float = 1.0
    cost: float = 0.0
    dominance: float = 1.0
    cost_to: CostTo = "viability"


@dataclass(frozen=True)
class DriveSite:
    """A driver or modifier on the map: which locus, which allele, its ratios `(eggs, sperm)` and
    what copies cost.

    Attributes:
        locus: index in map order.
        allele: index among the locus' alleles.
        wild: index of the allele that replaces it.
        ratio: transmission ratio in eggs and in sperm.
        effect: of a modifier, the share of its effect by number of copies `(0, 1, 2)`; a driver has
        none. of: of a modifier, the index of its driver's locus. viability, egg, sperm: what is
        left of viability, female and male fertility by number of copies.
    """

    locus: int
    allele: int
    wild: int
    ratio: tuple[float, float]
    effect: tuple[float, float, float]
    of: int
    viability: tuple[float, float, float]
    egg: tuple[float, float, float]
    sperm: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Drive:
    """Checked drivers and modifiers of a genome.

    Modifiers of one driver act in the order written.
    """

    drivers: tuple[DriveSite, ...] = ()
    modifiers: tuple[DriveSite, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.drivers)

    @property
    def unfair(self) -> bool:
        """Whether any allele is transmitted unfairly by anybody."""
        return any(r != FAIR for placed in (*self.drivers, *self.modifiers) for r in placed.ratio)

    @property
    def sites(self) -> tuple[DriveSite, ...]:
        """Drivers and modifiers: every allele that may cost something."""
        return (*self.drivers, *self.modifiers)

    @property
    def alleles(self) -> tuple[tuple[int, int], ...]:
        """`(locus, allele)` of every driver and modifier, each once, though an allele may modify
        several drivers.
        """
        return tuple(dict.fromkeys((site.locus, site.allele) for site in self.sites))

    def fitness_retained(self, genotypes: Alleles) -> Floats:
        """`[3, n]`: what genotypes `[n, ploidy, L]` keep of viability, female fertility and male
        fertility.
        """
        out = np.ones((3, len(genotypes)))
        for site in self.sites:
            copies = (genotypes[:, :, site.locus] == site.allele).sum(axis=1)
            if genotypes.shape[1] == 1:  # a haploid's one copy is all it can have
                copies = 2 * copies
            for row, table in enumerate((site.viability, site.egg, site.sperm)):
                out[row] *= np.array(table)[copies]
        return out

    def replaced(self, genotypes: Alleles) -> Alleles:
        """The same genotypes with every driving allele replaced by its wild type; modifiers
        stay.
        """
        out = genotypes.copy()
        for driver in self.drivers:
            column = out[:, :, driver.locus]
            column[column == driver.allele] = driver.wild
        return out


def place_drivers(
    loci: Sequence[Locus], ploidy: int, drivers: Sequence[Driver], modifiers: Sequence[Modifier]
) -> Drive:
    """Check drivers and modifiers against the loci in map order. Raises `InvalidGenome`."""
    names = [locus.name for locus in loci]
    claimed: dict[str, str] = {}
    placed = []
    for i, driver in enumerate(drivers):
        where = f"genome.drivers.{i}"
        at = _locus(where, driver.locus, names)
        if driver.locus in claimed:
            raise InvalidGenome(
                f"a locus must have at most one driver, but {where} claims '{driver.locus}', which"
                f" has {claimed[driver.locus]}. Remove one of them."
            )
        claimed[driver.locus] = where
        chromosome = loci[at].params.chromosome
        for other in drivers[:i]:
            if chromosome and loci[names.index(other.locus)].params.chromosome == chromosome:
                raise InvalidGenome(
                    f"a chromosome must have at most one driver, but '{chromosome}' has"
                    f" '{other.locus}' and '{driver.locus}'. Move one to another chromosome."
                )
        allele = _allele(where, "allele", driver.allele, loci[at])
        others = [j for j in range(len(loci[at].params.alleles)) if j != allele]
        if not others:
            raise InvalidGenome(
                f"{where}.locus must have a wild type beside the driver, but '{driver.locus}' has"
                " one allele. Add one."
            )
        wild = others[0] if driver.wild == "" else _allele(where, "wild", driver.wild, loci[at])
        if wild == allele:
            raise InvalidGenome(
                f"{where}.wild must differ from the driving allele, but is {driver.wild!r} too."
                " Change it."
            )
        ratio = _ratio(where, driver.ratio, ploidy)
        placed.append(
            DriveSite(at, allele, wild, ratio, (0.0, 0.0, 0.0), -1, *_cost(where, driver, ploidy))
        )
    changed = []
    for i, modifier in enumerate(modifiers):
        where = f"genome.modifiers.{i}"
        at = _locus(where, modifier.locus, names)
        if modifier.of not in claimed:
            there = ", ".join(claimed) or "there are none"
            raise InvalidGenome(
                f"{where}.of must be the locus of a driver ({there}), but is '{modifier.of}': a"
                " modifier of nothing. Add that driver or remove the modifier."
            )
        if modifier.locus in claimed:
            raise InvalidGenome(
                f"a driver and a modifier must sit at different loci, but {where} claims"
                f" '{modifier.locus}', which has {claimed[modifier.locus]}. Give the modifier a"
                " locus of its own."
            )
        allele = _allele(where, "allele", modifier.allele, loci[at])
        _unit(where, "effect_dominance", modifier.effect_dominance)
        effect = (0.0, modifier.effect_dominance, 1.0)
        ratio = _ratio(where, modifier.ratio, ploidy)
        changed.append(
            DriveSite(
                at,
                allele,
                allele,
                ratio,
                effect,
                names.index(modifier.of),
                *_cost(where, modifier, ploidy),
            )
        )
    _check_stated_once(modifiers)
    return Drive(tuple(placed), tuple(changed))


def _check_stated_once(modifiers: Sequence[Modifier]) -> None:
    """An allele may modify several drivers, each once; what it costs is stated once, or it would be
    paid twice.
    """
    acts, costs = set(), set()
    for i, modifier in enumerate(modifiers):
        act, bearer = (
            (modifier.locus, modifier.allele, modifier.of),
            (modifier.locus, modifier.allele),
        )
        if act in acts:
            raise InvalidGenome(
                f"a modifier of a driver must be stated once, but genome.modifiers.{i} is stated"
                " before. Remove it."
            )
        if modifier.cost > 0.0 and bearer in costs:
            raise InvalidGenome(
                f"an allele's cost must be stated once, but genome.modifiers.{i} states that of"
                f" {modifier.allele!r} at '{modifier.locus}' again. Set its cost to 0 there."
            )
        acts.add(act)
        if modifier.cost > 0.0:
            costs.add(bearer)


def _locus(where: str, name: str, names: list[str]) -> int:
    if name not in names:
        raise InvalidGenome(
            f"{where}.locus must be a locus of the genome ({', '.join(names)}), but is '{name}'."
            " Use one of them, or add it to genome.markers."
        )
    return names.index(name)


def _allele(where: str, what: str, allele: float | str, locus: Locus) -> int:
    alleles: list[float | str] = list(locus.params.alleles)
    if allele not in alleles:
        raise InvalidGenome(
            f"{where}.{what} must be an allele of '{locus.name}' ({alleles}), but is {allele!r}."
            " Use one of them."
        )
    return alleles.index(allele)


def _ratio(where: str, ratio: float | tuple[float, float], ploidy: int) -> tuple[float, float]:
    both = ratio if isinstance(ratio, tuple | list) else (ratio, ratio)
    for k in both:
        _unit(where, "ratio", k)
    if ploidy == 1 and both[0] != both[1]:
        raise InvalidGenome(
            f"{where}.ratio must be one number for haploids, which have no sexes, but is"
            f" {list(both)}. Write one."
        )
    return (float(both[0]), float(both[1]))


def _cost(where: str, of: Driver | Modifier, ploidy: int) -> list[tuple[float, float, float]]:
    """What is left of viability, female and male fertility with 0, 1 and 2 copies."""
    _unit(where, "dominance", of.dominance)
    if not of.cost <= 1.0:
        raise InvalidGenome(
            f"{where}.cost must leave a fitness factor of at least 0, but 1 - cost is"
            f" {1.0 - of.cost:g}. Lower it to at most 1."
        )
    _unit(where, "cost", of.cost)
    if ploidy == 1 and of.cost_to in ("female fertility", "male fertility"):
        raise InvalidGenome(
            f"{where}.cost_to must not name a sex for haploids, but is '{of.cost_to}'. Use"
            " 'fertility'."
        )
    left = (1.0, 1.0 - of.dominance * of.cost, 1.0 - of.cost)
    hit = {
        "viability": (0,),
        "fertility": (1, 2),
        "female fertility": (1,),
        "male fertility": (2,),
    }[of.cost_to]
    return [left if row in hit else (1.0, 1.0, 1.0) for row in range(3)]


def _unit(where: str, what: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise InvalidGenome(
            f"{where}.{what} must lie in [0, 1], but is {value}. Set it inside that range."
        )
