"""Estimate: what a sweep will take, from a few of its runs that are timed and thrown away."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from dataclasses import dataclass
from typing import Any

from evosim.config.resolve import build
from evosim.errors import UserError
from evosim.runs.estimate import disk_by_table
from evosim.runs.in_memory import Replicate, replicate
from evosim.sweeps.design import experiment_of
from evosim.sweeps.plan import Plan, decoded
from evosim.sweeps.schema import SIMULATED
from evosim.sweeps.store import Store, encoded
from evosim.sweeps.worker import Failure, Prepared, finished_runs, forget, prepared, use_threads

SAMPLE_SECONDS = 10.0
SAMPLE_RUNS = 24
BLOCKS = 3  # landscapes that are looked at, if time allows
# Bytes on disk, as measured over packaged experiments: of a chunk's files, and of each run in them;
# of `behaviour`, a run.
BYTES_OF_CHUNK, BYTES_OF_RUN, BYTES_OF_AGES = 40_000, 1_000, 12_000


@dataclass(frozen=True)
class Estimate:
    """What a sweep takes.

    Attributes:
        sampled: runs that were timed.
        failed: those of them that failed.
        landscapes: different ones that the sweep needs.
        preparing: seconds that a landscape, and what its first run finds out for the others, take
        on one thread, the mean. seconds: a further run on one thread, the mean; `slowest` of the
        sample. wall: seconds that all of it takes with the workers asked for. size: bytes on disk,
        without what `collect` makes. files: on disk, likewise.
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
    """What was timed of the runs that share a landscape.

    Attributes:
        runs: how many the plan has.
        first: seconds that the landscape and its first run cost more than another run.
        each: seconds of another run, the mean.
        slowest: seconds of the slowest.
    """

    runs: int
    first: float
    each: float
    slowest: float


def estimate(plan: Plan, workers: int) -> Estimate:
    """Compute a few runs from all over the plan and see.

    Takes about `SAMPLE_SECONDS`, or as long as two runs.

    Runs with one landscape stand together in a plan, and a worker scores a landscape once. So a few
    landscapes are sampled, and several runs of each. The first tells what a landscape costs, the
    others what a run costs that finds it there.

    Parameters
    ----------
    plan: of the sweep.
    workers: processes that will compute it, one thread each.

    Returns
    -------
    The estimate. `wall` is for that many workers.
    """
    use_threads(1)
    blocks = _blocks(plan)
    _one(plan, 0)  # compiles, or loads what was compiled
    found: list[_Block] = []
    results: list[tuple[dict[str, Any], Replicate | Failure]] = []
    began = time.perf_counter()
    order = _spread(len(blocks))
    share = SAMPLE_SECONDS / min(BLOCKS, len(blocks))
    for at in order:
        found.append(
            _timed(
                plan, blocks[at], min(share, began + SAMPLE_SECONDS - time.perf_counter()), results
            )
        )
        if time.perf_counter() - began > SAMPLE_SECONDS or len(results) >= SAMPLE_RUNS * BLOCKS:
            break
    n, crew = plan.frame.height, max(1, min(workers, plan.chunks))
    chunk = n / plan.chunks
    # A landscape is scored by each worker that gets a chunk of it.
    times = [
        min(crew, math.ceil(block.runs / chunk)) * block.first + block.runs * block.each
        for block in found
    ]
    total = sum(times) / sum(block.runs for block in found) * n
    # A file has a size of its own, whatever is in it
    first, every = (_bytes(plan, some) for some in (results[:1], results))
    per_run = max(every - first, 0) / max(1, len(results) - 1)
    failed = sum(isinstance(result, Failure) for _, result in results)
    size = (
        first * plan.chunks
        + per_run * (n - plan.chunks)
        + len(encoded(plan.frame.head(1000), {})) * max(1.0, n / 1000)
    )
    return Estimate(
        len(results),
        failed,
        len(blocks),
        _mean([block.first for block in found]),
        _mean([block.each for block in found]),
        max(block.slowest for block in found),
        total / plan.chunks * math.ceil(plan.chunks / crew),
        size,
        plan.chunks * (len(plan.keep) + 2),
    )


def room_for(store: Store, chunks: list[int], *, collecting: bool) -> float:
    """Estimate the bytes that chunks will take, without computing anything.

    Parameters
    ----------
    store: the sweep.
    chunks: those that are to be computed.
    collecting: whether their runs are then put together, which takes their bytes once more.

    Returns
    -------
    Bytes, about.
    """
    runs = sum(store.size(chunk) for chunk in chunks)
    each = float(BYTES_OF_RUN) + (BYTES_OF_AGES if "behaviour" in store.keep else 0)
    if set(store.keep) & set(SIMULATED):
        # The first and the last run stand for all: what is swept may be the number of generations.
        ends = (
            store.planned(chunks[0]).row(0, named=True),
            store.planned(chunks[-1]).row(-1, named=True),
        )
        each += sum(_recorded(store, row) for row in ends) / len(ends)
    return BYTES_OF_CHUNK * len(chunks) + each * runs * (2 if collecting else 1)


def _recorded(store: Store, row: dict[str, Any]) -> float:
    """Bytes of what is kept of a run's generations and grid; 0 for a run that will fail."""
    with contextlib.suppress(UserError):
        setting = build(experiment_of(store.facts["tree"], decoded(row, store.kinds), row["seed"]))
        return sum(count for name, count in disk_by_table(setting).items() if name in store.keep)
    return 0.0


def _blocks(plan: Plan) -> list[range]:
    """The runs of each landscape of the plan, which stand together.

    Where a grid is too large to be kept whole, cells do not share what was looked at of it.
    """
    sizes = list(plan.blocks)
    first = _prepared(plan, 0)
    if isinstance(first, Prepared) and not first.landscape.whole:
        sizes = [plan.sweep.replicates] * plan.cells
    ends = list(itertools.accumulate(sizes))
    return [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]


def _timed(
    plan: Plan,
    block: range,
    seconds: float,
    results: list[tuple[dict[str, Any], Replicate | Failure]],
) -> _Block:
    """Time runs from all over a block until the time is over: at least two, because the first is
    unlike the others.
    """
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
        results.append((plan.frame.row(i, named=True), _computed(ready)))
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


def _prepared(plan: Plan, i: int) -> Prepared | Failure:
    """What a run needs that other runs of its landscape share."""
    row = plan.frame.row(i, named=True)
    try:
        return prepared(
            experiment_of(
                plan.tree, decoded(row, plan.kinds), row["seed"], name=f"run {row['run']}"
            )
        )
    except Exception as error:
        return Failure(_told(error))


def _computed(ready: Prepared | Failure) -> Replicate | Failure:
    if isinstance(ready, Failure):
        return ready
    try:
        return replicate(ready.setting, ready.landscape, cache=ready.known)
    except Exception as error:
        return Failure(_told(error))


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _spread(count: int) -> list[int]:
    """Places 0 .. count - 1 so ordered that any beginning of them is spread out: the ends and the
    middle first.
    """
    order, step = [0, count - 1] if count > 1 else [0], count
    while len(order) < count:
        step = max(1, step // 2)
        order += [i for i in range(0, count, step) if i not in order]
    return order


def _bytes(plan: Plan, results: list[tuple[dict[str, Any], Replicate | Failure]]) -> int:
    """Bytes of the files of one chunk with these runs."""
    return sum(
        len(encoded(frame, {})) for frame in finished_runs(plan.keep, plan.kinds, results).values()
    )
