"""A pool of worker processes that do tasks one after another.

Guarantees of the pool:

* A worker that dies is replaced and its task is done again, up to `most_deaths` times for a task.
* Ctrl-C and the end of the terminal reach only the driver, which decides what workers do.
* On a stop request, workers either store what they have and end (`graceful`), or are killed.
* A suspended worker is reported. If the pool is to end, it is killed.
* No worker survives its driver: a worker ends when its pipe closes.

The driver sends tasks through the standard input of a worker as lines: a pickled task, `stop`, or
`checkpoint`. A worker sends pickled messages through a pipe of its own.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from evosim.errors import UserError
from evosim.runtime.forked_processes import environment
from evosim.runtime.interrupts import CHECKPOINT_SIGNALS, checkpoint_requests
from evosim.runtime.machine import Suspended

POLL = 0.2  # Seconds between two checks whether to stop.
PATIENCE = 5.0  # Seconds of waiting for workers to end, until that is reported.
GRACE = 30.0  # Seconds in which workers may store their results after an error.
STOP, CHECKPOINT = "stop", "checkpoint"
# environment variables that limit the threads of libraries; they are read on import
THREAD_LIMITS = (
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)

T = TypeVar("T")


class WorkerDied(Exception):
    """Too many workers died of one task.

    Attributes
    ----------
    task : object
        The task.
    cause : str
        How the last worker ended, such as `signal 9`.
    """

    def __init__(self, task: object, cause: str) -> None:
        super().__init__(f"workers died of {task!r} ({cause})")
        self.task, self.cause = task, cause


@dataclass
class TaskContext:
    """Functions that a running task can call.

    Attributes
    ----------
    stop_requested : Callable
        Whether the task is to store what it has and return.
    send : Callable
        Sends a message (anything that can be pickled) to the driver.
    """

    stop_requested: Callable[[], bool]
    send: Callable[[object], None]


def _ignore(*_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class PoolCallbacks(Generic[T]):
    """Functions that the driver calls while tasks run, all in the driver's thread.

    Attributes
    ----------
    stop_requested : Callable
        Whether to stop.
    on_message : Callable
        Receives a task and a message that it sent.
    on_done : Callable
        Receives a task and its result.
    on_lost : Callable
        Receives a task whose worker died. It is done again.
    on_checkpoint : Callable
        Called when a signal requests a checkpoint. Workers get the request too.
    warn : Callable
        Receives a sentence for the user, such as that a worker is suspended.
    """

    stop_requested: Callable[[], object] = lambda: False
    on_message: Callable[[T, Any], object] = _ignore
    on_done: Callable[[T, Any], object] = _ignore
    on_lost: Callable[[T], object] = _ignore
    on_checkpoint: Callable[[], object] = _ignore
    warn: Callable[[str], object] = _ignore


@dataclass(frozen=True)
class PoolOptions:
    """How a pool treats its workers.

    Attributes
    ----------
    workers : int
        Number of processes.
    graceful : bool
        Whether tasks watch `TaskContext.stop_requested`. Otherwise a stop kills the workers.
    most_deaths : int
        So many workers may die of one task until the pool gives up.
    variables : Mapping[str, str]
        More environment variables.
    """

    workers: int
    graceful: bool
    most_deaths: int = 1
    variables: Mapping[str, str] = field(default_factory=dict)


class _Worker(Generic[T]):
    """A process, and a thread in the driver that reads its messages."""

    def __init__(
        self,
        function: str,
        options: PoolOptions,
        messages: queue.Queue[tuple[_Worker[T], _Message | None]],
    ) -> None:
        self.task: int | None = None  # its index
        reading, writing = os.pipe()
        mode = "graceful" if options.graceful else "kill"
        command = [sys.executable, "-P", "-m", __name__, function, mode, str(writing)]
        try:
            # A session of its own, so that Ctrl-C reaches only the driver.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                text=True,
                env=environment() | dict(options.variables),
                start_new_session=True,
                pass_fds=[writing],
            )
        except OSError as error:
            os.close(reading)
            raise UserError(
                f"no worker process can be started: {error.strerror}. Give fewer --workers."
            ) from None
        finally:
            os.close(writing)
        threading.Thread(target=self._listen, args=(reading, messages), daemon=True).start()

    def _listen(
        self, reading: int, messages: queue.Queue[tuple[_Worker[T], _Message | None]]
    ) -> None:
        with open(reading, "rb") as pipe, contextlib.suppress(Exception):
            while True:
                messages.put((self, pickle.load(pipe)))
        self.process.wait()
        messages.put((self, None))

    def give(self, task: T) -> None:
        """Have a task done."""
        self.say(base64.b64encode(pickle.dumps(task)).decode())

    def say(self, line: str) -> None:
        """Send a line. A worker that is gone does not matter here."""
        assert self.process.stdin
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def close(self) -> None:
        """Close its standard input."""
        assert self.process.stdin
        with contextlib.suppress(OSError):
            self.process.stdin.close()


@dataclass(frozen=True)
class _Message:
    """A message from a worker: a message of its task, the result of its task, or an error."""

    kind: Literal["message", "done", "error"]
    content: Any


class WorkerPool(Generic[T]):
    """Worker processes for one function.

    Parameters
    ----------
    function : str
        `module:name` of a function of a task and a `TaskContext`. Its result goes to `on_done`.
    options : PoolOptions
        How workers are treated.
    """

    def __init__(self, function: str, options: PoolOptions) -> None:
        self._function, self._options = function, options
        self._tasks: list[T] = []
        self._waiting: list[int] = []  # indices of tasks, the next one last
        self._deaths: dict[int, int] = {}
        self._messages: queue.Queue[tuple[_Worker[T], _Message | None]] = queue.Queue()
        self._workers: set[_Worker[T]] = set()
        self._error: BaseException | None = None
        self._stopping = False
        self._stopped_at = 0.0
        self._suspended = Suspended()
        self._callbacks: PoolCallbacks[T] = PoolCallbacks()

    def start(self) -> None:
        """Start the workers now, so that they load their modules before there are tasks.

        Raises
        ------
        UserError
            If no worker can be started.
        """
        while len(self._workers) < self._options.workers:
            self._start_worker()

    def __enter__(self) -> WorkerPool[T]:
        return self

    def __exit__(self, *_: object) -> None:
        """End workers that were started and got no tasks."""
        self._kill()
        self._end()

    def run(self, tasks: Iterable[T], callbacks: PoolCallbacks[T]) -> None:
        """Do tasks, in their order, until all are done or a stop is requested.

        Raises
        ------
        WorkerDied
            If too many workers died of one task.
        UserError
            If no worker can be started.
        Exception
            An error of a task: any error without `graceful`. With `graceful` only a `UserError`,
            because other errors count as a death.
        """
        self._callbacks = callbacks
        self._tasks = list(tasks)
        self._waiting = list(reversed(range(len(self._tasks))))
        workers = min(self._options.workers, len(self._tasks))
        try:
            for worker in list(self._workers):
                self._give(worker)
            while len(self._workers) < workers:
                self._give(self._start_worker())
            while self._workers and not (self._stopping and not self._options.graceful):
                self._step()
        except KeyboardInterrupt:  # a second Ctrl-C
            self._kill()
            raise
        finally:
            self._end()
        if self._error:
            raise self._error

    def _step(self) -> None:
        """Look once at stop requests, workers and messages."""
        if not self._stopping and (self._callbacks.stop_requested() or self._error):
            self._stop()
        if checkpoint_requests.take():
            for worker in self._workers:
                worker.say(CHECKPOINT)
            self._callbacks.on_checkpoint()
        self._check_suspended()
        with contextlib.suppress(queue.Empty):
            self._receive(*self._messages.get(timeout=POLL))

    def _pids(self) -> list[int]:
        return [worker.process.pid for worker in self._workers]

    def _check_suspended(self) -> None:
        """Report suspended workers; kill them if the pool is to end."""
        for words in self._suspended.words(self._pids()):
            self._callbacks.warn(words)
        if not self._stopping:
            return
        suspended = self._suspended.among(self._pids())
        for worker in self._workers:
            if worker.process.pid in suspended:
                self._callbacks.warn(
                    f"worker process {worker.process.pid} is suspended and cannot end. It is"
                    " killed; the results it has stored remain."
                )
                worker.process.kill()
        if self._stopped_at and time.monotonic() - self._stopped_at > PATIENCE:
            self._stopped_at = 0.0
            self._callbacks.warn(
                f"waiting for worker processes {', '.join(map(str, self._pids()))} to store their"
                " results. Another Ctrl-C ends them at once."
            )

    def _start_worker(self) -> _Worker[T]:
        worker: _Worker[T] = _Worker(self._function, self._options, self._messages)
        self._workers.add(worker)
        return worker

    def _give(self, worker: _Worker[T]) -> None:
        if self._waiting and not self._stopping:
            worker.task = self._waiting.pop()
            worker.give(self._tasks[worker.task])
        else:
            worker.task = None
            worker.say(STOP)

    def _receive(self, worker: _Worker[T], message: _Message | None) -> None:
        if message is None:
            self._on_exit(worker)
            return
        assert worker.task is not None
        task = self._tasks[worker.task]
        if message.kind == "message":
            self._callbacks.on_message(task, message.content)
        elif message.kind == "error":
            self._error = self._error or message.content
        else:
            self._callbacks.on_done(task, message.content)
            self._give(worker)

    def _on_exit(self, worker: _Worker[T]) -> None:
        self._workers.discard(worker)
        worker.close()
        index = worker.task
        if index is None or self._stopping or self._error:
            return
        if self._callbacks.stop_requested():  # the signal went to all processes of the command
            self._stop()
            return
        task = self._tasks[index]
        self._callbacks.on_lost(task)
        deaths = self._deaths[index] = self._deaths.get(index, 0) + 1
        if deaths >= self._options.most_deaths:
            code = worker.process.returncode
            self._error = WorkerDied(task, f"signal {-code}" if code < 0 else f"exit code {code}")
            return
        self._waiting.append(index)
        self._give(self._start_worker())

    def _stop(self) -> None:
        self._stopping, self._stopped_at = True, time.monotonic()
        for worker in self._workers:
            worker.say(STOP)

    def _kill(self) -> None:
        for worker in self._workers:
            worker.process.kill()

    def _end(self) -> None:
        """End all workers, whatever happened."""
        if not self._options.graceful:
            self._kill()
        for worker in self._workers:
            worker.say(STOP)
        end = time.monotonic() + GRACE
        try:
            for worker in self._workers:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    worker.process.wait(max(0.0, end - time.monotonic()))
        finally:
            self._kill()  # does nothing to a process that has ended
            for worker in self._workers:
                worker.process.wait()
                worker.close()


def warn_on_stderr(words: str) -> None:
    """Print a warning on standard error; a closed one does not matter."""
    with contextlib.suppress(OSError):
        print(f"evosim: {words}", file=sys.stderr, flush=True)


# The worker's side


def main() -> None:
    """A worker: do the tasks on standard input until it says `stop` or closes."""
    function, graceful, pipe = _load(sys.argv[1]), sys.argv[2] == "graceful", int(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides
    stopping = threading.Event()
    if graceful:
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    for number in CHECKPOINT_SIGNALS:
        signal.signal(number, lambda *_: checkpoint_requests.request())
    tasks: queue.Queue[str | None] = queue.Queue()
    threading.Thread(
        target=_listen, args=(sys.stdin, tasks, stopping, graceful), daemon=True
    ).start()
    send = _Sender(pipe)
    context = TaskContext(stopping.is_set, lambda content: send(_Message("message", content)))
    code = 0
    while not stopping.is_set():
        try:
            line = tasks.get(timeout=POLL)
        except queue.Empty:
            continue
        if line is None:
            break
        try:
            result = function(pickle.loads(base64.b64decode(line)), context)
        except Exception as error:
            code = 2
            if graceful and not isinstance(error, UserError):
                traceback.print_exc()
                code = 1
            else:
                send(_Message("error", _picklable(error)))
            break
        if stopping.is_set():
            break
        send(_Message("done", result))
    sys.stdout.flush()
    os._exit(code)  # an orderly exit of the compiler would take as long as a run


def _load(function: str) -> Callable[[Any, TaskContext], object]:
    module, _, name = function.partition(":")
    loaded: Callable[[Any, TaskContext], object] = getattr(importlib.import_module(module), name)
    return loaded


def _listen(
    lines: Iterable[str], tasks: queue.Queue[str | None], stopping: threading.Event, graceful: bool
) -> None:
    """Read the lines of the driver. The end of the lines is the end of the driver."""
    for line in lines:
        if line.strip() == STOP:
            break
        if line.strip() == CHECKPOINT:
            checkpoint_requests.request()
        else:
            tasks.put(line)
    else:
        if not graceful:
            os._exit(1)
    stopping.set()
    tasks.put(None)


class _Sender:
    """Sends messages through the pipe. If the driver is gone, standard input says so."""

    def __init__(self, pipe: int) -> None:
        self._file = open(pipe, "wb")  # noqa: SIM115 (it stays open as long as the process)
        self._lock = threading.Lock()

    def __call__(self, message: _Message) -> None:
        data = pickle.dumps(message)
        with self._lock, contextlib.suppress(OSError):
            self._file.write(data)
            self._file.flush()


def _picklable(error: Exception) -> Exception:
    """The error, or one with the same words if it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        if isinstance(error, UserError):
            return UserError(str(error))
        return RuntimeError("".join(traceback.format_exception(error)))
    return error


if __name__ == "__main__":
    # Pickle must find the classes of this module by its own name.
    importlib.import_module("evosim.runtime.worker_pool").main()
