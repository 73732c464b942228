"""Claim 14: tables are what planners did, and no more."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.claims import mesa_optimization as claim
from evosim.claims.experiments import claim_experiment
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import lifetime, occupancy
from evosim.reference.policies import policy_of
from tests.support.random_worlds import random_pair, random_policy
from tests.support.settings import setting


@pytest.mark.parametrize("seed", range(5))
def test_a_table_is_a_policy_and_does_what_was_done(seed: int) -> None:
    pair = random_pair(seed)
    lived = random_policy(pair.ancestral, seed)
    at_home = claim.compiled(lived, pair, pair.ancestral)
    np.testing.assert_allclose(
        occupancy(pair.ancestral, at_home), occupancy(pair.ancestral, lived), atol=1e-12
    )
    away = claim.compiled(lived, pair, pair.modern)
    np.testing.assert_allclose(away.sum(axis=2), 1.0, atol=1e-12)
    assert not away[:, ~pair.modern.available].any()
    new = ~pair.ancestral.reachable_by_age().any(axis=0)
    assert new.any()
    assert (away[:, new, 0] == 1.0).all()  # the default act


def test_planners_plan_anew_and_tables_do_not() -> None:
    made = setting("micro")
    pair = made.pair
    found = claim.lifetime_values({"x": made}, np.arange(made.genome.grid.size))
    np.testing.assert_allclose(found["ancestral planner"], found["ancestral table"], atol=1e-12)
    assert (found["x planner"] - found["x table"]).abs().max() > 0.01  # type: ignore[operator]
    rules = made.genome.decode(np.array([7]))
    table = claim.compiled(policy_of(rules, 0, pair.ancestral, pair), pair, pair.modern)
    assert found["x table"][7] == pytest.approx(
        lifetime(pair.modern, table, pair.modern.intent), abs=1e-12
    )
    # Red: a table that were handed the modern plan would differ from its planner nowhere.
    handed = claim.compiled(policy_of(rules, 0, pair.modern, pair), pair, pair.ancestral)
    assert (
        np.abs(handed - policy_of(rules, 0, pair.ancestral, pair)).max() > 0.0
        or found["x planner"][7] == found["x table"][7]
    )


def test_a_deceiver_and_its_table_lose_the_same() -> None:
    table = claim.deceivers(setting("deception").experiment)
    assert table["episodes planner"].min() == 2.0
    np.testing.assert_array_equal(table["episodes planner"], table["episodes table"])


def test_the_optima_are_those_of_the_landscape() -> None:
    experiment = claim_experiment("claim-14-mesa-optimization", "quick")
    settings = claim.settings_of(experiment)
    assert len({s.pair.ancestral.transitions.tobytes() for s in settings.values()}) == 1
    assert len({s.pair.modern.transitions.tobytes() for s in settings.values()}) == len(
        claim.MODERN_WORLDS
    )
    table = claim.optimum(experiment)
    best = Landscape(settings["scarcity"]).best("ancestral", 0, 1)
    assert table["class"].to_list() == best.tolist()


def test_the_largest_sampled_difference_is_not_exact() -> None:
    experiment = claim_experiment("claim-14-mesa-optimization", "quick").model_copy(
        update={"replicates": 5}
    )
    planners = [
        "ancestral planner",
        "ancestral table",
        *(f"{name} {kind}" for name in claim.MODERN_WORLDS for kind in ("planner", "table")),
    ]
    one = pl.DataFrame(
        {name: [1.0] for name in (*planners, *(f"{name} best" for name in claim.MODERN_WORLDS))}
    )
    tables = {
        "optimum": one,
        "changes": pl.DataFrame({"planner": [1.0], "table": [1.0]}),
        "acts": pl.DataFrame({"act": ["rest"], "planner": [1.0], "table": [1.0]}),
        "episodes": pl.DataFrame(
            {"episodes planner": [1.0], "episodes table": [1.0], "episodes best": [2.0]}
        ),
        "planners-0": pl.DataFrame(
            {
                "least difference in A": [0.0, 0.25, 0.0, 0.0, 0.0],
                **{name: np.linspace(0.5, 1.0, 5) for name in planners},
            }
        ),
        "reflexes-0": pl.DataFrame(
            {name: np.linspace(0.5, 1.0, 5) for name in claim.MODERN_WORLDS}
        ),
    }
    name = "A, planner less table, largest of all populations"
    found = claim.measure(tables, experiment)
    assert (found[name].value, found[name].kind) == (0.25, "those drawn")
    assert [quantity for quantity, m in found.items() if m.kind == "those drawn"] == [name]
    assert {m.kind for quantity, m in found.items() if "evolved" in quantity} == {"seeds"}
    assert experiment.claim is not None
    # A table does there what its planner does
    assert {p.quantity: p.by_construction for p in experiment.claim.predictions}[name]
