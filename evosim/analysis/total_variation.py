"""Total variation between lives in both worlds, of rungs and populations (`life_variation`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import polars as pl

from evosim.analysis.account_inputs import AccountInputs
from evosim.analysis.life_variation import Variation, marginal
from evosim.analysis.summary import VariationSummary
from evosim.reference.dynamic_programming import Floats
from evosim.runtime.dataclass_json import Key

MOST_CLASSES = 8
SCHEMA = {
    "subject": pl.String,
    "seed": pl.Int64,
    "classes": pl.Int64,
    "covered": pl.Float64,
    "least": pl.Float64,
    "most": pl.Float64,
    "exact": pl.Float64,
    "range": pl.Float64,
    "payoff_change": pl.Float64,
    "bound": pl.Float64,
    "difference": pl.Float64,
    "slack": pl.Float64,
}


@dataclass(frozen=True)
class Summary:
    """Total variation and its bounds, by subject."""

    subjects: Annotated[Mapping[str, VariationSummary], Key(inline=True)]


def row(
    subject: str,
    seed: int | None,
    parts: list[Variation],
    share: Floats,
    covered: float,
    least: float,
) -> dict[str, object]:
    """A row of the table: the weighted mean over classes, whose lives together differ by at least
    `least`.

    The lives of a mixture differ at most by the mean of the differences of its parts. The same is
    true of returns.
    """
    w = share / share.sum()

    def mean(name: str) -> float:
        return float(w @ [getattr(part, name) for part in parts])

    single = parts[0] if len(parts) == 1 else None
    return {
        "subject": subject,
        "seed": seed,
        "classes": len(parts),
        "covered": covered,
        "least": least,
        "most": mean("most"),
        "exact": single.exact if single else None,
        "range": mean("range"),
        "payoff_change": mean("payoff_change"),
        "bound": mean("bound"),
        "difference": mean("difference"),
        "slack": mean("slack"),
    }


def tables(inputs: AccountInputs) -> dict[str, pl.DataFrame]:
    """The table `variation`: rungs, and the populations at the swap by their common classes."""
    evaluator, genotypes = inputs.record.cache.evaluator, inputs.record.cache.genotypes
    out = []
    for subject in inputs.subjects(MOST_CLASSES):
        parts = [
            genotypes.variation(int(class_id), enumerate_lives=subject.seed is None)
            for class_id in subject.classes
        ]
        least = parts[0].least
        if len(parts) > 1:  # of the mixture, not of its parts
            weights = subject.shares / subject.shares.sum()
            mixed = [
                np.tensordot(
                    weights,
                    np.stack(
                        [evaluator.evaluate(int(c), world).occupancy for c in subject.classes]
                    ),
                    axes=1,
                )
                for world in ("ancestral", "modern")
            ]
            least = marginal(mixed[0], mixed[1])
        out.append(row(subject.name, subject.seed, parts, subject.shares, subject.covered, least))
    return {"variation": pl.DataFrame(out, schema=SCHEMA)}


def summarize(inputs: AccountInputs, tables: Mapping[str, pl.DataFrame]) -> Summary:
    """Means of the table `variation` by subject."""
    means = tables["variation"].drop("seed").group_by("subject", maintain_order=True).mean()
    return Summary(
        {row.pop("subject"): VariationSummary(**row) for row in means.iter_rows(named=True)}
    )
