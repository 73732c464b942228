"""A check finds every damaged, strange and stale file, and repairs the sweep."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evosim.errors import UserError
from evosim.sweeps.check import check, repair
from evosim.sweeps.collect import collect
from evosim.sweeps.status import status_of
from evosim.sweeps.store import RUNS, Store
from tests.support.sweeps import DAMAGE, SWEEP, compute, content, start_sweep


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["runs.parquet", "ladder.parquet", "sha256"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_repaired(copy: Store, whole: Store, damage: str, ending: str) -> None:
    DAMAGE[damage](copy.path(1, ending))
    found = check(copy)
    if (damage, ending) == ("gone", "runs.parquet"):
        assert (found.missing, found.damaged) == ([1], {})
    else:
        assert list(found.damaged) == [1]
        assert not found.sound
    if damage != "gone" and not (damage == "empty" and ending == "runs.parquet"):
        with pytest.raises(UserError, match=r"chunk 1 of .* is damaged: its .*check .* --repair"):
            collect(copy)
    repair(copy, found)
    assert check(copy).missing == [1]
    compute(copy)
    assert check(copy).done == copy.chunks
    assert content(copy) == content(whole)


@pytest.mark.slow
def test_every_flipped_byte_of_a_chunk_is_found(copy: Store) -> None:
    path = copy.table(0, RUNS)
    data = path.read_bytes()
    for i in range(0, len(data), 997):
        changed = bytearray(data)
        changed[i] ^= 1 << (i % 8)
        path.write_bytes(changed)
        assert list(check(copy).damaged) == [0], i


@pytest.mark.slow
def test_an_empty_chunk_is_not_done(copy: Store, whole: Store) -> None:
    copy.table(2, RUNS).write_bytes(b"")
    assert copy.done() == [0, 1]
    assert status_of(copy).chunks_done == 2
    assert collect(copy).missing == 2
    compute(copy)
    assert content(copy) == content(whole)


def test_a_chunk_in_another_one_s_place_is_found(copy: Store) -> None:
    """The checksums fit, so that only the contents of the files reveal the other chunk."""
    for ending in ("runs.parquet", "ladder.parquet", "behaviour.parquet", "generations.parquet"):
        shutil.copy(copy.path(0, ending), copy.path(1, ending))
    copy.path(1, "sha256").write_text(
        copy.path(0, "sha256").read_text().replace("0000000", "0000001")
    )
    assert "another chunk" in check(copy).damaged[1]


def test_a_chunk_of_another_sweep_is_found(copy: Store, tmp_path: Path) -> None:
    other = start_sweep(tmp_path / "other", SWEEP.replace("0.2]", "0.3]"))
    compute(other, [0])
    for path in other.path(0, "").parent.iterdir():
        shutil.copy(path, copy.path(0, "").parent / path.name)
    assert "another sweep" in check(copy).damaged[0]


def test_strange_files_are_found_and_removed(copy: Store) -> None:
    parts = copy.path(0, "").parent
    names = ("chunk-0000099.runs.parquet", "notes.txt", "chunk-0000000.wrong.parquet")
    for name in names:
        (parts / name).write_text("x")
    found = check(copy)
    assert {path.name for path in found.strange} == set(names)
    repair(copy, found)
    assert check(copy).sound


def test_temporary_files_of_dead_processes_are_stale(copy: Store) -> None:
    parts = copy.path(0, "").parent
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = platform.node()
    dead, alive, elsewhere, old = (
        parts / f".chunk-0000000.runs.parquet.{host}.{pid}.1.tmp"
        for host, pid in (
            (here, gone.pid),
            (here, os.getpid()),
            ("elsewhere.example", 1),
            ("old.example", 1),
        )
    )
    for path in (dead, alive, elsewhere, old):
        path.write_text("x")
    os.utime(old, (1.0, 1.0))
    left = copy.path(1, "partial")
    left.write_text("x")
    found = check(copy)
    assert set(found.stale) == {dead, old, left}
    assert set(found.young) == {alive, elsewhere}
    repair(copy, found)
    assert not dead.exists()
    assert alive.exists()


def test_checksums_are_what_sha256sum_reads(whole: Store) -> None:
    for line in whole.path(0, "sha256").read_text().splitlines()[1:]:
        digest, name = line.split("  ")
        assert hashlib.sha256((whole.path(0, "").parent / name).read_bytes()).hexdigest() == digest
