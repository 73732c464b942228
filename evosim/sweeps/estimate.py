"""Estimate: what a sweep will take, from a few of its runs that are timed and thrown away."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from evosim.errors import UserError
from evosim.replicate import Replicate
from evosim.sweeps.plan import Plan
from evosim.sweeps.store import encoded
from evosim.sweeps.work import Failure, compute, finished_runs, use_threads

SAMPLE_SECONDS = 10.0
SAMPLE_RUNS = 24


@dataclass(frozen=True)
class Estimate:
    """What a sweep takes.

    Attributes:
        sampled: runs that were timed.
        failed: those of them that failed.
        seconds: a run on one thread, the mean; `slowest` of the sample.
        size: bytes on disk, without what `collect` makes.
        files: on disk, likewise.
    """

    sampled: int
    failed: int
    seconds: float
    slowest: float
    size: float
    files: int


def estimate(plan: Plan) -> Estimate:
    """Compute a few runs from all over the plan and see. Takes about `SAMPLE_SECONDS`, or as long as two runs."""
    use_threads(1)
    n = plan.frame.height
    chosen = [i * (n - 1) // max(1, min(SAMPLE_RUNS, n) - 1) for i in range(min(SAMPLE_RUNS, n))]
    order = [chosen[i] for i in _spread(len(chosen))]
    _one(plan, order[0])  # compiles, or loads what was compiled
    times: list[float] = []
    results: list[tuple[dict[str, Any], Replicate | Failure]] = []
    began = time.perf_counter()
    for i in order:
        start = time.perf_counter()
        results.append((plan.frame.row(i, named=True), _one(plan, i)))
        times.append(time.perf_counter() - start)
        if time.perf_counter() - began > SAMPLE_SECONDS:
            break
    first, every = (_bytes(plan, some) for some in (results[:1], results))  # a file has a size of its own, whatever is in it
    per_run = max(every - first, 0) / max(1, len(results) - 1)
    failed = sum(isinstance(result, Failure) for _, result in results)
    size = first * plan.chunks + per_run * (n - plan.chunks) + len(encoded(plan.frame.head(1000), {})) * max(1.0, n / 1000)
    return Estimate(len(results), failed, sum(times) / len(times), max(times), size, plan.chunks * (len(plan.keep) + 2))


def _one(plan: Plan, i: int) -> Replicate | Failure:
    try:
        return compute(plan.tree, plan.frame.row(i, named=True), plan.kinds)
    except UserError as error:
        return Failure(str(error))
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}")


def _spread(count: int) -> list[int]:
    """Places 0 .. count - 1 so ordered that any beginning of them is spread out: the ends and the middle first."""
    order, step = [0, count - 1] if count > 1 else [0], count
    while len(order) < count:
        step = max(1, step // 2)
        order += [i for i in range(0, count, step) if i not in order]
    return order


def _bytes(plan: Plan, results: list[tuple[dict[str, Any], Replicate | Failure]]) -> int:
    """Bytes of the files of one chunk with these runs."""
    return sum(len(encoded(frame, {})) for frame in finished_runs(plan.keep, plan.kinds, results).values())
