"""Tables of another form are refused."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis.table_schemas import Ending, Shape
from evosim.runtime.checksums import Damaged
from tests.support.accounts import accountant_of


def shape_of_micro() -> Shape:
    experiment = accountant_of("micro").experiment
    ending = Ending(status="complete", generations=experiment.generations)
    return Shape(experiment, {str(seed): ending for seed in experiment.seeds})


def test_recorded_tables_have_their_form() -> None:
    accountant = accountant_of("micro")
    shape = shape_of_micro()
    for name, table in accountant.tables.items():
        shape.check(name, table)
        assert table.height <= shape.most_rows(name)


def test_a_missing_column_is_refused() -> None:
    accountant = accountant_of("micro")
    with pytest.raises(Damaged):
        shape_of_micro().check("loci", accountant.tables["loci"].select(pl.first()))
