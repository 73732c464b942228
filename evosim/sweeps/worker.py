"""Compute one chunk of a sweep and write it. Every engine calls this, in its own process.

The bytes of a chunk depend on its plan alone: not on who computes it, with how many threads, in
which order, or on what was finished before an interrupt.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import platform
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from evosim.analysis.shared_cache import SharedCache
from evosim.config.landscape_search import landscape_digest
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.errors import Stop, UserError, in_one_line
from evosim.fitness.landscape import Landscape
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.in_memory import Replicate, replicate
from evosim.runs.session import SessionOptions
from evosim.runtime.atomic_files import Unwritable, refuse_link
from evosim.runtime.checksums import Damaged
from evosim.simulation.session import Session
from evosim.simulation.state import RunState
from evosim.sweeps.design import experiment_of
from evosim.sweeps.plan import DTYPES, decoded
from evosim.sweeps.store import FAILED, RUNS, Frames, Store, clear

KEEP_EVERY = 5.0  # seconds between two writings of finished runs, at least
# ... and this many times as long as the last writing took, so that it costs at most a twentieth
KEEP_SHARE = 20
SIGN_OF_LIFE = 10.0  # seconds
LANDSCAPES = 2
FIXED = {"status": pl.String, "generations": pl.Int64, "error": pl.String}
BY_AGE = ["subject", "seed", "world", "kind", "act"]


class Lacking(UserError):
    """The machine lacks something that a run needs.

    It is no failure of the run, so that none is recorded.
    """


class Stopped(BaseException):
    """Somebody asked for an end in the middle of a run.

    Not an error of the run, so that none is recorded.
    """


class Tell(Protocol):
    """Hears of each run that ends, and of a chunk's beginning and end (`event`: `begin`, `run`,
    `end`).
    """

    def __call__(self, event: str, chunk: int, **facts: Any) -> None:
        """`run`: `run`, `status`, `seconds`; `begin`: `done` runs found finished; `end`:
        `finished`.
        """


def silent(event: str, chunk: int, **facts: Any) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Receipt:
    """What a worker hands back: little, because results are in files.

    Attributes:
        chunk: which.
        finished: whether it is done; otherwise it was stopped, and its finished runs are kept.
        computed: runs that were computed now.
        failed: those of the chunk that failed.
    """

    chunk: int
    finished: bool
    computed: int
    failed: int


ASKED = threading.Event()  # a signal wants what is finished, and the run under way, to be kept now


def run_chunk(
    folder: Path | str,
    chunk: int,
    *,
    threads: int | None = 1,
    should_stop: Callable[[], bool] = lambda: False,
    tell: Tell = silent,
    other_sources: bool = False,
) -> Receipt:
    """Compute the runs of a chunk that are not finished, and write it; nothing if it is done
    already.

    When `should_stop` says so, the run that is being computed is given up within a generation, and
    the finished ones are written. Harmless beside another process on the same chunk. Raises
    `UserError` where the folder cannot be read or written, or was begun by other sources and
    `other_sources` does not allow that.
    """
    store = opened(Path(folder))
    store.check_sources(other_sources=other_sources)
    if store.is_done(chunk) or store.complete(chunk):
        return Receipt(chunk, True, 0, store_failed(store, chunk))
    use_threads(threads)
    done, log = _Finished(store.keep, store.kinds, store.finished(chunk)), _Log(store.folder)
    tell("begin", chunk, done=len(done))
    log("begin", chunk, done=len(done))
    kept, pause, fresh = time.monotonic(), KEEP_EVERY, False
    spent: list[float] = []
    over: list[_Checkpoints] = []

    def keep_now() -> bool:
        """Keep what is finished, if that was asked for. Tells whether it was."""
        nonlocal kept, fresh
        if not ASKED.is_set():
            return False
        ASKED.clear()
        if fresh:
            store.keep_finished(chunk, done.frames())
            _clear([each for each in over if each.run in done])
            kept, fresh = time.monotonic(), False
        log("asked", chunk, done=len(done))
        return True

    try:
        for row in store.planned(chunk).iter_rows(named=True):
            if row["run"] in done:
                continue
            if should_stop():
                raise Stopped
            start = time.perf_counter()
            keep_now()
            kept_runs = _Checkpoints(store, chunk, row["run"], should_stop, keep_now)
            over.append(kept_runs)
            result, trace = _computed(store, row, kept_runs, should_stop)
            spent.append(round(time.perf_counter() - start, 4))
            done.add(row, result)
            fresh = True
            tell("run", chunk, run=row["run"], status=result.status, seconds=spent[-1])
            if trace:
                log("failed", chunk, run=row["run"], trace=trace)
            log.now_and_then("at", chunk, done=len(done))
            if time.monotonic() - kept > pause and len(done) < store.size(chunk):
                writing = time.monotonic()
                store.keep_finished(chunk, done.frames())
                _clear(over)
                kept, fresh = time.monotonic(), False
                pause = max(KEEP_EVERY, KEEP_SHARE * (kept - writing))
        store.commit(chunk, done.frames())
        _clear(over)
        finished = True
    except (Stopped, Stop):
        if over and over[-1].run not in done:
            over[-1].save()
        if fresh:
            store.keep_finished(chunk, done.frames())
            _clear([each for each in over if each.run in done])
        finished = False
    except Lacking:
        if fresh:
            with contextlib.suppress(UserError, OSError, MemoryError):
                store.keep_finished(chunk, done.frames())
        raise
    log("end" if finished else "stop", chunk, done=len(done), seconds=spent)
    tell("end", chunk, finished=finished)
    return Receipt(chunk, finished, len(spent), done.failed)


def store_failed(store: Store, chunk: int) -> int:
    """How many runs of a done chunk failed; 0 if that cannot be read, which is for `check` to
    say.
    """
    try:
        return store.counted(chunk).failed
    except Damaged:
        return 0


def use_threads(threads: int | None) -> None:
    """Let kernels use so many threads (all if none is said)."""
    import numba

    most = numba.config.NUMBA_NUM_THREADS
    numba.set_num_threads(most if threads is None else min(threads, most))


@dataclass(frozen=True, eq=False)
class Failure:
    """A run that could not be computed, and why."""

    error: str
    status: str = FAILED


class _Checkpoints:
    """Where one run and its controls are kept when they are stopped in their middle, and every few
    minutes.
    """

    def __init__(
        self,
        store: Store,
        chunk: int,
        run: int,
        should_stop: Callable[[], bool],
        asked: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store, self._chunk, self.run, self._should_stop, self._asked = (
            store,
            chunk,
            run,
            should_stop,
            asked,
        )
        self._keepers: list[_Mine] = []
        self._began = time.monotonic()

    def __call__(self, control: str) -> ReplicateCheckpoint:
        if self._keepers and time.monotonic() - self._began > KEEP_EVERY:
            self._keepers[
                -1
            ].save()  # it is over, but its results are not safe before those of all controls are
        options = SessionOptions(stop_requested=self._should_stop, checkpoint_requested=self._asked)
        self._keepers.append(_Mine(self._store.checkpoint(self._chunk, self.run, control), options))
        return self._keepers[-1]

    def save(self) -> None:
        """Keep how far the run and its controls have come."""
        for keeper in self._keepers:
            keeper.save()

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [keeper.path for keeper in self._keepers]


class _Mine(ReplicateCheckpoint):
    """A run that goes on from its checkpoint, or at its beginning where that is damaged or was made
    by other code.
    """

    def begin(self, experiment: Experiment, seed: int, control: str) -> RunState | None:
        try:
            return super().begin(experiment, seed, control)
        except UserError:
            clear([self.path])
            return None


def _clear(over: list[_Checkpoints]) -> None:
    """Remove the checkpoints of runs whose results are safe."""
    for checkpoints in over:
        clear(checkpoints.paths)
    over.clear()


def no_checkpoints(control: str) -> None:
    """Keep nothing."""


def compute(
    tree: dict[str, Any],
    row: dict[str, Any],
    kinds: dict[str, str],
    should_stop: Callable[[], bool] = lambda: False,
    keeper: Callable[[str], Session | None] = no_checkpoints,
) -> Replicate:
    """The run of one row of a plan.

    Raises what its computation raises, and `UserError` if it is not the run that was planned.
    """
    experiment = experiment_of(tree, decoded(row, kinds), row["seed"], name=f"run {row['run']}")
    if experiment.setting_digest() != row["cell"]:
        raise UserError(
            f"run {row['run']} must resolve to the planned cell {row['cell'][:8]}, but resolves to"
            f" {experiment.setting_digest()[:8]}: defaults have changed. Do the sweep to another"
            " --out."
        )

    def watch(*_: object) -> None:
        if should_stop():
            raise Stopped

    ready = prepared(experiment, watch)
    # keepers ask whether to stop
    session = keeper if keeper is not no_checkpoints else lambda control: Session(watch)
    return replicate(ready.setting, ready.landscape, session, ready.known)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a run needs, of which other runs may share the landscape and what is known of it."""

    setting: Problem
    landscape: Landscape
    known: SharedCache


