"""The survey finds in blocks what a grid kept whole shows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.fitness import streaming as survey_module
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import Span
from evosim.reference.selection import MEASURES, margin
from evosim.simulation.loop import simulate
from tests.support.settings import setting

SETTINGS = ("optimizer.population=40", "phases.0.generations=5", "phases.1.generations=5")


@pytest.fixture(scope="module", params=["coarse-savanna", "micro"])
def both(request: pytest.FixtureRequest) -> tuple[Landscape, Landscape]:
    more = ["genome.horizon.alleles=[1,3]"] if request.param == "coarse-savanna" else []
    made = setting(request.param, *SETTINGS, *more)
    survey_module.BLOCK = 1000
    try:
        return Landscape(made, max_classes=10**7), Landscape(
            made, max_classes=1, max_enumerated=10**7
        )
    finally:
        survey_module.BLOCK = 1 << 16


def test_it_keeps_what_is_best_and_nearly_so(both: tuple[Landscape, Landscape]) -> None:
    whole, surveyed = both
    assert surveyed.exact
    assert surveyed.survey is not None
    frame = whole.frame()
    true = frame.filter(pl.col("breeds_true"))
    wanted = [
        some.filter(pl.col(m) >= some[m].max() - margin(some[m].max(), 0.0, whole.spans[m]))
        for m in MEASURES
        for some in (frame, true)
    ]  # type: ignore[operator, arg-type]
    best = float(true["ancestral"].max())  # type: ignore[arg-type]
    wanted.append(true.filter(pl.col("ancestral") >= best - 0.05 * abs(best)))
    np.testing.assert_array_equal(
        surveyed.survey.best_classes, np.unique(pl.concat(wanted)["class"].to_numpy())
    )
    for measure in MEASURES:
        for true_only in (True, False):
            np.testing.assert_array_equal(
                whole.best(measure, 0, 1, breeding_true=true_only),
                surveyed.best(measure, 0, 1, breeding_true=true_only),
            )


def test_its_summary_is_the_grid_s(both: tuple[Landscape, Landscape]) -> None:
    whole, surveyed = both
    assert surveyed.survey is not None
    for measure, found in surveyed.survey.spread.items():
        values = whole.frame()[measure].to_numpy()
        exact = {
            "mean": values.mean(),
            "sd": values.std(),
            "min": values.min(),
            "max": values.max(),
        }
        for name, value in exact.items():
            assert abs(found[name] - value) <= found["error"] < 1e-3


def test_a_run_is_the_same(both: tuple[Landscape, Landscape]) -> None:
    made = setting("coarse-savanna", *SETTINGS, "genome.horizon.alleles=[1,3]")
    tables = [simulate(made, Landscape(made, max_classes=n), 3).tables for n in (10**6, 10)]
    for name, table in tables[0].items():
        assert table.equals(tables[1][name]), name
    assert tables[0]["populations"].height > 0
    assert both[0].whole


def test_candidates_allow_for_the_error() -> None:
    seen = survey_module._Candidates(
        survey_module.Query("ancestral", 0.1, breeding_true=False),
        error=0.01,
        span=Span(0.0, 1.0, 1.0),
    )
    seen.see(np.arange(3), np.array([1.0, 0.5, 0.89]))
    assert seen.classes.tolist() == [0, 2]
    seen.see(np.arange(3, 5), np.array([2.0, 1.79]))
    assert seen.classes.tolist() == [3, 4]
    seen.see(np.arange(5, 6), np.array([1.7]))
    assert seen.classes.tolist() == [3, 4]


@pytest.mark.parametrize("name", ["reflexes", "coarse-savanna"])
def test_what_is_forgotten_is_found_again_to_the_bit(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = setting(name, *SETTINGS)
    whole = Landscape(made, max_classes=1, max_enumerated=1)
    wanted, found = simulate(made, whole, 3).tables, whole.frame()
    best = whole.best("modern", 0, 3)
    monkeypatch.setattr("evosim.fitness.landscape.MOST_CACHED", 30)
    forgetful = Landscape(made, max_classes=1, max_enumerated=1)
    seen = simulate(made, forgetful, 3).tables
    assert forgetful.cached_classes < whole.cached_classes / 2
    assert all(seen[table].equals(wanted[table]) for table in wanted)
    assert forgetful.frame().equals(found)
    assert np.array_equal(forgetful.best("modern", 0, 3), best)


def test_memory_of_classes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = setting("coarse-savanna", *SETTINGS)
    monkeypatch.setattr("evosim.fitness.landscape.MOST_CACHED", 100)
    whole, forgetful = Landscape(made), Landscape(made, max_classes=1, max_enumerated=1)
    rng = np.random.default_rng(7)
    for _ in range(40):
        classes = rng.integers(0, made.genome.grid.size, 60)
        np.testing.assert_array_equal(
            forgetful.fitness(classes).modern, whole.fitness(classes).modern
        )
        np.testing.assert_array_equal(
            forgetful.fitness(classes[::-1]).ancestral_policy,
            whole.fitness(classes[::-1]).ancestral_policy,
        )
        assert forgetful.cached_classes <= 100 + 60


def test_places_that_outlive_their_table_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault: the table is cut, and where classes stand in it is not made again."""
    made = setting("coarse-savanna", *SETTINGS)
    monkeypatch.setattr("evosim.fitness.landscape.MOST_CACHED", 100)

    def cut(self: Landscape, asked: np.ndarray) -> None:
        for name in (
            "ancestral",
            "ancestral_intent",
            "modern",
            "modern_intent",
            "ancestral_policy",
            "modern_policy",
        ):
            object.__setattr__(self._table, name, np.roll(getattr(self._table, name), 1))

    monkeypatch.setattr(Landscape, "_drop_older_half", cut)
    whole, wrong = Landscape(made), Landscape(made, max_classes=1, max_enumerated=1)
    classes = np.arange(0, 9000, 60)
    wrong.fitness(classes[:80])
    assert not np.array_equal(wrong.fitness(classes).modern, whole.fitness(classes).modern)
