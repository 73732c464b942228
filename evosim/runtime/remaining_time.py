"""Remaining time of long work: the pace so far, and one report if the work is long.

Runs (`evosim.runs.estimate`) and sweeps (`evosim.sweeps.progress`) share this estimator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

from evosim.runtime.progress import duration

LONG = 60.0  # seconds; shorter work is not reported
OUTLIER = 10.0  # times the median: a step in which something was compiled or written


def pace(seconds: Sequence[float]) -> float:
    """Seconds per step: the mean over the last half of the steps, without outliers.

    Parameters
    ----------
    seconds : Sequence[float]
        Seconds of each step so far; at least one.
    """
    half = seconds[len(seconds) // 2 :]
    most = OUTLIER * median(half)
    usual = [each for each in half if each <= most]
    return sum(usual) / len(usual)


def short_duration(seconds: float) -> str:
    """A time with two digits, in ms, s or the units of `duration`."""
    if seconds < 0.0995:
        return f"{1000 * seconds:.2g} ms"
    return f"{seconds:.2g} s" if seconds < 9.95 else duration(seconds)


class RemainingTimeReport:
    """Whether the remaining time is due to be reported. It is due once.

    Parameters
    ----------
    least_seconds : float
        Seconds of work before the first report.
    clock : Callable
        Seconds; for tests.

    Attributes
    ----------
    reported : bool
        Whether the time was reported, so that it need not be estimated again.
    """

    def __init__(
        self, least_seconds: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._least, self._clock = least_seconds, clock
        self._began = clock()
        self.reported = False

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    def due(self, remaining: float) -> bool:
        """Whether to report `remaining` seconds now. Later calls return false."""
        elapsed = self.elapsed
        if self.reported or elapsed < self._least or elapsed + remaining <= LONG:
            return False
        self.reported = True
        return True
