"""The figure of causes says what it leaves out."""

from __future__ import annotations

from evosim.figures import FIGURES, Source


def test_where_drivers_are_left_out_it_is_said(driven: Source, savanna: Source) -> None:
    assert driven.summary.account.drivers
    assert "what drivers cost is not in it" in FIGURES["causes"].draw(driven).description
    assert "what drivers cost" not in FIGURES["causes"].draw(savanna).description
