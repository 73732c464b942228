"""Files of checkpoints: damage, other versions, code and experiments."""

from __future__ import annotations

import pickle
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evosim.errors import Interrupted, Stop, UserError
from evosim.fitness.landscape import Landscape
from evosim.runs import checkpoint_files, execute
from evosim.runs.checkpoint_files import CompatibilityKey
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.reader import CHECKPOINT
from evosim.runs.session import SessionOptions
from evosim.runtime.output_folders import partial_of
from evosim.simulation.loop import simulate
from tests.support.runs import experiment, once, stops_once
from tests.support.settings import quick, setting


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
    """Each of 300 flipped bits is reported as damage.

    The archive's own checksums miss some: reading an array can stop before the comparison.
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


def test_checkpoints_of_other_versions_or_code_are_refused(
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
