"""Engines that compute with Dask: workers of this machine, of a scheduler that is there already, or
of Slurm.

A task is a chunk, and hands nothing back: whether it is done, the folder says. Few tasks are out at
once. Workers that die are replaced by whoever started them, and their chunk is taken up from its
finished runs. Needs the package `distributed`, for Slurm also `dask-jobqueue`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from evosim.errors import UserError
from evosim.runtime import installation
from evosim.runtime.atomic_files import who_else_writes
from evosim.runtime.checksums import Damaged
from evosim.runtime.machine import processors
from evosim.sweeps.engines import Job
from evosim.sweeps.job_array import CACHE
from evosim.sweeps.local_engine import POLL, POOLS
from evosim.sweeps.store import Store
from evosim.sweeps.worker import run_chunk
from evosim.version import DISTRIBUTION

LEAST_OUT, EACH_OUT = 4, 3  # tasks that are out at once: at least, and for each worker
JOBS = 10  # of Slurm, if nobody says
MOST_ERRORS = 3  # of one chunk, where something unforeseen went wrong
ALLOWED_DEATHS = 10  # of workers beside one chunk: most of them had nothing to do with it
LOOK_EVERY = 2.0  # seconds between two looks at the scheduler
NO_WORKERS = 60.0  # seconds without any worker and without hope of one
NO_SCHEDULER = 30.0  # seconds without an answer
ANSWER = 10.0  # seconds for a scheduler's first one
NOT_SEEN = 90.0  # seconds until a file that was written elsewhere must be seen here
GRACE = 30.0  # seconds for workers to write what they have
CLOSING = 15.0
TELL_EVERY = 1.0
TERMINAL = {signal.SIGINT, signal.SIGHUP}  # what a terminal sends to all processes of a command
SETTINGS = {
    "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
    "distributed.worker.multiprocessing-method": "spawn",
    "distributed.comm.timeouts.connect": "30s",
    "distributed.worker.daemon": True,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # A worker that is large computes on: whoever started it decides how much it may have.
    **{
        f"distributed.worker.memory.{limit}": False
        for limit in ("target", "spill", "pause", "terminate")
    },
}
# No dashboard. A server of pages there is nevertheless: it has none, and only this machine can ask
# it.
NO_PAGES: dict[str, Any] = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
SPOKEN = (
    "distributed",
    "distributed.client",
    "distributed.worker",
    "distributed.scheduler",
    "distributed.nanny",
    "dask_jobqueue",
    "tornado",
    "asyncio",
)


def compute(job: Job) -> None:
    """Compute the chunks of a job with workers of this machine, or of the scheduler at the job's
    address. Raises `UserError`.
    """
    need_dask()
    with _quiet(), contextlib.ExitStack() as stack:
        client = _client_of(job.address, stack) if job.address else _client_here(job, stack)
        _Drive(job, client, hope=lambda: False).work()


def compute_on_slurm(job: Job) -> None:
    """Compute the chunks of a job with workers that are jobs of Slurm, started for the purpose.

    Raises `UserError`.
    """
    need_slurm()
    with _quiet(), contextlib.ExitStack() as stack:
        client, hope = _client_of_slurm(job, stack)
        _Drive(job, client, hope).work()


def need_dask() -> None:
    """Refuse in one line where Dask is not installed."""
    _need("distributed", "dask")
    _need("cryptography", "dask")
    if installation.COMMAND in os.environ:
        importlib.import_module("dask")  # it may bring a reader of metadata of its own
        installation.tolerate()


def need_slurm() -> None:
    """Refuse in one line where Dask is not installed, or there is no Slurm."""
    _need("distributed", "slurm")
    _need("dask_jobqueue", "slurm")
    _need("cryptography", "slurm")
    _need_slurm()


def _need(package: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        name = package.replace("_", "-")
        raise UserError(
            f"this engine needs the package {name}, which is not installed. Install it with pip"
            f" install '{DISTRIBUTION}[{extra}]'."
        )


# Workers


def compute_chunk(folder: str, chunk: int, token: str, threads: int, other_sources: bool) -> None:
    """The task, in a worker: compute a chunk.

    Raises `UserError`, and `Unfinished` if it was told to stop.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    leaving = ("closing", "closing_gracefully", "closed", "failed", "stopping")

    def should_stop() -> bool:
        task = worker.state.tasks.get(key)
        unwanted = task is None or task.state == "cancelled"
        return token in _STOPPED or unwanted or worker.status.name in leaving

    # One chunk at a time, however many threads a worker has: kernels have threads of their own.
    while not _ALONE.acquire(timeout=POLL):
        if should_stop():
            raise Unfinished(chunk)
    try:
        with _telling(worker, token) as tell:
            receipt = run_chunk(
                folder,
                chunk,
                threads=threads,
                should_stop=should_stop,
                tell=tell,
                other_sources=other_sources,
            )
    finally:
        _ALONE.release()
    if not receipt.finished:
        raise Unfinished(chunk)


