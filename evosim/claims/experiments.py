"""Experiments of studies and claims: packaged ones and variants of them."""

from __future__ import annotations

from evosim.config.experiments import read_experiment
from evosim.config.resolve import Problem, build, resolve
from evosim.config.schema import Experiment
from evosim.config.settings import apply_settings


def packaged(name: str, *settings: str) -> Experiment:
    """Read a packaged experiment and apply `key=value` settings. Raises `UserError`."""
    return resolve(apply_settings(read_experiment(name), list(settings)))


def build_packaged(name: str, *settings: str) -> Problem:
    """Build worlds and genome of a packaged experiment with `key=value` settings."""
    return build(packaged(name, *settings))


def claim_experiment(name: str, size: str) -> Experiment:
    """The experiment of a claim with the settings of a size, `quick` or `full`."""
    return packaged(name, *read_experiment(name)["claim"].get(size, ()))


def with_settings(experiment: Experiment, *settings: str) -> Experiment:
    """Copy an experiment with `key=value` settings, without the text of a claim.

    Raises `UserError` for an unknown key or an invalid value.
    """
    tree = experiment.model_dump(mode="json", exclude_none=True, exclude={"claim"})
    return resolve(apply_settings(tree, list(settings)))


def with_genome(experiment: Experiment, name: str, **parameters: object) -> Experiment:
    """Copy an experiment with another genome, without the text of a claim."""
    tree = experiment.model_dump(mode="json", exclude_none=True, exclude={"claim"})
    return resolve(tree | {"genome": {"name": name, **parameters}})


def ancestral_only(experiment: Experiment, population: int, *settings: str) -> Experiment:
    """Copy an experiment with one population size and the ancestral phase alone."""
    phases = f"phases=[{{world='ancestral',generations={experiment.swap}}}]"
    return with_settings(
        experiment,
        f"optimizer.population={population}",
        phases,
        "snapshots=[]",
        "search_ledger=false",
        *settings,
    )


def three_sizes(largest: int) -> tuple[int, int, int]:
    """One sixteenth, one quarter and all of a number of individuals or generations."""
    return (max(largest // 16, 2), max(largest // 4, 3), max(largest, 4))
