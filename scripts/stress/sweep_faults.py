"""Faults are planted in running sweeps, which are then resumed.

The script counts lost and duplicated runs, and compares digests.

    python scripts/stress/sweep_faults.py [--kills 100] [--seed 0] [--only WORDS]

Full and read-only disks are mounted, which needs root. It writes `results/sweep-faults/`.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import sweep_job

from evosim.claims import study
from evosim.claims.experiments import build_packaged
from evosim.runtime import atomic_files
from evosim.sweeps.check import check, repair
from evosim.sweeps.collect import collect
from evosim.sweeps.store import Store
from evosim.sweeps.worker import run_chunk

ENGINES = ("local", "dask")
PATIENCE = 300.0  # seconds after which a driver counts as hanging


@dataclass
class Row:
    """Result of one fault.

    Attributes
    ----------
    fault, engine : str
        The fault, and the engine that suffered it.
    tries : int
        Number of tries.
    sweeps : int
        Sweeps that suffered the fault and were resumed to their end.
    lost, duplicated : int
        Runs in the collected tables.
    same : int
        Sweeps whose digest and bytes equal those of an undisturbed sweep.
    one_line : int
        Drivers that ended by themselves, with one line and exit code 2.
    """

    fault: str
    engine: str
    tries: int = 0
    sweeps: int = 0
    lost: int = 0
    duplicated: int = 0
    same: int = 0
    one_line: int = 0
    seconds: float = field(default_factory=time.perf_counter)


class Bench:
    """A folder, a sweep file, what the sweep gives without any fault, and the table."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random, self.rows = folder, random.Random(seed), list[Row]()
        self.file = sweep_job.sweep_file(folder / "many.toml", generations=20)
        whole = self.end(folder / "whole")
        self.runs = whole.runs
        self.digest, self.bytes = collect(whole).digest, sweep_job.bytes_digest(whole)
        self._number = 0

    def place(self) -> Path:
        """A new folder for a sweep."""
        self._number += 1
        return self.folder / f"s{self._number}"

    def end(self, out: Path, engine: str = "local") -> Store:
        """Resume a sweep to its end."""
        driver = sweep_job.drive(self.file, out, engine, 2)
        _, said = driver.communicate(timeout=PATIENCE)
        if driver.returncode:
            raise RuntimeError(
                f"a sweep that nothing disturbs ended with {driver.returncode}: {said}"
            )
        return Store(out)

    def judge(self, row: Row, store: Store, *, remove: bool = True) -> None:
        """Count lost and duplicated runs of a finished sweep."""
        for path in check(store).stale:
            path.unlink()
        collected = collect(store)
        lost, twice = sweep_job.lost_and_duplicated(store)
        row.sweeps += 1
        row.lost += lost
        row.duplicated += twice
        row.same += (collected.digest, sweep_job.bytes_digest(store)) == (self.digest, self.bytes)
        if remove:
            shutil.rmtree(store.folder)

    @contextlib.contextmanager
    def row(self, fault: str, engine: str) -> Iterator[Row]:
        """A row of the table."""
        row = Row(fault, engine)
        yield row
        row.seconds = time.perf_counter() - row.seconds
        self.rows.append(row)
        print(row, flush=True)

    def refused(self, row: Row, driver: subprocess.Popen[str]) -> None:
        """Wait for a driver that must end with one line and exit code 2."""
        said = driver.communicate(timeout=PATIENCE)[1].splitlines()
        lines = [line for line in said if line.startswith("evosim: ")]
        row.one_line += (
            driver.returncode == 2
            and len(lines) == 1
            and not any("Traceback" in line for line in said)
        )


def logs(folder: Path) -> set[Path]:
    """Text of all processes that computed in a sweep."""
    return set(folder.glob("logs/*.jsonl"))


def wait_for_work(
    folder: Path, driver: subprocess.Popen[str], before: set[Path] | None = None
) -> None:
    """Wait until a new process computes, or the driver ends."""
    while driver.poll() is None and not logs(folder) - (before or set()):
        time.sleep(0.02)


def kills(bench: Bench, engine: str, count: int) -> None:
    """SIGKILL at random moments, sweep after sweep.

    The victim is a random worker, or the driver, whose workers stay.
    """
    with (
        bench.row("SIGKILL of workers, at random moments", engine) as worker,
        bench.row("SIGKILL of drivers, at random moments", engine) as driver_row,
    ):
        rows = {"worker": worker, "driver": driver_row}
        out, driver, hit = bench.place(), None, set[str]()
        while sum(row.tries for row in rows.values()) < count:
            if driver is None:
                before = logs(out)
                driver = sweep_job.drive(bench.file, out, engine, 2)
                if bench.random.random() < 0.8:  # otherwise it may die before any process computes
                    wait_for_work(out, driver, before)
            time.sleep(bench.random.uniform(0.0, 2.0))
            victims = sweep_job.workers_of(driver.pid)
            if driver.poll() is not None:
                driver.communicate()
                if driver.returncode == 0:
                    for name in hit:
                        bench.judge(rows[name], Store(out), remove=False)
                    out, hit = bench.place(), set()
                driver = None
            elif bench.random.random() < 0.6 and victims:
                os.kill(bench.random.choice(victims), signal.SIGKILL)
                worker.tries += 1
                hit.add("worker")
            else:
                os.kill(driver.pid, signal.SIGKILL)
                driver_row.tries += 1
                hit.add("driver")
                driver.communicate()
                driver = None
        if driver:
            driver.communicate(timeout=PATIENCE)
        store = bench.end(out, engine)
        for name in hit:
            bench.judge(rows[name], store, remove=False)


