"""Slurm: what is asked of it, and the file that hands a sweep to a job array. Nothing here needs Slurm to be there."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from evosim.errors import UserError
from evosim.names import check_text
from evosim.watch import seconds_of, spelled

TASKS = 100  # of an array, if nobody says; many clusters take no more than 1000
TIME = "1:00:00"
MEMORY = "2G"
BEFORE_THE_END = 60  # seconds for a task to write what it has before its time is up; half of a shorter time
LOGS = "logs/slurm-%A-%a.out"
# Compiled code belongs on a disk of the node: network file systems are slow at it, and some mix up what many nodes write at once.
# A folder that is somebody else's is not used: who can write there can have us run what he likes.
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
        time: limit of a job, as `evosim.watch.seconds_of` reads it: as `sbatch --time`, but a bare number is refused.
        memory: of a job, as `sbatch --mem` takes it.
        partition, account: where it runs, and who pays; Slurm's defaults if nothing is said.
        more: further options of sbatch without their dashes, such as `qos=long` or `exclusive`.
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
                raise UserError(f"--{name} must be what sbatch takes, but is '{value}'. Write it without spaces and quotes.")
        if not re.fullmatch(r"[1-9]\d*[KMGT]?", self.memory):
            raise UserError(f"--memory must be a number with K, M, G or T, but is '{self.memory}'. Write for example 2G.")
        if self.seconds < 1.0:
            raise UserError(f"--time must be at least a second, but is {self.time}. Give more; '--sbatch time=UNLIMITED' asks for no limit.")
        for option in self.more:
            if not PLAIN.fullmatch(option) or option.startswith("-"):
                raise UserError(f"--sbatch must be an option of sbatch without its dashes, but is '{option}'. Write for example --sbatch qos=long.")

    @property
    def seconds(self) -> float:
        """The limit of a job in seconds. Raises `UserError` where the text says none."""
        return seconds_of(self.time, "--time")

    @property
    def limit(self) -> str:
        """The limit of a job as sbatch is given it, whatever form the user wrote: `H:MM:SS` or `D-HH:MM:SS`."""
        return spelled(self.seconds)

    def options(self) -> list[str]:
        """Options of sbatch, but for time, memory, partition and account."""
        return [f"--{option}" for option in self.more]


def script(name: str, file: Path, folder: Path, chunks: int, batch: Batch, *, tasks: int | None, throttle: int | None, cores: int, other_sources: bool = False) -> str:
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
    options = [f"--job-name={re.sub('[^A-Za-z0-9_.-]', '-', name)}", f"--array={array}", f"--cpus-per-task={cores}"]
    options += [f"--mem={batch.memory}", f"--time={batch.limit}"]
    options += [f"--{key}={value}" for key, value in (("partition", batch.partition), ("account", batch.account)) if value]
    options += ["--requeue", "--open-mode=append", f"--signal=B:TERM@{min(BEFORE_THE_END, max(1, int(batch.seconds) // 2))}", f"--output={_quoted(folder / LOGS)}"]
    command = [*evosim(), "sweep", "run", str(file), "--out", str(folder), "--shard", f"auto/{many}", "--workers", str(cores)]
    command += ["--other-sources"] if other_sources else []
    lines = [
        "#!/bin/sh",
        *(f"#SBATCH {option}" for option in [*options, *batch.options()]),
        "",
        f"# {chunks} chunks for {many} tasks. Submit this file again until all is done: what is finished is not computed again.",
        "# Some tasks can be submitted alone, for example sbatch --array=3,7: a task has the same chunks whatever else is submitted.",
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
    """A path in a line of options. Slurm takes quotes, and has a meaning for backslashes and per cents of its own."""
    text = str(path)
    return text if PLAIN.fullmatch(text) else f'"{text}"'
