"""Fixtures: a sweep that was computed once, and a copy of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evosim.sweeps.analysis import analysis_of
from evosim.sweeps.analysis_tables import Analysis
from evosim.sweeps.store import Store
from tests.support.sweeps import compute, start_sweep


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A sweep that was computed without any trouble."""
    store = start_sweep(tmp_path_factory.mktemp("sweeps") / "whole")
    compute(store)
    return store


@pytest.fixture
def copy(whole: Store, tmp_path: Path) -> Store:
    """A copy of it, to be spoilt."""
    shutil.copytree(whole.folder, tmp_path / "copy")
    return Store(tmp_path / "copy")


@pytest.fixture(scope="session")
def analysed(whole: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Analysis]:
    """Another copy of it, and its analysis."""
    folder = tmp_path_factory.mktemp("sweeps") / "analysed"
    shutil.copytree(whole.folder, folder)
    store = Store(folder)
    return store, analysis_of(store)
