"""Make every stored table and figure again in a new folder, and compare the tables.

Tables are compared cell by cell. Numbers may differ in the last written digit, because processors
add the terms of means and intervals in different orders. Benchmarks depend on the machine: they run
with --benches alone and are not compared. The exit code is 1 if anything differs or fails.

Run: scripts/studies/reproduce.sh [--list] [--only NAME ...] [--benches] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from evosim import __version__
from evosim.claims.stored_results import (
    Job,
    JobTime,
    format_seconds,
    latest_times,
    read_jobs,
    record_times,
    recorded_times,
)
from evosim.runs.source_hash import sources_digest
from evosim.runtime.machine import processors

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "results"
TOLERANCE = 2e-6  # tables are written with six decimals
LARGE = 1e-9  # relative, of numbers that are written with more digits
JOBS = read_jobs(ROOT / "scripts")


def print_jobs(jobs: list[Job]) -> None:
    """Print jobs with the time they took last, and the sum."""
    known, total, unknown = latest_times(JOBS, KEPT), 0.0, []
    for job in jobs:
        row = known.get(job.name)
        if row is None:
            unknown.append(job.name)
            print(f"{job.name:20} {'?':>7}  {job.makes}  [time not known]")
            continue
        total += row.seconds
        on = f"on {row.processors} processors, load {row.load or '?'}, " if row.processors else ""
        when = f"{on}{row.when[:10]}: {row.outcome}"
        print(f"{job.name:20} {format_seconds(row.seconds):>7}  {job.makes}  [{when}]")
    print(
        f"\n{len(jobs)} jobs, {format_seconds(total)} when they were last done"
        + (f", and {', '.join(unknown)}" if unknown else ""),
        flush=True,
    )


def run(job: Job, out: Path) -> float:
    """Run a job into a folder and return its seconds. Raises `SystemExit` if it fails."""
    environment = os.environ | {
        "EVOSIM_RESULTS": str(out),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    log, start = out / f"{job.name}.log", time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            job.command(out),
            cwd=out,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        print(*log.read_text(encoding="utf-8").splitlines()[-15:], sep="\n", file=sys.stderr)
        raise SystemExit(f"{job.name} failed with {done.returncode}. All it said: {log}")
    return time.monotonic() - start


def differences(new: Path, stored: Path) -> list[str]:
    """Differences between the tables below a folder and the stored ones."""
    names = sorted(
        {
            str(path.relative_to(folder))
            for folder in (new, stored)
            for path in folder.rglob("*.csv")
        }
    )
    out = []
    for name in names:
        if not (new / name).is_file() or not (stored / name).is_file():
            out.append(f"{name}: only {'kept' if (stored / name).is_file() else 'made now'}")
        elif (new / name).read_bytes() != (stored / name).read_bytes():
            out += [
                f"{name}: {words}"
                for words in cells_apart(
                    pl.read_csv(new / name, infer_schema_length=None),
                    pl.read_csv(stored / name, infer_schema_length=None),
                )
            ]
    return out


def cells_apart(new: pl.DataFrame, stored: pl.DataFrame) -> list[str]:
    """Differences between two tables beyond the last written digit."""
    if new.columns != stored.columns or new.height != stored.height:
        return [
            f"{new.height} rows of {len(new.columns)} columns, kept are {stored.height} of"
            f" {len(stored.columns)}"
        ]
    out = []
    for name in new.columns:
        a, b = new[name], stored[name]
        if a.dtype.is_numeric() and b.dtype.is_numeric():
            apart = (a - b).abs().cast(pl.Float64)
            differ = (apart > TOLERANCE + LARGE * b.abs()).fill_null(False) | (
                a.is_null() != b.is_null()
            )
        else:
            differ = a.cast(pl.String).ne_missing(b.cast(pl.String))
        if differ.any():
            at = int(differ.arg_max() or 0)
            out.append(
                f"column {name}, {int(differ.sum())} of {new.height} rows, first in row {at + 1}:"
                f" {a[at]}, kept is {b[at]}"
            )
    return out


def main() -> None:
    """List jobs, or run them, compare the tables and record the times."""
    parser = argparse.ArgumentParser(
        prog="scripts/studies/reproduce.sh", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--list", action="store_true", help="list jobs, their results and times, and stop"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=[job.name for job in JOBS], help="these alone"
    )
    parser.add_argument(
        "--benches",
        action="store_true",
        help=(
            "benchmarks and fault tests as well (they need the extra 'bench', and are not compared)"
        ),
    )
    parser.add_argument(
        "--out", type=Path, help="an empty or new folder (default: results/runs/reproduced-TIME)"
    )
    parser.add_argument(
        "--note-times",
        action="store_true",
        help="put the times into results/times.csv when all is done",
    )
    given = parser.parse_args()
    jobs = (
        [job for job in JOBS if job.name in given.only]
        if given.only
        else [job for job in JOBS if job.compared or given.benches]
    )
    print_jobs(jobs)
    if given.list:
        return
    out = (given.out or KEPT / "runs" / f"reproduced-{datetime.now(UTC):%Y%m%d-%H%M%S}").resolve()
    if out.exists() and any(out.iterdir()):
        parser.error(f"--out must be an empty or new folder, but {out} holds files. Give another.")
    out.mkdir(parents=True, exist_ok=True)
    print(f"into {out}\n", flush=True)
    apart, known, taken = {}, recorded_times(out), 0.0
    for job in jobs:
        seconds = run(job, out)
        taken += seconds
        different = differences(out / job.name, KEPT / job.name) if job.compared else []
        outcome = (
            "not compared"
            if not job.compared
            else f"{len(different)} differences"
            if different
            else "as kept"
        )
        known[job.name] = JobTime(
            seconds,
            datetime.now(UTC).isoformat(timespec="seconds"),
            outcome,
            processors(batch=False),
            os.getloadavg()[2],
            platform.platform(),
            __version__,
            sources_digest(),
        )
        record_times(out, JOBS, known)
        if given.note_times:
            record_times(KEPT, JOBS, recorded_times(KEPT) | {job.name: known[job.name]})
        print(
            f"{job.name:20} {format_seconds(seconds):>7}  {outcome}",
            *(f"\n    {line}" for line in different),
            sep="",
            flush=True,
        )
        if different:
            apart[job.name] = different
    print(f"\n{format_seconds(taken)} in all")
    if given.note_times:
        print("results/README.md quotes these times: run python scripts/docs/build_documents.py")
    if apart:
        raise SystemExit(f"not as kept: {', '.join(apart)}. New tables and figures: {out}")
    compared = sum(job.compared for job in jobs)
    print(f"{compared} of {len(jobs)} compared, all as kept. Tables and figures: {out}")


if __name__ == "__main__":
    main()
