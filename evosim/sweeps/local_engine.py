"""The local engine: this machine's processors.

One process for each, which gets chunks one after the other through a pipe.

With one worker the chunks are computed in this process. A worker that dies is replaced and its
chunk given out again, from its finished runs; a chunk whose workers die again and again is given up
with one line. If the driver dies, its workers notice and stop.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from evosim.errors import UserError
from evosim.runtime.forked_processes import environment
from evosim.runtime.interrupts import ASKING
from evosim.runtime.machine import Suspended, processors
from evosim.sweeps.engines import Job
from evosim.sweeps.worker import ASKED, run_chunk

MOST_DEATHS = 3  # of workers of one chunk
POLL = 0.2  # seconds between two looks at whether to stop
SAY = 5.0  # seconds of waiting for workers that are to end, until that is said
POOLS = (
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
OTHER_SOURCES = "other-sources"
GRACE = 30.0  # seconds for workers to write what they have, when there is trouble


def compute(job: Job) -> None:
    """Compute the chunks of a job. Raises `UserError`."""
    workers = min(job.workers or processors(), len(job.chunks))
    if workers <= 1:
        for chunk in job.chunks:
            if job.should_stop():
                return
            run_chunk(
                job.folder,
                chunk,
                threads=job.threads,
                should_stop=job.should_stop,
                tell=job.tell,
                other_sources=job.other_sources,
            )
        return
    _Crew(job, workers).work()


class _Worker:
    """A process that computes chunks, and a thread here that hears it."""

    def __init__(self, job: Job, heard: queue.Queue[tuple[_Worker, dict[str, Any] | None]]) -> None:
        self.chunk: int | None = None
        self.ended = 0  # runs of its chunk that it told of
        threads = str(job.threads or 1)
        # Threads must be few from the beginning: pools are made when packages are imported.
        few = dict.fromkeys(POOLS, threads)
        known = environment() | few
        command = [
            sys.executable,
            "-P",
            "-m",
            "evosim.sweeps.local_engine",
            str(job.folder.resolve()),
            *([OTHER_SOURCES] if job.other_sources else []),
        ]
        try:
            # A session of its own: Ctrl-C reaches the driver, which tells the workers.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=known,
                start_new_session=True,
            )
        except OSError as error:
            raise UserError(
                f"a worker process must be started, but cannot be: {error.strerror}. Give fewer"
                " --workers."
            ) from None
        threading.Thread(target=self._hear, args=(heard,), daemon=True).start()

    def _hear(self, heard: queue.Queue[tuple[_Worker, dict[str, Any] | None]]) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):  # something else spoke
                told = json.loads(line)
                if isinstance(told, dict):
                    heard.put((self, told))
        self.process.stdout.close()
        self.process.wait()
        heard.put((self, None))

    def give(self, chunk: int) -> None:
        """Have a chunk computed."""
        self.chunk, self.ended = chunk, 0
        self._say(str(chunk))

    def stop(self) -> None:
        """Have it write what it has, and end."""
        self._say("stop")

    def keep(self) -> None:
        """Have it write what it has, and go on."""
        self._say("keep")

    def close(self) -> None:
        """Let go of its pipe."""
        assert self.process.stdin
        with contextlib.suppress(OSError):  # what was said last never reached it
            self.process.stdin.close()

    def _say(self, words: str) -> None:
        assert self.process.stdin
        with contextlib.suppress(OSError, ValueError):  # it is gone, which is heard elsewhere
            self.process.stdin.write(words + "\n")
            self.process.stdin.flush()


class _Crew:
    """Workers, and who has which chunk."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job, self._wanted = job, workers
        self._todo = list(reversed(job.chunks))
        self._deaths: dict[int, int] = {}
        self._heard: queue.Queue[tuple[_Worker, dict[str, Any] | None]] = queue.Queue()
        self._workers: set[_Worker] = set()
        self._trouble: str | None = None
        self._stopping = False
        self._stopped = 0.0
        self._asleep = Suspended()

    def work(self) -> None:
        """Until all chunks are done, somebody asks for an end, or there is trouble that concerns
        all.
        """
        try:
            while len(self._workers) < self._wanted:
                self._hire()
            while self._workers:
                if not self._stopping and (self._job.should_stop() or self._trouble):
                    self._stop()
                if ASKED.is_set():
                    ASKED.clear()
                    for worker in self._workers:
                        worker.keep()
                self._look()
                with contextlib.suppress(queue.Empty):
                    self._hear(*self._heard.get(timeout=POLL))
        except KeyboardInterrupt:  # a second Ctrl-C
            for worker in self._workers:
                worker.process.kill()
            raise
        finally:
            self._dismiss()
        if self._trouble:
            raise UserError(self._trouble)

    def _look(self) -> None:
        """Say of workers that are waited for why, and leave those that cannot end: what they have
        kept stays.
        """
        for words in self._asleep.words(worker.process.pid for worker in self._workers):
            _warn(words)
        if not self._stopping:
            return
        asleep = self._asleep.among(worker.process.pid for worker in self._workers)
        for worker in self._workers:
            if worker.process.pid in asleep:
                _warn(
                    f"worker process {worker.process.pid} is suspended and cannot end; it is"
                    " killed, and what it has kept stays"
                )
                worker.process.kill()
        if self._stopped and time.monotonic() - self._stopped > SAY:
            self._stopped = 0.0
            pids = ", ".join(str(worker.process.pid) for worker in self._workers)
            _warn(
                f"waiting for worker processes {pids} to write what they have; another Ctrl-C ends"
                " them at once"
            )

    def _hire(self) -> None:
        worker = _Worker(self._job, self._heard)
        self._workers.add(worker)
        self._give(worker)

    def _give(self, worker: _Worker) -> None:
        if self._todo and not self._stopping:
            worker.give(self._todo.pop())
        else:
            worker.chunk = None
            worker.stop()

    def _hear(self, worker: _Worker, told: dict[str, Any] | None) -> None:
        if told is None:
            self._gone(worker)
        elif "trouble" in told:
            self._trouble = self._trouble or told["trouble"]
        elif told.get("event") == "free":
            self._give(worker)
        elif "event" in told:
            worker.ended += told["event"] == "run"
            worker.ended += told.get("done", 0) if told["event"] == "begin" else 0
            self._job.tell(**told)

    def _gone(self, worker: _Worker) -> None:
        self._workers.discard(worker)
        worker.close()
        if worker.chunk is None or self._stopping or self._trouble:
            return
        chunk, code = worker.chunk, worker.process.returncode
        self._job.tell("lost", chunk, lost=worker.ended)
        self._deaths[chunk] = self._deaths.get(chunk, 0) + 1
        if self._deaths[chunk] >= MOST_DEATHS:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._trouble = (
                f"workers must survive chunk {chunk}, but {MOST_DEATHS} of them died of it ({how})."
                f" Free some memory, or look into {self._job.folder / 'logs'}; what is finished is"
                " kept."
            )
            return
        self._todo.append(chunk)
        self._hire()

    def _stop(self) -> None:
        self._stopping, self._stopped = True, time.monotonic()
        for worker in self._workers:
            worker.stop()

    def _dismiss(self) -> None:
        """Nobody stays behind, whatever happened."""
        for worker in self._workers:
            worker.stop()
        end = time.monotonic() + GRACE
        try:
            for worker in self._workers:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    worker.process.wait(max(0.0, end - time.monotonic()))
        finally:
            for worker in self._workers:
                worker.process.kill()  # does nothing to one that has ended
                worker.process.wait()
                worker.close()


