"""Claims: parts are computed once, predictions are judged by intervals, and verdicts can fail."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl
import psutil
import pytest

import evosim.claims as claims
from evosim.claims import claim as contract
from evosim.claims import part_cache as claims_work
from evosim.claims import tables as claims_tables
from evosim.claims.claim import (
    Claim,
    Measured,
    Part,
    exactly,
    over_seeds,
    overall,
    share_of,
    verdict,
)
from evosim.claims.evaluate import Gate, Judged, experiment_of, frame_of, named, row_of
from evosim.claims.part_cache import compute, tables_of, tasks_of
from evosim.claims.tables import as_markdown, good_of
from evosim.config.resolve import build, resolve
from evosim.config.schema import Experiment, Prediction
from evosim.config.toml_files import named_experiments, read_experiment
from evosim.errors import Stop, UserError
from evosim.runtime.machine import Suspended
from tests.support.signals import heard

NAME = "claim-99-test"
TEXT = """
name = "claim-99-test"
seed = 0
[world]
name = "micro"
[genome]
name = "planner"
[optimizer]
name = "sexual"
[[phases]]
world = "ancestral"
generations = 2
[claim]
number = 99
statement = "Numbers are positive."
quick = ["replicates=6"]
full = ["replicates=20"]
[[claim.predictions]]
quantity = "mean"
says = "above"
value = 0.0
"""


def numbers(seeds: int, shift: float) -> pl.DataFrame:
    """A part."""
    return pl.DataFrame({"x": np.arange(seeds) * 0.01 + shift})


def slow(seconds: float) -> pl.DataFrame:
    """A part that takes its time."""
    import time

    time.sleep(seconds)
    return pl.DataFrame({"x": [seconds]})


def wrong(seconds: float) -> pl.DataFrame:
    """A part that cannot be computed."""
    raise UserError(f"this must work, but takes {seconds}. Wait.")


def _parts(experiment: Experiment) -> list[Part]:
    return [Part("some", numbers, (experiment.replicates, 1.0))]


def _measure(tables: Any, experiment: Experiment) -> dict[str, Measured]:
    return {"mean": over_seeds(tables["some"]["x"])}


def _figures(tables: Any, experiment: Experiment) -> dict[str, Any]:
    return {"some": alt.Chart(tables["some"]).mark_point().encode(x="x:Q")}


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A claim of which everything is known."""
    module = types.ModuleType("evosim.claims.made_up")
    module.CLAIM = Claim(_parts, _measure, _figures)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "evosim.claims.made_up", module)
    monkeypatch.setitem(claims.CLAIMS, NAME, "made_up")
    file = tmp_path / f"{NAME}.toml"
    file.write_text(TEXT, encoding="utf-8")
    known = named_experiments() | {NAME: file}
    monkeypatch.setattr("evosim.config.toml_files.named_experiments", lambda: known)
    return NAME


