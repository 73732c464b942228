"""Controls: the runs beside an experiment with drivers that say what the driving did.

* `fair`: the same drivers at the same cost, but meiosis is fair (every transmission ratio 1/2); the same seeds.
* `fair_again`: the same once more with seeds of its own. Its difference from `fair` is what chance alone does: the null of
  the hack step, because two runs with equal seeds part after a generation.
* `absent`: the drivers' and modifiers' alleles are there, but neither drive nor cost anything: neutral markers; the same
  seeds.
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
