"""Runs that several tests of figures draw."""

from __future__ import annotations

from typing import Any

import pytest

from evosim.figures import FIGURES, Source, charts_of
from tests.support.figures import STILL, source
from tests.support.settings import quick


@pytest.fixture(scope="session")
def savanna(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Planners in savanna, two seeds."""
    settings = quick("coarse-savanna", "replicates=2")
    return source(tmp_path_factory.mktemp("savanna"), "coarse-savanna", *settings)


@pytest.fixture(scope="session")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A driver in a grid of one genome."""
    return source(tmp_path_factory.mktemp("driven"), "drive-equilibrium", *STILL)


@pytest.fixture(scope="session")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Planners in micro, two seeds."""
    settings = [*quick("micro"), "replicates=2", "optimizer.population=30"]
    return source(tmp_path_factory.mktemp("figures"), "micro", *settings)


@pytest.fixture(scope="session")
def specs(micro: Source) -> dict[str, dict[str, Any]]:
    """Specifications of all figures of the run in micro."""
    return {name: chart.to_dict() for name, chart in charts_of(micro, list(FIGURES))}
