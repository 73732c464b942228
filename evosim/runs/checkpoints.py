"""Checkpoints of interrupted runs, as plain arrays, tables and JSON.

Nothing in one is ever executed.

Random numbers are addressed by seed and generation, so a run between two generations is its
newborns and what it has recorded; everything else is made again from the experiment. A checkpoint
belongs to one experiment, one code and one set of packages, and is refused by others: what goes on
under another code would not be the run that was begun.

`OneRun` keeps one replicate in a file. `WholeRun` keeps an experiment in a folder: `state.npz`, the
run under way, and in addition `runs-*.npz`, the tables of those that are over, each written once. A
file counts from when `state.npz` names it. Tables by generation of long runs are in `blocks/`
(`evosim.runtime.blocks`), each block written once, so that a checkpoint does not grow with
generations.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.config.schema import Experiment
from evosim.errors import UserError
from evosim.runs import checkpoint_checks
from evosim.runs.provenance import versions
from evosim.runs.source_hash import sources_digest
from evosim.runtime import blocks
from evosim.runtime.atomic_files import inside, make_folder, write_atomically
from evosim.runtime.blocks import Blocks
from evosim.runtime.checksums import Damaged, shaped, table_from
from evosim.runtime.timing import Clock
from evosim.simulation.state import EVERY, Keeper, State, Tables
from evosim.version import __version__

VERSION = 2
PACKAGES = ("numpy", "numba", "polars", "deap")
STATE, BLOCKS = "state.npz", "blocks"
SEAL = 32  # bytes of hash at the end of a file
STAMP, FACTS, TABLE = "stamp", "facts", "table:"


def stamp(experiment: Experiment) -> dict[str, Any]:
    """What a checkpoint must have in common with whoever goes on from it."""
    packages = {name: metadata.version(name) for name in PACKAGES} | versions(experiment)
    return {
        "version": VERSION,
        "digest": experiment.digest(),
        "sources": sources_digest(experiment),
        "packages": packages,
        "evosim": __version__,
    }


def write(path: Path, stamped: dict[str, Any], state: State) -> None:
    """Write a checkpoint whole or not at all. Raises `UserError`."""
    file = io.BytesIO()
    arrays = {STAMP: _bytes(stamped), FACTS: _bytes(state.facts), **state.arrays}
    for name, table in state.tables.items():
        part = io.BytesIO()
        table.write_parquet(part, compression="zstd")
        arrays[TABLE + name] = np.frombuffer(part.getbuffer(), dtype=np.uint8)
    assert not any(array.dtype.hasobject for array in arrays.values()), "plain arrays only"
    np.savez(file, **arrays)  # type: ignore[arg-type]
    # The archive's own checks are not made by those who read arrays from it
    file.write(_seal(file.getbuffer()))
    write_atomically(path, file.getbuffer())


def read(path: Path, stamped: dict[str, Any], rows: int | None = None) -> State:
    """Read a checkpoint back, whose tables may have so many `rows`.

    Raises `UserError` if it is damaged, or of another version, experiment, code or replicate.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} must be readable, but is not: {error.strerror}. Mend it, or start afresh"
            " (--force)."
        ) from None
    try:
        if _seal(raw[:-SEAL]) != raw[-SEAL:]:
            raise ValueError
        checkpoint_checks.check_archive(archive := io.BytesIO(raw))
        with np.load(archive, allow_pickle=False) as file:
            found = _json(file[STAMP])
            _check(path, found, stamped)
            arrays = {name: file[name] for name in file.files}
        tables = {
            n.removeprefix(TABLE): table_from(a.tobytes(), rows)
            for n, a in arrays.items()
            if n.startswith(TABLE)
        }
        plain = {
            n: a for n, a in arrays.items() if n not in (STAMP, FACTS) and not n.startswith(TABLE)
        }
        return State(_json(arrays[FACTS]), plain, tables)
    except UserError:
        raise
    except Exception:  # whatever a damaged file makes of its readers
        raise UserError(
            f"{path} must be a whole checkpoint, but is damaged. Start afresh (--force)."
        ) from None


