"""Parameters of base optimizers, apart from their implementations: a file can be checked without
compiling a kernel.
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
    """Settings a base optimizer cannot work with. One line: offender, rule, remedy."""


@dataclass(frozen=True)
class Introduction:
    """Alleles put into the newborns of one generation, before their census: a mutation event, or a
    migrant's haplotype.

    Attributes:
        generation: whose newborns, counted from 0.
        copies: how many of the population's genomes (strands) are drawn, evenly and without
        replacement. alleles: what they are given, by locus; several loci make a haplotype.
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
    """Parameters of `sexual`, beside those of `asexual`.

    Attributes:
        sexes: 1, everybody makes eggs and sperm (hermaphrodites); 2, everybody makes one of them.
        females: share of females among newborns where there are two sexes; their number is rounded,
        and constant. selfing: whether the two parents of a newborn may be the same individual (one
        sex only).
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
                f"two sexes need a female and a male at least, but {self.population} newborns with"
                f" a share of {self.females} have {self.number_of_females} females. Raise"
                " optimizer.population or mend optimizer.females."
            )
        if self.sexes == 1 and not self.selfing and self.population < 2:
            raise InvalidOptimizer(
                "optimizer.population must be at least 2 where selfing is forbidden, but is 1."
                " Raise it, or allow selfing."
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
            raise InvalidOptimizer(
                f"optimizer.max_classes must lie in [1, {MAX_CLASSES}], but is {self.max_classes}."
                " Set it inside that range."
            )


@dataclass(frozen=True)
class HillClimb:
    """Parameters of `hill-climb`: climbers that know nothing of each other.

    Attributes:
        climbers: how many.
        tries: neighbours that each tries in a generation; it goes to the best of them.
        neighbours: `step`, one allele copy is another: the next up or down where the locus' kernel
        is `step`, else any;
            `mutation`, each allele copy is any other with probability `rate`, and one at least is.
        rate: of `mutation`.
        ties: whether it also goes to a neighbour that is exactly as good.
        patience: generations without a better place before a climber begins again, at random
        alleles (0: never).
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
    """Parameters of `cma-es`: a normal distribution over one real number for each allele copy that
    varies.

    Numbers lie in [0, 1], which the locus' alleles share evenly, in their order.

    Attributes:
        population: samples a generation.
        step: standard deviation at first.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    population: int = 20
    step: float = 0.3

    def __post_init__(self) -> None:
        _check("population", self.population, 4, 1_000_000)
        _check("step", self.step, 1e-6, 100.0)


@dataclass(frozen=True)
class Deap:
    """Parameters of `deap`: an algorithm of DEAP, or your own that is called like one.

    Attributes:
        algorithm: `eaSimple`, `eaMuPlusLambda`, `eaMuCommaLambda`, or `package.module:function` of
        your own. population: individuals at first. mu, lambda_: survivors and children a
        generation, where the algorithm asks for them (0: `population`). cxpb, mutpb: probabilities
        of mating and of mutating. indpb: probability that an allele copy of a mutant becomes any
        allele of its locus. crossover: how two lists of allele copies mate. tournament: individuals
        in a tournament; the best of them is selected. ngen: generations that the algorithm is told
        to make (0: as many as the run has). Its last population then stays.
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
    """Check what an optimizer's settings say of the genome: introductions, and whether drivers have
    a meiosis to drive in.

    Raises `InvalidOptimizer`.
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
    names = [locus.name for locus in grid.loci]
    for i, introduction in enumerate(getattr(params, "introductions", ())):
        where = f"optimizer.introductions.{i}"
        for what, least in (("generation", 0), ("copies", 1)):
            if getattr(introduction, what) < least:
                raise InvalidOptimizer(
                    f"{where}.{what} must be at least {least}, but is"
                    f" {getattr(introduction, what)}. Raise it."
                )
        if not introduction.alleles:
            raise InvalidOptimizer(
                f"{where}.alleles must name a locus and its allele, but is empty. Add one."
            )
        if introduction.generation >= generations:
            raise InvalidOptimizer(
                f"{where}.generation must be below {generations}, the number of generations, but is"
                f" {introduction.generation}. Lower it."
            )
        strands = params.population * grid.ploidy
        if introduction.copies > strands:
            raise InvalidOptimizer(
                f"{where}.copies must be at most all {strands} genomes, but is"
                f" {introduction.copies}. Lower it."
            )
        for locus, allele in introduction.alleles.items():
            if locus not in names:
                raise InvalidOptimizer(
                    f"{where}.alleles must name loci of the genome ({', '.join(names)}), but has"
                    f" '{locus}'. Use one of them."
                )
            alleles = list(grid.loci[names.index(locus)].params.alleles)
            if allele not in alleles:
                raise InvalidOptimizer(
                    f"{where}.alleles.{locus} must be one of its alleles ({alleles}), but is"
                    f" {allele!r}. Use one of them."
                )
