"""Machine: how many processors there are for this process. Asked on Linux and macOS in one way."""

from __future__ import annotations

import os

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
