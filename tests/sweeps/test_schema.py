"""Sweep files: what they mean, and what is refused, in one line and before anything is written."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.sweeps import design
from evosim.sweeps.design import base_tree, settings_of, to_be_built
from evosim.sweeps.job_array import Shard, read_shard
from evosim.sweeps.plan import Plan, chunk_size, digest_of, make_plan
from evosim.sweeps.schema import read_sweep
from tests.support.command import evosim

HEAD = 'name = "x"\nexperiment = "micro"\n'
POPULATION = "[grid]\noptimizer.population = [10, 20]\n"
BOX = '[design]\nkind = "sobol"\nsize = 4\n[design.ranges]\n'


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")


def plan(text: str) -> Plan:
    Path("x.toml").write_text(HEAD + text, encoding="utf-8")
    return make_plan(read_sweep(Path("x.toml")))


def swept(text: str) -> list[dict[str, object]]:
    Path("x.toml").write_text(HEAD + text, encoding="utf-8")
    return list(settings_of(read_sweep(Path("x.toml")).sweep))


# What a file means


def test_grid_zip_and_design_are_crossed_and_the_first_changes_slowest() -> None:
    cells = swept(
        "[grid]\noptimizer.population = [10, 20]\n[[zip]]\ngenome.discount = [0.5,"
        ' 0.6]\ngenome.planning_cost = [0.0, 0.1]\n[design]\nkind = "random"\nsize ='
        " 3\n[design.ranges]\nworld.ancestral.find = {low = 0.2, high = 0.4}\n"
    )
    assert len(cells) == 2 * 2 * 3
    assert [cell["optimizer.population"] for cell in cells] == [10] * 6 + [20] * 6
    assert {(cell["genome.discount"], cell["genome.planning_cost"]) for cell in cells} == {
        (0.5, 0.0),
        (0.6, 0.1),
    }
    assert cells[0]["world.ancestral.find"] == cells[3]["world.ancestral.find"]


def test_quoted_and_nested_keys_are_the_same() -> None:
    assert swept('[grid]\n"optimizer.population" = [10]\n') == swept(
        "[grid.optimizer]\npopulation = [10]\n"
    )


@pytest.mark.parametrize("kind", ["random", "latin-hypercube", "sobol"])
def test_designs_fill_their_box(kind: str) -> None:
    text = (
        f'[design]\nkind = "{kind}"\nsize = 50\n[design.ranges]\ngenome.discount = {{low = 0.1,'
        " high = 0.9}\nworld.ancestral.find = {low = 1e-3, high = 0.1, scale ="
        ' "log"}\noptimizer.population = {low = 3, high = 5, integer = true}\ngenome.ploidy ='
        " {choices = [1, 2]}\n"
    )
    cells = swept(text)
    assert cells == swept(text)
    assert cells != swept(text.replace("size = 50", "size = 50\nseed = 1"))
    columns = {key: [cell[key] for cell in cells] for key in cells[0]}
    assert set(columns["optimizer.population"]) == {3, 4, 5}
    assert all(isinstance(value, int) for value in columns["optimizer.population"])
    assert set(columns["genome.ploidy"]) == {1, 2}
    floats = {
        key: [float(str(v)) for v in columns[key]]
        for key in ("genome.discount", "world.ancestral.find")
    }
    assert all(0.1 <= v <= 0.9 for v in floats["genome.discount"])
    assert all(0.001 <= v <= 0.1 for v in floats["world.ancestral.find"])
    assert 15 <= sum(v < 0.01 for v in floats["world.ancestral.find"]) <= 35  # half of a log scale


def test_a_latin_hypercube_has_one_point_in_each_slice() -> None:
    cells = swept(
        '[design]\nkind = "latin-hypercube"\nsize = 10\n[design.ranges]\ngenome.discount = {low ='
        " 0.0, high = 0.5}\n"
    )
    assert sorted(int(float(str(cell["genome.discount"])) * 20) for cell in cells) == list(
        range(10)
    )


def test_settings_are_those_of_evosim_run() -> None:
    made = plan(
        'replicates = 2\nseed = 7\n[set]\nphases.0.generations = 9\n"world.modern" = {safe_breeding'
        " = false}\n" + POPULATION
    )
    for population in (10, 20):
        settings = [
            f"optimizer.population={population}",
            "phases.0.generations=9",
            "world.modern={safe_breeding=false}",
        ]
        digest = resolve(apply_settings(read_experiment("micro"), settings)).setting_digest()
        rows = made.frame.filter(made.frame["optimizer.population"] == population)
        assert set(rows["cell"]) == {digest}
        assert rows["seed"].to_list() == [7, 8]


def test_an_experiment_file_is_found_beside_the_sweep_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "base.toml").write_text(resolve(read_experiment("micro")).to_toml())
    path = tmp_path / "sub" / "x.toml"
    path.write_text('name = "x"\nexperiment = "base.toml"\n' + POPULATION)
    assert make_plan(read_sweep(path)).cells == 2


def test_cells_of_one_landscape_stand_together() -> None:
    made = plan("[grid]\noptimizer.population = [10, 20]\nworld.modern.breed_danger = [0.1, 0.2]\n")
    assert made.frame["world.modern.breed_danger"].to_list() == [0.1, 0.1, 0.2, 0.2]


def test_seeds_are_common_or_a_cell_s_own() -> None:
    common = plan("replicates = 2\n" + POPULATION).frame["seed"].to_list()
    assert common == [0, 1, 0, 1]
    own = plan('replicates = 2\nseeds = "own"\n' + POPULATION).frame
    assert own["seed"].n_unique() == 4
    # ... and do not depend on the cell's place
    alone = plan('replicates = 2\nseeds = "own"\n[grid]\noptimizer.population = [20]\n').frame
    assert own["seed"].to_list()[2:] == alone["seed"].to_list()


def test_values_of_any_kind_come_back_as_they_were() -> None:
    made = plan(
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
    assert plan("").keep == ("ladder", "ledger")
    Path("y.toml").write_text(
        'name = "y"\nexperiment = "greedy-genes"\n[grid]\ncontrols = [false, true]\n'
    )
    assert make_plan(read_sweep(Path("y.toml"))).keep == ("ladder", "ledger", "hack")


def test_a_plan_is_the_same_again_and_its_digest_knows_results_from_words() -> None:
    first = plan("replicates = 3\n" + BOX + "genome.discount = {low = 0.1, high = 0.5}\n")
    again = plan("replicates = 3\n" + BOX + "genome.discount = {low = 0.1, high = 0.5}\n")
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
        other = plan(text + words + BOX + "genome.discount = {low = 0.1, high = 0.5}\n")
        assert (digest_of(other.sweep, other.tree) == digest) is same, words


def test_chunks_are_few_and_depend_on_the_number_of_runs_alone() -> None:
    sizes = {runs: chunk_size(runs, 1) for runs in (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)}
    assert sizes == {1: 1, 10: 2, 100: 5, 1000: 16, 10_000: 50, 100_000: 159, 1_000_000: 500}
    assert chunk_size(1000, 5) == 20
    assert chunk_size(1000, 500) == 16
    assert chunk_size(10**8, 1) == 1000


def test_of_many_cells_the_extremes_are_built_and_all_are_resolved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(design, "BUILT", 10)
    made = plan(
        "[design]\nkind = 'random'\nsize = 300\n[design.ranges]\ngenome.discount = {low = 0.1, high"
        " = 0.9}\n"
    )
    cells = [design.Cell(i, s, str(i), "") for i, s in enumerate(settings_of(made.sweep))]
    values = [cell.settings["genome.discount"] for cell in cells]
    chosen = to_be_built(cells)
    assert {0, 299, values.index(min(values)), values.index(max(values))} <= set(chosen)
    assert len(chosen) < 150
    with pytest.raises(UserError, match=r"cell 2 .*must lie in"):
        plan("[grid]\nworld.modern.breed_danger = [0.1, 0.2, 1.5]\n")


# Shards


def slurm(number: int, submitted: list[int], step: int = 1) -> dict[str, str]:
    """What Slurm 22.05 sets for a task of an array: of a list such as 3,7 it says step 1."""
    told = {
        "ID": number,
        "COUNT": len(submitted),
        "MIN": min(submitted),
        "MAX": max(submitted),
        "STEP": step,
    }
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in told.items()}


def grid_engine(number: int, submitted: list[int], step: int = 1) -> dict[str, str]:
    """What Grid Engine sets, whose arrays have no gaps."""
    told = {"ID": number, "FIRST": min(submitted), "LAST": max(submitted), "STEPSIZE": step}
    return {f"SGE_TASK_{name}": str(value) for name, value in told.items()}


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("2/5", {}, Shard(2, 5)),
        ("auto", slurm(13, [11, 13, 15, 17, 19], 2), Shard(1, 5)),
        ("auto", {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}, Shard(3, 8)),
        ("auto/7", slurm(3, [3, 5]), Shard(3, 7)),
        ("auto/4", {"PBS_ARRAY_INDEX": "4"}, Shard(0, 4)),
        ("auto", grid_engine(3, [1, 3, 5, 7, 9], 2), Shard(1, 5)),
        ("auto/10", {"LSB_JOBINDEX": "4", "LSB_JOBINDEX_END": "10"}, Shard(4, 10)),
        (
            "auto/2",
            {"SGE_TASK_ID": "undefined", "LSB_JOBINDEX": "1", "LSB_JOBINDEX_END": "2"},
            Shard(1, 2),
        ),
    ],
)
def test_shards_are_read(text: str, environment: dict[str, str], expected: Shard) -> None:
    assert read_shard(text, environment) == expected


WHOLE = [list(range(10)), list(range(1, 11))]


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize("submitted", [[3, 7], [3], [5, 6, 7], [1, 3, 5, 7, 9]])
def test_tasks_that_are_submitted_again_have_the_parts_they_had(
    whole: list[int], submitted: list[int]
) -> None:
    """`sbatch --array=3,7` of a script that was an array of 10: each task does what it was to do,
    and no other's part.
    """
    had = {number: read_shard("auto/10", slurm(number, whole)) for number in whole}
    assert {number: read_shard("auto/10", slurm(number, submitted)) for number in submitted} == {
        number: had[number] for number in submitted
    }
    assert sorted(shard.index for shard in had.values()) == list(range(10))


ARRAYS = {
    "0-9": (list(range(10)), 1),
    "1-10%2": (list(range(1, 11)), 1),
    "0-9:2": ([0, 2, 4, 6, 8], 2),
    "3-7": ([3, 4, 5, 6, 7], 1),
    "5": ([5], 1),
    "100-109:3": ([100, 103, 106, 109], 3),
}


@pytest.mark.parametrize("scheduler", [slurm, grid_engine])
@pytest.mark.parametrize("array", ARRAYS)
def test_all_tasks_of_an_array_without_gaps_do_everything(
    array: str, scheduler: Callable[..., dict[str, str]]
) -> None:
    submitted, step = ARRAYS[array]
    shards = [read_shard("auto", scheduler(number, submitted, step)) for number in submitted]
    assert sorted(itertools.chain(*(shard.chunks(list(range(40))) for shard in shards))) == list(
        range(40)
    )


@pytest.mark.parametrize("submitted", [[3, 7], [3, 5, 9], [2, 3, 4, 8], [0, 1, 3]])
def test_an_array_with_gaps_is_refused_where_the_whole_is_not_said(submitted: list[int]) -> None:
    """Both tasks of 3,7 once took themselves for the first of two, and half of the work stayed
    undone.
    """
    for number in submitted:
        with pytest.raises(
            UserError,
            match=(
                r"must run in an array without gaps, but \d tasks from .* Write --shard auto/N with"
                r" N of the whole array"
            ),
        ):
            read_shard("auto", slurm(number, submitted))


@pytest.mark.parametrize("count", [1, 3, 7])
def test_every_chunk_is_of_one_shard(count: int) -> None:
    parts = [Shard(i, count).chunks(list(range(20))) for i in range(count)]
    assert sorted(itertools.chain(*parts)) == list(range(20))


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("5/5", {}, "must have i from 0 to n - 1"),
        ("1", {}, "must be i/n, auto or auto/n"),
        ("a/b", {}, "must be i/n, auto or auto/n"),
        ("auto", {}, "must run in a job array, but none of SLURM_ARRAY_TASK_ID"),
        ("auto", {"LSB_JOBINDEX": "0"}, "must run in a job array"),
        (
            "auto",
            {"PBS_ARRAY_INDEX": "3"},
            "must know the number of tasks, which PBS does not tell. Write --shard auto/N",
        ),
        (
            "auto",
            {"LSB_JOBINDEX": "4", "LSB_JOBINDEX_END": "7"},
            "must know the number of tasks, which LSF does not tell",
        ),  # of [3-7]?
        (
            "auto",
            {"SLURM_ARRAY_TASK_ID": "3"},
            "must know the number of tasks, which Slurm does not tell here",
        ),
        (
            "auto",
            {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "2"},
            "must run in an array without gaps",
        ),
        ("auto/0", slurm(3, [3]), "must have N of at least 1"),
        ("auto/", slurm(3, [3]), "must be i/n, auto or auto/n"),
        ("auto/x", {}, "must be i/n, auto or auto/n"),
        (
            "auto/10",
            slurm(18, list(range(0, 20, 2)), 2),
            r"must run in an array of tasks 0-9 or 1-10, but Slurm calls this task 18\.",
        ),
        (
            "auto/10",
            {"PBS_ARRAY_INDEX": "11"},
            r"or write --shard I/10 with I from 0 computed from \$PBS_ARRAY_INDEX",
        ),
        ("", {}, "must be i/n, auto or auto/n"),
        ("9" * 5000 + "/8", {}, "must be i/n, auto or auto/n"),
    ],
)
def test_shards_that_cannot_be_are_refused(
    text: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_shard(text, environment)


# Refusals

MISTAKES: dict[str, tuple[str, str]] = {
    "misspelt key": ("grd = 1\n", "Did you mean 'grid'?"),
    "no experiment": ("", "the experiment must be one of"),
    "misspelt parameter": (
        "[grid]\noptimizer.populaton = [1]\n",
        "cell 0 (optimizer.populaton=1): unknown key 'optimizer.populaton'. Did you mean",
    ),
    "misspelt first part": ("[grid]\noptimiser.population = [1]\n", "Did you mean 'optimizer'?"),
    "misspelt setting": (
        "[set]\nworld.modern.brede_danger = 0.1\n",
        "Did you mean 'breed_danger'?",
    ),
    "wrong value": (
        "[grid]\nworld.modern.breed_danger = [0.1, 1.5]\n",
        "cell 1 (world.modern.breed_danger=1.5): world.modern.breed_danger must lie in",
    ),
    "wrong type": (
        '[grid]\noptimizer.population = ["many"]\n',
        "optimizer.population must be a valid integer",
    ),
    "equal cells": (
        "[grid]\noptimizer.population = [10, 20, 10]\n",
        "but cell 0 (optimizer.population=10) and cell 2 (optimizer.population=10) resolve",
    ),
    "a default given": (
        "[grid]\ngenome.ploidy = [1, 2]\n[[zip]]\ngenome.discount = [0.9, 0.9]\n",
        "resolve to the same experiment",
    ),
    "not a list": (
        "[grid]\noptimizer.population = 10\n",
        "grid.optimizer.population must be a valid list, but is 10",
    ),
    "empty list": (
        "[grid]\noptimizer.population = []\n",
        "grid.optimizer.population must list at least one value",
    ),
    "unequal lists": (
        "[[zip]]\noptimizer.population = [10, 20]\ngenome.discount = [0.5]\n",
        "must be equally long, but are not (optimizer.population 2, genome.discount 1)",
    ),
    "empty zip": ("[[zip]]\n", "zip.0 must list at least one value"),
    "swept twice": (
        "[grid]\ngenome.discount = [0.5]\n[[zip]]\ngenome.discount = [0.6]\n",
        "genome.discount must be swept once, but is twice",
    ),
    "set and swept": (
        "[set]\ngenome.discount = 0.5\n[grid]\ngenome.discount = [0.6]\n",
        "genome.discount must be given once, but [set] gives it too",
    ),
    "a part swept": (
        '[grid]\n"genome.horizon" = [{alleles = [1]}]\n"genome.horizon.alleles" = [[1]]\n',
        "genome.horizon is given too",
    ),
    "seed swept": ("[grid]\nseed = [1, 2]\n", "Give seed and replicates of the sweep itself"),
    "name set": ('[set]\nname = "y"\n', "name must not be set by a sweep"),
    "unknown table": ('keep = ["lader"]\n', "Did you mean 'ladder'?"),
    "unknown seeds": ('seeds = "any"\n', "seeds must be 'common' or 'own'"),
    "no replicates": ("replicates = 0\n", "replicates must be greater than or equal to 1"),
    "last seed": (f"seed = {2**63 - 1}\nreplicates = 2\n", "the last seed must be at most"),
    "no chunk": ("chunk = 0\n", "chunk must be greater than or equal to 1"),
    "not finite": (
        "[grid]\ngenome.discount = [nan]\n",
        "grid.genome.discount.0 must be finite, but is nan",
    ),
    "a date": (
        "[grid]\ngenome.discount = [2020-01-01]\n",
        (
            "grid.genome.discount.0 must be text, a number, true, false, a list or a table, but is"
            " a date (2020-01-01)"
        ),
    ),
    "no position": (
        "[grid]\nphases.7.generations = [1]\n",
        "cell 0, phases.7.generations: '7' must be a position from 0 to 1",
    ),
    "through a number": (
        "[set]\nsearch_ledger.x = 1\n",
        "search_ledger must be a valid boolean, but is a table",
    ),
    "unknown kind": (
        BOX.replace("sobol", "sobl") + "genome.discount = {low = 0.1, high = 0.2}\n",
        "design.kind must be 'random', 'latin-hypercube' or 'sobol'",
    ),
    "design key": (
        BOX.replace("size", "sise") + "genome.discount = {low = 0.1, high = 0.2}\n",
        "Did you mean 'size'?",
    ),
    "range key": (BOX + "genome.discount = {low = 0.1, hihg = 0.2}\n", "Did you mean 'high'?"),
    "half a range": (
        BOX + "genome.discount = {low = 0.1}\n",
        "design.ranges.genome.discount must have low and high",
    ),
    "both": (BOX + "genome.discount = {low = 0.1, choices = [0.2]}\n", "must have choices alone"),
    "upside down": (
        BOX + "genome.discount = {low = 0.2, high = 0.1}\n",
        "low must be below high, but 0.2 is not below 0.1",
    ),
    "log of nothing": (
        BOX + 'genome.discount = {low = 0, high = 0.1, scale = "log"}\n',
        "low must be above 0 on a log scale",
    ),
    "half an integer": (
        BOX + "optimizer.population = {low = 0.5, high = 3, integer = true}\n",
        "must have whole numbers",
    ),
    "a fraction of an individual": (
        BOX + "optimizer.population = {low = 10, high = 20}\n",
        "optimizer.population must be a valid integer",
    ),
    "no ranges": ('[design]\nkind = "sobol"\nsize = 4\n', "design.ranges must be given"),
    "no points": (
        BOX.replace("4", "0") + "genome.discount = {low = 0.1, high = 0.2}\n",
        "design.size must be greater than or equal to 1",
    ),
    "too many": (
        "replicates = 1000000\n[grid]\nworld.modern.breed_danger = ["
        + ", ".join(f"{i / 100}" for i in range(100))
        + "]\n",
        "at most 20,000,000 runs, but has 100,000,000",
    ),
    "a world without choices": ("[grid]\nworld.ancestral.breed_payoff = [0.0]\n", "cell 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing_behind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, mistake: str
) -> None:
    text, message = MISTAKES[mistake]
    head = HEAD.replace("micro", "mikro") if mistake == "no experiment" else HEAD
    Path("x.toml").write_text(head + text, encoding="utf-8")
    for more in ([], ["--dry-run"]):
        code, out, err = evosim(capsys, "sweep", "run", "x.toml", *more)
        assert (code, out) == (2, ""), out + err
        assert err.count("\n") == 1, err
        assert message in err
    assert [path.name for path in tmp_path.rglob("*")] == ["x.toml"]


COMMANDS: dict[str, tuple[list[str], str]] = {
    "no file": (["run", "nothing.toml"], "the sweep file must exist"),
    "a folder": (["run", "."], "the sweep file must be readable text"),
    "unknown engine": (["run", "x.toml", "--engine", "locl"], "--engine must be one of"),
    "bad shard": (["run", "x.toml", "--shard", "4/4"], "--shard i/n must have i"),
    "no workers": (["run", "x.toml", "--workers", "0"], "Invalid value for '--workers'"),
    "no sweep": (["status", "."], "must be a sweep's folder"),
    "no folder": (["collect", "nowhere"], "a sweep must be a folder"),
    "check nothing": (["check", "nowhere"], "a sweep must be a folder"),
}


@pytest.mark.parametrize("mistake", COMMANDS)
def test_commands_that_cannot_be_done_are_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, mistake: str
) -> None:
    Path("x.toml").write_text(HEAD + POPULATION)
    arguments, message = COMMANDS[mistake]
    code, out, err = evosim(capsys, "sweep", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1, err
    assert message in err
    assert [path.name for path in tmp_path.rglob("*")] == ["x.toml"]


# Commands

SMALL = (
    HEAD
    + "replicates = 2\nchunk = 2\n[set]\nphases.0.generations = 4\nphases.1.generations = 3\n"
    + POPULATION
)


def test_a_sweep_as_a_user_does_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.toml").write_text(SMALL)
    code, out, _ = evosim(capsys, "sweep", "run", "x.toml", "--dry-run", "--workers", "1")
    assert code == 0
    for words in (
        "2 cells, 4 runs in 2 chunks",
        "all cells resolve and differ; all were built",
        "s a run on one thread",
        "disk:",
    ):
        assert words in out
    assert not Path("results").exists()
    code, out, err = evosim(capsys, "sweep", "run", "x.toml", "--workers", "1")
    assert code == 0, err
    assert "4 runs to do in 2 chunks" in err
    (folder,) = Path("results/sweeps").iterdir()
    assert "4 of 4 runs done, 0 failed, 0 died out" in out
    assert (folder / "runs.parquet").is_file()
    code, again, err = evosim(capsys, "sweep", "run", "x.toml")
    assert (code, err) == (0, "")
    assert "4 of 4 runs done" in again
    code, out, _ = evosim(capsys, "sweep", "status", str(folder))
    for words in (
        "2 cells, 4 runs, 2 chunks",
        "done     4 runs (100%)",
        "failed   0 runs",
        "running  0 processes",
        "digest   ",
    ):
        assert words in out
    digest = out.split()[-1]
    state = json.loads(evosim(capsys, "sweep", "status", str(folder), "--json")[1])
    assert (state["runs"], state["done"], state["failed"], state["digest"]) == (4, 4, 0, digest)
    code, out, _ = evosim(capsys, "sweep", "collect", str(folder))
    assert (code, digest in out) == (0, True)
    code, out, _ = evosim(capsys, "sweep", "check", str(folder))
    assert (code, out) == (0, "2 chunks of 2 whole, 0 missing, 0 damaged; 0 runs failed\n")
    chunk = folder / "parts" / "0000" / "chunk-0000001.runs.parquet"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    code, out, _ = evosim(capsys, "sweep", "check", str(folder))
    assert code == 1
    assert "damaged  chunk 1: its table runs has another checksum than was written" in out
    code, out, err = evosim(capsys, "sweep", "collect", str(folder))
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, out, _ = evosim(capsys, "sweep", "check", str(folder), "--repair")
    assert (code, out.splitlines()[-1].split("'")[1]) == (
        0,
        f"evosim sweep run {folder}/sweep.toml --out {folder}",
    )
    code, out, _ = evosim(capsys, *out.splitlines()[-1].split("'")[1].split()[1:], "--workers", "1")
    assert (code, digest in evosim(capsys, "sweep", "status", str(folder))[1]) == (0, True)


def test_a_plan_can_be_written_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.toml").write_text(SMALL)
    assert evosim(capsys, "sweep", "run", "x.toml", "--out", "s", "--plan-only") == (
        0,
        "s: 4 runs in 2 chunks\n",
        "",
    )
    assert evosim(capsys, "sweep", "status", "s")[1].startswith("x ")


def test_shards_do_their_part_and_say_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("x.toml").write_text(SMALL)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    code, out, err = evosim(
        capsys, "sweep", "run", "x.toml", "--out", "s", "--shard", "auto", "--workers", "1"
    )
    assert code == 0
    assert "shard 1/2, 2 runs to do in 1 chunk" in err
    assert "2 of 4 runs done" in out
    assert "; 1 chunk of shards other than 1/2 not done yet" in out
    assert not Path("s/runs.parquet").exists()
    code, out, _ = evosim(
        capsys, "sweep", "run", "x.toml", "--out", "s", "--shard", "0/2", "--workers", "1"
    )
    assert "4 of 4 runs done" in out
    assert "not done yet" not in out


def test_a_failed_task_of_a_printed_array_can_be_submitted_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of the printed file, by the variables of `sbatch --array=1`."""
    Path("x.toml").write_text(SMALL)
    code, out, err = evosim(
        capsys, "sweep", "script", "x.toml", "--out", "s", "--slurm", "--time", "90m"
    )
    assert code == 0
    assert "a task has 1:30:00 (D-HH:MM:SS)" in err
    assert "#SBATCH --array=0-1\n" in out
    assert "#SBATCH --time=1:30:00\n" in out
    command = shlex.split(out.splitlines()[-1])
    assert command[-4:] == ["--shard", "auto/2", "--workers", "1"]
    for name, value in slurm(1, [1]).items():
        monkeypatch.setenv(name, value)
    code, out, err = evosim(capsys, *command[command.index("sweep") :])
    assert code == 0
    assert "shard 1/2, 2 runs to do in 1 chunk" in err
    assert "2 of 4 runs done" in out


