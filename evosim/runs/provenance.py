"""Provenance of a run: versions, commit, digests and memory."""

from __future__ import annotations

import contextlib
import json
import platform
import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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

SCHEMA_VERSION = 3
# Runs of these versions can be read
READABLE_VERSIONS = (2, SCHEMA_VERSION)
PACKAGES = ("numpy", "numba", "scipy", "polars", "pydantic", "altair", "deap")

Ending = dict[str, str | int]  # status, generations


@dataclass(frozen=True)
class LandscapeFacts:
    """The part of a grid that a run evaluated.

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
    """Facts of a run, for its provenance.

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
        The part of the grid that was evaluated.
    """

    seconds: dict[str, float]
    runs: dict[str, Ending]
    interruptions: list[dict[str, object]] | None = None
    controls: dict[str, dict[str, Ending]] | None = None
    landscape: LandscapeFacts | None = None


@dataclass(frozen=True)
class Provenance:
    """All facts to know where numbers came from, and to compute them again.

    Attributes
    ----------
    experiment : str
        Name of the experiment.
    digest, setting : str
        Digest of the experiment, with and without seeds.
    seed, replicates : int
        First seed and number of seeds.
    evosim, commit, sources : str
        Version of evosim, commit of the checkout, hash of all sources.
    sources_of : dict
        Hash of the sources by package.
    stream_version, schema_version : int
        Versions of the random numbers and of the tables.
    command : list of str
        The command line.
    python, platform, packages
        Versions of Python, the platform, and packages.
    finished : str
        Time in UTC.
    peak_memory_mib : float
        Peak resident memory of the process.
    """

    experiment: str
    digest: str
    setting: str
    seed: int
    replicates: int
    evosim: str
    commit: str | None
    sources: str
    sources_of: dict[str, str]
    stream_version: int
    schema_version: int
    command: list[str]
    python: str
    platform: str
    packages: dict[str, str]
    finished: str
    peak_memory_mib: float

    @classmethod
    def of_experiment(cls, experiment: Experiment) -> Provenance:
        """Return the provenance of an experiment that this process has computed."""
        return cls(
            experiment=experiment.name,
            digest=experiment.digest(),
            setting=experiment.setting_digest(),
            seed=experiment.seed,
            replicates=experiment.replicates,
            evosim=__version__,
            commit=commit(),
            sources=sources_digest(experiment),
            sources_of=sources_of(experiment),
            stream_version=STREAM_VERSION,
            schema_version=SCHEMA_VERSION,
            command=[Path(sys.argv[0]).name, *sys.argv[1:]],
            python=platform.python_version(),
            platform=platform.platform(),
            packages={name: metadata.version(name) for name in PACKAGES} | versions(experiment),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            peak_memory_mib=peak_memory_mib(),
        )

    def as_dict(self) -> dict[str, object]:
        """Return all facts by name, as they are written to `provenance.json`."""
        return asdict(self)


def same_sources(facts: Mapping[str, object], experiment: Experiment) -> bool:
    """Return whether the code that runs now has made a run.

    Parameters
    ----------
    facts : Mapping
        The provenance of the run.
    experiment : Experiment
        Its experiment. A user's own algorithm counts if it is installed here.
    """
    packages = facts.get("packages")
    recorded = packages if isinstance(packages, Mapping) else {}
    return bool(facts.get("sources") == sources_digest(experiment, recorded=recorded))


def versions(experiment: Experiment) -> dict[str, str]:
    """Return versions of the packages of others that an experiment uses.

    They are the packages of its world and genome, if these are not evosim's own. A user's own
    algorithm has its hash here.
    """
    return registry.versions(
        {"world": experiment.world.name, "genome": str(experiment.genome.get("name", ""))}
    ) | algorithm_of(experiment)


def peak_memory_mib() -> float:
    """Return the peak resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def commit() -> str | None:
    """Return the commit of the checkout that the package runs from; None if it is installed."""
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
    """Return data as the bytes of a JSON file."""
    return (json.dumps(data, indent=1, allow_nan=False) + "\n").encode()


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file completely or not at all. Raises `UserError`."""
    write_atomically(path, as_json(data))
