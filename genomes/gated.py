"""Gated: a planner with two objectives, selected by the world's cue. The deceptive candidate.

Loci. Those of the planner; a second objective weight per feature, named `second.` and the feature;
and `gate`. Alleles of the gate:

* `closed`: always the first objective.
* `open`: the second objective where the cue is `modern`.
* `inverse`: the second objective where the cue is `ancestral`.

The planner plans once per objective, with the same horizon, belief, discount and temperature. The
cue of the current state selects the plan. The world must give a cue (`[world.cue]`).

In the ancestral world with a perfect cue an open gate has no effect. Alleles of the gate and of the
second objective are neutral there by construction.
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
    """Parameters of the gated planner, in addition to those of the planner.

    Attributes
    ----------
    second : mapping of str to LocusParams
        A locus for each feature that the second objective can desire. Other features have weight 0.
    gate : LocusParams
        Alleles among `closed`, `open` and `inverse`, in order of dominance.
    """

    second: Mapping[str, LocusParams] = field(default_factory=dict)
    gate: LocusParams = field(default=LocusParams(("closed", "open")))


@dataclass(frozen=True, eq=False)
class GatedGenome:
    """The gated planner for one world; its parameters are in `Gated`."""

    params: Gated
    shape: WorldShape
    grid: Grid
    name: str = "gated"

    def decode(self, classes: Ints) -> GatedRules:
        """The gated planners `[n]` of the classes `[n]`."""
        first = PlannerGenome(self.params, self.shape, self.grid).decode(classes)
        values = self.grid.values(np.asarray(classes, dtype=np.int64))
        column = {locus.name: values[:, i] for i, locus in enumerate(self.grid.loci)}
        second = replace(
            first,
            weights=weights_of(
                column, [SECOND + feature for feature in self.shape.features], len(values)
            ),
        )
        gates = np.array(
            [GATES.index(str(name)) for name in self.params.gate.alleles], dtype=np.int64
        )
        return GatedRules(first, second, gates[column["gate"].astype(np.int64)])


def build(params: Gated, shape: WorldShape) -> GatedGenome:
    """Build the gated planner for a world. Raises `InvalidGenome`."""
    if not shape.cue:
        raise InvalidGenome(
            "genome 'gated' needs a cue, but the world gives none. Add a table [world.cue]."
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
