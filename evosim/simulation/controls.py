"""Controls: variants of an experiment that show the effect of one part of it.

An experiment with drivers has three:

* `fair`: the same drivers at the same cost, but with fair meiosis (every transmission ratio is
  1/2). Same seeds.
* `fair_again`: `fair` with other seeds. Its difference from `fair` is the effect of chance alone,
  because two runs with equal seeds diverge after one generation. It is the null model of the hack
  step.
* `absent`: the alleles of drivers and modifiers are neutral markers, without drive and cost. Same
  seeds.

An experiment that selects on a new sample of cases in each generation has one:

* `all_cases`: selection on fitness in the whole ancestral world, and fair meiosis. Same seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evosim.config.resolve import resolve
from evosim.config.schema import Experiment
from evosim.genomes.drive import FAIR

OTHER_SEEDS = 2**62

Tree = Mapping[str, object]  # a resolved experiment as plain data


@dataclass(frozen=True)
class Control:
    """A control of experiments.

    Attributes
    ----------
    name : str
        Its name.
    applies_to : Callable
        Whether an experiment has this control.
    change : Callable
        Turns a resolved experiment into the control.
    seed : Callable
        The seed that stands for a replicate's seed.
    """

    name: str
    applies_to: Callable[[Experiment], bool]
    change: Callable[[Tree], Tree]
    seed: Callable[[int], int] = lambda seed: seed


def _has_drivers(experiment: Experiment) -> bool:
    return bool(experiment.genome.get("drivers"))


def _resamples(experiment: Experiment) -> bool:
    return experiment.selection.varies


def _genome(tree: Tree) -> dict[str, object]:
    genome = tree["genome"]
    assert isinstance(genome, dict), "a resolved experiment has a genome"
    return genome


def _fair(tree: Tree) -> Tree:
    genome = _genome(tree)
    fair = {
        kind: [dict(entry) | {"ratio": FAIR} for entry in entries]
        for kind in ("drivers", "modifiers")
        if isinstance(entries := genome.get(kind), list | tuple)
    }
    return {**tree, "genome": genome | fair}


def _absent(tree: Tree) -> Tree:
    return {**tree, "genome": _genome(tree) | {"drivers": [], "modifiers": []}}


def _all_cases(tree: Tree) -> Tree:
    return {**_fair(tree), "selection": {}}


CONTROLS: dict[str, Control] = {
    "fair": Control("fair", _has_drivers, _fair),
    "fair_again": Control("fair_again", _has_drivers, _fair, lambda seed: seed ^ OTHER_SEEDS),
    "absent": Control("absent", _has_drivers, _absent),
    "all_cases": Control("all_cases", _resamples, _all_cases),
}


def seed_of(control: str, seed: int) -> int:
    """Return the seed of a control's run that stands for a replicate with `seed`.

    An empty name is the run itself.
    """
    return CONTROLS[control].seed(seed) if control else seed


def controls_of(experiment: Experiment) -> dict[str, Experiment]:
    """Return the resolved controls of an experiment by name; none if it has `controls = false`.

    Controls have no search ledger: no account reads it, and it takes most of their time.
    """
    chosen = [
        control
        for control in CONTROLS.values()
        if experiment.controls and control.applies_to(experiment)
    ]
    tree = experiment.model_dump(mode="json") | {"search_ledger": False} if chosen else {}
    return {control.name: resolve(dict(control.change(tree))) for control in chosen}
