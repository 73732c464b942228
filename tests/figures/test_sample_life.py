"""The figure of a sample life: one tile per age, and factors of states."""

from __future__ import annotations

from typing import Any

from evosim.analysis import sample_life
from evosim.figures import Source
from evosim.figures.sample_life import factors


def test_each_age_is_a_tile(micro: Source, specs: dict[str, dict[str, Any]]) -> None:
    class_id, _ = micro.drawn_class
    life = sample_life.life(micro.evaluator, class_id, micro.run.experiment.seed)
    tiles = {
        (row["world"], row["age"], row["act"])
        for rows in specs["life"]["datasets"].values()
        for row in rows
        if "letter" in row
    }
    assert tiles == set(life.rows.select("world", "age", "act").iter_rows())


def test_factors_need_equal_names_in_all_states() -> None:
    assert factors(["e1.p0", "e2.p1"]) == [{"e": 1, "p": 0}, {"e": 2, "p": 1}]
    assert factors(["e1.p0", "e2"]) is None
