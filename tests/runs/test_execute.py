"""Runs into folders: full disks, unfinished work, resumption."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evosim.analysis.recorded_run import Recorded
from evosim.config import resolve as config_resolve
from evosim.config.resolve import resolve
from evosim.config.toml_files import read_toml
from evosim.errors import Interrupted, UserError
from evosim.runs import accounts, checkpoint_files, execute
from evosim.runs import figures as runs_figures
from evosim.runs import folder as runs_folder
from evosim.runs import session as runs_session
from evosim.runs.estimate import disk_of
from evosim.runs.reader import CHECKPOINT, LANDSCAPE, SEARCH, TABLES, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime import atomic_files
from evosim.runtime.atomic_files import Full, Unwritable
from evosim.runtime.dataclass_json import to_json
from evosim.runtime.output_folders import partial_of
from tests.support.runs import contents, equal, experiment, stops_once
from tests.support.settings import QUICK


def stopped_run(folder: Path, name: str = "micro", *settings: str, after: int = 4) -> Path:
    """An interrupted run; gives its checkpoint."""
    with pytest.raises(Interrupted):
        execute.run(
            experiment(name, *settings),
            out=folder,
            options=SessionOptions(stop_requested=stops_once(after)),
        )
    return partial_of(folder) / CHECKPOINT / checkpoint_files.STATE


def test_unfinished_work_is_not_deleted_without_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stopped_run(tmp_path / "run")
    heard: list[str] = []
    monkeypatch.setattr(execute, "PROTECTED", 0.0)
    for other in ((), ("seed=5",)):
        with pytest.raises(UserError, match=r"--resume.*--force"):
            execute.run(experiment("micro", *other), out=tmp_path / "run")
    assert path.is_file()
    monkeypatch.undo()
    execute.run(experiment("micro"), out=tmp_path / "run", options=SessionOptions(log=heard.append))
    assert len(heard) == 1
    assert "starting again" in heard[0]
    monkeypatch.setattr(execute, "PROTECTED", 0.0)
    with pytest.raises(Interrupted):
        execute.run(
            experiment("micro"),
            out=tmp_path / "run",
            force=True,
            options=SessionOptions(stop_requested=stops_once(4)),
        )
    # The old run stays until the new one is complete
    assert read_run(tmp_path / "run").provenance["interruptions"] == []
    assert execute.run(experiment("micro"), out=tmp_path / "run", resume=True)[1]
    assert len(read_run(tmp_path / "run").provenance["interruptions"]) == 1
    monkeypatch.undo()
    path = stopped_run(tmp_path / "other")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(
        UserError, match=r"holds unfinished work that cannot be read\. Continue it: add --resume"
    ):  # the amount of work is unknown
        execute.run(experiment("micro"), out=tmp_path / "other")
    assert execute.run(experiment("micro"), out=tmp_path / "other", force=True)[1]


def test_without_anything_to_resume_a_run_begins_or_is_shown(tmp_path: Path) -> None:
    assert execute.run(experiment("micro"), out=tmp_path / "run", resume=True)[1]
    assert not execute.run(experiment("micro"), out=tmp_path / "run", resume=True)[1]


def full(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full from the n-th file on."""
    real, count = atomic_files.os.fsync, 0

    def fsync(handle: int) -> None:
        nonlocal count
        count += 1
        if count > after:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(atomic_files.os, "fsync", fsync)