class Unfinished(Exception):
    """A chunk was stopped; its finished runs are kept."""


_ALONE = threading.Lock()
_STOPPED: set[str] = set()


def stop_here(token: str) -> None:
    """In a worker: have the tasks of one driver write what they have, and end."""
    _STOPPED.add(token)


@contextlib.contextmanager
def _telling(worker: Any, token: str) -> Iterator[Callable[..., None]]:
    """Tells the driver what happens, once a second at most."""
    said: list[dict[str, Any]] = []
    last = time.monotonic()

    def flush() -> None:
        nonlocal last
        if said:
            worker.log_event(token, list(said))
            said.clear()
        last = time.monotonic()

    def tell(event: str, chunk: int, **facts: Any) -> None:
        if event == "end":
            return  # the driver sees that for itself
        said.append({"event": event, "chunk": chunk, **facts})
        if event == "begin" or time.monotonic() - last > TELL_EVERY:
            flush()

    try:
        yield tell
    finally:
        flush()


# The driver


class _Drive:
    """Hands chunks out and looks for them in the folder."""

    def __init__(self, job: Job, client: Any, hope: Callable[[], bool]) -> None:
        self._job, self._client, self._hope = job, client, hope
        self._store = Store(job.folder)
        self._token = f"evosim-{uuid.uuid4().hex}"
        self._todo = list(reversed(job.chunks))
        self._out: dict[int, Any] = {}  # futures
        self._told: dict[int, tuple[int, int]] = {}  # runs of a chunk that ended, and that failed
        self._unseen: dict[
            int, float
        ] = {}  # chunks that were written, and until when they must be seen
        self._errors: dict[int, int] = {}
        self._tries = 0
        self._heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._workers = 0
        self._looked = self._answered = self._worked = time.monotonic()
        self._until: float | None = None  # when a stop was asked for
        self._trouble: str | None = None
        client.subscribe_topic(self._token, lambda event: self._heard.put(("told", event[1])))

    def work(self) -> None:
        """Until all chunks are done, somebody asks for an end, or there is trouble that concerns
        all.
        """
        try:
            self._look()
            while self._todo or self._out or self._unseen:
                if self._until is None and (self._job.should_stop() or self._trouble):
                    self._stop()
                if self._until is not None and (not self._out or time.monotonic() > self._until):
                    break
                self._hand_out()
                self._listen()
                self._seek()
                if time.monotonic() - self._looked > LOOK_EVERY:
                    self._look()
        finally:
            self._let_go()
        if self._trouble:
            raise UserError(self._trouble)

    def _hand_out(self) -> None:
        job = self._job
        if self._client.status != "running":
            return  # it looks for its scheduler, and forgets at once what it is given
        while (
            self._todo
            and self._until is None
            and len(self._out) < max(LEAST_OUT, EACH_OUT * self._workers)
        ):
            chunk = self._todo.pop()
            self._tries += 1
            arguments = (
                str(job.folder.resolve()),
                chunk,
                self._token,
                job.threads or 1,
                job.other_sources,
            )
            key = f"{self._token}-{chunk}-{self._tries}"
            future = self._client.submit(compute_chunk, *arguments, key=key, pure=False, retries=0)
            self._out[chunk] = future
            future.add_done_callback(
                lambda ended, chunk=chunk: self._heard.put(("ended", (chunk, ended)))
            )

    def _listen(self) -> None:
        """Hear one thing, and whatever else was said meanwhile."""
        with contextlib.suppress(queue.Empty):
            what, which = self._heard.get(timeout=POLL)
            while True:
                if what == "told":
                    self._tell(which)
                else:
                    self._ended(*which)
                what, which = self._heard.get_nowait()

    def _tell(self, events: list[dict[str, Any]]) -> None:
        for told in events:
            chunk = told["chunk"]
            if chunk not in self._out:
                continue
            if told["event"] == "begin":
                self._lost(chunk)
                self._told[chunk] = (told["done"], 0)
            elif chunk in self._told:
                ended, failed = self._told[chunk]
                self._told[chunk] = (ended + 1, failed + (told["status"] == "failed"))
            else:
                continue
            self._job.tell(**told)

    def _lost(self, chunk: int) -> None:
        """What was told of a chunk is void: somebody begins it again."""
        if chunk in self._told:
            self._job.tell("lost", chunk, lost=self._told.pop(chunk)[0])

    def _ended(self, chunk: int, future: Any) -> None:
        """A task ended, somehow; what became of its chunk is in the folder."""
        if chunk not in self._out or self._out[chunk] is not future:
            return
        del self._out[chunk]
        status, error = future.status, None
        if status == "error":
            with contextlib.suppress(Exception):  # forgotten meanwhile
                error = future.exception(timeout=NO_SCHEDULER)
        future.release()
        if self._store.is_done(chunk):
            self._done(chunk)
        elif status == "finished":
            self._unseen[chunk] = time.monotonic() + NOT_SEEN
        elif (
            error is None or type(error).__name__ == Unfinished.__name__
        ):  # its worker went in good order, or the scheduler forgot it
            self._again(chunk)
        elif isinstance(error, UserError):
            self._trouble = self._trouble or str(error)
        elif type(error).__name__ == "KilledWorker":
            self._trouble = self._trouble or (
                f"workers must survive chunk {chunk}, but one after the other died of it. Free some"
                f" memory, or look into {self._job.folder / 'logs'}; what is finished is kept."
            )
        else:
            self._errors[chunk] = self._errors.get(chunk, 0) + 1
            if self._errors[chunk] >= MOST_ERRORS:
                words = " ".join(f"{type(error).__name__}: {error}".split())
                self._trouble = self._trouble or (
                    f"workers must be able to compute, but chunk {chunk} ended {MOST_ERRORS} times"
                    f" with {words}. Mend that; what is finished is kept."
                )
            self._again(chunk)

    def _again(self, chunk: int) -> None:
        self._lost(chunk)
        self._todo.append(chunk)

    def _done(self, chunk: int) -> None:
        """A chunk is there. Say so, and of its runs what was not heard."""
        ended, failed = self._told.pop(chunk, (None, 0))
        if ended is None:
            self._job.tell("begin", chunk, done=0)
        wrong = 0
        with contextlib.suppress(Damaged):  # which is for `check` to say
            wrong = self._store.counted(chunk).failed
        for _ in range(self._store.size(chunk) - (ended or 0)):
            status, failed = ("failed", failed + 1) if failed < wrong else ("complete", failed)
            self._job.tell("run", chunk, run=-1, status=status, seconds=0.0)
        self._job.tell("end", chunk, finished=True)

    def _seek(self) -> None:
        """Chunks that were written elsewhere: a network file system may be late to tell."""
        for chunk, until in list(self._unseen.items()):
            if self._store.is_done(chunk):
                del self._unseen[chunk]
                self._done(chunk)
            elif time.monotonic() > until:
                self._trouble = self._trouble or (
                    f"chunk {chunk} must be in {self._job.folder}, but is not, though a worker"
                    f" wrote it {NOT_SEEN:.0f} s ago. Let all machines see the same folder, and do"
                    " it again."
                )
                del self._unseen[chunk]

    def _look(self) -> None:
        """Is the scheduler there, and does it have workers?"""
        now = self._looked = time.monotonic()
        client = self._client
        with contextlib.suppress(Exception):  # no answer is what is looked for
            self._workers = len(
                client.sync(client.scheduler.ncores, workers=None, callback_timeout=5)
            )
            now = self._answered = time.monotonic()
            if self._workers or (now - self._worked > NO_WORKERS / 3 and self._hope()):
                self._worked = now
        if self._until is not None:
            return
        if client.status in ("closed", "closing") or now - self._answered > NO_SCHEDULER:
            where = self._job.address or "that was started"
            self._trouble = (
                f"the Dask scheduler {where} must answer, but is gone. Start it and do the same"
                " again; what is finished is kept."
            )
            self._until = now  # nobody is left to be told
        elif now - self._worked > NO_WORKERS:
            where = f"the Dask scheduler {self._job.address}" if self._job.address else "the engine"
            self._trouble = (
                f"{where} must have workers, but had none for {NO_WORKERS:.0f} s. Start some, and"
                " do the same again; what is finished is kept."
            )

    def _stop(self) -> None:
        """Have workers write what they have, as those of the local engine do."""
        self._until = time.monotonic() + (GRACE if self._workers else 0.0)
        self._todo.clear()
        self._unseen.clear()
        threading.Thread(target=self._say_stop, daemon=True).start()

    def _say_stop(self) -> None:
        # Workers may come while we wait
        while self._out and self._until and time.monotonic() < self._until:
            with contextlib.suppress(Exception):
                client = self._client
                client.sync(
                    client._run, stop_here, self._token, on_error="ignore", callback_timeout=5
                )
            time.sleep(POLL)

    def _let_go(self) -> None:
        """Of a scheduler that goes on without us, nothing of ours is asked any more."""
        with contextlib.suppress(Exception):
            if self._out and self._client.status == "running":
                self._client.sync(
                    self._client._cancel, list(self._out.values()), force=True, callback_timeout=5
                )
        self._out.clear()


