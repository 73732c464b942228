"""A study: a folder of stored tables, figures drawn from them, and their provenance."""

from __future__ import annotations

import hashlib
import json
import os
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from evosim.config.resolve import Problem
from evosim.runs.provenance import Provenance, write_json
from evosim.runtime.atomic_files import write_atomically

RESULTS = Path(os.environ.get("EVOSIM_RESULTS") or Path(__file__).resolve().parents[2] / "results")
FORMATS, DRAWN = ("png", "svg"), "drawn.json"
# Reads the tables of a study's folder and makes its charts by name.
Draw = Callable[[Path], Mapping[str, Any]]


class Study:
    """A folder below `results/`, or below $EVOSIM_RESULTS, with tables, figures and provenance.

    Parameters
    ----------
    name : str
        Name of the folder.
    setting : Problem
        The setting whose experiment is stored with the tables.
    draw : callable, optional
        Makes charts by name from the folder.
    """

    def __init__(self, name: str, setting: Problem, draw: Draw | None = None) -> None:
        self.folder = RESULTS / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.setting, self.draw, self.start = setting, draw, time.perf_counter()

    def store(self, tables: Mapping[str, pl.DataFrame], **facts: Any) -> None:
        """Write tables, `provenance.json` with the facts, `experiment.toml` and figures."""
        experiment = self.setting.experiment
        for name, table in tables.items():
            table.write_csv(self.folder / f"{name}.csv", float_precision=6)
        seconds = {"seconds": round(time.perf_counter() - self.start, 1)}
        write_json(
            self.folder / "provenance.json",
            Provenance.of_experiment(experiment).as_dict() | seconds | facts,
        )
        (self.folder / "experiment.toml").write_text(experiment.to_toml(), encoding="utf-8")
        if self.draw:
            draw_study(self.folder, self.draw)
        with pl.Config(tbl_rows=200, tbl_cols=30, tbl_width_chars=250, float_precision=4):
            for name, table in tables.items():
                print(f"{self.folder / name}.csv", table, json.dumps(facts, default=str), sep="\n")


def stored_provenance(folder: Path) -> Mapping[str, Any]:
    """Read the provenance of a stored study."""
    facts: Mapping[str, Any] = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    return facts


def stored_experiment(folder: Path) -> dict[str, Any]:
    """Read the resolved experiment of a stored study."""
    return tomllib.loads((folder / "experiment.toml").read_text(encoding="utf-8"))


def table_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each table of a stored study, by file name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*.csv"))
    }


def draw_study(
    folder: Path, draw: Draw, out: Path | None = None, formats: tuple[str, ...] = FORMATS
) -> list[Path]:
    """Draw the figures of a stored study from its tables.

    Parameters
    ----------
    folder : Path
        The stored study: tables, `provenance.json` and `experiment.toml`.
    draw : callable
        Makes charts by name from the folder.
    out : Path, optional
        Folder for the figures. By default the study's own, which then also gets `drawn.json` with
        the names of figures and the digests of tables.
    formats : tuple of str
        Endings of files: `png`, `svg`, `pdf`.

    Returns
    -------
    list of Path
        The files written.
    """
    from evosim.figures import draw_charts

    out = out or folder
    out.mkdir(parents=True, exist_ok=True)
    files = draw_charts(out, draw(folder).items(), formats)
    if out == folder and formats == FORMATS:
        facts = {"figures": sorted({file.stem for file in files}), "tables": table_digests(folder)}
        write_atomically(folder / DRAWN, (json.dumps(facts, indent=1) + "\n").encode())
    return files
