"""The Dask task reports events and stops for one driver."""

from __future__ import annotations

from evosim.sweeps import dask_task
from evosim.sweeps.dask_task import stop_here
from evosim.sweeps.events import ChunkEvent


class Worker:
    """A Dask worker that stores logged events."""

    def __init__(self) -> None:
        self.logged: list[tuple[str, list[dict[str, object]]]] = []

    def log_event(self, token: str, events: list[dict[str, object]]) -> None:
        self.logged.append((token, events))


def test_events_are_sent_in_batches_and_the_end_is_not() -> None:
    worker = Worker()
    with dask_task._reporter(worker, "me") as on_event:
        on_event(ChunkEvent("begin", 2, done=1))
        on_event(ChunkEvent("run", 2, run=4, status="complete"))
        on_event(ChunkEvent("end", 2, finished=True))
    sent = [ChunkEvent(**event) for _, batch in worker.logged for event in batch]  # type: ignore[arg-type]
    assert [(event.kind, event.done, event.run) for event in sent] == [
        ("begin", 1, -1),
        ("run", 0, 4),
    ]
    assert {token for token, _ in worker.logged} == {"me"}


def test_a_stop_is_for_one_driver() -> None:
    stop_here("one")
    assert "one" in dask_task._STOPPED
    assert "other" not in dask_task._STOPPED