def prepared(experiment: Experiment, watch: Callable[..., None] = lambda *_: None) -> Prepared:
    """Prepare a run: build its setting and score its landscape, where this process does not have
    them.

    Parameters
    ----------
    experiment: of one replicate.
    watch: called between blocks of the landscape; it may raise.

    Returns
    -------
    What the run needs.
    """
    setting = _setting(experiment)
    return Prepared(setting, *_shared(setting, watch))


def forget() -> None:
    """Forget settings and landscapes, so that the next run has to make its own, as in a new
    process.
    """
    _built.clear()
    _known.clear()


def _computed(
    store: Store,
    row: dict[str, Any],
    keeper: Callable[[str], Session],
    should_stop: Callable[[], bool],
) -> tuple[Replicate | Failure, str | None]:
    """A run, or how it failed and the whole trace of that."""
    try:
        return compute(store.facts["tree"], row, store.kinds, should_stop, keeper), None
    except Unwritable:  # the disk's failure, and none of the run
        raise
    except Exception as error:
        if _of_machine(error):
            raise Lacking(
                f"run {row['run']} needs more than this machine gave:"
                f" {in_one_line(f'{type(error).__name__}: {error}'.rstrip('. '))}. Give it that"
                " (memory, files, processes, disk), and do the same again; nothing is recorded of"
                " it, and what is finished is kept."
            ) from None
        return Failure(_in_one_line(error)), traceback.format_exc()


