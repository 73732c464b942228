"""The folder of a sweep: no crash and no full disk loses or damages results."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from evosim.errors import UserError
from evosim.runtime import atomic_files
from evosim.sweeps.check import check
from evosim.sweeps.collect import collect
from evosim.sweeps.store import Store
from tests.support.sweeps import DAMAGE, after, compute, content, start_sweep


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign"])
def test_damaged_finished_runs_are_computed_again(
    tmp_path: Path, whole: Store, damage: str
) -> None:
    store = start_sweep(tmp_path / "s")
    compute(store, [1], stop_requested=after(15))
    path = store.path(1, "partial")
    data = bytearray(path.read_bytes())
    if damage == "foreign":
        path.rename(store.path(0, "partial"))
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes({"truncate": data[: len(data) // 2], "flip": data, "empty": b""}[damage])
    assert store.finished(0 if damage == "foreign" else 1) is None
    compute(store)
    assert content(store) == content(whole)


def test_a_full_disk_is_one_line_and_loses_nothing(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)], capture_output=True
        ).returncode
    ):
        pytest.skip("needs to mount a small file system")
    try:
        store = start_sweep(disk / "s")
        with contextlib.suppress(OSError):
            (disk / "filler").write_bytes(bytes(200_000))
        with pytest.raises(
            UserError,
            match=r"must be writable, but is not: No space left on device\. Free some space",
        ) as caught:
            compute(store)
        assert "\n" not in str(caught.value)
        assert not list(disk.rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        assert check(store).sound
        compute(store)
        assert content(store) == content(whole)
        with contextlib.suppress(OSError):
            (disk / "filler").write_bytes(bytes(5_000_000))
        with pytest.raises(
            UserError,
            match=r"must be writable, but is not: No space left on device\. Free some space",
        ):
            collect(store)
        assert not list(disk.rglob("*.tmp"))
        assert not (store.folder / "runs.parquet").exists()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(UserError, match="must be writable, but is not: Read-only file system"):
            store.remove(0)
        with pytest.raises(
            UserError, match=r"is read-only for this user\. Write the table elsewhere"
        ):
            collect(store)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(8))
def test_killed_between_any_two_writes_of_a_chunk(
    whole: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    store = start_sweep(tmp_path / "s")
    real, written = atomic_files.write_atomically, [0]

    def fragile(path: Path, data: bytes) -> None:
        if written[0] == moment:
            raise SystemExit
        written[0] += 1
        real(path, data)

    monkeypatch.setattr("evosim.sweeps.store.write_atomically", fragile)
    with pytest.raises(SystemExit):
        compute(store)
    monkeypatch.undo()
    assert check(store).sound
    assert not check(store).damaged
    compute(store)
    assert content(store) == content(whole)


def test_other_packages_are_refused_naming_both(
    copy: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy.manifest.packages["numba"] = "0.1"
    with pytest.raises(UserError, match=r"began with numba 0\.1, but .* is installed"):
        copy.check_sources()
    copy.check_sources(other_sources=True)


@pytest.mark.parametrize("name", ["sweep.json", "plan.parquet"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_plans_are_one_line(copy: Store, name: str, damage: str) -> None:
    DAMAGE[damage](copy.folder / name)
    with pytest.raises(UserError) as caught:
        _ = Store(copy.folder).plan
    assert "\n" not in str(caught.value)
    assert str(copy.folder) in str(caught.value)
