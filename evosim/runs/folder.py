"""Write the folder of a run.

The folder has a partial name until it is complete, so an incomplete folder never counts as a run:

* `experiment.toml`: the resolved experiment, written before anything runs;
* `provenance.json`: written last;
* `tables/*.parquet`, and `controls/*/*.parquet` of control runs;
* `analysis/*.parquet` and `summary.json`: after the analysis;
* `figures/`.

`docs/schema.md` documents every column.
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

# Rows of a row group in a table that is written from blocks; memory has one at a time
ROWS = 2**18


def run_folder(experiment: Experiment, out: Path | None) -> Path:
    """Return the folder of a run: `out`, or `results/runs/<name>-<digest>-s<seeds>`."""
    if out is not None:
        return out
    last = experiment.seeds[-1]
    seeds = f"s{experiment.seed}" if last == experiment.seed else f"s{experiment.seed}-{last}"
    return Path("results") / "runs" / f"{experiment.name}-{experiment.setting_digest()[:8]}-{seeds}"


def holds_run(folder: Path, experiment: Experiment) -> bool:
    """Return whether a folder holds this run, complete.

    Raises
    ------
    UserError
        If it holds anything else, or if it cannot be written.
    """
    check_place(folder)
    if not folder.exists() or not others_in(folder):
        return False
    if not (folder / "provenance.json").is_file():
        raise UserError(
            f"{folder} must be empty or hold a run, but holds something else. Choose another --out."
        )
    recorded = read_provenance(folder)
    if recorded["digest"] != experiment.digest():
        raise UserError(
            f"{folder} must hold this experiment to be shown or repeated, but holds another one"
            f" ({recorded['experiment']}, digest {recorded['digest'][:8]}, not"
            f" {experiment.digest()[:8]}). Give another --out or remove the folder."
        )
    return True


class RunWriter:
    """Writes one run into its partial folder, and gives it its name when it is complete.

    The partial folder is locked meanwhile. A thread touches STATUS, for processes on other machines
    that may not see the lock.

    Parameters
    ----------
    folder : Path
        The folder of the run.
    experiment : Experiment
        Its experiment.
    continues : bool
        Keep the files of an interrupted run.

    Attributes
    ----------
    partial : Path
        The partial folder.
    whole : bool
        Whether all files are written.
    """

    def __init__(self, folder: Path, experiment: Experiment, *, continues: bool = False) -> None:
        self.folder, self.partial = folder, partial_of(folder)
        self.experiment = experiment
        self.whole = False
        # Hash the sources before anything runs, because they may be edited meanwhile
        sources_digest(experiment)
        self._over, self._handle = threading.Event(), -1
        refuse_link(self.partial)
        try:
            self.partial.mkdir(parents=True, exist_ok=True)
            self._handle = lock(self.partial)
            if not continues:
                self._clear_an_interrupted_one()
            self.note(f"{RUNNING} {os.getpid()} on {platform.node()}; not whole")
            make_folder(self.partial / "tables")
            refuse_link(self.partial / "experiment.toml")
            self._write_experiment()
        except BlockingIOError:
            raise UserError(_busy_message(self.partial)) from None
        except FileExistsError:
            raise UserError(
                f"{self.partial} must be a folder, but is a file or leads nowhere. Remove it, or"
                " give another --out."
            ) from None
        except OSError as error:
            if not continues:
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
        """Write the experiment, unless the same is there.

        So a full disk cannot damage the file of an interrupted run.
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
        """Remove the files of an interrupted run from the partial folder.

        Raises `UserError` if the folder holds anything else.
        """
        others = [
            path.relative_to(self.partial)
            for path in files_in(self.partial, is_own, only_own=False)
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
        """Write a line about the partial folder into its file STATUS."""
        refuse_link(self.partial / "STATUS")
        (self.partial / "STATUS").write_text(text + "\n", encoding="utf-8")

    def close(self, text: str = "") -> None:
        """Unlock the partial folder, and write a line about it into STATUS."""
        if text:
            # With a full disk, STATUS keeps naming this process, which is gone then
            with contextlib.suppress(OSError):
                self.note(text)
        self._over.set()
        self._unlock()

    def discard(self) -> None:
        """Remove the partial folder, after an error of the user."""
        with contextlib.suppress(OSError):
            clear(self.partial, is_own)
            self.partial.rmdir()
        self.close()

    def table(self, name: str, frame: pl.DataFrame, control: str = "") -> None:
        """Write one table of the run, or of one of its controls.

        The bytes do not depend on the number of parts from which the table was joined.

        Parameters
        ----------
        name : str
            Name of the table.
        frame : pl.DataFrame
            The table.
        control : str
            Name of the control; empty for the run itself.
        """
        folder = self.partial / ("controls" if control else "tables")
        make_folder(folder)
        make_folder(folder := folder / control)
        data = io.BytesIO()
        frame.rechunk().write_parquet(data, compression="zstd")
        write_atomically(folder / f"{name}.parquet", data.getbuffer())

    def blocks(self, runs: dict[int, Blocks], control: str = "") -> None:
        """Write the tables by generation of long runs, one block after another.

        Parameters
        ----------
        runs : dict
            Blocks by the seed that each replicate stands for.
        control : str
            Name of the control; empty for the run itself.
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
        """Write the provenance and publish the folder. An earlier run in it is replaced.

        Parameters
        ----------
        outcome : RunOutcome
            Facts for the provenance.

        Returns
        -------
        Path
            The folder.
        """
        facts = {name: value for name, value in asdict(outcome).items() if value is not None}
        data = as_json(Provenance.of_experiment(self.experiment).as_dict() | facts | {"sums": SUMS})
        written = checksums.files_in(self.partial, EXPERIMENT_FILE, "tables", "controls", SUMMARY)
        write_sums(self.partial, written, {PROVENANCE: sha256(data).hexdigest()})
        write_atomically(self.partial / PROVENANCE, data)
        self.whole = True
        try:
            publish(self.folder)
        except OSError as error:
            raise unwritable(self.folder, error) from None
        self.close()
        return self.folder


def is_own(parts: tuple[str, ...]) -> bool:
    """Return whether evosim writes a file of this name into folders of runs.

    Parameters
    ----------
    parts : tuple of str
        Parts of the path in the folder of a run, a search or an interrupted run.
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
        return ending == "npz" and (stem == "state" or stem.startswith(("runs-", "replicate-")))
    if folders[:2] == [CHECKPOINT, "blocks"]:
        return (
            len(folders) == 3 and ending == "parquet" and stem.rpartition("-")[0] in BY_GENERATION
        )
    return folders[0] == "figures" and is_figure(folders[1:], stem, ending)


def _busy_message(partial: Path) -> str:
    """Return the message that another process writes a run."""
    owner = writer(partial, locks=False)
    if owner is None:
        return (
            f"another process may be writing {partial}. Wait until it ends, or choose another"
            " --out."
        )
    return (
        f"another process may be writing {partial}: process {owner[0]} on {owner[1]}, says its"
        " STATUS. Wait until it ends. If it is gone, wait three minutes or remove that file:"
        f" 'rm {shlex.quote(str(partial / STATUS))}'."
    )


def publish(folder: Path) -> None:
    """Give a complete partial folder its name.

    If the folder exists, the files are moved into it. Files of an earlier run are replaced, and
    files of the user stay.
    """
    partial = partial_of(folder)
    with contextlib.suppress(OSError):
        clear(partial / CHECKPOINT, lambda parts: is_own((CHECKPOINT, *parts)))
        (partial / CHECKPOINT).rmdir()
    for stale in partial.rglob(f".*{TEMPORARY}"):  # a killed process left them
        stale.unlink()
    (partial / STATUS).unlink(missing_ok=True)
    if folder.exists():
        if is_report(folder / REPORT):  # of the earlier run
            (folder / REPORT).unlink()
        move_in(partial, folder, is_own, EXPERIMENT_FILE, PROVENANCE)
    else:
        partial.rename(folder)
    sync_folder(folder.parent)


def finish_publishing(folder: Path, experiment: Experiment) -> bool:
    """Publish a complete run whose process was killed just before that.

    A run that is half published is published whatever its experiment is.

    Parameters
    ----------
    folder : Path
        The folder of the run.
    experiment : Experiment
        The experiment that is about to run.

    Returns
    -------
    bool
        Whether there was such a run.
    """
    partial = partial_of(folder)
    if not (partial / PROVENANCE).is_file():
        return False
    try:
        handle = lock(partial)
    except OSError:  # another process publishes it
        return False
    try:
        if not is_half_published(folder):
            facts = read_provenance(partial)
            if facts["digest"] != experiment.digest() or not same_sources(facts, experiment):
                return False
        publish(folder)
    except OSError as error:
        raise unwritable(folder, error) from None
    finally:
        os.close(handle)
    return True


def is_half_published(folder: Path) -> bool:
    """Return whether a process was killed while it published a run into an existing folder."""
    if (
        (folder / PROVENANCE).is_file()
        or not folder.is_dir()
        or not (partial_of(folder) / PROVENANCE).is_file()
    ):
        return False
    return bool(others_in(folder))