def _of_machine(error: Exception) -> bool:
    """Whether the machine failed and not the run: on another one, or later, the run may succeed."""
    if isinstance(error, UserError):
        return isinstance(error, Lacking)
    threads = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    return threads or isinstance(
        error, OSError | MemoryError | EOFError | ImportError | pickle.PickleError
    )


def _in_one_line(error: Exception) -> str:
    """What went wrong, and where in the package: the same on every machine that runs this code."""
    words = " ".join(str(error).split())
    if isinstance(error, UserError):
        return words
    package = Path(__file__).resolve().parent.parent
    places = [
        f"{Path(frame.filename).resolve().relative_to(package.parent).as_posix()}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if package in Path(frame.filename).resolve().parents
    ]
    where = f" ({places[-1]})" if places else ""
    return f"{type(error).__name__}: {words}{where}"


def _setting(experiment: Experiment) -> Problem:
    """The setting of an experiment; world and genome of the last cell are remembered, because its
    other seeds come next.
    """
    cell = experiment.setting_digest()
    if cell not in _built:
        made = build(experiment)
        _built.clear()
        _built[cell] = made
    return replace(_built[cell], experiment=experiment)


_built: dict[str, Problem] = {}
_known: OrderedDict[str, tuple[Landscape, SharedCache]] = OrderedDict()


def _shared(setting: Problem, watch: Callable[..., None]) -> tuple[Landscape, SharedCache]:
    """The landscape of worlds and genome, and what is known of them; the last few are
    remembered.
    """
    experiment = setting.experiment
    key = landscape_digest(experiment)
    # What of a large grid is looked at depends on more
    if setting.genome.grid.size > experiment.analysis.max_classes:
        key += f"{experiment.analysis.model_dump_json()} {experiment.optimizer.get('population')}"
    else:
        key += " whole"
    if key in _known:
        _known.move_to_end(key)
    else:
        _known[key] = Landscape(setting, progress=watch), SharedCache(setting.genome, setting.pair)
        while len(_known) > LANDSCAPES:
            _known.popitem(last=False)
    return _known[key]


def opened(folder: Path) -> Store:
    """The store of a folder, read once a process unless it is begun anew. Raises `UserError`."""
    folder = folder.resolve()
    try:
        facts = (folder / "sweep.json").stat()
    except OSError:
        return Store(folder)  # it knows what to say
    return _store(folder, facts.st_mtime_ns, facts.st_ino)


@lru_cache(maxsize=4)
def _store(folder: Path, *_: int) -> Store:
    return Store(folder)


