"""The figure of drivers shows the path that theory expects."""

from __future__ import annotations

import polars as pl

from evosim.analysis import expected_drive
from evosim.figures import FIGURES, Source


def test_theory_stands_in_the_drive_figure(driven: Source) -> None:
    described = FIGURES["drive"].draw(driven).to_dict()
    assert any("circles: theory" in line for line in described["title"]["subtitle"])
    expected = expected_drive.path(driven.run.experiment, driven.evaluator.genome)
    assert expected is not None
    drawn = [
        row
        for rows in described["datasets"].values()
        for row in rows
        if set(row) == {"site", "generation", "frequency"}
    ]
    # A short run has a circle in every generation
    assert pl.DataFrame(drawn).sort("generation").equals(expected.sort("generation"))
