"""Parameters of base optimizers.

They are apart from the implementations, so that files of experiments are checked without compiling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evosim.genomes import Grid

MAX_POPULATION = 10**9  # an individual's number is one of 32 bits
MAX_CLASSES = 10**9
MAX_GENERATIONS = 10**9


class InvalidOptimizer(ValueError):
    """Settings that a base optimizer cannot work with. The message is one line with a remedy."""


@dataclass(frozen=True)
class Introduction:
    """Alleles put into the newborns of one generation: a mutation, or a migrant's haplotype.

    Attributes
    ----------
    generation : int
        The generation, from 0. The alleles are put in before the generation is recorded.
    copies : int
        Number of genomes (strands) that receive them, drawn evenly without replacement.
    alleles : Mapping
        The allele of each locus. Several loci make a haplotype.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    generation: int
    copies: int
    alleles: Mapping[str, float | str]


@dataclass(frozen=True)
class Asexual:
    """Parameters of `asexual`. `sexual` has them too.

    Attributes
    ----------
    population : int
        Number of individuals in every generation.
    introductions : tuple of Introduction
        Alleles put into newborns.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    population: int = 500
    introductions: tuple[Introduction, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.population < 1:
            raise InvalidOptimizer(
                f"optimizer.population must be at least 1 individual, but is {self.population}."
                " Raise it."
            )
        if self.population > MAX_POPULATION:
            raise InvalidOptimizer(
                f"optimizer.population must be at most {MAX_POPULATION:,}, but is"
                f" {self.population:,}. Lower it."
            )


@dataclass(frozen=True)
class Sexual(Asexual):
    """Parameters of `sexual`, in addition to those of `asexual`.

    Attributes
    ----------
    sexes : int
        1: each individual makes eggs and sperm (hermaphrodites). 2: each makes one of them.
    females : float
        Share of females among newborns if there are two sexes. Their number is rounded.
    selfing : bool
        Whether both parents of a newborn may be the same individual (one sex only).
    """

    sexes: Literal[1, 2] = 1
    females: float = 0.5
    selfing: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.females < 1.0:
            raise InvalidOptimizer(
                f"optimizer.females must lie in (0, 1), but is {self.females}. Set it inside that"
                " range."
            )
        if self.sexes == 2 and not 0 < self.number_of_females < self.population:
            raise InvalidOptimizer(
                f"two sexes need a female and a male at least, but of {self.population} newborns"
                f" {self.number_of_females} are female (share {self.females}). Raise"
                " optimizer.population or change optimizer.females."
            )
        if self.sexes == 1 and not self.selfing and self.population < 2:
            raise InvalidOptimizer(
                "optimizer.population must be at least 2 where selfing is forbidden, but is 1."
                " Raise it, or allow selfing."
            )

    @property
    def number_of_females(self) -> int:
        """With two sexes, newborns `0 .. number_of_females - 1` are female."""
        return int(self.females * self.population + 0.5)


@dataclass(frozen=True)
class Exhaustive:
    """Parameters of `exhaustive`.

    Attributes
    ----------
    max_classes : int
        The largest number of classes that a grid may have.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    max_classes: int = 2_000_000

    def __post_init__(self) -> None:
        if not 1 <= self.max_classes <= MAX_CLASSES:
            raise InvalidOptimizer(
                f"optimizer.max_classes must lie in [1, {MAX_CLASSES}], but is {self.max_classes}."
                " Set it inside that range."
            )