# Clusters


def _client_here(job: Job, stack: contextlib.ExitStack) -> Any:
    """Workers of this machine: a process each, with one thread.

    Other users of this machine reach its ports, and a scheduler executes what it is sent. Temporary
    certificates, which never leave these processes, keep them out.
    """
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    stack.enter_context(dask.config.set(SETTINGS))
    few = dict.fromkeys(POOLS, str(job.threads or 1))
    try:
        with _deaf():
            cluster = LocalCluster(
                n_workers=min(job.workers or processors(), len(job.chunks)),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                scheduler_kwargs=NO_PAGES,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
                env=few,
                local_directory=stack.enter_context(_scratch()),
                security=Security.temporary(),
                protocol="tls://",
            )
    except Exception as error:  # Dask's own, of many kinds
        raise UserError(
            f"Dask must be able to start workers here, but cannot: {_in_one_line(error)}. Take"
            " --engine local."
        ) from None
    stack.callback(_closed, cluster)
    client = Client(cluster, set_as_default=False)
    stack.callback(_closed, client)
    return client


def _client_of(address: str, stack: contextlib.ExitStack) -> Any:
    """A scheduler that is there already, by `tcp://HOST:PORT` or by the file that it wrote."""
    import dask
    from distributed import Client

    stack.enter_context(dask.config.set(SETTINGS))
    known: dict[str, Any] = {"address": address}
    if "://" not in address and ":" not in address:
        if not Path(address).is_file():
            raise UserError(
                f"--address must be tcp://HOST:PORT or a scheduler's file, but '{address}' is"
                " neither. Check it with 'ls'."
            )
        # A scheduler has its clients execute what it sends
        if found := who_else_writes(Path(address)):
            raise UserError(
                f"a scheduler's file must be one that only you can write, but {found[0]};"
                f" {found[1]}."
            )
        known = {"scheduler_file": address}
    try:
        client = Client(**known, timeout=ANSWER, set_as_default=False)
    except Exception as error:
        raise UserError(
            f"a Dask scheduler must answer at {address}, but none does: {_in_one_line(error)}."
            " Start it with 'dask scheduler'."
        ) from None
    stack.callback(_closed, client)
    return client


