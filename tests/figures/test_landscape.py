"""The figure of the landscape: every genome, and populations where they are."""

from __future__ import annotations

from typing import Any

from evosim.figures import Source


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
