"""Controls: the runs beside an experiment that say what a part of it did. Beside one with drivers:

* `fair`: the same drivers at the same cost, but meiosis is fair (every transmission ratio 1/2); the
  same seeds.
* `fair_again`: the same once more with seeds of its own. Its difference from `fair` is what chance
  alone does: the null of the hack step, because two runs with equal seeds part after a generation.
* `absent`: the drivers' and modifiers' alleles are there, but neither drive nor cost anything:
  neutral markers; the same seeds.

Beside one that selects on a sample that is drawn again in each generation:

* `all_cases`: selection on fitness in the whole ancestral world, with the same seeds, and with fair
  meiosis too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evosim.config.resolve import resolve
from evosim.config.schema import Experiment
from evosim.genomes.drive import FAIR

OTHER_SEEDS = 2**62


@dataclass(frozen=True)
class Control:
    """A control: which experiments have it, what it changes in the resolved one, and which seed
    stands for a replicate's.
    """

    name: str
    beside: Callable[[Experiment], bool]
    change: Callable[[dict[str, Any]], dict[str, Any]]
    seed: Callable[[int], int] = lambda seed: seed


def _driven(experiment: Experiment) -> bool:
    return bool(experiment.genome.get("drivers"))


def _resampled(experiment: Experiment) -> bool:
    return experiment.selection.varies


def _fair(tree: dict[str, Any]) -> dict[str, Any]:
    genome = tree["genome"]
    fair = {
        kind: [entry | {"ratio": FAIR} for entry in genome[kind]]
        for kind in ("drivers", "modifiers")
        if kind in genome
    }
    return tree | {"genome": genome | fair}


def _absent(tree: dict[str, Any]) -> dict[str, Any]:
    return tree | {"genome": tree["genome"] | {"drivers": [], "modifiers": []}}


def _all_cases(tree: dict[str, Any]) -> dict[str, Any]:
    return _fair(tree) | {"selection": {}}


CONTROLS: dict[str, Control] = {
    "fair": Control("fair", _driven, _fair),
    "fair_again": Control("fair_again", _driven, _fair, lambda seed: seed ^ OTHER_SEEDS),
    "absent": Control("absent", _driven, _absent),
    "all_cases": Control("all_cases", _resampled, _all_cases),
}


def controls_of(experiment: Experiment) -> dict[str, Experiment]:
    """The controls of an experiment, resolved; none if it does not want them."""
    wanted = [
        control
        for control in CONTROLS.values()
        if experiment.controls and control.beside(experiment)
    ]
    tree = experiment.model_dump(mode="json") if wanted else {}
    return {control.name: resolve(control.change(tree)) for control in wanted}
