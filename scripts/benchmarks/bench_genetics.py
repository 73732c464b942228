"""Speed and memory of genetics.

Run: python scripts/benchmarks/bench_genetics.py

`genetics` is the gamete loop on one thread, in individuals times generations per second. It has
fitness, parent draw, meiosis, drive and mutation. The peer is the same model in vectorised NumPy.
Both are timed in turn in one process.

`scale` is the loop of `evosim run`, with behaviour and records, on `coarse-drive` with 20 more
neutral loci. Each population has its own process, so that its peak memory can be measured. One
thread and two threads run its generations in turn. The tables have best times. Machines are noisy,
so quote ratios.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import polars as pl

from evosim.claims.experiments import build_packaged
from evosim.claims.study import Study
from evosim.config.resolve import Problem
from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.kernels import breeding
from evosim.optimizers.meiosis_arrays import meiosis_of
from evosim.runs.provenance import peak_memory_mib
from evosim.simulation.loop import simulate
from evosim.simulation.session import Session
from evosim.verify.engine import costs_of, driver, markers

CASES: dict[str, Callable[[], Grid]] = {
    "one drive locus": lambda: markers(None, drivers=(driver(0.9, 1.0, 0.0),)),
    "20 free loci": lambda: markers(*[None] * 20),
    "20 free loci, one drives": lambda: markers(*[None] * 20, drivers=(driver(0.9, 1.0, 0.0),)),
    "20 free loci, one drives, mutation 1e-4": lambda: markers(
        *[None] * 20, drivers=(driver(0.9, 1.0, 0.0),), mutation=1e-4
    ),
    "20 loci 5 cM apart, one drives": lambda: markers(
        *[5.0 * i for i in range(20)], drivers=(driver(0.9, 1.0, 0.0),)
    ),
}
SIZES = {10_000: 100, 100_000: 10, 1_000_000: 2}
ROUNDS = 7
NEUTRAL = 20
# (individuals, whether with the search ledger): generations
SCALE = {
    (10_000, False): 400,
    (100_000, False): 100,
    (1_000_000, False): 100,
    (2_000_000, False): 20,
    (10_000, True): 200,
    (100_000, True): 60,
    (1_000_000, True): 24,
}


def product(grid: Grid, n: int, generations: int) -> Callable[[], None]:
    """The kernel on one thread, without any allocation in the loop."""
    loci = len(grid.loci)
    strands = (np.random.default_rng(0).random((2 * n, loci)) < 0.5).astype(np.uint8)
    scratch = breeding.Scratch(
        np.empty_like(strands),
        np.empty((2, n)),
        np.empty((2, n), dtype=np.int32),
        np.empty((n, 2), dtype=np.int64),
    )
    watched = np.zeros((0, 2), dtype=np.int64)
    census = np.zeros((generations, 0, 3), dtype=np.int64)
    m, costs = meiosis_of(grid), costs_of(grid)
    mating, start = breeding.Mating(0, True), breeding.Start(1, 5, 0)

    def run() -> None:
        breeding.evolve(m, costs, strands, mating, start, scratch, watched, census)

    return run


def peer(grid: Grid, n: int, generations: int) -> Callable[[], None]:
    """The same model with NumPy arrays (free loci)."""
    loci, drives = len(grid.loci), bool(grid.drive)
    rate = grid.loci[0].params.mutation
    rng = np.random.default_rng(0)
    first = rng.random((n, 2, loci)) < 0.5

    def run() -> None:
        now = first
        for _ in range(generations):
            weight = 1.0 - now[:, :, 0].all(axis=1) if drives else np.ones(n)
            cumulative = np.cumsum(weight)
            out = np.empty_like(now)
            for side in (0, 1):
                parent = np.searchsorted(cumulative, rng.random(n) * cumulative[-1])
                pick = rng.random((n, loci)) < 0.5
                if drives:
                    one, two = now[parent, 0, 0], now[parent, 1, 0]
                    carried = rng.random(n) < 0.9
                    pick[:, 0] = np.where(one != two, carried != one, pick[:, 0])
                out[:, side] = np.where(pick, now[parent, 1], now[parent, 0])
                if rate:
                    out[:, side] ^= rng.random((n, loci)) < rate
            now = out

    return run


def seconds(*runs: Callable[[], None]) -> list[float]:
    """Best of several rounds of each, taken in turn."""
    for run in runs:
        run()
    best = [np.inf] * len(runs)
    for _ in range(ROUNDS):
        for i, run in enumerate(runs):
            start = time.perf_counter()
            run()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


def crowd(n: int, generations: int, ledger: bool) -> Problem:
    """A population of `coarse-drive` with neutral loci."""
    return build_packaged(
        "coarse-drive",
        *(f'genome.markers.neutral{i}.alleles=["a", "b"]' for i in range(NEUTRAL)),
        "controls=false",
        f"optimizer.population={n}",
        "optimizer.introductions.0.generation=1",
        f"optimizer.introductions.0.copies={n // 20}",
        f"phases.0.generations={generations // 2}",
        f"phases.1.generations={generations - generations // 2}",
        f"search_ledger={str(ledger).lower()}",
    )


def bytes_held(grid: Grid) -> int:
    """Bytes per individual that the loop holds.

    These are strands of two generations, parents, weights, running sum, guide, places, costs and
    fitness.
    """
    return 2 * grid.ploidy * len(grid.loci) + 2 * 8 + (8 + 8 + 4) + (8 + 8 + 8)


def one_crowd(n: int, generations: int, ledger: bool) -> dict[str, Any]:
    """One population in this process, which has met no other of its size."""
    problem = crowd(n, generations, ledger)
    landscape = Landscape(problem)
    for threads in (1, 2):
        numba.set_num_threads(threads)
        simulate(crowd(5_000, 2, ledger), landscape, 0)
    took: dict[int, list[float]] = {1: [], 2: []}
    last = [0.0, 2]

    def tick(_label: str, g: int, *_: object) -> None:
        now = time.perf_counter()
        if g > 2:  # founders and the introduction are behind
            took[int(last[1])].append(now - last[0])
        last[:] = time.perf_counter(), 2 - g % 2
        numba.set_num_threads(int(last[1]))

    start = time.perf_counter()
    simulate(problem, landscape, 0, Session(tick))
    whole = time.perf_counter() - start
    one, two = min(took[1]), min(took[2])
    return {
        "N": n,
        "generations": generations,
        "search_ledger": ledger,
        "seconds": whole,
        "million_a_second_1_thread": n / one / 1e6,
        "million_a_second_2_threads": n / two / 1e6,
        "speed_up": one / two,
        "bytes_held": bytes_held(problem.genome.grid),
        "peak_mib": peak_memory_mib(),
    }


def in_a_process(n: int, generations: int, ledger: bool) -> dict[str, Any]:
    """One population in a process of its own."""
    command = [sys.executable, __file__, "crowd", str(n), str(generations), str(int(ledger))]
    out: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    )
    return out


def scale() -> pl.DataFrame:
    """The loop at every size, each in a fresh process.

    Bytes are those that a population needs more than the next smaller one. They count once they
    exceed those of compiling.
    """
    rows: list[dict[str, Any]] = []
    in_a_process(10_000, 8, True)  # compiles, which needs memory too
    for (n, ledger), generations in SCALE.items():
        row = in_a_process(n, generations, ledger)
        alike = [r for r in rows if r["search_ledger"] == ledger] or [row]
        more = (row["peak_mib"] - alike[-1]["peak_mib"]) * 2**20
        row["bytes_measured"] = more / (n - alike[-1]["N"]) if n >= 1_000_000 else None
        for threads in ("1_thread", "2_threads"):
            speed = f"million_a_second_{threads}"
            row[f"time_over_smallest_{threads}"] = alike[0][speed] / row[speed]
        rows.append(row)
        print(row, flush=True)
    return pl.DataFrame(rows)


def main() -> None:
    """Make the tables."""
    if sys.argv[1:2] == ["crowd"]:
        n, generations, ledger = (int(word) for word in sys.argv[2:])
        print(json.dumps(one_crowd(n, generations, bool(ledger))))
        return
    study = Study("bench-genetics", build_packaged("drive-equilibrium"))
    crowds = scale()
    numba.set_num_threads(1)
    rows = []
    for name, make in CASES.items():
        for n, generations in SIZES.items():
            grid = make()
            compared = [product(grid, n, generations)]
            few = max(1, generations // 10)
            if n <= 100_000 and "cM" not in name:
                compared.append(peer(grid, n, few))
            took = seconds(*compared)
            speed = n * generations / took[0] / 1e6
            other = n * few / took[1] / 1e6 if len(took) > 1 else None
            # Both generations' strands, weights, guides, parents
            bytes_each = 2 * 2 * len(grid.loci) + 2 * 8 + 2 * 4 + 2 * 8
            rows.append(
                {
                    "case": name,
                    "N": n,
                    "million_a_second": speed,
                    "numpy_million_a_second": other,
                    "ratio": speed / other if other else None,
                    "bytes_an_individual": bytes_each,
                }
            )
            print(rows[-1], flush=True)
    study.store({"genetics": pl.DataFrame(rows), "scale": crowds}, rounds=ROUNDS)


if __name__ == "__main__":
    main()
