"""Compare the results of two checkouts: every packaged experiment at a small size, and one sweep.

    python scripts/stress/same_results.py OTHER

OTHER is the folder of another checkout. Each experiment runs once with each code, in separate
processes of this Python. All tables of a run, its controls and accounts are compared as bytes.
Summaries are compared as JSON. Differences are printed, cell by cell if the tables have the same
columns. Times, versions and digests of sources may differ. The exit code is 1 if anything else
does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import polars as pl

ROOT = Path(__file__).resolve().parents[2]
GENERATIONS = 60  # of each phase: enough for what is introduced in generation 50
VARIABLE = {
    "elapsed_s",
    "seconds",
    "analysis_seconds",
    "same_code",
    "folder",
    "out",
    "peak_memory_mib",
}
SWEEP = """
name = "same-results"
experiment = "micro"
replicates = 5
keep = ["ladder", "ledger", "generations"]
[set]
phases.0.generations = 20
[grid]
optimizer.population = [20, 60]
genome.discount = [0.9, 0.95]
"""


def main() -> None:
    """Run, compare, and print the differences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, metavar="OTHER", help="the folder of another checkout")
    parser.add_argument("--only", default="", help="experiments whose name has this in it")
    chosen = parser.parse_args()
    if not (chosen.other / "evosim").is_dir():
        parser.error(
            f"OTHER must be the folder of a checkout, with a folder evosim, but {chosen.other} has"
            " none"
        )
    # Claims are families of runs of these experiments; `evosim claims` runs them.
    packaged = sorted(
        path.stem
        for path in (ROOT / "evosim" / "experiments").glob("*.toml")
        if not path.stem.startswith("claim-")
    )
    names = [name for name in [*packaged, "sweep"] if chosen.only in name]
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            here, there = (
                results(Path(scratch) / f"{name}-{side}", name, checkout.resolve())
                for side, checkout in (("here", ROOT), ("other", chosen.other))
            )
            if isinstance(here, str) or isinstance(there, str):
                different, equal = [f"not run: {here}; {there}"], 0
            else:
                different, equal = differences(here, there), len(files(here))
            bad += bool(different)
            print(f"{name:<26} {'; '.join(different) or f'{equal} files are equal'}", flush=True)
    print(f"{bad} of {len(names)} differ")
    sys.exit(1 if bad else 0)


def results(folder: Path, name: str, checkout: Path) -> Path | str:
    """Run a small experiment or sweep with the code of a checkout.

    Returns the folder, or the message of a refusal.
    """
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    if name == "sweep":
        file = folder.with_suffix(".toml")
        file.write_text(SWEEP, encoding="utf-8")
        arguments = ["sweep", "run", str(file), "--out", str(folder), "--workers", "1"]
    else:
        arguments = [
            "run",
            name,
            "--no-figures",
            "--out",
            str(folder),
            *(word for setting in small(name) for word in ("--set", setting)),
        ]
    done = subprocess.run(
        [sys.executable, "-m", "evosim.cli", *arguments],
        env=environment,
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1].replace(str(folder), "FOLDER")[:200]
    return folder


def small(name: str) -> list[str]:
    """Settings that make a packaged experiment small."""
    written = tomllib.loads(
        (ROOT / "evosim" / "experiments" / f"{name}.toml").read_text(encoding="utf-8")
    )
    phases = [
        f"phases.{i}.generations={GENERATIONS}" for i in range(len(written.get("phases", [{}, {}])))
    ]
    population = (
        []
        if written.get("optimizer", {}).get("name") == "exhaustive"
        else ["optimizer.population=100"]
    )
    return ["replicates=5", *population, *phases]


def files(folder: Path) -> dict[str, Path]:
    """Tables and summaries of a run or sweep, by path."""
    paths = (
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix == ".parquet" or path.name in ("summary.json", "analysis.json")
    )
    return {
        path.relative_to(folder).as_posix(): path for path in paths if "parts" not in path.parts
    }


def differences(here: Path, there: Path) -> list[str]:
    """Differences between two folders, one per line."""
    own, others = files(here), files(there)
    out = [
        f"{name} is only {'here' if name in own else 'there'}"
        for name in sorted(own.keys() ^ others.keys())
    ]
    for name in sorted(own.keys() & others.keys()):
        if own[name].suffix == ".json":
            a, b = (
                plain(json.loads(path.read_text(encoding="utf-8")))
                for path in (own[name], others[name])
            )
            out += [f"{name}: {words}" for words in unequal(a, b)][:5]
        elif own[name].read_bytes() != others[name].read_bytes():
            a, b = pl.read_parquet(own[name]), pl.read_parquet(others[name])
            if a.schema != b.schema or a.height != b.height:
                out.append(f"{name}: other columns or rows")
            elif columns := [
                column for column in a.columns if not a[column].equals(b[column], null_equal=True)
            ]:
                out.append(f"{name}: other values in {', '.join(columns)}")
    return out


def plain(tree: Any) -> Any:
    """A summary without times, versions and digests."""
    if isinstance(tree, dict):
        return {
            key: plain(value)
            for key, value in tree.items()
            if key not in VARIABLE
            and "sources" not in key
            and "digest" not in key
            and key != "sums"
        }
    return [plain(value) for value in tree] if isinstance(tree, list) else tree


def unequal(a: Any, b: Any, where: str = "") -> list[str]:
    """Paths at which two trees differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [
            words
            for key in sorted(a.keys() | b.keys())
            for words in unequal(a.get(key), b.get(key), f"{where}.{key}" if where else key)
        ]
    return [] if a == b else [f"{where} is {a!r} here and {b!r} there"[:160]]


if __name__ == "__main__":
    main()
