"""Algorithms of users: how they are loaded, refused and identified."""

from __future__ import annotations

import importlib
import sys
import threading
import types
from pathlib import Path

import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import Interrupted, Stop, UserError
from evosim.fitness.landscape import Landscape
from evosim.runs import accounts, execute, source_hash
from evosim.runs.session import SessionOptions
from evosim.simulation.loop import simulate
from evosim.simulation.state import Run
from tests.support.settings import setting


def run(*settings: str, seed: int = 0) -> Run:
    made = setting("micro", *settings)
    return simulate(made, Landscape(made), seed)


def guests() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("evosim ")]


@pytest.mark.parametrize(
    ("algorithm", "words"),
    [
        ("fails", "failed in generation 1 .KeyError: 'no idea'"),
        ("invents", "must list 8 allele numbers"),
        ("wants_more", "wants 'temperature'"),
        ("is_not_there", "can be imported"),
    ],
)
def test_mistakes_of_algorithms_are_one_line(algorithm: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        run(
            f'optimizer={{name="deap",population=6,algorithm="tests.support.own_algorithm:{algorithm}"}}'
        )
    assert "\n" not in str(caught.value)
    assert guests() == []


def test_algorithms_without_population_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:

    module = types.ModuleType("odd_algorithms")
    module.nothing = lambda population: 3  # type: ignore[attr-defined]
    module.idle = lambda population: population  # type: ignore[attr-defined]
    module.number = 7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "odd_algorithms", module)
    for name, words in (
        ("nothing", "must return its last population"),
        ("idle", "must have individuals evaluated"),
        ("number", "a int cannot be called"),
    ):
        made = setting("micro", f'optimizer={{name="deap",algorithm="odd_algorithms:{name}"}}')
        with pytest.raises(UserError, match=words):
            simulate(made, Landscape(made), 0)


def test_a_user_s_algorithm_is_part_of_what_a_run_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run names the hash of the file. It cannot be resumed with another file."""
    source = (Path(__file__).resolve().parents[1] / "support" / "own_algorithm.py").read_text()
    (tmp_path / "bees.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    chosen = resolve(
        apply_settings(
            read_experiment("micro"),
            [
                'optimizer={name="deap",population=6,algorithm="bees:random_search"}',
                "phases.0.generations=6",
            ],
        )
    )
    recorded, _ = execute.run(chosen, out=tmp_path / "run")
    said = recorded.provenance["packages"]["bees:random_search"]
    assert said.startswith("source ")
    assert accounts.same_code(recorded)
    stops = iter([None, None, None, Stop("SIGTERM", 143)])
    with pytest.raises(Interrupted):
        execute.run(
            chosen,
            out=tmp_path / "other",
            options=SessionOptions(stop_requested=lambda: next(stops, None)),
        )
    (tmp_path / "bees.py").write_text(source + "\n# another\n")
    source_hash.forget_sources()
    assert not accounts.same_code(recorded)
    with pytest.raises(
        UserError,
        match=(
            r"has packages .*'bees:random_search': 'source [0-9a-f]{16}'.*would not be the"
            r" same run"
        ),
    ):
        execute.run(chosen, out=tmp_path / "other", resume=True)
    (tmp_path / "bees.py").unlink()
    source_hash.forget_sources()
    importlib.invalidate_caches()
    assert accounts.same_code(recorded)  # a file that is missing cannot differ
    source_hash.forget_sources()
    sys.modules.pop("bees")
