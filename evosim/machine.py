"""Machine: how many processors and how many addresses there are for this process. Asked on Linux and macOS in one way."""

from __future__ import annotations

import os
import resource

from evosim.errors import UserError

# What a run needs with one thread, and with each more, in bytes of address space. Measured on Linux with kernels that
# are compiled at the time; little of it is used.
ADDRESSES, ADDRESSES_EACH = 1650 * 2**20, 26 * 2**20

# What batch systems say of a job's processors: Slurm (two), PBS, Grid Engine, LSF.
GIVEN = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "NCPUS", "NSLOTS", "LSB_DJOB_NUMPROC")


def processors(*, batch: bool = True) -> int:
    """Count the processors that this process may use.

    Parameters
    ----------
    batch: whether the batch system that it runs under has a say, besides the operating system.

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


def check_addresses() -> None:
    """Refuse to compile and to compute where addresses are too few: libraries then end the process without a word.

    Raises
    ------
    UserError
        How many are needed, and how many there may be.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    needed = ADDRESSES + ADDRESSES_EACH * processors(batch=False)
    if limit != resource.RLIM_INFINITY and limit < needed:
        least = -(-needed // 2**20)
        raise UserError(
            f"runs need {least / 2**10:.1f} GiB of address space here, but 'ulimit -v' allows {limit / 2**30:.1f} GiB. "
            f"Do 'ulimit -v {least * 1024}', or ask the batch system for more memory."
        )
