"""Progress of a sweep: on a terminal continuously, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from evosim.runtime.progress import duration, size

__all__ = ["Progressing", "duration", "planning", "progressing", "size"]

LOOK = 5.0  # seconds of computing before it is said how long it will take
LONG = 60.0  # seconds worth saying so
LINE_EVERY = 60.0  # seconds, where nobody watches
EVERY = 0.1
# cells that were resolved, of how many
Planning = Callable[[int, int], None]


class Progressing:
    """Counts runs as they end: done, running, failed, and the time left.

    Attributes:
        done, failed: runs of the sweep that ended, those of earlier commands among them.
        computed: runs that this command computed.
    """

    def __init__(
        self, console: Console, total: int, done: int, failed: int, show: Callable[[str, int], None]
    ) -> None:
        self._console, self._total, self._show = console, total, show
        self.done, self.failed, self.computed = done, failed, 0
        self._chunks: set[int] = set()
        self._began = time.monotonic()
        self._told = False

    def __call__(self, event: str, chunk: int, **facts: Any) -> None:
        """Something happened in a chunk: see `work.Tell`."""
        if event == "begin":
            self._chunks.add(chunk)
            self.done += facts["done"]
        elif event == "run":
            self.done, self.computed = self.done + 1, self.computed + 1
            self.failed += facts["status"] == "failed"
        elif event in ("end", "lost"):
            self._chunks.discard(chunk)
            self.done -= facts.get("lost", 0)
        self._show(self.words(), self.done)
        self._tell_once()

    def words(self) -> str:
        """One line."""
        left = self.left()
        parts = [
            f"{self.done:,} of {self._total:,} runs",
            f"{len(self._chunks)} running",
            f"{self.failed} failed",
        ]
        return ", ".join(parts if left is None else [*parts, f"{duration(left)} left"])

    def _tell_once(self) -> None:
        """Say what is to come when there is a pace to judge by, if it is long."""
        seconds, left = time.monotonic() - self._began, self.left()
        if (
            self._told
            or left is None
            or seconds < LOOK
            or self.computed < len(self._chunks)
            or seconds + left <= LONG
        ):
            return
        self._told = True
        words = (
            f"about {duration(left)} left for {self._total - self.done:,} runs at"
            f" {seconds / self.computed:.2g} s; Ctrl-C stops it, the same command goes on"
        )
        self._console.print(words, soft_wrap=True, markup=False, highlight=False)

    def left(self) -> float | None:
        """Seconds until all runs are done at this command's pace; nothing before there is one."""
        seconds = time.monotonic() - self._began
        if not self.computed or self.done >= self._total:
            return None
        return (self._total - self.done) * seconds / self.computed


@contextmanager
def progressing(console: Console, total: int, done: int, failed: int) -> Iterator[Progressing]:
    """A progress line on a terminal; elsewhere a line each minute."""
    if not console.is_terminal:
        last = time.monotonic()

        def line(words: str, _: int) -> None:
            nonlocal last
            if time.monotonic() - last > LINE_EVERY:
                last = time.monotonic()
                console.print(words, soft_wrap=True, markup=False)

        yield Progressing(console, total, done, failed, line)
        return
    with Progress(
        BarColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=total, completed=done, words=f"{done:,} of {total:,} runs")
        shown = 0.0

        def show(words: str, ended: int) -> None:
            nonlocal shown
            if time.monotonic() - shown > EVERY:
                shown = time.monotonic()
                bar.update(task, completed=ended, words=words)

        yield Progressing(console, total, done, failed, show)


@contextmanager
def planning(console: Console) -> Iterator[Planning | None]:
    """A line on a terminal while cells are resolved, which takes long if there are many."""
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
