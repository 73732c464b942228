"""Facts and rows of an analysis, and their form in files."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from evosim.sweeps.analysis_tables import (
    EXTINCT,
    HEADLINES,
    SCHEMAS,
    STEPS_OF_LOSSES,
    AnalysisFacts,
    CellRow,
    FactorSummary,
    FitRow,
    QuantityRow,
    RunCounts,
    cell_rows,
    headlines,
)
from evosim.sweeps.factors import DESIGN, Factor

FACTS = AnalysisFacts(
    version=3,
    sweep="d" * 32,
    name="x",
    title="",
    content="c",
    sources="s",
    manifest="manifest.json",
    cells=6,
    replicates=4,
    seeds="common",
    runs=RunCounts(24, 20, 1, 2, 1),
    resamples=100,
    confidence=0.95,
    factors=(
        FactorSummary.from_factor(Factor("a.b", ("a.b",), ("1", "2"), (1.0, 2.0))),
        FactorSummary.from_factor(Factor(DESIGN, ("c", "d"), ("p", "q", "r"), None)),
    ),
    kinds={"a.b": "int"},
    tables=("cells",),
)


def test_facts_come_back_from_json() -> None:
    data = json.loads(json.dumps(FACTS.as_dict()))
    assert AnalysisFacts.from_dict(data) == FACTS
    assert data["factors"][1]["levels"] == 3  # points of a design are only counted
    with pytest.raises(TypeError):
        AnalysisFacts.from_dict(data | {"unknown": 1})


def test_facts_know_factors_points_and_intervals() -> None:
    assert [factor.name for factor in FACTS.grid_factors] == ["a.b"]
    assert FACTS.design_parameters == ["c", "d"]
    assert FACTS.points == 3
    assert not FACTS.has_intervals
    assert replace(FACTS, replicates=5).has_intervals
    assert FACTS.runs.unfinished() == [("extinct", 1), ("failed", 2), ("missing", 1)]


def test_rows_have_the_columns_of_their_tables() -> None:
    assert list(QuantityRow.__dataclass_fields__) == list(SCHEMAS["quantities"])
    assert list(FitRow.__dataclass_fields__) == list(SCHEMAS["fits"])


def test_cell_rows_leave_parameters_out() -> None:
    row = CellRow("d", "q", 2, 1.0, None, None, 0.5, 2, 1, 1, 1)
    frame = pl.DataFrame([row]).with_columns(pl.lit(3).alias("optimizer.population"))
    assert cell_rows(frame) == [row]
    assert (row.ended, row.planned) == (3, 5)


def test_losses_are_the_first_headlines() -> None:
    known = [*HEADLINES, *STEPS_OF_LOSSES.values()]
    assert headlines(known)[0] == "losses.modern.shift"
    assert not set(headlines(known)) & set(STEPS_OF_LOSSES.values())


def test_steps_stand_for_losses_in_older_sweeps() -> None:
    known = [EXTINCT, "ladder.modern.steps.search", "ladder.modern.rungs.population"]
    assert headlines(known) == [
        "ladder.modern.steps.search",
        "ladder.modern.rungs.population",
        EXTINCT,
    ]
