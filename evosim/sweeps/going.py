"""Going on: a begun sweep, computed as far as it goes and collected when it is whole. The command line and the Python API share it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from evosim.errors import Interrupted, UserError
from evosim.files import check_room
from evosim.intact import Damaged
from evosim.sweeps.collect import Collected, collect
from evosim.sweeps.engines import Job, engine
from evosim.sweeps.estimate import room_for
from evosim.sweeps.shard import Shard
from evosim.sweeps.slurm import Batch
from evosim.sweeps.state import State, state_of
from evosim.sweeps.store import Store
from evosim.sweeps.work import Tell, silent

Showing = Callable[[int, int], AbstractContextManager[Tell]]


def go_on(
    store: Store,
    *,
    by: str = "local",
    workers: int | None = None,
    threads: int | None = None,
    address: str | None = None,
    part: Shard | None = None,
    retry_failed: bool = False,
    other_sources: bool = False,
    batch: Batch | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    showing: Showing = lambda runs, chunks: nullcontext(silent),
    collecting: Callable[[Store], Collected] | None = collect,
) -> State:
    """Compute the chunks of a sweep (of a `part` of it) that are not done, by an engine. Gives how far it is then.

    `showing` is told how many runs in how many chunks are to do, and gives what hears of them. `collecting` puts a whole sweep's
    tables together; None leaves that. Raises `UserError`, `Full` where it would not fit; `Interrupted` if an end was asked for.
    """
    compute = engine(by)
    every = list(range(store.chunks))
    mine = part.chunks(every) if part else every
    if retry_failed:
        reopen(store, mine)
    here = set(store.done())
    todo = [chunk for chunk in mine if chunk not in here]
    if todo:
        check_room(store.folder, room_for(store, todo, collecting=collecting is not None and not part))
        with showing(sum(store.size(chunk) for chunk in todo), len(todo)) as tell:
            compute(Job(store.folder, todo, workers, threads, address, tell, should_stop, other_sources, batch or Batch()))
    if should_stop():
        raise Interrupted(f"interrupted; what was done is in {store.folder}; the same command goes on")
    state = state_of(store)
    if collecting and state.chunks_done == state.chunks and not part and state.digest is None:
        collecting(store)
    return state


def reopen(store: Store, chunks: list[int]) -> None:
    """Let the failed runs of some chunks be done again. Raises `UserError` where a chunk is damaged."""
    for chunk in chunks:
        try:
            if not store.is_done(chunk) or store.counted(chunk).failed:
                store.reopen(chunk)
        except Damaged as error:
            raise UserError(
                f"chunk {chunk} of {store.folder} must be whole, but is not: {error}. Mend it with 'evosim sweep check {store.folder} --repair'."
            ) from None
