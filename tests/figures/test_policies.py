"""The figure of policies: all columns are drawn, and what is left out is said."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis import policy_table
from evosim.figures.act_colours import letters
from evosim.figures.policies import left_out, shown_places, tiles
from tests.support.figures import conducts_of
from tests.support.settings import setting


def test_tiles_tell_all_columns_and_places_left_out_are_told() -> None:
    made = setting("villages")
    evaluator = conducts_of(made)
    frame = policy_table.acting(evaluator, 390)
    acts = made.pair.ancestral.acts
    drawn = tiles(frame, acts)
    once = frame.unique(["world", "place", "column"])
    assert int((drawn["x2"] - drawn["x"]).sum()) == once.height  # every column of every place once
    assert float(drawn["ages"].sum()) == pytest.approx(float(once["occupancy"].sum()))
    short = letters(acts)
    for tile in drawn.iter_rows(named=True):
        does = frame.filter(
            (pl.col("world") == tile["world"])
            & (pl.col("place") == tile["place"])
            & (pl.col("column") == tile["x"])
        )
        assert set(tile["letters"]) == {short[act] for act in does["act"]}
        assert tile["chance"] == pytest.approx(does["chance"].max())
    places = shown_places(frame)
    many, shares = left_out(frame, places)
    assert many == frame["place"].n_unique() - len(places) > 0
    for which, share in shares.items():
        mine = once.filter(pl.col("world") == which)
        shown = mine.filter(pl.col("place").is_in(places))["occupancy"].sum()
        assert share == pytest.approx(1.0 - shown / mine["occupancy"].sum())
