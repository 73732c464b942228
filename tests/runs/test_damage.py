"""Damaged files: a command gives the right numbers, or reports the damage in one line."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import evosim as product
from evosim.analysis.table_schemas import COLUMNS
from evosim.errors import UserError, of_system
from evosim.runs import accounts, execute
from evosim.runs.reader import read_run
from evosim.runtime import parquet_size
from evosim.runtime.checksums import SUMS, Damaged, read_table, table_from
from evosim.sweeps.analysis import analysis_of, fresh_digest
from evosim.sweeps.check import check
from evosim.sweeps.collect import known_digest
from evosim.sweeps.execute import begin
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.store import COMMIT, RUNS, Frames, Store
from evosim.sweeps.worker import run_chunk
from tests.support.command import evosim
from tests.support.runs import experiment

SETTINGS = (
    "replicates=2",
    "optimizer.population=8",
    "phases.0.generations=3",
    "phases.1.generations=2",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its analysis."""
    recorded = execute.run(
        experiment("micro", *SETTINGS), out=tmp_path_factory.mktemp("damage") / "run"
    )[0]
    accounts.analyze(recorded)
    return recorded.folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def without_sums(folder: Path) -> None:
    """Make a run as it was before checksums were."""
    (folder / SUMS).unlink()
    path = folder / "provenance.json"
    path.write_text(
        json.dumps(
            {key: value for key, value in json.loads(path.read_text()).items() if key != "sums"}
        )
    )


def numbers(folder: Path) -> str:
    """All that a reader of a run is given."""
    recorded = read_run(folder)
    tables, summary = accounts.analysed(recorded)
    facts = {
        key: value
        for key, value in summary.as_dict().items()
        if key not in ("out", "analysis_seconds", "peak_memory_mib")
    }
    frames = {**recorded.tables, **tables}
    return json.dumps(
        [
            facts,
            recorded.provenance["runs"],
            {name: frames[name].write_json() for name in sorted(frames)},
        ]
    )


def one_line(error: Exception) -> str:
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.slow
def test_any_flipped_bit_is_one_line_or_changes_nothing(folder: Path, whole: Path) -> None:
    right, lots = numbers(whole), random.Random(1)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    refused = 0
    for path in files:
        good = path.read_bytes()
        for place in lots.sample(range(len(good)), min(3, len(good))):
            path.write_bytes(
                good[:place] + bytes([good[place] ^ (1 << lots.randrange(8))]) + good[place + 1 :]
            )
            try:
                found = numbers(folder)
            except UserError as error:
                found, refused = right, refused + (str(folder) in one_line(error))
            assert found == right, (path, place)
            shutil.rmtree(folder)
            shutil.copytree(whole, folder)
    assert refused >= 3 * 8  # every flip in a table, in provenance and in the experiment


@pytest.mark.parametrize("damage", ["flip", "empty", "remove", "folder", "list"])
@pytest.mark.parametrize("name", ["summary.json", "analysis/ladder.parquet"])
def test_a_damaged_analysis_is_made_again(
    folder: Path, whole: Path, name: str, damage: str
) -> None:
    path, good = folder / name, (folder / name).read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
        with pytest.raises(UserError, match=str(folder)):
            numbers(folder)
        path.rmdir()
    elif damage != "remove":
        path.write_bytes(
            {"flip": good[:400] + bytes([good[400] ^ 1]) + good[401:], "empty": b"", "list": b"[]"}[
                damage
            ]
        )
    assert numbers(folder) == numbers(whole)


CHANGES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "another column": lambda t: t.with_columns(another=pl.lit(1)),
    "a column less": lambda t: t.drop(t.columns[-1]),
    "another name": lambda t: t.rename({t.columns[-1]: "another"}),
    "another type": lambda t: t.with_columns(pl.col(t.columns[-1]).cast(pl.String)),
    "a null": lambda t: t.with_columns(
        pl.when(pl.int_range(pl.len()) > 0).then(pl.col(t.columns[0])).alias(t.columns[0])
    ),
    "no rows": lambda t: t.clear(),
    "a row less": lambda t: t[1:],
    "a class beyond the grid": lambda t: t.with_columns(pl.lit(10**12).alias("class")),
    "a seed of another run": lambda t: t.with_columns(pl.lit(77, dtype=pl.Int64).alias("seed")),
}


@pytest.mark.parametrize("name", [*COLUMNS])
def test_tables_of_another_shape_are_refused_without_sums(folder: Path, name: str) -> None:
    without_sums(folder)
    assert read_run(folder).tables[name].height
    path = folder / "tables" / f"{name}.parquet"
    table = pl.read_parquet(path)
    for words, change in CHANGES.items():
        if (words == "a row less" and name not in ("generations", "loci", "alleles")) or (
            words == "no rows" and name in ("search", "landscape")
        ):
            continue
        if (words.startswith("a class") and "class" not in table) or (
            words.startswith("a seed") and "seed" not in table
        ):
            continue
        change(table).write_parquet(path)
        with pytest.raises(UserError) as caught:
            read_run(folder)
        assert f"{path} must be what was written, but" in one_line(caught.value), words


