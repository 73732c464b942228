"""Functions of the Python interface: names, settings, reading back, mistakes."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import evosim
from evosim.errors import Interrupted
from evosim.runs import execute
from evosim.runs.session import SessionOptions
from tests.support.api import settings
from tests.support.runs import stops_once

ROOT = Path(__file__).resolve().parents[2]


def test_every_name_is_there_and_hides_no_module() -> None:
    modules = {path.stem for path in (ROOT / "evosim").iterdir()}
    for name in evosim.__all__:
        assert getattr(evosim, name) is not None
        assert name not in modules  # importing evosim.NAME would put the module in the name's place
    for module in ("evosim.api.comparison", "evosim.api.export", "evosim.sweeps.execute"):
        importlib.import_module(module)
    assert callable(evosim.compare)
    assert callable(evosim.sweep)
    assert set(dir(evosim)) == set(evosim.__all__)


def test_a_run_is_read_back_and_settings_may_be_a_row_of_a_frame(micro: evosim.Run) -> None:
    frame = pl.DataFrame({"phases.0.generations": [6, 9], "phases.1.generations": [4, None]})
    again = evosim.run("micro", frame[:1], replicates=6, out=micro.folder)
    assert again.provenance == micro.provenance
    assert (
        evosim.resolve("micro", frame[1:]).phases[1].generations
        == evosim.resolve("micro").phases[1].generations
    )
    assert evosim.resolve("micro", {"seed": np.int64(3)}).seed == 3
    loaded = evosim.load(micro.folder)
    assert isinstance(loaded, evosim.Run)
    assert evosim.resolve(loaded.experiment) == loaded.experiment
    with pytest.raises(evosim.UserError, match="must be one row of a frame, but has 2"):
        evosim.resolve("micro", frame)


def test_nothing_is_printed(micro: evosim.Run, capfd: pytest.CaptureFixture[str]) -> None:
    evosim.run("micro", settings("micro"), replicates=6, out=micro.folder)
    micro.losses()
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_run_continues_unless_forced(tmp_path: Path) -> None:
    """The continued run has the tables of a run without interruption."""
    whole = evosim.run("micro", settings("micro"), out=tmp_path / "whole")
    folders = [tmp_path / "continued", tmp_path / "forced"]
    for folder in folders:
        with pytest.raises(Interrupted):
            execute.run(
                evosim.resolve("micro", settings("micro")),
                out=folder,
                options=SessionOptions(stop_requested=stops_once(4)),
            )
    continued = evosim.run("micro", settings("micro"), out=folders[0])
    forced = evosim.run("micro", settings("micro"), out=folders[1], force=True)
    assert len(continued.provenance["interruptions"]) == 1
    assert forced.provenance["interruptions"] == []
    for run in (continued, forced):
        assert run.losses(seeds=True).equals(whole.losses(seeds=True))


def test_an_argument_of_earlier_versions_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(evosim.UserError, match=r"no argument resume .*force=True starts it again"):
        evosim.run("micro", out=tmp_path / "run", resume=True)  # type: ignore[call-arg]


def test_what_is_nothing_is_one_line(tmp_path: Path) -> None:
    for call in (
        lambda: evosim.load(tmp_path / "no"),
        lambda: evosim.load(tmp_path),
        lambda: evosim.run("birth-contol"),
        lambda: evosim.compare(tmp_path, tmp_path),
    ):
        with pytest.raises(evosim.UserError) as error:
            call()
        assert "\n" not in str(error.value)
