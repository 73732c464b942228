"""Events of chunks, and the logs of processes."""

from __future__ import annotations

import json
from pathlib import Path

from evosim.sweeps import events
from evosim.sweeps.events import LogSummary, ProcessLog


def test_a_log_has_one_object_per_line(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = ProcessLog(tmp_path)
    log("begin", 3, done=1)
    log.sign_of_life(3, 2)  # too early after the last line
    log("end", 3, done=4, seconds=[0.5, 1.5])
    (path,) = (tmp_path / "logs").iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["event"], line["chunk"], line["done"]) for line in lines] == [
        ("begin", 3, 1),
        ("end", 3, 4),
    ]
    assert LogSummary.read(path) == LogSummary("end", [0.5, 1.5])


def test_a_silent_log_gets_a_sign_of_life(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = ProcessLog(tmp_path)
    log.sign_of_life(0, 2)
    (path,) = (tmp_path / "logs").iterdir()
    assert LogSummary.read(path).event == "at"
    assert events.SIGN_OF_LIFE > 0.0


def test_a_damaged_log_is_read_as_far_as_possible(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"event": "begin"}\n{"event": "end", "seconds": [1.0]}\n{"eve')
    assert LogSummary.read(path) == LogSummary("end", [1.0])
    assert LogSummary.read(tmp_path / "missing.jsonl") == LogSummary("", [])