@dataclass(frozen=True)
class HillClimb:
    """Parameters of `hill-climb`: independent climbers.

    Attributes
    ----------
    climbers : int
        Number of climbers.
    tries : int
        Neighbours that a climber evaluates in a generation. It moves to the best of them.
    neighbours : str
        `step`: one allele copy differs. It is the next allele up or down if the locus' kernel is
        `step`, else any other. `mutation`: each allele copy is another with probability `rate`; at
        least one is.
    rate : float
        For `mutation`.
    ties : bool
        Whether a climber also moves to a neighbour that is exactly as good.
    patience : int
        Generations without progress before a climber restarts from random alleles (0: never).
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    climbers: int = 100
    tries: int = 1
    neighbours: Literal["step", "mutation"] = "step"
    rate: float = 0.1
    ties: bool = True
    patience: int = 0

    def __post_init__(self) -> None:
        _check("climbers", self.climbers, 1, MAX_POPULATION)
        _check("tries", self.tries, 1, MAX_POPULATION // self.climbers)
        _check("rate", self.rate, 0.0, 1.0)
        _check("patience", self.patience, 0, MAX_GENERATIONS)


@dataclass(frozen=True)
class CmaEs:
    """Parameters of `cma-es`: a normal distribution over one real number for each allele copy.

    Numbers lie in [0, 1]. The alleles of the locus share this range evenly, in their order.

    Attributes
    ----------
    population : int
        Samples a generation.
    step : float
        Initial standard deviation.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    population: int = 20
    step: float = 0.3

    def __post_init__(self) -> None:
        _check("population", self.population, 4, 1_000_000)
        _check("step", self.step, 1e-6, 100.0)


