"""Accounts of single genomes: causes, total variation, and verdicts over a family of worlds.

A rung is represented by one class. A population is represented by its most common classes, up to
`COVERED` of its newborns or `MOST` classes (`MOST_CAUSES` for causes). Its values are means over
these classes, and `covered` is their share of the population. Costs of drivers and modifiers belong
to individuals and are not included.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis import causes, family, total_variation
from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.population import PopulationSnapshot
from evosim.analysis.summary import ByWorld, CauseSummary, FamilySummary, VariationSummary
from evosim.config.resolve import family_pairs
from evosim.config.schema import Experiment
from evosim.reference.dynamic_programming import Floats
from evosim.reference.policies import policy_of
from evosim.runtime.bounded_cache import BoundedCache

# Causes cost a planning to the end of life for each set of switches
COVERED, MOST, MOST_CAUSES = (0.9, 8, 4)
MOST_BEGINNINGS = (
    1000  # of lives, when the total variation of a rung is enumerated: a tenth of a second
)
WORLDS = ("ancestral", "modern")
CAUSE_RUNGS = ("best_for_payoff", "best_ancestral")
REMEMBERED = 4096


def most_common(
    census: PopulationSnapshot, most: int = MOST
) -> tuple[NDArray[np.int64], Floats, float]:
    """The most common classes of a population, their shares, and the sum of these."""
    classes, inverse = np.unique(census.classes, return_inverse=True)
    share = np.bincount(inverse.ravel(), census.share)
    order = np.argsort(-share, kind="stable")
    enough = int(np.searchsorted(np.cumsum(share[order]), COVERED - 1e-12)) + 1
    chosen = order[: min(enough, most)]
    return classes[chosen], share[chosen].astype(np.float64), float(share[chosen].sum())


class GenotypeAccounts:
    """Asks genomes of one grid in one pair of worlds.

    It remembers a bounded part of the answers; no number depends on that.
    """

    def __init__(self, evaluator: ClassEvaluator) -> None:
        self.evaluator = evaluator
        self._variations: BoundedCache[int, total_variation.Variation] = BoundedCache(REMEMBERED)
        self._causes: BoundedCache[tuple[int, str], causes.Causes] = BoundedCache(REMEMBERED)
        self._range: float | None = None

    def variation(self, number: int, *, enumerate_lives: bool = False) -> total_variation.Variation:
        """The total variation between the lives of a class in both worlds: bracketed, and exact
        where lives can be enumerated, if asked.
        """
        if number not in self._variations or (
            enumerate_lives and self._variations[number].exact is None
        ):
            a, m = self.evaluator.pair.ancestral, self.evaluator.pair.modern
            if self._range is None:
                self._range = total_variation.range_of(a, m)
            rules = self.evaluator.genome.decode(np.array([number], dtype=np.int64))
            policies = tuple(policy_of(rules, 0, world, self.evaluator.pair) for world in (a, m))
            occupancies = tuple(
                self.evaluator.evaluate(number, which).occupancy for which in WORLDS
            )
            found = total_variation.variation(
                a,
                m,
                (policies[0], policies[1]),
                (occupancies[0], occupancies[1]),
                span=self._range,
                most=MOST_BEGINNINGS if enumerate_lives else 0,
            )
            self._variations[number] = found.checked()
        return self._variations[number]

    def causes(self, classes: NDArray[np.int64], which: str) -> list[causes.Causes] | None:
        """The causes of each class's loss in a world, by payoff in A and by intent in M; nothing
        for rules that do not plan.
        """
        fresh = np.array(
            [c for c in dict.fromkeys(classes.tolist()) if (c, which) not in self._causes],
            dtype=np.int64,
        )
        known = {
            int(c): self._causes[int(c), which] for c in classes if (int(c), which) in self._causes
        }
        if fresh.size:
            world = self.evaluator.world(which)
            found = causes.causes_of(
                self.evaluator.genome.decode(fresh),
                world,
                world.payoff if which == "ancestral" else world.intent,
                self.evaluator.pair.cue,
            )
            if found is None:
                return None
            known |= zip(fresh.tolist(), found, strict=True)
            for class_id, found_causes in known.items():
                self._causes[class_id, which] = found_causes
        return [known[int(c)] for c in classes]

    def tables(
        self,
        experiment: Experiment,
        rungs: Mapping[str, int],
        best_ancestral: float,
        populations: Mapping[int, PopulationSnapshot],
    ) -> dict[str, pl.DataFrame]:
        """Tables `causes`, `variation` and `family` of rungs by name and populations by seed."""
        subjects: list[tuple[str, int | None, NDArray[np.int64], Floats, float]] = [
            (name, None, np.array([number], dtype=np.int64), np.ones(1), 1.0)
            for name, number in rungs.items()
        ]
        subjects += [
            ("population", seed, *most_common(census)) for seed, census in populations.items()
        ]
        judges = self._family(experiment, best_ancestral)
        varied: list[dict[str, object]] = []
        judged: list[dict[str, object]] = []
        for subject, seed, classes, share, covered in subjects:
            varied.append(self._varied(subject, seed, classes, share, covered))
            if judges:
                judged += family.rows(
                    judges,
                    subject,
                    seed,
                    classes.tolist(),
                    share,
                    judges.judge(self.evaluator.genome.decode(classes)),
                )
        few = [x for x in subjects if x[0] in CAUSE_RUNGS]
        few += [
            ("population", seed, *most_common(census, MOST_CAUSES))
            for seed, census in populations.items()
        ]
        causal: list[dict[str, object]] = []
        for which in WORLDS:
            # Side by side: they share plans
            found = self.causes(np.concatenate([classes for _, _, classes, _, _ in few]), which)
            at = 0
            for subject, seed, classes, share, covered in few if found else []:
                causal += causes.rows(
                    subject, seed, which, (found or [])[at : at + len(classes)], share, covered
                )
                at += len(classes)
        return {
            "causes": pl.DataFrame(causal, schema=causes.SCHEMA),
            "variation": pl.DataFrame(varied, schema=total_variation.SCHEMA),
            "family": pl.DataFrame(judged, schema=family.SCHEMA),
        }

    def _varied(
        self,
        subject: str,
        seed: int | None,
        classes: NDArray[np.int64],
        share: Floats,
        covered: float,
    ) -> dict[str, object]:
        parts = [self.variation(int(c), enumerate_lives=seed is None) for c in classes]
        least = parts[0].least
        if len(parts) > 1:  # of the mixture, not of its parts
            w = share / share.sum()
            mixed = [
                np.tensordot(
                    w,
                    np.stack([self.evaluator.evaluate(int(c), which).occupancy for c in classes]),
                    axes=1,
                )
                for which in WORLDS
            ]
            least = total_variation.marginal(mixed[0], mixed[1])
        return total_variation.row(subject, seed, parts, share, covered, least)

    def _family(self, experiment: Experiment, best_ancestral: float) -> family.Family | None:
        """The family of worlds that the experiment lists; nothing if it lists none."""
        if not experiment.analysis.family:
            return None
        return family.Family(self.evaluator.pair, family_pairs(experiment), best_ancestral)


def cause_summaries(table: pl.DataFrame) -> dict[str, ByWorld[CauseSummary]] | None:
    """Means of the table `causes` by subject; None for rules that do not plan (no rows)."""
    if table.is_empty():
        return None
    means = table.group_by("subject", "world", "cause", maintain_order=True).agg(
        pl.col("value").mean(), pl.col("covered").mean()
    )
    values: dict[tuple[str, str], dict[str, float]] = {}
    covered: dict[tuple[str, str], float] = {}
    for subject, world, cause, value, share in means.iter_rows():
        covered.setdefault((subject, world), share)
        values.setdefault((subject, world), {})[cause] = value
    return {
        subject: ByWorld(
            *(CauseSummary(covered[subject, world], values[subject, world]) for world in WORLDS)
        )
        for subject in means["subject"].unique(maintain_order=True)
    }


def variation_summaries(table: pl.DataFrame) -> dict[str, VariationSummary]:
    """Means of the table `variation` by subject."""
    means = table.drop("seed").group_by("subject", maintain_order=True).mean()
    return {row.pop("subject"): VariationSummary(**row) for row in means.iter_rows(named=True)}


def family_summary(table: pl.DataFrame) -> FamilySummary | None:
    """Shares by verdict from the table `family`; None for a run without a family of worlds."""
    if table.is_empty():
        return None
    return FamilySummary(
        worlds=tuple(table["world"].unique(maintain_order=True)),
        subjects={
            name: family.shares(table, name)
            for name in table["subject"].unique(maintain_order=True)
        },
    )
