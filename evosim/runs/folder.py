"""The folder of a run.

It has a partial name until it is whole, so nothing half-written counts as a run.

`experiment.toml` the resolved experiment, written before anything runs; `provenance.json`;
`tables/*.parquet`; `controls/` the same of control runs; `analysis/*.parquet` and `summary.json`
once analysed; `figures/`. `docs/schema.md` documents every column.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import shlex
import threading
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import polars as pl

from evosim.config.schema import Experiment
from evosim.errors import FULL, UserError
from evosim.runs.provenance import Provenance, RunOutcome, as_json, same_sources
from evosim.runs.reader import (
    CHECKPOINT,
    EXPERIMENT_FILE,
    FIGURE_LIST,
    LANDSCAPE,
    PATHS,
    PROVENANCE,
    REPORT,
    SEARCH,
    SUMMARY,
    TABLES,
    read_provenance,
)
from evosim.runs.source_hash import sources_digest
from evosim.runtime import checksums
from evosim.runtime.atomic_files import (
    TEMPORARY,
    make_folder,
    produce_atomically,
    refuse_link,
    sync_folder,
    unwritable,
    write_atomically,
)
from evosim.runtime.blocks import BY_GENERATION, Blocks
from evosim.runtime.checksums import SUMS, write_sums
from evosim.runtime.output_folders import (
    ACCOUNTS,
    BEAT,
    RUNNING,
    STATUS,
    check_place,
    clear,
    files_in,
    is_figure,
    is_report,
    lock,
    move_in,
    others_in,
    partial_of,
    writer,
)

# Rows of a row group in a table that is written from blocks: what is in memory at a time
ROWS = 2**18


def run_folder(experiment: Experiment, out: Path | None) -> Path:
    """Where a run goes: `out`, or `results/runs/<name>-<digest>-s<seeds>`."""
    if out is not None:
        return out
    last = experiment.seeds[-1]
    seeds = f"s{experiment.seed}" if last == experiment.seed else f"s{experiment.seed}-{last}"
    return Path("results") / "runs" / f"{experiment.name}-{experiment.setting_digest()[:8]}-{seeds}"


def already_there(folder: Path, experiment: Experiment) -> bool:
    """Whether the folder holds this very run, whole.

    Raises `UserError` if it holds anything else, or cannot be written.
    """
    check_place(folder)
    if not folder.exists() or not others_in(folder):
        return False
    if not (folder / "provenance.json").is_file():
        raise UserError(
            f"{folder} must be empty or hold a run, but holds something else. Give another --out."
        )
    recorded = read_provenance(folder)
    if recorded["digest"] != experiment.digest():
        raise UserError(
            f"{folder} must hold this experiment to be shown or repeated, but holds another one"
            f" ({recorded['experiment']}, digest {recorded['digest'][:8]}, not"
            f" {experiment.digest()[:8]}). Give another --out or remove the folder."
        )
    return True


class Writer:
    """Writes one run under the name of `places.partial_of`, and puts it in its place when told that
    it is whole.

    While it writes, the partial folder is locked, and a thread touches STATUS, so that other
    processes (also on other machines, where locks may not be seen) know that somebody is at work.

    Attributes:
        whole: whether all is written, if it is in its place yet or not.
    """

    def __init__(self, folder: Path, experiment: Experiment, *, go_on: bool = False) -> None:
        self.folder, self.partial = folder, partial_of(folder)
        self.experiment = experiment
        self.whole = False
        # Now, before anything runs: what is edited meanwhile is not what ran
        sources_digest(experiment)
        self._over, self._handle = threading.Event(), -1
        refuse_link(self.partial)
        try:
            self.partial.mkdir(parents=True, exist_ok=True)
            self._handle = lock(self.partial)
            if not go_on:
                self._clear_an_interrupted_one()
            self.note(f"{RUNNING} {os.getpid()} on {platform.node()}; not whole")
            make_folder(self.partial / "tables")
            refuse_link(self.partial / "experiment.toml")
            self._write_experiment()
        except BlockingIOError:
            raise UserError(_in_the_way(self.partial)) from None
        except FileExistsError:
            raise UserError(
                f"{self.partial} must be a folder, but is a file or leads nowhere. Remove it, or"
                " give another --out."
            ) from None
        except OSError as error:
            if not go_on:
                self.discard()
            self._unlock()
            if error.errno in FULL and self.partial.exists():
                raise unwritable(self.partial, error) from None
            raise UserError(
                f"the output folder must be writable, but {folder} is not: {error.strerror}. Give"
                " another --out."
            ) from None
        except UserError:
            self._unlock()
            raise
        threading.Thread(target=self._beat, daemon=True).start()

    def _write_experiment(self) -> None:
        """Write the experiment, unless it is there: a full disk must not spoil the one of an
        interrupted run.
        """
        path, words = self.partial / EXPERIMENT_FILE, self.experiment.to_toml()
        with contextlib.suppress(OSError):
            if path.read_bytes() == words.encode():
                return
        path.write_text(words, encoding="utf-8")

    def _unlock(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _clear_an_interrupted_one(self) -> None:
        """Remove what an interrupted run left in the partial folder, and leave anything else alone.

        Raises `UserError`.
        """
        others = [
            path.relative_to(self.partial) for path in files_in(self.partial, is_own, mine=False)
        ]
        if others and not (self.partial / STATUS).is_file():
            raise UserError(
                f"{self.partial} must not exist yet, or must hold an interrupted run, but holds"
                f" something else ({others[0]}). Move it away, or give another --out."
            )
        clear(self.partial, is_own)

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(self.partial / "STATUS")

    def note(self, text: str) -> None:
        """Say in the partial folder what it is, for whoever finds it."""
        refuse_link(self.partial / "STATUS")
        (self.partial / "STATUS").write_text(text + "\n", encoding="utf-8")

    def close(self, text: str = "") -> None:
        """Nothing more is written; let others have the partial folder, with a note of what it
        is.
        """
        if text:
            # A full disk: STATUS then says that a process that is gone was writing
            with contextlib.suppress(OSError):
                self.note(text)
        self._over.set()
        self._unlock()

    def discard(self) -> None:
        """Take back what was begun: the user's mistake leaves nothing behind."""
        with contextlib.suppress(OSError):
            clear(self.partial, is_own)
            self.partial.rmdir()
        self.close()

    def table(self, name: str, frame: pl.DataFrame, control: str = "") -> None:
        """Write one table of the run, or of one of its controls.

        The bytes are the same from however many pieces it was put together.
        """
        folder = self.partial / ("controls" if control else "tables")
        make_folder(folder)
        make_folder(folder := folder / control)
        data = io.BytesIO()
        frame.rechunk().write_parquet(data, compression="zstd")
        write_atomically(folder / f"{name}.parquet", data.getbuffer())

    def blocks(self, runs: dict[int, Blocks], control: str = "") -> None:
        """Write the tables by generation of long runs (by the seed they stand for) from their
        blocks, one block after another.
        """
        for blocks in runs.values():
            blocks.settle()
        for name in next(iter(runs.values())).names if runs else ():
            folder = self.partial / ("controls" if control else "tables")
            make_folder(folder)
            make_folder(folder := folder / control)
            parts = [
                pl.scan_parquet(path, glob=False).with_columns(
                    pl.lit(seed, dtype=pl.Int64).alias("seed")
                )
                for seed, blocks in runs.items()
                for path in blocks.files(name)
            ]

            def sink(path: Path, parts: list[pl.LazyFrame] = parts) -> None:
                pl.concat(parts).sink_parquet(
                    path, compression="zstd", row_group_size=ROWS, maintain_order=True
                )

            produce_atomically(folder / f"{name}.parquet", sink)

    def finish(self, outcome: RunOutcome) -> Path:
        """Write provenance and put the run in its place; a previous run of the same digest is
        replaced.
        """
        facts = {name: value for name, value in asdict(outcome).items() if value is not None}
        data = as_json(Provenance.of_experiment(self.experiment).as_dict() | facts | {"sums": SUMS})
        written = checksums.files_in(self.partial, EXPERIMENT_FILE, "tables", "controls", SUMMARY)
        write_sums(self.partial, written, {PROVENANCE: sha256(data).hexdigest()})
        write_atomically(self.partial / PROVENANCE, data)
        self.whole = True
        try:
            put_in_place(self.folder)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        self.close()
        return self.folder