@pytest.mark.parametrize(
    ("says", "measured", "wanted"),
    [
        ({"says": "above", "value": 1.0}, Measured(2.0, 1.5, 2.5, seeds=20), contract.COMES_OUT),
        ({"says": "above", "value": 1.0}, Measured(2.0, 0.5, 2.5, seeds=20), contract.OPEN),
        ({"says": "above", "value": 1.0}, Measured(0.5, 0.2, 0.9, seeds=20), contract.NOT),
        ({"says": "above", "value": 1.0}, Measured(2.0, seeds=3), contract.OPEN),
        ({"says": "above", "value": 1.0}, exactly(1.0), contract.NOT),
        ({"says": "below", "value": 1.0}, exactly(0.9), contract.COMES_OUT),
        ({"says": "below", "value": 1.0}, Measured(2.0, 1.5, 2.5, seeds=20), contract.NOT),
        (
            {"says": "within", "low": 1.0, "high": 2.0},
            Measured(1.5, 1.0, 2.0, seeds=20),
            contract.COMES_OUT,
        ),
        (
            {"says": "within", "low": 1.0, "high": 2.0},
            Measured(1.5, 0.9, 2.0, seeds=20),
            contract.OPEN,
        ),
        (
            {"says": "within", "low": 1.0, "high": 2.0},
            Measured(3.0, 2.5, 3.5, seeds=20),
            contract.NOT,
        ),
        ({"says": "equals", "value": 0.0}, exactly(1e-12), contract.COMES_OUT),
        ({"says": "equals", "value": 0.0}, exactly(1e-3), contract.NOT),
        ({"says": "equals", "value": 0.0}, exactly(float("nan")), contract.OPEN),
        ({"says": "equals", "value": 0.0}, Measured(0.0, seeds=3), contract.OPEN),
        (
            {"says": "equals", "value": 0.0},
            Measured(0.5, seeds=20),
            contract.OPEN,
        ),  # all seeds agree, which is no interval
        (
            {"says": "equals", "value": 0.5, "tolerance": 0.01},
            Measured(0.505, 0.1, 0.9, seeds=5),
            contract.OPEN,
        ),
        (
            {"says": "equals", "value": 0.5, "tolerance": 0.01},
            Measured(0.505, 0.495, 0.509, seeds=20),
            contract.COMES_OUT,
        ),
        (
            {"says": "equals", "value": 0.5, "tolerance": 0.01},
            Measured(0.6, 0.55, 0.65, seeds=20),
            contract.NOT,
        ),
        (
            {"says": "equals", "value": -0.5, "tolerance": 0.01},
            Measured(-0.6, -0.65, -0.55, seeds=20),
            contract.NOT,
        ),
        ({"says": "equals", "value": 0.0}, contract.of_drawn(0.0), contract.COMES_OUT),
        ({"says": "equals", "value": 0.0}, contract.of_drawn(1.0), contract.NOT),
        ({"says": "above", "value": 0.9}, contract.best_found(0.99), contract.COMES_OUT),
        # An exact interval of a share may decide with fewer than five seeds; an interval of a mean
        # has none then.
        ({"says": "below", "value": 0.7}, share_of(0, 4), contract.COMES_OUT),
        ({"says": "below", "value": 0.6}, share_of(0, 4), contract.OPEN),
        (
            {"says": "below", "value": 0.7},
            over_seeds([0.0, 0.0, 0.0, 0.0], within=(0.0, 1.0)),
            contract.OPEN,
        ),
    ],
)
def test_a_prediction_comes_out_only_if_the_whole_interval_says_so(
    says: dict[str, Any], measured: Measured, wanted: str
) -> None:
    assert verdict(Prediction(quantity="x", **says), measured) == wanted


def test_a_claim_is_as_good_as_its_worst_prediction() -> None:
    assert overall([contract.COMES_OUT, contract.COMES_OUT]) == contract.COMES_OUT
    assert overall([contract.COMES_OUT, contract.OPEN]) == contract.OPEN
    assert overall([contract.NOT, contract.OPEN]) == contract.NOT
    assert overall([]) == contract.OPEN


