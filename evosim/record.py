"""Records: one folder a run. Written under a partial name, renamed when whole; nothing half-written is taken for a run.

`experiment.toml` the resolved experiment, written before anything runs; `provenance.json`; `tables/*.parquet`;
`controls/` the same of control runs; `analysis/*.parquet` and `summary.json` once analysed; `figures/`. `docs/schema.md` documents every column.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import platform
import resource
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b, sha256
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from evosim import forks, installed
from evosim.compose import on_landscape, resolve, with_own_words
from evosim.controls import controls_of
from evosim.errors import UserError
from evosim.files import TEMPORARY, make_folder, sync_folder, unwritable, write_atomically
from evosim.installed import Choice
from evosim.intact import (
    SUMS,
    Damaged,
    check_sum,
    files_in,
    read_json,
    read_sums,
    read_table,
    shaped,
    write_sums,
)
from evosim.params import PARTIAL_FOLDER, RUN_FOLDER, Experiment, read_toml, refuse_other_kind
from evosim.schemas import Provenance, Shape
from evosim.streams import STREAM_VERSION
from evosim.version import __version__

ROOT = Path(__file__).resolve().parent.parent
SCHEMA_VERSION = 2
TABLES = ("generations", "loci", "alleles", "populations")
LANDSCAPE, SEARCH = "landscape", "search"
PACKAGES = ("numpy", "numba", "scipy", "polars", "pydantic", "altair", "deap")
PARTIAL = ".partial"
RUNNING = "being written by process"
CHECKPOINT, PROVENANCE, EXPERIMENT = "checkpoint", "provenance.json", "experiment.toml"
NOTHING: Mapping[str, str] = MappingProxyType({})
BEAT, GONE = 30.0, 180.0  # seconds between signs of life, and without one until a process on another machine counts as gone


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
    """Writes one run under `<folder>.partial`, and renames it when told that it is whole.

    While it writes, the partial folder is locked, and a thread touches STATUS, so that other processes (also on other machines,
    where locks may not be seen) know that somebody is at work.
    """

    def __init__(self, folder: Path, experiment: Experiment, *, go_on: bool = False) -> None:
        self.folder, self.partial = folder, partial_of(folder)
        self.experiment = experiment
        sources_digest(experiment)  # now, before anything runs: what is edited meanwhile is not what ran
        self._over, self._handle = threading.Event(), -1
        made = False
        try:
            if go_on:
                self._lock()
            else:
                self._clear_an_interrupted_one()
                self.partial.mkdir(parents=True)  # fails if another process was quicker
                made = True
                self._lock()
            self.note(f"{RUNNING} {os.getpid()} on {platform.node()}; not whole")
            (self.partial / "tables").mkdir(exist_ok=True)
            (self.partial / "experiment.toml").write_text(experiment.to_toml(), encoding="utf-8")
        except (FileExistsError, BlockingIOError):
            self._unlock()
            raise UserError(
                f"{self.partial} must not exist yet, but does: another process may be writing it. Wait, or give another --out."
            ) from None
        except OSError as error:
            self._unlock()
            if made:  # a folder without a whole STATUS would be in the way of the next try
                shutil.rmtree(self.partial, ignore_errors=True)
            raise UserError(
                f"the output folder must be writable, but {folder} is not: {error.strerror}. Give another --out."
            ) from None
        threading.Thread(target=self._beat, daemon=True).start()

    def _lock(self) -> None:
        """Nobody else writes here as long as this process lives. Raises `BlockingIOError`."""
        if in_use(self.partial):
            raise BlockingIOError
        self._handle = os.open(self.partial, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # there are no locks on this file system
            return

    def _unlock(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _clear_an_interrupted_one(self) -> None:
        """Remove a partial folder that is ours and that nobody is writing any more; leave anything else alone."""
        if (self.partial / "STATUS").is_file() and (self.partial / "experiment.toml").is_file():
            self._lock()
            shutil.rmtree(self.partial)
            self._unlock()

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(self.partial / "STATUS")

    def note(self, text: str) -> None:
        """Say in the partial folder what it is, for whoever finds it."""
        (self.partial / "STATUS").write_text(text + "\n", encoding="utf-8")

    def close(self, text: str = "") -> None:
        """Nothing more is written; let others have the partial folder, with a note of what it is."""
        if text:
            with contextlib.suppress(OSError):  # a full disk: STATUS then says that a process that is gone was writing
                self.note(text)
        self._over.set()
        self._unlock()

    def discard(self) -> None:
        """Take back what was begun: the user's mistake leaves nothing behind."""
        shutil.rmtree(self.partial, ignore_errors=True)
        self.close()

    def table(self, name: str, frame: pl.DataFrame, control: str = "") -> None:
        """Write one table of the run, or of one of its controls. The bytes are the same from however many pieces it was put together."""
        folder = self.partial / ("controls" if control else "tables")
        make_folder(folder)
        make_folder(folder := folder / control)
        data = io.BytesIO()
        frame.rechunk().write_parquet(data, compression="zstd")
        write_atomically(folder / f"{name}.parquet", data.getbuffer())

    @property
    def whole(self) -> bool:
        """Whether all is written, if it has its name yet or not."""
        return (self.partial / PROVENANCE).is_file() or not self.partial.exists()

    def finish(self, facts: dict[str, Any]) -> Path:
        """Write provenance and put the run in its place; a previous run of the same digest is replaced."""
        data = as_json(provenance(self.experiment) | facts | {"sums": SUMS})
        written = files_in(self.partial, "experiment.toml", "tables", "controls", "summary.json")
        write_sums(self.partial, written, {PROVENANCE: sha256(data).hexdigest()})
        write_atomically(self.partial / PROVENANCE, data)
        try:
            put_in_place(self.folder)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        self.close()
        return self.folder


