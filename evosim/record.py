"""Records: one folder a run. Written under a partial name, renamed when whole; nothing half-written is taken for a run.

`experiment.toml` the resolved experiment, written before anything runs; `provenance.json`; `tables/*.parquet`;
`controls/` the same of control runs; `analysis/*.parquet` and `summary.json` once analysed; `figures/`. `docs/schema.md` documents every column.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import resource
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl

from evosim import __version__
from evosim.compose import resolve
from evosim.errors import UserError
from evosim.params import Experiment, read_toml
from evosim.streams import STREAM_VERSION

SCHEMA_VERSION = 2
TABLES = ("generations", "loci", "alleles", "populations")
LANDSCAPE, SEARCH = "landscape", "search"
PACKAGES = ("numpy", "numba", "scipy", "polars", "pydantic", "altair")
PARTIAL = ".partial"
RUNNING = "being written by process"


@dataclass(frozen=True, eq=False)
class Recorded:
    """A run read back from its folder, with the tables of its controls by name."""

    folder: Path
    experiment: Experiment
    provenance: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    controls: dict[str, dict[str, pl.DataFrame]]


def run_folder(experiment: Experiment, out: Path | None) -> Path:
    """Where a run goes: `out`, or `results/runs/<name>-<digest>-s<seeds>`."""
    if out is not None:
        return out
    last = experiment.seeds[-1]
    seeds = f"s{experiment.seed}" if last == experiment.seed else f"s{experiment.seed}-{last}"
    return Path("results") / "runs" / f"{experiment.name}-{experiment.setting_digest()[:8]}-{seeds}"


def already_there(folder: Path, experiment: Experiment) -> bool:
    """Whether the folder holds this very run, whole. Raises `UserError` if it holds anything else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if not (folder / "provenance.json").is_file():
        raise UserError(f"{folder} must be empty or hold a run, but holds something else. Give another --out.")
    recorded = read_provenance(folder)
    if recorded["digest"] != experiment.digest():
        raise UserError(
            f"{folder} must hold this experiment to be shown or repeated, but holds another one ({recorded['experiment']}, "
            f"digest {recorded['digest'][:8]}, not {experiment.digest()[:8]}). Give another --out or remove the folder."
        )
    return True


class Writer:
    """Writes one run under `<folder>.partial`, and renames it when told that it is whole."""

    def __init__(self, folder: Path, experiment: Experiment) -> None:
        self.folder = folder
        self.partial = self.folder.with_name(self.folder.name + PARTIAL)
        self.experiment = experiment
        try:
            self._clear_an_interrupted_one()
            self.partial.mkdir(parents=True)  # fails if another process was quicker
            self.note(f"{RUNNING} {os.getpid()} on {platform.node()}; not whole")
            (self.partial / "tables").mkdir()
            (self.partial / "experiment.toml").write_text(experiment.to_toml(), encoding="utf-8")
        except FileExistsError:
            raise UserError(
                f"{self.partial} must not exist yet, but does: another process may be writing it. Wait, or give another --out."
            ) from None
        except OSError as error:
            raise UserError(
                f"the output folder must be writable, but {folder} is not: {error.strerror}. Give another --out."
            ) from None

    def _clear_an_interrupted_one(self) -> None:
        """Remove a partial folder that is ours and that nobody is writing any more; leave anything else alone."""
        status = self.partial / "STATUS"
        if not (status.is_file() and (self.partial / "experiment.toml").is_file()):
            return
        words = status.read_text(encoding="utf-8")
        if words.startswith(RUNNING):
            pid, _, node = words.removeprefix(RUNNING).partition(" on ")
            if node.split(";")[0] != platform.node() or _is_alive(int(pid)):
                return
        shutil.rmtree(self.partial)

    def note(self, text: str) -> None:
        """Say in the partial folder what it is, for whoever finds it."""
        (self.partial / "STATUS").write_text(text + "\n", encoding="utf-8")

    def discard(self) -> None:
        """Take back what was begun: the user's mistake leaves nothing behind."""
        shutil.rmtree(self.partial, ignore_errors=True)

    def table(self, name: str, frame: pl.DataFrame, control: str = "") -> None:
        """Write one table of the run, or of one of its controls."""
        folder = self.partial / ("controls" if control else "tables") / control
        folder.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd")

    def finish(self, facts: dict[str, Any]) -> Path:
        """Write provenance and put the run in its place; a previous run of the same digest is replaced."""
        write_json(self.partial / "provenance.json", provenance(self.experiment) | facts)
        (self.partial / "STATUS").unlink()
        if self.folder.exists():
            aside = Path(tempfile.mkdtemp(prefix=f"{self.folder.name}.old-", dir=self.folder.parent))
            self.folder.rename(aside / "run")
            self.partial.rename(self.folder)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            self.partial.rename(self.folder)
        return self.folder


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


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
        "sources": sources_digest(),
        "stream_version": STREAM_VERSION,
        "schema_version": SCHEMA_VERSION,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "peak_memory_mib": peak_memory_mib(),
    }


