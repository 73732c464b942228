"""Damage to the kernel cache, and limits of machines.

Each try is a tiny run whose tables must be correct.

    python scripts/stress/attack_cache.py [--tries 50] [--seed 0] [--only WORDS]

Kinds of damage take turns on random files. Limits of processes and unusual surroundings follow. A
try fails if the command ends by a signal, with a traceback, or with more than one line. It also
fails if a table differs from the reference. Some kinds need root, and are left out otherwise. The
script writes `results/attack/cache/`.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from evosim.claims import study
from evosim.claims.experiments import build_packaged
from evosim.kernels.compilation import FOLDER
from evosim.runtime.forked_processes import environment

COMMAND = (sys.executable, "-m", "evosim.cli", "run", "micro", "--set", "optimizer.population=30")
PATIENCE = 600.0  # seconds after which a command counts as hanging
GIB = 2**30
Damage = Callable[[Path, Path, random.Random], object]


def flipped(file: Path, dice: random.Random) -> None:
    """Flip one bit."""
    content = bytearray(file.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    file.write_bytes(content)


def swapped(one: Path, other: Path) -> None:
    """Give each file the other's content."""
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def replaced(file: Path, make: Callable[[Path], object]) -> None:
    """Replace a file by something else."""
    shutil.rmtree(file) if file.is_dir() else file.unlink()
    make(file)


