"""Progress of a run on a terminal; nothing at all elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from evosim.runtime.text_layout import Screen

EVERY_SECONDS = 0.1

# which run, its generation, its generations in all, mean fitness in A and in M
Tell = Callable[[str, int, int, float, float], None]


class Progress(Protocol):
    """Receives the progress of a command."""

    def genomes(self, done: int, total: int) -> None:
        """Genomes of the grid that were scored."""

    def skip(self, generations: int) -> None:
        """Generations that an earlier part of the run has done."""

    def __call__(
        self, run: str, generation: int, total: int, a: float, m: float, *, generations: int = 1
    ) -> None:
        """A generation of a run: its number of so many, and mean fitness in A and in M.

        `generations` were done since the last call, of this run and of others.
        """


class Line:
    """A progress line on a terminal."""

    def __init__(self, bar: Bar, runs: int) -> None:
        self._bar, self._runs = bar, runs
        self._task = bar.add_task("preparing", total=None, words="")
        self._last, self._done = 0.0, 0

    def genomes(self, done: int, total: int) -> None:
        """Genomes of the grid that were scored."""
        if self._due() or done == total:
            self._bar.update(
                self._task,
                description="grid",
                total=total,
                completed=done,
                words=f"genome {done:,} of {total:,}",
            )

    def skip(self, generations: int) -> None:
        """Generations that an earlier part of the run has done."""
        self._done = generations

    def __call__(
        self, run: str, generation: int, total: int, a: float, m: float, *, generations: int = 1
    ) -> None:
        """A generation of a run."""
        self._done += generations
        if self._due() or generation + 1 == total:
            words = f"generation {generation}  fitness A {a:.3f}  M {m:.3f}"
            self._bar.update(
                self._task,
                description=run,
                total=total * self._runs,
                completed=self._done,
                words=words,
            )

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._last < EVERY_SECONDS:
            return False
        self._last = now
        return True


@contextmanager
def progress_line(console: Console, runs: int) -> Iterator[Progress | None]:
    """A progress line with what is being done and the time left, if the console is a terminal."""
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        yield Line(bar, runs)


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a progress bar on standard error while this block lasts, if that is a terminal.

    Parameters
    ----------
    what : str
        The activity, in one word.

    Returns
    -------
    Iterator[Callable[[int, int], None] | None]
        A function of the steps done and their total; None without a terminal.
    """
    console = Screen(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Bar(console=console, transient=True) as shown_bar:
        task = shown_bar.add_task(what, total=None)
        yield lambda done, total: shown_bar.update(task, completed=done, total=total)


def duration(seconds: float) -> str:
    """A time in the largest units that matter."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 5940:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def size(count: float) -> str:
    """Bytes in the largest unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
