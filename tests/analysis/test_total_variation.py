"""The account of total variation: its table, of rungs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis.account import Accountant
from evosim.fitness.landscape import Landscape
from evosim.reference.policies import policy_of
from evosim.simulation.loop import simulate
from tests.support.settings import quick, setting
from tests.support.variation import lives


def test_a_run_enumerates_lives_where_it_can() -> None:
    """The account of a run gives the exact total variation of the rungs' genomes.

    Another way to enumerate them gives the same.
    """
    made = setting("micro", *quick("micro"))
    landscape = Landscape(made)
    account = Accountant(
        made, simulate(made, landscape, 0).tables | {"landscape": landscape.frame()}, exact=True
    )
    table = account.account().tables["variation"]
    rungs = table.filter(pl.col("seed").is_null())
    assert rungs.height == 3
    assert rungs["exact"].null_count() == 0
    for row, number in zip(
        rungs.iter_rows(named=True), account.best_classes.of_rungs().values(), strict=True
    ):
        rules = made.genome.decode(np.array([number]))
        chances = [
            lives(world, policy_of(rules, 0, world, made.pair))
            for world in (made.pair.ancestral, made.pair.modern)
        ]
        apart = 0.5 * sum(
            abs(chances[0].get(life, 0.0) - chances[1].get(life, 0.0))
            for life in {*chances[0], *chances[1]}
        )
        assert row["exact"] == pytest.approx(apart, abs=1e-12)
        assert row["least"] - 1e-12 <= row["exact"] <= row["most"] + 1e-12
        assert row["bound"] == pytest.approx(
            row["range"] * row["exact"] + row["payoff_change"], abs=1e-12
        )