DAMAGE: dict[str, Damage] = {
    "emptied": lambda file, other, dice: file.write_bytes(b""),
    "truncated": lambda file, other, dice: file.write_bytes(
        file.read_bytes()[: dice.randrange(file.stat().st_size)]
    ),
    "a bit flipped": lambda file, other, dice: flipped(file, dice),
    "noise": lambda file, other, dice: file.write_bytes(dice.randbytes(1000)),
    "two files swapped": lambda file, other, dice: swapped(file, other),
    "removed": lambda file, other, dice: file.unlink(),
    "a folder in its place": lambda file, other, dice: replaced(file, Path.mkdir),
    "a pipe in its place": lambda file, other, dice: replaced(file, os.mkfifo),
    "a link in its place": lambda file, other, dice: replaced(
        file, lambda path: path.symlink_to(other)
    ),
    "writable by others": lambda file, other, dice: file.chmod(0o666),
    "not readable": lambda file, other, dice: file.chmod(0),
    "another owner": lambda file, other, dice: os.chown(file, 54_321, 54_321),
}
FOLDERS: dict[str, Callable[[Path], object]] = {
    "folder writable by others": lambda folder: folder.chmod(0o777),
    "folder above writable by others": lambda folder: folder.parent.chmod(0o777),
    "folder read-only": lambda folder: folder.chmod(0o500),
    "folder of another owner": lambda folder: os.chown(folder, 54_321, 54_321),
    "a file in the folder's place": lambda folder: replaced(folder, Path.touch),
    "every file emptied": lambda folder: [
        file.write_bytes(b"") for file in sorted(folder.glob("*.nbc"))[:3]
    ],
}
ROOT_ONLY = ("another owner", "folder of another owner")
# Settings, variables, and whether the run must succeed. Otherwise it must be refused in one line.
LIMITS: dict[str, tuple[dict[int, int], dict[str, str | None], bool]] = {
    "ulimit -v 0.3 GiB": ({resource.RLIMIT_AS: GIB * 3 // 10}, {}, False),
    "ulimit -v 1 GiB": ({resource.RLIMIT_AS: GIB}, {}, False),
    "ulimit -v 4 GiB": ({resource.RLIMIT_AS: 4 * GIB}, {}, True),
    "ulimit -n 30": ({resource.RLIMIT_NOFILE: 30}, {}, True),
    "ulimit -f 1 kB": ({resource.RLIMIT_FSIZE: 1024}, {}, False),
    "no HOME": ({}, {"HOME": None}, True),
    "HOME that is not there": ({}, {"HOME": "/nonexistent"}, True),
    "TMPDIR that is not there": ({}, {"TMPDIR": "/nonexistent"}, True),
    "LC_ALL=C": ({}, {"LC_ALL": "C"}, True),
    "COLUMNS=20": ({}, {"COLUMNS": "20"}, True),
    "PYTHONSAFEPATH": ({}, {"PYTHONSAFEPATH": "1"}, True),
}


class Bench:
    """An intact cache, the reference, and the result of each try."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice, self.rows = folder, random.Random(seed), list[dict[str, object]]()
        self.cache, self.number = folder / "cache", 0
        if FOLDER:  # compiled kernels need not be compiled again
            shutil.copytree(FOLDER, self.cache / FOLDER.name)
        done, self.reference = self.run(self.cache)
        if done.returncode:
            raise RuntimeError(f"the reference must be made, but is not: {done.stderr}")

    def run(
        self,
        cache: Path,
        limits: dict[int, int] | None = None,
        variables: dict[str, str | None] | None = None,
        *more: str,
    ) -> tuple[subprocess.CompletedProcess[str], Path]:
        """Run the command with a cache, limits and variables; return the process and its folder."""
        self.number += 1
        out = self.folder / f"run-ä{self.number}"
        known = (
            environment()
            | {"NUMBA_CACHE_DIR": str(cache), "TMPDIR": str(self.folder)}
            | (variables or {})
        )

        def limit() -> None:
            for what, most in (limits or {}).items():
                resource.setrlimit(what, (most, most))

        command = [*COMMAND, "--out", str(out), *(more or ("--no-figures",))]
        env = {name: value for name, value in known.items() if value is not None}
        return (
            subprocess.run(
                command,
                capture_output=True,
                text=True,
                env=env,
                preexec_fn=limit,
                timeout=PATIENCE,
                check=False,
                errors="replace",
            ),
            out,
        )

    def judge(
        self, kind: str, done: subprocess.CompletedProcess[str], out: Path, *, succeeds: bool = True
    ) -> None:
        """Keep what came of a try."""
        said = [line for line in done.stderr.splitlines() if line.strip()]
        why = ""
        if "Traceback" in done.stderr or done.returncode < 0 or done.returncode not in (0, 2):
            why = f"exit code {done.returncode}: {(said or [''])[-1]}"
        elif done.returncode and (succeeds or len(said) != 1):
            why = f"refused in {len(said)} lines: {(said or [''])[0]}"
        elif not done.returncode and not self.same(out):
            why = "tables differ from the reference"
        elif not done.returncode and not succeeds:
            why = "it must be refused, but is not"
        self.rows.append({"kind": kind, "failed": why})
        print(f"{kind}: {why or 'right'}", flush=True)
        shutil.rmtree(out, ignore_errors=True)

    def same(self, out: Path) -> bool:
        """Whether all tables of a run are the reference's, byte for byte."""
        names = sorted(
            path.relative_to(self.reference) for path in self.reference.rglob("*.parquet")
        )
        return all(
            (out / name).is_file()
            and (out / name).read_bytes() == (self.reference / name).read_bytes()
            for name in names
        )

    def copy(self) -> tuple[Path, Path]:
        """A copy of the cache, and the folder of kernels in it."""
        cache = self.folder / f"cache-{self.number}"
        shutil.copytree(self.cache, cache)
        (kernels,) = cache.glob("kernels-*")
        return cache, kernels


def attack(bench: Bench, tries: int, only: str) -> None:
    """Try damage, then limits."""
    root = os.getuid() == 0
    kinds = [kind for kind in DAMAGE if only in kind and (root or kind not in ROOT_ONLY)]
    for kind in [kinds[i % len(kinds)] for i in range(tries)] if kinds else []:
        cache, kernels = bench.copy()
        one, other = bench.dice.sample(sorted(kernels.glob("*.nbc")), 2)
        DAMAGE[kind](one, other, bench.dice)
        bench.judge(kind, *bench.run(cache))
        shutil.rmtree(cache)
    for kind, damage in FOLDERS.items():
        if only in kind and (root or kind not in ROOT_ONLY):
            cache, kernels = bench.copy()
            # The second place is warm, so that a refusal costs no compilation.
            second = bench.folder / f"evosim-{os.getuid()}"
            if not second.exists():
                shutil.copytree(bench.cache, second)
            damage(kernels)
            bench.judge(
                kind, *bench.run(cache, None, {"HOME": "/nonexistent", "XDG_CACHE_HOME": None})
            )
            shutil.rmtree(cache)
    for kind, (limits, variables, succeeds) in LIMITS.items():
        if only in kind:
            bench.judge(kind, *bench.run(bench.cache, limits, variables), succeeds=succeeds)
    if only in "figures with ulimit -v 4 GiB":
        bench.judge(
            "figures with ulimit -v 4 GiB",
            *bench.run(bench.cache, {resource.RLIMIT_AS: 4 * GIB}, None, "--figures"),
        )


def main() -> None:
    """Attack, and store the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tries", type=int, default=50, help="damaged files; limits are tried once each"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", default="", help="kinds whose name has these words; nothing is kept then"
    )
    chosen = parser.parse_args()
    stored = None if chosen.only else study.Study("attack/cache", build_packaged("micro"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        bench = Bench(Path(temporary), chosen.seed)
        attack(bench, chosen.tries, chosen.only)
    rows = pl.DataFrame(bench.rows, schema={"kind": pl.String, "failed": pl.String})
    failures = pl.col("failed").str.len_chars() > 0
    table = rows.group_by("kind", maintain_order=True).agg(
        tries=pl.len(), failures=failures.sum(), reason=pl.col("failed").filter(failures).first()
    )
    if stored is None:
        print(table)
    else:
        stored.store({"cache": table}, random_seed=chosen.seed)
    if table["failures"].sum():
        raise SystemExit(f"{table['failures'].sum()} of {len(rows)} tries failed")


if __name__ == "__main__":
    main()
