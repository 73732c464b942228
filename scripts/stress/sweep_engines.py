"""One sweep on every engine: one process, Dask with two workers, Dask on Slurm, a Slurm array.

Equal digests; what the layer costs.

    python scripts/stress/sweep_engines.py [--rounds 5] [--no-slurm]

Slurm is a node of its own on this machine (scripts/stress/slurm_node.sh), which needs root. Writes
`results/sweep-engines/`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import polars as pl
import sweep_job

from evosim.claims import study
from evosim.claims.experiments import build_packaged
from evosim.runtime.machine import processors
from evosim.sweeps import dask_engine, engines, events, local_engine, prepared_runs, worker
from evosim.sweeps.collect import collect
from evosim.sweeps.store import Store

LONG = 2600  # generations of a run that takes about a second
LONG_RUNS = 16
TASKS = 1000


def engine(name: str, workers: int, *more: str) -> Callable[[Path, Path], None]:
    """Compute a sweep by a command."""

    def run(file: Path, folder: Path) -> None:
        driver = sweep_job.drive(file, folder, name, workers, *more)
        _, said = driver.communicate()
        if driver.returncode:
            raise RuntimeError(f"{name} failed: {said}")

    return run


def array(file: Path, folder: Path) -> None:
    """Compute a sweep by the batch file that `evosim sweep script` prints, as printed."""
    answer = sweep_job.evosim("sweep", "script", file, "--out", folder, "--slurm", "--tasks", "4")
    text = subprocess.run(
        answer, capture_output=True, text=True, check=True, cwd=sweep_job.ROOT
    ).stdout
    script = folder.with_suffix(".sh")
    script.write_text(text, encoding="utf-8")
    sweep_job.submit(script)


ENGINES: dict[str, Callable[[Path, Path], None]] = {
    "one process": engine("local", 1),
    "local, 2 workers": engine("local", 2),
    "Dask, 2 workers": engine("dask", 2),
}
ON_SLURM: dict[str, Callable[[Path, Path], None]] = {
    "Dask on Slurm, 2 jobs": engine("slurm", 2, "--address", "lo"),
    "Slurm array, 4 tasks": array,
}


def digests(
    folder: Path, computed_by: dict[str, Callable[[Path, Path], None]]
) -> list[dict[str, object]]:
    """The same sweep by each engine."""
    file, rows = sweep_job.sweep_file(folder / "many.toml"), list[dict[str, object]]()
    for i, (name, run) in enumerate(computed_by.items()):
        out = folder / f"engine{i}"
        start = time.perf_counter()
        run(file, out)
        seconds = time.perf_counter() - start
        store = Store(out)
        collected = collect(store)
        rows.append(
            {
                "engine": name,
                "cells": store.manifest.cells,
                "runs": collected.runs,
                "chunks": store.chunks,
                "missing": collected.missing,
                "failed": collected.failed,
                "seconds": seconds,
                "digest": collected.digest,
                "bytes_of_parts": sweep_job.bytes_digest(store),
            }
        )
        print(rows[-1], flush=True)
    return rows


def overhead(folder: Path) -> list[dict[str, object]]:
    """Time that the layer adds to a run in one process, and that each engine adds to a chunk.

    Finished chunks cost nothing else. Other processes use this machine. So runs with and without
    the layer take turns chunk by chunk, and medians are reported.
    """
    store = sweep_job.start_sweep(sweep_job.sweep_file(folder / "layer.toml"), folder / "layer")

    def without(chunk: int) -> None:
        for planned in store.runs_of(chunk):
            worker.compute(store.manifest.tree, planned, store.kinds)

    def spent(what: Callable[[int], object], chunk: int) -> tuple[float, float]:
        prepared_runs.forget()
        start, used = time.perf_counter(), time.process_time()
        what(chunk)
        return (time.perf_counter() - start) / store.size(chunk), (
            time.process_time() - used
        ) / store.size(chunk)

    without(0)
    pairs = [
        (spent(without, chunk), spent(lambda c: worker.run_chunk(store.folder, c), chunk))
        for chunk in range(store.chunks)
    ]
    alone = [1e3 * median(bare[i] for bare, _ in pairs) for i in (0, 1)]
    layer = [1e3 * median(whole[i] - bare[i] for bare, whole in pairs) for i in (0, 1)]
    out: list[dict[str, object]] = [
        {
            "what": "a run",
            "each": store.runs,
            "milliseconds": alone[0],
            "processor_milliseconds": alone[1],
        },
        {
            "what": "the layer, per run",
            "each": store.runs,
            "milliseconds": layer[0],
            "processor_milliseconds": layer[1],
        },
    ]
    store = sweep_job.start_sweep(
        sweep_job.sweep_file(folder / "tasks.toml", cells=TASKS, generations=2, chunk=1),
        folder / "tasks",
    )
    for chunk in range(store.chunks):
        worker.run_chunk(store.folder, chunk)
    few = TASKS // 20
    for name, compute in (("local", local_engine.compute), ("Dask", dask_engine.compute)):
        took = {}
        for count in (few, TASKS):
            times = []
            for _ in range(3):
                start = time.perf_counter()
                compute(
                    engines.Job(
                        store.folder, list(range(count)), 2, 1, None, events.ignore, lambda: False
                    )
                )
                times.append(time.perf_counter() - start)
            took[count] = min(times)
        each = (took[TASKS] - took[few]) / (TASKS - few)
        out.append(
            {
                "what": f"{name}, 2 workers: start and end",
                "each": 1,
                "milliseconds": 1e3 * (took[few] - few * each),
                "processor_milliseconds": None,
            }
        )
        out.append(
            {
                "what": f"{name}, 2 workers: a chunk",
                "each": TASKS - few,
                "milliseconds": 1e3 * each,
                "processor_milliseconds": None,
            }
        )
    return out


def scaling(folder: Path, rounds: int) -> list[dict[str, object]]:
    """Runs of about a second, one per chunk, with one worker and with two.

    The best of several rounds is reported, because other processes use this machine.
    """
    file = sweep_job.sweep_file(folder / "long.toml", cells=20, generations=LONG, chunk=1)
    rows = []
    for name, compute in (("local", local_engine.compute), ("Dask", dask_engine.compute)):
        times: dict[int, list[float]] = {1: [], 2: []}
        used: dict[int, list[float]] = {1: [], 2: []}
        for i in range(rounds):
            for workers in times:
                store = sweep_job.start_sweep(file, folder / f"long-{name}-{workers}-{i}")
                start, before = time.perf_counter(), _used()
                compute(
                    engines.Job(
                        store.folder,
                        list(range(LONG_RUNS)),
                        workers,
                        1,
                        None,
                        events.ignore,
                        lambda: False,
                    )
                )
                times[workers].append(time.perf_counter() - start)
                used[workers].append(_used() - before)
        one, two = min(times[1]), min(times[2])
        rows.append(
            {
                "engine": name,
                "runs": LONG_RUNS,
                "rounds": rounds,
                "one_worker_s": one,
                "two_workers_s": two,
                "times_as_fast": one / two,
                "one_worker_processor_s": min(used[1]),
                "two_workers_processor_s": min(used[2]),
            }
        )
        print(rows[-1], flush=True)
    return rows


def _used() -> float:
    """Processor seconds of this process and of those it started that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Compute the sweep on every engine, and time the layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-slurm", action="store_true")
    chosen = parser.parse_args()
    stored = study.Study("sweep-engines", build_packaged("micro"))
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = digests(folder, ENGINES)
        if not chosen.no_slurm:
            with sweep_job.slurm_node(folder / "slurm"):
                (folder / "on-slurm").mkdir()
                rows += digests(folder / "on-slurm", ON_SLURM)
        if (
            len({row["digest"] for row in rows}) > 1
            or len({row["bytes_of_parts"] for row in rows}) > 1
        ):
            raise RuntimeError(f"engines disagree: {rows}")
        tables = {
            "engines": pl.DataFrame(rows),
            "overhead": pl.DataFrame(overhead(folder)),
            "scaling": pl.DataFrame(scaling(folder, chosen.rounds)),
        }
    stored.store(
        tables,
        processors=processors(batch=False),
        load_at_start=round(load, 1),
        load_at_end=round(os.getloadavg()[0], 1),
    )


if __name__ == "__main__":
    main()
