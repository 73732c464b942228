"""Stop requests: signals and the wall-time limit.

A long command asks between two steps whether it should stop. During a long step it does not ask.
`Stop` is then raised in the step, again and again until the command asks. A second Ctrl-C ends the
command at once. Batch systems announce the end of a job by `CHECKPOINT_SIGNALS`. On these, a run
writes a checkpoint and continues.

All commands use `StopRequests`. Worker processes (`evosim.runtime.worker_pool`) learn of a stop
from their driver. Both share `checkpoint_requests`.
"""

from __future__ import annotations

import functools
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from evosim.errors import AtOnce, Interrupted, Stop, UserError

P = ParamSpec("P")
R = TypeVar("R")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHECKPOINT_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
OUT_OF_TIME = 75  # Exit code `EX_TEMPFAIL`: try again later.
GRACE, AGAIN = 0.3, 0.2  # Seconds until `Stop` is raised in a step, and again.
# A second Ctrl-C within these seconds counts as the first: wrappers may send the signal twice.
TWICE = 0.3
LAST = 5.0  # Seconds from a second Ctrl-C until the process is ended.
LEAST_TIME = 3.0
UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_WITH_UNITS = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in UNITS))
_WITH_DAYS = re.compile(r"([0-9]{1,6})-([01]?[0-9]|2[0-3])(?::([0-5]?[0-9])(?::([0-5]?[0-9]))?)?")
_WITH_COLONS = re.compile(r"(?:([0-9]{1,6}):([0-5]?[0-9])|([0-9]{1,6})):([0-5]?[0-9])")


class CheckpointRequests:
    """Whether a signal has requested a checkpoint of this process since the last call of `take`."""

    def __init__(self) -> None:
        self._requested = threading.Event()

    def request(self) -> None:
        """Request a checkpoint."""
        self._requested.set()

    def take(self) -> bool:
        """Whether a checkpoint was requested. The request is then served."""
        requested = self._requested.is_set()
        if requested:
            self._requested.clear()
        return requested


checkpoint_requests = CheckpointRequests()


class StopRequests:
    """Context manager for stop requests. A call returns the reason to stop, or None.

    Outside the main thread signals are left alone, and only a call checks the time. Ignored signals
    stay ignored. Earlier signal handlers are restored when the block ends.

    Parameters
    ----------
    seconds : float or None
        Wall-time limit of the command; None for no limit.
    forced : bool
        Whether to raise `Stop` in the main thread if the command does not ask for a while. Not for
        commands whose work is in other processes.
    """

    def __init__(self, seconds: float | None = None, *, forced: bool = True) -> None:
        self._stop: Stop | None = None
        self._stopped_at = 0.0
        self._deadline: float | None = None
        self._earlier: dict[int, Any] = {}
        self._forced = forced
        self._guard, self._guarded = last_resort(), False
        if seconds is not None:
            self._deadline = time.monotonic() + seconds - reserve_of(seconds)

    def __call__(self) -> Stop | None:
        """The reason to stop, or None. After a reason was returned, nothing is raised any more."""
        if self._stop is None and self._deadline is not None and time.monotonic() >= self._deadline:
            self._stop = Stop("the wall time", OUT_OF_TIME)
        if self._stop and self._earlier and self._forced:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        return self._stop

    def checkpoint_requested(self) -> bool:
        """Whether a signal has requested a checkpoint since the last call."""
        return checkpoint_requests.take()

    def behind(self, error: BaseException) -> Stop | None:
        """The reason to stop, if the error may come from it.

        Some libraries raise errors of their own when they are interrupted.
        """
        return None if isinstance(error, KeyboardInterrupt | Interrupted | UserError) else self()

    def __enter__(self) -> StopRequests:
        self._complain, sys.unraisablehook = sys.unraisablehook, self._ignore
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._earlier[number] = signal.signal(number, self._on_stop_signal)
            checkpoint_requests.take()  # forget requests to earlier commands
            for number in CHECKPOINT_SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._earlier[number] = signal.signal(number, self._on_checkpoint_signal)
            self._guard.__enter__()
            self._guarded = True
            if self._forced:
                self._earlier[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._ring)
            if self._forced and self._deadline is not None:
                signal.setitimer(signal.ITIMER_REAL, max(self._deadline - time.monotonic(), 0.001))
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._complain
        if self._earlier and self._forced:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        if self._guarded:
            self._guarded = False
            self._guard.__exit__(None, None, None)
        for number, handler in self._earlier.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._earlier.clear()

    def _ignore(self, lost: Any) -> None:
        """Report unraisable exceptions, except `Stop`, which is raised again later."""
        if not isinstance(lost.exc_value, Stop):
            self._complain(lost)

    def _on_stop_signal(self, number: int, frame: FrameType | None) -> None:
        """Handler of signals that stop the command."""
        now = time.monotonic()
        if self._stop is None:
            self._stop, self._stopped_at = Stop(signal.Signals(number).name, 128 + number), now
            if self._forced:
                signal.setitimer(signal.ITIMER_REAL, GRACE, AGAIN)
        elif number == signal.SIGINT and now - self._stopped_at > TWICE:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            raise AtOnce

    def _on_checkpoint_signal(self, number: int, frame: FrameType | None) -> None:
        """Handler of signals that request a checkpoint."""
        checkpoint_requests.request()

    def _ring(self, number: int, frame: FrameType | None) -> None:
        """Handler of the timer: the time is over, or the command has not asked for a while."""
        if self._stop is None:
            self._stop = Stop("the wall time", OUT_OF_TIME)
            signal.setitimer(signal.ITIMER_REAL, GRACE, AGAIN)
        else:
            raise self._stop


