"""Runs of a sweep share problems, landscapes and cached accounts."""

from __future__ import annotations

from evosim.sweeps.prepared_runs import LANDSCAPES, forget, prepared
from tests.support.settings import setting


def test_seeds_of_a_cell_share_everything() -> None:
    forget()
    experiment = setting("micro").experiment
    first = prepared(experiment.model_copy(update={"seed": 1}))
    second = prepared(experiment.model_copy(update={"seed": 2}))
    assert second.landscape is first.landscape
    assert second.cache is first.cache
    assert second.setting.genome is first.setting.genome
    assert (first.setting.experiment.seed, second.setting.experiment.seed) == (1, 2)


def test_only_the_last_landscapes_stay_in_memory() -> None:
    forget()
    experiments = [
        setting("micro", f"world.modern.breed_danger={danger}").experiment
        for danger in (0.1, 0.2, 0.3)
    ]
    assert len(experiments) == LANDSCAPES + 1
    landscapes = [prepared(experiment).landscape for experiment in experiments]
    assert prepared(experiments[-1]).landscape is landscapes[-1]
    assert prepared(experiments[0]).landscape is not landscapes[0]
