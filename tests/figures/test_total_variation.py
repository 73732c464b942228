"""The figure of total variation: no point lies above the line of equality."""

from __future__ import annotations

from typing import Any


def test_no_difference_is_larger_than_its_bound(specs: dict[str, dict[str, Any]]) -> None:
    points = [
        row
        for rows in specs["variation"]["datasets"].values()
        for row in rows
        if {"bound", "difference", "subject"} <= set(row)
    ]
    assert points
    assert all(row["difference"] <= row["bound"] + 1e-9 for row in points)
