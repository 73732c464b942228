"""Controls: the runs beside an experiment with drivers that say what the driving did.

* `fair`: the same drivers at the same cost, but meiosis is fair (every transmission ratio 1/2); the same seeds.
* `fair_again`: the same once more with seeds of its own. Its difference from `fair` is what chance alone does: the null of
  the hack step, because two runs with equal seeds part after a generation.
* `absent`: the drivers' and modifiers' alleles are there, but neither drive nor cost anything: neutral markers; the same
  seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evosim.compose import resolve
from evosim.params import Experiment
from genomes.drive import FAIR

OTHER_SEEDS = 2**62


@dataclass(frozen=True)
class Control:
    """A control: what it changes in the resolved experiment, and which seed stands for a replicate's."""

    name: str
    change: Callable[[dict[str, Any]], dict[str, Any]]
    seed: Callable[[int], int]


def _fair(genome: dict[str, Any]) -> dict[str, Any]:
    fair = {kind: [entry | {"ratio": FAIR} for entry in genome[kind]] for kind in ("drivers", "modifiers")}
    return genome | fair


def _absent(genome: dict[str, Any]) -> dict[str, Any]:
    return genome | {"drivers": [], "modifiers": []}


CONTROLS: dict[str, Control] = {
    "fair": Control("fair", _fair, lambda seed: seed),
    "fair_again": Control("fair_again", _fair, lambda seed: seed ^ OTHER_SEEDS),
    "absent": Control("absent", _absent, lambda seed: seed),
}


def controls_of(experiment: Experiment) -> dict[str, Experiment]:
    """The controls of an experiment, resolved; none if it has no drivers or does not want them."""
    if not experiment.controls or not experiment.genome.get("drivers"):
        return {}
    tree = experiment.model_dump(mode="json")
    return {name: resolve(tree | {"genome": control.change(tree["genome"])}) for name, control in CONTROLS.items()}
