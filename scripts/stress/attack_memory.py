"""Peak memory of long runs: does it grow with generations, and is the estimate right?

Run: python scripts/stress/attack_memory.py [--generations 20000 ...] [--estimate 2000000]

Each run is a process of its own: savanna with a population of 20, every record kept. Its memory is
read every second from the system. The estimate is that of `evosim run --dry-run`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import polars as pl

from evosim.claims.experiments import build_packaged
from evosim.claims.study import Study

GENERATIONS = (2_000, 20_000, 200_000)
EXPERIMENT, POPULATION, AFTER = "coarse-savanna", 20, 300
MIB = 2**20
MOST_APART = 1.5


def main(arguments: list[str] | None = None) -> int:
    """Measure, keep the table, and say whether memory and estimates are within bounds."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--generations", type=int, nargs="+", default=list(GENERATIONS))
    parser.add_argument(
        "--estimate",
        type=int,
        nargs="*",
        default=[2_000_000],
        help="Numbers of generations that are estimated and not run.",
    )
    options = parser.parse_args(arguments)
    rows = [measured(generations) for generations in options.generations]
    # Peak, time and the rest are empty: nothing was run.
    rows += [
        dict.fromkeys(rows[0])
        | {"generations": many, "estimate_mib": round(estimated(settings_of(many)))}
        for many in options.estimate
    ]
    table = pl.DataFrame(rows)
    print(table)
    study = Study("attack/memory", build_packaged(EXPERIMENT, f"optimizer.population={POPULATION}"))
    study.store({"memory": table}, experiment=EXPERIMENT, population=POPULATION)
    bad = table.filter(pl.max_horizontal("apart", 1.0 / pl.col("apart")) > MOST_APART)
    return 1 if bad.height else 0


def settings_of(generations: int) -> list[str]:
    """Arguments of a run of so many generations."""
    return [
        "--set",
        f"optimizer.population={POPULATION}",
        "--set",
        f"phases.0.generations={generations}",
        "--set",
        f"phases.1.generations={AFTER}",
    ]


def estimated(settings: list[str]) -> float:
    """Memory in MiB that `evosim run --dry-run` expects."""
    command = [
        sys.executable,
        "-m",
        "evosim.cli",
        "run",
        EXPERIMENT,
        *settings,
        "--dry-run",
        "--json",
    ]
    return (
        float(
            json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[
                "memory"
            ]
        )
        / MIB
    )


def measured(generations: int) -> dict[str, Any]:
    """One row: estimate, peak and its position in the run, memory after a third, and seconds."""
    command = [sys.executable, "-m", "evosim.cli", "run", EXPERIMENT, *settings_of(generations)]
    estimate = estimated(settings_of(generations))
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        process = subprocess.Popen(
            [*command, "--no-figures", "--out", f"{folder}/run"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seen: list[float] = []
        while process.poll() is None:
            seen.append(resident(process.pid))
            time.sleep(0.5)
        seconds = time.monotonic() - start
        if process.returncode:
            raise SystemExit(
                f"the run of {generations:,} generations ended with {process.returncode}"
            )
    peak = max(seen)
    return {
        "generations": generations,
        "estimate_mib": round(estimate),
        "peak_mib": round(peak),
        "apart": round(estimate / peak, 2),
        "third_mib": round(seen[len(seen) // 3]),
        "peak_at": round(seen.index(peak) / len(seen), 2),
        "seconds": round(seconds, 1),
    }


def resident(pid: int) -> float:
    """Resident memory of a process in MiB; 0 when it is gone."""
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss) / MIB
    except psutil.Error:
        return 0.0


if __name__ == "__main__":
    sys.exit(main())
