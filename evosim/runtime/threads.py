"""Number of threads of the compiled kernels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evosim.errors import UserError
from evosim.runtime.machine import processors

if TYPE_CHECKING:
    pass


def check_threads(threads: int | None) -> None:
    """Raise `UserError` for an impossible number of threads, without loading the compiler."""
    configured = os.environ.get("NUMBA_NUM_THREADS", "")
    most = int(configured) if configured.isdecimal() else processors(batch=False)
    if threads is not None and not 1 <= threads <= most:
        raise UserError(
            f"--threads must lie in 1..{most}, but is {threads}. Give --threads {most}."
        )


def available_threads(threads: int | None) -> int:
    """Return how many threads a command may use: `threads`, or all that this process may have."""
    if threads is not None:
        return threads
    configured = os.environ.get("NUMBA_NUM_THREADS", "")
    return int(configured) if configured.isdecimal() else processors()


def use_threads(threads: int | None) -> None:
    """Let the kernels have so many threads. Raises `UserError`."""
    check_threads(threads)
    if threads is not None:
        import numba

        numba.set_num_threads(threads)
