"""The plan of a sweep: runs, seeds, chunks, tables to keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.sweeps.plan import chunk_size, digest_of, make_plan
from evosim.sweeps.schema import read_sweep
from tests.support.sweeps import BOX, POPULATION, plan_of


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")


def test_cells_of_one_landscape_stand_together() -> None:
    made = plan_of(
        "[grid]\noptimizer.population = [10, 20]\nworld.modern.breed_danger = [0.1, 0.2]\n"
    )
    assert made.frame["world.modern.breed_danger"].to_list() == [0.1, 0.1, 0.2, 0.2]


def test_seeds_are_common_or_a_cell_s_own() -> None:
    common = plan_of("replicates = 2\n" + POPULATION).frame["seed"].to_list()
    assert common == [0, 1, 0, 1]
    own = plan_of('replicates = 2\nseeds = "own"\n' + POPULATION).frame
    assert own["seed"].n_unique() == 4
    # ... and do not depend on the cell's place
    alone = plan_of('replicates = 2\nseeds = "own"\n[grid]\noptimizer.population = [20]\n').frame
    assert own["seed"].to_list()[2:] == alone["seed"].to_list()


def test_values_of_any_kind_come_back_as_they_were() -> None:
    made = plan_of(
        '[grid]\n"genome.weights.toil.alleles" = [[1.0], [0.5, 1.0]]\nsearch_ledger = [true,'
        " false]\ngenome.discount = [1, 0.5]\n"
    )
    assert made.kinds == {
        "genome.weights.toil.alleles": "json",
        "search_ledger": "bool",
        "genome.discount": "float",
    }
    assert made.frame["genome.weights.toil.alleles"].unique(maintain_order=True).to_list() == [
        "[1.0]",
        "[0.5, 1.0]",
    ]


def test_hack_is_kept_where_there_are_controls() -> None:
    assert plan_of("").keep == ("ladder", "ledger")
    Path("y.toml").write_text(
        'name = "y"\nexperiment = "coarse-drive"\n[grid]\ncontrols = [false, true]\n'
    )
    assert make_plan(read_sweep(Path("y.toml"))).keep == ("ladder", "ledger", "hack")


def test_the_digest_of_a_plan_ignores_titles() -> None:
    first = plan_of("replicates = 3\n" + BOX + "genome.discount = {low = 0.1, high = 0.5}\n")
    again = plan_of("replicates = 3\n" + BOX + "genome.discount = {low = 0.1, high = 0.5}\n")
    assert first.frame.equals(again.frame)
    digest = digest_of(first.sweep, first.tree)
    for words, same in {
        "title = 'w'\n": True,
        "seed = 1\n": False,
        "replicates = 4\n": False,
        "chunk = 5\n": False,
        "keep = []\n": False,
    }.items():
        text = "" if words.startswith("replicates") else "replicates = 3\n"
        other = plan_of(text + words + BOX + "genome.discount = {low = 0.1, high = 0.5}\n")
        assert (digest_of(other.sweep, other.tree) == digest) is same, words


def test_chunks_are_few_and_depend_on_the_number_of_runs_alone() -> None:
    sizes = {runs: chunk_size(runs, 1) for runs in (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)}
    assert sizes == {1: 1, 10: 2, 100: 5, 1000: 16, 10_000: 50, 100_000: 159, 1_000_000: 500}
    assert chunk_size(1000, 5) == 20
    assert chunk_size(1000, 500) == 16
    assert chunk_size(10**8, 1) == 1000
