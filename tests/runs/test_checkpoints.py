"""Runs that are stopped and continued: the same bytes, whatever stopped them, and no checkpoint is
taken for what it is not.
"""

from __future__ import annotations

import json
import os
import pickle
import platform
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evosim.config import resolve
from evosim.errors import Interrupted, Stop, UserError
from evosim.fitness.landscape import Landscape
from evosim.optimizers.genotype_reader import GenotypeReader
from evosim.optimizers.wright_fisher import WrightFisher
from evosim.runs import accounts, checkpoint_files, checkpoints, execute
from evosim.runs import folder as runs_folder
from evosim.runs import session as runs_session
from evosim.runs.checkpoint_files import CompatibilityKey, Contents
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.estimate import disk_of
from evosim.runs.reader import CHECKPOINT, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime import atomic_files, output_folders
from evosim.runtime.atomic_files import Full, Unwritable
from evosim.runtime.output_folders import RUNNING, partial_of
from evosim.simulation.loop import simulate
from evosim.simulation.price_equation import SearchLedger
from evosim.simulation.recorder import Recorder
from evosim.simulation.session import Snapshot
from evosim.simulation.state import Position, RecordState, Run, RunState
from tests.support.command import evosim
from tests.support.paths import ROOT
from tests.support.runs import contents, equal, experiment, once, stops_once
from tests.support.settings import quick, setting
from tests.support.signals import heard

DRIVEN = ("greedy-genes", ())
EXHAUSTIVE = (
    "micro",
    ('optimizer={name="exhaustive"}', "phases.0.generations=3", "phases.1.generations=3"),
)
ALTERNATING = (
    "micro",
    (
        'optimizer={name="exhaustive"}',
        'phases=[{world="ancestral",generations=2},{world="modern",generations=2},{world="ancestral",generations=2}]',
    ),
)
KINDS: list[tuple[str, tuple[str, ...]]] = [
    DRIVEN,
    ("greedy-genes", ("optimizer.sexes=2", "snapshots=[3,4,11]")),
    ("greedy-genes", ("optimizer.selfing=false",)),
    ("birth-control", ("genome.ploidy=1",)),
    ("birth-control", ('optimizer.name="asexual"', "search_ledger=false")),
    ("reflexes", ()),
    ("micro", ('optimizer={name="hill-climb",climbers=9,patience=2}',)),
    ("micro", ('optimizer={name="deap",population=9}',)),
    EXHAUSTIVE,
    ALTERNATING,
    ("birth-control", ("world.modern.conception=0.0", "world.modern.contraception=false")),
]


@pytest.mark.parametrize(("name", "settings"), KINDS)
def test_a_replicate_is_the_same_wherever_it_was_stopped(
    tmp_path: Path, name: str, settings: tuple[str, ...]
) -> None:
    made = setting(name, *quick(name, *settings))
    landscape = Landscape(made)
    whole = simulate(made, landscape, 3)
    end, swap = whole.generations, made.experiment.swap
    # Introductions are in 2
    for g in sorted({0, 1, 2, 3, swap - 1, swap, end - 2, end - 1} & set(range(end))):
        path = tmp_path / f"{g}.npz"
        with pytest.raises(Stop):
            simulate(
                made,
                Landscape(made),
                3,
                session=ReplicateCheckpoint(path, SessionOptions(stop_requested=once(g))),
            )
        later = Landscape(made)  # another worker, with a landscape of its own
        again = simulate(made, later, 3, session=ReplicateCheckpoint(path))
        assert equal(again.tables, whole.tables), g
        assert (again.status, again.generations) == (whole.status, whole.generations)
        assert np.array_equal(again.lived, whole.lived)
        assert later.frame().equals(landscape.frame())


def chain(folder: Path, name: str, *settings: str, every: int) -> int:
    """Run an experiment that is stopped every so many generations; gives the number of stops."""
    for stops in range(10_000):
        try:
            execute.run(
                experiment(name, *settings),
                out=folder,
                resume=True,
                options=SessionOptions(stop_requested=stops_once(every)),
            )
            return stops
        except Interrupted:
            continue
    raise AssertionError


