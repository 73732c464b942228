"""Kill a run at random moments, resume it, and compare its tables with those of an undisturbed run.

    python scripts/stress/kills.py --kills 40

The script runs `coarse-drive` with drivers, three controls, several replicates and the search
ledger in separate processes. Each process ends at a random moment, most by SIGKILL, others by
SIGTERM or SIGINT. `--resume` continues the run until it is complete. The script starts again until
the number of kills is reached. Every table must have the same bytes.
"""

from __future__ import annotations

import argparse
import collections
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOB = ["coarse-drive", "--no-figures", "--checkpoint-every", "0.1s"]
EXIT = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
TIMED = ("provenance.json", "summary.json", "sums.sha256")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run except the two that record times."""
    every = (
        path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in TIMED
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in every}


def started(folder: Path, job: list[str]) -> subprocess.Popen[str]:
    """Start or resume the job in a process."""
    call = [sys.executable, "-m", "evosim.cli", "run", *job, "--out", str(folder), "--resume"]
    return subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def kill(kills: int, replicates: int = 3, population: int = 1000, seed: int = 1) -> list[str]:
    """Kill runs at random moments, and compare the tables.

    Parameters
    ----------
    kills : int
        Number of kills.
    replicates, population : int
        Size of the run.
    seed : int
        Seed of the moments.

    Returns
    -------
    list of str
        Differences, one per line.
    """
    lots = random.Random(seed)
    # In the background it is ignored, and would be by the runs too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    job = [*JOB, "--replicates", str(replicates), "--set", f"optimizer.population={population}"]
    fell: collections.Counter[str] = collections.Counter()
    waits: dict[str, list[float]] = collections.defaultdict(list)
    chains, wrong = 0, list[str]()
    with tempfile.TemporaryDirectory() as temporary:
        whole, folder = Path(temporary) / "whole", Path(temporary) / "run"
        start = time.monotonic()
        if started(whole, job).wait() != 0:
            return ["the undisturbed run failed"]
        lasts = time.monotonic() - start
        print(f"undisturbed: {lasts:.1f} s, {len(contents(whole))} files", flush=True)
        while fell.total() < kills or not chains:
            process, number = (
                started(folder, job),
                lots.choice([signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT]),
            )
            try:
                process.wait(lots.uniform(0.5, 0.4 * lasts) if fell.total() < kills else None)
            except subprocess.TimeoutExpired:
                sent = time.monotonic()
                process.send_signal(number)
                process.wait()
                waits[number.name].append(time.monotonic() - sent)
            said = process.stderr.read() if process.stderr else ""
            # A signal before the command listens to signals ends it at once: nothing has begun
            # then.
            if process.returncode in (EXIT[number], -number):
                fell[number.name] += 1
            elif process.returncode:
                wrong.append(f"exit code {process.returncode} after {number.name}: {said}")
                print(wrong[-1])
                if fell.total() >= kills:
                    break
            elif not partial(folder).exists() and folder.exists():
                chains += 1
                same = contents(folder) == contents(whole)
                if not same:
                    wrong.append(f"chain {chains}: other bytes")
                print(
                    f"chain {chains}: whole after {fell.total()} kills in all,"
                    f" {'the same bytes' if same else 'DIFFERENT'}",
                    flush=True,
                )
                shutil.rmtree(folder)
    for name, seconds in sorted(waits.items()):
        print(
            f"{name}: {fell[name]} times; gone within {max(seconds):.2f} s (mean"
            f" {sum(seconds) / len(seconds):.2f} s)"
        )
    return wrong


def main() -> None:
    """Parse, kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--population", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.exit(1 if kill(options.kills, options.replicates, options.population, options.seed) else 0)


def partial(folder: Path) -> Path:
    """Folder of an incomplete run."""
    return folder.with_name(folder.name + ".partial")


if __name__ == "__main__":
    main()