def partial_of(folder: Path) -> Path:
    """Where a run is written until it is whole."""
    return folder.with_name(folder.name + PARTIAL)


def put_in_place(folder: Path) -> None:
    """Give a partial folder that is whole (it has its provenance, which is written last) its name."""
    partial = partial_of(folder)
    shutil.rmtree(partial / CHECKPOINT, ignore_errors=True)
    for stale in partial.rglob(f".*{TEMPORARY}"):  # of a process that was killed
        stale.unlink()
    (partial / "STATUS").unlink(missing_ok=True)
    if folder.exists():
        aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}.old-", dir=folder.parent))
        folder.rename(aside / "run")
        partial.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        partial.rename(folder)
    sync_folder(folder.parent)


def complete(folder: Path, experiment: Experiment) -> bool:
    """Put a run in its place whose process was killed when all but that was done. Tells whether there was one."""
    partial = partial_of(folder)
    if not (partial / PROVENANCE).is_file() or in_use(partial):
        return False
    facts = read_provenance(partial)
    if facts["digest"] != experiment.digest() or not same_sources(facts, experiment):
        return False
    put_in_place(folder)
    return True


def same_sources(facts: dict[str, Any], experiment: Experiment) -> bool:
    """Whether the provenance of a run names the very sources that are running now.

    Sources of the user's own algorithm count where they are found here; a run can be read elsewhere.
    """
    return bool(facts.get("sources") == sources_digest(experiment, recorded=facts.get("packages", {})))


def in_use(partial: Path) -> bool:
    """Whether a process says that it writes a partial folder, and is there, or was within a few minutes if on another machine."""
    try:
        words, seen = (partial / "STATUS").read_text(encoding="utf-8"), (partial / "STATUS").stat().st_mtime
    except OSError:
        return False
    if not words.startswith(RUNNING) or _now(partial) - seen > GONE:
        return False
    pid, _, node = words.removeprefix(RUNNING).partition(" on ")
    return node.split(";")[0] != platform.node() or _is_alive(int(pid))


def _now(folder: Path) -> float:
    """The time by the clock of whoever keeps a folder's files, which may be another machine's."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


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
        "sources": sources_digest(experiment),
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
    """Versions of the packages that an experiment's world and genome come from, if they are not evosim's own; and of a user's own algorithm."""
    return installed.versions({"world": experiment.world.name, "genome": str(experiment.genome.get("name", ""))}) | algorithm_of(experiment)


def algorithm_of(experiment: Experiment | Choice) -> dict[str, str]:
    """A user's own algorithm, and the hash of its sources; nothing if it is not one, or cannot be found here."""
    algorithm = choice_of(experiment).algorithm
    found = _hash_of_module(algorithm.partition(":")[0]) if ":" in algorithm else None
    return {algorithm: f"source {found}"} if found else {}


def choice_of(experiment: Experiment | Choice) -> Choice:
    """What an experiment uses that may be code of others."""
    if isinstance(experiment, Choice):
        return experiment
    return Choice(
        experiment.world.name, str(experiment.genome.get("name", "")), str(experiment.optimizer.get("algorithm", ""))
    )


