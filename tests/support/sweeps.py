"""A small sweep, begun and computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from evosim.sweeps import local_engine
from evosim.sweeps.design import settings_of
from evosim.sweeps.engines import Job
from evosim.sweeps.events import ignore
from evosim.sweeps.execute import begin
from evosim.sweeps.plan import Plan, make_plan
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


def start_sweep(folder: Path, text: str = SWEEP) -> Store:
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


def after(calls: int) -> Callable[[], bool]:
    """Asks for an end at its so-many-th question."""
    left = [calls]

    def ask() -> bool:
        left[0] -= 1
        return left[0] < 0

    return ask


def slurm(number: int, submitted: list[int], step: int = 1) -> dict[str, str]:
    """Variables of Slurm 22.05 for a task of an array; for a list such as 3,7 the step is 1."""
    told = {
        "ID": number,
        "COUNT": len(submitted),
        "MIN": min(submitted),
        "MAX": max(submitted),
        "STEP": step,
    }
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in told.items()}


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": _truncate,
    "flipped": _flip,
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "text": lambda path: path.write_text("nothing of the kind"),
}

# The beginning of a sweep file, and its parts.
HEAD = 'name = "x"\nexperiment = "micro"\n'
POPULATION = "[grid]\noptimizer.population = [10, 20]\n"
BOX = '[design]\nkind = "sobol"\nsize = 4\n[design.ranges]\n'


def plan_of(text: str) -> Plan:
    """The plan of a sweep file with the usual beginning, in the current folder."""
    Path("x.toml").write_text(HEAD + text, encoding="utf-8")
    return make_plan(read_sweep(Path("x.toml")))


def settings_in(text: str) -> list[dict[str, object]]:
    """The swept parameters of each cell of such a file."""
    Path("x.toml").write_text(HEAD + text, encoding="utf-8")
    return list(settings_of(read_sweep(Path("x.toml")).sweep))
