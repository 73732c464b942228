"""Progress of a run on a terminal; nothing at all elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

# seed, generation, generations in all, mean fitness in A and in M
Progress = Callable[[int, int, int, float, float], None]

EVERY_SECONDS = 0.1


@contextmanager
def shown(console: Console, replicates: int, first_seed: int) -> Iterator[Progress | None]:
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
        last = 0.0

        def tell(seed: int, generation: int, total: int, a: float, m: float) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < EVERY_SECONDS and generation + 1 < total:
                return
            last = now
            bar.update(
                task,
                description=f"seed {seed}",
                total=total * replicates,
                completed=(seed - first_seed) * total + generation + 1,
                generation=generation,
                a=a,
                m=m,
            )

        yield tell
