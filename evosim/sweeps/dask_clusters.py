"""Clusters for the Dask engine: on this machine, at an address, or of Slurm jobs."""

from __future__ import annotations

import contextlib
import logging
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from evosim.errors import UserError
from evosim.runtime.atomic_files import who_else_writes
from evosim.runtime.machine import processors
from evosim.runtime.worker_pool import THREAD_LIMITS
from evosim.sweeps.engines import Job
from evosim.sweeps.job_array import CACHE

JOBS = 10  # Number of Slurm jobs by default.
ALLOWED_DEATHS = 10  # Worker deaths allowed for one chunk; most have other causes.
ANSWER = 10.0  # Seconds for the first answer of a scheduler.
CLOSING = 15.0  # Seconds to close a client or a cluster.
TERMINAL = {signal.SIGINT, signal.SIGHUP}  # A terminal sends them to all processes.
SETTINGS = {
    "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
    "distributed.worker.multiprocessing-method": "spawn",
    "distributed.comm.timeouts.connect": "30s",
    "distributed.worker.daemon": True,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # No limits on the memory of workers: the user who starts workers sets limits.
    **{
        f"distributed.worker.memory.{limit}": False
        for limit in ("target", "spill", "pause", "terminate")
    },
}
# No dashboard. Dask starts a server of pages all the same; it has no pages and listens here only.
NO_PAGES = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
LOGGERS = (
    "distributed",
    "distributed.client",
    "distributed.worker",
    "distributed.scheduler",
    "distributed.nanny",
    "dask_jobqueue",
    "tornado",
    "asyncio",
)


def client_here(job: Job, stack: contextlib.ExitStack) -> Any:
    """A client of a new cluster on this machine: one process with one thread per worker.

    Other users of this machine can reach its ports, and a scheduler executes what it receives.
    Temporary certificates, which never leave these processes, keep other users out.
    """
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    stack.enter_context(dask.config.set(SETTINGS))
    limits = dict.fromkeys(THREAD_LIMITS, str(job.threads or 1))
    try:
        with terminal_blocked():
            cluster = LocalCluster(
                n_workers=min(job.workers or processors(), len(job.chunks)),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                scheduler_kwargs=NO_PAGES,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
                env=limits,
                local_directory=stack.enter_context(_scratch()),
                security=Security.temporary(),
                protocol="tls://",
            )
    except Exception as error:  # Dask's own, of many kinds
        raise UserError(
            f"Dask cannot start workers on this machine: {in_words(error)}. Use --engine local."
        ) from None
    stack.callback(_close, cluster)
    client = Client(cluster, set_as_default=False)
    stack.callback(_close, client)
    return client


def client_of(address: str, stack: contextlib.ExitStack) -> Any:
    """A client of a running scheduler, given as `tcp://HOST:PORT` or by its scheduler file."""
    import dask
    from distributed import Client

    stack.enter_context(dask.config.set(SETTINGS))
    where = {"address": address}
    if "://" not in address and ":" not in address:
        if not Path(address).is_file():
            raise UserError(
                f"--address: '{address}' is neither tcp://HOST:PORT nor the file of a scheduler."
                " Check the path with 'ls'."
            )
        # clients execute what a scheduler sends
        if writers := who_else_writes(Path(address)):
            raise UserError(
                f"only you may be able to write the scheduler's file, but {writers[0]};"
                f" {writers[1]}."
            )
        where = {"scheduler_file": address}
    try:
        client = Client(**where, timeout=ANSWER, set_as_default=False)
    except Exception as error:
        raise UserError(
            f"no Dask scheduler answers at {address}: {in_words(error)}. Start one with 'dask"
            " scheduler'."
        ) from None
    stack.callback(_close, client)
    return client


def client_of_slurm(job: Job, stack: contextlib.ExitStack) -> tuple[Any, Callable[[], bool]]:
    """A client of new Slurm jobs, and a function that says whether jobs are waiting or running.

    Each job is one worker with one process. A lost job is replaced by a new one.
    """
    import dask
    from dask_jobqueue import SLURMCluster
    from distributed import Client
    from distributed.security import Security

    batch, workers = job.batch, min(job.workers or JOBS, len(job.chunks))
    stack.enter_context(dask.config.set(SETTINGS))
    few = [f"export {name}={job.threads or 1}" for name in THREAD_LIMITS]
    limits = [
        f"export DASK_DISTRIBUTED__WORKER__MEMORY__{limit}=False"
        for limit in ("TARGET", "SPILL", "PAUSE", "TERMINATE")
    ]
    name = f"evosim-{uuid.uuid4().hex[:8]}"
    scheduler: dict[str, object] = dict(NO_PAGES)
    network: dict[str, str] = {}
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
            f"no Dask scheduler can be started here: {in_words(error)}. Check --address."
        ) from None
    stack.callback(_close, cluster)
    _try_submitting(cluster.job_script())
    # `scale` would not replace a lost job
    cluster.adapt(minimum_jobs=workers, maximum_jobs=workers)
    client = Client(cluster, set_as_default=False)
    stack.callback(_close, client)
    return client, lambda: bool(_slurm("squeue", "--noheader", f"--name={name}").stdout.strip())


def require_slurm() -> None:
    """Refuse to start without Slurm. Raises `UserError`."""
    for command in ("sinfo", "sbatch", "squeue", "scancel"):
        if not shutil.which(command):
            raise UserError(
                f"--engine slurm needs Slurm, but there is no {command} here. Run the command where"
                " jobs are submitted, or use another --engine."
            )
    answer = _slurm("sinfo", "--noheader")
    if answer.returncode:
        words = " ".join(answer.stderr.split())
        raise UserError(f"Slurm does not answer; sinfo says: {words}. Try again later.")


def _try_submitting(text: str) -> None:
    """Have Slurm check a job without submitting it.

    Wrong partitions, accounts and limits raise `UserError`.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(text)
        file.flush()
        answer = _slurm("sbatch", "--test-only", file.name)
    if answer.returncode:
        words = " ".join(answer.stderr.split())
        raise UserError(
            f"Slurm refuses these jobs; sbatch says: {words}. Change --partition, --account,"
            " --time, --memory or --sbatch."
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
    """A folder for temporary files of Dask's workers."""
    with tempfile.TemporaryDirectory(prefix="evosim-dask-", ignore_cleanup_errors=True) as folder:
        yield folder


@contextlib.contextmanager
def _keys(folder: Path) -> Iterator[str]:
    """A folder for certificates and keys: jobs on other machines read it, other users cannot."""
    with tempfile.TemporaryDirectory(
        prefix=".keys-", dir=folder.resolve(), ignore_cleanup_errors=True
    ) as private:
        yield private


@contextlib.contextmanager
def terminal_blocked() -> Iterator[None]:
    """Block the signals of the terminal in threads and processes that start in this block.

    Only the driver receives them, and it decides.
    """
    # The helper process of multiprocessing would unblock them in the thread that starts it. It
    # would also end with the terminal.
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
def quiet() -> Iterator[None]:
    """Silence Dask's loggers in this block; errors are reported in one line."""
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    try:
        import distributed  # sets levels of its own when it is imported  # noqa: F401

        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _close(resource: Any) -> None:
    """Close a client or a cluster; errors do not matter then."""
    with contextlib.suppress(Exception):
        resource.close(timeout=CLOSING)


def in_words(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
