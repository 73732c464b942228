"""Causes and total variation of single genomes, remembered for all accounts that ask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim.analysis import life_variation
from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.planner_causes import Causes, causes_of
from evosim.reference.policies import policy_of
from evosim.runtime.bounded_cache import BoundedCache

# Beginnings of lives, when the total variation of a rung is enumerated: a tenth of a second
MOST_BEGINNINGS = 1000
WORLDS = ("ancestral", "modern")
REMEMBERED = 4096


class GenotypeAccounts:
    """Asks genomes of one grid in one pair of worlds.

    It remembers a bounded part of the answers; no number depends on that.
    """

    def __init__(self, evaluator: ClassEvaluator) -> None:
        self.evaluator = evaluator
        self._variations: BoundedCache[int, life_variation.Variation] = BoundedCache(REMEMBERED)
        self._causes: BoundedCache[tuple[int, str], Causes] = BoundedCache(REMEMBERED)
        self._range: float | None = None

    def variation(self, number: int, *, enumerate_lives: bool = False) -> life_variation.Variation:
        """The total variation between the lives of a class in both worlds.

        It is bracketed; with `enumerate_lives` also exact if lives can be enumerated.
        """
        if number not in self._variations or (
            enumerate_lives and self._variations[number].exact is None
        ):
            a, m = self.evaluator.pair.ancestral, self.evaluator.pair.modern
            if self._range is None:
                self._range = life_variation.range_of(a, m)
            rules = self.evaluator.genome.decode(np.array([number], dtype=np.int64))
            policies = tuple(policy_of(rules, 0, world, self.evaluator.pair) for world in (a, m))
            occupancies = tuple(
                self.evaluator.evaluate(number, world_name).occupancy for world_name in WORLDS
            )
            found = life_variation.variation(
                a,
                m,
                (policies[0], policies[1]),
                (occupancies[0], occupancies[1]),
                span=self._range,
                most=MOST_BEGINNINGS if enumerate_lives else 0,
            )
            self._variations[number] = found.checked()
        return self._variations[number]

    def causes(self, classes: NDArray[np.int64], world_name: str) -> list[Causes] | None:
        """The causes of each class's loss in a world, by payoff in A and by intent in M.

        None for rules that do not plan.
        """
        fresh = np.array(
            [c for c in dict.fromkeys(classes.tolist()) if (c, world_name) not in self._causes],
            dtype=np.int64,
        )
        known = {
            int(c): self._causes[int(c), world_name]
            for c in classes
            if (int(c), world_name) in self._causes
        }
        if fresh.size:
            world = self.evaluator.world(world_name)
            found = causes_of(
                self.evaluator.genome.decode(fresh),
                world,
                world.payoff if world_name == "ancestral" else world.intent,
                self.evaluator.pair.cue,
            )
            if found is None:
                return None
            known |= zip(fresh.tolist(), found, strict=True)
            for class_id, found_causes in known.items():
                self._causes[class_id, world_name] = found_causes
        return [known[int(c)] for c in classes]