def test_what_is_sampled_is_not_called_exact(made_up: str) -> None:
    found = {
        "mean": exactly(1.0),
        "most": contract.of_drawn(2.0, "genomes"),
        "best": contract.best_found(0.9),
        "over": Measured(1.0, 0.5, 1.5, seeds=9),
        "few": Measured(1.0, seeds=3),
    }
    assert [m.kind for m in found.values()] == [
        "exact",
        "those drawn",
        "best found",
        "seeds",
        "seeds",
    ]
    assert [m.exact for m in found.values()] == [True, False, False, False, False]
    assert contract.best_found(0.9, enumerated=True).exact
    choice = experiment_of(made_up, "quick").claim
    assert choice is not None
    predictions = tuple(Prediction(quantity=name, says="above", value=0.0) for name in found)
    rows = [row_of(made_up, choice, prediction, found) for prediction in predictions]
    page = as_markdown(
        [
            Judged(
                made_up, choice.model_copy(update={"predictions": predictions}), rows, contract.OPEN
            )
        ],
        "quick",
    )
    assert "| mean | above 0 | 1 | exact | comes out |" in page
    assert "| most | above 0 | 2 genomes | those drawn | comes out |" in page
    assert "| best | above 0 | 0.9 | best found | comes out |" in page
    assert "| over | above 0 | 1.00 [0.50, 1.50] | 9 seeds | comes out |" in page
    assert "| few | above 0 | 1 | 3 seeds | undecided |" in page
    assert "quantities without one have no chance" not in page
    assert [claims_tables.number(row) for row in rows] == [
        "1",
        "2 (those drawn) genomes",
        "0.9 (best found)",
        "1.00 [0.50, 1.50]",
        "1 (3 seeds)",
    ]
    assert frame_of(found)["kind"].to_list() == [m.kind for m in found.values()]


# Of which claims tell exact numbers
ENUMERATED_TOO = ("birth-control", "host", "micro", "maze", "villages", "deception", "suppressor")


@pytest.mark.parametrize(
    "name", [*(name for name in claims.CLAIMS if name != "claim-06-demons"), *ENUMERATED_TOO]
)
def test_best_genomes_that_claims_call_exact_are_of_grids_that_are_enumerated(name: str) -> None:
    experiment = (
        experiment_of(name, "full") if name in claims.CLAIMS else resolve(read_experiment(name))
    )
    made = build(experiment)
    assert made.genome.grid.size <= experiment.analysis.max_enumerated


def test_a_prediction_that_cannot_fail_is_no_evidence(made_up: str, tmp_path: Path) -> None:
    choice = experiment_of(made_up, "quick").claim
    assert choice is not None
    row = row_of(
        made_up,
        choice,
        choice.predictions[0].model_copy(update={"by_construction": True}),
        {"mean": exactly(1.0)},
    )
    good = row_of(made_up, choice, choice.predictions[0], {"mean": exactly(1.0)})
    choice = choice.model_copy(update={"predictions": choice.predictions * 2})
    tested = Judged(made_up, choice, [row, good], contract.COMES_OUT)
    assert good_of(tested) == "1 of 1"
    assert "comes out (by construction)" in as_markdown([tested], "quick")
    with pytest.raises(ValueError, match="must have one that can fail"):
        type(choice)(
            number=1,
            statement="",
            predictions=(choice.predictions[0].model_copy(update={"by_construction": True}),),
        )


def test_ratios_of_means_hold_both_uncertainties() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(1.0, 0.1, 20), rng.normal(2.0, 1.0, 20)
    both, one = contract.ratio_over_seeds(x, y), over_seeds(x / y.mean())
    assert both.value == pytest.approx(one.value)
    assert both.high - both.low > 3.0 * (one.high - one.low)  # type: ignore[operator]
    same = contract.ratio_over_seeds(3.0 * y, y)
    assert (same.value, same.low, same.high) == (pytest.approx(3.0), None, None)  # all seeds agree


def test_shares_have_exact_intervals() -> None:
    from scipy.stats import binomtest

    for k, n in ((0, 20), (7, 20), (20, 20)):
        wanted = binomtest(k, n).proportion_ci(0.95, "exact")
        found = share_of(k, n)
        assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_a_prediction_of_a_range_must_have_both_ends() -> None:
    with pytest.raises(ValueError, match="must have low and high"):
        Prediction(quantity="x", says="within", low=1.0)


def test_what_is_predicted_changes_no_digest(made_up: str) -> None:
    plain = experiment_of(made_up, "quick")
    assert plain.claim is not None
    assert plain.digest() == plain.model_copy(update={"claim": None}).digest()
    assert experiment_of(made_up, "full").replicates == 20


