"""Tasks for worker pools in tests."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from evosim.errors import UserError
from evosim.runtime.interrupts import checkpoint_requests
from evosim.runtime.worker_pool import PoolCallbacks, PoolOptions, TaskContext, WorkerPool


def double(number: int, context: TaskContext) -> int:
    """Send the number and return its double."""
    context.send(number)
    return 2 * number


def refuse(number: int, context: TaskContext) -> None:
    """Raise a user error."""
    raise UserError(f"{number} is refused. Give another number.")


def fail(number: int, context: TaskContext) -> None:
    """Raise an unforeseen error."""
    raise ValueError(f"{number} fails")


def die_once(file: Path, context: TaskContext) -> str:
    """Kill this process unless the file exists, which is made first."""
    if not file.exists():
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second try"


def die(_: object, context: TaskContext) -> None:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds: float, context: TaskContext) -> None:
    """Send the process id and sleep without looking at stop requests."""
    context.send(os.getpid())
    time.sleep(seconds)


def wait_for_stop(seconds: float, context: TaskContext) -> None:
    """Send the process id; wait for a stop request and report it."""
    context.send(os.getpid())
    end = time.monotonic() + seconds
    while not context.stop_requested() and time.monotonic() < end:
        time.sleep(0.02)
    context.send("stopped" if context.stop_requested() else "timeout")


def wait_for_checkpoint(seconds: float, context: TaskContext) -> bool:
    """Wait for a request of a checkpoint. Returns whether there was one."""
    context.send("ready")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if checkpoint_requests.take():
            return True
        time.sleep(0.02)
    return False


def main() -> None:
    """A driver with one worker that sleeps; prints the worker's process id."""
    pool = WorkerPool[float]("tests.support.pool_tasks:sleep", PoolOptions(1, graceful=False))
    pool.run([60.0], PoolCallbacks[float](on_message=lambda _, pid: print(pid, flush=True)))


if __name__ == "__main__":
    sys.exit(main())