def _client_of_slurm(job: Job, stack: contextlib.ExitStack) -> tuple[Any, Callable[[], bool]]:
    """Workers that are jobs of Slurm: one process each, with one thread.

    Lost ones are asked for again, by us and not by Slurm.
    """
    import dask
    from dask_jobqueue import SLURMCluster
    from distributed import Client
    from distributed.security import Security

    batch, workers = job.batch, min(job.workers or JOBS, len(job.chunks))
    stack.enter_context(dask.config.set(SETTINGS))
    few = [f"export {name}={job.threads or 1}" for name in POOLS]
    limits = [
        f"export DASK_DISTRIBUTED__WORKER__MEMORY__{limit}=False"
        for limit in ("TARGET", "SPILL", "PAUSE", "TERMINATE")
    ]
    name = f"evosim-{uuid.uuid4().hex[:8]}"
    scheduler = dict(NO_PAGES)
    network: dict[str, Any] = {}
    if job.address in _interfaces():
        network["interface"] = job.address
    elif job.address:
        scheduler["host"] = job.address
    try:
        cluster = SLURMCluster(
            cores=1,
            processes=1,
            memory=f"{batch.memory}B" if batch.memory[-1].isalpha() else f"{batch.memory}MB",
            job_mem=batch.memory,
            job_cpu=job.threads or 1,
            walltime=batch.limit,
            queue=batch.partition,
            account=batch.account,
            job_name=name,
            nanny=True,
            death_timeout=60,
            job_extra_directives=["--no-requeue", *batch.options()],
            job_script_prologue=[*CACHE, *few, *limits],
            log_directory=str(job.folder.resolve() / "logs"),
            python=sys.executable,
            shebang="#!/bin/sh",
            scheduler_options=scheduler,
            silence_logs=logging.CRITICAL,
            **network,
            security=Security.temporary(),
            protocol="tls://",
            shared_temp_directory=stack.enter_context(_keys(job.folder)),
        )
    except Exception as error:
        raise UserError(
            f"a Dask scheduler must start here, but cannot: {_in_one_line(error)}. Check --address."
        ) from None
    stack.callback(_closed, cluster)
    _try_submitting(cluster.job_script())
    # Scale() would not replace a job that is lost
    cluster.adapt(minimum_jobs=workers, maximum_jobs=workers)
    client = Client(cluster, set_as_default=False)
    stack.callback(_closed, client)
    return client, lambda: bool(_slurm("squeue", "--noheader", f"--name={name}").stdout.strip())