def killed_while_writing(bench: Bench) -> None:
    """SIGKILL inside a write of each of the first files.

    It comes after half of the bytes, before the renaming, or before the folder is synced.
    """
    with bench.row("SIGKILL in the middle of a write", "one process") as row:
        for moment in ("half", "written", "renamed"):
            out = bench.place()
            for write in range(8):
                sweep_job.start_sweep(bench.file, out)
                command = [
                    sys.executable,
                    __file__,
                    "--die",
                    moment,
                    str(write),
                    str(out),
                    str(bench.random.randrange(4)),
                ]
                died = subprocess.run(command, capture_output=True, text=True, cwd=sweep_job.ROOT)
                if died.returncode != -signal.SIGKILL:
                    raise RuntimeError(f"nobody died: {died.stderr}")
                row.tries += 1
                if check(Store(out)).damaged:
                    raise RuntimeError(
                        f"a chunk is damaged after a SIGKILL ({moment} of write {write})"
                    )
            bench.judge(row, bench.end(out))


def die(moment: str, write: int, out: Path, chunk: int) -> None:
    """In a separate process, compute chunks and die in the middle of a write.

    Finished runs are written all the time.
    """
    from evosim.sweeps import run_checkpoints
    from evosim.sweeps import worker as sweeps_worker

    run_checkpoints.WRITE_EVERY, sweeps_worker.WRITE_SHARE = 0.0, 0
    left = [write]
    real_open, real_replace, real_sync = open, os.replace, atomic_files.sync_folder

    def now() -> bool:
        left[0] -= 1
        return left[0] < 0

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    class Half:
        """A file that dies in the middle."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, data: bytes) -> None:
            """Half of it."""
            if now():
                self._file.write(data[: len(data) // 2])
                self._file.flush()
                kill()
            self._file.write(data)

    def replace(*paths: Any) -> None:
        if moment == "written" and now():
            kill()
        real_replace(*paths)

    def sync(folder: Path) -> None:
        if moment == "renamed" and now():
            kill()
        real_sync(folder)

    if moment == "half":
        vars(atomic_files)["open"] = lambda *arguments: Half(real_open(*arguments))
    vars(atomic_files)["_replace"], vars(atomic_files)["sync_folder"] = replace, sync
    store = Store(out)
    todo = [c for c in range(store.chunks) if not store.is_done(c)]
    for each in todo[chunk:]:
        run_chunk(out, each)


@contextlib.contextmanager
def disk(bench: Bench, size: str) -> Iterator[Path]:
    """A small disk in memory."""
    place = bench.place()
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        for _ in range(50):  # workers of a driver that died may still be there
            if subprocess.run(["umount", str(place)], capture_output=True).returncode == 0:
                break
            time.sleep(0.2)


def full_disk(bench: Bench, engine: str, tries: int) -> None:
    """A disk that fills up while the sweep runs. Then space is freed."""
    with bench.row("full disk, then room made", engine) as row:
        for _ in range(tries):
            with disk(bench, f"{bench.random.randrange(100, 700)}k") as place:
                driver = sweep_job.drive(bench.file, place / "s", engine, 2)
                bench.refused(row, driver)
                row.tries += 1
                if list((place / "s").rglob("*.tmp")):
                    raise RuntimeError("a full disk left something half-written")
                subprocess.run(["mount", "-o", "remount,size=100m", str(place)], check=True)
                bench.judge(row, bench.end(place / "s", engine))


def read_only(bench: Bench, engine: str, tries: int) -> None:
    """A disk that becomes read-only while the sweep runs, then it is made writable."""
    with bench.row("folder made read-only, then writable", engine) as row:
        for _ in range(tries):
            with disk(bench, "100m") as place:
                driver = sweep_job.drive(bench.file, place / "s", engine, 2)
                wait_for_work(place / "s", driver)
                time.sleep(bench.random.uniform(0.0, 2.0))
                while subprocess.run(
                    ["mount", "-o", "remount,ro", str(place)], capture_output=True
                ).returncode:
                    time.sleep(0.005)  # a file is open this moment
                bench.refused(row, driver)
                row.tries += 1
                subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
                bench.judge(row, bench.end(place / "s", engine))


def two_drivers(bench: Bench, both: tuple[str, str], tries: int) -> None:
    """Two drivers that start on one folder at once."""
    with bench.row("two drivers started on one folder", " and ".join(both)) as row:
        for _ in range(tries):
            out = bench.place()
            for driver in [sweep_job.drive(bench.file, out, engine, 2) for engine in both]:
                _, said = driver.communicate(timeout=PATIENCE)
                if driver.returncode:
                    raise RuntimeError(f"one of two drivers ended with {driver.returncode}: {said}")
            row.tries += 1
            bench.judge(row, Store(out))


def truncated(bench: Bench, engine: str, tries: int) -> None:
    """A file of a finished chunk is truncated, or emptied.

    `check --repair` repairs it, and the sweep is resumed.
    """
    with bench.row("truncated chunk, found and repaired", engine) as row:
        out = bench.place()
        shutil.copytree(bench.folder / "whole", out)
        for _ in range(tries):
            store = Store(out)
            path = bench.random.choice(
                sorted(path for path in (out / "parts").rglob("chunk-*") if path.is_file())
            )
            path.write_bytes(
                path.read_bytes()[
                    : bench.random.choice([0, bench.random.randrange(path.stat().st_size)])
                ]
            )
            report = check(store)
            if report.sound and not report.missing:
                raise RuntimeError(f"{path} was truncated, and this was not noticed")
            repair(store, report)
            row.tries += 1
            bench.judge(row, bench.end(out, engine), remove=False)


def on_slurm(bench: Bench, tries: int) -> None:
    """Jobs of Slurm are cancelled.

    Tasks of an array are submitted again. Workers of the engine are replaced by it.
    """
    with sweep_job.slurm_node(bench.folder / "slurm"):
        with bench.row("tasks of a Slurm array killed, array submitted again", "array") as row:
            for _ in range(tries):
                out = bench.place()
                answer = sweep_job.evosim(
                    "sweep", "script", bench.file, "--out", out, "--slurm", "--tasks", "3"
                )
                script = out.with_suffix(".sh")
                script.write_text(
                    subprocess.run(
                        answer, capture_output=True, text=True, check=True, cwd=sweep_job.ROOT
                    ).stdout
                )
                subprocess.run(["sbatch", str(script)], capture_output=True, check=True)
                while not list(out.glob("logs/*.jsonl")):
                    time.sleep(0.05)
                time.sleep(bench.random.uniform(0.0, 2.0))
                subprocess.run(
                    ["scancel", "--full", "--signal=KILL", *sweep_job.jobs()], capture_output=True
                )
                row.tries += 1
                while sweep_job.jobs():
                    time.sleep(0.2)
                sweep_job.submit(script)
                bench.judge(row, Store(out))
        with bench.row("jobs of the engine killed, replaced by it", "slurm") as row:
            for _ in range(tries):
                out = bench.place()
                driver = sweep_job.drive(bench.file, out, "slurm", 2, "--address", "lo")
                wait_for_work(out, driver)
                time.sleep(bench.random.uniform(0.0, 2.0))
                subprocess.run(
                    ["scancel", bench.random.choice(sweep_job.jobs())], capture_output=True
                )
                row.tries += 1
                _, said = driver.communicate(timeout=PATIENCE)
                if driver.returncode:
                    raise RuntimeError(f"engine slurm ended with {driver.returncode}: {said}")
                bench.judge(row, Store(out))


def faults(bench: Bench, killed: int) -> dict[str, Callable[[], None]]:
    """All faults, by name."""
    out: dict[str, Callable[[], None]] = {}
    for engine in ENGINES:
        out[f"kills {engine}"] = lambda engine=engine: kills(bench, engine, killed // 2)  # type: ignore[misc]
        out[f"full {engine}"] = lambda engine=engine: full_disk(bench, engine, 3)  # type: ignore[misc]
        out[f"read-only {engine}"] = lambda engine=engine: read_only(bench, engine, 3)  # type: ignore[misc]
        out[f"truncated {engine}"] = lambda engine=engine: truncated(bench, engine, 10)  # type: ignore[misc]
    for both in (("local", "local"), ("local", "dask"), ("dask", "dask")):
        out[f"two {both}"] = lambda both=both: two_drivers(bench, both, 2)  # type: ignore[misc]
    out["write"] = lambda: killed_while_writing(bench)
    out["slurm"] = lambda: on_slurm(bench, 3)
    return out


def main() -> None:
    """Plant every fault, and store the table."""
    if sys.argv[1:2] == ["--die"]:
        moment, write, out, chunk = sys.argv[2:]
        die(moment, int(write), Path(out), int(chunk))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="faults whose name has these words; nothing is kept then")
    chosen = parser.parse_args()
    if os.geteuid():
        raise SystemExit(os.strerror(errno.EPERM) + ": disks are mounted, which needs root")
    stored = study.Study("sweep-faults", build_packaged("micro"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        bench = Bench(Path(temporary), chosen.seed)
        for name, plant in faults(bench, chosen.kills).items():
            if not chosen.only or chosen.only in name:
                plant()
        table = pl.DataFrame([vars(row) for row in bench.rows])
        if chosen.only:
            print(table)
            return
        stored.store(
            {"faults": table},
            runs_each=bench.runs,
            random_seed=chosen.seed,
            digest_of_the_sweep=bench.digest,
        )
        bad = [row for row in bench.rows if row.lost or row.duplicated or row.same < row.sweeps]
        if bad:
            raise RuntimeError(f"not all is well: {bad}")


if __name__ == "__main__":
    main()