@cache
def _hash_of_module(module: str) -> str | None:
    """Hash of the sources behind a module, taken once, as `sources_digest`; nothing if it cannot be found."""
    with contextlib.suppress(OSError):
        if files := installed.sources([module]):
            return _hashed(files).hexdigest()
    return None


def peak_memory_mib() -> float:
    """Peak resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def sources_digest(*experiments: Experiment | Choice, module: str = "", recorded: Mapping[str, str] = NOTHING) -> str:
    """Hash of the sources that experiments run on: equal digests of experiment and sources, equal runs.

    They are those of evosim with the worlds and genomes that come with it, and of the packages that these
    experiments use: of their worlds, genomes and own algorithms. Other packages do not matter. Runs, sweeps,
    checkpoints and claims all use this function. It is taken once, so that a file that is edited while a run
    lasts is not taken for the code of it.

    Parameters
    ----------
    *experiments
        Experiments, or what they use (`Choice`). None: evosim's own sources alone.
    module
        One of evosim's modules: of evosim's sources only those count that it can import.
    recorded
        Packages of a provenance: the hash there stands in for an own algorithm that is not found here.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    own = _digest_of_own(module)
    others = sorted({words for experiment in experiments for words in _others(choice_of(experiment), recorded)})
    return blake2b("\n".join([own, *others]).encode(), digest_size=8).hexdigest() if others else own


def _others(choice: Choice, recorded: Mapping[str, str]) -> Iterator[str]:
    """In words, the sources of others that a choice uses."""
    if of_packages := _digest_of_others(choice):
        yield of_packages
    if ":" in choice.algorithm:
        yield json.dumps(algorithm_of(choice) or {choice.algorithm: recorded.get(choice.algorithm, "")})


@cache
def _digest_of_own(module: str) -> str:
    files = _own_sources()
    chosen = _behind(module, files) if module else files.values()
    return _hashed((path.relative_to(ROOT).as_posix(), path) for path in sorted(chosen)).hexdigest()


@cache
def _digest_of_others(choice: Choice) -> str:
    """Hash of the packages of a choice's world and genome; nothing if they are evosim's own."""
    files = installed.sources(installed.modules(choice))
    return _hashed(files).hexdigest() if files else ""


def forget_sources() -> None:
    """Hash sources afresh when they are asked for next."""
    for kept in (_digest_of_own, _digest_of_others, _hash_of_module, _own_sources, installed.imported):
        kept.cache_clear()


def _hashed(files: Iterable[tuple[str, Path]]) -> Any:
    digest = blake2b(digest_size=8)
    for name, path in files:
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest


