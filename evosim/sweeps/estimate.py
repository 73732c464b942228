"""Estimate time and disk of a sweep from a few of its runs, which are timed and discarded."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from dataclasses import dataclass

from evosim.config.resolve import build
from evosim.errors import UserError
from evosim.runs.estimate import disk_by_table
from evosim.runs.in_memory import Replicate, replicate
from evosim.sweeps.chunk_files import parquet_bytes
from evosim.sweeps.chunk_results import Failure, finished_runs
from evosim.sweeps.design import experiment_of
from evosim.sweeps.plan import Plan, PlannedRun
from evosim.sweeps.prepared_runs import PreparedRun, forget, prepared
from evosim.sweeps.schema import SIMULATED
from evosim.sweeps.store import Store
from evosim.sweeps.worker import use_threads

SAMPLE_SECONDS = 10.0
SAMPLE_RUNS = 24
BLOCKS = 3  # landscapes in the sample, if time allows
# Bytes on disk, measured over the packaged experiments. First files of a chunk, then one run in
# them, then its table `behaviour`.
TimedRun = tuple[PlannedRun, Replicate | Failure]
BYTES_OF_CHUNK, BYTES_OF_RUN, BYTES_OF_AGES = 40_000, 1_000, 12_000


@dataclass(frozen=True)
class Estimate:
    """Estimated cost of a sweep.

    Attributes
    ----------
    sampled, failed : int
        Runs that were timed, and those of them that failed.
    landscapes : int
        Different landscapes of the sweep.
    preparing : float
        Mean seconds, on one thread, that a landscape and its first run take in addition.
    seconds, slowest : float
        Mean seconds of a further run on one thread, and of the slowest.
    wall : float
        Seconds of the whole sweep with the requested workers.
    size, files : float
        Bytes and files on disk, without the collected tables.
    """

    sampled: int
    failed: int
    landscapes: int
    preparing: float
    seconds: float
    slowest: float
    wall: float
    size: float
    files: int


@dataclass(frozen=True)
class _Block:
    """Times of the runs that share a landscape.

    Attributes
    ----------
    runs : int
        Their number in the plan.
    first : float
        Seconds that the landscape and its first run take in addition.
    each, slowest : float
        Mean seconds of a further run, and seconds of the slowest.
    """

    runs: int
    first: float
    each: float
    slowest: float


def estimate(plan: Plan, workers: int) -> Estimate:
    """Time a few runs from all parts of a plan, for about `SAMPLE_SECONDS` or two runs.

    Runs that share a landscape are adjacent in a plan, and a worker scores a landscape once. So a
    few landscapes are sampled, with several runs of each. The first run gives the cost of the
    landscape, the others the cost of a further run.

    Parameters
    ----------
    plan : Plan
        Of the sweep.
    workers : int
        Processes that will compute it, with one thread each.
    """
    use_threads(1)
    blocks = _blocks(plan)
    _one(plan, 0)  # compile kernels
    timed: list[_Block] = []
    results: list[TimedRun] = []
    began = time.perf_counter()
    order = _spread(len(blocks))
    share = SAMPLE_SECONDS / min(BLOCKS, len(blocks))
    for at in order:
        timed.append(
            _timed(
                plan, blocks[at], min(share, began + SAMPLE_SECONDS - time.perf_counter()), results
            )
        )
        if time.perf_counter() - began > SAMPLE_SECONDS or len(results) >= SAMPLE_RUNS * BLOCKS:
            break
    n, processes = plan.frame.height, max(1, min(workers, plan.chunks))
    chunk = n / plan.chunks
    # Each worker with a chunk of a landscape scores it once.
    times = [
        min(processes, math.ceil(block.runs / chunk)) * block.first + block.runs * block.each
        for block in timed
    ]
    total = sum(times) / sum(block.runs for block in timed) * n
    # A file has a minimum size.
    first, every = (_bytes(plan, some) for some in (results[:1], results))
    per_run = max(every - first, 0) / max(1, len(results) - 1)
    failed = sum(isinstance(result, Failure) for _, result in results)
    size = (
        first * plan.chunks
        + per_run * (n - plan.chunks)
        + len(parquet_bytes(plan.frame.head(1000), {})) * max(1.0, n / 1000)
    )
    return Estimate(
        len(results),
        failed,
        len(blocks),
        _mean([block.first for block in timed]),
        _mean([block.each for block in timed]),
        max(block.slowest for block in timed),
        total / plan.chunks * math.ceil(plan.chunks / processes),
        size,
        plan.chunks * (len(plan.keep) + 2),
    )


def room_for(store: Store, chunks: list[int], *, collect: bool) -> float:
    """Estimate the bytes of chunks without computing anything.

    Parameters
    ----------
    store : Store
        The sweep.
    chunks : list[int]
        The chunks to compute.
    collect : bool
        Whether their runs are then collected, which takes the same bytes again.
    """
    runs = sum(store.size(chunk) for chunk in chunks)
    each = float(BYTES_OF_RUN) + (BYTES_OF_AGES if "behaviour" in store.keep else 0)
    if set(store.keep) & set(SIMULATED):
        # The first and the last run represent all: the number of generations may be swept.
        ends = (store.runs_of(chunks[0])[0], store.runs_of(chunks[-1])[-1])
        each += sum(_recorded(store, planned) for planned in ends) / len(ends)
    return BYTES_OF_CHUNK * len(chunks) + each * runs * (2 if collect else 1)


def _recorded(store: Store, planned: PlannedRun) -> float:
    """Bytes of the kept tables of generations and grid; 0 for a run that will fail."""
    with contextlib.suppress(UserError):
        settings = planned.settings(store.kinds)
        setting = build(experiment_of(store.manifest.tree, settings, planned.seed))
        return sum(count for name, count in disk_by_table(setting).items() if name in store.keep)
    return 0.0


def _blocks(plan: Plan) -> list[range]:
    """The runs of each landscape, which are adjacent in the plan.

    Cells do not share the landscape of a grid that is too large for memory.
    """
    sizes = list(plan.blocks)
    first = _prepared(plan, 0)
    if isinstance(first, PreparedRun) and not first.landscape.whole:
        sizes = [plan.sweep.replicates] * plan.cells
    ends = list(itertools.accumulate(sizes))
    return [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]


def _timed(plan: Plan, block: range, seconds: float, results: list[TimedRun]) -> _Block:
    """Time runs from all parts of a block for some seconds, at least two runs."""
    most = min(SAMPLE_RUNS, len(block))
    rows = [block[i * (len(block) - 1) // max(1, most - 1)] for i in range(most)]
    rows = [rows[i] for i in _spread(len(rows))]
    forget()
    times: list[float] = []
    began, first = time.perf_counter(), 0.0
    for i in rows:
        start = time.perf_counter()
        ready = _prepared(plan, i)
        between = time.perf_counter()
        results.append((plan.run(i), _computed(ready)))
        end = time.perf_counter()
        if not times:
            first = between - start
            times.append(end - between)
        else:
            times.append(end - start)
        if end - began > seconds and len(times) > 1:
            break
    later = times[1:] or times
    each = _mean(later)
    return _Block(len(block), first + max(0.0, times[0] - each), each, max(times))


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _one(plan: Plan, i: int) -> Replicate | Failure:
    return _computed(_prepared(plan, i))


def _prepared(plan: Plan, i: int) -> PreparedRun | Failure:
    """Prepare a run, or say why that fails."""
    planned = plan.run(i)
    try:
        settings = planned.settings(plan.kinds)
        return prepared(experiment_of(plan.tree, settings, planned.seed, name=f"run {planned.run}"))
    except Exception as error:
        return Failure(_message_of(error))


def _computed(ready: PreparedRun | Failure) -> Replicate | Failure:
    if isinstance(ready, Failure):
        return ready
    try:
        return replicate(ready.setting, ready.landscape, cache=ready.cache)
    except Exception as error:
        return Failure(_message_of(error))


def _message_of(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _spread(count: int) -> list[int]:
    """The numbers 0 .. count - 1, ends and middle first: every prefix is spread out."""
    order, step = [0, count - 1] if count > 1 else [0], count
    while len(order) < count:
        step = max(1, step // 2)
        order += [i for i in range(0, count, step) if i not in order]
    return order


def _bytes(plan: Plan, results: list[TimedRun]) -> int:
    """Bytes of the files of one chunk with these runs."""
    return sum(
        len(parquet_bytes(frame, {}))
        for frame in finished_runs(plan.keep, plan.kinds, results).values()
    )