OTHER_JSON = [
    "[]",
    "null",
    "1",
    '"x"',
    "{}",
    "{",
    "\xff",
    '{"digest": 1, "experiment": 2}',
    "[" * 100_000,
    '{"a": NaN}',
]


@pytest.mark.parametrize("sums", [True, False])
def test_provenance_of_another_shape_is_one_line(folder: Path, sums: bool) -> None:
    if not sums:
        without_sums(folder)
    path = folder / "provenance.json"
    facts = json.loads(path.read_text())
    spoilt = [
        json.dumps(facts | {key: other})
        for key in ("digest", "runs", "landscape", "controls", "seconds", "packages", "evosim")
        for other in (1, [1], {"x": [1]})
    ]
    for text in [*OTHER_JSON, *spoilt]:
        path.write_bytes(text.encode("latin-1"))
        for read in (read_run, product.load):
            with pytest.raises(UserError) as caught:
                read(folder)
            assert str(folder) in one_line(caught.value)


def test_a_run_without_checksums_is_refused_unless_older(folder: Path, whole: Path) -> None:
    (folder / SUMS).unlink()
    with pytest.raises(UserError, match=f"has no checksum in {SUMS}"):
        read_run(folder)
    shutil.rmtree(folder)
    shutil.copytree(whole, folder)
    without_sums(folder)
    path = folder / "summary.json"
    path.write_text(path.read_text().replace('"classes": 324', '"classes": 325'))
    assert numbers(folder) == numbers(whole)  # an unverified summary is computed again