@cache
def _own_sources() -> dict[str, Path]:
    """Our source files by the names of their modules."""
    out = {}
    for package in ("evosim", "genomes", "worlds"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            out[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return out


def _behind(module: str, files: dict[str, Path]) -> set[Path]:
    """The files of a module, of the packages it lies in, and of all that these import, wherever in the file."""
    left, seen = [module], set[str]()
    while left:
        name = left.pop()
        if name in seen or not name:
            continue
        seen.add(name)
        left.append(name.rpartition(".")[0])
        if name in files:
            left += installed.imported(files[name])
    return {files[name] for name in seen if name in files}


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


def as_json(data: Any) -> bytes:
    """JSON as it is written."""
    return (json.dumps(data, indent=1, allow_nan=False) + "\n").encode()


def write_json(path: Path, data: Any) -> None:
    """Write JSON whole or not at all. Raises `UserError`."""
    write_atomically(path, as_json(data))


def read_provenance(folder: Path) -> dict[str, Any]:
    """A run's provenance; `UserError` if there is none or it is damaged."""
    sums = read_sums(folder)
    try:
        data: dict[str, Any] = read_json(folder / PROVENANCE, sums.get(PROVENANCE))
        facts = shaped(data, Provenance)
        if facts.sums and PROVENANCE not in sums:
            raise Damaged(f"has no checksum in {SUMS}")
    except FileNotFoundError:
        raise UserError(_not_a_run(folder)) from None
    except Damaged as error:
        raise UserError(_damaged(folder, PROVENANCE, error)) from None
    return data


def expected_sum(folder: Path, name: str, facts: dict[str, Any], sums: Mapping[str, str]) -> str | None:
    """Look up the checksum that a file of a run must have.

    Parameters
    ----------
    folder : Path
        The run's folder.
    name : str
        Path of the file in it.
    facts : dict
        The run's provenance.
    sums : Mapping
        What `read_sums` gave.

    Returns
    -------
    str or None
        The checksum. None for runs that were written before checksums were.

    Raises
    ------
    UserError
        If the run has checksums, but none of this file.
    """
    if facts.get("sums") and name not in sums:
        raise UserError(_damaged(folder, name, Damaged(f"has no checksum in {SUMS}")))
    return sums.get(name)


def read_run(folder: Path) -> Recorded:
    """Read a whole run back. Raises `UserError` where anything is missing, damaged, or of another digest."""
    forks.check()
    refuse_other_kind(folder, RUN_FOLDER, PARTIAL_FOLDER)
    if not folder.is_dir():
        raise UserError(f"a run must be a folder, but {folder} is not one. Check the path with 'ls results/runs'.")
    facts = read_provenance(folder)
    if facts.get("schema_version") != SCHEMA_VERSION:
        raise UserError(
            f"{folder} must be of schema version {SCHEMA_VERSION}, but is of {facts.get('schema_version')}. Run it again "
            "with 'evosim run'."
        )
    sums = read_sums(folder)
    _check_experiment(folder, expected_sum(folder, EXPERIMENT, facts, sums))
    experiment = with_own_words(resolve(read_toml(folder / EXPERIMENT)))
    if experiment.digest() != facts["digest"]:
        raise UserError(
            f"{folder}/experiment.toml must have the digest of its provenance ({facts['digest'][:8]}), but has "
            f"{experiment.digest()[:8]}: it was edited, or made by another version. Restore it, or run it to another folder."
        )
    if on_landscape(experiment):
        raise UserError(f"{folder} must be a run in a pair of worlds to be accounted for, but is the search of a landscape. Its table is tables/paths.parquet.")
    own = (*TABLES, SEARCH) if experiment.search_ledger else TABLES
    known, others = shaped(facts, Provenance), controls_of(experiment)
    if known.landscape is None or {str(seed) for seed in experiment.seeds} != known.runs.keys() or others.keys() != known.controls.keys():
        raise UserError(_damaged(folder, PROVENANCE, Damaged("has other runs than experiment.toml")))

    def tables(part: str, names: tuple[str, ...], shape: Shape) -> dict[str, pl.DataFrame]:
        places = {name: f"{part}/{name}.parquet" for name in names}
        return {name: read_own_table(folder, place, shape, expected_sum(folder, place, facts, sums)) for name, place in places.items()}

    controls = {name: tables(f"controls/{name}", own, Shape(other, known.controls[name])) for name, other in others.items()}
    return Recorded(folder, experiment, facts, tables("tables", (*own, LANDSCAPE), Shape(experiment, known.runs)), controls)


def _check_experiment(folder: Path, expected: str | None) -> None:
    """Raise `UserError` if the experiment of a run is missing or is not what was written."""
    try:
        with (folder / EXPERIMENT).open("rb") as file:
            check_sum(file, expected)
    except Damaged:
        raise UserError(
            f"{folder}/{EXPERIMENT} must be what was written, but has another checksum: it was edited or damaged. Restore it, or run it to another folder."
        ) from None
    except OSError as error:
        raise UserError(f"{folder}/{EXPERIMENT} must be readable, but is not: {error.strerror}. Restore it from a copy.") from None


def read_own_table(folder: Path, place: str, shape: Shape, expected: str | None) -> pl.DataFrame:
    """Read a table of a run, if it is what was written.

    Parameters
    ----------
    folder : Path
        The run's folder.
    place : str
        Path of the table in it.
    shape : Shape
        What it can be.
    expected : str or None
        Its checksum, where there is one.

    Returns
    -------
    pl.DataFrame
        The table.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another shape.
    """
    path = folder / place
    try:
        table = read_table(path, expected, shape.most_rows(path.stem))
        shape.check(path.stem, table)
    except Damaged as error:
        raise UserError(_damaged(folder, place, error)) from None
    return table


def _not_a_run(folder: Path) -> str:
    if folder.name.endswith(PARTIAL) or (folder / "STATUS").is_file():
        return f"{folder} must be a whole run, but was interrupted. Go on with it: 'evosim run {folder} --resume'."
    return f"{folder} must be a run's folder, but has no provenance.json. Check the path with 'ls results/runs'."


def _damaged(folder: Path, name: str, why: Damaged) -> str:
    again = f"'evosim run {shlex.quote(str(folder / 'experiment.toml'))} --out FOLDER'"
    return f"{folder}/{name} must be what was written, but {why}. Restore it from a copy, or run it again: {again}."
