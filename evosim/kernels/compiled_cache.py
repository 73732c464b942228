"""Files of compiled code, one for each function and signature, verified before use.

A file is a checksum and a pickle. The checksum covers the file's name, so that a file in the place
of another one is noticed. A file that is damaged, or that another user could have written, counts
as missing: the function is compiled again. Files are written whole and renamed, and there is no
index. So processes that compile at once do not disturb each other. The checksum does not protect
from an attacker: the folder must be this user's alone (`options.refusal`).
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import pickle
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import compiler
from numba.core.caching import FunctionCache
from numba.core.serialize import dumps

CHECKSUM = 32  # bytes
SUFFIX = ".nbc"


class Kept(FunctionCache):  # type: ignore[misc]  # Numba has no types
    """The kept code of one function, in the form in which Numba's dispatchers ask for it.

    Parameters
    ----------
    function : Callable
        The Python function.
    folder : Path
        Where its files are. It must be this user's alone.

    Raises
    ------
    OSError, TypeError
        If the function has no source file.
    """

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._py_func, self._folder = function, folder
        source = Path(inspect.getfile(function)).resolve()
        self._source = (str(source), hashlib.sha256(source.read_bytes()).hexdigest())
        self._name = re.sub(r"[^A-Za-z0-9_.]", "", f"{source.stem}.{function.__qualname__}")[:100]
        self.enable()

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def flush(self) -> None:
        """Keep all: code of other sources has other names."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Give the code of a signature, or nothing if it is not kept whole."""
        if not self._enabled:
            return None
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        pickled = read(self._file(key))
        if pickled is None:
            return None
        try:
            entry, reduced = pickle.loads(pickled)
            return (
                compiler.CompileResult._rebuild(target_context, *reduced) if entry == key else None
            )
        except MemoryError:
            raise
        except Exception:  # whole, but of a compiler that differs in more than its version says
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code of a signature, where that is possible."""
        lasting = (
            all(code.can_cache for code in data.lifted) and not data.library.has_dynamic_globals
        )
        if self._enabled and lasting:
            key = self._key(sig, data.codegen)
            write(self._file(key), dumps((key, data._reduce())))

    def _key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        place = (*self._source, self._py_func.__qualname__, self._py_func.__code__.co_firstlineno)
        return (sys.implementation.cache_tag, *place, *self._index_key(sig, codegen))

    def _file(self, key: tuple[Any, ...]) -> Path:
        return (
            self._folder
            / f"{self._name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}{SUFFIX}"
        )


def read(file: Path) -> bytes | None:
    """Read what `write` wrote.

    Parameters
    ----------
    file : Path
        Where it is.

    Returns
    -------
    bytes | None
        The content. Nothing if the file is missing, damaged or another file's, or if another user
        could have written it.
    """
    with (
        contextlib.suppress(OSError),
        open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened,
    ):
        facts = os.fstat(opened.fileno())
        if (
            stat.S_ISREG(facts.st_mode)
            and facts.st_uid == os.getuid()
            and not facts.st_mode & 0o022
        ):
            checksum, content = opened.read(CHECKSUM), opened.read()
            if checksum == _checksum(file.name, content):
                return content
    return None


def write(file: Path, content: bytes) -> None:
    """Write a file whole, in the place of whatever is there.

    Where that is impossible, nothing is written.

    Nothing is synced: a file that a power loss cuts has a wrong checksum.

    Parameters
    ----------
    file : Path
        Where to write.
    content : bytes
        The content that `read` returns.
    """
    with contextlib.suppress(OSError):
        number, name = tempfile.mkstemp(prefix=".", dir=file.parent)
        try:
            with open(number, "wb") as opened:
                opened.write(_checksum(file.name, content) + content)
            if file.is_dir() and not file.is_symlink():
                shutil.rmtree(file)
            os.replace(name, file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise


def _checksum(name: str, content: bytes) -> bytes:
    return hashlib.blake2b(name.encode() + b"\0" + content, digest_size=CHECKSUM).digest()
