"""Forged checkpoints are refused in one line."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evosim.errors import Interrupted, Stop, UserError
from evosim.runs import accounts, checkpoint_checks, checkpoint_files, execute
from evosim.runs.folder import partial_of
from evosim.runs.reader import CHECKPOINT
from evosim.runs.session import SessionOptions
from evosim.runtime.checksums import Damaged
from tests.support.runs import experiment

SETTINGS = (
    "replicates=2",
    "optimizer.population=8",
    "phases.0.generations=3",
    "phases.1.generations=2",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its analysis."""
    recorded = execute.run(
        experiment("micro", *SETTINGS), out=tmp_path_factory.mktemp("damage") / "run"
    )[0]
    accounts.analyze(recorded)
    return recorded.folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def one_line(error: Exception) -> str:
    assert "\n" not in str(error)
    return str(error)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its second replicate."""
    folder, asked = tmp_path_factory.mktemp("stopped") / "run", iter(range(100))
    with pytest.raises(Interrupted):
        execute.run(
            experiment("micro", *SETTINGS),
            out=folder,
            options=SessionOptions(stop_requested=lambda: Stop() if next(asked) == 7 else None),
        )
    return folder


def forge(
    path: Path,
    stamped: checkpoint_files.CompatibilityKey,
    facts: dict[str, Any],
    arrays: dict[str, Any],
    tables: dict[str, pl.DataFrame],
) -> None:
    checkpoint_files.write(path, stamped, checkpoint_files.Contents(facts, arrays, tables))


def changed(facts: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """Facts with a value put at a dotted place."""
    out = json.loads(json.dumps(facts))
    *parents, last = place.split(".")
    where = out
    for step in parents:
        where = where[int(step)] if isinstance(where, list) else where[step]
    if isinstance(where, list):
        where[int(last)] = value
    else:
        where[last] = value
    return out


FORGED_FACTS = [
    ("run.generation", 10**9),
    ("run.generation", -1),
    ("run.generation", "x"),
    ("run.generation", None),
    ("run.generations", 7),
    ("run.label", 3),
    ("run.seed", 99),
    ("run.control", "absent"),
    ("parts.0", "../runs-00001.npz"),
    ("parts.0", "/etc/passwd"),
    ("parts.0", "runs-00009.npz"),
    ("parts", ["runs-00001.npz", "runs-00001.npz"]),
    ("parts", "x"),
    ("finished", -1),
    ("finished", 10**6),
    ("interruptions", [1]),
    ("interruptions", None),
    ("part", []),
    ("part.seconds", {"x": "long"}),
    ("part.seconds", {"x": -5.0}),
    ("part.finished", 10**9),
    ("run", []),
    ("run", {}),
]


@pytest.mark.slow
def test_forged_checkpoints_are_one_line(stopped: Path, tmp_path: Path) -> None:
    """The hash is right each time: anybody can compute it."""
    made = experiment("micro", *SETTINGS)
    folder = tmp_path / "run"
    partial = Path(shutil.copytree(partial_of(stopped), partial_of(folder)))
    path, part = (
        partial / CHECKPOINT / checkpoint_files.STATE,
        partial / CHECKPOINT / "runs-00001.npz",
    )
    stamped = checkpoint_files.CompatibilityKey.of_experiment(made)
    state, over = checkpoint_files.read(path, stamped), checkpoint_files.read(part, stamped)
    born = state.arrays["optimizer:genotypes"]

    def refused(told: object) -> None:
        with pytest.raises(UserError) as caught:
            execute.run(made, out=folder, resume=True)
        assert "tart again: add --force." in one_line(caught.value), told
        assert partial.is_dir()
        assert checkpoint_files.seconds_saved(partial / CHECKPOINT) >= 0.0

    for place, value in FORGED_FACTS:
        forge(path, stamped, changed(state.facts, place, value), state.arrays, state.tables)
        refused((place, value))
    arrays = [
        {"optimizer:genotypes": born[:1]},
        {"optimizer:genotypes": born[:, :1]},
        {"optimizer:genotypes": born + 200},
        {"optimizer:genotypes": born.astype(np.int64)},
        {"optimizer:genotypes": born.ravel()},
        {"optimizer:genotypes": born[:0]},
        {"lived": np.array([-1])},
        {"lived": np.array([10**12])},
        {"lived": np.array(["x"])},
    ]
    for other in arrays:
        forge(path, stamped, state.facts, state.arrays | other, state.tables)
        refused(other)
    for name in (*state.arrays, *state.tables):
        forge(
            path,
            stamped,
            state.facts,
            {k: v for k, v in state.arrays.items() if k != name},
            {k: v for k, v in state.tables.items() if k != name},
        )
        refused(name)
    forge(path, stamped, state.facts, state.arrays, state.tables)
    for place, value in [
        ("endings", 1),
        ("endings", [["", 0, "complete", 10**9]]),
        ("endings.0.1", 9),
        ("endings.0.0", "fair"),
        ("endings.0.2", "odd"),
        ("endings.0.3", -1),
    ]:
        forge(part, stamped, changed(over.facts, place, value), over.arrays, over.tables)
        refused((place, value))
    for name, table in over.tables.items():
        forge(part, stamped, over.facts, over.arrays, over.tables | {name: table.clear()})
        if not name.endswith("search"):
            refused(name)
        forge(
            part,
            stamped,
            over.facts,
            over.arrays,
            over.tables | {name: table.drop(table.columns[-1])},
        )
        refused(name)
    spoilt = over.tables["/populations"].with_columns(count=-pl.col("count"))
    forge(part, stamped, over.facts, over.arrays, over.tables | {"/populations": spoilt})
    refused("negative counts")
    forge(part, stamped, over.facts, over.arrays, over.tables)
    assert execute.run(made, out=folder, resume=True)[1]


def test_archives_that_grow_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
    )
    bombs = {
        "stored": (zipfile.ZIP_STORED, header.getvalue()),
        "deflated": (zipfile.ZIP_DEFLATED, bytes(10**7)),
    }
    for how, data in bombs.values():
        with zipfile.ZipFile(path, "w", how) as archive:
            archive.writestr("stamp.npy", data)
        with path.open("rb") as file, pytest.raises((Damaged, ValueError)):
            checkpoint_checks.check_archive(file)
        path.write_bytes(path.read_bytes() + checkpoint_files._hash(path.read_bytes()))
        with pytest.raises(UserError, match="is damaged"):
            checkpoint_files.read(path, checkpoint_files.CompatibilityKey(3, "", "", {}, ""))
        assert checkpoint_files.seconds_saved(tmp_path) == float("inf")
