"""The cache of compiled code: found or replaced, and safe from other processes and users."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from evosim.kernels import compilation
from tests.support.paths import ROOT


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a temporary folder and nothing else; gives a path where nothing can be
    made.
    """
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(Path, "home", _homeless)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "file" / "cache"


def _homeless() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_the_first_place_that_can_be_written_is_taken(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = bare.parent.parent
    temporary = own / "tmp" / f"evosim-{os.getuid()}"
    assert compilation.cache_folder() == temporary / f"kernels-{compilation.sources_digest()}"
    assert not temporary.stat().st_mode & 0o077
    for unusable in (str(bare), "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert compilation.cache_folder().parent == temporary  # type: ignore[union-attr]
    monkeypatch.setenv("XDG_CACHE_HOME", str(own / "xdg"))
    assert compilation.cache_folder().parent == own / "xdg" / "evosim"  # type: ignore[union-attr]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(bare))
    assert compilation.cache_folder().parent == own / "xdg" / "evosim"  # type: ignore[union-attr]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(own / "given"))
    assert compilation.cache_folder().parent == own / "given"  # type: ignore[union-attr]
    assert {path.name for path in own.iterdir()} == {"file", "tmp", "xdg", "given"}


def test_a_temporary_folder_that_others_can_write_to_is_not_used(bare: Path) -> None:
    """A user who can write there could run any code as us."""
    shared = Path(tempfile.gettempdir()) / f"evosim-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    assert compilation.cache_folder() is None
    shared.chmod(0o700)
    assert compilation.cache_folder() is not None


def test_without_any_place_kernels_run_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "x")
    script = (
        f"import tempfile; tempfile.tempdir = {nowhere!r}\n"
        "from evosim.kernels import compilation as options, philox\n"
        "print(options.FOLDER, float(philox.uniform(1, 2)))\n"
    )
    env = {**os.environ, "HOME": nowhere, "XDG_CACHE_HOME": nowhere, "NUMBA_CACHE_DIR": nowhere}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=env,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout.startswith("None 0.")


def test_a_folder_that_fills_up_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilation, "FOLDER", tmp_path / "gone")
    kernel = compilation.serial(_twice)
    assert kernel(2) == 4


def _twice(x: float) -> float:
    return x + x


def test_folders_of_old_versions_are_cleared_away(tmp_path: Path) -> None:
    def make(name: str, days: float) -> Path:
        folder = tmp_path / name
        (folder / "code").mkdir(parents=True)
        os.utime(folder, (time.time() - days * 86_400.0,) * 2)
        return folder

    mine = make("kernels-" + "0" * 16, 50.0)
    today = [make(f"kernels-{i:016x}", 0.5) for i in range(1, 7)]
    others = [make(name, 50.0) for name in ("kernels-mine", "results", "kernels-" + "a" * 17)]
    old = [make(f"kernels-{i:016x}", 2.0 + i) for i in range(10, 13)]
    compilation.clear(tmp_path, but=mine)
    assert all(folder.exists() for folder in (mine, *today, *others))
    assert not any(folder.exists() for folder in old)
    for folder in today[2:]:
        os.utime(folder, (time.time() - 5 * 86_400.0,) * 2)
    compilation.clear(tmp_path, but=mine)
    assert sum(folder.exists() for folder in today) == compilation.KEPT_VERSIONS


@pytest.mark.slow
def test_processes_that_compile_at_once_keep_each_other_s_code(tmp_path: Path) -> None:
    """Each meets the same signatures in another order; afterwards all are there, and each is its
    own.
    """
    (tmp_path / "kernel.py").write_text(
        "import sys, time\n"
        "import numpy as np\n"
        "import evosim.kernels.compiled_cache as kept\n"
        "write = kept.write\n"
        "kept.write = lambda *a: (time.sleep(0.1), write(*a))\n"  # others have time to come between
        "from evosim.kernels.compilation import serial\n"
        "@serial\n"
        "def kind(x):\n"
        "    return x.itemsize + 100 * x.ndim\n"
        "def value(name):\n"
        "    return np.zeros((1,) * (1 + int(name) % 3), dtype=('u1', 'i2', 'f4', 'f8')[int(name)"
        " // 3])\n"
        "wanted = [value(name) for name in sys.argv[2]]\n"
        "time.sleep(max(0.0, float(sys.argv[1]) - time.time()))\n"
        "assert [kind(x) for x in wanted] == [x.itemsize + 100 * x.ndim for x in wanted]\n"
        "print(sum(kind.stats.cache_misses.values()))\n"
    )
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    orders = list(itertools.islice(itertools.permutations("048267135"), 0, 40_000, 10_000))

    def start(at: float, order: tuple[str, ...]) -> subprocess.Popen[str]:
        command = [sys.executable, str(tmp_path / "kernel.py"), str(at), "".join(order)]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)

    at = time.time() + 2.0
    together = [start(at, order) for order in orders]
    for process in together:
        process.communicate()
    assert [process.returncode for process in together] == [0] * len(orders)
    last = start(0.0, orders[0])
    assert last.communicate()[0] == "0\n"
    assert last.returncode == 0


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "XDG_CACHE_HOME"])
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_folder_that_others_can_write_to_is_left_with_a_line(
    bare: Path, monkeypatch: pytest.MonkeyPatch, variable: str, mode: int
) -> None:
    """The folder itself, one above it, or one inside it that evosim made earlier."""
    own, said = bare.parent.parent, list[str]()
    monkeypatch.setenv(variable, str(own / "above" / "given"))
    first = compilation.cache_folder(said.append)
    assert first is not None
    assert (own / "above" / "given") in first.parents
    assert not said
    for unsafe in (own / "above", own / "above" / "given", first):
        unsafe.chmod(mode)
        found = compilation.cache_folder(said.append)
        assert found is not None
        assert found.parent == own / "tmp" / f"evosim-{os.getuid()}"
        assert f"others can write to {unsafe}; do 'chmod go-w {unsafe}'" in said[-1]
        subprocess.run(["chmod", "go-w", str(unsafe)], check=True)  # as the line says
        assert compilation.cache_folder(said.append) == first
    assert len(said) == 3


def test_sticky_folders_protect_their_content_only(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = bare.parent.parent
    (own / "shared").mkdir()
    (own / "shared").chmod(0o1777)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(own / "shared" / "mine"))
    assert compilation.cache_folder().parent == own / "shared" / "mine"  # type: ignore[union-attr]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(own / "shared"))
    assert compilation.cache_folder().parent.parent == own / "tmp"  # type: ignore[union-attr]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_folder_or_a_link_of_another_user_is_not_used(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, said = bare.parent.parent, list[str]()
    (own / "given").mkdir(mode=0o700)
    (own / "link").symlink_to(own / "given")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(own / "link"))
    assert compilation.cache_folder(said.append).parent == own / "given"  # type: ignore[union-attr]
    assert not said
    os.lchown(own / "link", 54_321, 54_321)
    assert compilation.cache_folder(said.append).parent.parent == own / "tmp"  # type: ignore[union-attr]
    assert f"{own / 'link'} is another user's link; give a path of your own" in said[0]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(own / "given" / "below"))
    os.chown(own / "given", 54_321, 54_321)
    assert compilation.cache_folder(said.append).parent.parent == own / "tmp"  # type: ignore[union-attr]
    assert f"{own / 'given'} belongs to user 54321; give a path of your own" in said[1]