def _need_slurm() -> None:
    """Refuse in one line before anything is started where there is no Slurm, or it does not
    answer.
    """
    for command in ("sinfo", "sbatch", "squeue", "scancel"):
        if not shutil.which(command):
            raise UserError(
                f"--engine slurm must find Slurm, but there is no {command} here. Do it where jobs"
                " are submitted, or take another --engine."
            )
    asked = _slurm("sinfo", "--noheader")
    if asked.returncode:
        words = " ".join(asked.stderr.split())
        raise UserError(f"Slurm must answer, but sinfo says: {words}. Wait until it is back.")


def _try_submitting(text: str) -> None:
    """Have Slurm look at a job without taking it: wrong partitions, accounts and limits are told
    here, in one line.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(text)
        file.flush()
        asked = _slurm("sbatch", "--test-only", file.name)
    if asked.returncode:
        words = " ".join(asked.stderr.split())
        raise UserError(
            f"Slurm must take jobs like these, but sbatch says: {words}. Change --partition,"
            " --account, --time, --memory or --sbatch."
        )


def _slurm(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]} does not answer")


def _interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


@contextlib.contextmanager
def _scratch() -> Iterator[str]:
    """Where Dask's workers put what they like; nothing of ours."""
    with tempfile.TemporaryDirectory(prefix="evosim-dask-", ignore_cleanup_errors=True) as folder:
        yield folder


@contextlib.contextmanager
def _keys(folder: Path) -> Iterator[str]:
    """A folder for certificates and keys that jobs on other machines must see, and other users must
    not.
    """
    with tempfile.TemporaryDirectory(
        prefix=".keys-", dir=folder.resolve(), ignore_cleanup_errors=True
    ) as private:
        yield private


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Threads that are started in this block, and all processes that those ever start, do not hear
    what a terminal sends.

    The driver hears it and decides.
    """
    # Multiprocessing's helper would make the thread hear again that starts it, and would itself end
    # by a terminal's end.
    if threading.current_thread() is threading.main_thread():
        hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        resource_tracker.ensure_running()
        signal.signal(signal.SIGHUP, hangup)
    else:
        resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask says much at length; what matters is told in one line here."""
    before = {name: logging.getLogger(name).level for name in SPOKEN}
    try:
        import distributed  # sets levels of its own when it is imported  # noqa: F401

        for name in SPOKEN:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _closed(what: Any) -> None:
    """Close a client or a cluster; whatever it has to say then is no news."""
    with contextlib.suppress(Exception):
        what.close(timeout=CLOSING)


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