def peak_memory_mib() -> float:
    """Peak resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def sources_digest() -> str:
    """Hash of the package's own sources: two runs with equal digests of experiment and sources must be equal."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.blake2b(digest_size=8)
    for package in ("evosim", "genomes", "worlds"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def commit() -> str | None:
    """The commit of the checkout the package runs from, or nothing if it is installed."""
    git = Path(__file__).resolve().parent.parent / ".git"
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


def write_json(path: Path, data: Any) -> None:
    """Write JSON whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_provenance(folder: Path) -> dict[str, Any]:
    """A run's provenance; `UserError` if there is none or it is damaged."""
    try:
        data = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        data["digest"], data["experiment"]
    except FileNotFoundError:
        raise UserError(_not_a_run(folder)) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(_damaged(folder, "provenance.json")) from None
    return data


def read_run(folder: Path) -> Recorded:
    """Read a whole run back. Raises `UserError` where anything is missing, damaged, or of another digest."""
    if not folder.is_dir():
        raise UserError(f"a run must be a folder, but {folder} is not one. Check the path with 'ls results/runs'.")
    facts = read_provenance(folder)
    if facts.get("schema_version") != SCHEMA_VERSION:
        raise UserError(
            f"{folder} must be of schema version {SCHEMA_VERSION}, but is of {facts.get('schema_version')}. Run it again "
            "with 'evosim run'."
        )
    experiment = resolve(read_toml(folder / "experiment.toml"))
    if experiment.digest() != facts["digest"]:
        raise UserError(
            f"{folder}/experiment.toml must have the digest of its provenance ({facts['digest'][:8]}), but has "
            f"{experiment.digest()[:8]}: it was edited, or made by another version. Restore it, or run it to another folder."
        )
    own = (*TABLES, SEARCH) if experiment.search_ledger else TABLES
    controls = {name: _read_tables(folder, f"controls/{name}", own) for name in facts.get("controls", {})}
    return Recorded(folder, experiment, facts, _read_tables(folder, "tables", (*own, LANDSCAPE)), controls)


def _read_tables(folder: Path, part: str, names: tuple[str, ...]) -> dict[str, pl.DataFrame]:
    tables = {}
    for name in names:
        try:
            tables[name] = pl.read_parquet(folder / part / f"{name}.parquet", glob=False)
        except (OSError, pl.exceptions.PolarsError):
            raise UserError(_damaged(folder, f"{part}/{name}.parquet")) from None
    return tables


def _not_a_run(folder: Path) -> str:
    if folder.name.endswith(PARTIAL) or (folder / "STATUS").is_file():
        return f"{folder} must be a whole run, but was interrupted. Run it again: 'evosim run {folder}/experiment.toml'."
    return f"{folder} must be a run's folder, but has no provenance.json. Check the path with 'ls results/runs'."


def _damaged(folder: Path, name: str) -> str:
    return (
        f"{folder}/{name} must be readable, but is missing or damaged. Run it again: 'evosim run {folder}/experiment.toml "
        "--out FOLDER'."
    )
