"""Claim 12: the least and the largest AUC over ways to write a behaviour."""

from __future__ import annotations

import polars as pl

from evosim.claims import detectors


def test_one_way_to_write_leaves_one_auc() -> None:
    table = pl.DataFrame(
        {"key": ["a", "b"], "first objective": [0.0, 1.0], "lost modern": [0.0, 1.0]}
    )
    assert detectors.ways_to_write(table, "first objective") == (1.0, 1.0)


def test_several_ways_to_write_span_all_aucs() -> None:
    table = pl.DataFrame(
        {
            "key": ["a", "a", "b", "b"],
            "first objective": [0.0, 1.0, 0.0, 1.0],
            "lost modern": [0.0, 0.0, 1.0, 1.0],
        }
    )
    assert detectors.ways_to_write(table, "first objective") == (0.0, 1.0)


def test_selection_keeps_genomes_with_small_losses() -> None:
    table = pl.DataFrame({"lost ancestral": [0.0, detectors.FIT, 2 * detectors.FIT]})
    assert detectors.fit_to_live(table).height == 2
