"""Inputs of the runs of a sweep, shared between runs: problem, landscape, cached accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from evosim.analysis.shared_cache import SharedCache
from evosim.config.landscape_search import landscape_digest
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.fitness.landscape import Landscape
from evosim.runtime.bounded_cache import BoundedCache

LANDSCAPES = 2  # in memory at the same time


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """Inputs of one run. Other runs may share its landscape and cached accounts."""

    setting: Problem
    landscape: Landscape
    cache: SharedCache


# The other seeds of a cell come next, so one setting is enough.
_settings: BoundedCache[str, Problem] = BoundedCache(1)
_shared: BoundedCache[str, tuple[Landscape, SharedCache]] = BoundedCache(LANDSCAPES)


def prepared(
    experiment: Experiment, progress: Callable[[int, int], None] = lambda *_: None
) -> PreparedRun:
    """Prepare a run: build its setting and its landscape, unless they are in memory.

    Parameters
    ----------
    experiment : Experiment
        With one replicate.
    progress : Callable
        Called between blocks of the landscape; it may raise.
    """
    cell = experiment.setting_digest()
    setting = replace(_settings.get(cell, lambda: build(experiment)), experiment=experiment)
    landscape, cache = _shared.get(
        _landscape_key(setting),
        lambda: (Landscape(setting, progress=progress), SharedCache(setting.genome, setting.pair)),
    )
    return PreparedRun(setting, landscape, cache)


def _landscape_key(setting: Problem) -> str:
    experiment = setting.experiment
    key = landscape_digest(experiment)
    if setting.genome.grid.size <= experiment.analysis.max_classes:
        return key + " whole"
    # which part of a large grid is enumerated depends on more
    population = experiment.optimizer.get("population")
    return key + f"{experiment.analysis.model_dump_json()} {population}"


def forget() -> None:
    """Drop everything, so that the next run prepares its own, as in a new process."""
    _settings.clear()
    _shared.clear()
