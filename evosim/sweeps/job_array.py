"""Job arrays: which chunks a task computes, and the Slurm script. Slurm need not be installed."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evosim.errors import UserError
from evosim.runtime.interrupts import seconds_of, spelled
from evosim.runtime.names import check_text
from evosim.runtime.words import count_of

TASKS = 100  # of an array, by default; many clusters allow no more than 1000
TIME = "1:00:00"
MEMORY = "2G"
# seconds in which a task stores its results before its time is over; half of a shorter limit
BEFORE_THE_END = 60
LOGS = "logs/slurm-%A-%a.out"
# Compiled code is stored on a disk of the node. Network file systems are slow, and some mix up
# files that many nodes write at the same time. A folder of another user is not used: that user
# could replace the code.
CACHE = (
    'export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-${TMPDIR:-/tmp}/numba-$(id -u)}"',
    'mkdir -p -m 700 "$NUMBA_CACHE_DIR" && [ -O "$NUMBA_CACHE_DIR" ] || unset NUMBA_CACHE_DIR',
)
# Characters of an option in a batch file, which ends at a space.
PLAIN = re.compile(r"[A-Za-z0-9_.,:;=@%/+\-\[\]*^|&!()]+")


@dataclass(frozen=True)
class Batch:
    """Options of a Slurm job. Raises `UserError`.

    Attributes
    ----------
    time : str
        Limit of a job, as `evosim.runtime.interrupts.seconds_of` reads it.
    memory : str
        Memory of a job, as for `sbatch --mem`.
    partition, account : str or None
        Partition, and the account to charge; None for the defaults of Slurm.
    more : tuple of str
        More options of sbatch without dashes, such as `qos=long` or `exclusive`.
    """

    time: str = TIME
    memory: str = MEMORY
    partition: str | None = None
    account: str | None = None
    more: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("memory", "partition", "account"):
            value = getattr(self, name)
            if value is not None and not PLAIN.fullmatch(value):
                raise UserError(
                    f"--{name}: sbatch does not accept '{value}'. Write it without spaces and"
                    " quotes."
                )
        if not re.fullmatch(r"[1-9]\d*[KMGT]?", self.memory):
            raise UserError(
                f"--memory expects a number with K, M, G or T, such as 2G; got '{self.memory}'."
            )
        if self.seconds < 1.0:
            raise UserError(
                f"--time is {self.time}; at least one second is needed. For no limit, write"
                " '--sbatch time=UNLIMITED'."
            )
        for option in self.more:
            if not PLAIN.fullmatch(option) or option.startswith("-"):
                raise UserError(
                    f"--sbatch expects an option of sbatch without dashes, such as --sbatch"
                    f" qos=long; got '{option}'."
                )

    @property
    def seconds(self) -> float:
        """The limit of a job in seconds. Raises `UserError` if the text is not a time."""
        return seconds_of(self.time, "--time")

    @property
    def limit(self) -> str:
        """The limit of a job for sbatch: `H:MM:SS` or `D-HH:MM:SS`."""
        return spelled(self.seconds)

    def options(self) -> list[str]:
        """Options of sbatch, but for time, memory, partition and account."""
        return [f"--{option}" for option in self.more]


@dataclass(frozen=True)
class ArraySize:
    """The size of a job array.

    Attributes
    ----------
    tasks : int or None
        Tasks of the array; None for the default.
    throttle : int or None
        Tasks that may run at the same time; None for no limit.
    cores : int
        Processors of each task.
    """

    tasks: int | None = None
    throttle: int | None = None
    cores: int = 1


def script(
    name: str,
    file: Path,
    folder: Path,
    chunks: int,
    batch: Batch,
    size: ArraySize,
    *,
    other_sources: bool = False,
) -> str:
    """A batch file for a job array that computes a sweep whose plan is written.

    Parameters
    ----------
    name : str
        Of the sweep.
    file, folder : Path
        The sweep file and the folder of the sweep.
    chunks : int
        Chunks of the sweep. There are at most as many tasks.
    batch : Batch
        Options of each job.
    size : ArraySize
        Tasks and processors of the array.
    other_sources : bool
        Whether the code may have changed since the sweep began.
    """
    many = min(size.tasks or TASKS, chunks)
    folder, file = folder.resolve(), file.resolve()
    for path in (folder, file):
        check_text(str(path), "a path in a batch file")
    array = f"0-{many - 1}" + (f"%{size.throttle}" if size.throttle else "")
    options = [
        f"--job-name={re.sub('[^A-Za-z0-9_.-]', '-', name)}",
        f"--array={array}",
        f"--cpus-per-task={size.cores}",
    ]
    options += [f"--mem={batch.memory}", f"--time={batch.limit}"]
    options += [
        f"--{key}={value}"
        for key, value in (("partition", batch.partition), ("account", batch.account))
        if value
    ]
    options += [
        "--requeue",
        "--open-mode=append",
        f"--signal=B:TERM@{min(BEFORE_THE_END, max(1, int(batch.seconds) // 2))}",
        f"--output={_quoted(folder / LOGS)}",
    ]
    command = [
        *evosim(),
        "sweep",
        "run",
        str(file),
        "--out",
        str(folder),
        "--shard",
        f"auto/{many}",
        "--workers",
        str(size.cores),
    ]
    command += ["--other-sources"] if other_sources else []
    lines = [
        "#!/bin/sh",
        *(f"#SBATCH {option}" for option in [*options, *batch.options()]),
        "",
        (
            f"# {count_of(chunks, 'chunk')} for {count_of(many, 'task')}. Submit this file again"
            " until all is done: what is"
            " finished is not computed again."
        ),
        (
            "# Some tasks can be submitted alone, for example sbatch --array=3,7: a task has the"
            " same chunks whatever else is submitted."
        ),
        f"#   {shlex.join([*evosim(), 'sweep', 'status', str(folder)])}",
        f"#   {shlex.join([*evosim(), 'sweep', 'collect', str(folder)])}",
        *CACHE,
        f"exec {shlex.join(command)}",
    ]
    return "\n".join(lines) + "\n"


def evosim() -> list[str]:
    """The command of this installation."""
    script = Path(sys.executable).with_name("evosim")
    return [str(script)] if script.is_file() else [sys.executable, "-P", "-m", "evosim.cli"]


def _quoted(path: Path) -> str:
    """A path in a line of options, in quotes if needed.

    Backslashes and percent signs have a meaning in Slurm.
    """
    text = str(path)
    return text if PLAIN.fullmatch(text) else f'"{text}"'


AUTO = "auto"
LONGEST = 15  # digits of a number


@dataclass(frozen=True)
class Shard:
    """Shard `index` of `count`, from 0."""

    index: int
    count: int

    def chunks(self, chunks: list[int]) -> list[int]:
        """The chunks of this shard among some chunks."""
        return [chunk for chunk in chunks if chunk % self.count == self.index]


@dataclass(frozen=True)
class Array:
    """The environment variables that a scheduler sets for a task of an array.

    Attributes
    ----------
    number : str
        Number of the task.
    first, last, step : str
        The numbers that were submitted. Without `first` the number of tasks is unknown.
    count : str
        The number of submitted tasks, if the numbers may have gaps.
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
    # LSB_JOBINDEX_END is only the largest number, and lists may have gaps
    "LSF": Array("LSB_JOBINDEX"),
}


