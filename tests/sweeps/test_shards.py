"""Shards of job arrays, from the variables of schedulers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from evosim.errors import UserError
from evosim.sweeps.job_array import Shard, read_shard
from tests.support.sweeps import slurm


def grid_engine(number: int, submitted: list[int], step: int = 1) -> dict[str, str]:
    """Variables of a Grid Engine task; such arrays have no gaps."""
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
    """`sbatch --array=3,7` of a script for 10 tasks: each task computes its original part."""
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
def test_an_array_with_gaps_needs_the_number_of_tasks(submitted: list[int]) -> None:
    """Without the total, both tasks of 3,7 could compute the same half, so they are refused."""
    for number in submitted:
        with pytest.raises(
            UserError,
            match=(
                r"needs an array without gaps, but \d tasks from .* Write --shard auto/N with"
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
        ("5/5", {}, "expects i from 0 to n - 1"),
        ("1", {}, "expects i/n, auto or auto/n"),
        ("a/b", {}, "expects i/n, auto or auto/n"),
        ("auto", {}, "works in a job array, but none of SLURM_ARRAY_TASK_ID"),
        ("auto", {"LSB_JOBINDEX": "0"}, "works in a job array"),
        (
            "auto",
            {"PBS_ARRAY_INDEX": "3"},
            "needs the number of tasks, which PBS does not give. Write --shard auto/N",
        ),
        (
            "auto",
            {"LSB_JOBINDEX": "4", "LSB_JOBINDEX_END": "7"},
            "needs the number of tasks, which LSF does not give",
        ),  # of [3-7]?
        (
            "auto",
            {"SLURM_ARRAY_TASK_ID": "3"},
            "needs the number of tasks, which Slurm does not give here",
        ),
        (
            "auto",
            {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "2"},
            "needs an array without gaps",
        ),
        ("auto/0", slurm(3, [3]), "expects N of at least 1"),
        ("auto/", slurm(3, [3]), "expects i/n, auto or auto/n"),
        ("auto/x", {}, "expects i/n, auto or auto/n"),
        (
            "auto/10",
            slurm(18, list(range(0, 20, 2)), 2),
            r"expects an array of tasks 0-9 or 1-10, but Slurm gives this task the number 18\.",
        ),
        (
            "auto/10",
            {"PBS_ARRAY_INDEX": "11"},
            r"or write --shard I/10 with I from 0, computed from \$PBS_ARRAY_INDEX",
        ),
        ("", {}, "expects i/n, auto or auto/n"),
        ("9" * 5000 + "/8", {}, "expects i/n, auto or auto/n"),
    ],
)
def test_shards_that_cannot_be_are_refused(
    text: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_shard(text, environment)
