"""Meiotic drive: alleles that cheat in meiosis, modifiers of the cheating, and costs of both.

A *driver* is an allele that a heterozygote (one copy) transmits with its *transmission ratio* `k`
instead of 1/2. A *modifier* is an allele of another locus whose carriers transmit the driver with
another ratio. It is a suppressor if the ratio is lower, an enhancer if it is higher. The experiment
chooses the ratio, and the distance from the driver on the map. Costs multiply: each is a factor of
viability or fertility that depends only on the number of copies.

Ratios per sex apply to gametes: the first to eggs, the second to sperm. If individuals are
hermaphrodites, each newborn has an egg of its first and a sperm of its second parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """An allele with unfair transmission.

    Attributes
    ----------
    locus : str
        Its locus: a marker or any other locus.
    allele : float or str
        The driving allele. All other alleles of the locus are wild type.
    ratio : float or tuple of float
        Share of a heterozygote's gametes that carry the driver, in [0, 1]: one number, or
        `[eggs, sperm]`.
    cost : float
        Share of viability or fertility lost by two copies, in [0, 1].
    dominance : float
        Share of the cost that one copy has, in [0, 1].
    cost_to : str
        The component of fitness that the cost reduces.
    wild : float or str
        The allele that replaces the driver in the question "what would the same population be
        without the driver?". Empty: the first other allele of the locus.
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
    """An allele that changes the transmission of a driver: a suppressor or an enhancer.

    Attributes
    ----------
    locus : str
        Its locus, linked to the driver or not.
    allele : float or str
        The modifying allele.
    of : str
        The locus of the driver.
    ratio : float or tuple of float
        The driver's transmission ratio in a parent with two copies of the modifier: one number, or
        `[eggs, sperm]`.
    effect_dominance : float
        Share of that change in a parent with one copy, in [0, 1].
    cost : float
        Share of viability or fertility lost by two copies, in [0, 1].
    dominance : float
        Share of the cost that one copy has, in [0, 1].
    cost_to : str
        The component of fitness that the cost reduces.
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
    """A checked driver or modifier, with indices in place of names.

    Attributes
    ----------
    locus : int
        Index of the locus in map order.
    allele : int
        Index among the alleles of the locus.
    wild : int
        Index of the allele that replaces it.
    ratio : tuple of float
        Transmission ratio in eggs and in sperm.
    effect : tuple of float
        Share of a modifier's effect by number of copies `(0, 1, 2)`; zeros for a driver.
    of : int
        Index of the locus of a modifier's driver; -1 for a driver.
    viability, egg, sperm : tuple of float
        Share of viability, female and male fertility that is left, by number of copies.
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
        """Whether some ratio differs from 1/2."""
        return any(r != FAIR for placed in (*self.drivers, *self.modifiers) for r in placed.ratio)

    @property
    def sites(self) -> tuple[DriveSite, ...]:
        """Drivers and modifiers: every allele that may have a cost."""
        return (*self.drivers, *self.modifiers)

    @property
    def alleles(self) -> tuple[tuple[int, int], ...]:
        """Each different `(locus, allele)` of drivers and modifiers once."""
        return tuple(dict.fromkeys((site.locus, site.allele) for site in self.sites))

    def fitness_retained(self, genotypes: Alleles) -> Floats:
        """Share of fitness components that is left after the costs of drivers and modifiers.

        Parameters
        ----------
        genotypes : numpy.ndarray
            `[n, ploidy, L]` allele indices.

        Returns
        -------
        numpy.ndarray
            `[3, n]` factors of viability, female fertility and male fertility.
        """
        out = np.ones((3, len(genotypes)))
        for site in self.sites:
            copies = (genotypes[:, :, site.locus] == site.allele).sum(axis=1)
            if genotypes.shape[1] == 1:  # one copy of a haploid counts as two
                copies = 2 * copies
            for row, table in enumerate((site.viability, site.egg, site.sperm)):
                out[row] *= np.array(table)[copies]
        return out

    def replaced(self, genotypes: Alleles) -> Alleles:
        """Genotypes with the wild type in place of every driver; modifiers stay."""
        out = genotypes.copy()
        for driver in self.drivers:
            column = out[:, :, driver.locus]
            column[column == driver.allele] = driver.wild
        return out


def place_drivers(
    loci: Sequence[Locus], ploidy: int, drivers: Sequence[Driver], modifiers: Sequence[Modifier]
) -> Drive:
    """Check drivers and modifiers against the loci of a genome.

    Parameters
    ----------
    loci : sequence of Locus
        Loci in map order.
    ploidy : int
        1 or 2.
    drivers, modifiers : sequence of Driver, sequence of Modifier
        Drivers and modifiers as a user writes them.

    Returns
    -------
    Drive
        The same with indices in place of names.

    Raises
    ------
    InvalidGenome
        If a driver or a modifier breaks a rule.
    """
    claimed: dict[str, str] = {}  # locus of a driver -> its place in the experiment file
    driver_sites = []
    for i, driver in enumerate(drivers):
        where = f"genome.drivers.{i}"
        driver_sites.append(_driver_site(where, driver, loci, ploidy, claimed))
        claimed[driver.locus] = where
    modifier_sites = [
        _modifier_site(f"genome.modifiers.{i}", modifier, loci, ploidy, claimed)
        for i, modifier in enumerate(modifiers)
    ]
    _check_stated_once(modifiers)
    return Drive(tuple(driver_sites), tuple(modifier_sites))


