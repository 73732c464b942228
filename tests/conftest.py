"""What begins first: files that take long, so that no worker is left with one of them at the end."""

from __future__ import annotations

import pytest

LONG = (
    "test_checkpoints", "test_verify", "test_sweeps", "test_snippets", "test_claims_savanna", "test_dask", "test_runs", "test_browser", "test_hills", "test_scale",
    "test_scripts", "test_sweep_files", "test_solver", "test_cli", "test_drive", "test_twins", "test_claims_accounts", "test_cases", "test_slurm",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of these files first; within a file, and among other files, the order stays."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
