"""Gated: a planner with two objectives and a gate on what it is told. The deceptive candidate.

Loci. Those of the planner; a second objective weight per feature, called `second.` and the
feature's name; and `gate`, with the alleles `closed` (the first objective always), `open` (the
second where the agent is told that this is the modern world) and `inverse` (the second where it is
told that this is the ancestral one). It plans once per objective, with the same horizon, belief,
discount and temperature; the cue of the state it is in selects. The world must give a cue
(`[world.cue]`).

In the ancestral world with a perfect cue an open gate does nothing, whatever lies behind it:
alleles of the gate and of the second objective are neutral there by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from evosim.genomes.errors import InvalidGenome
from evosim.genomes.figure import LocusFigure, LocusPanel
from evosim.genomes.germline import build_grid
from evosim.genomes.grid import Grid
from evosim.genomes.loci import Ints, LocusParams, make_locus
from evosim.genomes.planner import (
    Planner,
    PlannerGenome,
    check_features,
    check_numbers,
    planner_loci,
    weights_of,
)
from evosim.genomes.rules import GATES, GatedRules
from evosim.genomes.shape import WorldShape

SECOND = "second."
FIGURE = LocusFigure(
    "Desires, hidden desires and the gate through time",
    "weights with a single allele are fixed and not shown",
    (
        LocusPanel("weights", "mean weight, first objective", "desire for"),
        LocusPanel("second", "mean weight, second objective", "desire for", prefix=SECOND),
        LocusPanel("gate", "share of gate alleles", "gate", shares=True),
    ),
)


@dataclass(frozen=True)
class Gated(Planner):
    """Parameters of the gated planner, beside those of the planner.

    Attributes:
        second: a locus for each feature that the second objective can desire; features left out are
        fixed at weight 0. gate: names among `closed`, `open` and `inverse`, in order of dominance.
    """

    second: Mapping[str, LocusParams] = field(default_factory=dict)
    gate: LocusParams = field(default=LocusParams(("closed", "open")))


@dataclass(frozen=True, eq=False)
class GatedGenome:
    """The gated planner over one world's names.

    See `Gated` for parameters, `decode` for what it gives.
    """

    params: Gated
    shape: WorldShape
    grid: Grid
    name: str = "gated"

    def decode(self, classes: Ints) -> GatedRules:
        """The gated planners `[n]` that these classes are."""
        first = PlannerGenome(self.params, self.shape, self.grid).decode(classes)
        values = self.grid.values(np.asarray(classes, dtype=np.int64))
        column = {locus.name: values[:, i] for i, locus in enumerate(self.grid.loci)}
        second = replace(
            first,
            weights=weights_of(
                column, [SECOND + feature for feature in self.shape.features], len(values)
            ),
        )
        named = np.array(
            [GATES.index(str(name)) for name in self.params.gate.alleles], dtype=np.int64
        )
        return GatedRules(first, second, named[column["gate"].astype(np.int64)])


def build(params: Gated, shape: WorldShape) -> GatedGenome:
    """The gated planner over a world's names. Raises `InvalidGenome`."""
    if not shape.cue:
        raise InvalidGenome(
            "genome 'gated' must have a cue to gate by, but the world gives none. Add a table"
            " [world.cue]."
        )
    check_features(params, shape, "gated")
    for feature in shape.features:
        if feature.startswith(SECOND) or SECOND + feature in params.markers:
            raise InvalidGenome(
                f"'{SECOND}' must begin no name of a feature or marker: these are loci of the"
                f" second objective, as of '{feature}'. Rename it."
            )
    for feature in params.second:
        if feature not in shape.features:
            raise InvalidGenome(
                f"genome.second must name features of the world ({', '.join(shape.features)}), but"
                f" has '{feature}'. Use one of them."
            )
    for gate in params.gate.alleles:
        if gate not in GATES:
            raise InvalidGenome(
                f"genome.gate.alleles must be among {', '.join(GATES)}, but has {gate!r}. Use one"
                " of them."
            )
    check_numbers(params, shape)
    check_numbers(replace(params, weights=params.second), shape, where="genome.second")
    written = [
        (SECOND + f, f"genome.second.{f}", params.second[f])
        for f in shape.features
        if f in params.second
    ]
    written.append(("gate", "genome.gate", params.gate))
    more = [
        make_locus(
            name,
            replace(locus, mutation=locus.mutation * params.mutation_scale),
            where=where,
            ploidy=params.ploidy,
        )
        for name, where, locus in written
    ]
    return GatedGenome(
        params,
        shape,
        build_grid([*planner_loci(params, shape, "gated"), *more], params, params.ploidy),
    )
