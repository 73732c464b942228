"""Records: one folder a run. Written under a partial name, renamed when whole; nothing half-written is taken for a run.

`experiment.toml` the resolved experiment, written before anything runs; `provenance.json`; `tables/*.parquet`;
`controls/` the same of control runs; `analysis/*.parquet` and `summary.json` once analysed; `figures/`. `docs/schema.md` documents every column.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import resource
import shlex
import sys
import threading
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

from evosim import forks, installed, intact
from evosim.blocks import BY_GENERATION, Blocks
from evosim.compose import on_landscape, resolve, with_own_words
from evosim.controls import controls_of
from evosim.errors import FULL, UserError
from evosim.files import (
    TEMPORARY,
    inside,
    make_folder,
    produce_atomically,
    refuse_link,
    sync_folder,
    unwritable,
    write_atomically,
)
from evosim.installed import Choice
from evosim.intact import (
    SUMS,
    Damaged,
    check_sum,
    read_json,
    read_sums,
    read_table,
    shaped,
    write_sums,
)
from evosim.params import PARTIAL_FOLDER, RUN_FOLDER, Experiment, read_toml, refuse_other_kind
from evosim.places import (
    ACCOUNTS,
    BEAT,
    PARTIAL,
    RUNNING,
    STATUS,
    check_place,
    clear,
    files_in,
    is_figure,
    is_report,
    lock,
    move_in,
    others_in,
    partial_of,
    writer,
)
from evosim.schemas import Provenance, Shape
from evosim.streams import STREAM_VERSION
from evosim.version import __version__

ROOT = Path(__file__).resolve().parent.parent
SCHEMA_VERSION = 2
TABLES = ("generations", "loci", "alleles", "populations")
LANDSCAPE, SEARCH, PATHS = "landscape", "search", "paths"
PACKAGES = ("numpy", "numba", "scipy", "polars", "pydantic", "altair", "deap")
MOST_KEPT = 2**20  # rows of a table that is read whole and kept
ROWS = 2**18  # rows of a row group in a table that is written from blocks: what is in memory at a time
CHECKPOINT, PROVENANCE = "checkpoint", "provenance.json"
EXPERIMENT_FILE, SUMMARY, REPORT = "experiment.toml", "summary.json", "report.html"
FIGURE_LIST = "figures.json"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Tables(Mapping[str, pl.DataFrame]):
    """Tables of a recorded run by name. Each is read when it is first asked for; `rows` reads a part of one.

    A run whose tables have no checksums is read at once, so that damage shows.
    """

    def __init__(self, folder: Path, places: Mapping[str, str], shape: Shape, sums: Mapping[str, str | None]) -> None:
        """Make tables of files.

        Parameters
        ----------
        folder : Path
            Of the run.
        places : Mapping[str, str]
            By name, the path of each table in the folder.
        shape : Shape
            What they can be.
        sums : Mapping[str, str | None]
            By name, the checksum of each file, where there is one.

        Raises
        ------
        UserError
            Where a table is missing or is not what was written.
        """
        # Absolute, so that a table is found when the program has changed its working folder.
        self._folder, self._places, self._shape = folder.absolute(), places, shape
        self._read: dict[str, pl.DataFrame] = {}
        for name, place in places.items():
            if sums[name] is None:
                self._read[name] = read_own_table(folder, place, shape, None)
                continue
            with self._refusing(name), (folder / place).open("rb") as file:
                check_sum(file, sums[name])

    @contextlib.contextmanager
    def _refusing(self, name: str) -> Iterator[None]:
        try:
            yield
        except Damaged as error:
            raise UserError(_damaged(self._folder, self._places[name], error)) from None
        except FileNotFoundError:
            raise UserError(_damaged(self._folder, self._places[name], Damaged("is missing"))) from None
        except (OSError, pl.exceptions.PolarsError) as error:
            raise UserError(_damaged(self._folder, self._places[name], Damaged(f"cannot be read ({error})"))) from None

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._read:
            self._read[name] = read_own_table(self._folder, self._places[name], self._shape, None)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def rows(self, name: str, those: pl.Expr) -> pl.DataFrame:
        """Some rows of a table, in its order, without keeping the others. Raises `UserError`."""
        if name in self._read or self._shape.most_rows(name) <= MOST_KEPT:
            return self[name].filter(those)
        with self._refusing(name):
            return pl.scan_parquet(self._folder / self._places[name], glob=False).filter(those).collect()


@dataclass(frozen=True, eq=False)
class Recorded:
    """A run read back from its folder, with the tables of its controls by name."""

    folder: Path
    experiment: Experiment
    provenance: dict[str, Any]
    tables: Tables
    controls: dict[str, Tables]


def run_folder(experiment: Experiment, out: Path | None) -> Path:
    """Where a run goes: `out`, or `results/runs/<name>-<digest>-s<seeds>`."""
    if out is not None:
        return out
    last = experiment.seeds[-1]
    seeds = f"s{experiment.seed}" if last == experiment.seed else f"s{experiment.seed}-{last}"
    return Path("results") / "runs" / f"{experiment.name}-{experiment.setting_digest()[:8]}-{seeds}"


def already_there(folder: Path, experiment: Experiment) -> bool:
    """Whether the folder holds this very run, whole. Raises `UserError` if it holds anything else, or cannot be written."""
    check_place(folder)
    if not folder.exists() or not others_in(folder):
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
    """Writes one run under the name of `places.partial_of`, and puts it in its place when told that it is whole.

    While it writes, the partial folder is locked, and a thread touches STATUS, so that other processes (also on other machines,
    where locks may not be seen) know that somebody is at work.

    Attributes:
        whole: whether all is written, if it is in its place yet or not.
    """

    def __init__(self, folder: Path, experiment: Experiment, *, go_on: bool = False) -> None:
        self.folder, self.partial = folder, partial_of(folder)
        self.experiment = experiment
        self.whole = False
        sources_digest(experiment)  # now, before anything runs: what is edited meanwhile is not what ran
        self._over, self._handle = threading.Event(), -1
        refuse_link(self.partial)
        try:
            self.partial.mkdir(parents=True, exist_ok=True)
            self._handle = lock(self.partial)
            if not go_on:
                self._clear_an_interrupted_one()
            self.note(f"{RUNNING} {os.getpid()} on {platform.node()}; not whole")
            make_folder(self.partial / "tables")
            refuse_link(self.partial / "experiment.toml")
            self._write_experiment()
        except BlockingIOError:
            raise UserError(_in_the_way(self.partial)) from None
        except FileExistsError:
            raise UserError(f"{self.partial} must be a folder, but is a file or leads nowhere. Remove it, or give another --out.") from None
        except OSError as error:
            if not go_on:
                self.discard()
            self._unlock()
            if error.errno in FULL and self.partial.exists():
                raise unwritable(self.partial, error) from None
            raise UserError(
                f"the output folder must be writable, but {folder} is not: {error.strerror}. Give another --out."
            ) from None
        except UserError:
            self._unlock()
            raise
        threading.Thread(target=self._beat, daemon=True).start()

    def _write_experiment(self) -> None:
        """Write the experiment, unless it is there: a full disk must not spoil the one of an interrupted run."""
        path, words = self.partial / EXPERIMENT_FILE, self.experiment.to_toml()
        with contextlib.suppress(OSError):
            if path.read_bytes() == words.encode():
                return
        path.write_text(words, encoding="utf-8")

    def _unlock(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _clear_an_interrupted_one(self) -> None:
        """Remove what an interrupted run left in the partial folder, and leave anything else alone. Raises `UserError`."""
        others = [path.relative_to(self.partial) for path in files_in(self.partial, is_own, mine=False)]
        if others and not (self.partial / STATUS).is_file():
            raise UserError(
                f"{self.partial} must not exist yet, or must hold an interrupted run, but holds something else ({others[0]}). "
                "Move it away, or give another --out."
            )
        clear(self.partial, is_own)

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(self.partial / "STATUS")

    def note(self, text: str) -> None:
        """Say in the partial folder what it is, for whoever finds it."""
        refuse_link(self.partial / "STATUS")
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
        with contextlib.suppress(OSError):
            clear(self.partial, is_own)
            self.partial.rmdir()
        self.close()

    def table(self, name: str, frame: pl.DataFrame, control: str = "") -> None:
        """Write one table of the run, or of one of its controls. The bytes are the same from however many pieces it was put together."""
        folder = self.partial / ("controls" if control else "tables")
        make_folder(folder)
        make_folder(folder := folder / control)
        data = io.BytesIO()
        frame.rechunk().write_parquet(data, compression="zstd")
        write_atomically(folder / f"{name}.parquet", data.getbuffer())

    def blocks(self, runs: dict[int, Blocks], control: str = "") -> None:
        """Write the tables by generation of long runs (by the seed they stand for) from their blocks, one block after another."""
        for blocks in runs.values():
            blocks.settle()
        for name in next(iter(runs.values())).names if runs else ():
            folder = self.partial / ("controls" if control else "tables")
            make_folder(folder)
            make_folder(folder := folder / control)
            parts = [
                pl.scan_parquet(path, glob=False).with_columns(pl.lit(seed, dtype=pl.Int64).alias("seed"))
                for seed, blocks in runs.items()
                for path in blocks.files(name)
            ]

            def sink(path: Path, parts: list[pl.LazyFrame] = parts) -> None:
                pl.concat(parts).sink_parquet(path, compression="zstd", row_group_size=ROWS, maintain_order=True)

            produce_atomically(folder / f"{name}.parquet", sink)

    def finish(self, facts: dict[str, Any]) -> Path:
        """Write provenance and put the run in its place; a previous run of the same digest is replaced."""
        data = as_json(provenance(self.experiment) | facts | {"sums": SUMS})
        written = intact.files_in(self.partial, EXPERIMENT_FILE, "tables", "controls", SUMMARY)
        write_sums(self.partial, written, {PROVENANCE: sha256(data).hexdigest()})
        write_atomically(self.partial / PROVENANCE, data)
        self.whole = True
        try:
            put_in_place(self.folder)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        self.close()
        return self.folder


def is_own(parts: tuple[str, ...]) -> bool:
    """Whether evosim writes a file of this name in the folder of a run, a search or an interrupted run.

    Parameters
    ----------
    parts : tuple of str
        Of the path in that folder.
    """
    *folders, name = parts
    stem, _, ending = name.rpartition(".")
    if name.startswith(".") and name.endswith(TEMPORARY):
        return True
    if not folders:
        return name in (EXPERIMENT_FILE, PROVENANCE, STATUS, SUMMARY, FIGURE_LIST, SUMS)
    if folders == ["tables"] or (folders[0] == "controls" and len(folders) == 2):
        return ending == "parquet" and stem in (*TABLES, LANDSCAPE, SEARCH, PATHS)
    if folders == ["analysis"]:
        return ending == "parquet" and stem in ACCOUNTS
    if folders == [CHECKPOINT]:
        return ending == "npz" and (stem == "state" or stem.startswith("runs-"))
    if folders[:2] == [CHECKPOINT, "blocks"]:
        return len(folders) == 3 and ending == "parquet" and stem.rpartition("-")[0] in BY_GENERATION
    return folders[0] == "figures" and is_figure(folders[1:], stem, ending)


def _in_the_way(partial: Path) -> str:
    """What is said where another process writes a run."""
    found = writer(partial, locks=False)
    if found is None:
        return f"{partial} must not be written by two processes, but another process may be writing it. Wait until it ends, or give another --out."
    return (
        f"{partial} must not be written by two processes, but another process may be writing it: process {found[0]} on {found[1]}, by its STATUS. "
        f"Wait until it ends; if it is gone, wait three minutes or remove that file ('rm {shlex.quote(str(partial / STATUS))}')."
    )


def put_in_place(folder: Path) -> None:
    """Put a partial folder that is whole (it has its provenance, which is written last) in its place.

    It gets the folder's name. Where a folder of that name is there, its files go in: those of an earlier run
    are replaced, and files of the user stay.
    """
    partial = partial_of(folder)
    with contextlib.suppress(OSError):
        clear(partial / CHECKPOINT, lambda parts: is_own((CHECKPOINT, *parts)))
        (partial / CHECKPOINT).rmdir()
    for stale in partial.rglob(f".*{TEMPORARY}"):  # of a process that was killed
        stale.unlink()
    (partial / STATUS).unlink(missing_ok=True)
    if folder.exists():
        if is_report(folder / REPORT):  # of the earlier run
            (folder / REPORT).unlink()
        move_in(partial, folder, is_own, EXPERIMENT_FILE, PROVENANCE)
    else:
        partial.rename(folder)
    sync_folder(folder.parent)


def complete(folder: Path, experiment: Experiment) -> bool:
    """Put a run in its place whose process was killed when all but that was done. Tells whether there was one.

    A run that is half in its place already is put there whatever experiment it is of.
    """
    partial = partial_of(folder)
    if not (partial / PROVENANCE).is_file():
        return False
    try:
        handle = lock(partial)
    except OSError:  # another process puts it in place
        return False
    try:
        if not half_in_place(folder):
            facts = read_provenance(partial)
            if facts["digest"] != experiment.digest() or not same_sources(facts, experiment):
                return False
        put_in_place(folder)
    except OSError as error:
        raise unwritable(folder, error) from None
    finally:
        os.close(handle)
    return True


def half_in_place(folder: Path) -> bool:
    """Whether a process was killed while it put a run into a folder that was there already."""
    if (folder / PROVENANCE).is_file() or not folder.is_dir() or not (partial_of(folder) / PROVENANCE).is_file():
        return False
    return bool(others_in(folder))


def same_sources(facts: dict[str, Any], experiment: Experiment) -> bool:
    """Whether the provenance of a run names the very sources that are running now.

    Sources of the user's own algorithm count where they are found here; a run can be read elsewhere.
    """
    return bool(facts.get("sources") == sources_digest(experiment, recorded=facts.get("packages", {})))


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


def sources_of(experiment: Experiment) -> dict[str, str]:
    """Hash the sources that an experiment runs on, one package at a time.

    `sources_digest` also differs where two experiments use other packages. This tells whether the code of one package differs.

    Parameters
    ----------
    experiment
        The experiment.

    Returns
    -------
    dict
        By package or module, `evosim` first: 16 hexadecimal digits. What cannot be found here is left out.
    """
    choice = choice_of(experiment)
    used = installed.modules(choice) + ([choice.algorithm.partition(":")[0]] if ":" in choice.algorithm else [])
    found = {installed.home_of(module): _hash_of_module(module) for module in used}
    return {"evosim": sources_digest()} | {name: digest for name, digest in found.items() if digest}


def known_sources(facts: dict[str, Any], experiment: Experiment) -> dict[str, str]:
    """Tell what is known of the code that made a run, one package at a time.

    Parameters
    ----------
    facts
        The run's provenance. One that was written before `sources_of` was says only the joint hash, which is evosim's own
        if the experiment uses no other code.
    experiment
        The run's experiment.

    Returns
    -------
    dict
        As of `sources_of`. Empty if it is not known.
    """
    if "sources_of" in facts:
        return dict(facts["sources_of"])
    if facts.get("sources") and installed.all_own(choice_of(experiment)):
        return {"evosim": str(facts["sources"])}
    return {}


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
    _check_experiment(folder, expected_sum(folder, EXPERIMENT_FILE, facts, sums))
    experiment = with_own_words(resolve(read_toml(folder / EXPERIMENT_FILE)))
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

    def tables(part: str, names: tuple[str, ...], shape: Shape) -> Tables:
        places = {name: f"{part}/{name}.parquet" for name in names}
        return Tables(folder, places, shape, {name: expected_sum(folder, place, facts, sums) for name, place in places.items()})

    for name in others:
        inside(folder / "controls", name, f"a control that {folder / PROVENANCE} names")
    controls = {name: tables(f"controls/{name}", own, Shape(other, known.controls[name])) for name, other in others.items()}
    return Recorded(folder, experiment, facts, tables("tables", (*own, LANDSCAPE), Shape(experiment, known.runs)), controls)


def _check_experiment(folder: Path, expected: str | None) -> None:
    """Raise `UserError` if the experiment of a run is missing or is not what was written."""
    try:
        with (folder / EXPERIMENT_FILE).open("rb") as file:
            check_sum(file, expected)
    except Damaged:
        raise UserError(
            f"{folder}/{EXPERIMENT_FILE} must be what was written, but has another checksum: it was edited or damaged. Restore it, or run it to another folder."
        ) from None
    except OSError as error:
        raise UserError(f"{folder}/{EXPERIMENT_FILE} must be readable, but is not: {error.strerror}. Restore it from a copy.") from None


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
