"""The four measures that classes are ranked by, and what counts as equal and as near in a ranking."""

from __future__ import annotations

MEASURES = ("ancestral", "ancestral_intent", "modern", "modern_intent")
EXACT_TIE = 1e-12  # relative distance within which worths are equal
TRUE_BREEDERS_WITHIN = 0.01  # what counts as near the best class that breeds true


def margin(best: float, tolerance: float) -> float:
    """How far below the best a near tie may be; tolerance 0 means equal to rounding."""
    return max(tolerance, EXACT_TIE) * abs(best)