class _Finished:
    """The finished runs of a chunk, by number, with what is kept of each."""

    def __init__(
        self, keep: tuple[str, ...], kinds: dict[str, str], found: Frames | None = None
    ) -> None:
        self._keep, self._kinds = keep, kinds
        self._rows: dict[int, dict[str, Any]] = {}
        self._parts: dict[str, list[pl.DataFrame]] = {name: [] for name in keep}
        if found:
            for row in found[RUNS].iter_rows(named=True):
                self._rows[row["run"]] = {
                    key: value for key, value in row.items() if value is not None
                }
            for name in keep:
                self._parts[name].append(found[name])

    def __contains__(self, run: int) -> bool:
        return run in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(row["status"] == FAILED for row in self._rows.values())

    def add(self, planned: dict[str, Any], result: Replicate | Failure) -> None:
        """A run has ended."""
        row = {key: value for key, value in planned.items() if key != "chunk" and value is not None}
        if isinstance(result, Failure):
            self._rows[planned["run"]] = row | {"status": FAILED, "error": result.error}
            return
        self._rows[planned["run"]] = (
            row | {"status": result.status, "generations": result.generations} | result.numbers
        )
        for name, frame in kept_tables(result, self._keep).items():
            self._parts[name].append(
                frame.select(pl.lit(planned["run"], dtype=pl.Int64).alias("run"), pl.all())
            )

    def frames(self) -> Frames:
        """All tables, in order of runs."""
        self._parts = {name: [joined(parts)] for name, parts in self._parts.items()}
        runs = runs_frame([self._rows[run] for run in sorted(self._rows)], self._kinds)
        return {RUNS: runs, **{name: parts[0] for name, parts in self._parts.items()}}


def finished_runs(
    keep: tuple[str, ...],
    kinds: dict[str, str],
    results: Iterable[tuple[dict[str, Any], Replicate | Failure]],
) -> Frames:
    """The tables of some rows of a plan and what came of them."""
    done = _Finished(keep, kinds)
    for row, result in results:
        done.add(row, result)
    return done.frames()


def kept_tables(result: Replicate, keep: Iterable[str]) -> Frames:
    """The tables of a run that are kept.

    `ledger` is the behaviour ledger summed over ages; a search ledger that is off is left out.
    """
    out = {}
    for name in keep:
        if name == "ledger":
            summed = result.tables["behaviour"].group_by(*BY_AGE, maintain_order=True)
            out[name] = summed.agg(pl.col("value").sum())
        elif name in result.tables:
            out[name] = result.tables[name]
    # A column in which nothing was measured has no type, and other runs may have measured
    # something.
    return {name: frame.cast({pl.Null: pl.Float64}) for name, frame in out.items()}


def runs_frame(rows: list[dict[str, Any]], kinds: dict[str, str]) -> pl.DataFrame:
    """One row a run: what was planned, how it ended, and the account's numbers in order of their
    names.
    """
    planned = {
        "run": pl.Int64,
        "cell": pl.String,
        "seed": pl.Int64,
        **{key: DTYPES[kind] for key, kind in kinds.items()},
    }
    schema = planned | FIXED
    numbers = sorted({key for row in rows for key in row} - set(schema))
    return pl.DataFrame(rows, schema=schema | dict.fromkeys(numbers, pl.Float64))


def joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """The parts of a kept table as one, in order of runs. Cells may differ in their columns."""
    if not parts:
        return pl.DataFrame(schema={"run": pl.Int64})
    return pl.concat(parts, how="diagonal_relaxed").sort("run", maintain_order=True)


class _Log:
    """What this process did when, a line of JSON an event.

    For people and for `status`; if it cannot be written, it is not.
    """

    def __init__(self, folder: Path) -> None:
        refuse_link(folder / "logs")
        self._path = folder / "logs" / f"{platform.node()}-{os.getpid()}-{_STARTED}.jsonl"
        self._last = 0.0

    def __call__(self, event: str, chunk: int, **facts: Any) -> None:
        self._last = time.monotonic()
        line = (
            json.dumps({"time": round(time.time(), 3), "event": event, "chunk": chunk, **facts})
            + "\n"
        )
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(line)

    def now_and_then(self, event: str, chunk: int, **facts: Any) -> None:
        """A sign of life, unless there was one lately."""
        if time.monotonic() - self._last > SIGN_OF_LIFE:
            self(event, chunk, **facts)


_STARTED = time.time_ns()
