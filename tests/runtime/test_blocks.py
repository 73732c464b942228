"""Long runs: tables that grow with generations go to disk in blocks.

Their rows are those in memory, however often a run is stopped.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evosim.analysis import price_equation
from evosim.analysis.recorded_run import Recorded
from evosim.errors import Interrupted, UserError
from evosim.figures import inputs
from evosim.fitness.landscape import Landscape
from evosim.runs import execute, figures
from evosim.runs.checkpoints import ReplicateCheckpoint, RunCheckpoint
from evosim.runs.folder import partial_of
from evosim.runs.reader import CHECKPOINT, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime import blocks
from evosim.runtime.atomic_files import Full
from evosim.runtime.blocks import BY_GENERATION, Blocks
from evosim.simulation.loop import simulate
from tests.support.runs import contents, experiment, once, stops_once
from tests.support.settings import quick, setting

SETTINGS = ("replicates=2", "phases.0.generations=23")
LENGTH = 8


@pytest.fixture
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so short that a small run has several."""
    monkeypatch.setattr(blocks, "BLOCK", LENGTH)


def run(folder: Path, **options: object) -> Recorded:
    return execute.run(
        experiment("coarse-drive", *quick("coarse-drive", *SETTINGS)), out=folder, **options
    )[0]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def in_memory(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The run that needs no blocks."""
    return run(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def in_blocks(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The same run with short blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", LENGTH)
        return run(tmp_path_factory.mktemp("blocks") / "run")


def same_rows(one: Recorded, other: Recorded) -> None:
    """Tables of the run and its controls are equal, row by row."""
    assert set(one.controls) == set(other.controls) != set()
    kept = set(BY_GENERATION)
    for mine, its, needed in (
        (one.tables, other.tables, kept),
        *((one.controls[name], other.controls[name], kept - {"search"}) for name in one.controls),
    ):
        assert set(mine) == set(its) >= needed
        for name in mine:
            assert_frame_equal(mine[name], its[name], check_exact=True)


@pytest.mark.slow
def test_blocks_hold_the_rows_of_a_run_in_memory(in_blocks: Recorded, in_memory: Recorded) -> None:
    same_rows(in_blocks, in_memory)
    assert (
        pl.scan_parquet(in_blocks.folder / "tables" / "loci.parquet").collect_schema()
        == in_memory.tables["loci"].schema
    )
    assert not list(in_blocks.folder.rglob("blocks"))  # they go with the checkpoint


@pytest.mark.slow
@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("every", [5, LENGTH, LENGTH + 1])  # stops reach every place in a block
def test_a_long_run_with_many_stops_has_the_same_bytes(
    tmp_path: Path, in_memory: Recorded, in_blocks: Recorded, every: int
) -> None:
    for _ in range(400):
        try:
            run(
                tmp_path / "parts",
                resume=True,
                options=SessionOptions(stop_requested=stops_once(every)),
            )
            break
        except Interrupted:
            continue
    assert contents(tmp_path / "parts") == contents(in_blocks.folder)
    same_rows(read_run(tmp_path / "parts"), in_memory)


@pytest.mark.usefixtures("short_blocks")
def test_a_checkpoint_does_not_grow_with_generations(tmp_path: Path) -> None:
    sizes = []
    for after in (LENGTH + 3, 2 * LENGTH + 3):
        with pytest.raises(Interrupted):
            run(tmp_path / f"run{after}", options=SessionOptions(stop_requested=stops_once(after)))
        sizes.append(
            (partial_of(tmp_path / f"run{after}") / CHECKPOINT / "state.npz").stat().st_size
        )
    assert sizes[1] < 1.05 * sizes[0]


@pytest.mark.usefixtures("short_blocks")
def test_damaged_and_missing_blocks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path / "run", options=SessionOptions(stop_requested=stops_once(2 * LENGTH + 3)))
    path = min((partial_of(tmp_path / "run") / CHECKPOINT / "blocks").rglob("loci-00001.parquet"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match="holds damaged blocks"):
        run(tmp_path / "run", resume=True)
    path.unlink()
    with pytest.raises(UserError, match="is not readable"):
        run(tmp_path / "run", resume=True)


@pytest.mark.usefixtures("short_blocks")
def test_blocks_wait_in_memory_while_the_disk_is_full(
    tmp_path: Path, in_memory: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, left = blocks.write_atomically, [0, 9]

    def fails(path: Path, data: bytes | memoryview) -> None:
        left[0] += 1
        if left[0] <= left[1]:
            raise Full(f"{path} must be writable, but is not")
        write(path, data)

    monkeypatch.setattr(blocks, "write_atomically", fails)
    same_rows(run(tmp_path / "run"), in_memory)
    assert left[0] > left[1]


@pytest.mark.usefixtures("short_blocks")
def test_blocks_stay_in_memory_without_a_folder(tmp_path: Path, in_memory: Recorded) -> None:
    made = setting("coarse-drive", *quick("coarse-drive", *SETTINGS))
    whole = simulate(made, Landscape(made), made.experiment.seed)
    assert whole.blocks is None
    for name in BY_GENERATION:
        mine = in_memory.tables[name].filter(pl.col("seed") == made.experiment.seed)
        assert_frame_equal(whole.tables[name], mine, check_exact=True)
    with pytest.raises(BaseException):  # noqa: B017, PT011
        simulate(
            made,
            Landscape(made),
            made.experiment.seed,
            session=ReplicateCheckpoint(
                tmp_path / "one.npz", SessionOptions(stop_requested=once(2 * LENGTH + 3))
            ),
        )
    again = simulate(
        made,
        Landscape(made),
        made.experiment.seed,
        session=ReplicateCheckpoint(tmp_path / "one.npz"),
    )
    for name, table in whole.tables.items():
        assert_frame_equal(table, again.tables[name], check_exact=True)


def test_short_runs_have_no_blocks(tmp_path: Path) -> None:
    made = experiment("micro", *quick("micro"))
    assert RunCheckpoint(tmp_path, made, None).blocks(made, 0, "") is None  # type: ignore[arg-type]


def test_seals_know_every_block(tmp_path: Path) -> None:
    some = Blocks(tmp_path / "a")
    for i in range(3):
        some.add({"generations": pl.DataFrame({"generation": [i]})})
    assert len(set(some.seals)) == 4
    other = Blocks(tmp_path / "a")
    other.reopen(2, some.seals[2], ("generations",))
    assert other.seals == some.seals[:3]
    other.add({"generations": pl.DataFrame({"generation": [2]})})
    assert other.seals == some.seals
    assert pl.concat([pl.read_parquet(path) for path in other.files("generations")])[
        "generation"
    ].to_list() == [0, 1, 2]


@pytest.mark.slow
def test_figures_of_long_runs_are_of_some_generations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line keeps its ends, and sums of the search ledger are those of all generations."""
    found = run(tmp_path / "run")
    whole = {name: figures.source_of(found).by_generation(name) for name in BY_GENERATION}
    monkeypatch.setattr(blocks, "BLOCK", LENGTH)
    monkeypatch.setattr(inputs, "MOST_ROWS", 20)
    monkeypatch.setattr(inputs, "LEAST_ROWS", 7)
    some = figures.source_of(read_run(tmp_path / "run"))
    total, swap = found.experiment.generations, found.experiment.swap
    assert whole["loci"]["generation"].n_unique() == total
    for name in ("generations", "loci", "alleles"):
        mine, every = some.by_generation(name), whole[name]
        assert mine["generation"].unique().to_list() == sorted(
            {*range(0, total, 3), swap - 1, swap, total - 1}
        )
        assert_frame_equal(
            mine, every.filter(pl.col("generation").is_in(mine["generation"].unique().implode()))
        )
    columns = ["selection", "drift", "change"]
    ledgers = (whole["search"], some.by_generation("search"))
    sums = [
        ledger.group_by("seed", "trait").agg(pl.col(columns).sum()).sort("seed", "trait")
        for ledger in ledgers
    ]
    assert_frame_equal(*sums, check_exact=False, abs_tol=1e-12)
    assert some.by_generation("search")["generation"].unique().to_list() == [
        *range(2, total - 1, 3),
        total - 1,
    ]
    paths = figures.draw(read_run(tmp_path / "run"), ("svg",))
    assert {"fitness", "loci", "search", "drive"} <= {path.stem for path in paths}


def test_a_block_s_search_ledger_adds_up(
    tmp_path: Path, in_memory: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary adds the ledger up a block at a time."""
    ledger, swap = in_memory.tables["search"], in_memory.experiment.swap
    whole = price_equation.totals(ledger.filter, 1, swap - 1)
    monkeypatch.setattr(blocks, "BLOCK", LENGTH)
    assert_frame_equal(
        price_equation.totals(ledger.filter, 1, swap - 1), whole, check_exact=False, abs_tol=1e-12
    )
    assert price_equation.totals(ledger.filter, 5, 4).is_empty()