def test_a_checkpoint_that_cannot_be_written_does_not_stop_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = execute.run(experiment("micro"), out=tmp_path / "whole")[0]
    heard: list[str] = []
    monkeypatch.setattr(runs_session, "SHARE", 1e9)
    real = checkpoint_files.write_atomically
    monkeypatch.setattr(
        checkpoint_files,
        "write_atomically",
        lambda *_: (_ for _ in ()).throw(Unwritable("F must be writable, but is not: No space.")),
    )
    execute.run(
        whole.experiment,
        out=tmp_path / "run",
        options=SessionOptions(interval=1e-9, log=heard.append),
    )
    assert contents(tmp_path / "run") == contents(whole.folder)
    assert len(heard) == whole.experiment.generations
    assert heard[0] == "no checkpoint now: F must be writable, but is not: No space."
    with pytest.raises(
        Interrupted,
        match=r"no checkpoint: F must be .* No space.; work since the last checkpoint is lost$",
    ):
        execute.run(
            whole.experiment,
            out=tmp_path / "other",
            options=SessionOptions(stop_requested=stops_once(5)),
        )
    # An earlier checkpoint lets the run resume from there.
    monkeypatch.setattr(checkpoint_files, "write_atomically", real)
    path = stopped_run(tmp_path / "third", after=2)
    full(0, monkeypatch)
    with pytest.raises(
        Interrupted,
        match=r"No space left .*is lost; continue with 'evosim run .*third.partial --resume'",
    ):
        execute.run(
            whole.experiment,
            out=tmp_path / "third",
            resume=True,
            options=SessionOptions(stop_requested=stops_once(5)),
        )
    monkeypatch.undo()
    assert path.is_file()
    execute.run(whole.experiment, out=tmp_path / "third", resume=True)
    assert contents(tmp_path / "third") == contents(whole.folder)


def test_a_disk_that_is_full_at_the_end_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = execute.run(experiment("micro"), out=tmp_path / "whole")[0]
    monkeypatch.setattr(
        runs_folder,
        "write_atomically",
        lambda *_: (_ for _ in ()).throw(Unwritable("F must be writable. Free some space.")),
    )
    with pytest.raises(
        UserError, match=r"Free some space. Then continue with 'evosim run .*run.partial --resume'"
    ) as caught:
        execute.run(whole.experiment, out=tmp_path / "run")
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    execute.run(whole.experiment, out=tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(whole.folder)
    assert read_run(tmp_path / "run").provenance["interruptions"][0]["finished"] == 1


def test_a_full_disk_stops_a_run_and_it_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a checkpoint, in one line that names the way on; the checkpoint before that one stays."""
    whole = execute.run(experiment("micro"), out=tmp_path / "whole")[0]
    monkeypatch.setattr(runs_session, "SHARE", 1e9)
    real, heard, written = checkpoint_files.write_atomically, list[str](), list[Path]()

    def write(path: Path, data: bytes) -> None:
        if len(written) == 5:
            raise Full(
                f"{path} must be writable, but is not: No space left on device. Free some space,"
                " and do it again."
            )
        written.append(path)
        real(path, data)

    monkeypatch.setattr(checkpoint_files, "write_atomically", write)
    with pytest.raises(
        UserError,
        match=(
            r"No space left.*Then continue with 'evosim run .*run.partial --resume'; work since"
            r" its last checkpoint is lost\."
        ),
    ) as caught:
        execute.run(
            whole.experiment,
            out=tmp_path / "run",
            options=SessionOptions(interval=1e-9, log=heard.append),
        )
    assert "\n" not in str(caught.value)
    assert heard == []
    monkeypatch.undo()
    execute.run(whole.experiment, out=tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(whole.folder)
    assert read_run(tmp_path / "run").provenance["interruptions"][0]["generation"] == 4


def test_a_full_disk_at_the_end_stops_a_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes without waiting; the run resumes from an earlier checkpoint."""
    whole = execute.run(experiment("micro"), out=tmp_path / "whole")[0]
    heard: list[str] = []
    stopped_run(tmp_path / "run", after=2)
    monkeypatch.setattr(runs_folder, "make_folder", lambda folder: folder.mkdir(exist_ok=True))
    full(0, monkeypatch)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("nothing is waited for"))
    with pytest.raises(
        UserError,
        match=(
            r"No space left.*Then continue with 'evosim run .*run.partial --resume'; work since"
            r" its last checkpoint is lost\.$"
        ),
    ):
        execute.run(
            whole.experiment,
            out=tmp_path / "run",
            resume=True,
            options=SessionOptions(log=heard.append),
        )
    assert [words for words in heard if "continuing at" not in words] == []
    monkeypatch.undo()
    execute.run(whole.experiment, out=tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(whole.folder)


def test_a_run_that_would_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = experiment("micro")
    needed = disk_of(config_resolve.build(chosen))
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**12, 0, int(needed) - 1)
    )  # type: ignore[attr-defined]
    with pytest.raises(
        UserError,
        match=(
            r"run must have room for about [\d.]+ kB, but [\d.]+ kB are free\. Free some space, or"
            r" give another --out\."
        ),
    ):
        execute.run(chosen, out=tmp_path / "new" / "run")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**12, 0, int(needed) + 1)
    )  # type: ignore[attr-defined]
    assert execute.run(chosen, out=tmp_path / "new" / "run")[1]