def test_failed_runs_make_the_exit_code_and_can_be_tried_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evosim.sweeps import worker

    real = worker.replicate

    def fragile(setting: object, *more: object) -> object:
        if setting.experiment.optimizer["population"] == 20:  # type: ignore[attr-defined]
            raise OverflowError("too large")
        return real(setting, *more)  # type: ignore[arg-type]

    Path("x.toml").write_text(SMALL)
    monkeypatch.setattr(worker, "replicate", fragile)
    code, out, err = evosim(capsys, "sweep", "run", "x.toml", "--out", "s", "--workers", "1")
    assert code == 1
    assert "4 of 4 runs done, 2 failed" in out
    assert (
        err.splitlines()[-1]
        == "evosim: 2 runs failed; column 'error' says why, and --retry-failed computes them again."
    )
    assert (
        "failed   2 runs ('evosim sweep run ... --retry-failed' tries them again)"
        in evosim(capsys, "sweep", "status", "s")[1]
    )
    assert evosim(capsys, "sweep", "run", "x.toml", "--out", "s")[0] == 1
    monkeypatch.setattr(worker, "replicate", real)
    code, out, _ = evosim(
        capsys, "sweep", "run", "x.toml", "--out", "s", "--workers", "1", "--retry-failed"
    )
    assert (code, "4 of 4 runs done, 0 failed" in out) == (0, True)


def test_the_base_tree_is_not_changed_by_reading(tmp_path: Path) -> None:
    Path("x.toml").write_text(SMALL)
    written = read_sweep(Path("x.toml"))
    before = json.dumps(written.tree)
    base_tree(written)
    assert json.dumps(written.tree) == before


def test_help_of_sweeps_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    assert "status" in evosim(capsys, "sweep")[1]
    script = (
        "import sys\n"
        "from evosim.cli import main as cli\n"
        "sys.argv = ['evosim', 'sweep', 'run', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in ('numba', 'altair', 'polars', 'scipy') if m in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ},
        check=True,
    )
    assert done.stdout.endswith("[]\n")
