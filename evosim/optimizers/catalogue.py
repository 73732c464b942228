"""Parameters of base optimizers, apart from their implementations: a file can be checked without compiling a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from genomes import Grid

MAX_POPULATION = 10**9  # an individual's number is one of 32 bits
MAX_CLASSES = 10**9


class InvalidOptimizer(ValueError):
    """Settings a base optimizer cannot work with. One line: offender, rule, remedy."""


@dataclass(frozen=True)
class Introduction:
    """Alleles put into the newborns of one generation, before their census: a mutation event, or a migrant's haplotype.

    Attributes:
        generation: whose newborns, counted from 0.
        copies: how many of the population's genomes (strands) are drawn, evenly and without replacement.
        alleles: what they are given, by locus; several loci make a haplotype.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    generation: int
    copies: int
    alleles: Mapping[str, float | str]


@dataclass(frozen=True)
class Asexual:
    """Parameters of `asexual`, and the first of `sexual`.

    Attributes:
        population: number of individuals in every generation.
        introductions: alleles put into a generation's newborns.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    population: int = 500
    introductions: tuple[Introduction, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.population < 1:
            raise InvalidOptimizer(
                f"optimizer.population must be at least 1 individual, but is {self.population}. Raise it."
            )
        if self.population > MAX_POPULATION:
            raise InvalidOptimizer(f"optimizer.population must be at most {MAX_POPULATION:,}, but is {self.population:,}. Lower it.")


@dataclass(frozen=True)
class Sexual(Asexual):
    """Parameters of `sexual`, beside those of `asexual`.

    Attributes:
        sexes: 1, everybody makes eggs and sperm (hermaphrodites); 2, everybody makes one of them.
        females: share of females among newborns where there are two sexes; their number is rounded, and constant.
        selfing: whether the two parents of a newborn may be the same individual (one sex only).
    """

    sexes: Literal[1, 2] = 1
    females: float = 0.5
    selfing: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.females < 1.0:
            raise InvalidOptimizer(f"optimizer.females must lie in (0, 1), but is {self.females}. Set it inside that range.")
        if self.sexes == 2 and not 0 < self.number_of_females < self.population:
            raise InvalidOptimizer(
                f"two sexes need a female and a male at least, but {self.population} newborns with a share of "
                f"{self.females} have {self.number_of_females} females. Raise optimizer.population or mend optimizer.females."
            )
        if self.sexes == 1 and not self.selfing and self.population < 2:
            raise InvalidOptimizer(
                "optimizer.population must be at least 2 where selfing is forbidden, but is 1. Raise it, or allow selfing."
            )

    @property
    def number_of_females(self) -> int:
        """Newborns `0 .. number_of_females - 1` are female where there are two sexes."""
        return int(self.females * self.population + 0.5)


@dataclass(frozen=True)
class Exhaustive:
    """Parameters of `exhaustive`.

    Attributes:
        max_classes: refuse a grid with more classes than this.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    max_classes: int = 2_000_000

    def __post_init__(self) -> None:
        if not 1 <= self.max_classes <= MAX_CLASSES:
            raise InvalidOptimizer(f"optimizer.max_classes must lie in [1, {MAX_CLASSES}], but is {self.max_classes}. Set it inside that range.")


OPTIMIZER_PARAMS: dict[str, type[Any]] = {"sexual": Sexual, "asexual": Asexual, "exhaustive": Exhaustive}
WHAT: dict[str, str] = {
    "sexual": "Wright-Fisher with two parents, recombination along the map, and mutation",
    "asexual": "Wright-Fisher by mutated copies of one parent",
    "exhaustive": "every class of the grid: the perfect outer optimizer",
}


def check_on_grid(name: str, params: Any, grid: Grid, generations: int) -> None:
    """Check what an optimizer's settings say of the genome: introductions, and whether drivers have a meiosis to drive in.

    Raises `InvalidOptimizer`.
    """
    if grid.drive and name != "sexual":
        raise InvalidOptimizer(
            f"genome.drivers must be empty where there is no meiosis, but optimizer '{name}' has none and they are "
            f"{', '.join(grid.loci[d.locus].name for d in grid.drive.drivers)}. Use optimizer 'sexual'."
        )
    if grid.ploidy == 1 and getattr(params, "sexes", 1) == 2:
        raise InvalidOptimizer("optimizer.sexes must be 1 for haploids, but is 2. Use genome.ploidy = 2, or one sex.")
    names = [locus.name for locus in grid.loci]
    for i, introduction in enumerate(getattr(params, "introductions", ())):
        where = f"optimizer.introductions.{i}"
        for what, least in (("generation", 0), ("copies", 1)):
            if getattr(introduction, what) < least:
                raise InvalidOptimizer(f"{where}.{what} must be at least {least}, but is {getattr(introduction, what)}. Raise it.")
        if not introduction.alleles:
            raise InvalidOptimizer(f"{where}.alleles must name a locus and its allele, but is empty. Add one.")
        if introduction.generation >= generations:
            raise InvalidOptimizer(
                f"{where}.generation must be below {generations}, the number of generations, but is {introduction.generation}. "
                "Lower it."
            )
        strands = params.population * grid.ploidy
        if introduction.copies > strands:
            raise InvalidOptimizer(f"{where}.copies must be at most all {strands} genomes, but is {introduction.copies}. Lower it.")
        for locus, allele in introduction.alleles.items():
            if locus not in names:
                raise InvalidOptimizer(
                    f"{where}.alleles must name loci of the genome ({', '.join(names)}), but has '{locus}'. Use one of them."
                )
            alleles = list(grid.loci[names.index(locus)].params.alleles)
            if allele not in alleles:
                raise InvalidOptimizer(
                    f"{where}.alleles.{locus} must be one of its alleles ({alleles}), but is {allele!r}. Use one of them."
                )
