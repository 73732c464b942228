"""Attack the folders of runs: kills, mount points, links, full disks, suspended and orphaned
workers.

Nothing may be blocked, lost, overwritten or half written, and each refusal is one line with exit
code 2.

    python scripts/stress/attack_runs.py --tries 100

Disks are mounted in memory, which needs root on Linux. Keeps `results/attack/runs/attacks.csv`:
tries and failures of each attack. The default number of tries takes about five minutes on two
processors that do nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
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

import kills
import polars as pl
import psutil
import sweep_job

from evosim.claims import study
from evosim.claims.experiments import build_packaged
from evosim.runs.figures import figures_missing
from evosim.runs.folder import RunWriter

ROOM = "200m"
QUICK = (
    "--set",
    "optimizer.population=40",
    "--set",
    "phases.0.generations=10",
    "--set",
    "phases.1.generations=3",
)


@dataclass
class Row:
    """One attack.

    Attributes:
        attack: what was done.
        tries: how often.
        failures: how often something was blocked, lost, half written, or not said in one line.
        reasons: of the failures.
    """

    attack: str
    tries: int = 0
    failures: int = 0
    reasons: list[str] = field(default_factory=list)

    def count(self, wrong: str) -> None:
        """Count a try, which failed if something was wrong."""
        self.tries += 1
        if wrong:
            self.failures += 1
            self.reasons.append(wrong)


def evosim(*arguments: str | Path, here: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    return subprocess.run(
        sweep_job.evosim(*arguments),
        cwd=here,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The fault of a refusal, which must be one line with exit code 2; empty without a fault."""
    said = [line for line in done.stderr.splitlines() if line.startswith("evosim: ")]
    if "Traceback" in done.stderr:
        return f"a traceback: {done.stderr.splitlines()[-1]}"
    if done.returncode not in (0, 2) or (done.returncode == 2 and not said):
        return f"exit code {done.returncode}: {done.stderr[-300:]}"
    return ""


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """Defects of a command that must succeed."""
    return "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stderr[-300:]}"


