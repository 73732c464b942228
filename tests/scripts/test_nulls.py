"""The nulls of the default: what is drawn, shares and percentiles, and resumption."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evosim.claims.experiments import build_packaged, packaged
from evosim.config.resolve import build
from evosim.fitness.landscape import Landscape
from evosim.sweeps.design import experiment_of, settings_of
from evosim.sweeps.execute import begin
from evosim.sweeps.schema import written
from evosim.sweeps.worker import run_chunk

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "results" / "nulls"
# A grid of 120 genomes, and small populations
SMALL = {
    "phases.0.generations": 5,
    "phases.1.generations": 1,
    "search_ledger": False,
    "optimizer.population": 20,
    "optimizer.introductions": [
        {"generation": 2, "copies": 4, "alleles": {"t": "driver", "solo": 0.0}}
    ],
    "genome.weights.ease.alleles": [0.5],
    "genome.weights.company.alleles": [0.5, 1.0],
    "genome.weights.pleasure.alleles": [0.5, 1.0],
    "genome.weights.solo.alleles": [-1.0, 0.0],
    "genome.weights.young.alleles": [1.0, 2.0, 3.0],
    "genome.horizon.alleles": [1, 2, 3, 4, 6],
    "genome.horizon.initial": [3, 4],
}


@pytest.fixture(scope="module")
def nulls() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "scripts" / "studies"))
    import nulls

    yield nulls
    sys.path.remove(str(ROOT / "scripts" / "studies"))
    sys.modules.pop("nulls", None)


def drawn(nulls: Any, null: str, draws: int) -> list[dict[str, Any]]:
    return list(settings_of(written(nulls.sweep_file(null, draws, SMALL), Path("x.toml")).sweep))


def test_savannas_stay_within_thirty_percent(nulls: Any) -> None:
    world = packaged("three-losses").world
    values = {f"world.ancestral.{name}": value for name, value in world.ancestral.items()}
    values |= {f"world.modern.{name}": value for name, value in world.modern.items()}
    points = drawn(nulls, "savannas", 50)
    assert {
        "world.ancestral.gestation",
        "world.ancestral.nurse_success",
        "world.ancestral.contraceptive_pleasure",
        "world.modern.forage_success",
    } < set(points[0])
    assert "world.modern.contraception" not in points[0]
    for point in points:
        for name, value in point.items():
            assert type(value) is type(values[name])
            assert 0.7 - 1e-9 <= value / values[name] <= 1.3 + 1e-9
            assert not name.endswith("success") or value <= 1.0
    assert {point["world.ancestral.gestation"] for point in points} == {3, 4, 5}
    # in each drawn parameter, draws fill the range
    shares = [point["world.ancestral.conception"] / 0.4 for point in points]
    assert min(shares) < 0.8 < 1.2 < max(shares)


def test_new_acts_have_the_stated_ranges(nulls: Any) -> None:
    points = drawn(nulls, "acts", 50)
    assert {name.rpartition(".")[2] for name in points[0]} == set(nulls.ACTS)
    for name, (low, high) in nulls.ACTS.items():
        values = [point[f"world.modern.{name}"] for point in points]
        assert low <= min(values) < max(values) <= high
        assert max(values) - min(values) > 0.8 * (high - low)


def test_shifts_change_one_to_six_parameters(nulls: Any) -> None:
    values = nulls.changeable()
    some = nulls.shifts(200)
    assert {len(changes) for changes in some} == set(range(1, 7))
    assert set().union(*some) == set(values)
    for changes in some:
        for name, value in changes.items():
            if isinstance(values[name], int):
                assert abs(value - values[name]) == 1
            else:
                assert 0.499 <= value / values[name] <= 2.001


def test_every_second_shift_has_contraception(nulls: Any) -> None:
    points = drawn(nulls, "shifts", 5)
    assert [point.pop(nulls.PILL) for point in points] == [True, False, True, False, True]
    ancestral = packaged("three-losses").world.ancestral
    for point, changes in zip(points, nulls.shifts(5), strict=True):
        names = {name.rpartition(".")[2]: value for name, value in point.items()}
        assert set(names) == set(nulls.changeable())
        assert changes == {k: value for k, value in names.items() if value != ancestral[k]}


@pytest.mark.parametrize("null", ["savannas", "acts", "shifts", "default"])
def test_draws_are_the_same_every_time(nulls: Any, null: str) -> None:
    assert nulls.sweep_file(null, 7, SMALL) == nulls.sweep_file(null, 7, SMALL)
    assert drawn(nulls, null, 7) == drawn(nulls, null, 7)


def test_percentile_counts_equal_draws_by_half(nulls: Any) -> None:
    assert nulls.percentile([1.0, 2.0, 2.0, 3.0], 2.0)[0] == 0.5
    below, low, high = nulls.percentile(list(np.arange(100.0)), 24.5)
    assert below == 0.25
    assert low < 0.25 < high
    assert nulls.percentile([0.0, 0.0], 1.0)[0] == 1.0


def test_planning_shares_count_harm_and_help(nulls: Any) -> None:
    planning = pl.DataFrame(
        {
            "run": range(8),
            "contraception": [False] * 4 + [True] * 4,
            "planner": [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            "table": [1.0, 1.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        }
    ).with_columns(effect=pl.col("planner") - pl.col("table"))
    pill, none = nulls.planning_summary(planning).to_dicts()
    assert (none["harms"], none["helps"], none["no_difference"]) == (0.5, 0.25, 0.25)
    assert (pill["harms"], pill["helps"], pill["mean_effect"]) == (1.0, 0.0, -1.0)
    assert none["mean_effect"] == pytest.approx(-0.25)


def test_a_felt_act_like_the_default_is_the_default(nulls: Any) -> None:
    setting = build_packaged("three-losses")
    world = setting.experiment.world.ancestral
    like = nulls.felt_act(
        setting,
        {"pleasure": world["contraceptive_pleasure"], "ease": -world["mate_effort"]},
        world["contraceptive_failure"],
    )
    assert np.array_equal(like.pair.modern.features_felt, setting.pair.modern.features_felt)
    assert np.array_equal(like.pair.modern.transitions, setting.pair.modern.transitions)


@pytest.mark.slow
def test_shares_are_those_of_the_landscape(nulls: Any, tmp_path: Path) -> None:
    """Shift from the grid itself; waste and hack add up to the population's distance."""
    store = nulls.computed("savannas", 4, SMALL, workers=1, folder=tmp_path)
    table = nulls.draws_of(store)
    assert table.height == 4
    for row in table.iter_rows(named=True):
        settings = {name: row[name] for name in store.kinds}
        frame = Landscape(build(experiment_of(store.manifest.tree, settings))).frame()
        best = frame["modern"].max()
        tied = frame.filter(pl.col("ancestral") >= frame["ancestral"].max() - 1e-12)["modern"]
        assert row["shift"] == pytest.approx(1.0 - tied.min() / best, abs=1e-9)
        assert row["shift_least"] == pytest.approx(1.0 - tied.max() / best, abs=1e-9)
        assert 0.0 <= row["shift_near_5"] <= row["shift_near_1"] <= row["shift_least"] + 1e-12
    lived = table.drop_nulls("hack_ancestral")
    assert lived.height
    for row in lived.iter_rows(named=True):
        lost = row["waste_ancestral"] + row["hack_ancestral"]
        assert lost == pytest.approx(1.0 - row["population_ancestral"] / row["best_ancestral"])


