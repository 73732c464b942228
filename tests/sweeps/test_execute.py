"""Begin and resume a sweep: shards, interruptions, folders of other sweeps and other code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evosim.errors import UserError
from evosim.runtime import atomic_files
from evosim.sweeps import worker
from evosim.sweeps.collect import collect
from evosim.sweeps.execute import RunOptions, begin, resume
from evosim.sweeps.job_array import read_shard
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.store import Store
from tests.support.sweeps import SWEEP, after, compute, content, start_sweep


@pytest.mark.slow
def test_shards_change_no_byte_and_leave_nothing_out(whole: Store, tmp_path: Path) -> None:
    store = start_sweep(tmp_path / "shards")
    for i in range(2):
        compute(store, read_shard(f"{i}/2").chunks(list(range(store.chunks))))
    assert content(store) == content(whole)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 2, 9, 15, 22, 40])
def test_interrupted_at_any_moment_and_continued_changes_no_byte(
    whole: Store, tmp_path: Path, calls: int
) -> None:
    store = start_sweep(tmp_path / "stopped")
    compute(store, stop_requested=after(calls))
    assert len(content(store)) < len(content(whole))
    compute(store)
    assert content(store) == content(whole)


def _of_size(free: int) -> Callable[[Path], Any]:
    return lambda folder: shutil._ntuple_diskusage(10**12, 0, free)  # type: ignore[attr-defined]


def test_a_sweep_that_would_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = start_sweep(tmp_path / "s")
    monkeypatch.setattr(shutil, "disk_usage", _of_size(50_000))
    with pytest.raises(
        UserError,
        match=(
            r"s must have room for about \d+ kB, but 50\.0 kB are free\. Free some space, or give"
            r" another --out\."
        ),
    ):
        resume(store)
    assert not content(store)
    assert not list(store.folder.glob("logs/*"))
    monkeypatch.setattr(shutil, "disk_usage", _of_size(10_000_000))
    assert resume(store, RunOptions(workers=1, shard=read_shard("0/3"))).chunks_done == 1


def test_a_folder_of_another_sweep_is_refused_naming_both(whole: Store, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(SWEEP.replace("0.2]", "0.25]"))
    with pytest.raises(
        UserError,
        match=rf"holds another sweep \(small, digest {whole.digest[:8]}; this file has digest",
    ):
        begin(read_sweep(path), whole.folder)
    path.write_text(SWEEP.replace('name = "small"', 'name = "small"\ntitle = "other words"'))
    begin(read_sweep(path), whole.folder)


def test_other_sources_are_refused_naming_both(
    copy: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "same.toml"
    path.write_text(SWEEP)
    monkeypatch.setattr("evosim.sweeps.store.sources_digest", lambda *choices: "f" * 16)
    with pytest.raises(
        UserError, match=rf"other code began .* sources {copy.sources}, .* sources ffff"
    ):
        begin(read_sweep(path), copy.folder)
    copy.remove(1)
    with pytest.raises(UserError, match="other code began"):
        worker.run_chunk(copy.folder, 1)
    assert begin(read_sweep(path), copy.folder, other_sources=True).digest == copy.digest
    worker.run_chunk(copy.folder, 1, other_sources=True)
    assert collect(copy).mixed


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("do not lose me")
    with pytest.raises(UserError, match="holds something other than a sweep"):
        start_sweep(tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


def test_an_interrupted_beginning_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = start_sweep(tmp_path / "whole")
    for last in ("plan.parquet", "sweep.json", "sweep.toml"):
        folder = tmp_path / f"until-{last.replace('.', '-')}"
        real = atomic_files.write_atomically

        def fragile(path: Path, data: bytes, last: str = last, real: Any = real) -> None:
            if path.name == last:
                (path.parent / f".{last}.host.1.1.tmp").write_bytes(data[:10])
                raise SystemExit
            real(path, data)

        monkeypatch.setattr("evosim.sweeps.execute.write_atomically", fragile)
        monkeypatch.setattr("evosim.sweeps.manifest.write_atomically", fragile)
        with pytest.raises(SystemExit):
            start_sweep(folder)
        monkeypatch.undo()
        assert start_sweep(folder).manifest.plan == whole.manifest.plan
