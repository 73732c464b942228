"""The one place that says how kernels are compiled, and where compiled code is kept.

Numba's cache does not notice a change in another file than the cached function's own, and would then return results
of old code. The folder is therefore named by a hash of all kernel sources; a change of any of them starts a new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import importlib.util
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

_HERE = Path(__file__).resolve().parent
_FOLDER = re.compile("kernels-[0-9a-f]{16}")
KEPT_VERSIONS, KEPT_SECONDS = 4, 86_400.0


def sources_digest() -> str:
    """Hash of every source that compiled code depends on, and of the compiler's version."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for path in [*sorted(_HERE.glob("*.py")), _HERE.parent / "streams.py"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path | None:
    """A writable folder for compiled code, marked as used and old ones cleared away; nothing if there is no place for one."""
    for root, shared in _places():
        folder = root / f"kernels-{sources_digest()}"
        try:
            root.mkdir(mode=0o700 if shared else 0o777, parents=True, exist_ok=True)
            if shared and not _is_ours(root):
                continue
            fresh = not folder.exists()
            folder.mkdir(exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()  # asking is not trying: quotas and some mounts only show then
        except OSError:
            continue
        with contextlib.suppress(OSError):
            os.utime(folder)
            if fresh:
                clear(root, but=folder)
        return folder
    return None


def _places() -> Iterator[tuple[Path, bool]]:
    """Where compiled code may be kept, best first, and whether others may write there too."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(given), False
    with contextlib.suppress(RuntimeError):  # some users have no home
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        if cache.is_absolute():
            yield cache / "evosim", False
    with contextlib.suppress(OSError):  # nor a folder for temporary files
        yield Path(tempfile.gettempdir()) / f"evosim-{os.getuid()}", True


def _is_ours(folder: Path) -> bool:
    """Whether nobody else can write there: whoever can, can have us run what he likes."""
    facts = folder.lstat()
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o022


def clear(root: Path, *, but: Path) -> None:
    """Remove folders of other versions that nobody has used for a day, but for the newest few.

    A process that still runs from one has its code in memory; what it compiles from then on is not kept.
    """
    others = [folder for folder in root.iterdir() if folder != but and _FOLDER.fullmatch(folder.name) and folder.is_dir()]
    for folder in sorted(others, key=lambda f: f.stat().st_mtime, reverse=True)[KEPT_VERSIONS:]:
        if folder.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def ask_for_blas() -> None:
    """Let the compiler find out whether SciPy brings BLAS without loading all of `scipy.linalg`, which takes longer than a run's kernels.

    It asks by importing one file of that package. The package is stood in for while it does so; nothing is left behind.
    """
    place = importlib.util.find_spec("scipy")
    if "scipy.linalg" in sys.modules or place is None or not place.submodule_search_locations:
        return
    stand_in = types.ModuleType("scipy.linalg")
    stand_in.__path__ = [str(Path(folder) / "linalg") for folder in place.submodule_search_locations]
    sys.modules["scipy.linalg"] = stand_in
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        for name in [name for name in sys.modules if name == "scipy.linalg" or name.startswith("scipy.linalg.")]:
            del sys.modules[name]
        if "scipy" in sys.modules:
            vars(sys.modules["scipy"]).pop("linalg", None)


ask_for_blas()

_patience = 10.0  # seconds to wait for another process that keeps compiled code

FOLDER = cache_folder()
if FOLDER:
    numba.config.CACHE_DIR = str(FOLDER)

# A thread that waits for another sleeps: on a busy machine it would else burn the time that the other needs.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# error_model="numpy" spares the zero-division checks; fastmath stays off, because it may reorder sums and break NaN.
_COMMON: dict[str, Any] = {"cache": FOLDER is not None, "error_model": "numpy"}

# Waking a second thread, and waiting for it, costs more than fewer individuals than this do: where newborns are made, and
# where genotypes are only read. Either way gives the same bytes.
THREADED = 2**12
THREADED_READING = 2**16


def serial(function: Callable[..., Any]) -> Any:
    """Compile a function that runs on one thread."""
    return _kept(numba.njit(**_COMMON)(function))


def parallel(function: Callable[..., Any]) -> Any:
    """Compile a function whose `prange` loops run on several threads; items must be independent."""
    return _kept(numba.njit(parallel=True, **_COMMON)(function))


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into its callers: for the small steps of hot loops, whose calls would cost more than they do."""
    return _kept(numba.njit(forceinline=True, **_COMMON)(function))


def _kept(dispatcher: Any) -> Any:
    """A compiled function whose code is kept by one process at a time, and where it cannot be kept, is not.

    The compiler reads its list of kept code, adds to it and writes it back: two processes that do so at once would give
    one file name to the code of two signatures, and a third would run the wrong one.
    """
    keep = dispatcher._cache.save_overload

    def one_at_a_time(signature: Any, code: Any) -> None:
        with contextlib.suppress(OSError), _alone():
            keep(signature, code)

    dispatcher._cache.save_overload = one_at_a_time
    return dispatcher


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """No other process is in this block; where files cannot be locked, hope so. Raises `BlockingIOError`."""
    with (FOLDER / "lock").open("a+") if FOLDER else contextlib.nullcontext() as file:
        if file:
            _lock(file)  # let go when the file is closed
        yield


def _lock(file: Any) -> None:
    """Wait a while for the lock of compiled code. A process that is suspended, or a dead lock, is waited for once, and not in silence."""
    global _patience
    end = time.monotonic() + _patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}")
            file.flush()
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                break
        except OSError:
            return
        time.sleep(0.02)
    if _patience:
        file.seek(0)
        who = file.read(200) or "another process"
        print(
            f"evosim: compiled code is not kept, because {who} has held {file.name} for {_patience:.0f} s. If it is suspended or gone, end it, or "
            "set NUMBA_CACHE_DIR to another folder.",
            file=sys.stderr,
        )
    _patience = 0.0
    raise BlockingIOError


def make(some: Callable[..., Any], every: Callable[..., Any], n: int, *how: Any) -> None:
    """Make `n` newborns: by `some(start, stop, *how)` on this thread if they are few, else by `every(n, *how)`."""
    if n < THREADED:
        some(0, n, *how)
    else:
        every(n, *how)


def read(some: Callable[..., Any], every: Callable[..., Any], n: int, *how: Any) -> None:
    """The same for reading `n` individuals."""
    if n < THREADED_READING:
        some(0, n, *how)
    else:
        every(n, *how)
