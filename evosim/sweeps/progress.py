"""Progress of a sweep: a line on a terminal, otherwise one line a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from evosim.runtime.progress import duration, size
from evosim.runtime.remaining_time import RemainingTimeReport
from evosim.runtime.words import count_of
from evosim.sweeps.events import ChunkEvent

__all__ = ["SweepProgress", "duration", "planning_progress", "size", "sweep_progress"]

LINE_EVERY = 60.0  # seconds between two lines, if standard error is not a terminal
REDRAW_EVERY = 0.1  # seconds
# receives the number of cells that are resolved, and of all
Planning = Callable[[int, int], None]


class SweepProgress:
    """Counts runs as they end, and reports the time left.

    Attributes
    ----------
    done, failed : int
        Runs of the sweep that ended, also in earlier commands.
    computed : int
        Runs that this command computed.
    """

    def __init__(
        self, console: Console, total: int, done: int, failed: int, show: Callable[[str, int], None]
    ) -> None:
        self._console, self._total, self._show = console, total, show
        self.done, self.failed, self.computed = done, failed, 0
        self._chunks: set[int] = set()
        self._report = RemainingTimeReport(least_seconds=5.0)

    def __call__(self, event: ChunkEvent) -> None:
        """Receive an event of a chunk."""
        if event.kind == "begin":
            self._chunks.add(event.chunk)
            self.done += event.done
        elif event.kind == "run":
            self.done, self.computed = self.done + 1, self.computed + 1
            self.failed += event.status == "failed"
        elif event.kind in ("end", "lost"):
            self._chunks.discard(event.chunk)
            self.done -= event.lost
        self._show(self.words(), self.done)
        self._report_once()

    def words(self) -> str:
        """One line."""
        left = self.left()
        parts = [
            f"{self.done:,} of {count_of(self._total, 'run')}",
            f"{len(self._chunks)} running",
            f"{self.failed} failed",
        ]
        return ", ".join(parts if left is None else [*parts, f"{duration(left)} left"])

    def _report_once(self) -> None:
        """Report the time left once, if it is long and each worker has computed a run."""
        left = self.left()
        if left is None or self.computed < len(self._chunks) or not self._report.due(left):
            return
        words = (
            f"about {duration(left)} left for {count_of(self._total - self.done, 'run')} at"
            f" {self._report.elapsed / self.computed:.2g} s. Ctrl-C stops; the same command"
            " continues."
        )
        self._console.print(words, soft_wrap=True, markup=False, highlight=False)

    def left(self) -> float | None:
        """Seconds until all runs are done, at the pace of this command; None without a pace."""
        if not self.computed or self.done >= self._total:
            return None
        return (self._total - self.done) * self._report.elapsed / self.computed


@contextmanager
def sweep_progress(console: Console, total: int, done: int, failed: int) -> Iterator[SweepProgress]:
    """Show progress in this block: a line on a terminal, otherwise one line a minute."""
    if not console.is_terminal:
        last = time.monotonic()

        def line(words: str, _: int) -> None:
            nonlocal last
            if time.monotonic() - last > LINE_EVERY:
                last = time.monotonic()
                console.print(words, soft_wrap=True, markup=False)

        yield SweepProgress(console, total, done, failed, line)
        return
    with Progress(
        BarColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task(
            "", total=total, completed=done, words=f"{done:,} of {count_of(total, 'run')}"
        )
        shown = 0.0

        def show(words: str, ended: int) -> None:
            nonlocal shown
            if time.monotonic() - shown > REDRAW_EVERY:
                shown = time.monotonic()
                bar.update(task, completed=ended, words=words)

        yield SweepProgress(console, total, done, failed, show)


@contextmanager
def planning_progress(console: Console) -> Iterator[Planning | None]:
    """Show a line on a terminal while cells are resolved."""
    if not console.is_terminal:
        yield None
        return
    with Progress(
        TextColumn("planning", markup=False),
        BarColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None, words="")

        def show(done: int, total: int) -> None:
            if done % 100 == 0 or done == total:
                bar.update(task, total=total, completed=done, words=f"cell {done:,} of {total:,}")

        yield show
