"""Stop requests while a sweep is computed: signals, and the wall-time limit."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evosim.runtime.interrupts import ASKING, OUT_OF_TIME, SIGNALS, last_resort, reserve_of


class StopRequest:
    """Whether a stop was requested, by a signal or by the wall-time limit.

    Parameters
    ----------
    seconds : float or None
        The wall-time limit. None: no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self._signal = 0
        self._deadline = (
            None if seconds is None else time.monotonic() + seconds - reserve_of(seconds)
        )

    def __call__(self) -> bool:
        """Whether the work should stop now."""
        return self._signal != 0 or (
            self._deadline is not None and time.monotonic() >= self._deadline
        )

    def handle(self, number: int, _: Any) -> None:
        """Signal handler: record the first signal. A second Ctrl-C raises `KeyboardInterrupt`."""
        if self._signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = self._signal or number

    @property
    def code(self) -> int:
        """The exit code: 128 plus the number of the signal, or 75 for the wall-time limit."""
        return 128 + self._signal if self._signal else OUT_OF_TIME


@contextmanager
def stop_requests(seconds: float | None) -> Iterator[StopRequest]:
    """Watch for stop requests in this block.

    The signals by which batch systems announce the end make a worker store its finished runs.
    Signals that are ignored stay ignored: commands that are started with `nohup`, or in the
    background, rely on that.

    Parameters
    ----------
    seconds : float or None
        The wall-time limit. None: no limit.

    Yields
    ------
    StopRequest
        Call it to ask whether to stop.
    """
    from evosim.sweeps.worker import ASKED

    request = StopRequest(seconds)
    handlers: dict[int, Any] = dict.fromkeys(SIGNALS, request.handle) | dict.fromkeys(
        ASKING, lambda *_: ASKED.set()
    )
    handled = [
        number for number in handlers if signal.getsignal(number) not in (signal.SIG_IGN, None)
    ]
    before = {number: signal.signal(number, handlers[number]) for number in handled}
    try:
        with last_resort():
            yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