@contextlib.contextmanager
def disk(place: Path, size: str) -> Iterator[Path]:
    """A small disk in memory."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


def first_moment(row: Row, scratch: Path, tries: int, lots: random.Random) -> None:
    """SIGKILL within milliseconds of the first file; the next process must not be blocked."""
    chosen = build_packaged("micro").experiment
    RunWriter(scratch / "warm", chosen).discard()
    for number in range(tries):
        folder = scratch / f"first{number}"
        child = os.fork()
        if not child:
            RunWriter(folder, chosen)
            time.sleep(10)
        time.sleep(lots.uniform(0.0, 0.006))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        try:
            RunWriter(folder, chosen).discard()
            row.count(
                ""
                if not folder.with_name(f"{folder.name}.partial").exists()
                else "something is left"
            )
        except Exception as error:
            row.count(str(error))


def random_kills(row: Row, scratch: Path, tries: int, lots: random.Random) -> None:
    """Runs killed at random moments and resumed to equal bytes (`kills.py`)."""
    wrong = kills.kill(tries, replicates=2, population=300, seed=lots.randrange(1000))
    row.tries, row.failures, row.reasons = tries, len(wrong), wrong


def mounts_and_links(row: Row, scratch: Path, tries: int, lots: random.Random) -> None:
    """`--out` is a mount point, or a link to a folder or to nothing. Files of a user stay."""
    with disk(scratch / "disk", ROOM) as place:
        (scratch / "link").symlink_to(place)
        (place / "run").mkdir()
        (scratch / "nowhere").symlink_to(scratch / "gone")
        sweep = sweep_job.sweep_file(scratch / "sweep.toml", cells=20, generations=5)
        for out in (place / "run", scratch / "link" / "run"):
            (scratch / "to").unlink(missing_ok=True)
            (scratch / "to").symlink_to(out)
            for target in (out, scratch / "to"):
                row.count(
                    succeeded(
                        evosim("run", "micro", *QUICK, "--out", target, "--force", here=scratch)
                    )
                )
                (out / "notes.txt").write_text("mine")
                row.count(
                    ""
                    if (scratch / "to").is_symlink() and (out / "tables").is_dir()
                    else "the link is gone"
                )
        row.count("" if (place / "run" / "notes.txt").is_file() else "a file of the user is gone")
        for target in (place / "sweep", scratch / "link" / "sweep"):
            row.count(succeeded(evosim("sweep", "run", sweep, "--out", target, here=scratch)))
        for command in (
            ("run", "micro"),
            ("run", "lava"),
            ("sweep", "run", sweep),
            ("claims", "theorem"),
            ("export", place / "run"),
        ):
            done = evosim(*command, "--out", scratch / "nowhere", here=scratch)
            row.count(
                refused(done)
                or (
                    ""
                    if done.returncode == 2 and "mkdir -p" in done.stderr
                    else f"not refused: {done.stderr}"
                )
            )
    with disk(scratch / "disk", ROOM) as place:
        for more in ((), ("--force",)):
            row.count(
                succeeded(
                    evosim(
                        "run", "micro", *QUICK, "--no-figures", "--out", place, *more, here=scratch
                    )
                )
            )
        row.count(succeeded(evosim("report", place, "--out", place / "report.html", here=scratch)))
    for name in ("link", "to", "nowhere"):
        (scratch / name).unlink()


def full_disks(row: Row, scratch: Path, tries: int, lots: random.Random) -> None:
    """Fill the disk during each command; then make room, and the same command must complete."""
    sweep = sweep_job.sweep_file(scratch / "small.toml", cells=20, generations=5)
    run, swept = scratch / "whole", scratch / "swept"
    for done in (
        evosim("run", "micro", *QUICK, "--no-figures", "--out", run, here=scratch),
        evosim("sweep", "run", sweep, "--out", swept, here=scratch),
    ):
        if done.returncode:
            raise RuntimeError(done.stderr)
    commands: list[tuple[str | Path, ...]] = [
        ("run", "micro", *QUICK, "--out", "new"),
        ("run", "micro", *QUICK, "--out", "run"),
        ("run", "claim-06-demons", "--out", "search"),
        ("analyze", "run"),
        ("figures", "run", "--format", "svg,html"),
        ("report", "run"),
        ("export", "run"),
        ("compare", "run", run, "--figures"),
        ("sweep", "run", sweep, "--out", "new"),
        ("sweep", "analyze", "swept"),
        ("sweep", "figures", "swept"),
        ("sweep", "collect", "swept"),
        ("claims", "theorem", "--out", "claims"),
        ("new", "world", "tide_pools"),
    ]
    for number in range(tries):
        command = commands[number % len(commands)]
        with disk(scratch / "disk", ROOM) as place:
            shutil.copytree(run, place / "run")
            shutil.copytree(swept, place / "swept")
            used = shutil.disk_usage(place).used // 1024
            subprocess.run(
                ["mount", "-o", f"remount,size={used + 4 * lots.randrange(1, 40)}k", str(place)],
                check=True,
            )
            wrong = refused(evosim(*command, here=place))
            left = list(place.rglob(".*.tmp"))
            subprocess.run(["mount", "-o", f"remount,size={ROOM}", str(place)], check=True)
            # It was written, and is not written over
            if command[0] == "new" and (place / "tide_pools").is_dir():
                shutil.rmtree(place / "tide_pools")
            again = evosim(*command, here=place)
            # The output of the first call blocks the second one
            if again.returncode and "--force" in again.stderr:
                again = evosim(*command, "--force", here=place)
            wrong = wrong or (f"left {left[0]}" if left else "") or succeeded(again)
            if command[:3] == ("run", "micro", "--set") and figures_missing(
                place / str(command[-1])
            ):
                wrong = wrong or "figures are missing"
            row.count(wrong and f"{' '.join(map(str, command[:2]))}: {wrong}")


def orphans(row: Row, scratch: Path, tries: int, lots: random.Random) -> None:
    """The parent of workers is killed; they end.

    A suspended worker of a sweep, and Ctrl-C: the driver ends, and so does the worker.
    """
    sweep = sweep_job.sweep_file(scratch / "long.toml", cells=20, generations=3000)
    for number in range(tries):
        claims = number % 2 == 0
        here = scratch / f"orphans{number}"
        here.mkdir()
        arguments = (
            ("claims", "mazes", "--workers", "2")
            if claims
            else ("sweep", "run", sweep, "--out", "s", "--workers", "2")
        )
        driver = subprocess.Popen(
            sweep_job.evosim(*arguments),
            cwd=here,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not (workers := sweep_job.workers_of(driver.pid)) and driver.poll() is None:
            time.sleep(0.05)
        time.sleep(lots.uniform(0.0, 3.0))
        everyone = (
            psutil.Process(driver.pid).children(recursive=True) if driver.poll() is None else []
        )
        if claims or lots.random() < 0.5:
            driver.kill()
        else:
            os.kill(workers[0], signal.SIGSTOP)
            driver.send_signal(signal.SIGINT)
        try:
            driver.communicate(timeout=60)
            _, alive = psutil.wait_procs(everyone, timeout=30)
        except subprocess.TimeoutExpired:
            driver.kill()
            alive = everyone
        row.count(f"{arguments[0]}: {len(alive)} processes are left" if alive else "")
        for process in alive:
            process.kill()


ATTACKS: dict[str, tuple[Callable[[Row, Path, int, random.Random], None], int]] = {
    "SIGKILL in the first moment of a run": (first_moment, 1),
    "SIGKILL, SIGTERM and SIGINT at random moments, resumed": (random_kills, 2),
    "mount points and links": (mounts_and_links, 1),
    "full disk in every command, then room made": (full_disks, 4),
    "workers orphaned or suspended": (orphans, 20),
}


def main() -> None:
    """Attack, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--tries",
        type=int,
        default=60,
        help="Of the first attack; others take a part of it, because they are longer.",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", default="", help="Attacks whose name has these words; nothing is kept then."
    )
    chosen = parser.parse_args()
    if os.geteuid():
        raise SystemExit("disks are mounted, which needs root")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    stored, rows = study.Study("attack/runs", build_packaged("micro")), []
    for name, (attack, share) in ATTACKS.items():
        if chosen.only in name:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
                row = Row(name)
                attack(row, Path(scratch), -(-chosen.tries // share), random.Random(chosen.seed))
            rows.append(row)
            print(row, flush=True)
    table = pl.DataFrame(
        [
            {
                "attack": r.attack,
                "tries": r.tries,
                "failures": r.failures,
                "reasons": "; ".join(r.reasons),
            }
            for r in rows
        ]
    )
    if not chosen.only:
        stored.store({"attacks": table}, random_seed=chosen.seed)
    sys.exit(1 if table["failures"].sum() else 0)


if __name__ == "__main__":
    main()
