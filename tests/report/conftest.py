"""Runs, a sweep and a search, their reports, and a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.report import build
from evosim.runs import accounts, execute
from evosim.runs.landscape_search import explore
from evosim.runtime.timing import Clock
from evosim.sweeps.collect import collect
from evosim.sweeps.execute import begin
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.worker import run_chunk
from tests.support.browser import Browser, session
from tests.support.reports import HOSTILE, SWEEP
from tests.support.settings import quick


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of two runs, a sweep and a search."""
    top = tmp_path_factory.mktemp("made")
    hostile = [
        f"title={json.dumps(HOSTILE)}",
        f"question={json.dumps(HOSTILE)}",
        f"expected={json.dumps(HOSTILE)}",
    ]
    for name, settings in (("coarse-drive", hostile), ("micro", ["replicates=2"])):
        experiment = resolve(apply_settings(read_experiment(name), quick(name, *settings)))
        recorded, _ = execute.run(experiment, out=top / name)
        accounts.analyze(recorded)
    (top / "sweep.toml").write_text(SWEEP, encoding="utf-8")
    written = read_sweep(top / "sweep.toml")
    store = begin(written, top / "sweep")
    for chunk in range(make_plan(written).chunks):
        run_chunk(store.folder, chunk)
    collect(store)
    search = resolve(
        apply_settings(
            read_experiment("claim-06-demons"), ["phases.0.generations=60", "replicates=2"]
        )
    )
    explore(search, out=top / "search", force=False, figures=False, clock=Clock())
    return {name: top / name for name in ("coarse-drive", "micro", "sweep", "search")}


@pytest.fixture(scope="session")
def files(made: dict[str, Path]) -> dict[str, Path]:
    """Reports of each, and one of all."""
    out = {}
    for name, folder in made.items():
        build.write([folder], folder / build.FILE)
        out[name] = folder / build.FILE
    out["all"] = made["micro"].parent / "all.html"
    build.write(list(made.values()), out["all"])
    return out


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with session() as found:
        yield found
