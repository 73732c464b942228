"""Loci and alleles.

A *genotype* is an array `[ploidy, L]` of allele indices (uint8). At each locus it expresses one of
the classes of the locus, by a table over pairs of alleles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evosim.genomes.errors import InvalidGenome

Ints = NDArray[np.int64]
Alleles = NDArray[np.uint8]

MAX_ALLELES = 255
DECIMALS = 12
MAX_SIZE = 1e100  # of an allele: felt rewards must stay finite


@dataclass(frozen=True)
class LocusParams:
    """One locus as a user writes it.

    Attributes
    ----------
    alleles : tuple of float or tuple of str
        Values of the alleles: numbers in ascending order, or names in order of dominance.
    dominance : float
        Position of a heterozygote between its lower (0) and its higher allele (1); 0.5 is
        additive. Of two named alleles the one that comes first in the list is expressed.
    mutation : float
        Mutation probability per allele copy and generation.
    kernel : str
        `step`: to a neighbour in the list, up or down with equal probability. A step beyond an end
        does not happen, so mutation alone makes all alleles equally frequent. `uniform`: to any
        other allele.
    chromosome : str
        Loci of different chromosomes are unlinked. Empty: a chromosome of its own.
    position : float
        Position on the chromosome, in centimorgan. Recombination follows Haldane's map.
    initial : tuple of float or tuple of str
        Alleles of the first generation, with equal probability. Empty: all.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    alleles: tuple[float, ...] | tuple[str, ...]
    dominance: float = 0.5
    mutation: float = 0.002
    kernel: Literal["step", "uniform"] = "step"
    chromosome: str = ""
    position: float = 0.0
    initial: tuple[float, ...] | tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Locus:
    """A checked locus with `n` alleles, and the class that each pair of alleles expresses.

    Attributes
    ----------
    name : str
        Name of the locus.
    params : LocusParams
        The locus as the user wrote it.
    values : numpy.ndarray
        Expressed values, one per class of the locus: floats, or indices of named alleles.
    expression : numpy.ndarray
        `[n, n]` class expressed by each pair of alleles. A haploid expresses the diagonal.
    silent : bool
        Whether it is a marker, which expresses nothing.
    """

    name: str
    params: LocusParams
    values: NDArray[np.float64]
    expression: Ints
    silent: bool = False

    @property
    def homozygous(self) -> Ints:
        """`[n]` class expressed by two copies of each allele."""
        return np.diagonal(self.expression)

    def initial_alleles(self) -> Ints:
        """Indices of the alleles of the first generation."""
        chosen = self.params.initial or self.params.alleles
        return np.array([self.params.alleles.index(value) for value in chosen], dtype=np.int64)


def make_locus(
    name: str,
    params: LocusParams,
    *,
    where: str,
    ploidy: int,
    whole: bool = False,
    silent: bool = False,
) -> Locus:
    """Check one locus and compute the table of its expression.

    Parameters
    ----------
    name : str
        Name of the locus.
    params : LocusParams
        The locus as the user writes it.
    where : str
        Name of the locus in messages, for example `genome.horizon`.
    ploidy : int
        1 or 2.
    whole : bool
        Whether to round expressed values up to integers.
    silent : bool
        Whether the locus is a marker, which has the same value for all alleles.

    Returns
    -------
    Locus
        The checked locus.

    Raises
    ------
    InvalidGenome
        If a value breaks a rule.
    """
    alleles = params.alleles
    _check_alleles(where, alleles)
    _check_unit(where, "dominance", params.dominance)
    _check_unit(where, "mutation", params.mutation)
    if not np.isfinite(params.position) or params.position < 0:
        raise InvalidGenome(
            f"{where}.position must be at least 0 centimorgan, but is {params.position}. Write 0 or"
            " more."
        )
    if params.position > 0.0 and not params.chromosome:
        raise InvalidGenome(
            f"{where}.position must be 0 without a chromosome, but is {params.position}. Name the"
            " chromosome."
        )
    for value in params.initial:
        if value not in alleles:
            raise InvalidGenome(
                f"{where}.initial must hold alleles of {list(alleles)}, but has {value!r}. Choose"
                " among them."
            )
    if len(set(params.initial)) != len(params.initial):
        raise InvalidGenome(
            f"{where}.initial must differ, as all have equal chance, but are"
            f" {list(params.initial)}. Remove the repetition."
        )
    n = len(alleles)
    if silent:
        expressed = np.zeros((n, n))
    elif isinstance(alleles[0], str):
        expressed = np.minimum.outer(np.arange(n), np.arange(n)).astype(float)
    else:
        numbers = np.array(alleles, dtype=float)
        low, high = np.minimum.outer(numbers, numbers), np.maximum.outer(numbers, numbers)
        expressed = low + params.dominance * (high - low)
        # Rounding errors must not split a class that is one in exact arithmetic.
        expressed = np.round(expressed, DECIMALS)
        if not np.allclose(np.diagonal(expressed), numbers, rtol=1e-9, atol=0.0):
            raise InvalidGenome(
                f"{where}.alleles must be 0 or large enough to differ at {DECIMALS}"
                f" decimals, but are {list(alleles)}. Multiply all by a power of 10."
            )
        if whole:
            expressed = np.ceil(expressed - 1e-9)
    if ploidy == 1:
        expressed = np.where(np.eye(n, dtype=bool), expressed, np.diagonal(expressed)[:, None])
    values, index = np.unique(expressed, return_inverse=True)
    return Locus(name, params, values, index.reshape(n, n).astype(np.int64), silent)


def _check_alleles(name: str, alleles: Sequence[Any]) -> None:
    if not alleles:
        raise InvalidGenome(f"{name}.alleles must list at least one allele, but is empty. Add one.")
    if len(alleles) > MAX_ALLELES:
        raise InvalidGenome(
            f"{name}.alleles must list at most {MAX_ALLELES}, but has {len(alleles)}. Remove some."
        )
    if len(set(alleles)) != len(alleles):
        raise InvalidGenome(
            f"{name}.alleles must differ, but are {list(alleles)}. Remove the repetition."
        )
    if isinstance(alleles[0], str):
        if "" in alleles:
            raise InvalidGenome(f"{name}.alleles must have names, but one is empty. Name it.")
        return
    if not np.isfinite(np.array(alleles, dtype=float)).all():
        raise InvalidGenome(
            f"{name}.alleles must be finite, but are {list(alleles)}. Replace the value that"
            " is not."
        )
    if max(abs(value) for value in alleles) > MAX_SIZE:
        raise InvalidGenome(
            f"{name}.alleles must lie within +-{MAX_SIZE:g}, but are {list(alleles)}. Use smaller"
            " values."
        )
    if list(alleles) != sorted(alleles):
        raise InvalidGenome(f"{name}.alleles must ascend, but are {list(alleles)}. Sort them.")


def _check_unit(name: str, what: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise InvalidGenome(
            f"{name}.{what} must lie in [0, 1], but is {value}. Set it inside that range."
        )