def _warn(words: str) -> None:
    with contextlib.suppress(OSError):
        print(f"evosim: {words}", file=sys.stderr, flush=True)


def main() -> None:
    """A worker: computes the chunks whose numbers it reads, until it is told to stop or whoever
    tells it is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    for number in ASKING:
        signal.signal(number, lambda *_: ASKED.set())
    folder, allowed = Path(sys.argv[1]), OTHER_SOURCES in sys.argv[2:]
    numbers: queue.Queue[int | None] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            if line.strip() == "stop":
                break
            if line.strip() == "keep":
                ASKED.set()
            else:
                numbers.put(int(line))
        stopping.set()
        numbers.put(None)

    threading.Thread(target=listen, daemon=True).start()
    code = 0
    try:
        while not stopping.is_set():
            try:
                chunk = numbers.get(timeout=POLL)
            except queue.Empty:
                continue
            if chunk is None:
                break
            if run_chunk(
                folder,
                chunk,
                threads=None,
                should_stop=stopping.is_set,
                tell=_tell,
                other_sources=allowed,
            ).finished:
                _say(event="free")
    except UserError as error:
        _say(trouble=str(error))
        code = 2
    sys.stdout.flush()
    os._exit(code)  # to take the compiler down would take as long as a run


def _tell(event: str, chunk: int, **facts: Any) -> None:
    _say(event=event, chunk=chunk, **facts)


def _say(**what: object) -> None:
    with contextlib.suppress(OSError):  # the driver is gone, and its end of the pipe will say so
        print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
