"""The jobs that make the folders of `results/`, and the time that each of them took."""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from evosim.runtime.atomic_files import write_atomically

TIMES = "times.csv"
COLUMNS = {
    "name": pl.String,
    "seconds": pl.Float64,
    "when": pl.String,
    "processors": pl.Int64,
    "load": pl.Float64,
    "machine": pl.String,
    "evosim": pl.String,
    "sources": pl.String,
    "outcome": pl.String,
}


@dataclass(frozen=True)
class Job:
    """A command that makes one folder of results.

    Attributes
    ----------
    name : str
        Name of the folder.
    script : str
        A script below `scripts`, or arguments of the command `evosim`.
    scripts : Path
        The folder `scripts/` of the checkout.
    compared : bool
        Whether the tables must be the same each time.
    """

    name: str
    script: str
    scripts: Path
    compared: bool = True

    @property
    def is_script(self) -> bool:
        """Whether the job is a script, and not a command of evosim."""
        return self.script.endswith(".py")

    def command(self, out: Path) -> list[str]:
        """Command line that writes into `out`; scripts read EVOSIM_RESULTS instead."""
        if self.is_script:
            return [sys.executable, str(self.scripts / self.script)]
        options = ["--out", str(out / self.name)]
        return [sys.executable, "-m", "evosim.cli", *self.script.split(), *options]

    @property
    def makes(self) -> str:
        """First sentence of the script's docstring: what the job makes."""
        if not self.is_script:
            return "The claims of the texts, at full size."
        source = (self.scripts / self.script).read_text(encoding="utf-8")
        text = ast.get_docstring(ast.parse(source)) or ""
        return " ".join(text.split("\n\n")[0].split()).split(" Run: ")[0]


def read_jobs(scripts: Path) -> tuple[Job, ...]:
    """Read `jobs.toml` in the folder of scripts."""
    text = (scripts / "jobs.toml").read_text(encoding="utf-8")
    return tuple(
        Job(name, script, scripts, table == "compared")
        for table, jobs in tomllib.loads(text).items()
        for name, script in jobs.items()
    )


@dataclass(frozen=True)
class JobTime:
    """The time that a job took, and where.

    Attributes
    ----------
    seconds : float
        Wall time.
    when : str
        Date and time of the end, in ISO format.
    outcome : str
        `as kept` or the number of differences.
    processors : int or None
        Number of processors.
    load : float or None
        Load average of the last 15 minutes.
    machine, evosim, sources : str or None
        Platform, version and digest of the sources.
    """

    seconds: float
    when: str
    outcome: str
    processors: int | None = None
    load: float | None = None
    machine: str | None = None
    evosim: str | None = None
    sources: str | None = None


def recorded_times(folder: Path) -> dict[str, JobTime]:
    """Read the table of times in a folder, by job; empty without a table."""
    path = folder / TIMES
    if not path.is_file():
        return {}
    rows = pl.read_csv(path, schema_overrides=COLUMNS).to_dicts()
    return {row.pop("name"): JobTime(**row) for row in rows}


def latest_times(jobs: Sequence[Job], results: Path) -> dict[str, JobTime]:
    """Time of the last reproduction of each job, or else of the stored result."""
    times = {}
    for job in jobs:
        path = results / job.name / "provenance.json"
        if path.is_file():
            facts = json.loads(path.read_text(encoding="utf-8"))
            times[job.name] = JobTime(facts["seconds"], facts["finished"], "when it was kept")
    return times | recorded_times(results)


def record_times(folder: Path, jobs: Sequence[Job], times: Mapping[str, JobTime]) -> None:
    """Write the table of times, in the order of jobs."""
    rows = [{"name": job.name} | asdict(times[job.name]) for job in jobs if job.name in times]
    table = pl.DataFrame(rows, schema=COLUMNS).write_csv(float_precision=1)
    write_atomically(folder / TIMES, table.encode())


def format_seconds(seconds: float) -> str:
    """Format a duration: seconds, minutes from 100 s, hours from 100 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
