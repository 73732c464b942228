"""Number of workers, their parts of the tests, and order: what takes longest starts first."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# One worker runs all tests of these folders, because they share runs and reports.
TOGETHER = ("tests/api/", "tests/figures/", "tests/report/")


def scope_of(nodeid: str) -> str:
    """The part of the tests that one worker runs: a file, or a folder of `TOGETHER`."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(folder)), file)


class Scheduling(LoadScopeScheduling):
    """A worker without tests takes the next file or folder."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Schedule by `scope_of`, in place of `--dist loadfile`."""
    return Scheduling(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than processors, because some tests wait for processes and signals."""
    affinity = getattr(os, "sched_getaffinity", None)
    return (len(affinity(0)) if affinity else os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort parts by their number of slow tests; the order within a part stays."""
    slow = Counter(
        scope_of(item.nodeid)
        for item in items
        if item.get_closest_marker("slow") or item.get_closest_marker("docs")
    )
    parts = {scope_of(item.nodeid): None for item in items}
    place = {part: number for number, part in enumerate(sorted(parts, key=lambda p: -slow[p]))}
    items.sort(key=lambda item: place[scope_of(item.nodeid)])
