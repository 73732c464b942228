"""Figures that can be drawn from a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.cli import gallery
from evosim.errors import UserError


def test_formats_are_listed_once() -> None:
    assert gallery.formats_of("png, svg,png") == ["png", "svg"]


def test_a_folder_of_a_sweep_is_known_by_its_file(tmp_path: Path) -> None:
    assert gallery.kind_of(tmp_path) == gallery.RUN
    (tmp_path / "sweep.json").write_text("{}")
    assert gallery.kind_of(tmp_path) == gallery.SWEEP


def test_sizes_and_formats_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--size must be one of"):
        gallery.draw(tmp_path, [], ["png"], "huge")
    with pytest.raises(UserError, match="--format must be one of"):
        gallery.draw(tmp_path, [], ["gif"], "screen")


def test_each_figure_has_one_kind_and_a_description() -> None:
    entries = gallery.entries()
    assert {entry.of for entry in entries} == {gallery.RUN, gallery.SWEEP, gallery.SEARCH}
    assert all(entry.what for entry in entries)