@contextmanager
def believed(path: Path) -> Iterator[None]:
    """Say in one line what a checkpoint holds that cannot be. Raises `UserError`."""
    try:
        yield
    except Damaged as error:
        raise UserError(
            f"{path} must be a checkpoint of this experiment, but {error}. Start afresh (--force)."
        ) from None


def work_in(folder: Path) -> float:
    """Seconds of work that the checkpoint in a folder holds: 0 if there is none, infinite if nobody
    can tell.
    """
    if not (folder / STATE).exists():
        return 0.0
    try:
        with (folder / STATE).open("rb") as opened:
            checkpoint_checks.check_archive(opened)
            with np.load(opened, allow_pickle=False) as file:
                facts = shaped(_json(file[FACTS]), checkpoint_checks.Whole)
        return sum(sum(part.seconds.values()) for part in [*facts.interruptions, facts.part])
    except Exception:
        return float("inf")


def _seal(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=SEAL).digest()


def _bytes(data: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(data, allow_nan=False).encode(), dtype=np.uint8)


def _json(data: NDArray[Any]) -> Any:
    return json.loads(data.tobytes())


def _check(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse what is of another version, experiment, code or replicate, saying how to go on."""
    if found["version"] != wanted["version"]:
        raise UserError(
            f"{path} must be a checkpoint of version {wanted['version']}, but is of"
            f" {found['version']}. Go on with the evosim that wrote it ({found.get('evosim')}), or"
            " start afresh (--force)."
        )
    if found["digest"] != wanted["digest"]:
        raise UserError(
            f"{path} must be of this experiment (digest {wanted['digest'][:8]}), but is of another"
            f" ({found['digest'][:8]}). Give the experiment it was begun with, or start afresh"
            " (--force)."
        )
    # A package that differs is named below
    if found["sources"] != wanted["sources"] and found.get("packages") == wanted["packages"]:
        raise UserError(
            f"{path} must be of the code that is running (sources {wanted['sources'][:8]}), but is"
            f" of another (evosim {found['evosim']}, sources {found['sources'][:8]}): the rest"
            " would not be the same run. Go back to that code, or start afresh (--force)."
        )
    for key in sorted({*found, *wanted} - {"evosim"}):
        if found.get(key) != wanted.get(key):
            raise UserError(
                f"{path} must have {key} {wanted.get(key)}, but has {found.get(key)}: the rest"
                " would not be the same run. Go back to that, or start afresh (--force)."
            )


class OneRun(Keeper):
    """One replicate in one file, which stays when the replicate is over: remove it once its tables
    are safe.
    """

    def __init__(
        self,
        path: Path,
        should_stop: Callable[[], object] = lambda: None,
        every: float = EVERY,
        tell: Callable[[str], object] = lambda words: None,
    ) -> None:
        super().__init__(should_stop, every, tell)
        self.path = path
        self._stamp: dict[str, Any] = {}

    def begin(self, experiment: Experiment, seed: int, control: str) -> State | None:
        """Where the replicate goes on, if the file is there.

        Raises `UserError` if it is another's.
        """
        self._stamp = stamp(experiment) | {"seed": seed, "control": control}
        if not self.path.exists():
            return None
        state = read(self.path, self._stamp, checkpoint_checks.most_rows(experiment))
        with believed(self.path):
            checkpoint_checks.check_one(state.facts, state.arrays, state.tables, experiment)
        return state

    def _write(self, state: State | None) -> None:
        if state:
            write(self.path, self._stamp, state)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Replicates that were over between two checkpoints: (control, seed, status, generations),
    tables by control, classes that lived.

    `blocks` holds, by (control, seed), tables by generation that are on disk.
    """

    endings: list[tuple[str, int, str, int]]
    tables: dict[str, Tables]
    lived: NDArray[np.int64]
    until: int  # replicates in this one and all before
    blocks: dict[tuple[str, int], Blocks]


class Finished:
    """Replicates that are over, in the order in which they came."""

    def __init__(self) -> None:
        self._batches: list[_Batch] = []

    def __len__(self) -> int:
        return self._batches[-1].until if self._batches else 0

    @property
    def batches(self) -> int:
        """How many were added or put back."""
        return len(self._batches)

    def add(
        self,
        control: str,
        seed: int,
        status: str,
        generations: int,
        tables: Tables,
        lived: NDArray[np.int64],
        on_disk: Blocks | None = None,
    ) -> None:
        """A replicate of the run, or of one of its controls, under the seed it stands for."""
        blocks_of = {} if on_disk is None else {(control, seed): on_disk}
        # In one step: a signal may come between any two.
        self._batches.append(
            _Batch(
                [(control, seed, status, generations)],
                {control: tables},
                lived,
                len(self) + 1,
                blocks_of,
            )
        )

    def endings(self, control: str = "") -> dict[str, Any]:
        """By seed, how replicates of the run (or a control) ended."""
        every = (ending for batch in self._batches for ending in batch.endings)
        return {
            str(seed): {"status": s, "generations": g} for c, seed, s, g in every if c == control
        }

    def tables(self, control: str = "", first: int = 0) -> Tables:
        """Their tables, put together, of those in the batches from `first` on."""
        mine = [batch.tables[control] for batch in self._batches[first:] if control in batch.tables]
        return {
            name: pl.concat([tables[name] for tables in mine]) for name in (mine[0] if mine else ())
        }

    def blocks(self, control: str = "") -> dict[int, Blocks]:
        """By seed, tables by generation that are on disk."""
        return {
            seed: part
            for batch in self._batches
            for (c, seed), part in batch.blocks.items()
            if c == control
        }

    def lived(self, first: int = 0) -> NDArray[np.int64]:
        """Classes that lived in them, where somebody noted it."""
        return np.unique(
            np.concatenate(
                [np.empty(0, dtype=np.int64), *(batch.lived for batch in self._batches[first:])]
            )
        )

    def state(self, first: int) -> State:
        """The batches from `first` on, as plain things."""
        endings = [ending for batch in self._batches[first:] for ending in batch.endings]
        controls = dict.fromkeys(control for control, *_ in endings)
        tables = {
            f"{c}/{name}": table for c in controls for name, table in self.tables(c, first).items()
        }
        on_disk = []
        for batch in self._batches[first:]:
            for (control, seed), part in batch.blocks.items():
                part.settle()
                on_disk.append(
                    (
                        control,
                        seed,
                        part.folder.name,
                        part.written,
                        part.seals[-1],
                        list(part.names),
                    )
                )
        return State({"endings": endings, "blocks": on_disk}, {"lived": self.lived(first)}, tables)

    def restore(self, state: State, folder: Path) -> None:
        """Put back some that were kept, with blocks in a folder.

        Raises `UserError` if those are damaged.
        """
        on_disk: dict[tuple[str, int], Blocks] = {}
        for control, seed, name, written, seal, names in state.facts["blocks"]:
            on_disk[control, seed] = Blocks(
                inside(folder, name, "a folder of blocks that a checkpoint names")
            )
            on_disk[control, seed].reopen(written, seal, tuple(names))
        tables: dict[str, Tables] = {}
        for place, table in state.tables.items():
            control, _, name = place.partition("/")
            tables.setdefault(control, {})[name] = table
        endings = [(c, seed, s, g) for c, seed, s, g in state.facts["endings"]]
        self._batches.append(
            _Batch(endings, tables, state.arrays["lived"], len(self) + len(endings), on_disk)
        )


class WholeRun(Keeper):
    """An experiment with its replicates and controls, in a folder.

    Attributes:
        finished: replicates that are over.
        interruptions: of each earlier part of the run what ended it, when it was last kept, how far
        it was, and its seconds.
    """

    def __init__(
        self,
        folder: Path,
        experiment: Experiment,
        clock: Clock,
        should_stop: Callable[[], object] = lambda: None,
        every: float = EVERY,
        tell: Callable[[str], object] = lambda words: None,
    ) -> None:
        super().__init__(should_stop, every, tell)
        self.folder, self.clock = folder, clock
        self.finished = Finished()
        self.interruptions: list[dict[str, Any]] = []
        self._experiment, self._stamp = experiment, stamp(experiment)
        self._parts: list[str] = []
        self._written = self._under_way = 0
        self._saved: State | None = None  # read back, and not yet asked for

    @property
    def exists(self) -> bool:
        """Whether there is something to go on from."""
        return (self.folder / STATE).is_file()

    def resume(self) -> None:
        """Go on from what the folder holds. Raises `UserError`."""
        rows = checkpoint_checks.most_rows(self._experiment)
        state = read(self.folder / STATE, self._stamp, rows)
        facts = state.facts
        with believed(self.folder / STATE):
            checkpoint_checks.check_whole(facts, self._experiment)
        for name in facts["parts"]:
            path = inside(self.folder, name, f"a part that {self.folder / STATE} names")
            part = read(path, self._stamp, rows)
            with believed(path):
                checkpoint_checks.check_replicates(
                    part.facts, part.arrays, part.tables, self._experiment
                )
            self.finished.restore(part, self.folder / BLOCKS)
        if len(self.finished) != facts["finished"]:
            raise UserError(
                f"{self.folder / STATE} must name {facts['finished']} finished runs, but"
                f" {len(self.finished)} are there. Start afresh (--force)."
            )
        self._parts, self._written = facts["parts"], self.finished.batches
        self._under_way = len(self.finished)
        self.interruptions = [*facts["interruptions"], facts["part"]]
        if facts["run"]:
            saved = self._saved = State(facts["run"], state.arrays, state.tables)
            self._facts, self._take = saved.facts, lambda: saved

    @property
    def under_way(self) -> dict[str, Any] | None:
        """Of the run under way its label, generation and generations, as a checkpoint would say
        now; nothing between two runs.
        """
        return self._facts if self._under_way == len(self.finished) else None

    @property
    def resumed(self) -> dict[str, Any] | None:
        """Where it goes on: `run` (which), `generation`, `seconds` of work; nothing if from the
        beginning.
        """
        return self.interruptions[-1] if self.interruptions else None

    def blocks(self, experiment: Experiment, seed: int, control: str) -> Blocks | None:
        """Where a long replicate puts what grows with generations."""
        if experiment.generations <= blocks.BLOCK:
            return None
        make_folder(self.folder)
        return Blocks(self.folder / BLOCKS / f"{control or 'run'}-{seed}")

    def begin(self, experiment: Experiment, seed: int, control: str) -> State | None:
        """Where a replicate goes on, if it was the one under way. Raises `UserError`."""
        saved, self._saved = self._saved, None
        if saved and (saved.facts["control"], saved.facts["seed"]) != (control, seed):
            raise UserError(
                f"{self.folder / STATE} must hold the run that comes next, but holds another. Start"
                " afresh (--force)."
            )
        if saved:
            with believed(self.folder / STATE):
                checkpoint_checks.check_one(saved.facts, saved.arrays, saved.tables, experiment)
        self._facts, self._take = (saved.facts, lambda: saved) if saved else (None, None)
        self._under_way = len(self.finished)
        return saved

    def _write(self, state: State | None) -> None:
        if self._under_way < len(self.finished):
            state = None  # it is over, and the next has not begun
        make_folder(self.folder)
        if self.finished.batches > self._written:
            name = f"runs-{len(self._parts) + 1:05d}.npz"
            write(self.folder / name, self._stamp, self.finished.state(self._written))
            self._parts.append(name)
            self._written = self.finished.batches
        run = state.facts if state else None
        facts = {
            "parts": self._parts,
            "finished": len(self.finished),
            "run": run,
            "interruptions": self.interruptions,
            "part": {
                "by": self.stopped_by,
                "saved": datetime.now(UTC).isoformat(timespec="seconds"),
                "run": run["label"] if run else None,
                "generation": run["generation"] if run else None,
                "finished": len(self.finished),
                "seconds": self.clock.told(),
            },
        }
        write(
            self.folder / STATE,
            self._stamp,
            State(facts, *((state.arrays, state.tables) if state else ())),
        )
