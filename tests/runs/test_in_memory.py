"""A run in memory has the tables of a run in a folder."""

from __future__ import annotations

from pathlib import Path

from evosim.fitness.landscape import Landscape
from evosim.runs import accounts, execute
from evosim.runs.in_memory import replicate
from evosim.runs.reader import TABLES
from evosim.simulation.session import Session
from tests.support.runs import experiment
from tests.support.settings import quick, setting


def test_tables_and_numbers_are_those_of_a_folder(tmp_path: Path) -> None:
    problem = setting("micro", *quick("micro"))
    called: list[str] = []

    def session(control: str) -> Session:
        called.append(control)
        return Session()

    found = replicate(problem, Landscape(problem), session)
    recorded, _ = execute.run(experiment("micro"), out=tmp_path / "run")
    for name in (*TABLES, "landscape"):
        assert found.tables[name].equals(recorded.tables[name])
    account = accounts.analyze(recorded).tables
    shared = found.tables.keys() & account.keys()
    assert {"ladder", "behaviour", "desires"} <= shared
    assert all(found.tables[name].equals(account[name]) for name in shared)
    assert called == [""]  # this experiment has no controls
    assert found.status == "complete"
    assert found.numbers["exact"] == 1.0