def is_own(parts: tuple[str, ...]) -> bool:
    """Whether evosim writes a file of this name in the folder of a run, a search or an interrupted
    run.

    Parameters
    ----------
    parts : tuple of str
        Of the path in that folder.
    """
    *folders, name = parts
    stem, _, ending = name.rpartition(".")
    if name.startswith(".") and name.endswith(TEMPORARY):
        return True
    if not folders:
        return name in (EXPERIMENT_FILE, PROVENANCE, STATUS, SUMMARY, FIGURE_LIST, SUMS)
    if folders == ["tables"] or (folders[0] == "controls" and len(folders) == 2):
        return ending == "parquet" and stem in (*TABLES, LANDSCAPE, SEARCH, PATHS)
    if folders == ["analysis"]:
        return ending == "parquet" and stem in ACCOUNTS
    if folders == [CHECKPOINT]:
        return ending == "npz" and (stem == "state" or stem.startswith("runs-"))
    if folders[:2] == [CHECKPOINT, "blocks"]:
        return (
            len(folders) == 3 and ending == "parquet" and stem.rpartition("-")[0] in BY_GENERATION
        )
    return folders[0] == "figures" and is_figure(folders[1:], stem, ending)


def _in_the_way(partial: Path) -> str:
    """What is said where another process writes a run."""
    found = writer(partial, locks=False)
    if found is None:
        return (
            f"{partial} must not be written by two processes, but another process may be writing"
            " it. Wait until it ends, or give another --out."
        )
    return (
        f"{partial} must not be written by two processes, but another process may be writing it:"
        f" process {found[0]} on {found[1]}, by its STATUS. Wait until it ends; if it is gone, wait"
        f" three minutes or remove that file ('rm {shlex.quote(str(partial / STATUS))}')."
    )


