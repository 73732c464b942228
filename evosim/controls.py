"""Controls: the runs beside an experiment that say what a part of it did. Beside one with drivers:

* `fair`: the same drivers at the same cost, but meiosis is fair (every transmission ratio 1/2); the same seeds.
* `fair_again`: the same once more with seeds of its own. Its difference from `fair` is what chance alone does: the null of
  the hack step, because two runs with equal seeds part after a generation.
* `absent`: the drivers' and modifiers' alleles are there, but neither drive nor cost anything: neutral markers; the same
  seeds.

Beside one that selects on a sample that is drawn again in each generation:

* `all_cases`: selection on fitness in the whole ancestral world, with the same seeds, and with fair meiosis too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from evosim.compose import Setting, build, resolve
from evosim.params import Experiment
from evosim.progress import Tell
from genomes.drive import FAIR

if TYPE_CHECKING:
    from evosim.checkpoint import Keeper
    from evosim.landscape import Landscape
    from evosim.simulate import Run

OTHER_SEEDS = 2**62


@dataclass(frozen=True)
class Control:
    """A control: which experiments have it, what it changes in the resolved one, and which seed stands for a replicate's."""

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
    fair = {kind: [entry | {"ratio": FAIR} for entry in genome[kind]] for kind in ("drivers", "modifiers") if kind in genome}
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
    wanted = [control for control in CONTROLS.values() if experiment.controls and control.beside(experiment)]
    tree = experiment.model_dump(mode="json") if wanted else {}
    return {control.name: resolve(control.change(tree)) for control in wanted}


def simulate_one(
    name: str, made: Setting, landscape: Landscape, seed: int, progress: Tell | None = None, keeper: Keeper | None = None
) -> Run:
    """One replicate: of a control (a setting of `controls_of`) or, without a name, of the run itself. It stands for `seed`.

    A control's genome expresses what the run's does, so that one landscape serves all.
    """
    from evosim.simulate import simulate  # brings the compiler with it

    own = CONTROLS[name].seed(seed) if name else seed
    run = replace(simulate(made, landscape, own, progress, control=name, keeper=keeper), seed=seed)
    return replace(run, tables=under_their_seeds([run]))


def simulate_control(name: str, experiment: Experiment, landscape: Landscape, progress: Tell | None = None) -> list[Run]:
    """The replicates of one control (an experiment of `controls_of`), under the seeds of the run that they belong to."""
    made = build(experiment)
    return [simulate_one(name, made, landscape, seed, progress) for seed in experiment.seeds]


def under_their_seeds(runs: list[Run]) -> dict[str, pl.DataFrame]:
    """The tables of replicates, put together, each under the seed it stands for."""
    return {
        name: pl.concat([run.tables[name].with_columns(pl.lit(run.seed, dtype=pl.Int64).alias("seed")) for run in runs])
        for name in (runs[0].tables if runs else ())
    }
