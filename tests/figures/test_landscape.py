"""The figure of the landscape: every genome, and populations where they are."""

from __future__ import annotations

from typing import Any

import polars as pl

from evosim.figures import Source
from evosim.figures.landscape import _near


def test_every_genome_is_counted_once(micro: Source, specs: dict[str, dict[str, Any]]) -> None:
    points = [
        row
        for rows in specs["landscape"]["datasets"].values()
        if rows and {"classes", "ancestral", "modern_intent"} <= set(rows[0])
        for row in rows
        if "tolerance" not in row
    ]
    assert sum(row["classes"] for row in points) == micro.run.tables["landscape"].height


def test_words_say_where_populations_are(specs: dict[str, dict[str, Any]]) -> None:
    assert (
        "the behaviour of the population at the swap has on average"
        in specs["landscape"]["description"]
    )


def test_the_axis_holds_heterozygotes_above_the_best() -> None:
    """Some of a population may be better than every genome that breeds true."""
    close = pl.DataFrame(
        {
            "tolerance": [0.0, 0.05],
            "ancestral": [0.5, 0.48],
            "modern_intent": [1.0, 0.9],
            "classes": [1, 1],
            "class": [7, 8],
        }
    )
    people = {
        "population at the swap": pl.DataFrame(
            {
                "ancestral": [0.6, 0.1],
                "modern_intent": [1.2, 0.2],
                "share": [0.5] * 2,
                "class": [1, 2],
            }
        )
    }
    chart = _near(close, people, {"ancestral": "A", "modern": "M"}).to_dict()
    low, high = chart["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert low < 0.48
    assert high > 0.6