def test_a_disk_full_at_the_start_blocks_no_later_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = experiment("micro")
    real = Path.write_text

    def write(path: Path, text: str, **more: str) -> int:
        if path.name == "STATUS":
            raise OSError(28, "No space left on device")
        return real(path, text, **more)

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(
        UserError,
        match=r"the output folder must be writable, but .*run is not: No space left on device",
    ):
        execute.run(chosen, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    assert execute.run(chosen, out=tmp_path / "run")[1]


@pytest.fixture(autouse=True)
def _handlers_stay() -> Iterator[None]:
    before = [
        signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    ]
    yield
    assert [
        signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    ] == before


def run(folder: Path, name: str, *settings: str) -> Recorded:
    return execute.run(experiment(name, *settings), out=folder)[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_run_repeated_from_its_own_folder_gives_equal_tables(name: str, tmp_path: Path) -> None:
    first = run(tmp_path / "one", name, "replicates=2")
    again = execute.run(resolve(read_toml(first.folder / "experiment.toml")), out=tmp_path / "two")[
        0
    ]
    assert set(first.tables) == {*TABLES, LANDSCAPE, SEARCH}
    assert set(first.controls) == set(again.controls)
    assert all(equal(first.controls[name], again.controls[name]) for name in first.controls)
    assert equal(first.tables, again.tables)
    assert first.provenance["digest"] == again.provenance["digest"]
    analyses = [accounts.analyze(r).tables for r in (first, again)]
    assert equal(*analyses)


def test_extinction_is_a_result(tmp_path: Path) -> None:
    """With no conception in M, fitness is 0: the run dies out in its first generation there."""
    recorded = run(
        tmp_path / "run",
        "coarse-savanna",
        "world.modern.conception=0.0",
        "world.modern.contraception=false",
    )
    assert recorded.provenance["runs"]["0"] == {"status": "extinct", "generations": 13}
    assert recorded.tables["generations"].null_count().sum_horizontal()[0] == 0
    summary = accounts.analyze(recorded).summary
    json.dumps(to_json(summary), allow_nan=False)
    assert summary.recovery.modern_at_end.mean == 0.0


def test_extinction_before_the_swap(tmp_path: Path) -> None:
    recorded = run(tmp_path / "run", "coarse-savanna", "genome.weights.pleasure.alleles=[0.0]")
    assert recorded.provenance["runs"]["0"] == {"status": "extinct", "generations": 1}
    summary = accounts.analyze(recorded).summary
    assert summary.ladder.ancestral.steps["search"] is None
    assert "population" not in summary.ladder.modern.rungs


def test_a_world_without_better_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must have better and worse policies"):
        run(tmp_path / "run", "coarse-savanna", "world.ancestral.conception=0.0")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_large_seeds_and_fixed_desires_run(tmp_path: Path) -> None:
    recorded = run(tmp_path / "run", "micro", "seed=2147483646", "replicates=3")
    assert recorded.tables["generations"]["seed"].n_unique() == 3
    fixed = [
        f"genome.weights.{w}.alleles=[1.0]" for w in ("fullness", "pleasure", "vanity", "toil")
    ]
    recorded = run(tmp_path / "fixed", "micro", *fixed)
    assert (tmp_path / "fixed" / "figures" / "loci.svg") in runs_figures.draw(recorded, ("svg",))