def test_claims_are_found_by_name_number_and_word() -> None:
    assert named(["6", "claim-06-demons", "mazes"]) == ["claim-06-demons", "claim-07-mazes"]
    assert named([]) == list(claims.CLAIMS)
    with pytest.raises(UserError, match="a claim"):
        named(["sevn"])


def test_a_claim_is_computed_judged_and_kept(made_up: str, tmp_path: Path) -> None:
    gate = Gate([made_up], "quick", tmp_path / "parts")
    assert len(gate.left) == 1
    gate.left[0].file.parent.mkdir(parents=True)
    numbers(6, 1.0).write_parquet(gate.left[0].file)
    assert not gate.left
    tested = gate.test(made_up, tmp_path / "out")
    assert tested.verdict == contract.COMES_OUT
    folder = tmp_path / "out" / made_up
    assert {p.name for p in folder.iterdir()} == {
        "some.csv",
        "measured.csv",
        "experiment.toml",
        "provenance.json",
        "some.png",
        "some.svg",
    }
    numbers(6, -1.0).write_parquet(gate.tasks[made_up][0].file)  # planted
    assert gate.test(made_up, tmp_path / "out").verdict == contract.NOT


def test_parts_are_computed_once_in_processes_of_their_own(tmp_path: Path) -> None:
    tasks = tasks_of(
        "c", [Part("a", numbers, (3, 0.0)), Part("b", numbers, (4, 0.0), cost=9.0)], tmp_path
    )
    seen: list[str] = []
    compute(tasks, 2, done=lambda task, seconds: seen.append(task.part.name))
    assert sorted(seen) == ["a", "b"]
    assert {name: table.height for name, table in tables_of(tasks).items()} == {"a": 3, "b": 4}
    compute(tasks, 2, done=lambda task, seconds: seen.append("again"))
    assert "again" not in seen
    assert tasks_of("c", [Part("a", numbers, (3, 0.5))], tmp_path)[0].file != tasks[0].file


def test_a_part_hangs_on_the_sources_that_it_can_reach_and_on_no_others() -> None:
    from evosim.runs.source_hash import _behind, _own_sources, sources_digest

    files = _own_sources()
    reached = _behind("evosim.claims.demons", files)
    assert {
        files["evosim.kernels.real_vectors"],
        files["evosim.claims"],
        files["evosim.worlds.tessellating_hills"],
    } <= reached
    assert (
        not {
            files["evosim.claims.mazes"],
            files["evosim.claims.tables"],
            files["evosim.cli"],
            files["evosim.sweeps"],
        }
        & reached
    )
    # Imported inside a function
    assert files["evosim.kernels.reproduce"] in _behind("evosim.claims.mazes", files)
    assert (
        len(
            {
                sources_digest(),
                sources_digest(module="evosim.claims.demons"),
                sources_digest(module="evosim.claims.mazes"),
            }
        )
        == 3
    )


def test_verdicts_are_a_page(made_up: str, tmp_path: Path) -> None:
    gate = Gate([made_up], "quick", tmp_path / "parts")
    gate.left[0].file.parent.mkdir(parents=True)
    numbers(6, 1.0).write_parquet(gate.tasks[made_up][0].file)
    page = as_markdown([gate.test(made_up, tmp_path / "out", figures=False)], "quick")
    assert "| mean | above 0 | 1.025 [1.003, 1.044] | 6 seeds | comes out |  |" in page
    assert "1 of 1" in page


def test_what_was_kept_before_a_stop_stays(tmp_path: Path) -> None:
    tasks = tasks_of(
        "c", [Part("quick", numbers, (3, 0.0), cost=9.0), Part("long", slow, (60.0,))], tmp_path
    )
    with pytest.raises(Stop):
        compute(
            tasks, 1, should_stop=lambda: Stop("SIGTERM", 143) if tasks[0].file.is_file() else None
        )
    assert tasks[0].file.is_file()
    assert not tasks[1].file.is_file()


def test_a_part_that_fails_says_so_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this must work, but takes"):
        compute(tasks_of("c", [Part("wrong", wrong, (1.0,))], tmp_path), 1)


