"""Kinds of files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.config import file_kinds
from evosim.errors import UserError


def test_folders_are_known_by_their_files(tmp_path: Path) -> None:
    assert file_kinds.kind_at(tmp_path) == ""
    (tmp_path / "experiment.toml").write_text("")
    assert file_kinds.kind_at(tmp_path) == file_kinds.PARTIAL_FOLDER
    (tmp_path / "provenance.json").write_text("{}")
    assert file_kinds.kind_at(tmp_path) == file_kinds.RUN_FOLDER
    (tmp_path / "sweep.json").write_text("{}")
    assert file_kinds.kind_at(tmp_path) == file_kinds.SWEEP_FOLDER


def test_files_are_known_by_their_keys(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    for text, kind in (
        ('experiment = "micro"', file_kinds.SWEEP_FILE),
        ('world = "micro"', file_kinds.EXPERIMENT_FILE),
        ("x = 1", ""),
        ("x = [", ""),
    ):
        file.write_text(text)
        assert file_kinds.kind_at(file) == kind
    assert file_kinds.kind_at(Path("micro")) == file_kinds.PACKAGED


def test_a_run_folder_gets_the_commands_to_show_and_rerun_it(tmp_path: Path) -> None:
    for name in ("experiment.toml", "provenance.json"):
        (tmp_path / name).write_text("")
    with pytest.raises(UserError) as caught:
        file_kinds.refuse_other_kind(tmp_path, file_kinds.EXPERIMENT_FILE)
    assert f"Show it: 'evosim analyze {tmp_path}'" in str(caught.value)
    assert f"Rerun it: 'evosim run {tmp_path}/experiment.toml'" in str(caught.value)
    file_kinds.refuse_other_kind(tmp_path, file_kinds.RUN_FOLDER)
