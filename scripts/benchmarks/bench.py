"""The benchmark: the product compared with its peers, in turn, in one process tree.

Run: python scripts/benchmarks/bench.py

There are five parts, each a table in results/bench. The reference job plans and evaluates 4096
genomes. The others are a small and the default experiment as typed, one generation of genetics, and
the enumeration of grids. Every timed answer is checked against the float64 reference or the
product. Machines are noisy: quote ratios and shares of the ceilings, which are measured in the same
run.
DEAP and JAX are optional: `pip install deap jax`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import bench_ceilings
import bench_grid
import bench_job
import bench_peers
import bench_product
import numba
import numpy as np
import polars as pl

from evosim.claims.experiments import build_packaged
from evosim.claims.study import Study
from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.genomes import PlannerRules

ROUNDS = 7
CHECKED = 256
SUBSET = 2046  # classes of the default grid that the slow peers enumerate
PRECISIONS = {"evosim, float32": "single", "evosim, float64": "double"}


def job(ceilings: dict[str, float]) -> pl.DataFrame:
    """The reference job: all candidates, and the product on an evolved population."""
    weights, horizons = bench_job.genomes()
    random, evolved = bench_product.rules_of(weights, horizons), bench_product.evolved()
    reference = bench_job.reference(weights[:CHECKED], horizons[:CHECKED])
    of_evolved = bench_job.reference(evolved.weights[:CHECKED], evolved.horizon[:CHECKED])
    ours: dict[str, Callable[[], Any]] = {}
    for name, precision in PRECISIONS.items():
        ours[name] = bench_product.scored(random, precision)  # type: ignore[arg-type]
        ours[f"{name}, evolved population"] = bench_product.scored(evolved, precision)  # type: ignore[arg-type]
    counts = dict.fromkeys(ours, len(weights)) | {
        name: peer.count for name, peer in bench_peers.PLANNERS.items()
    }
    candidates = ours | {
        name: partial(peer, weights[: peer.count], horizons[: peer.count])
        for name, peer in bench_peers.PLANNERS.items()
    }
    errors = {
        name: (
            (of_evolved if name.endswith("evolved population") else reference).largest_error(
                name, np.asarray(run())[: min(CHECKED, counts[name])]
            )
        )
        for name, run in candidates.items()
    }
    timings = bench_job.timed(candidates, ROUNDS)
    base = counts["evosim, float32"] / timings["evosim, float32"].best
    useful = bench_job.useful_flops(horizons) / len(horizons) / 1e9
    rows = []
    for name, timing in timings.items():
        speed = counts[name] / timing.best
        rows.append(
            {
                "way": name,
                "genomes_a_second": speed,
                "median": counts[name] / timing.median,
                "evosim_is_times_faster": base / speed,
                "useful_gflops": speed * useful,
                "share_of_fma_peak": speed * useful / _top(ceilings, "registers"),
                "largest_error": errors[name],
            }
        )
    return pl.DataFrame(rows)


def executed(ceilings: dict[str, float]) -> pl.DataFrame:
    """The share of the ceilings that the evaluation reaches, by executed multiplications."""
    weights, horizons = bench_job.genomes()
    rules = bench_product.rules_of(weights, horizons)
    rows = []
    for name, precision in PRECISIONS.items():
        scorer = Scorer(bench_job.world(), bench_product.pair(), precision=precision)  # type: ignore[arg-type]
        _, words, _, points = scorer.behaviours(rules)
        words, each = words.copy(), np.arange(len(words))
        levels = np.full(len(words), words.shape[1])
        took = bench_job.timed(
            {name: partial(scorer.evaluate, words, each, levels, points)}, 3 * ROUNDS
        )[name].best
        block = 32 if precision == "single" else 16
        blocks = bench_product.rows_by_block(scorer, words, points, block)
        flops = 2.0 * bench_job.SUCCESSORS * float(blocks.sum()) * block * bench_job.LIFESPAN / 1e9
        peak = _top(ceilings, "registers") / (1.0 if precision == "single" else 2.0)
        load = _top(ceilings, "loads") / (1.0 if precision == "single" else 2.0)
        rows.append(
            {
                "way": name,
                "executed_gflops": flops / took,
                "share_of_fma_peak": flops / took / peak,
                "share_of_load_ceiling": flops / took / load,
            }
        )
    return pl.DataFrame(rows)


def experiment(*names: str, warm: int = 3) -> tuple[pl.DataFrame, dict[str, Any]]:
    """An experiment as a user types it, cold and then warm, with the time by stage.

    Without a name it is the default experiment, `three-losses`.
    """
    rows, stages = [], {}
    with tempfile.TemporaryDirectory() as folder:
        fresh = os.environ | {"NUMBA_CACHE_DIR": str(Path(folder) / "cache")}
        for i in range(1 + warm):
            command = [
                sys.executable,
                "-m",
                "evosim.cli",
                "run",
                *names,
                "--json",
                "--out",
                str(Path(folder) / f"run{i}"),
            ]
            start = time.perf_counter()
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=fresh)
            took = time.perf_counter() - start
            stages = json.loads(done.stdout)["seconds"]
            rows.append(
                {
                    "run": "cold" if i == 0 else f"warm {i}",
                    "seconds": took,
                    **{s: stages.get(s, 0.0) for s in STAGES},
                }
            )
        for option in ("--help", "--version"):
            command = [sys.executable, "-m", "evosim.cli", option]
            took = min(_wall(command, fresh) for _ in range(5))
            rows.append({"run": option, "seconds": took} | dict.fromkeys(STAGES))
    return pl.DataFrame(rows, infer_schema_length=None), stages


STAGES = (
    "imports",
    "compilation",
    "landscape",
    "evolution",
    "controls",
    "tables",
    "analysis",
    "figures",
    "other",
)


def enumeration() -> pl.DataFrame:
    """Grids in both worlds.

    All peers enumerate a subset. The best of them enumerates the default grid. The product alone
    enumerates a million classes.
    """
    problem, rows = build_packaged("coarse-savanna"), []
    grid = np.arange(problem.genome.grid.size, dtype=np.int64)
    some = grid[:: len(grid) // SUBSET]
    whole = Landscape(problem).fitness(grid)
    exact = np.stack([whole.ancestral, whole.modern], axis=1)

    def ours(classes: np.ndarray) -> np.ndarray:
        rules = problem.genome.decode(classes)
        return np.stack(
            [
                Scorer(w, problem.pair).score(rules).fitness
                for w in (problem.pair.ancestral, problem.pair.modern)
            ],
            axis=1,
        )

    for classes, names in ((some, list(bench_grid.ENUMERATORS)), (grid, ["SciPy, merged"])):
        ways: dict[str, Callable[[], np.ndarray]] = {"evosim": partial(ours, classes)}
        ways |= {name: partial(bench_grid.ENUMERATORS[name], problem, classes) for name in names}
        errors = {name: float(np.abs(run() - exact[classes]).max()) for name, run in ways.items()}
        timings = bench_job.timed(ways, 3)
        rows += [
            {
                "grid": len(classes),
                "way": name,
                "seconds": t.best,
                "evosim_is_times_faster": t.best / timings["evosim"].best,
                "largest_error": errors[name],
            }
            for name, t in timings.items()
        ]
    large = bench_product.million()
    for name, run in {
        "evosim, kept whole": partial(bench_product.landscape, large, whole=True),
        "evosim, surveyed": partial(bench_product.landscape, large, whole=False),
    }.items():
        took = bench_job.timed({name: run}, 2)[name]
        rows.append(
            {
                "grid": large.genome.grid.size,
                "way": name,
                "seconds": took.best,
                "evosim_is_times_faster": None,
                "largest_error": None,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def genetics() -> pl.DataFrame:
    """One generation of 4096 diploids with 20 loci: parents, meiosis, mutation."""
    ways = {"evosim": bench_product.breeder()} | bench_peers.breeders()
    timings = bench_job.timed(ways, ROUNDS, budget=5.0)
    return pl.DataFrame(
        [
            {
                "way": name,
                "milliseconds": 1e3 * t.best,
                "evosim_is_times_faster": t.best / timings["evosim"].best,
            }
            for name, t in timings.items()
        ]
    )


def spared() -> pl.DataFrame:
    """Work left after each saving: on the default grid, an evolved and a random population."""
    problem = build_packaged("coarse-savanna")
    grid = problem.genome.decode(np.arange(problem.genome.grid.size, dtype=np.int64))
    assert isinstance(grid, PlannerRules)
    weights, horizons = bench_job.genomes()
    world, pair = bench_job.world(), bench_product.pair()
    batches = {
        "default grid, ancestral": (problem.pair.ancestral, problem.pair, grid),
        "default grid, modern": (problem.pair.modern, problem.pair, grid),
        "default population at the swap": (
            problem.pair.ancestral,
            problem.pair,
            bench_product.at_the_swap(problem),
        ),
        "reference job, random": (world, pair, bench_product.rules_of(weights, horizons)),
        "reference job, evolved": (world, pair, bench_product.evolved()),
    }
    rows = [
        {
            "batch": batch,
            "saving": s.saving,
            "without": s.without,
            "remains": s.remains,
            "unit": s.unit,
            "times_less": s.without / s.remains,
        }
        for batch, args in batches.items()
        for s in bench_product.spared(*args)
    ]
    return pl.DataFrame(rows)


def _top(ceilings: dict[str, float], kind: str) -> float:
    return max(value for name, value in ceilings.items() if name.startswith(kind))


def _wall(command: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=env)
    return time.perf_counter() - start


def main() -> None:
    """Make the tables."""
    for line in bench_peers.MISSING:
        print(line)
    study = Study("bench", build_packaged("coarse-savanna"))
    ceilings = bench_ceilings.measure()
    print(ceilings, flush=True)
    tables = {
        "job": job(ceilings),
        "executed": executed(ceilings),
        "spared": spared(),
        "genetics": genetics(),
        "enumeration": enumeration(),
    }
    tables["experiment"], stages = experiment("coarse-savanna")
    tables["default-experiment"], stages_of_default = experiment()
    tables["ceilings"] = pl.DataFrame(
        {"ceiling": list(ceilings), "gflops": list(ceilings.values())}
    )
    study.store(
        tables,
        rounds=ROUNDS,
        threads=numba.get_num_threads(),
        versions=bench_peers.AVAILABLE,
        stages=stages,
        stages_of_default=stages_of_default,
    )


if __name__ == "__main__":
    main()
