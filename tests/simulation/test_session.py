"""Sessions see every generation, and a snapshot is the state of its generation."""

from __future__ import annotations

import numpy as np

from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from evosim.simulation.session import Session, Snapshot
from evosim.simulation.state import RunState
from tests.support.settings import quick, setting


class Watching(Session):
    """Takes the state of the previous generation at each generation, as an interrupted run does."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[RunState] = []
        self.newborns: list[np.ndarray] = []

    def after_generation(self, snapshot: Snapshot) -> None:
        state = snapshot.state()
        self.states.append(state)
        self.newborns.append(state.optimizer["genotypes"].copy())


def test_progress_gets_every_generation() -> None:
    problem = setting("micro", *quick("micro"))
    calls: list[tuple[str, int, int]] = []
    session = Session(lambda run, g, total, a, m: calls.append((run, g, total)))
    run = simulate(problem, Landscape(problem), 3, session)
    total = problem.experiment.generations
    assert calls == [("seed 3", g, total) for g in range(run.generations)]


def test_states_have_the_rows_of_their_generation() -> None:
    problem, session = setting("micro", *quick("micro")), Watching()
    run = simulate(problem, Landscape(problem), 3, session)
    for g, state in enumerate(session.states):
        assert state.position.generation == g
        assert state.record.tables["generations"].equals(run.tables["generations"][: g + 1])
        assert state.optimizer["generation"] == g
    assert len({newborns.tobytes() for newborns in session.newborns}) > 1
