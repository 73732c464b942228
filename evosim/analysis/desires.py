"""Desires: the gain if one desire alone is switched off, and the loss by the acts that serve it.

The two are not the same. The ledger charges an act with its regret against the optimum. With the
desire switched off, the same imperfect planner does something else, which may be no better.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from evosim.analysis.behaviour import Ledger
from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.population import PopulationSnapshot
from evosim.genomes import Rules
from evosim.genomes.gated import SECOND
from evosim.reference.dynamic_programming import Floats

SCHEMA = {
    "feature": pl.String,
    "weight": pl.Float64,
    "acts": pl.String,
    "ledger_ancestral": pl.Float64,
    "ledger_modern": pl.Float64,
    "gain_ancestral": pl.Float64,
    "gain_modern": pl.Float64,
}


def switched_off(
    evaluator: ClassEvaluator, census: PopulationSnapshot, ledger: Ledger
) -> pl.DataFrame:
    """Mean gain without each desire, in payoff in A and in intent in M.

    Rows are the features that the genome can desire. If no individual has a desire, its gain is 0;
    the acts that serve it may still be wasted. Empty for reflexes. A gated planner's second
    objective has rows of its own, by the names of its loci.
    """
    heritable = {locus.name for locus in evaluator.genome.grid.loci}
    rules = evaluator.genome.decode(census.classes)
    rows = []
    named = _desires(rules, evaluator.pair.ancestral.features)
    if named:
        acts = evaluator.pair.ancestral.acts
        left = census.share * census.fitness_retained
        usual = {world: evaluator.net_fitness(rules, world) for world in ("ancestral", "modern")}
        modern = np.sum(list(ledger.modern.values()), axis=0)
        for name, (feature, weight, without) in named.items():
            if name not in heritable:
                continue
            served = [acts.index(act) for act in evaluator.pair.serves.get(feature, ())]
            rows.append(
                {
                    "feature": name,
                    "weight": float(census.share @ weight),
                    "acts": ", ".join(acts[a] for a in served),
                    "ledger_ancestral": float(ledger.waste[:, served].sum()),
                    "ledger_modern": float(modern[:, served].sum()),
                    "gain_ancestral": float(
                        left @ (evaluator.net_fitness(without, "ancestral") - usual["ancestral"])
                    ),
                    "gain_modern": float(
                        left @ (evaluator.net_fitness(without, "modern") - usual["modern"])
                    ),
                }
            )
    return pl.DataFrame(rows, schema=SCHEMA)


def _desires(rules: Rules, features: tuple[str, ...]) -> dict[str, tuple[str, Floats, Rules]]:
    """For each desire, by the name of its locus: the feature, its weight `[n]`, and the rules
    without it.
    """
    out: dict[str, tuple[str, Floats, Rules]] = {}
    for k, feature in enumerate(features):
        planners = rules.planners()
        for objective, own in enumerate(planners):
            changed = (*planners[:objective], own.without(k), *planners[objective + 1 :])
            name = SECOND + feature if objective else feature
            out[name] = (feature, own.weights[:, k], rules.with_planners(*changed))
    return out