@pytest.mark.parametrize(
    ("name", "settings", "every"),
    [
        (*DRIVEN, 13),
        (*DRIVEN, 45),
        ("reflexes", ("replicates=2",), 7),
        ("micro", ("replicates=3", "search_ledger=false"), 1),
        (*EXHAUSTIVE, 1),
    ],
)
def test_a_whole_run_is_the_same_to_the_byte(
    tmp_path: Path, name: str, settings: tuple[str, ...], every: int
) -> None:
    whole = execute.run(experiment(name, *settings), out=tmp_path / "whole")[0]
    stops = chain(tmp_path / "parts", name, *settings, every=every)
    assert stops >= 3
    parts = read_run(tmp_path / "parts")
    for recorded in (whole, parts):
        accounts.analyze(recorded)
    assert contents(parts.folder) == contents(whole.folder)
    assert len(contents(parts.folder)) > 10
    assert not partial_of(parts.folder).exists()
    own = ("seconds", "interruptions", "finished", "peak_memory_mib", "landscape")
    assert {k: v for k, v in parts.provenance.items() if k not in own} == {
        k: v for k, v in whole.provenance.items() if k not in own
    }
    assert len(parts.provenance["interruptions"]) == stops
    assert whole.provenance["interruptions"] == []


def test_replicates_that_are_over_are_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint after every generation; the last one is gone on with, as after a power loss."""
    chosen = experiment("micro", "replicates=4")
    whole = execute.run(chosen, out=tmp_path / "whole")[0]
    monkeypatch.setattr(runs_session, "SHARE", 1e9)
    with pytest.raises(Interrupted):
        execute.run(
            chosen,
            out=tmp_path / "run",
            options=SessionOptions(interval=1e-9, stop_requested=stops_once(35)),
        )
    folder = partial_of(tmp_path / "run") / CHECKPOINT
    assert sorted(path.name for path in folder.iterdir()) == [
        "runs-00001.npz",
        "runs-00002.npz",
        "runs-00003.npz",
        "state.npz",
    ]
    execute.run(chosen, out=tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(whole.folder)


BETWEEN = {
    "before the landscape": (Landscape, "__init__", 1),
    "when the next replicate is made": (WrightFisher, "__init__", 2),
    "when it goes on": (WrightFisher, "restore", 1),
    "in the first generation after": (Recorder, "add", 1),
    "when all are over": (Landscape, "frame", 1),
}


@pytest.mark.parametrize("where", BETWEEN)
def test_a_stop_before_anything_was_done_again_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    whole = execute.run(experiment("micro", "replicates=2"), out=tmp_path / "whole")[0]
    path = stopped_run(tmp_path / "run", "micro", "replicates=2")
    stamped = CompatibilityKey.of_experiment(whole.experiment)
    before = checkpoint_files.read(path, stamped)
    kind, name, number = BETWEEN[where]
    real, calls = getattr(kind, name), 0

    def stopped(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Stop("SIGTERM", 143)
        return real(self, *arguments, **named)

    monkeypatch.setattr(kind, name, stopped)
    with pytest.raises(Interrupted):
        execute.run(whole.experiment, out=tmp_path / "run", resume=True)
    monkeypatch.undo()
    after = checkpoint_files.read(path, stamped)
    if number == 1 and where != "when all are over":
        assert after.facts["run"] == before.facts["run"]
        assert np.array_equal(
            after.arrays["optimizer:genotypes"], before.arrays["optimizer:genotypes"]
        )
    else:
        assert after.facts["run"] is None
        assert after.facts["finished"] == (2 if where == "when all are over" else 1)
    execute.run(whole.experiment, out=tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(whole.folder)


def test_seconds_of_all_parts_add_up(tmp_path: Path) -> None:
    chain(tmp_path / "run", "micro", every=3)
    facts = read_run(tmp_path / "run").provenance
    first = facts["interruptions"][0]
    assert (first["by"], first["run"], first["generation"], first["finished"]) == (
        "SIGTERM",
        "seed 0",
        3,
        0,
    )
    for stage, seconds in facts["seconds"].items():
        before = sum(part["seconds"].get(stage, 0.0) for part in facts["interruptions"])
        assert seconds >= before - 1e-6
    assert facts["seconds"]["landscape"] > first["seconds"]["landscape"] > 0.0


INSIDE = {
    "reading classes": (GenotypeReader, "classes"),
    "counting": (GenotypeReader, "counts"),
    "recording": (Recorder, "add"),
    "a snapshot": (Recorder, "add_snapshot"),
    "accounting": (SearchLedger, "_account"),
    "weights": (WrightFisher, "tell"),
    "meiosis": (WrightFisher, "_remade"),
    "the landscape": (Landscape, "worth"),
}


@pytest.mark.parametrize("where", INSIDE)
@pytest.mark.parametrize("after", [False, True])
def test_a_stop_in_the_middle_of_a_generation_loses_that_generation_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, after: bool
) -> None:
    """What a signal does when nobody asked for it in time.

    Nothing half-done gets into the checkpoint.
    """
    whole = execute.run(
        experiment("greedy-genes", "replicates=1", "controls=false"), out=tmp_path / "whole"
    )[0]
    kind, name = INSIDE[where]
    real, calls = getattr(kind, name), 0

    def stopped(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3 and not after:
            raise Stop("SIGTERM", 143)
        out = real(self, *arguments, **named)
        if calls == 3:
            raise Stop("SIGTERM", 143)
        return out

    monkeypatch.setattr(kind, name, stopped)
    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        execute.run(whole.experiment, out=tmp_path / "run")
    monkeypatch.undo()
    execute.run(whole.experiment, out=tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(whole.folder)


def test_nothing_of_a_checkpoint_can_be_left_out_or_changed(tmp_path: Path) -> None:
    """Each array, table and fact of the state is spoilt in turn: the run is refused, or comes out
    otherwise. None is there in vain.
    """
    made = setting("reflexes", *quick("reflexes"))
    path = tmp_path / "state.npz"
    with pytest.raises(Stop):
        simulate(
            made,
            Landscape(made),
            0,
            session=ReplicateCheckpoint(path, SessionOptions(stop_requested=once(9))),
        )
    stamped = CompatibilityKey.of_experiment(made.experiment, 0, "")
    state = checkpoint_files.read(path, stamped)

    def tried(
        facts: dict[str, Any], arrays: dict[str, Any], tables: dict[str, pl.DataFrame]
    ) -> tuple[Run, pl.DataFrame] | None:
        checkpoint_files.write(path, stamped, Contents(facts, arrays, tables))
        landscape = Landscape(made)
        try:
            run = simulate(made, landscape, 0, session=ReplicateCheckpoint(path))
            return run, landscape.frame()
        except Exception:
            return None

    right = tried(state.facts, state.arrays, state.tables)
    assert right

    def same(other: tuple[Run, pl.DataFrame] | None) -> bool:
        return (
            other is not None
            and equal(other[0].tables, right[0].tables)
            and other[1].equals(right[1])
        )

    assert same(tried(state.facts, state.arrays, state.tables))
    for name, array in state.arrays.items():
        rest = {k: v for k, v in state.arrays.items() if k != name}
        assert not same(tried(state.facts, rest, state.tables)), name
        changed = (
            array[::-1]
            if array.dtype.kind == "U"
            else array + 1
            if name != "optimizer:genotypes"
            else np.roll(array, 1, axis=0)
        )
        if name != "ledger_selecting":  # all of them are the ancestral world until the swap
            assert not same(tried(state.facts, rest | {name: changed}, state.tables)), name
        if name not in ("optimizer:genotypes", "optimizer:generation"):
            assert not same(tried(state.facts, rest | {name: array[:-1]}, state.tables)), name
    for name, table in state.tables.items():
        rest_of_tables = {k: v for k, v in state.tables.items() if k != name}
        assert not same(tried(state.facts, state.arrays, rest_of_tables)), name
        assert not same(tried(state.facts, state.arrays, rest_of_tables | {name: table[:-1]})), name
    assert not same(tried(state.facts | {"generation": 8}, state.arrays, state.tables))


def stopped_run(folder: Path, name: str = "micro", *settings: str, after: int = 4) -> Path:
    """An interrupted run; gives its checkpoint."""
    with pytest.raises(Interrupted):
        execute.run(
            experiment(name, *settings),
            out=folder,
            options=SessionOptions(stop_requested=stops_once(after)),
        )
    return partial_of(folder) / CHECKPOINT / checkpoint_files.STATE


def refused(folder: Path, *settings: str) -> str:
    with pytest.raises(UserError) as caught:
        execute.run(experiment("micro", *settings), out=folder, resume=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_damaged_checkpoint_is_refused_and_stays(tmp_path: Path) -> None:
    path = stopped_run(tmp_path / "run")
    good = path.read_bytes()
    for data in (
        b"",
        good[: len(good) // 2],
        good[:-1],
        b"\x93NUMPY" + good,
        pickle.dumps({"stamp": 1}),
        b"PK\x03\x04",
        good[200:],
    ):
        path.write_bytes(data)
        assert "is damaged. Start again: add --force." in refused(tmp_path / "run")
        assert path.read_bytes() == data
    path.write_bytes(good)
    assert execute.run(experiment("micro"), out=tmp_path / "run", resume=True)[1]


def test_any_flipped_bit_is_seen(tmp_path: Path) -> None:
    """The archive's own sums do not see all of them: whoever reads an array from it does not read
    on to where they are checked.
    """
    path = stopped_run(tmp_path / "run")
    stamped = CompatibilityKey.of_experiment(experiment("micro"))
    good = path.read_bytes()
    checkpoint_files.read(path, stamped)
    lots = random.Random(1)
    for place in lots.sample(range(len(good)), 300):
        path.write_bytes(
            good[:place] + bytes([good[place] ^ (1 << lots.randrange(8))]) + good[place + 1 :]
        )
        with pytest.raises(UserError, match="damaged"):
            checkpoint_files.read(path, stamped)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    path = stopped_run(tmp_path / "run")

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.write_text, (tmp_path / "done", "evil"))

    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    for name in arrays:
        with path.open("wb") as out:
            np.savez(out, **(arrays | {name: np.array([Evil()], dtype=object)}))
        path.write_bytes(path.read_bytes() + checkpoint_files._hash(path.read_bytes()))
        assert "is damaged" in refused(tmp_path / "run")
    assert not (tmp_path / "done").exists()


def test_checkpoints_of_other_versions_code_packages_and_experiments_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stopped_run(tmp_path / "run")
    assert "belongs to another experiment" in refused(tmp_path / "run", "seed=1")
    monkeypatch.setattr(checkpoint_files, "VERSION", 99)
    assert "has checkpoint format 3; this evosim reads format 99. Resume with" in refused(
        tmp_path / "run"
    )
    monkeypatch.undo()
    monkeypatch.setattr(checkpoint_files, "sources_digest", lambda *experiments: "0123456789abcdef")
    assert "was written by other code" in refused(tmp_path / "run")
    monkeypatch.undo()
    monkeypatch.setattr(checkpoint_files, "PACKAGES", ("numpy",))
    assert "has packages {" in refused(tmp_path / "run")
    monkeypatch.undo()
    made = setting("micro", *quick("micro"))
    with pytest.raises(Stop):
        simulate(
            made,
            Landscape(made),
            0,
            session=ReplicateCheckpoint(
                tmp_path / "one.npz", SessionOptions(stop_requested=once(1))
            ),
        )
    with pytest.raises(UserError, match="has seed 0, expected 1"):
        simulate(made, Landscape(made), 1, session=ReplicateCheckpoint(tmp_path / "one.npz"))
    with pytest.raises(UserError, match="has control , expected fair"):
        simulate(
            made,
            Landscape(made),
            0,
            control="fair",
            session=ReplicateCheckpoint(tmp_path / "one.npz"),
        )
    assert path.is_file()
    assert execute.run(experiment("micro"), out=tmp_path / "run", resume=True)[1]


def test_work_is_not_thrown_away_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    # What was there stays until the new one is whole
    assert read_run(tmp_path / "run").provenance["interruptions"] == []
    assert execute.run(experiment("micro"), out=tmp_path / "run", resume=True)[1]
    assert len(read_run(tmp_path / "run").provenance["interruptions"]) == 1
    monkeypatch.undo()
    path = stopped_run(tmp_path / "other")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(
        UserError, match=r"holds unfinished work that cannot be read\. Continue it: add --resume"
    ):  # nobody can tell how much
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
    # With an earlier checkpoint the run goes on from there.
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


def test_a_full_disk_stops_a_run_at_once_and_it_goes_on(
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
    """What is left of it can be resumed if a checkpoint was written before."""
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
    needed = disk_of(resolve.build(chosen))
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


def test_a_disk_that_is_full_at_the_beginning_is_not_in_the_way_later(
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


def test_checkpoints_take_a_hundredth_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing takes 2 s and a generation 1 s, by a clock of our own: one in 200 s, however often
    one is wanted.
    """
    now, written = [0.0], []

    def write(path: Path, key: CompatibilityKey, contents: Contents) -> None:
        now[0] += 2.0
        written.append(now[0])

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(checkpoints, "write", write)
    state = RunState(Position("seed 0", 0, "", 9, 3), {}, RecordState({}, {}))
    snapshot = Snapshot(state.position, (0.0, 0.0), lambda: state)

    def made(interval: float) -> ReplicateCheckpoint:
        out = ReplicateCheckpoint(tmp_path / "one.npz", SessionOptions(interval=interval))
        out.begin(experiment("micro"), 0, "")
        return out

    often = made(1.0)
    for _ in range(1000):
        now[0] += 1.0
        often.after_generation(snapshot)
    assert len(written) == 5
    assert len(written) * 2.0 <= 0.011 * now[0]
    seldom, never = made(600.0), made(0.0)
    for _ in range(1000):
        now[0] += 1.0
        seldom.after_generation(snapshot)
        never.after_generation(snapshot)
    assert len(written) == 6


