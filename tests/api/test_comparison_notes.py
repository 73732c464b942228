"""Notes on a comparison: seeds that are compared, and runs that are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import evosim
from tests.support.api import settings

FIND = "world.modern.find"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, evosim.Run]:
    folder = tmp_path_factory.mktemp("runs")
    few = settings("micro") | {"optimizer.population": 30}
    return {
        "base": evosim.run("micro", few, replicates=8, out=folder / "base"),
        "seeds": evosim.run("micro", few, replicates=8, seed=1000, out=folder / "seeds"),
        "harsh": evosim.run("micro", few | {FIND: 0.2}, replicates=8, out=folder / "harsh"),
    }


@pytest.mark.slow
def test_the_note_says_which_seeds_are_compared(
    runs: dict[str, evosim.Run], tmp_path: Path
) -> None:
    few = settings("micro") | {"optimizer.population": 30}
    after = {
        first: evosim.run(
            "micro", few | {FIND: 0.2}, replicates=8, seed=first, out=tmp_path / f"{first}"
        )
        for first in (2, 5)
    }
    assert runs["base"].recorded.experiment.seeds[0] == 0
    found = evosim.compare(runs["base"], after[2])
    assert any(
        "paired over the 6 common seeds (the same random numbers); the others are left out; means"
        " are of these" in note
        for note in found.notes()
    )
    assert set(found.differences.drop_nulls("low")["how"]) == {"paired"}
    found = evosim.compare(runs["base"], after[5])
    note = (
        "no intervals: 3 seeds are in both runs, so that these are not independent, and pairing"
        " takes 5. Run both with the same 5 seeds or more (--seed, --replicates)."
    )
    assert note in found.notes()
    assert found.differences["low"].drop_nulls().is_empty()
    assert set(found.differences["how"]) <= {"exact", "no interval", "not measured"}
    assert "no intervals: some seeds are in both runs, and fewer than 5" in " ".join(
        found.figures()["differences"].title.subtitle
    )
    assert not any(
        "left out" in note for note in evosim.compare(runs["base"], runs["harsh"]).notes()
    )


def test_a_run_and_itself_are_the_same(runs: dict[str, evosim.Run]) -> None:
    found = evosim.compare(runs["base"], runs["base"].folder)
    assert "These are the same run" in found.notes()[0]
    assert (found.differences["difference"].drop_nulls() == 0.0).all()
    assert found.detected_differences().is_empty()
