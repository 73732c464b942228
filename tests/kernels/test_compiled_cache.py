"""Files of compiled code are verified before use."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest

from evosim.kernels import compiled_cache


def _twice(x: float) -> float:
    return x + x


DAMAGE: dict[str, Callable[[Path, Path], object]] = {
    "emptied": lambda file, other: file.write_bytes(b""),
    "cut": lambda file, other: file.write_bytes(file.read_bytes()[:-1]),
    "cut to its checksum": lambda file, other: file.write_bytes(file.read_bytes()[:32]),
    "longer": lambda file, other: file.write_bytes(file.read_bytes() + b"\0"),
    "a bit flipped": lambda file, other: file.write_bytes(_flipped(file.read_bytes())),
    "another's content": lambda file, other: file.write_bytes(other.read_bytes()),
    "a folder": lambda file, other: (file.unlink(), file.mkdir(), (file / "x").touch()),
    "a link": lambda file, other: (
        file.rename(file.with_suffix(".old")),
        file.symlink_to(file.with_suffix(".old")),
    ),
    "a dangling link": lambda file, other: (file.unlink(), file.symlink_to("nowhere")),
    "a pipe": lambda file, other: (file.unlink(), os.mkfifo(file)),
    "writable by others": lambda file, other: file.chmod(0o666),
    "gone": lambda file, other: file.unlink(),
    "a plain pickle": lambda file, other: file.write_bytes(
        bytes(compiled_cache.CHECKSUM) + pickle.dumps(_Bomb())
    ),
}


class _Bomb:
    """An object that must never be unpickled."""

    def __reduce__(self) -> Any:
        return os.abort, ()


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.fixture(scope="module")
def two_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code of one function for two signatures."""
    folder = tmp_path_factory.mktemp("kept")
    _compiled(folder)
    return folder


def _compiled(folder: Path) -> int:
    """Call the function for both signatures in a new process; return its compilations."""
    kernel = numba.njit(_twice)
    kernel._cache = compiled_cache.Kept(_twice, folder)
    assert (kernel(2), kernel(2.5)) == (4, 5.0)
    return int(sum(kernel.stats.cache_misses.values()))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_compiled_anew(two_kept: Path, tmp_path: Path, damage: str) -> None:
    """Nothing of it is unpickled, the other file is still used, and afterwards both are whole
    again.
    """
    folder = shutil.copytree(two_kept, tmp_path / "kept")
    one, other = sorted(folder.iterdir())
    assert _compiled(folder) == 0
    DAMAGE[damage](one, other)
    assert _compiled(folder) == 1
    assert _compiled(folder) == 0


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "x.nbc"
    compiled_cache.write(file, b"code")
    whole = file.read_bytes()
    assert compiled_cache.read(file) == b"code"
    for i in range(8 * len(whole)):
        file.write_bytes(
            bytes(byte ^ (1 << i % 8 if place == i // 8 else 0) for place, byte in enumerate(whole))
        )
        assert compiled_cache.read(file) is None


def test_a_file_of_another_user_is_not_read(
    two_kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = next(two_kept.iterdir())
    assert compiled_cache.read(file)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    assert compiled_cache.read(file) is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    for folder in (tmp_path / "gone", Path("/dev/null")):
        assert _compiled(folder) == 2
