"""Progress of a run on a terminal; nothing at all elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

# which run, its generation, its generations in all, mean fitness in A and in M
Progress = Callable[[str, int, int, float, float], None]

EVERY_SECONDS = 0.1


@contextmanager
def shown(console: Console, runs: int) -> Iterator[Progress | None]:
    """A progress line with generation, fitness in both worlds and time left, if the console is a terminal."""
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("generation {task.fields[generation]}  fitness A {task.fields[a]:.3f}  M {task.fields[m]:.3f}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("preparing", total=None, generation=0, a=0.0, m=0.0)
        last, done = 0.0, 0

        def tell(run: str, generation: int, total: int, a: float, m: float) -> None:
            nonlocal last, done
            done += 1
            now = time.monotonic()
            if now - last < EVERY_SECONDS and generation + 1 < total:
                return
            last = now
            bar.update(
                task,
                description=run,
                total=total * runs,
                completed=done,
                generation=generation,
                a=a,
                m=m,
            )

        yield tell
