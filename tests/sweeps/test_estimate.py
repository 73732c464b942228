"""Estimates of time and disk of a sweep."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from evosim.sweeps import estimate as estimates
from evosim.sweeps import prepared_runs
from evosim.sweeps.estimate import room_for
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep
from tests.support.sweeps import SWEEP, compute, content, start_sweep


@pytest.mark.slow
def test_a_landscape_is_counted_once_per_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a clock of our own: a landscape takes 10 s, a run 1 s.

    Once each sampled run was a landscape's first, and all counted 11 s.
    """
    now = [0.0]
    monkeypatch.setattr(estimates, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))
    real_landscape, real_run = prepared_runs.Landscape, estimates.replicate

    def landscape(*arguments: Any, **more: Any) -> Any:
        now[0] += 10.0
        return real_landscape(*arguments, **more)

    def run(*arguments: Any, **more: Any) -> Any:
        now[0] += 1.0
        return real_run(*arguments, **more)

    monkeypatch.setattr(prepared_runs, "Landscape", landscape)
    monkeypatch.setattr(estimates, "replicate", run)
    monkeypatch.setattr(estimates, "SAMPLE_SECONDS", 60.0)
    path = tmp_path / "x.toml"
    path.write_text(
        SWEEP.replace("replicates = 2", "replicates = 6").replace(
            "[0.1, 0.2]", "[0.1, 0.2, 0.3, 0.4, 0.5]"
        )
    )
    plan = make_plan(read_sweep(path))
    assert (plan.blocks, plan.chunks) == ((12,) * 5, 20)
    for workers, taken in (
        (1, 5 * 10.0 + 60 * 1.0),
        (2, (2 * 5 * 10.0 + 60 * 1.0) / 2),
        (100, (4 * 5 * 10.0 + 60 * 1.0) / 20),
    ):
        found = estimates.estimate(plan, workers)
        assert (found.landscapes, found.preparing, found.seconds) == (5, 10.0, 1.0)
        assert found.wall == pytest.approx(taken)


@pytest.mark.slow
@pytest.mark.parametrize(
    "keep", ["", 'keep = ["ladder", "behaviour", "generations", "loci", "alleles", "populations"]']
)
@pytest.mark.parametrize(
    ("name", "more"), [("micro", ""), ("coarse-savanna", "optimizer.population = 100\n")]
)
def test_the_estimated_bytes_are_about_those_written(
    tmp_path: Path, name: str, more: str, keep: str
) -> None:
    text = (
        f'name = "x"\nexperiment = "{name}"\nreplicates = 8\nchunk ='
        f" 4\n{keep}\n[set]\nphases.0.generations = 40\nphases.1.generations = 20\n{more}"
    )
    store = start_sweep(tmp_path / "s", text)
    compute(store)
    taken = sum(len(data) for data in content(store).values())
    assert 0.4 * taken < room_for(store, [0, 1], collect=False) < 2.5 * taken
