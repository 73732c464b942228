"""Processors and address space of this process, on Linux and macOS."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable

from evosim.errors import UserError

# Bytes of address space that a run needs with one thread, and for each further thread. Measured on
# Linux during a run that compiles its kernels; little of this space is used.
ADDRESSES, ADDRESSES_EACH = 1650 * 2**20, 26 * 2**20

# Variables for a job's processors in batch systems: Slurm (two), PBS, Grid Engine, LSF.
GIVEN = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "NCPUS", "NSLOTS", "LSB_DJOB_NUMPROC")


def processors(*, batch: bool = True) -> int:
    """Count the processors that this process may use.

    Parameters
    ----------
    batch: whether the limit of the batch system applies, in addition to the operating system's.

    Returns
    -------
    At least 1.
    """
    # macOS cannot tie a process to processors, and has no such call.
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name in GIVEN if batch else ():
        given = os.environ.get(name, "")
        if given.isascii() and given.isdigit() and int(given[:9]) > 0:
            return min(here, int(given[:9]))
    return here


def suspended(pid: int) -> bool:
    """Whether a child process of this one is suspended (SIGSTOP); False where unknown.

    Parameters
    ----------
    pid : int
        Process id of the child.
    """
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except OSError:
        return False


class Suspended:
    """Child processes that have been suspended for a while. Each is reported once.

    Attributes:
        patience: seconds for which one must have been suspended.
    """

    def __init__(self, patience: float = 5.0) -> None:
        self.patience = patience
        self._since: dict[int, float] = {}
        self._reported: set[int] = set()

    def among(self, pids: Iterable[int]) -> list[int]:
        """Process ids that have been suspended for at least `patience` seconds."""
        now = time.monotonic()
        self._since = {pid: self._since.get(pid, now) for pid in pids if suspended(pid)}
        self._reported &= self._since.keys()
        return [pid for pid, since in self._since.items() if now - since >= self.patience]

    def words(self, pids: Iterable[int]) -> list[str]:
        """One line for the user per suspended process that was not reported yet."""
        new = [pid for pid in self.among(pids) if pid not in self._reported]
        self._reported |= set(new)
        return [
            f"worker process {pid} is suspended, and is waited for. Resume it ('kill -CONT"
            f" {pid}'), or end it ('kill -KILL {pid}')."
            for pid in new
        ]


def check_addresses() -> None:
    """Refuse to compile and compute if the address space is too small.

    Without this check, libraries end the process without a message.

    Raises
    ------
    UserError
        If `ulimit -v` allows less address space than a run needs.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    needed = ADDRESSES + ADDRESSES_EACH * processors(batch=False)
    if limit != resource.RLIM_INFINITY and limit < needed:
        least = -(-needed // 2**20)
        raise UserError(
            f"runs need {least / 2**10:.1f} GiB of address space here, but 'ulimit -v' allows"
            f" {limit / 2**30:.1f} GiB. Do 'ulimit -v {least * 1024}', or ask the batch system for"
            " more memory."
        )
