"""The four measures that classes are ranked by, and what counts as equal and as near in a ranking."""

from __future__ import annotations

from typing import Protocol

MEASURES = ("ancestral", "ancestral_intent", "modern", "modern_intent")
EXACT_TIE = 1e-12  # of the size of what was summed: fitness within this is equal
TRUE_BREEDERS_WITHIN = 0.01  # what counts as near the best class that breeds true


class Ends(Protocol):
    """What a world lets a lifetime amount be; see `evosim.reference.planning.Span`."""

    @property
    def worst(self) -> float:
        """Of the worst policy."""
        ...

    @property
    def size(self) -> float:
        """The largest sum of absolute amounts: rounding is in proportion to it."""
        ...


def margin(best: float, tolerance: float, ends: Ends) -> float:
    """How far below the best class a near tie may be.

    Parameters
    ----------
    best
        Fitness of the best class.
    tolerance
        Share of the distance between the worst policy and the best class; 0 means equal to rounding. The best class lies
        below the worst policy where upkeep takes more than good acts bring.
    ends
        The span of that measure in that world. So a constant added to payoff makes no class nearer.

    Returns
    -------
    float
        The distance, in the unit of fitness.
    """
    return max(tolerance * abs(best - ends.worst), EXACT_TIE * ends.size)
