"""The clock: stages add up to the whole."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest

from evosim.runtime.timing import Clock
from tests.support.command import evosim
from tests.support.settings import command


def test_an_inner_stage_is_taken_off_the_outer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    clock = Clock(began=now[0])
    with contextlib.suppress(KeyboardInterrupt), clock.stage("outer"):
        now[0] += 1.0
        with clock.stage("inner"):
            now[0] += 2.0
        now[0] += 4.0
        clock.add("inner", 0.5)
        raise KeyboardInterrupt
    with clock.stage("outer"):
        now[0] += 8.0
    now[0] += 16.0
    assert clock.as_dict() == {"inner": 2.5, "outer": 12.5, "other": 16.0}


@pytest.mark.slow
def test_a_run_says_where_its_time_went(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = evosim(capsys, *command("micro"), "--json", "--out", "run")
    assert code == 0
    report = json.loads(out)
    assert {
        "imports",
        "landscape",
        "evolution",
        "controls",
        "tables",
        "analysis",
        "figures",
        "other",
    } <= set(report["seconds"])
    assert sum(report["seconds"].values()) == pytest.approx(report["elapsed_s"], abs=1e-9)
    assert report["seconds"]["other"] < 0.5 * report["elapsed_s"]