def test_checksums_are_those_of_the_usual_tool(whole: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--quiet", "-c", SUMS], cwd=whole, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    names = {line.split()[1] for line in (whole / SUMS).read_text().splitlines()}
    assert names == {
        path.relative_to(whole).as_posix() for path in whole.rglob("*") if path.is_file()
    } - {SUMS}


def as_parquet(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_parquet(out, compression="zstd")
    return out.getvalue()


def test_sizes_are_known_before_anything_is_decompressed(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": pl.repeat(1, 10**6, eager=True), "b": ["x"] * 10**6})
    size = parquet_size.size_of(as_parquet(table))
    assert (size.rows, size.columns) == table.shape
    with pytest.raises(Damaged, match="has 1,000,000 rows, and not at most 10"):
        table_from(as_parquet(table), 10)
    bomb = as_parquet(pl.DataFrame({"a": ["x" * 10**7]}))
    assert len(bomb) < 10**4
    (tmp_path / "bomb.parquet").write_bytes(bomb)
    for read in (lambda: table_from(bomb), lambda: read_table(tmp_path / "bomb.parquet")):
        with pytest.raises(Damaged, match="bytes in 1 rows"):
            read()


def test_headers_that_lie_are_seen() -> None:
    good, lots = as_parquet(pl.DataFrame({"a": range(50), "b": ["x"] * 50})), random.Random(2)
    for _ in range(300):
        place = lots.randrange(len(good))
        with suppress(ValueError):  # and no other error
            parquet_size.size_of(good[:place] + bytes([lots.randrange(256)]) + good[place + 1 :])


PATHS = {
    "long": "x" * 300,
    "below a long one": "x" * 300 + "/run",
    "loop": "loop",
    "in a loop": "loop/run",
    "a file": "file",
    "in a file": "file/run",
}


@pytest.mark.parametrize("name", PATHS)
def test_paths_that_cannot_be_are_one_line(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: Path,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    Path("file").write_text("")
    path = PATHS[name]
    commands = [
        ["analyze"],
        ["report"],
        ["compare", str(whole)],
        ["export"],
        ["figures"],
        ["sweep", "status"],
        ["sweep", "check"],
        ["run", "micro", "--no-figures", "--out"],
    ]
    for arguments in [*commands, ["report", str(whole), "--out"], ["export", str(whole), "--out"]]:
        if (arguments[0], path) == ("report", "file") and len(arguments) > 1:
            continue
        code, _, err = evosim(capsys, *arguments, path)
        assert code == 2, (arguments, err)
        assert err.count("\n") == 1, (arguments, err)
        assert "Traceback" not in err
    with pytest.raises(UserError):
        product.load(path)


@pytest.mark.parametrize("name", ["~", "a*[b]", os.fsdecode(b"r\xff"), "new\nline"])
def test_any_name_of_a_folder_is_only_a_name(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: Path,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(whole, name)
    assert numbers(Path(name)) == numbers(whole)
    for arguments in (["analyze"], ["compare", str(whole)], ["export", "--out", "tables"]):
        code, _, err = evosim(capsys, *arguments, name)
        assert code == 0 or (name == os.fsdecode(b"r\xff") and (code, err.count("\n")) == (2, 1)), (
            arguments,
            err,
        )


def test_what_the_system_complains_of_names_the_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], whole: Path
) -> None:
    """The lack of permission is simulated, because root can search every folder."""

    def locked(self: Path, *_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_dir", locked)
    code, _, err = evosim(capsys, "analyze", str(whole))
    assert (code, err.count("\n")) == (2, 1)
    assert str(whole) in err
    assert "Permission denied" in err


def test_the_panic_of_a_library_is_one_line() -> None:
    told = of_system(pl.exceptions.PanicException("index out of bounds"))
    assert told
    assert "a table cannot be read (index out of bounds)" in one_line(told)
    assert of_system(KeyError("x")) is None
    full = of_system(OSError(28, "No space left on device", "/x"))
    assert full
    assert "no space left for /x" in str(full)


def piped(command: str) -> tuple[int, str]:
    """The exit code of evosim in a shell, and what stood on standard error."""
    script = f"{shutil.which('evosim', path=str(Path(sys.executable).parent))} {command}"
    done = subprocess.run(
        ["bash", "-c", f"{script}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["--help | true", "list | head -1", "show micro | true"])
def test_a_reader_that_is_gone_is_no_mistake(command: str) -> None:
    assert piped(command) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["list", "--help"])
def test_a_full_disk_under_standard_output_has_its_own_code(command: str) -> None:
    code, err = piped(f"{command} > /dev/full")
    assert (code, err.count("\n")) == (74, 1)
    assert "standard output must be writable" in err


def test_a_closed_standard_output_is_nowhere() -> None:
    assert piped("list >&-") == (0, "")


SWEEP = (
    'name = "x"\nexperiment = "micro"\nchunk = 2\nreplicates = 2\n[set]\nphases.0.generations ='
    " 2\nphases.1.generations = 2\n[grid]\noptimizer.population = [10, 20]\n"
)


def a_sweep(folder: Path) -> Store:
    file = folder / "x.toml"
    file.write_text(SWEEP)
    return begin(read_sweep(file), folder / "sweep")


def a_little_more(frames: Frames) -> Frames:
    """The same tables with other last digits, as another processor might give."""
    return {
        name: frame.with_columns(pl.col(pl.Float64) * (1.0 + 1e-15))
        for name, frame in frames.items()
    }


@pytest.mark.parametrize("when", range(8))
def test_chunks_with_other_last_digits_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    """A twin commits before write `when`; the results never mix, and the first commit stays."""
    store = a_sweep(tmp_path)
    run_chunk(store.folder, 0)
    mine = store.read(0)
    other = a_little_more(mine)
    assert not other[RUNS].equals(mine[RUNS])
    store.remove(0)
    from evosim.sweeps import store as module

    count, written = (
        iter(range(100)),
        {name: getattr(module, name) for name in ("write_atomically", "write_once")},
    )

    def twin(name: str) -> Callable[[Path, bytes], Any]:
        def write(path: Path, data: bytes) -> Any:
            if next(count) == when:
                Store(store.folder).commit(0, other)
            return written[name](path, data)

        return write

    for name in written:
        monkeypatch.setattr(module, name, twin(name))
    store.commit(0, mine)
    first = mine if when else other
    assert all(store.read(0)[name].equals(first[name]) for name in first)
    store.commit(0, other)
    assert all(store.read(0)[name].equals(first[name]) for name in first)
    found = check(store)
    assert (found.done, found.damaged, found.strange, found.stale) == (1, {}, [], [])


def test_a_chunk_whose_writer_was_killed_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_sweep(tmp_path)
    run_chunk(store.folder, 0)
    mine = store.read(0)
    store.remove(0)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "_put_in_place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.commit(0, a_little_more(mine))
    assert store.path(0, COMMIT).exists()
    assert not store.is_done(0)
    assert run_chunk(store.folder, 0).computed == 0
    assert store.read(0)[RUNS].equals(a_little_more(mine)[RUNS])
    assert not store.path(0, COMMIT).exists()
    store.remove(0)
    store.path(0, COMMIT).write_bytes(b"half of it")
    assert run_chunk(store.folder, 0).computed == 2
    assert store.read(0)[RUNS].equals(mine[RUNS])


@pytest.mark.slow
def test_damaged_tables_and_analyses_of_sweeps_are_made_again(tmp_path: Path) -> None:
    store = a_sweep(tmp_path)
    for chunk in range(store.chunks):
        run_chunk(store.folder, chunk)
    right = analysis_of(store)
    lots = random.Random(3)
    for name in (
        "runs.parquet",
        "ladder.parquet",
        "manifest.json",
        "analysis/cells.parquet",
        "analysis/analysis.json",
    ):
        path = store.folder / name
        good = path.read_bytes()
        for _ in range(3):
            place = lots.randrange(len(good))
            path.write_bytes(
                good[:place] + bytes([good[place] ^ (1 << lots.randrange(8))]) + good[place + 1 :]
            )
            if "/" not in name:
                assert known_digest(store, store.done()) is None, name
            assert fresh_digest(store) == right.facts.content
            again = analysis_of(store)
            assert again.facts == right.facts
            assert all(
                again.tables[table].equals(right.tables[table], null_equal=True)
                for table in right.tables
            )
    path = store.folder / "sweep.toml"
    path.write_text(path.read_text().replace("[10, 20]", "[10, 21]"))
    shutil.rmtree(store.folder / "analysis")
    with pytest.raises(UserError, match="is not the file that this sweep began with"):
        analysis_of(store)
