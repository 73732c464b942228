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

TASKS = 100  # of an array, if nobody says; many clusters take no more than 1000
TIME = "1:00:00"
MEMORY = "2G"
BEFORE_THE_END = (
    60  # seconds for a task to write what it has before its time is up; half of a shorter time
)
LOGS = "logs/slurm-%A-%a.out"
# Compiled code belongs on a disk of the node: network file systems are slow at it, and some mix up
# what many nodes write at once. A folder that is somebody else's is not used: who can write there
# can have us run what he likes.
CACHE = (
    'export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-${TMPDIR:-/tmp}/numba-$(id -u)}"',
    'mkdir -p -m 700 "$NUMBA_CACHE_DIR" && [ -O "$NUMBA_CACHE_DIR" ] || unset NUMBA_CACHE_DIR',
)
# What may stand in a line of a batch file, which ends an option at a space.
PLAIN = re.compile(r"[A-Za-z0-9_.,:;=@%/+\-\[\]*^|&!()]+")


@dataclass(frozen=True)
class Batch:
    """What is asked of Slurm for each job. Raises `UserError`.

    Attributes:
        time: limit of a job, as `evosim.runtime.interrupts.seconds_of` reads it: as `sbatch
        --time`, but a bare number is refused. memory: of a job, as `sbatch --mem` takes it.
        partition, account: where it runs, and who pays; Slurm's defaults if nothing is said. more:
        further options of sbatch without their dashes, such as `qos=long` or `exclusive`.
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
                    f"--{name} must be what sbatch takes, but is '{value}'. Write it without spaces"
                    " and quotes."
                )
        if not re.fullmatch(r"[1-9]\d*[KMGT]?", self.memory):
            raise UserError(
                f"--memory must be a number with K, M, G or T, but is '{self.memory}'. Write for"
                " example 2G."
            )
        if self.seconds < 1.0:
            raise UserError(
                f"--time must be at least a second, but is {self.time}. Give more; '--sbatch"
                " time=UNLIMITED' asks for no limit."
            )
        for option in self.more:
            if not PLAIN.fullmatch(option) or option.startswith("-"):
                raise UserError(
                    f"--sbatch must be an option of sbatch without its dashes, but is '{option}'."
                    " Write for example --sbatch qos=long."
                )

    @property
    def seconds(self) -> float:
        """The limit of a job in seconds. Raises `UserError` where the text says none."""
        return seconds_of(self.time, "--time")

    @property
    def limit(self) -> str:
        """The limit of a job as sbatch is given it, whatever form the user wrote: `H:MM:SS` or
        `D-HH:MM:SS`.
        """
        return spelled(self.seconds)

    def options(self) -> list[str]:
        """Options of sbatch, but for time, memory, partition and account."""
        return [f"--{option}" for option in self.more]


def script(
    name: str,
    file: Path,
    folder: Path,
    chunks: int,
    batch: Batch,
    *,
    tasks: int | None,
    throttle: int | None,
    cores: int,
    other_sources: bool = False,
) -> str:
    """A batch file for a job array that computes a sweep whose plan is written.

    Args:
        name: of the sweep.
        file, folder: the sweep file and the sweep's folder.
        chunks: how many there are; there are never more tasks than that.
        batch: what is asked of Slurm.
        tasks: of the array; None leaves it to us.
        throttle: how many tasks may run at once; None is no limit.
        cores: processors of each task.
        other_sources: whether the code may have changed since the sweep was begun.
    """
    many = min(tasks or TASKS, chunks)
    folder, file = folder.resolve(), file.resolve()
    for path in (folder, file):
        check_text(str(path), "a path in a batch file")
    array = f"0-{many - 1}" + (f"%{throttle}" if throttle else "")
    options = [
        f"--job-name={re.sub('[^A-Za-z0-9_.-]', '-', name)}",
        f"--array={array}",
        f"--cpus-per-task={cores}",
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
        str(cores),
    ]
    command += ["--other-sources"] if other_sources else []
    lines = [
        "#!/bin/sh",
        *(f"#SBATCH {option}" for option in [*options, *batch.options()]),
        "",
        (
            f"# {chunks} chunks for {many} tasks. Submit this file again until all is done: what is"
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
    """The command that runs this very installation."""
    beside = Path(sys.executable).with_name("evosim")
    return [str(beside)] if beside.is_file() else [sys.executable, "-P", "-m", "evosim.cli"]


def _quoted(path: Path) -> str:
    """A path in a line of options.

    Slurm takes quotes, and has a meaning for backslashes and per cents of its own.
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
        """Those of some chunks that are this shard's."""
        return [chunk for chunk in chunks if chunk % self.count == self.index]


@dataclass(frozen=True)
class Array:
    """The names of the variables that a scheduler sets for a task of an array.

    Attributes
    ----------
    number: the task's number.
    first, last, step: of the numbers that were submitted. A scheduler that does not set `first`
    leaves the number of tasks unknown. count: how many were submitted, where the numbers may have
    gaps.
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
    text: `I/N`; or `auto/N`, shard (task's number modulo N) of N; or `auto`, by all that the
    scheduler says. environment: the variables of this process.

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
    """The shard of a task of an array 0..count-1 or 1..count, of which any tasks may have been
    submitted.

    Larger numbers are refused: an array with steps would give some shards twice, and others to no
    task.
    """
    if count < 1:
        raise UserError(
            f"--shard auto/N must have N of at least 1, but N is {count}. Give the number of tasks"
            " of the whole array."
        )
    if number > count:
        raise UserError(
            f"--shard auto/{count} must run in an array of tasks 0-{count - 1} or 1-{count}, but"
            f" {name} calls this task {number}. Number the tasks so, or write --shard I/{count}"
            f" with I from 0 computed from ${array.number}."
        )
    return Shard(number % count, count)


def _of_all(name: str, array: Array, number: int, environment: Mapping[str, str]) -> Shard:
    """The shard of a task, where all submitted tasks together are to compute everything."""
    if not array.first:
        raise UserError(
            f"--shard auto must know the number of tasks, which {name} does not tell. Write --shard"
            " auto/N."
        )
    first, step = _given(environment, array.first, 0), max(1, _given(environment, array.step, 1))
    counted = _given(environment, array.count, 0) if array.count else 0
    last = _given(environment, array.last, first + (counted - 1) * step)
    tasks = (last - first) // step + 1
    if tasks < 1:
        raise UserError(
            f"--shard auto must know the number of tasks, which {name} does not tell here. Write"
            " --shard auto/N."
        )
    if (counted or tasks) != tasks or not first <= number <= last or (number - first) % step:
        raise UserError(
            f"--shard auto must run in an array without gaps, but {counted or 'some'} tasks from"
            f" {first} to {last} were submitted. Write --shard auto/N with N of the whole array:"
            " then any of its tasks can be submitted alone."
        )
    return Shard((number - first) // step, tasks)


def _given(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, "")
    return int(value) if _is_number(value) else default


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST
