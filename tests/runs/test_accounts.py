"""Accounts of recorded runs: extinct seeds, other code, rechecked measures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evosim.analysis import behaviour
from evosim.analysis.account import Accountant
from evosim.analysis.recorded_run import Recorded
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.runs import accounts, execute
from evosim.runs.reader import read_run
from evosim.runtime.checksums import read_sums, write_sums
from evosim.simulation.loop import simulate
from evosim.tables import screen
from tests.support.runs import experiment
from tests.support.settings import quick, setting
from tests.support.summaries import summary_of


def run(folder: Path, name: str, *settings: str) -> Recorded:
    return execute.run(experiment(name, *settings), out=folder)[0]


@pytest.mark.slow
def test_the_dead_have_no_behaviour() -> None:
    """Times a life are of the living: their sum is the expected number of ages lived."""
    made = setting("coarse-savanna", *quick("coarse-savanna"))
    landscape = Landscape(made)
    tables = simulate(made, landscape, 0).tables | {"landscape": landscape.frame()}
    maker = Accountant(made, tables, exact=True)
    times = maker.account().summary.times_per_life.ancestral
    world = made.pair.ancestral
    assert [world.states[s] for s in np.flatnonzero(world.terminal_states())] == ["dead"]
    swap = tables["populations"].filter(pl.col("moment") == "swap")
    lived = [
        maker.cache.evaluator.evaluate(c, "ancestral").occupancy[:, :-1].sum()
        for c in swap["class"]
    ]
    assert sum(times.values()) == pytest.approx(np.average(lived, weights=swap["count"]))
    assert sum(times.values()) < 60


def test_recovery_leaves_out_seeds_extinct_before_the_swap(tmp_path: Path) -> None:
    averse = [f"genome.weights.{w}.alleles=[-5.0,1.0]" for w in ("pleasure", "vanity")]
    changes = (
        "replicates=8",
        "optimizer.population=1",
        "genome.ploidy=1",
        "phases.0.generations=2",
    )
    recorded = run(tmp_path / "run", "micro", *changes, *averse)
    lived = [
        seed for seed, facts in recorded.provenance["runs"].items() if facts["generations"] > 1
    ]
    assert 0 < len(lived) < 8
    summary = accounts.analyze(recorded).summary
    assert summary.recovery.seeds == len(lived)
    by_hand = recorded.tables["populations"].filter(
        (pl.col("moment") == "end") & pl.col("seed").is_in([int(s) for s in lived])
    )
    worth = recorded.tables["landscape"].select("class", "modern_intent")
    assert summary.recovery.modern_at_end.mean == pytest.approx(
        by_hand.join(worth, on="class")["modern_intent"].mean()
    )


def test_extinct_populations_are_not_measured(tmp_path: Path) -> None:
    recorded = run(
        tmp_path / "run", "coarse-savanna", "genome.weights.pleasure.alleles=[0.0]", "replicates=2"
    )
    summary = accounts.analyze(recorded).summary
    assert summary.behaviour.modern is None
    assert summary.recovery.seeds == 0


def test_desires_are_averaged_over_every_seed(tmp_path: Path) -> None:
    recorded = run(
        tmp_path / "run",
        "micro",
        "replicates=6",
        "optimizer.population=6",
        "phases.0.generations=10",
    )
    account = accounts.analyze(recorded)
    loci = {"fullness", "pleasure", "vanity", "toil"}
    assert set(account.tables["desires"]["feature"]) == loci
    assert account.tables["desires"].height == 6 * len(loci)
    swap = recorded.tables["populations"].filter(pl.col("moment") == "swap")
    mean = (swap["locus:fullness"] * swap["count"]).sum() / swap["count"].sum()
    printed = next(row for row in account.summary.desires if row.feature == "fullness")
    assert printed.weight == pytest.approx(mean)


def test_without_overlap_kinds_are_not_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = run(tmp_path / "run", "micro")
    split = accounts.analyze(recorded).summary.behaviour.modern
    monkeypatch.setattr(behaviour, "LEAST_OVERLAP", 1.1)
    account = accounts.analyze(recorded)
    whole = account.summary.behaviour.modern
    assert set(whole.kinds) == {"misspecified", "no overlap", "upkeep"}
    assert sum(whole.kinds.values()) == pytest.approx(sum(split.kinds.values()))
    assert set(account.tables["behaviour"].filter(pl.col("world") == "modern")["kind"]) <= set(
        whole.kinds
    )


def test_a_loss_split_in_some_seeds_sums_to_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = run(tmp_path / "run", "micro", "replicates=3")
    before = accounts.analyze(recorded).summary.behaviour.modern
    # Each seed has one at the swap and one at the end
    told, turn = (behaviour.Ledger.as_reported, iter([True, True, False, False] * 100))
    monkeypatch.setattr(behaviour, "LEAST_OVERLAP", 1.1)
    monkeypatch.setattr(
        behaviour.Ledger, "as_reported", lambda self: told(self) if next(turn) else self
    )
    found = accounts.analyze(recorded).summary
    mixed = found.behaviour.modern
    assert before
    assert mixed
    assert mixed.kinds["no overlap"] > 0.0
    assert mixed.kinds["novel"] > 0.0
    assert sum(mixed.kinds.values()) == pytest.approx(sum(before.kinds.values()), abs=1e-12)
    for act, total in mixed.acts.items():
        assert sum(mixed.acts_by_kind[act].values()) == pytest.approx(total, abs=1e-12)
    assert "in some seeds, and there kinds are not split" in str(
        screen.accounts(summary_of(found))["behaviour"][0].caption
    )


def test_a_run_of_other_code_is_analysed_again(tmp_path: Path) -> None:
    recorded = run(tmp_path / "run", "micro")
    accounts.analyze(recorded)
    assert accounts.same_code(recorded)
    path = recorded.folder / "summary.json"
    truth = json.loads(path.read_text())
    path.write_text(json.dumps(truth | {"overlap": 0.5}))
    # As if it had been found so
    write_sums(recorded.folder, ["summary.json"], read_sums(recorded.folder))
    assert accounts.summary_of(recorded, again=False).account.overlap == 0.5
    facts = recorded.provenance | {"sources": "0000"}
    (recorded.folder / "provenance.json").write_text(json.dumps(facts))
    write_sums(recorded.folder, ["provenance.json"], read_sums(recorded.folder))
    other = read_run(recorded.folder)
    assert not accounts.same_code(other)
    assert accounts.summary_of(other, again=False).account.overlap == truth["overlap"]


@pytest.mark.parametrize("column", ["ancestral", "ancestral_intent", "modern", "modern_intent"])
def test_every_recorded_measure_is_rechecked(column: str) -> None:
    made = setting("micro", *quick("micro"))
    landscape = Landscape(made)
    frame = landscape.frame().with_columns(pl.col(column) * 0.5)
    tables = simulate(made, landscape, 0).tables | {"landscape": frame}
    with pytest.raises(UserError, match="but the reference code finds"):
        Accountant(made, tables, exact=True).account()
