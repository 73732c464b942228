"""Places: mount points, links, folders with files of the user, and writers that were killed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from evosim.errors import UserError
from evosim.figures import FIGURES, FORMATS, SIZES
from evosim.figures.registry import SEARCH_FIGURES
from evosim.runs import folder as runs_folder
from evosim.runs.folder import RunWriter, finish_publishing, holds_run, is_own
from evosim.runs.provenance import RunOutcome
from evosim.runs.reader import PROVENANCE
from evosim.runtime import output_folders
from evosim.runtime.output_folders import (
    check_place,
    files_in,
    folder_of,
    move_in,
    must_be_writable,
    partial_of,
)
from tests.support.runs import experiment

CHOSEN = ("micro",)
TABLE = pl.DataFrame({"seed": [0]})


def written(folder: Path, *tables: str) -> Path:
    """A run in its place, with tables of some names."""
    writer = RunWriter(folder, experiment(*CHOSEN))
    for name in tables or ("generations", "landscape"):
        writer.table(name, TABLE)
    return writer.finish(RunOutcome({}, {}))


def names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


OWN = [
    "experiment.toml",
    "provenance.json",
    "sums.sha256",
    "tables/generations.parquet",
    "tables/landscape.parquet",
]
USERS = [
    "figures/mine.svg",
    "mine/data.csv",
    "notes.txt",
    "tables/mine.parquet",
    "controls/readme.md",
    "analysis/ladder.txt",
]


def test_a_run_replaces_what_the_program_wrote_and_nothing_else(tmp_path: Path) -> None:
    folder = written(tmp_path / "run", "generations", "search", "landscape")
    for name in (
        *USERS,
        "summary.json",
        "analysis/ladder.parquet",
        "figures/fitness.svg",
        "figures/one/loci.pdf",
        "figures.json",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "report.html").write_text("<html>of the user</html>")
    (folder / "empty").mkdir()
    written(folder)
    assert names(folder) == sorted([*OWN, *USERS, "report.html"])
    assert all((folder / name).read_text() == name for name in USERS)
    assert (folder / "empty").is_dir()
    assert not (folder / output_folders.PARTIAL).exists()
    assert holds_run(folder, experiment(*CHOSEN))


def test_files_of_the_user_in_a_partial_folder_stay(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "run", experiment(*CHOSEN))
    (writer.partial / "notes.txt").write_text("mine")
    writer.close("interrupted; not whole")
    RunWriter(tmp_path / "run", experiment(*CHOSEN)).discard()
    assert names(tmp_path) == ["run.partial/notes.txt"]
    (tmp_path / "run.partial" / "STATUS").touch()
    assert names(written(tmp_path / "run")) == sorted([*OWN, "notes.txt"])


@pytest.mark.parametrize("stop", range(8))
@pytest.mark.parametrize("other", [False, True])
def test_a_run_killed_during_the_final_rename_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int, other: bool
) -> None:
    """Killed before the n-th file is moved.

    The folder is not taken for whole, and blocks nothing, not even another experiment.
    """
    folder = written(tmp_path / "run", "generations", "search")
    (folder / "notes.txt").write_text("mine")
    real, moves = os.replace, iter(range(100))

    def replace(source: Path, target: Path) -> None:
        if ".tmp" not in str(source) and next(moves) == stop:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    writer = RunWriter(folder, experiment(*CHOSEN))
    writer.table("generations", TABLE)
    writer.table("landscape", TABLE)
    try:
        writer.finish(RunOutcome({}, {}))
    except KeyboardInterrupt:
        assert writer.whole
        assert not (folder / PROVENANCE).is_file()
        writer.close("interrupted when it was whole")
    monkeypatch.undo()
    chosen = experiment(*CHOSEN, "seed=5") if other else experiment(*CHOSEN)
    assert finish_publishing(folder, chosen) == (stop < len(OWN))
    assert names(folder) == sorted([*OWN, "notes.txt"])
    if other:
        with pytest.raises(UserError, match="holds another one"):
            holds_run(folder, chosen)
    else:
        assert holds_run(folder, chosen)


def test_a_folder_that_is_there_is_written_in_itself(tmp_path: Path) -> None:
    (tmp_path / "run" / "lost+found").mkdir(parents=True)
    assert not holds_run(tmp_path / "run", experiment(*CHOSEN))
    assert partial_of(tmp_path / "run") == tmp_path / "run" / ".partial"
    assert folder_of(tmp_path / "run" / ".partial") == tmp_path / "run"
    before = os.stat(tmp_path / "run").st_ino
    assert names(written(tmp_path / "run")) == OWN
    assert os.stat(tmp_path / "run").st_ino == before
    assert (tmp_path / "run" / "lost+found").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_partial_folder_continues_if_the_folder_exists(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "run", experiment(*CHOSEN))
    writer.close("interrupted; not whole")
    (tmp_path / "run").mkdir()
    assert partial_of(tmp_path / "run") == tmp_path / "run.partial"
    assert names(written(tmp_path / "run")) == OWN
    assert not (tmp_path / "run.partial").exists()


def test_a_link_stays_a_link_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "big")
    for _ in range(2):
        written(tmp_path / "run")
        assert (tmp_path / "run").is_symlink()
        assert names(tmp_path / "big") == OWN
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big", "run"]


@pytest.mark.parametrize("below", ["", "deeper/run"])
def test_a_broken_link_is_refused_with_a_command(tmp_path: Path, below: str) -> None:
    (tmp_path / "run").symlink_to("not there")
    path = tmp_path / "run" / below
    with pytest.raises(
        UserError,
        match=r"the link .*run leads to .*not there, which is not\. Make it first \('mkdir -p ",
    ) as caught:
        holds_run(path, experiment(*CHOSEN))
    subprocess.run(
        str(caught.value).split("'")[1] + "'" + str(caught.value).split("'")[2] + "'",
        shell=True,
        check=True,
    )
    check_place(path)
    assert not holds_run(path, experiment(*CHOSEN))


def test_a_file_in_the_way_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "file", tmp_path / "file" / "run", tmp_path / "loop"):
        with pytest.raises(UserError, match="--out must"):
            must_be_writable(path)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A mount point."""
    place = tmp_path / "disk"
    place.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "tmpfs", str(place)], capture_output=True
        ).returncode
    ):
        pytest.skip("disks cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_mount_point_can_be_written_and_replaced(mounted: Path) -> None:
    for _ in range(2):
        assert names(written(mounted)) == OWN
        assert os.path.ismount(mounted)
    assert [path.name for path in mounted.parent.iterdir()] == ["disk"]


def test_a_run_beside_a_mount_point_goes_in(mounted: Path) -> None:
    """An earlier version could not rename its second folder: the complete run is moved."""
    beside = mounted.parent / "elsewhere"
    written(beside)
    beside.rename(mounted.parent / "disk.partial")
    assert finish_publishing(mounted, experiment(*CHOSEN))
    assert names(mounted) == OWN
    assert not (mounted.parent / "disk.partial").exists()


def test_what_moves_in_names_each_file_once(tmp_path: Path) -> None:
    """Links of the user are moved as links, and are not followed."""
    (tmp_path / "new").mkdir()
    (tmp_path / "old" / "kept").mkdir(parents=True)
    (tmp_path / "new" / "link").symlink_to(tmp_path)
    (tmp_path / "new" / PROVENANCE).write_text("{}")
    (tmp_path / "old" / "kept" / "tables").symlink_to(tmp_path)
    move_in(tmp_path / "new", tmp_path / "old", is_own, "experiment.toml", PROVENANCE)
    assert sorted(path.name for path in files_in(tmp_path / "old", is_own, only_own=False)) == [
        "link",
        "tables",
    ]
    assert (tmp_path / "old" / "link").is_symlink()
    assert not (tmp_path / "new").exists()


def test_a_full_disk_at_a_resume_spoils_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RunWriter(tmp_path / "run", experiment(*CHOSEN))
    before = (writer.partial / "experiment.toml").read_bytes()
    writer.close("interrupted; not whole")
    monkeypatch.setattr(
        Path,
        "write_text",
        lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device")),
    )
    with pytest.raises(UserError, match=r"No space left on device\. Free some space"):
        RunWriter(tmp_path / "run", experiment(*CHOSEN), continues=True)
    assert (writer.partial / "experiment.toml").read_bytes() == before
    monkeypatch.undo()
    runs_folder.RunWriter(tmp_path / "run", experiment(*CHOSEN), continues=True).discard()


def test_what_is_known_to_be_evosim_s_is_what_it_writes() -> None:
    """Names of accounts and figures stand in two rooms, and must agree."""
    assert set(output_folders.FIGURES) == {*FIGURES, *SEARCH_FIGURES}
    assert set(output_folders.FORMATS) == set(FORMATS)
    assert set(output_folders.SIZES) == set(SIZES)
    assert is_own(("checkpoint", "blocks", "fair-3", "alleles-00002.parquet"))
    assert not is_own(("checkpoint", "blocks", "fair-3", "mine.parquet"))
    assert not is_own(("figures", "mine.png"))
