"""Accounts of small runs, each computed once."""

from __future__ import annotations

from functools import cache

from evosim.analysis.account import Account, Accountant
from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.simulation.control_runs import concatenate, simulate_control
from evosim.simulation.controls import controls_of
from evosim.simulation.loop import simulate
from tests.support.settings import quick, setting


@cache
def accountant_of(name: str, *settings: str) -> Accountant:
    """The accountant of a packaged experiment at a small size, with its controls."""
    problem = setting(name, *quick(name), *settings)
    landscape = Landscape(problem)
    runs = [simulate(problem, landscape, seed) for seed in problem.experiment.seeds]
    controls = {
        control: concatenate(simulate_control(control, experiment, landscape))
        for control, experiment in controls_of(problem.experiment).items()
    }
    tables = concatenate(runs) | {"landscape": landscape.frame()}
    return Accountant(problem, tables, controls, exact=True, make_scorer=Scorer)


@cache
def account_of(name: str, *settings: str) -> Account:
    """The account of such a run."""
    return accountant_of(name, *settings).account()
