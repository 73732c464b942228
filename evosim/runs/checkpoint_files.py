"""Files of checkpoints: plain arrays, tables and JSON. Nothing in them is ever executed.

A checkpoint belongs to one experiment, one version of the code and one set of packages. Others
refuse it, because the rest of the run would not be the same run.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.config.schema import Experiment
from evosim.errors import UserError
from evosim.runs import checkpoint_checks
from evosim.runs.checkpoint_facts import ExperimentFacts
from evosim.runs.provenance import versions
from evosim.runs.source_hash import sources_digest
from evosim.runtime.atomic_files import write_atomically
from evosim.runtime.checksums import Damaged, shaped, table_from
from evosim.simulation.state import Arrays, Tables
from evosim.version import __version__

VERSION = 3  # of the format
PACKAGES = ("numpy", "numba", "polars", "deap")
STATE = "state.npz"
SEAL = 32  # bytes of hash at the end of a file
KEY, FACTS, TABLE = "stamp", "facts", "table:"  # names of arrays in a file


@dataclass(frozen=True)
class CompatibilityKey:
    """Facts that a checkpoint shares with the run that continues it, except for `evosim`.

    Attributes
    ----------
    version : int
        Of the format.
    digest : str
        Of the experiment.
    sources : str
        Hash of all sources that results depend on.
    packages : dict
        Versions of packages by name.
    evosim : str
        Version of evosim, for messages.
    seed, control
        Of a replicate with a checkpoint of its own.
    """

    version: int
    digest: str
    sources: str
    packages: dict[str, str]
    evosim: str
    seed: int | None = None
    control: str | None = None

    @classmethod
    def of_experiment(
        cls, experiment: Experiment, seed: int | None = None, control: str | None = None
    ) -> CompatibilityKey:
        """Return the key of an experiment, or of one of its replicates, with the code that runs."""
        return cls(
            version=VERSION,
            digest=experiment.digest(),
            sources=sources_digest(experiment),
            packages={name: metadata.version(name) for name in PACKAGES} | versions(experiment),
            evosim=__version__,
            seed=seed,
            control=control,
        )


@dataclass(frozen=True, eq=False)
class Contents:
    """The contents of a checkpoint file.

    Attributes
    ----------
    facts
        JSON. `evosim.runs.checkpoint_facts` has its models.
    arrays : Arrays
        Arrays of numbers or words.
    tables : Tables
        Tables.
    """

    facts: Any
    arrays: Arrays = field(default_factory=dict)
    tables: Tables = field(default_factory=dict)


def write(path: Path, key: CompatibilityKey, contents: Contents) -> None:
    """Write a checkpoint completely or not at all. Raises `UserError`."""
    file = io.BytesIO()
    arrays = {KEY: _as_bytes(asdict(key)), FACTS: _as_bytes(contents.facts), **contents.arrays}
    for name, table in contents.tables.items():
        part = io.BytesIO()
        table.write_parquet(part, compression="zstd")
        arrays[TABLE + name] = np.frombuffer(part.getbuffer(), dtype=np.uint8)
    assert not any(array.dtype.hasobject for array in arrays.values()), "plain arrays only"
    np.savez(file, **arrays)  # type: ignore[arg-type]
    # NumPy does not verify the checksums in the archive when it reads an array
    file.write(_hash(file.getbuffer()))
    write_atomically(path, file.getbuffer())


def read(path: Path, key: CompatibilityKey, rows: int | None = None) -> Contents:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path
        The file.
    key : CompatibilityKey
        The key of the run that continues.
    rows : int, optional
        The largest number of rows that a table may have.

    Raises
    ------
    UserError
        If the file is damaged, or has another format, experiment, code or replicate.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror}. Make it readable, or start again: add --force."
        ) from None
    try:
        if _hash(raw[:-SEAL]) != raw[-SEAL:]:
            raise ValueError
        checkpoint_checks.check_archive(archive := io.BytesIO(raw))
        with np.load(archive, allow_pickle=False) as file:
            _check_key(path, _from_bytes(file[KEY]), key)
            arrays = {name: file[name] for name in file.files}
        tables = {
            name.removeprefix(TABLE): table_from(array.tobytes(), rows)
            for name, array in arrays.items()
            if name.startswith(TABLE)
        }
        plain = {
            name: array
            for name, array in arrays.items()
            if name not in (KEY, FACTS) and not name.startswith(TABLE)
        }
        return Contents(_from_bytes(arrays[FACTS]), plain, tables)
    except UserError:
        raise
    except Exception:  # readers of damaged files raise errors of many kinds
        raise UserError(f"{path} is damaged. Start again: add --force.") from None


@contextmanager
def refuse_damage(path: Path) -> Iterator[None]:
    """Turn `Damaged` into a `UserError` that names the file."""
    try:
        yield
    except Damaged as error:
        raise UserError(
            f"{path} is not a checkpoint of this experiment: it {error}. Start again: add --force."
        ) from None


def seconds_saved(folder: Path) -> float:
    """Return the seconds of work in the checkpoint of a folder.

    Returns
    -------
    float
        0 without a checkpoint, infinity if it cannot be read.
    """
    if not (folder / STATE).exists():
        return 0.0
    try:
        with (folder / STATE).open("rb") as opened:
            checkpoint_checks.check_archive(opened)
            with np.load(opened, allow_pickle=False) as file:
                facts = shaped(_from_bytes(file[FACTS]), ExperimentFacts)
        return sum(part.total for part in [*facts.interruptions, facts.part])
    except Exception:
        return float("inf")


def _hash(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=SEAL).digest()


def _as_bytes(data: object) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(data, allow_nan=False).encode(), dtype=np.uint8)


def _from_bytes(data: NDArray[Any]) -> Any:
    return json.loads(data.tobytes())


def _check_key(path: Path, stored: Any, expected: CompatibilityKey) -> None:
    """Refuse the key of another format, experiment, code or replicate. Raises `UserError`."""
    writer = stored.get("evosim")
    if stored["version"] != expected.version:
        raise UserError(
            f"{path} has checkpoint format {stored['version']}; this evosim reads format"
            f" {expected.version}. Resume with the evosim that wrote it ({writer}), or start"
            " again: add --force."
        )
    if stored["digest"] != expected.digest:
        raise UserError(
            f"{path} belongs to another experiment (digest {stored['digest'][:8]}, expected"
            f" {expected.digest[:8]}). Give the experiment it was made with, or start again: add"
            " --force."
        )
    # If packages differ, the message below names them
    if stored["sources"] != expected.sources and stored.get("packages") == expected.packages:
        raise UserError(
            f"{path} was written by other code (evosim {writer}, sources {stored['sources'][:8]};"
            f" running: {expected.sources[:8]}). The rest would not be the same run. Resume"
            " with that code, or start again: add --force."
        )
    for name, value in sorted(asdict(expected).items()):
        if name != "evosim" and stored.get(name) != value:
            raise UserError(
                f"{path} has {name} {stored.get(name)}, expected {value}, so the rest would not be"
                " the same run. Restore that, or start again: add --force."
            )
