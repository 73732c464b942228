"""The three losses in numbers, as `summary.json` holds them; see `evosim.analysis.losses`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from evosim.analysis.values import Estimate
from evosim.runtime.dataclass_json import Key

NICKNAMES = {"shift": "birth control", "waste": "masturbation", "hack": "greedy genes"}


def nicknames(*, desires: bool) -> dict[str, str]:
    """Nicknames of the losses. Waste has none without desires: a reflex wants nothing."""
    return {name: word for name, word in NICKNAMES.items() if desires or name != "waste"}


def with_nickname(name: str, words: Mapping[str, str]) -> str:
    """A loss with its nickname in brackets, if it has one."""
    return f"{name} ({words[name]})" if name in words else name


@dataclass(frozen=True)
class Loss:
    """One loss in one world.

    Attributes
    ----------
    name, world : str
        `shift`, `waste` or `hack`; `ancestral` or `modern`.
    mean, low, high : float or None
        Mean over seeds and the ends of its interval. A negative mean is a gain. None if the loss
        was not measured, or for the ends if there is no interval.
    n : int
        Number of seeds behind the mean.
    share_of_best : float or None
        The mean as a share of the way from the worst policy to the best genome of that world.
    exact : bool
        Whether the number is exact: it belongs to worlds and grid, and the grid was enumerated.
    why_not : str
        Why it was not measured, and the command that measures it.
    """

    name: str
    world: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    share_of_best: float | None
    exact: bool
    why_not: Annotated[str, Key(omit="")] = ""


@dataclass(frozen=True)
class Level:
    """Fitness of a genome or a population in one world.

    Attributes
    ----------
    mean : float or None
        None if it was not measured. Of optima that tie, the unluckiest.
    most, share_of_most : float or None
        Fitness of the luckiest of the optima that tie, and its share of the best. None if the
        optima do not differ.
    low, high : float or None
        Ends of the interval over seeds.
    n : int
        Number of seeds; 0 for genomes.
    share_of_best : float or None
        Share of the way from the worst policy to the best genome of that world.
    exact : bool
        Whether the number is exact.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    share_of_best: float | None
    exact: bool
    most: Annotated[float | None, Key(omit=None)] = None
    share_of_most: Annotated[float | None, Key(omit=None)] = None


@dataclass(frozen=True)
class FitnessRow:
    """Fitness of one subject in both worlds: a row of the first table of a run."""

    name: str
    ancestral: Level
    modern: Level

    def of(self, world: str) -> Level:
        """The level in `ancestral` or `modern`."""
        return self.ancestral if world == "ancestral" else self.modern


@dataclass(frozen=True)
class ShiftParts:
    """The parts of the shift in the modern world.

    Attributes
    ----------
    forced : float
        Loss of every ancestral optimum.
    left_open : float
        How far ancestral optima differ in the modern world.
    of_population : Estimate
        The shift that the populations lost: `forced`, and their part of `left_open`.
    """

    forced: float
    left_open: float
    of_population: Estimate


@dataclass(frozen=True)
class NearOptimal:
    """Genomes near the ancestral best, and the share of the modern best that they keep.

    Attributes
    ----------
    within : float or None
        Largest distance from the ancestral best, as a share of the way to the worst policy. None:
        all genomes that are at least as good in the ancestral world as the mean population.
    genomes : int or None
        Number of them; None if the record does not hold them all.
    smallest, median, largest : float or None
        Share of the modern best. None where shares are not defined.
    """

    within: float | None
    genomes: int | None
    smallest: float | None
    median: float | None
    largest: float | None


@dataclass(frozen=True)
class LossSummary:
    """The three losses, and what they refer to.

    Attributes
    ----------
    losses : tuple of Loss
        Shift, waste and hack, each in both worlds.
    fitness : tuple of FitnessRow
        `best`, `best_ancestral`, `population`, and `population_at_end` if there are modern
        generations.
    specification : Loss or None
        In the modern world, where payoff is not intent. It is the best genome for ancestral intent
        minus the ancestral optimum, and may be a gain.
    shift_parts : ShiftParts
        Parts of the modern shift.
    near_optimal : tuple of NearOptimal
        Genomes near the ancestral best.
    genomes : int
        Number of genomes that breed true: the set over which optima are taken.
    modern_generations : int
        Number of generations after the switch.
    grid_size : int
        Number of classes of the grid; with heterozygotes it is larger than `genomes`.
    equal_worlds : bool
        Whether both worlds are the same, so that there is no shift to measure.
    has_desires : bool
        Whether the genomes have desires: whether they plan. Only then may waste be called
        masturbation.
    """

    losses: Annotated[tuple[Loss, ...], Key(omit=())]
    fitness: Annotated[tuple[FitnessRow, ...], Key(omit=())]
    specification: Annotated[Loss | None, Key(omit=None)]
    shift_parts: Annotated[ShiftParts | None, Key(omit=None)]
    near_optimal: Annotated[tuple[NearOptimal, ...], Key(omit=())]
    genomes: Annotated[int, Key(omit=0)]
    modern_generations: Annotated[int, Key(omit=0)]
    grid_size: Annotated[int, Key(omit=0)] = 0
    equal_worlds: Annotated[bool, Key(omit=False)] = False
    has_desires: Annotated[bool, Key(omit=True)] = True

    @property
    def nicknames(self) -> dict[str, str]:
        """Nicknames of the losses, as far as they apply."""
        return nicknames(desires=self.has_desires)

    def loss(self, name: str, world: str) -> Loss:
        """One loss; raises `KeyError` for another name."""
        for loss in self.losses:
            if (loss.name, loss.world) == (name, world):
                return loss
        raise KeyError(f"{name} in {world}")

    def row(self, name: str) -> FitnessRow | None:
        """One row of fitness; None if the run does not have it."""
        return next((row for row in self.fitness if row.name == name), None)