def test_a_run_that_is_killed_while_it_is_put_in_place_is_put_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = execute.run(experiment("micro"), out=tmp_path / "whole")[0]
    monkeypatch.setattr(
        runs_folder, "publish", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(Interrupted, match="the run is whole, and the same command shows it"):
        execute.run(whole.experiment, out=tmp_path / "run")
    monkeypatch.undo()
    (partial_of(tmp_path / "run") / "tables" / ".search.parquet.host.1.2.tmp").touch()
    recorded, fresh = execute.run(whole.experiment, out=tmp_path / "run")
    assert not fresh
    assert contents(recorded.folder) == contents(whole.folder)
    assert not partial_of(recorded.folder).exists()


@pytest.mark.parametrize("locks", [True, False])
def test_the_lock_says_who_writes_and_status_where_no_lock_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    """A STATUS that lies is in nobody's way. `locks`: whether the file system has them."""
    partial = tmp_path / "run.partial"
    partial.mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here, parent = platform.node(), os.getppid()
    if not locks:
        monkeypatch.setattr(
            output_folders.fcntl,
            "flock",
            lambda *_: (_ for _ in ()).throw(OSError(38, "not implemented")),
        )
    cases: list[tuple[str | bytes, float, bool]] = [
        (f"{RUNNING} 1 on another-machine; not whole", 0, True),
        (f"{RUNNING} 1 on another-machine; not whole", 1000, False),
        (f"{RUNNING} 1 on another-machine; not whole", -86_400, False),
        (f"{RUNNING} {parent} on {here}; not whole", 0, not locks),
        (f"{RUNNING} {os.getpid()} on {here}; not whole", 0, False),
        (f"{RUNNING} {gone.pid} on {here}; not whole", 0, False),
        (f"{RUNNING} 9999999999 on {here}; not whole", 0, False),
        (f"{RUNNING} 0 on {here}; not whole", 0, False),
        (f"{RUNNING} -1 on {here}; not whole", 0, False),
        (f"{RUNNING} one on {here}; not whole", 0, False),
        (f"{RUNNING} 1", 0, False),
        (b"\xff\xfe\x00" * 10**6, 0, False),
        (b"", 0, False),
    ]
    for words, age, stays in cases:
        (partial / "STATUS").write_bytes(words if isinstance(words, bytes) else words.encode())
        os.utime(partial / "STATUS", (time.time() - age,) * 2)
        assert output_folders.in_use(partial) == stays, words[:60]
        if stays:
            with pytest.raises(
                UserError, match=r"another process may be writing .*: process \d+ on .*rm .*STATUS"
            ):
                runs_folder.RunWriter(tmp_path / "run", experiment("micro"))
        else:
            runs_folder.RunWriter(tmp_path / "run", experiment("micro")).close(
                "interrupted; not whole"
            )
    (partial / "STATUS").unlink()
    (partial / "STATUS").mkdir()
    assert not output_folders.in_use(partial)


@pytest.mark.parametrize(
    "left", ["nothing", "STATUS", "an empty STATUS", "tables", "half an experiment"]
)
def test_a_process_that_was_killed_in_its_first_moment_is_in_nobody_s_way(
    tmp_path: Path, left: str
) -> None:
    partial = tmp_path / "run.partial"
    partial.mkdir()
    if left == "tables":
        (partial / "tables").mkdir()
    elif left == "half an experiment":
        (partial / "experiment.toml").write_text('name = "mic')
    elif left != "nothing":
        (partial / "STATUS").write_text(
            "" if left == "an empty STATUS" else f"{RUNNING} 99999 on {platform.node()}; not whole"
        )
    writer = runs_folder.RunWriter(tmp_path / "run", experiment("micro"))
    assert "not whole" in (partial / "STATUS").read_text()
    writer.discard()
    assert not list(tmp_path.iterdir())


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    """Whatever STATUS says: the folder is locked."""
    first = runs_folder.RunWriter(tmp_path / "run", experiment("micro"))
    first.note("interrupted; not whole")
    with pytest.raises(UserError, match="another process may be writing"):
        runs_folder.RunWriter(tmp_path / "run", experiment("micro"))
    first.close("interrupted; not whole")
    runs_folder.RunWriter(tmp_path / "run", experiment("micro")).discard()
    assert not list(tmp_path.iterdir())


# As a user does it: processes and signals.

BIG = (
    "greedy-genes",
    "--replicates",
    "2",
    "--set",
    "optimizer.population=200",
    "--set",
    "phases.0.generations=300",
    "--no-figures",
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference") / "run"
    code, _, err = command(folder, *BIG)
    assert code == 0, err
    return folder


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    call = [sys.executable, "-m", "evosim.cli", "run", *arguments, "--out", str(folder)]
    with heard():
        return subprocess.Popen(
            call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = started(folder, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def killed(folder: Path, process: subprocess.Popen[str], number: int, seconds: float) -> float:
    """Send a signal some time after the run has begun; gives the seconds until the process is
    gone.
    """
    deadline = time.monotonic() + 60
    while (
        not (partial_of(folder) / "STATUS").exists()
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    time.sleep(seconds)
    start = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=60)
    return time.monotonic() - start


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_a_run_within_a_second_and_it_goes_on(
    tmp_path: Path, reference: Path, number: int, code: int
) -> None:
    folder = tmp_path / "run"
    process = started(folder, *BIG)
    seconds = killed(folder, process, number, 1.2)
    out, err = process.communicate()
    assert process.returncode == code
    assert out == ""
    assert err.count("\n") == 1, err
    assert f"stopped by {signal.Signals(number).name} at " in err
    assert f"continue with 'evosim run {folder}.partial --resume'" in err
    assert seconds < 3.0  # one, on a machine that does nothing else
    again = subprocess.run(
        [
            sys.executable,
            "-m",
            "evosim.cli",
            "run",
            f"{folder}.partial",
            "--resume",
            "--no-figures",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert "evosim: continuing at " in again.stderr
    assert contents(folder) == contents(reference)
    assert read_run(folder).provenance["interruptions"][0]["by"] == signal.Signals(number).name


def test_a_run_that_is_killed_again_and_again_is_the_same(tmp_path: Path, reference: Path) -> None:
    folder, lots = tmp_path / "run", random.Random(5)
    kills = 0
    for _ in range(40):
        process = started(folder, *BIG, "--resume", "--checkpoint-every", "0.05s")
        if kills < 4:
            _another_checkpoint(folder, process)  # on a slow machine none may come before a kill
            killed(folder, process, signal.SIGKILL, lots.uniform(0.0, 0.5))
        _, err = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, err
        kills += 1
    assert kills >= 2
    assert contents(folder) == contents(reference)
    assert {part["by"] for part in read_run(folder).provenance["interruptions"]} == {None}


def _another_checkpoint(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a process has kept its state, or has ended."""
    file, start = partial_of(folder) / CHECKPOINT / checkpoint_files.STATE, time.time_ns()
    while process.poll() is None and not (file.exists() and file.stat().st_mtime_ns > start):
        time.sleep(0.01)


def test_a_run_stops_before_its_time_is_over(tmp_path: Path, reference: Path) -> None:
    folder, stopped = tmp_path / "run", 0
    for seconds in (3.5, *range(4, 30)):  # a slow machine needs longer to begin
        start = time.monotonic()
        code, _, err = command(folder, *BIG, "--resume", "--wall-time", f"{seconds}s")
        if code == 0:
            break
        # With the start of the interpreter, on a busy machine
        assert time.monotonic() - start < seconds + 2.0
        assert code == 75, err
        assert "stopped by the wall time" in err.splitlines()[-1]
        stopped += 1
    assert stopped
    assert contents(folder) == contents(reference)


MISTAKES = {
    "--wall-time": (
        ["--wall-time", "soon"],
        (
            "--wall-time must be like 90m, 1h30m, 30:00 (minutes), 02:00:00 or 1-12 (days-hours),"
            " but is 'soon'"
        ),
    ),
    "minutes or seconds": (
        ["--wall-time", "90"],
        "--wall-time must say its unit, but is '90'. Write 90m for minutes, or 90s for seconds.",
    ),
    "no time at all": (["--wall-time", "1s"], "--wall-time must be at least 3 seconds, but is 1s"),
    "--checkpoint-every": (["--checkpoint-every", "-5"], "--checkpoint-every must be like"),
    "both": (["--resume", "--force"], "--resume must not be given with --force"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mistake: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = MISTAKES[mistake]
    code, out, err = evosim(capsys, "run", "micro", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not list(tmp_path.iterdir())


def test_the_folder_of_an_interrupted_run_can_be_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stopped_run(tmp_path / "run.1")
    with pytest.raises(
        UserError, match=r"was interrupted. Continue it: 'evosim run .*run.1.partial --resume'"
    ):
        read_run(tmp_path / "run.1.partial")
    code, _, err = evosim(
        capsys, "run", "run.1.partial/", "--resume", "--out", "elsewhere", "--no-figures"
    )
    assert code == 2
    assert "--out must be left out" in err
    code, out, err = evosim(capsys, "run", "run.1.partial/", "--resume", "--no-figures", "--json")
    assert (code, err.count("\n")) == (0, 1)
    assert json.loads(out)["out"] == "run.1"
    # A job that is started once more
    code, out, err = evosim(capsys, "run", "run.1.partial", "--resume", "--no-figures", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["shown_again"]


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


def test_the_first_signal_that_a_library_raises_itself_loses_nothing(tmp_path: Path) -> None:
    """Polars looks for signals while it computes, and raises what a second Ctrl-C would."""
    asked: list[int] = []

    def watch() -> Stop | None:
        asked.append(1)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return Stop("SIGINT", 130) if len(asked) > 3 else None

    with pytest.raises(Interrupted, match=r"stopped by SIGINT at .*; continue with") as caught:
        execute.run(
            experiment("micro"), out=tmp_path / "run", options=SessionOptions(stop_requested=watch)
        )
    assert caught.value.code == 130
    assert "lost" not in str(caught.value)


def test_a_checkpoint_that_a_signal_asks_for_is_written_and_the_run_goes_on(tmp_path: Path) -> None:
    whole = execute.run(experiment("micro"), out=tmp_path / "whole")[0]
    heard: list[str] = []
    asked = once(3)
    execute.run(
        whole.experiment,
        out=tmp_path / "run",
        options=SessionOptions(interval=0.0, log=heard.append, checkpoint_requested=asked),
    )
    assert heard == ["checkpoint written, as requested by a signal"]
    assert contents(tmp_path / "run") == contents(whole.folder)