@pytest.mark.slow
def test_a_stopped_null_continues_with_equal_numbers(nulls: Any, tmp_path: Path) -> None:
    whole = nulls.draws_of(nulls.computed("acts", 8, SMALL, workers=1, folder=tmp_path / "a"))
    nulls.computed("acts", 8, SMALL, workers=1, folder=tmp_path / "b")
    (folder,) = (tmp_path / "b").iterdir()
    for name in ("runs.parquet", "ties.parquet", "manifest.json"):
        (folder / name).unlink()
    for path in folder.glob("parts/0000/chunk-0000001.*"):
        path.unlink()
    store = begin(written(nulls.sweep_file("acts", 8, SMALL), Path("x.toml")), folder)
    assert store.done() == [0]
    stops = iter([False, False, True])
    stopped = run_chunk(folder, 1, stop_requested=lambda: next(stops, True))
    assert not stopped.finished
    again = nulls.computed("acts", 8, SMALL, workers=1, folder=tmp_path / "b")
    assert again.done() == [0, 1]
    assert nulls.draws_of(again).equals(whole)


@pytest.mark.slow
def test_draws_without_offspring_are_counted(nulls: Any, tmp_path: Path) -> None:
    averse = {f"genome.weights.{name}.alleles": [-1.0] for name in ("pleasure", "young")}
    barren = SMALL | averse
    acts = nulls.draws_of(nulls.computed("acts", 3, barren, workers=1, folder=tmp_path))
    assert set(acts["status"]) == {"extinct"}
    assert acts["shift"].null_count() == acts["waste_modern"].null_count() == 3
    fine = nulls.draws_of(nulls.computed("acts", 3, SMALL, workers=1, folder=tmp_path))
    shifts = nulls.draws_of(nulls.computed("shifts", 2, SMALL, workers=1, folder=tmp_path))
    exact = fine.select("run", "best_ancestral", "best_modern", pl.col("^shift.*$")).with_columns(
        pleasure=1.0, contraception=True
    )
    tables = {"savannas": pl.concat([acts, fine]), "acts": fine, "shifts": shifts}
    tables |= {"felt": exact, "twins": exact}
    row = nulls.summary(tables).filter(pl.col("null") == "savannas").row(0, named=True)
    assert (row["draws"], row["shift_measured"], row["waste_measured"]) == (6, 3, 3)
    assert row["no_ancestral_genome_reproduces"] == row["died_out"] == 3