@dataclass(frozen=True)
class Deap:
    """Parameters of `deap`: an algorithm of DEAP, or your own with the same interface.

    Attributes
    ----------
    algorithm : str
        `eaSimple`, `eaMuPlusLambda`, `eaMuCommaLambda`, or your own `package.module:function`.
    population : int
        Individuals at first.
    mu, lambda_ : int
        Survivors and children a generation, if the algorithm has such arguments (0: `population`).
    cxpb, mutpb : float
        Probabilities of mating and of mutating.
    indpb : float
        Probability that an allele copy of a mutant becomes any allele of its locus.
    crossover : str
        How two lists of allele copies mate.
    tournament : int
        Individuals in a tournament. The best of them is selected.
    ngen : int
        Generations that the algorithm makes (0: as many as the run). Later its population stays.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    algorithm: str = "eaSimple"
    population: int = 100
    mu: int = 0
    lambda_: int = 0
    cxpb: float = 0.5
    mutpb: float = 0.2
    indpb: float = 0.05
    crossover: Literal["one-point", "two-point", "uniform"] = "two-point"
    tournament: int = 3
    ngen: int = 0

    def __post_init__(self) -> None:
        if self.algorithm not in DEAP_ALGORITHMS and ":" not in self.algorithm:
            raise InvalidOptimizer(
                f"optimizer.algorithm must be one of {', '.join(DEAP_ALGORITHMS)} or your own"
                f" 'package.module:function', but is {self.algorithm[:100]!r}. Use one of them."
            )
        _check("population", self.population, 2, 1_000_000)
        for name in ("mu", "lambda_"):
            _check(name, getattr(self, name), 0, 1_000_000)
        for name in ("cxpb", "mutpb", "indpb"):
            _check(name, getattr(self, name), 0.0, 1.0)
        _check("tournament", self.tournament, 1, 1_000_000)
        _check("ngen", self.ngen, 0, MAX_GENERATIONS)
        if self.cxpb + self.mutpb == 0.0:
            raise InvalidOptimizer(
                "optimizer.cxpb and optimizer.mutpb must not both be 0, or nothing would ever"
                " change. Raise one."
            )
        if self.algorithm in ("eaMuPlusLambda", "eaMuCommaLambda") and self.cxpb + self.mutpb > 1.0:
            raise InvalidOptimizer(
                f"optimizer.cxpb + optimizer.mutpb must be at most 1 for {self.algorithm}, but are"
                f" {self.cxpb + self.mutpb:g}. Lower one."
            )
        if self.algorithm == "eaMuCommaLambda" and (self.lambda_ or self.population) < (
            self.mu or self.population
        ):
            raise InvalidOptimizer(
                "optimizer.lambda_ must be at least mu for eaMuCommaLambda, but"
                f" {self.lambda_ or self.population} is below {self.mu or self.population}."
                " Raise it."
            )


def _check(name: str, value: float, low: float, high: float) -> None:
    """Raise `InvalidOptimizer` unless a parameter lies in a closed range."""
    if not low <= value <= high:
        raise InvalidOptimizer(
            f"optimizer.{name} must lie in [{low:,g}, {high:,g}], but is {value}. Set it inside"
            " that range."
        )


DEAP_ALGORITHMS = ("eaSimple", "eaMuPlusLambda", "eaMuCommaLambda")
OPTIMIZER_PARAMS: dict[str, type[Any]] = {
    "sexual": Sexual,
    "asexual": Asexual,
    "exhaustive": Exhaustive,
    "hill-climb": HillClimb,
    "cma-es": CmaEs,
    "deap": Deap,
}
WHAT: dict[str, str] = {
    "sexual": "Wright-Fisher with two parents, recombination along the map, and mutation",
    "asexual": "Wright-Fisher by mutated copies of one parent",
    "exhaustive": "every class of the grid: the perfect outer optimizer",
    "hill-climb": "climbers that go to a neighbour unless it is worse, with restarts",
    "cma-es": "CMA-ES over allele numbers, rounded (DEAP)",
    "deap": "an algorithm of DEAP, or your own",
}


def check_on_grid(name: str, params: Any, grid: Grid, generations: int) -> None:
    """Check an optimizer's parameters against the genome: introductions, meiosis for drivers.

    Parameters
    ----------
    name : str
        Name of the optimizer.
    params
        Its parameters.
    grid : Grid
        The grid of the genome.
    generations : int
        Number of generations of the run.

    Raises
    ------
    InvalidOptimizer
        If they do not fit.
    """
    if grid.drive and name != "sexual":
        raise InvalidOptimizer(
            f"genome.drivers must be empty where there is no meiosis, but optimizer '{name}' has"
            f" none and they are {', '.join(grid.loci[d.locus].name for d in grid.drive.drivers)}."
            " Use optimizer 'sexual'."
        )
    if grid.ploidy == 1 and getattr(params, "sexes", 1) == 2:
        raise InvalidOptimizer(
            "optimizer.sexes must be 1 for haploids, but is 2. Use genome.ploidy = 2, or one sex."
        )
    for i, introduction in enumerate(getattr(params, "introductions", ())):
        key = f"optimizer.introductions.{i}"
        _check_introduction(key, introduction, params.population * grid.ploidy, generations)
        _check_introduced_alleles(key, introduction, grid)


def _check_introduction(
    key: str, introduction: Introduction, strands: int, generations: int
) -> None:
    """Check the numbers of an introduction. Raises `InvalidOptimizer`."""
    for name, least in (("generation", 0), ("copies", 1)):
        if getattr(introduction, name) < least:
            raise InvalidOptimizer(
                f"{key}.{name} must be at least {least}, but is {getattr(introduction, name)}."
                " Raise it."
            )
    if not introduction.alleles:
        raise InvalidOptimizer(
            f"{key}.alleles must name a locus and its allele, but is empty. Add one."
        )
    if introduction.generation >= generations:
        raise InvalidOptimizer(
            f"{key}.generation must be below {generations}, the number of generations, but is"
            f" {introduction.generation}. Lower it."
        )
    if introduction.copies > strands:
        raise InvalidOptimizer(
            f"{key}.copies must be at most all {strands} genomes, but is {introduction.copies}."
            " Lower it."
        )


def _check_introduced_alleles(key: str, introduction: Introduction, grid: Grid) -> None:
    """Check the loci and alleles of an introduction. Raises `InvalidOptimizer`."""
    names = [locus.name for locus in grid.loci]
    for locus, allele in introduction.alleles.items():
        if locus not in names:
            raise InvalidOptimizer(
                f"{key}.alleles must name loci of the genome ({', '.join(names)}), but has"
                f" '{locus}'. Use one of them."
            )
        alleles = list(grid.loci[names.index(locus)].params.alleles)
        if allele not in alleles:
            raise InvalidOptimizer(
                f"{key}.alleles.{locus} must be one of its alleles ({alleles}), but is"
                f" {allele!r}. Use one of them."
            )
