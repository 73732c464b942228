"""A sweep of many small cells, processes of drivers and workers, and a one-node Slurm."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import psutil

from evosim.kernels.compilation import FOLDER
from evosim.sweeps.execute import begin
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.store import RUNS, Store

ROOT = Path(__file__).resolve().parents[2]
CELLS = 240
# Two worlds' tables, desires and populations vary; a run takes a twentieth of a second.
SWEEP = """
name = "many-small-cells"
experiment = "micro"
replicates = {replicates}
keep = ["ladder", "ledger", "generations"]
{chunk}
[set]
phases.0.generations = {generations}
phases.1.generations = 3
[grid]
optimizer.population = [{populations}]
world.modern.breed_danger = [{dangers}]
genome.discount = [0.9, 0.95]
"""


def sweep_file(
    path: Path,
    *,
    cells: int = CELLS,
    generations: int = 40,
    replicates: int = 1,
    chunk: int | None = None,
) -> Path:
    """Write a sweep file of so many cells (a multiple of 20)."""
    text = SWEEP.format(
        replicates=replicates,
        generations=generations,
        chunk=f"chunk = {chunk}" if chunk else "",
        populations=", ".join(str(20 + 10 * i) for i in range(cells // 20)),
        dangers=", ".join(f"{0.02 * (i + 1):.2f}" for i in range(10)),
    )
    path.write_text(text, encoding="utf-8")
    return path


def start_sweep(file: Path, folder: Path) -> Store:
    """The sweep of a file, planned."""
    return begin(read_sweep(file), folder)


def evosim(*arguments: str | Path) -> list[str]:
    """A command of this very evosim."""
    return [sys.executable, "-m", "evosim.cli", *map(str, arguments)]


def drive(
    file: Path, folder: Path, engine: str, workers: int = 2, *more: str
) -> subprocess.Popen[str]:
    """Start a driver in a process of its own."""
    command = evosim(
        "sweep", "run", file, "--out", folder, "--engine", engine, "--workers", str(workers), *more
    )
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def workers_of(driver: int) -> list[int]:
    """Processes that a driver started to compute with, of engine `local` or `dask`."""
    workers = []
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(driver).children():
            with contextlib.suppress(psutil.Error):  # it has just ended
                command = " ".join(child.cmdline())
                if "evosim.runtime.worker_pool" in command or "spawn_main" in command:
                    workers.append(child.pid)
    return workers


def bytes_digest(store: Store) -> str:
    """SHA-256 of everything below `parts`, names and bytes."""
    digest = hashlib.sha256()
    for path in sorted((store.folder / "parts").rglob("*")):
        if path.is_file() and not path.name.endswith(".tmp"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def lost_and_duplicated(store: Store) -> tuple[int, int]:
    """Planned runs that the collected table lacks, and rows of it that are there more than once."""
    runs = pl.read_parquet(store.folder / f"{RUNS}.parquet")["run"]
    return (
        store.plan.filter(~pl.col("run").is_in(runs.implode())).height,
        runs.len() - runs.n_unique(),
    )


class NoSlurm(Exception):
    """A one-node Slurm is not available here; the message gives the reason."""


@contextlib.contextmanager
def slurm_node(folder: Path) -> Iterator[None]:
    """A Slurm of one node, until the block ends."""
    script = [str(ROOT / "scripts" / "slurm_node.sh")]
    # SLURM_NODE_PORT says where, if another one is there
    up = subprocess.run([*script, "up", str(folder)], capture_output=True, text=True)
    if up.returncode:
        raise NoSlurm(up.stderr.strip())
    before = dict(os.environ)
    os.environ["SLURM_CONF"] = up.stdout.split()[-1]
    if FOLDER:  # the node is this machine, where all is compiled already
        os.environ["NUMBA_CACHE_DIR"] = str(FOLDER.parent)
    try:
        yield
    finally:
        subprocess.run([*script, "down", str(folder)], capture_output=True, check=True)
        os.environ.clear()
        os.environ.update(before)


def jobs() -> list[str]:
    """The numbers of Slurm's jobs that wait or run."""
    return subprocess.run(
        ["squeue", "--noheader", "--array", "--format=%i"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def submit(script: Path) -> None:
    """Submit a batch file, and wait until no job is left."""
    subprocess.run(["sbatch", str(script)], capture_output=True, check=True)
    while jobs():
        time.sleep(0.2)
