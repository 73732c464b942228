"""Jobs that make the folders of results, and their times."""

from __future__ import annotations

import json
from pathlib import Path

from evosim.claims.stored_results import (
    Job,
    JobTime,
    format_seconds,
    latest_times,
    read_jobs,
    record_times,
    recorded_times,
)
from tests.support.paths import ROOT


def test_jobs_are_read_with_their_scripts() -> None:
    jobs = {job.name: job for job in read_jobs(ROOT / "scripts")}
    assert jobs["waste"].compared
    assert not jobs["bench"].compared
    assert all((ROOT / "scripts" / job.script).is_file() for job in jobs.values() if job.is_script)


def test_a_job_describes_itself_by_its_first_paragraph(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text('"""A small study\nin two lines.\n\nRun: nothing\n"""\n')
    assert Job("small", "small.py", tmp_path).makes == "A small study in two lines."


def test_commands_of_evosim_get_their_folder(tmp_path: Path) -> None:
    command = Job("claims", "claims --full", tmp_path).command(tmp_path)
    assert command[-4:] == ["claims", "--full", "--out", str(tmp_path / "claims")]


def test_times_are_written_and_read_again(tmp_path: Path) -> None:
    jobs = (Job("a", "a.py", tmp_path), Job("b", "b.py", tmp_path))
    time = JobTime(12.5, "2026-01-01T00:00:00+00:00", "as kept", 2, 0.5, "Linux", "0.1.0", "abc")
    record_times(tmp_path, jobs, {"b": time})
    assert recorded_times(tmp_path) == {"b": time}
    assert recorded_times(tmp_path / "nothing") == {}


def test_a_stored_result_gives_a_time_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    facts = {"seconds": 3.0, "finished": "2026-01-01T00:00:00+00:00"}
    (tmp_path / "a" / "provenance.json").write_text(json.dumps(facts), encoding="utf-8")
    times = latest_times((Job("a", "a.py", tmp_path), Job("b", "b.py", tmp_path)), tmp_path)
    assert set(times) == {"a"}
    assert times["a"].seconds == 3.0


def test_durations_are_in_the_largest_useful_unit() -> None:
    assert [format_seconds(s) for s in (5.4, 120.0, 7200.0)] == ["5 s", "2 min", "2.0 h"]
