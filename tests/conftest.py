"""Number of workers, and order of files: files with many slow tests start first."""

from __future__ import annotations

import os
from collections import Counter

import pytest


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than processors, because some tests wait for processes and signals."""
    affinity = getattr(os, "sched_getaffinity", None)
    return (len(affinity(0)) if affinity else os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort files by their number of slow tests; the order within a file stays."""
    slow = Counter(
        item.path
        for item in items
        if item.get_closest_marker("slow") or item.get_closest_marker("docs")
    )
    items.sort(key=lambda item: -slow[item.path])