def evosim(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evosim.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )


def test_an_unknown_claim_is_one_line(tmp_path: Path) -> None:
    done = evosim("claims", "no-such", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "a claim must be one of" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_test_that_is_stopped_says_so_in_one_line(tmp_path: Path, number: int, code: int) -> None:
    """A terminal sends its signals to workers too: they are not to have their say."""
    call = [sys.executable, "-m", "evosim.cli", "claims", "5", "--full", "--workers", "2"]
    with heard():
        process = subprocess.Popen(
            call,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    while not list(tmp_path.rglob("claim-05-deception")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(2.0)
    os.killpg(process.pid, number) if number != signal.SIGTERM else process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert out == ""
    lines = [line for line in err.splitlines() if "parts to compute" not in line]
    assert len(lines) == 1, err
    assert "finished parts are stored. Rerun the same command to continue" in lines[0]


@pytest.mark.parametrize("name", claims.CLAIMS)
def test_every_claim_registers_what_it_predicts(name: str) -> None:
    experiment = experiment_of(name, "full")
    assert experiment.name == name
    assert experiment.claim is not None
    assert experiment.claim.number == int(name.split("-")[1])
    parts = claims.claim_of(name).parts(experiment)
    assert parts
    assert len({part.name for part in parts}) == len(parts)
    assert claims.claim_of(name).parts(experiment_of(name, "quick"))
    assert json.loads(experiment.model_dump_json())["claim"]["predictions"]


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", claims.CLAIMS)
def test_kept_verdicts_follow_from_what_is_registered_and_was_measured(name: str) -> None:
    """At full size, with at least 20 seeds wherever chance enters; what does not come out is said
    in the findings.
    """
    kept = pl.read_csv(ROOT / "results" / "claims" / "verdicts.csv").filter(pl.col("claim") == name)
    choice = experiment_of(name, "full").claim
    assert choice is not None
    assert kept["quantity"].to_list() == [prediction.quantity for prediction in choice.predictions]
    findings = " ".join((ROOT / "docs" / "findings.md").read_text(encoding="utf-8").split())
    for prediction, row in zip(choice.predictions, kept.iter_rows(named=True), strict=True):
        found = Measured(
            row["measured"],
            row["low"],
            row["high"],
            row["unit"] or "",
            row["seeds"],
            row.get("kind", ""),
        )
        assert row["seeds"] == 0 or row["seeds"] >= 20 or prediction.by_construction, row[
            "quantity"
        ]
        assert row["verdict"] == verdict(prediction, found), row["quantity"]
        assert row["verdict"] == contract.COMES_OUT or f"`{row['quantity']}`" in findings, row[
            "quantity"
        ]
    folder = ROOT / "results" / "claims" / name
    facts = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert facts["size"] == "full"
    assert facts["digest"] == experiment_of(name, "full").digest()
    assert list(folder.glob("*.png"))


def test_a_suspended_worker_is_told_of_and_ends_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_work, "Suspended", lambda: Suspended(patience=0.0))
    heard: list[str] = []

    def should_stop() -> Stop | None:
        for process in multiprocessing.active_children():
            if process.pid and not heard:
                os.kill(process.pid, signal.SIGSTOP)
        return Stop("SIGINT", 130) if heard else None

    with pytest.raises(Stop):
        compute(
            tasks_of("c", [Part("long", slow, (60.0,))], tmp_path),
            1,
            should_stop=should_stop,
            tell=heard.append,
        )
    assert "is suspended, and is waited for" in heard[0]
    assert not multiprocessing.active_children()


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """A worker waits for its next part, and for the end of the process that started it."""
    code = (
        "import multiprocessing, time\n"
        "from evosim.claims import part_cache as work\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=work._end_with_parent)\n"
        "    child.start()\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen(
        [sys.executable, "parent.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    with contextlib.suppress(psutil.NoSuchProcess):
        worker.wait(timeout=60)
