"""Whole runs: records, repeats, the swap, look-up against direct evaluation, extinction."""

from __future__ import annotations

from evosim.fitness.landscape import Landscape
from tests.support.settings import setting


def test_best_found_is_close_to_the_best_of_an_enumerable_grid() -> None:
    """It is called 'best found' because it need not be the best; here it is within 1%."""
    made = setting("coarse-savanna")
    direct, enumerated = Landscape(made, max_classes=1, max_enumerated=1), Landscape(made)
    for measure in ("ancestral", "modern"):
        found = getattr(direct.fitness(direct.best(measure, 0, 40)), measure).max()
        best = getattr(enumerated.fitness(enumerated.best(measure, 0, 1)), measure).max()
        assert 0.99 * best < found <= best
