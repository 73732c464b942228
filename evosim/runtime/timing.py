"""Where the time of a command went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds in each stage since `began`.

    A stage inside another is taken off it, so that stages add up.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)
    _open: list[tuple[str, float, float]] = field(default_factory=list, repr=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a block under a name, also if it fails."""
        start, inner = time.perf_counter(), sum(self.seconds.values())
        self._open.append((name, start, inner))
        try:
            yield
        finally:
            self._open.pop()
            self.add(name, time.perf_counter() - start - (sum(self.seconds.values()) - inner))

    def add(self, name: str, seconds: float) -> None:
        """Count seconds under a name."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def as_dict(self) -> dict[str, float]:
        """Seconds by stage, rounded to milliseconds; open stages count up to now.

        `other` is the time outside all stages, so that the values sum to the total.
        """
        now, seconds = time.perf_counter(), dict(self.seconds)
        for name, start, inner in reversed(self._open):
            seconds[name] = seconds.get(name, 0.0) + now - start - (sum(seconds.values()) - inner)
        other = now - self.began - sum(seconds.values())
        return {name: round(value, 3) for name, value in {**seconds, "other": other}.items()}
