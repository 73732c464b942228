"""Manifests of a sweep: `sweep.json`, written when it begins, and `manifest.json` by `collect`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from evosim.config.file_kinds import SWEEP_FOLDER, refuse_other_kind
from evosim.errors import UserError
from evosim.runtime.atomic_files import write_atomically
from evosim.sweeps.plan import SCHEMA_VERSION
from evosim.sweeps.schema import TomlTable

BEGUN, COLLECTED = "sweep.json", "manifest.json"


def checksum(facts: TomlTable) -> str:
    """SHA-256 of plain data, with sorted keys."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class SweepManifest:
    """The content of `sweep.json`: what a sweep computes, and with what it began.

    Attributes
    ----------
    digest : str
        Of everything that the sweep file decides.
    sources : str
        Digest of the code that began the sweep.
    keep : tuple[str, ...]
        Tables that are kept for each run.
    parameters : dict[str, str]
        How each swept parameter is stored; see `plan.Plan`.
    plan : str
        SHA-256 of `plan.parquet`.
    tree : TomlTable
        The experiment as written, with `[set]`.
    packages : dict[str, str]
        Versions of packages by name.
    experiment : TomlTable or None
        The base experiment, resolved; None if it is incomplete without the swept parameters.
    """

    schema_version: int
    name: str
    digest: str
    sources: str
    runs: int
    cells: int
    chunks: int
    keep: tuple[str, ...]
    parameters: dict[str, str]
    plan: str
    tree: TomlTable
    evosim: str
    packages: dict[str, str]
    title: str = ""
    replicates: int = 1
    experiment: TomlTable | None = None
    commit: str | None = None
    stream_version: int | None = None
    command: tuple[str, ...] = ()
    python: str = ""
    platform: str = ""
    begun: str = ""

    def as_dict(self) -> TomlTable:
        """The content of `sweep.json` without its checksum, in the order of the file."""
        values = asdict(self) | {"keep": list(self.keep), "command": list(self.command)}
        return {name: values[name] for name in ORDER}

    def write(self, folder: Path) -> None:
        """Write `sweep.json`."""
        facts = self.as_dict()
        text = json.dumps(facts | {"checksum": checksum(facts)}, indent=1, allow_nan=False) + "\n"
        write_atomically(folder / BEGUN, text.encode())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest of a sweep that has begun.

        Raises
        ------
        UserError
            If the folder is no sweep, or if `sweep.json` is damaged or of another version.
        """
        path = folder / BEGUN
        refuse_other_kind(folder, SWEEP_FOLDER)
        if not folder.is_dir():
            raise UserError(
                f"{folder} is not a folder of a sweep. List the sweeps: 'ls results/sweeps'."
            )
        try:
            facts: TomlTable = json.loads(path.read_text(encoding="utf-8"))
            if facts.pop("checksum") != checksum(facts):
                raise ValueError
            if facts.get("schema_version", SCHEMA_VERSION) == SCHEMA_VERSION:
                return cls._from_dict(facts)
        except FileNotFoundError:
            raise UserError(
                f"{folder} is not a sweep: it has no {BEGUN}. List the sweeps: 'ls results/sweeps'."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{path} is damaged. Remove it and run the sweep again, which rewrites it."
            ) from None
        raise UserError(
            f"{folder} has schema version {facts['schema_version']}; this evosim reads version"
            f" {SCHEMA_VERSION}. Run the sweep again with another --out."
        )

    @classmethod
    def _from_dict(cls, facts: TomlTable) -> Self:
        known = {f.name: facts[f.name] for f in fields(cls) if f.name in facts}
        lists = {name: tuple(known.get(name, ())) for name in ("keep", "command")}
        return cls(**known | lists)


ORDER = (
    "schema_version",
    "name",
    "title",
    "digest",
    "sources",
    "runs",
    "cells",
    "replicates",
    "chunks",
    "keep",
    "parameters",
    "plan",
    "tree",
    "experiment",
    "evosim",
    "commit",
    "stream_version",
    "command",
    "python",
    "platform",
    "packages",
    "begun",
)


@dataclass(frozen=True)
class PartFile:
    """A file of a chunk that was collected: its rows, its bytes and its SHA-256."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class CollectedManifest:
    """The content of `manifest.json`: what was collected.

    Attributes
    ----------
    sweep : str
        Digest of the sweep.
    sources : tuple[str, ...]
        Digests of the code that computed the runs.
    runs, failed, missing : int
        Runs in the table, failed runs among them, and runs that are not done.
    digest : str
        Of the content of the table of runs.
    tables : dict[str, str]
        SHA-256 of each collected file.
    parts : dict[str, PartFile]
        The files that were collected, by path.
    """

    sweep: str
    sources: tuple[str, ...]
    runs: int
    failed: int
    missing: int
    digest: str
    tables: dict[str, str] = field(default_factory=dict)
    parts: dict[str, PartFile] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write `manifest.json`."""
        facts = asdict(self) | {"sources": list(self.sources)}
        text = json.dumps(facts | {"checksum": checksum(facts)}, indent=1) + "\n"
        write_atomically(folder / COLLECTED, text.encode())

    @classmethod
    def from_dict(cls, facts: TomlTable) -> Self:
        """The manifest in `manifest.json`, without its checksum. Raises `KeyError`, `TypeError`."""
        parts = {name: PartFile(**part) for name, part in facts["parts"].items()}
        typed = {"sources": tuple(facts["sources"]), "parts": parts}
        return cls(**facts | typed)
