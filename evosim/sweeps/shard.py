"""Shards: which chunks a task of a job array computes. Any scheduler will do: all it must give is the task's number.

Shard `i` of `n` has the chunks `c` with `c % n == i`. Nothing is remembered of a job: the same line again goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from evosim.errors import UserError

AUTO = "auto"


@dataclass(frozen=True)
class Shard:
    """Shard `index` of `count`, from 0."""

    index: int
    count: int

    def chunks(self, chunks: list[int]) -> list[int]:
        """Those of some chunks that are this shard's."""
        return [chunk for chunk in chunks if chunk % self.count == self.index]


@dataclass(frozen=True)
class Array:
    """What a scheduler calls the variables of an array's task: its number, and where known the number of tasks, the first, last, and step."""

    number: str
    count: str = ""
    first: str = ""
    last: str = ""
    step: str = ""


ARRAYS = {
    "Slurm": Array("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", step="SLURM_ARRAY_TASK_STEP"),
    "PBS": Array("PBS_ARRAY_INDEX"),
    "Grid Engine": Array("SGE_TASK_ID", first="SGE_TASK_FIRST", last="SGE_TASK_LAST", step="SGE_TASK_STEPSIZE"),
    "LSF": Array("LSB_JOBINDEX", last="LSB_JOBINDEX_END", step="LSB_JOBINDEX_STEP"),
}


def read_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """A shard written as `i/n`, or `auto` or `auto/n`, where the scheduler's variables say which. Raises `UserError`."""
    index, _, count = text.partition("/")
    if index == AUTO:
        return _of_array(count, environment)
    if not (_is_number(index) and _is_number(count)):
        raise UserError(f"--shard must be i/n, auto or auto/n, but is '{text}'. Write for example --shard 0/8.")
    if not int(index) < int(count):
        raise UserError(f"--shard i/n must have i from 0 to n - 1, but is '{text}'. Shards count from 0.")
    return Shard(int(index), int(count))


def _of_array(count: str, environment: Mapping[str, str]) -> Shard:
    for name, array in ARRAYS.items():
        number = environment.get(array.number, "")
        if not _is_number(number):
            continue  # not in an array: some schedulers then say 'undefined'
        if name == "LSF" and number == "0":
            continue  # what LSF says of a job that is no array
        first = _given(environment, array.first, 1 if name == "LSF" else 0)
        step = max(1, _given(environment, array.step, 1))
        tasks = int(count) if _is_number(count) else _given(environment, array.count, 0)
        if not tasks and array.last:
            tasks = (_given(environment, array.last, 0) - first) // step + 1
        if tasks < 1:
            raise UserError(f"--shard auto must know the number of tasks, which {name} does not tell. Write --shard auto/N.")
        return Shard((int(number) - first) // step % tasks, tasks)
    names = ", ".join(array.number for array in ARRAYS.values())
    raise UserError(f"--shard auto must run in a job array, but none of {names} is set. Write --shard i/n.")


def _given(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, "")
    return int(value) if _is_number(value) else default


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
