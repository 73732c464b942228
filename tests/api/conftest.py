"""Runs and a sweep that several tests of the Python interface read."""

from __future__ import annotations

import pytest

import evosim
from tests.support.api import SWEEP, settings


@pytest.fixture(scope="session")
def micro(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run(
        "micro", settings("micro"), replicates=6, out=tmp_path_factory.mktemp("runs") / "micro"
    )


@pytest.fixture(scope="session")
def driven(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run(
        "coarse-drive",
        settings("coarse-drive"),
        replicates=5,
        out=tmp_path_factory.mktemp("runs") / "driven",
    )


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> evosim.Sweep:
    return evosim.sweep(SWEEP, out=tmp_path_factory.mktemp("sweeps") / "small", workers=1)
