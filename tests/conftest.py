"""What begins first: files that take long, so that no worker is left with one of them at the
end.
"""

from __future__ import annotations

import pytest

LONG = (
    "runs/test_checkpoints",
    "verify/test_verify",
    "sweeps/test_sweeps",
    "docs/test_snippets",
    "claims/test_savanna",
    "sweeps/test_dask_engine",
    "runs/test_runs",
    "optimizers/test_real_vectors",
    "simulation/test_scale",
    "scripts/test_scripts",
    "sweeps/test_schema",
    "analysis/test_solver",
    "cli/test_commands",
    "simulation/test_drive",
    "kernels/test_twins",
    "claims/test_accounts",
    "fitness/test_cases",
    "sweeps/test_job_array",
)


def place(item: pytest.Item) -> int:
    """Position of a test's file in the list of long ones."""
    name = f"{item.path.parent.name}/{item.path.stem}"
    return LONG.index(name) if name in LONG else len(LONG)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of these files first; within a file, and among other files, the order stays."""
    items.sort(key=place)
