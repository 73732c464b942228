"""Reading TOML files."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.config.toml_files import MAX_KEY_PARTS, named_experiments, parsed, read_toml
from evosim.errors import UserError


def test_a_byte_order_mark_is_ignored() -> None:
    assert parsed(b"\xef\xbb\xbfx = 1", Path("x.toml"), "the file") == {"x": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = ", "x.toml must be valid TOML"),
        (b"\xff", "Save it in UTF-8"),
        (b".".join([b"a"] * (MAX_KEY_PARTS + 2)) + b" = 1", "Use fewer levels"),
        (b"x = nan", "x must be finite"),
    ],
)
def test_malformed_files_are_refused_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parsed(content, Path("x.toml"), "the file")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must exist"):
        read_toml(tmp_path / "x.toml")
    with pytest.raises(UserError, match=r"is a folder. Give a file in it"):
        read_toml(tmp_path)


def test_packaged_experiments_are_named_by_their_files() -> None:
    assert {"micro", "coarse-savanna"} <= named_experiments().keys()
