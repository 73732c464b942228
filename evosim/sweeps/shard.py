"""Shards: which chunks a task of a job array computes. Any scheduler will do: all it must give is the task's number.

Shard `i` of `n` has the chunks `c` with `c % n == i`. Nothing is remembered of a job: the same line again goes on.

A task's part must not depend on which other tasks were submitted with it, because failed tasks are submitted again alone. `auto/N`
depends on the task's number and on N alone. `auto` counts the tasks that were submitted, and accepts only arrays that it can count.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from evosim.errors import UserError

AUTO = "auto"
LONGEST = 15  # digits of a number


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
    """The names of the variables that a scheduler sets for a task of an array.

    Attributes
    ----------
    number: the task's number.
    first, last, step: of the numbers that were submitted. A scheduler that does not set `first` leaves the number of tasks unknown.
    count: how many were submitted, where the numbers may have gaps.
    """

    number: str
    first: str = ""
    last: str = ""
    step: str = ""
    count: str = ""


ARRAYS = {
    "Slurm": Array(
        "SLURM_ARRAY_TASK_ID",
        "SLURM_ARRAY_TASK_MIN",
        "SLURM_ARRAY_TASK_MAX",
        "SLURM_ARRAY_TASK_STEP",
        "SLURM_ARRAY_TASK_COUNT",
    ),
    "PBS": Array("PBS_ARRAY_INDEX"),
    "Grid Engine": Array("SGE_TASK_ID", "SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE"),
    "LSF": Array(
        "LSB_JOBINDEX"
    ),  # its _END is the largest number only, and its lists may have gaps
}


def read_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """Read which shard this process computes.

    Parameters
    ----------
    text: `I/N`; or `auto/N`, shard (task's number modulo N) of N; or `auto`, by all that the scheduler says.
    environment: the variables of this process.

    Returns
    -------
    The shard.

    Raises
    ------
    UserError: the text is none of these, or the scheduler's variables do not say which shard it is.
    """
    index, slash, count = text.partition("/")
    if index == AUTO and not (slash and not _is_number(count)):
        name, array, number = _task(environment)
        return (
            _by_number(name, array, number, int(count))
            if slash
            else _of_all(name, array, number, environment)
        )
    if not (_is_number(index) and _is_number(count)):
        raise UserError(
            f"--shard must be i/n, auto or auto/n, but is '{text}'. Write for example --shard 0/8."
        )
    if not int(index) < int(count):
        raise UserError(
            f"--shard i/n must have i from 0 to n - 1, but is '{text}'. Shards count from 0."
        )
    return Shard(int(index), int(count))


def _task(environment: Mapping[str, str]) -> tuple[str, Array, int]:
    """The scheduler of this process, its variables, and the task's number."""
    for name, array in ARRAYS.items():
        number = environment.get(array.number, "")
        if not _is_number(number):
            continue  # not in an array: some schedulers then say 'undefined'
        if name == "LSF" and int(number) == 0:
            continue  # what LSF says of a job that is no array
        return name, array, int(number)
    names = ", ".join(array.number for array in ARRAYS.values())
    raise UserError(
        f"--shard auto must run in a job array, but none of {names} is set. Write --shard i/n."
    )


def _by_number(name: str, array: Array, number: int, count: int) -> Shard:
    """The shard of a task of an array 0..count-1 or 1..count, of which any tasks may have been submitted.

    Larger numbers are refused: an array with steps would give some shards twice, and others to no task.
    """
    if count < 1:
        raise UserError(
            f"--shard auto/N must have N of at least 1, but N is {count}. Give the number of tasks of the whole array."
        )
    if number > count:
        raise UserError(
            f"--shard auto/{count} must run in an array of tasks 0-{count - 1} or 1-{count}, but {name} calls this task {number}. "
            f"Number the tasks so, or write --shard I/{count} with I from 0 computed from ${array.number}."
        )
    return Shard(number % count, count)


def _of_all(name: str, array: Array, number: int, environment: Mapping[str, str]) -> Shard:
    """The shard of a task, where all submitted tasks together are to compute everything."""
    if not array.first:
        raise UserError(
            f"--shard auto must know the number of tasks, which {name} does not tell. Write --shard auto/N."
        )
    first, step = _given(environment, array.first, 0), max(1, _given(environment, array.step, 1))
    counted = _given(environment, array.count, 0) if array.count else 0
    last = _given(environment, array.last, first + (counted - 1) * step)
    tasks = (last - first) // step + 1
    if tasks < 1:
        raise UserError(
            f"--shard auto must know the number of tasks, which {name} does not tell here. Write --shard auto/N."
        )
    if (counted or tasks) != tasks or not first <= number <= last or (number - first) % step:
        raise UserError(
            f"--shard auto must run in an array without gaps, but {counted or 'some'} tasks from {first} to {last} were submitted. "
            "Write --shard auto/N with N of the whole array: then any of its tasks can be submitted alone."
        )
    return Shard((number - first) // step, tasks)


def _given(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, "")
    return int(value) if _is_number(value) else default


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST
