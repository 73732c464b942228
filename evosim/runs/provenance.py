"""Provenance of a run: versions, commit, digests and memory."""

from __future__ import annotations

import contextlib
import json
import platform
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from evosim.config import registry
from evosim.config.schema import Experiment
from evosim.rng import STREAM_VERSION
from evosim.runs.source_hash import algorithm_of, sources_digest, sources_of
from evosim.runtime.atomic_files import write_atomically
from evosim.version import __version__

SCHEMA_VERSION = 2
PACKAGES = ("numpy", "numba", "scipy", "polars", "pydantic", "altair", "deap")

Ending = dict[str, str | int]  # status, generations


@dataclass(frozen=True)
class LandscapeFacts:
    """What a run evaluated of its grid.

    Attributes
    ----------
    digest : str
        Of the parts of the experiment that the landscape depends on.
    exact : bool
        Whether every class was evaluated.
    grid : int
        Number of classes.
    policies_ancestral, policies_modern : int
        Number of different policies that were evaluated in each world.
    kept_whole : bool
        Whether the table `landscape` has every class.
    survey : dict or None
        Facts of an enumeration in blocks.
    """

    digest: str
    exact: bool
    grid: int
    policies_ancestral: int
    policies_modern: int
    kept_whole: bool
    survey: Mapping[str, object] | None


@dataclass(frozen=True)
class RunOutcome:
    """What a run adds to the provenance of its experiment.

    Attributes
    ----------
    seconds : dict
        Seconds by stage, of all parts of the run.
    runs : dict
        By seed, how each replicate ended.
    interruptions : list, optional
        Earlier parts of the run.
    controls : dict, optional
        The same as `runs` for each control.
    landscape : LandscapeFacts, optional
        What was evaluated of the grid.
    """

    seconds: dict[str, float]
    runs: dict[str, Ending]
    interruptions: list[dict[str, object]] | None = None
    controls: dict[str, dict[str, Ending]] | None = None
    landscape: LandscapeFacts | None = None


def same_sources(facts: dict[str, Any], experiment: Experiment) -> bool:
    """Whether the provenance of a run names the very sources that are running now.

    Sources of the user's own algorithm count where they are found here; a run can be read
    elsewhere.
    """
    return bool(
        facts.get("sources") == sources_digest(experiment, recorded=facts.get("packages", {}))
    )


def provenance(experiment: Experiment) -> dict[str, Any]:
    """What is needed to know where numbers came from and to have them again."""
    return {
        "experiment": experiment.name,
        "digest": experiment.digest(),
        "setting": experiment.setting_digest(),
        "seed": experiment.seed,
        "replicates": experiment.replicates,
        "evosim": __version__,
        "commit": commit(),
        "sources": sources_digest(experiment),
        "sources_of": sources_of(experiment),
        "stream_version": STREAM_VERSION,
        "schema_version": SCHEMA_VERSION,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: metadata.version(name) for name in PACKAGES} | versions(experiment),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "peak_memory_mib": peak_memory_mib(),
    }


def versions(experiment: Experiment) -> dict[str, str]:
    """Versions of the packages that an experiment's world and genome come from, if they are not
    evosim's own; and of a user's own algorithm.
    """
    return registry.versions(
        {"world": experiment.world.name, "genome": str(experiment.genome.get("name", ""))}
    ) | algorithm_of(experiment)


def peak_memory_mib() -> float:
    """Peak resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def commit() -> str | None:
    """The commit of the checkout the package runs from, or nothing if it is installed."""
    git = Path(__file__).resolve().parents[2] / ".git"
    with contextlib.suppress(OSError):
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        reference = git / head.removeprefix("ref: ")
        if reference.is_file():
            return reference.read_text(encoding="utf-8").strip()
        for line in (git / "packed-refs").read_text(encoding="utf-8").splitlines():
            if line.endswith(head.removeprefix("ref: ")):
                return line.split()[0]
    return None


def as_json(data: Any) -> bytes:
    """JSON as it is written."""
    return (json.dumps(data, indent=1, allow_nan=False) + "\n").encode()


def write_json(path: Path, data: Any) -> None:
    """Write JSON whole or not at all. Raises `UserError`."""
    write_atomically(path, as_json(data))
