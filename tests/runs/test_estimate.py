"""The estimate of a run: shown once, for long runs only, and close to the time taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evosim.cli.main import app
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.schema import Experiment
from evosim.config.settings import apply_settings
from evosim.runs import estimate, execute
from evosim.runs.estimate import RuntimeEstimator, disk_of, estimate_run
from evosim.runtime.progress import duration, size
from evosim.runtime.remaining_time import pace, short_duration
from tests.support.settings import QUICK, quick, setting


def experiment(name: str, *settings: str) -> Experiment:
    return resolve(apply_settings(read_experiment(name), list(settings)))


class Led:
    """A run whose generations take so many seconds each, by a clock of its own."""

    def __init__(self, of: Experiment, seconds: Callable[[int], float]) -> None:
        self.at, self.said, self.passed_on = 0.0, [], 0  # type: ignore[var-annotated]
        self.of, self.seconds = of, seconds
        self.foresight = RuntimeEstimator(of, self.said.append, self, now=lambda: self.at)

    def genomes(self, done: int, total: int) -> None:
        self.passed_on += 1

    def skip(self, generations: int) -> None:
        self.passed_on += 1

    def __call__(
        self, run: str, generation: int, total: int, a: float, m: float, *, generations: int = 1
    ) -> None:
        self.passed_on += generations

    def live(self, runs: int, first: int = 0) -> None:
        for _ in range(runs):
            for g in range(first, self.of.generations):
                self.at += self.seconds(g)
                self.foresight("seed 0", g, self.of.generations, 1.0, 1.0)
            first = 0


TEN = ("phases.0.generations=300", "phases.1.generations=300", "replicates=10")


def test_a_short_run_says_nothing() -> None:
    led = Led(experiment("micro", *TEN), lambda g: 0.009)  # 54 s in all
    led.live(10)
    assert led.said == []
    assert led.passed_on == 6000


def test_a_long_run_says_so_once_and_is_right() -> None:
    # The first of each compiles, or is preceded by other work
    led = Led(experiment("micro", *TEN), lambda g: 30.0 if g == 0 else 0.1)
    led.live(10)
    assert len(led.said) == 1
    assert led.said[0].startswith(
        "about 10 min left: 10 seeds x 600 generations at 0.1 s, then the account. Memory "
    )
    assert "--resume" in led.said[0]


def test_a_spike_is_not_the_pace_and_a_slow_start_is_forgotten() -> None:
    assert pace([1.0] * 5 + [0.1] * 3 + [20.0, 0.1]) == pytest.approx(0.1)
    led = Led(experiment("micro", *TEN), lambda g: 60.0 if g == 200 else 0.009)
    led.live(1)
    # The whole takes more than a minute by then, the rest does not
    assert [words.partition(" left")[0] for words in led.said] == ["about 52 s"]


def test_controls_and_what_was_done_before_are_counted() -> None:
    of = experiment("coarse-drive", *QUICK["coarse-drive"], "replicates=3")
    led = Led(of, lambda g: 10.0)
    led.foresight.skip(of.generations * 11)  # of 3 seeds in 4 arms
    led.live(1)
    assert led.said[0].startswith(
        f"about {duration(10 * (of.generations - 6))} left: 3 seeds x 4 (the run and 3 controls) x"
        f" {of.generations} generations at 10 s"
    )
    assert led.passed_on == of.generations + 1


def test_runs_side_by_side_share_the_time() -> None:
    led = Led(experiment("micro", *TEN), lambda g: 0.0)
    for g in range(1, 41):  # 20 generations in two seconds
        led.at += 2.0
        led.foresight("seed 0", g, led.of.generations, 1.0, 1.0, generations=20)
    assert led.passed_on == 800
    # said after 5 messages: 5900 generations are left
    assert led.said[0].startswith("about 10 min left: 10 seeds x 600 generations at 0.1 s")


def test_a_long_grid_says_so_first() -> None:
    led = Led(experiment("micro"), lambda g: 1.0)
    for done in range(1, 101):
        led.at += 1.0
        led.foresight.genomes(done * 1000, 100_000)
    assert led.said == [
        "about 96 s for the grid of 100,000 genomes, which no checkpoint keeps; then the"
        " generations"
    ]


@pytest.mark.parametrize(("name", "more"), [("micro", ()), ("coarse-drive", ("replicates=1",))])
def test_disk_is_about_what_is_then_there(tmp_path: Path, name: str, more: tuple[str, ...]) -> None:
    lasting = (
        "optimizer.population=40",
        "phases.0.generations=60",
        "phases.1.generations=30",
        "analysis.restarts=3",
    )
    chosen = experiment(name, *quick(name), *lasting[:3], *lasting[3:], *more)
    recorded, _ = execute.run(chosen, out=tmp_path / "run")
    there = sum(path.stat().st_size for path in recorded.folder.rglob("*.parquet"))
    assert 0.4 * there < disk_of(setting(name, *quick(name), *lasting, *more)) < 2.5 * there


def test_a_run_is_timed_in_part_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(estimate, "TIMED", 0.05)
    found = estimate_run(setting("micro", "phases.0.generations=2000"))
    assert found.generations == 2020
    assert found.exact
    assert estimate.FEWEST <= found.timed < 2020
    assert 0.0 < found.generation < 1.0
    assert found.seconds == found.grid + found.generation * 2020 + found.account + found.figures
    assert not list(tmp_path.iterdir())


def test_processes_share_the_time_and_each_needs_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "TIMED", 0.05)
    long = setting("micro", "phases.0.generations=2000", "replicates=9")
    one, two = (estimate_run(long, threads=threads) for threads in (1, 2))
    assert (one.processes, two.processes) == (1, 2)
    assert two.evolution == pytest.approx(two.generation * two.generations / 2)
    assert two.memory - one.memory > 1.5 * estimate.MEMORY_OF_PROCESS
    assert "in 2 processes" in estimate.format_cost(two, long)[2]
    assert "processes" not in estimate.format_cost(one, long)[2]


def test_a_grid_that_is_not_kept_is_timed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "TIMED", 0.05)
    large = setting("reflexes", *QUICK["reflexes"])
    found = estimate_run(large, figures=False)
    assert found.classes == large.genome.grid.size > 65_536
    assert not found.exact
    assert found.grid > 0.0
    assert found.generation > 0.0
    lines = estimate.format_cost(found, large)
    assert "its best are looked for" in lines[1]
    assert "the genomes that will have lived" in lines[4]


def test_the_command_says_it_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(estimate, "TIMED", 0.05)
    done = CliRunner().invoke(app, ["run", "micro", "--dry-run"])
    assert done.exit_code == 0, done.output
    lines = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert lines == ["run", "grid", "time", "memory", "disk"]
    found = json.loads(CliRunner().invoke(app, ["run", "micro", "--dry-run", "--json"]).stdout)
    assert found["generations"] == 50
    assert not list(tmp_path.iterdir())


def test_words() -> None:
    assert [duration(s) for s in (3.2, 99.0, 100.0, 7200.0, 200_000.0)] == [
        "3 s",
        "99 s",
        "2 min",
        "2.0 h",
        "2.3 days",
    ]
    assert [size(n) for n in (12, 1500, 250_000, 3e9)] == ["12 B", "1.5 kB", "250 kB", "3.0 GB"]
    assert [short_duration(s) for s in (0.0005, 0.0123, 0.5, 12.0)] == [
        "0.5 ms",
        "12 ms",
        "0.5 s",
        "12 s",
    ]
