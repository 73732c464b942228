"""Runs of a sweep continue from their checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.errors import UserError
from evosim.runtime import atomic_files
from evosim.simulation.controls import controls_of
from evosim.sweeps import run_checkpoints, worker
from evosim.sweeps.check import check
from tests.support.sweeps import after, compute, content, start_sweep


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "generations", "calls", "fewest"), [("micro", 12, 15, 1), ("coarse-drive", 60, 75, 3)]
)
@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_continues_from_its_checkpoint(
    name: str,
    generations: int,
    calls: int,
    fewest: int,
    damaged: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also a control of it.

    Nothing of that stays, nor changes a byte; what is damaged is begun again.
    """
    text = f"""
    name = "long"
    experiment = "{name}"
    replicates = 1
    [set]
    optimizer.population = 20
    phases.0.generations = {generations}
    phases.1.generations = 8
    """
    undisturbed, store = (
        start_sweep(tmp_path / "undisturbed", text),
        start_sweep(tmp_path / "long", text),
    )
    compute(undisturbed)
    begins: list[int] = []
    real = run_checkpoints._Checkpoint.begin

    def noted(self: Any, *which: Any) -> Any:
        state = real(self, *which)
        begins.append(state.position.generation if state else -1)
        return state

    monkeypatch.setattr(run_checkpoints._Checkpoint, "begin", noted)
    stops = 0
    while not worker.run_chunk(store.folder, 0, stop_requested=after(calls)).finished:
        stops += 1
        kept = list((store.folder / "parts").rglob("*.checkpoint"))
        assert kept
        assert not check(store).strange
        if damaged and stops == 1:
            kept[0].write_bytes(kept[0].read_bytes()[:-1])
        assert stops < 20
    assert stops >= fewest
    assert begins.count(-1) == len(set(controls_of(resolve(read_experiment(name))))) + 1 + damaged
    assert max(begins) > 5 or damaged
    assert content(store) == content(undisturbed)


@pytest.mark.slow
def test_a_full_disk_at_a_checkpoint_stops_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = start_sweep(tmp_path / "s")
    monkeypatch.setattr(
        run_checkpoints._Checkpoint,
        "_write",
        lambda *_: (_ for _ in ()).throw(
            atomic_files.Full("F must be writable, but is not: No space left on device.")
        ),
    )
    real = run_checkpoints._Checkpoint.__init__

    def often(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        self._due = 0.0

    monkeypatch.setattr(run_checkpoints._Checkpoint, "__init__", often)
    with pytest.raises(UserError, match="No space left on device"):
        worker.run_chunk(store.folder, 0)
    assert not content(store)
