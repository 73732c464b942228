"""What the studies share: settings by name, evolved populations, and keeping tables and figures
with provenance.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evosim.analysis.account import Accountant
from evosim.analysis.intervals import interval
from evosim.config.resolve import Setting, build, resolve
from evosim.config.toml_files import apply_settings, read_experiment
from evosim.fitness.landscape import Landscape
from evosim.runs import provenance as run_provenance
from evosim.runs.provenance import write_json
from evosim.runtime.atomic_files import write_atomically
from evosim.simulation.control_runs import simulate_control, under_their_seeds
from evosim.simulation.controls import controls_of
from evosim.simulation.loop import Run, simulate

RESULTS = Path(os.environ.get("EVOSIM_RESULTS") or Path(__file__).resolve().parents[2] / "results")
RESAMPLES, CONFIDENCE = 2000, 0.95


def setting(name: str, *settings: str) -> Setting:
    """The setting of a packaged experiment with `key=value` changes."""
    return build(resolve(apply_settings(read_experiment(name), list(settings))))


def evolve(made: Setting, landscape: Landscape, seeds: Iterable[int]) -> list[Run]:
    """One run a seed over a shared landscape."""
    return [simulate(made, landscape, seed) for seed in seeds]


def accountant(made: Setting, landscape: Landscape, runs: list[Run]) -> Accountant:
    """The accountant of runs that were not written to disk."""
    tables = {name: pl.concat([run.tables[name] for run in runs]) for name in runs[0].tables}
    return Accountant(made, tables | {"landscape": landscape.frame()}, exact=landscape.exact)


def with_controls(made: Setting, landscape: Landscape) -> Accountant:
    """The accountant of an experiment with drivers and its controls, all run now and kept in
    memory.
    """
    runs = under_their_seeds(evolve(made, landscape, made.experiment.seeds))
    controls = {
        name: under_their_seeds(simulate_control(name, control, landscape))
        for name, control in controls_of(made.experiment).items()
    }
    return Accountant(
        made, runs | {"landscape": landscape.frame()}, controls, exact=landscape.exact
    )


Holds = Callable[[float, float], bool | None]


def near(value: float, by: float) -> Holds:
    """Whether an interval comes as near to a value as that."""
    return lambda low, high: low <= value + by and high >= value - by


def above(value: float) -> Holds:
    """Whether a whole interval lies above a value: not if the whole interval is at or below it, and
    undecided if the value is inside.
    """
    return lambda low, high: True if low > value else False if high <= value else None


def below(value: float) -> Holds:
    """Whether a whole interval lies below a value: not if the whole interval is at or above it, and
    undecided if the value is inside.
    """
    return lambda low, high: True if high < value else False if low >= value else None


def verdict(
    claim: str,
    predicted: str,
    measured: float,
    low: float | None,
    high: float | None,
    holds: bool | Holds,
) -> dict[str, Any]:
    """A row of `verdicts.csv`: a claim, what it predicts, what was measured (95% over seeds), and
    whether it comes out.

    `holds` says so itself, or of the ends of the interval. Without an interval (all seeds agree)
    these leave it undecided. So does an interval that holds the value it is asked about.
    """
    known = (
        holds
        if isinstance(holds, bool)
        else None
        if low is None or high is None
        else holds(low, high)
    )
    words = "undecided" if known is None else "comes out" if known else "does not come out"
    return {
        "claim": claim,
        "predicted": predicted,
        "measured": measured,
        "low": low,
        "high": high,
        "verdict": words,
    }


def mean_and_interval(name: str, values: Iterable[float]) -> dict[str, float | None]:
    """Columns `name`, `name_low`, `name_high`: the mean over seeds and its 95% bootstrap
    interval.
    """
    x = np.array(list(values), dtype=np.float64)
    low, high = interval(x, RESAMPLES, CONFIDENCE) or (None, None)
    return {name: float(x.mean()), f"{name}_low": low, f"{name}_high": high}


Draw = Callable[[Path], dict[str, Any]]
FORMATS, DRAWN = ("png", "svg"), "drawn.json"


def provenance(folder: Path) -> dict[str, Any]:
    """Read the provenance of a stored study."""
    return dict(json.loads((folder / "provenance.json").read_text(encoding="utf-8")))


def experiment(folder: Path) -> dict[str, Any]:
    """Read the resolved experiment of a stored study."""
    return tomllib.loads((folder / "experiment.toml").read_text(encoding="utf-8"))


def digests(folder: Path) -> dict[str, str]:
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
        facts = {"figures": sorted({file.stem for file in files}), "tables": digests(folder)}
        write_atomically(folder / DRAWN, (json.dumps(facts, indent=1) + "\n").encode())
    return files


class Study:
    """A folder under `results/` (or under $EVOSIM_RESULTS) with tables, figures drawn from them,
    and the provenance of both.
    """

    def __init__(self, name: str, made: Setting, draw: Draw | None = None) -> None:
        self.folder = RESULTS / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.made, self.draw, self.start = made, draw, time.perf_counter()

    def keep(self, tables: dict[str, pl.DataFrame], **facts: Any) -> None:
        """Write tables as CSV and `provenance.json`, and draw the figures."""
        for name, table in tables.items():
            table.write_csv(self.folder / f"{name}.csv", float_precision=6)
        known = run_provenance.provenance(self.made.experiment)
        seconds = round(time.perf_counter() - self.start, 1)
        write_json(self.folder / "provenance.json", known | {"seconds": seconds} | facts)
        (self.folder / "experiment.toml").write_text(
            self.made.experiment.to_toml(), encoding="utf-8"
        )
        if self.draw:
            draw_study(self.folder, self.draw)
        with pl.Config(tbl_rows=200, tbl_cols=30, tbl_width_chars=250, float_precision=4):
            for name, table in tables.items():
                print(f"{self.folder / name}.csv", table, json.dumps(facts, default=str), sep="\n")
