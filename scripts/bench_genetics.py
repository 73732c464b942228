"""Speed of the gamete loop, one thread, beside a NumPy peer. Run: python scripts/bench_genetics.py

Individuals times generations a second, with fitness, parent draw, meiosis, drive and mutation. The peer is the same model in
vectorised NumPy; both are timed in turn in one process, and ratios are what to quote: machines are noisy.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numba
import numpy as np
import polars as pl
from study import Study, setting

from evosim.kernels import lineage
from evosim.optimizers.meiosis import meiosis_of
from evosim.verify.engine import costs_of, driver, markers
from genomes import Grid

CASES: dict[str, Callable[[], Grid]] = {
    "one drive locus": lambda: markers(None, drivers=(driver(0.9, 1.0, 0.0),)),
    "20 free loci": lambda: markers(*[None] * 20),
    "20 free loci, one drives": lambda: markers(*[None] * 20, drivers=(driver(0.9, 1.0, 0.0),)),
    "20 free loci, one drives, mutation 1e-4": lambda: markers(*[None] * 20, drivers=(driver(0.9, 1.0, 0.0),), mutation=1e-4),
    "20 loci 5 cM apart, one drives": lambda: markers(*[5.0 * i for i in range(20)], drivers=(driver(0.9, 1.0, 0.0),)),
}
SIZES = {10_000: 100, 100_000: 10, 1_000_000: 2}
ROUNDS = 7


def product(grid: Grid, n: int, generations: int) -> Callable[[], None]:
    """The kernel on one thread, without any allocation in the loop."""
    loci = len(grid.loci)
    strands = (np.random.default_rng(0).random((2 * n, loci)) < 0.5).astype(np.uint8)
    scratch = (np.empty((2, n)), np.empty((2, n), dtype=np.int64), np.empty((n, 2), dtype=np.int64), np.zeros((0, 2), dtype=np.int64))
    spare, census, m, costs = np.empty_like(strands), np.zeros((generations, 0, 3), dtype=np.int64), meiosis_of(grid), costs_of(grid)

    def run() -> None:
        lineage.evolve(m, costs, strands, spare, 2, 0, True, 1, generations, 5, 0, *scratch, census)

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


def main() -> None:
    """Make the table."""
    numba.set_num_threads(1)
    study = Study("bench-genetics", setting("drive-equilibrium"))
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
            bytes_each = 2 * 2 * len(grid.loci) + 2 * 8 + 2 * 8 + 2 * 8  # both generations' strands, weights, guides, parents
            rows.append(
                {"case": name, "N": n, "million_a_second": speed, "numpy_million_a_second": other,
                 "ratio": speed / other if other else None, "bytes_an_individual": bytes_each}
            )  # fmt: skip
            print(rows[-1], flush=True)
    study.keep({"genetics": pl.DataFrame(rows)}, rounds=ROUNDS, threads=1)


if __name__ == "__main__":
    main()
