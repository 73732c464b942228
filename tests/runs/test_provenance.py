"""Provenance names the origin of numbers."""

from __future__ import annotations

from pathlib import Path

from evosim.analysis.recorded_run import Recorded
from evosim.runs import execute
from tests.support.runs import experiment


def run(folder: Path, name: str, *settings: str) -> Recorded:
    return execute.run(experiment(name, *settings), out=folder)[0]


def test_the_digest_knows_results_from_words() -> None:
    base = experiment("micro")
    assert experiment("micro", 'title="another"').digest() == base.digest()
    assert experiment("micro", "seed=1").digest() != base.digest()
    assert experiment("micro", "seed=1").setting_digest() == base.setting_digest()
    assert (
        experiment("micro", "world.ancestral.find=0.71").setting_digest() != base.setting_digest()
    )


def test_provenance_says_where_numbers_came_from(tmp_path: Path) -> None:
    facts = run(tmp_path / "run", "micro").provenance
    for key in (
        "evosim",
        "commit",
        "stream_version",
        "command",
        "packages",
        "seconds",
        "peak_memory_mib",
        "finished",
    ):
        assert key in facts
    assert facts["peak_memory_mib"] > 1
    assert facts["landscape"]["exact"] is True