@contextmanager
def last_resort() -> Iterator[None]:
    """End the process some seconds after a second Ctrl-C, if it has not ended by itself.

    A handler in Python waits until compiled code returns, and its exception may get lost. A thread
    instead reads signals from a pipe, without a handler. Use this in the main thread.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    over = threading.Event()

    def listen() -> None:
        first = None
        while data := os.read(reading, 1):
            now = time.monotonic()
            if first is None and data[0] in SIGNALS:
                first = now
            elif (
                first is not None
                and data[0] == signal.SIGINT
                and now - first > TWICE
                and not over.wait(LAST)
            ):
                os.write(2, b"evosim: ended by a second Ctrl-C; what was not kept before is lost\n")
                os._exit(128 + signal.SIGINT)
        os.close(reading)

    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=listen, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(writing)


def stoppable(left: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a command that writes whole files only: a signal ends it soon.

    The one-line message says what is `left`. The exit code is that of the stop.
    """

    def wrap(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def watched(*args: P.args, **kwargs: P.kwargs) -> R:
            with StopRequests() as stop_requests:
                try:
                    return command(*args, **kwargs)
                except (Exception, Stop) as error:
                    if stop := error if isinstance(error, Stop) else stop_requests.behind(error):
                        stop_requests()
                        raise Interrupted(f"stopped by {stop}; {left}", stop.code) from None
                    raise

        return watched

    return wrap


def seconds_of(text: str, option: str) -> float:
    """Read a length of time, the same way in all commands.

    Parameters
    ----------
    text: Slurm's `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM` or `D-HH:MM:SS`; or numbers with units:
    `90m`, `1h30m`, `1.5h`, `45s`, `2d`.
        A bare number except 0 is refused. Slurm reads it as minutes, and many programs as seconds.
    option: the option's name, for the message.

    Returns
    -------
    Seconds.

    Raises
    ------
    UserError: the text is none of these.

    Source
    ------
    The forms with colons and days: `sbatch --time` of Slurm.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        if not text.strip("0"):
            return 0.0
        n = text if len(text) <= 9 else "90"  # longer numbers exceed any run time
        raise UserError(
            f"{option} must say its unit, but is '{text}'. Write {n}m for minutes, or {n}s for"
            " seconds."
        )
    if text and (match := _WITH_UNITS.fullmatch(text)):
        return sum(
            float(number) * unit
            for number, unit in zip(match.groups(), UNITS.values(), strict=True)
            if number
        )
    if match := _WITH_DAYS.fullmatch(text):
        days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    elif match := _WITH_COLONS.fullmatch(text):
        days, hours, minutes = 0, int(match[1] or 0), int(match[2] or match[3])
        seconds = int(match[4])
    else:
        raise UserError(
            f"{option} must be like 90m, 1h30m, 30:00 (minutes), 02:00:00 or 1-12 (days-hours), but"
            f" is '{text}'. Write it so."
        )
    return days * UNITS["d"] + hours * UNITS["h"] + minutes * UNITS["m"] + seconds


def spelled(seconds: float) -> str:
    """Spell a length of time so that people and Slurm read the same.

    Parameters
    ----------
    seconds: at least 0; a part of a second counts as a whole one.

    Returns
    -------
    `H:MM:SS`, or `D-HH:MM:SS` from one day on.
    """
    minutes, left = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (
        f"{days}-{hours:02d}:{minutes:02d}:{left:02d}"
        if days
        else f"{hours}:{minutes:02d}:{left:02d}"
    )


def wall_time_of(text: str) -> float:
    """Read the time that a command is given.

    Parameters
    ----------
    text: as `seconds_of` reads it.

    Returns
    -------
    Seconds.

    Raises
    ------
    UserError: the text is no length of time, or the time is too short to stop in.
    """
    seconds = seconds_of(text, "--wall-time")
    if seconds < LEAST_TIME:
        raise UserError(
            f"--wall-time must be at least {LEAST_TIME:g} seconds, but is {text}. Give more."
        )
    return seconds


def reserve_of(seconds: float) -> float:
    """Seconds of a wall time that are reserved for stopping.

    Work after the last generation takes longer on a slow disk; long jobs can spare more.
    """
    return min(max(2.0, 0.01 * seconds), 30.0)


def describe_wall_time(text: str) -> str:
    """Say how a wall time was read.

    Parameters
    ----------
    text: as `wall_time_of` reads it.

    Returns
    -------
    A clause such as `--wall-time 90m was read as 1:30:00 (H:MM:SS)`.
    """
    form = spelled(wall_time_of(text))
    return (
        f"--wall-time {text.strip()} was read as {form} ({'D-HH' if '-' in form else 'H'}:MM:SS);"
        " the command stops before that"
    )
