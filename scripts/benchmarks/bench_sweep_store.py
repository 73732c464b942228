"""Time of the store of sweeps at a million runs, with artificial records.

    python scripts/benchmarks/bench_sweep_store.py [--runs 1000000] [--folder FOLDER]

Records are written as workers write them. Then status, check and collection are timed. Nothing is
simulated. The script prints a table and stores nothing unless a folder is given.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from evosim.runs.provenance import peak_memory_mib
from evosim.sweeps.execute import begin
from evosim.sweeps.progress import size
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.store import RUNS, Store

NUMBERS = 60
SWEEP = """
name = "large"
experiment = "micro"
replicates = {replicates}
keep = ["ladder"]
[grid]
optimizer.population = [{populations}]
genome.discount = [{discounts}]
"""


def write(folder: Path, runs: int) -> Store:
    """A sweep of so many runs, all of them made up."""
    side = 10
    text = SWEEP.format(
        replicates=max(1, runs // side**2),
        populations=", ".join(str(20 + i) for i in range(side)),
        discounts=", ".join(str((50 + i) / 100) for i in range(side)),
    )
    path = folder / "large.toml"
    path.write_text(text, encoding="utf-8")
    store = begin(read_sweep(path), folder / "sweep")
    random = np.random.default_rng(0)
    for chunk in range(store.chunks):
        planned = store.planned(chunk).drop("chunk")
        numbers = {f"number.{i:02d}": random.random(planned.height) for i in range(NUMBERS)}
        ended = {"status": "complete", "generations": 50}
        frame = planned.with_columns(
            *(pl.lit(value).alias(name) for name, value in ended.items()),
            pl.lit(None, dtype=pl.String).alias("error"),
            **numbers,
        )
        ladder = planned.select("run", "seed").join(
            pl.DataFrame({"name": [f"rung {i}" for i in range(12)]}),
            how="cross",
            maintain_order="left",
        )
        store.commit(
            chunk, {RUNS: frame, "ladder": ladder.with_columns(value=random.random(ladder.height))}
        )
    return store


def stage(folder: Path, what: str) -> tuple[float, float]:
    """Seconds and peak memory in MiB of one command, in a process of its own, without its
    imports.
    """
    script = (
        "import re, time\nfrom pathlib import Path\nfrom evosim.runs import provenance\nfrom"
        " evosim.sweeps import check, collect, status, store\nstart = time.perf_counter()\nit ="
        f" store.Store(Path({str(folder)!r}))\n{what}\nspent, facts = time.perf_counter() - start,"
        " Path('/proc/self/status')\n# On Linux the other count has the memory of the process that"
        " started this one in it.\nprint(spent, int(re.search(r'VmHWM:\\s+(\\d+)',"
        " facts.read_text())[1]) / 1024 if facts.exists() else provenance.peak_memory_mib())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    seconds, memory = done.stdout.split()
    return float(seconds), float(memory)


def main() -> None:
    """Make the records and time what is done with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        start = time.perf_counter()
        store = write(folder, chosen.runs)
        spent = time.perf_counter() - start
        memory = peak_memory_mib()
        files = [path for path in (store.folder / "parts").rglob("*") if path.is_file()]
        disk = sum(path.stat().st_size for path in files)
        print(
            f"{store.runs:,} runs of {NUMBERS} numbers in {store.chunks:,} chunks: {len(files):,}"
            f" files, {size(disk)}"
        )
        print(f"plan and write   {spent:7.1f} s  {memory:6.0f} MiB")
        stages = {
            "nothing": "pass",
            "status": "status.state_of(it)",
            "check": "assert check.check(it).sound",
            "collect": "assert collect.collect(it).missing == 0",
            "status again": "assert status.state_of(it).digest",
            "anti-join": (
                "import polars as pl; r = pl.scan_parquet(it.folder /"
                " 'runs.parquet').select('run'); assert it.plan.lazy().join(r, on='run',"
                " how='anti').select(pl.len()).collect(engine='streaming').item() == 0"
            ),
        }
        for name, what in stages.items():
            seconds, peak = stage(store.folder, what)
            print(f"{name:16} {seconds:7.1f} s  {peak:6.0f} MiB")
        print(
            f"collected        {size((store.folder / 'runs.parquet').stat().st_size)} and"
            f" {size((store.folder / 'ladder.parquet').stat().st_size)}"
        )


if __name__ == "__main__":
    main()