@pytest.mark.slow
def test_twins_have_the_shifts_of_the_runs(nulls: Any, tmp_path: Path) -> None:
    settings = {"phases.0.generations": 2, "phases.1.generations": 1, "optimizer.population": 20}
    settings |= {"optimizer.introductions": []}
    store = nulls.computed("shifts", 2, settings, workers=1, folder=tmp_path)
    runs, twins = nulls.draws_of(store), nulls.twins(2)
    assert twins["contraception"].to_list() == [False, True, False, True]
    with_pill, without = runs.to_dicts()
    for name in ("shift", "shift_least", "shift_near_1", "shift_near_5", "best_modern"):
        assert with_pill[name] == pytest.approx(twins[name][1], abs=1e-9)
        assert without[name] == pytest.approx(twins[name][2], abs=1e-9)
    # Unlike a planner, a table cannot use the new act.
    assert twins["table"][0] == pytest.approx(twins["table"][1])


def test_stored_nulls_are_whole() -> None:
    """Each null has at least 200 draws; none is dropped."""
    with (STORED / "summary.csv").open(encoding="utf-8") as file:
        rows = {row["null"]: row for row in csv.DictReader(file)}
    for null, table in (("savannas", "savannas"), ("acts", "acts"), ("shifts", "shifts")):
        with (STORED / f"{table}.csv").open(encoding="utf-8") as file:
            draws = list(csv.DictReader(file))
        assert len(draws) == int(rows[null]["draws"]) >= 200
        assert rows[null]["failed"] == "0"
        assert sum(row["shift"] != "" for row in draws) == int(rows[null]["shift_measured"])
        assert sum(row["status"] == "extinct" for row in draws) == int(rows[null]["died_out"])