def _driver_site(
    where: str, driver: Driver, loci: Sequence[Locus], ploidy: int, claimed: Mapping[str, str]
) -> DriveSite:
    """A checked driver; `claimed` holds the loci of the drivers before it."""
    names = [locus.name for locus in loci]
    index = _locus(where, driver.locus, names)
    if driver.locus in claimed:
        raise InvalidGenome(
            f"a locus must have at most one driver, but {where} claims '{driver.locus}', which"
            f" has {claimed[driver.locus]}. Remove one of them."
        )
    chromosome = loci[index].params.chromosome
    for other in claimed:
        if chromosome and loci[names.index(other)].params.chromosome == chromosome:
            raise InvalidGenome(
                f"a chromosome must have at most one driver, but '{chromosome}' has"
                f" '{other}' and '{driver.locus}'. Move one to another chromosome."
            )
    allele = _allele(where, "allele", driver.allele, loci[index])
    others = [j for j in range(len(loci[index].params.alleles)) if j != allele]
    if not others:
        raise InvalidGenome(
            f"{where}.locus must have a wild type in addition to the driver, but '{driver.locus}'"
            " has one allele. Add a second allele."
        )
    wild = others[0] if driver.wild == "" else _allele(where, "wild", driver.wild, loci[index])
    if wild == allele:
        raise InvalidGenome(
            f"{where}.wild must differ from the driving allele, but is {driver.wild!r} too."
            f" Use {loci[index].params.alleles[others[0]]!r}."
        )
    ratio = _ratio(where, driver.ratio, ploidy)
    costs = _cost(where, driver, ploidy)
    return DriveSite(index, allele, wild, ratio, (0.0, 0.0, 0.0), -1, *costs)


def _modifier_site(
    where: str, modifier: Modifier, loci: Sequence[Locus], ploidy: int, claimed: Mapping[str, str]
) -> DriveSite:
    """A checked modifier; `claimed` holds the loci of all drivers."""
    names = [locus.name for locus in loci]
    index = _locus(where, modifier.locus, names)
    if modifier.of not in claimed:
        raise InvalidGenome(
            f"{where}.of must be the locus of a driver ({', '.join(claimed) or 'there are none'}),"
            f" but is '{modifier.of}'. Add that driver or remove the modifier."
        )
    if modifier.locus in claimed:
        raise InvalidGenome(
            f"a driver and a modifier must sit at different loci, but {where} claims"
            f" '{modifier.locus}', which has {claimed[modifier.locus]}. Give the modifier a"
            " locus of its own."
        )
    allele = _allele(where, "allele", modifier.allele, loci[index])
    _unit(where, "effect_dominance", modifier.effect_dominance)
    effect = (0.0, modifier.effect_dominance, 1.0)
    ratio = _ratio(where, modifier.ratio, ploidy)
    costs = _cost(where, modifier, ploidy)
    return DriveSite(index, allele, allele, ratio, effect, names.index(modifier.of), *costs)


def _check_stated_once(modifiers: Sequence[Modifier]) -> None:
    """Raise `InvalidGenome` if an allele modifies a driver twice or has a cost twice.

    An allele may modify several drivers. A cost stated twice would be paid twice.
    """
    effects, costs = set(), set()
    for i, modifier in enumerate(modifiers):
        effect = (modifier.locus, modifier.allele, modifier.of)
        allele = (modifier.locus, modifier.allele)
        if effect in effects:
            raise InvalidGenome(
                f"a modifier of a driver must be stated once, but genome.modifiers.{i} is stated"
                " before. Remove it."
            )
        if modifier.cost > 0.0 and allele in costs:
            raise InvalidGenome(
                f"an allele's cost must be stated once, but genome.modifiers.{i} states that of"
                f" {modifier.allele!r} at '{modifier.locus}' again. Set its cost to 0 there."
            )
        effects.add(effect)
        if modifier.cost > 0.0:
            costs.add(allele)


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
            f" {list(both)}. Write {both[0]}."
        )
    return (float(both[0]), float(both[1]))


def _cost(where: str, of: Driver | Modifier, ploidy: int) -> list[tuple[float, float, float]]:
    """Share left of viability, female and male fertility, each for 0, 1 and 2 copies."""
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
    rows = {
        "viability": (0,),
        "fertility": (1, 2),
        "female fertility": (1,),
        "male fertility": (2,),
    }[of.cost_to]
    return [left if row in rows else (1.0, 1.0, 1.0) for row in range(3)]


def _unit(where: str, what: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise InvalidGenome(
            f"{where}.{what} must lie in [0, 1], but is {value}. Set a value in that range."
        )