def put_in_place(folder: Path) -> None:
    """Put a partial folder that is whole (it has its provenance, which is written last) in its
    place.

    It gets the folder's name. Where a folder of that name is there, its files go in: those of an
    earlier run are replaced, and files of the user stay.
    """
    partial = partial_of(folder)
    with contextlib.suppress(OSError):
        clear(partial / CHECKPOINT, lambda parts: is_own((CHECKPOINT, *parts)))
        (partial / CHECKPOINT).rmdir()
    for stale in partial.rglob(f".*{TEMPORARY}"):  # of a process that was killed
        stale.unlink()
    (partial / STATUS).unlink(missing_ok=True)
    if folder.exists():
        if is_report(folder / REPORT):  # of the earlier run
            (folder / REPORT).unlink()
        move_in(partial, folder, is_own, EXPERIMENT_FILE, PROVENANCE)
    else:
        partial.rename(folder)
    sync_folder(folder.parent)


def complete(folder: Path, experiment: Experiment) -> bool:
    """Put a run in its place whose process was killed when all but that was done.

    Tells whether there was one.

    A run that is half in its place already is put there whatever experiment it is of.
    """
    partial = partial_of(folder)
    if not (partial / PROVENANCE).is_file():
        return False
    try:
        handle = lock(partial)
    except OSError:  # another process puts it in place
        return False
    try:
        if not half_in_place(folder):
            facts = read_provenance(partial)
            if facts["digest"] != experiment.digest() or not same_sources(facts, experiment):
                return False
        put_in_place(folder)
    except OSError as error:
        raise unwritable(folder, error) from None
    finally:
        os.close(handle)
    return True


def half_in_place(folder: Path) -> bool:
    """Whether a process was killed while it put a run into a folder that was there already."""
    if (
        (folder / PROVENANCE).is_file()
        or not folder.is_dir()
        or not (partial_of(folder) / PROVENANCE).is_file()
    ):
        return False
    return bool(others_in(folder))
