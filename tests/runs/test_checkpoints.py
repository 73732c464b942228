"""Stopped and resumed runs give the same bytes, and every part of a checkpoint matters."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evosim.analysis.recorded_run import Recorded
from evosim.errors import Interrupted, Stop
from evosim.fitness.landscape import Landscape
from evosim.optimizers.genotype_reader import GenotypeReader
from evosim.optimizers.wright_fisher import WrightFisher
from evosim.runs import accounts, checkpoint_files, execute
from evosim.runs import session as runs_session
from evosim.runs.checkpoint_files import CompatibilityKey, Contents
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.reader import CHECKPOINT, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime.output_folders import partial_of
from evosim.simulation.loop import simulate
from evosim.simulation.price_equation import SearchLedger
from evosim.simulation.recorder import Recorder
from evosim.simulation.state import Run
from tests.support.runs import contents, equal, experiment, once, stops_once
from tests.support.settings import quick, setting

DRIVEN = ("coarse-drive", ())


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
    ("coarse-drive", ("optimizer.sexes=2", "snapshots=[3,4,11]")),
    ("coarse-drive", ("optimizer.selfing=false",)),
    ("coarse-savanna", ("genome.ploidy=1",)),
    ("coarse-savanna", ('optimizer.name="asexual"', "search_ledger=false")),
    ("reflexes", ()),
    ("micro", ('optimizer={name="hill-climb",climbers=9,patience=2}',)),
    ("micro", ('optimizer={name="deap",population=9}',)),
    EXHAUSTIVE,
    ALTERNATING,
    ("coarse-savanna", ("world.modern.conception=0.0", "world.modern.contraception=false")),
]


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_complete_replicates_are_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints follow every generation; the run resumes from the last, as after a power loss."""
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
def test_a_stop_during_resumption_loses_nothing(
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


@pytest.fixture(scope="module")
def one_driven(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A run of one replicate without controls that nothing stopped."""
    chosen = experiment("coarse-drive", "replicates=1", "controls=false")
    return execute.run(chosen, out=tmp_path_factory.mktemp("driven") / "whole")[0]


INSIDE = {
    "reading classes": (GenotypeReader, "classes"),
    "counting": (GenotypeReader, "counts"),
    "recording": (Recorder, "add"),
    "a snapshot": (Recorder, "add_snapshot"),
    "accounting": (SearchLedger, "_account"),
    "weights": (WrightFisher, "tell"),
    "meiosis": (WrightFisher, "_remade"),
    "the landscape": (Landscape, "fitness"),
}


@pytest.mark.parametrize("where", INSIDE)
@pytest.mark.parametrize("after", [False, True])
def test_a_stop_within_a_generation_loses_only_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_driven: Recorded, where: str, after: bool
) -> None:
    """A stop is raised inside a generation; the checkpoint holds complete generations only."""
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
        execute.run(one_driven.experiment, out=tmp_path / "run")
    monkeypatch.undo()
    execute.run(one_driven.experiment, out=tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(one_driven.folder)


@pytest.mark.slow
def test_nothing_of_a_checkpoint_can_be_left_out_or_changed(tmp_path: Path) -> None:
    """Without one array, table or fact, or with a changed one, the run fails or ends otherwise."""
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
