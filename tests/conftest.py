"""Number of workers, their parts of the tests, and order: what takes longest starts first."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# One worker runs all tests of these folders, because they share runs and reports.
TOGETHER = ("tests/api/", "tests/figures/", "tests/report/")

# Seconds of the longest parts, roughly. They start first, in this order. Other parts follow by
# their number of slow tests, about a second each.
SECONDS = {
    "tests/docs/test_snippets.py": 120,
    "tests/sweeps/test_dask_engine.py": 110,
    "tests/figures/": 80,
    "tests/report/": 60,
    "tests/runs/test_interruption.py": 50,
    "tests/runs/test_checkpoints.py": 45,
    "tests/api/": 40,
    "tests/verify/test_drive.py": 40,
    "tests/config/test_plugins.py": 30,
    "tests/runtime/test_blocks.py": 30,
    "tests/runtime/test_text_layout.py": 30,
    "tests/sweeps/test_job_array.py": 30,
    "tests/sweeps/test_local_engine.py": 30,
    "tests/cli/test_commands.py": 25,
    "tests/verify/test_balance.py": 20,
    "tests/claims/test_birth_control.py": 15,
    "tests/claims/test_masturbation.py": 15,
    "tests/claims/test_part_cache.py": 15,
    "tests/claims/test_total_variation.py": 15,
    "tests/scripts/test_scripts.py": 15,
}


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
    """Sort parts, the longest first; the order within a part stays."""
    slow = Counter(
        scope_of(item.nodeid)
        for item in items
        if item.get_closest_marker("slow") or item.get_closest_marker("docs")
    )
    parts = sorted(
        dict.fromkeys(scope_of(item.nodeid) for item in items),
        key=lambda part: -SECONDS.get(part, slow[part]),
    )
    place = {part: number for number, part in enumerate(parts)}
    items.sort(key=lambda item: place[scope_of(item.nodeid)])
