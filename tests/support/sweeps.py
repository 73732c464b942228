"""A small sweep, begun and computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from evosim.sweeps import local_engine
from evosim.sweeps.engines import Job
from evosim.sweeps.events import ignore
from evosim.sweeps.execute import begin
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.store import Store

SWEEP = """
name = "small"
experiment = "micro"
replicates = 2
chunk = 3
keep = ["ladder", "behaviour", "generations"]
[set]
phases.0.generations = 5
phases.1.generations = 3
[grid]
optimizer.population = [10, 20]
world.modern.breed_danger = [0.1, 0.2]
"""


def begun(folder: Path, text: str = SWEEP) -> Store:
    path = folder.with_suffix(".toml")
    path.write_text(text, encoding="utf-8")
    return begin(read_sweep(path), folder)


def compute(
    store: Store,
    chunks: list[int] | None = None,
    workers: int = 1,
    stop_requested: Callable[[], bool] = lambda: False,
) -> None:
    todo = list(range(store.chunks)) if chunks is None else chunks
    local_engine.compute(Job(store.folder, todo, workers, 1, None, ignore, stop_requested))


def content(store: Store) -> dict[str, bytes]:
    """Everything below `parts`, by name."""
    return {
        path.name: path.read_bytes()
        for path in sorted((store.folder / "parts").rglob("*"))
        if path.is_file()
    }