def read_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """Read which shard this process computes.

    Parameters
    ----------
    text : str
        `I/N`; `auto/N` for shard (task number modulo N) of N; or `auto`, if the scheduler gives the
        number of tasks.
    environment : Mapping
        Environment variables of this process.

    Raises
    ------
    UserError
        If the text is invalid, or if the variables of the scheduler do not determine the shard.
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
        raise UserError(f"--shard expects i/n, auto or auto/n, such as --shard 0/8; got '{text}'.")
    if not int(index) < int(count):
        raise UserError(
            f"--shard i/n expects i from 0 to n - 1; got '{text}'. The first shard is 0/{count}."
        )
    return Shard(int(index), int(count))


def _task(environment: Mapping[str, str]) -> tuple[str, Array, int]:
    """The scheduler of this process, its variables, and the number of this task."""
    for name, array in ARRAYS.items():
        number = environment.get(array.number, "")
        if not _is_number(number):
            continue  # not in an array: some schedulers set 'undefined'
        if name == "LSF" and int(number) == 0:
            continue  # LSF sets 0 for a job that is not an array
        return name, array, int(number)
    names = ", ".join(array.number for array in ARRAYS.values())
    raise UserError(
        f"--shard auto works in a job array, but none of {names} is set. Write --shard i/n."
    )


def _by_number(name: str, array: Array, number: int, count: int) -> Shard:
    """The shard of a task of an array 0..count-1 or 1..count; not all tasks need be submitted.

    Larger numbers are refused: in an array with steps, two tasks would have the same shard.
    """
    if count < 1:
        raise UserError(
            f"--shard auto/N expects N of at least 1; got {count}. Give the number of tasks of the"
            " whole array."
        )
    if number > count:
        raise UserError(
            f"--shard auto/{count} expects an array of tasks 0-{count - 1} or 1-{count}, but"
            f" {name} gives this task the number {number}. Change the array, or write --shard"
            f" I/{count} with I from 0, computed from ${array.number}."
        )
    return Shard(number % count, count)


def _of_all(name: str, array: Array, number: int, environment: Mapping[str, str]) -> Shard:
    """The shard of a task, if the submitted tasks together compute everything."""
    if not array.first:
        raise UserError(
            f"--shard auto needs the number of tasks, which {name} does not give. Write --shard"
            " auto/N."
        )
    first, step = _given(environment, array.first, 0), max(1, _given(environment, array.step, 1))
    counted = _given(environment, array.count, 0) if array.count else 0
    last = _given(environment, array.last, first + (counted - 1) * step)
    tasks = (last - first) // step + 1
    if tasks < 1:
        raise UserError(
            f"--shard auto needs the number of tasks, which {name} does not give here. Write"
            " --shard auto/N."
        )
    if (counted or tasks) != tasks or not first <= number <= last or (number - first) % step:
        raise UserError(
            f"--shard auto needs an array without gaps, but {counted or 'some'} tasks from {first}"
            f" to {last} were submitted. Write --shard auto/N with N of the whole array: then any"
            " task can be submitted alone."
        )
    return Shard((number - first) // step, tasks)


def _given(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, "")
    return int(value) if _is_number(value) else default


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST
