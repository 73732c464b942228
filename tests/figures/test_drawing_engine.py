"""The drawing engine: it draws, refuses what is no chart, and starts again after its end."""

from __future__ import annotations

import pytest

from evosim.figures.drawing_engine import DrawingEngine, check_addresses
from evosim.figures.vega import VERSION

CHART = {"vl_spec": {"mark": "point"}, "vl_version": VERSION}


@pytest.mark.slow
def test_the_engine_draws_refuses_and_starts_again() -> None:
    engine = DrawingEngine()
    try:
        svg = engine.ask("vegalite_to_svg", **CHART)
        assert svg.startswith("<svg")
        with pytest.raises(ValueError, match="conversion failed"):
            engine.ask("vegalite_to_svg", vl_spec={"mark": 3}, vl_version=VERSION)
        engine.close()
        assert engine.ask("vegalite_to_svg", **CHART) == svg
    finally:
        engine.close()


def test_without_a_limit_there_are_enough_addresses() -> None:
    check_addresses()
