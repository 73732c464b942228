"""The Python API: run, load, and what recorded runs, sweeps and searches say, as polars frames. See docs/api.md.

Nothing is computed here: these are handles on folders, through the same stages that the command line strings together.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from evosim import workflow
from evosim.compose import on_landscape, resolve
from evosim.errors import UserError, unknown
from evosim.params import Experiment, put, read_experiment, read_toml
from evosim.record import Recorded, read_provenance, read_run

SWEEP_FILE = "sweep.json"


class Run:
    """A recorded run: its tables, its account, its figures.

    Attributes:
        recorded: experiment, provenance and tables as they were written.
        folder: where it lies.
        experiment: every parameter, resolved.
    """

    def __init__(self, recorded: Recorded) -> None:
        self.recorded, self.folder, self.experiment = recorded, recorded.folder, recorded.experiment

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The account as nested dictionaries, means over seeds: what `evosim run --json` prints. Made if it is not there."""
        return workflow.summary_of(self.recorded, again=False)

    @cached_property
    def accounts(self) -> dict[str, pl.DataFrame]:
        """Tables of the account by name; docs/schema.md has the columns."""
        return workflow.analysed(self.recorded)[0]

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables of the run by name: what was recorded, and the account."""
        return self.recorded.tables | self.accounts

    def table(self, name: str) -> pl.DataFrame:
        """One table. Raises `UserError` for a name there is not."""
        if name not in self.tables:
            raise unknown("a table", name, self.tables)
        return self.tables[name]


class Sweep:
    """A sweep: the table of its runs and what its parameters do."""

    def __init__(self, folder: Path) -> None:
        from evosim.sweeps.store import Store

        self.folder, self.store = folder, Store(folder)


class Search:
    """The search of a landscape over real vectors: its paths."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.provenance = folder, read_provenance(folder)
        self.experiment = resolve(read_toml(folder / "experiment.toml"))


def run(
    experiment: str | Path | Mapping[str, Any] | Experiment = "birth-control",
    settings: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    replicates: int | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    force: bool = False,
    resume: bool = False,
) -> Run:
    """Run an experiment, or read it back if its folder already holds it whole.

    `experiment` is a packaged name, the path of a TOML file, a tree, or a resolved `Experiment`; `settings` are dotted paths and their
    values, as `--set`. Raises `UserError`.
    """
    chosen = resolved(experiment, settings, seed=seed, replicates=replicates)
    recorded, _ = workflow.run(chosen, out=Path(out) if out else None, threads=threads, force=force, resume=resume)
    return Run(recorded)


def resolved(
    experiment: str | Path | Mapping[str, Any] | Experiment, settings: Mapping[str, Any] | None = None, **more: Any
) -> Experiment:
    """An experiment with settings put in and every default filled in. Raises `UserError`."""
    if isinstance(experiment, Experiment):
        tree: dict[str, Any] = experiment.model_dump()
    elif isinstance(experiment, Mapping):
        tree = copy.deepcopy(dict(experiment))
    else:
        tree = copy.deepcopy(read_experiment(str(experiment)))
    for key, value in {**(settings or {}), **{key: value for key, value in more.items() if value is not None}}.items():
        put(tree, key, value, f"settings['{key}']")
    return resolve(tree)


def load(folder: str | Path) -> Run | Sweep | Search:
    """What a folder holds: a run, a sweep, or a search of a landscape. Raises `UserError` if it is none of them."""
    folder = Path(folder)
    if (folder / SWEEP_FILE).is_file():
        return Sweep(folder)
    if (folder / "experiment.toml").is_file() and on_landscape(resolve(read_toml(folder / "experiment.toml"))):
        return Search(folder)
    return Run(read_run(folder))


def sweep(file: str | Path, *, out: str | Path | None = None, workers: int | None = None) -> Sweep:
    """Compute a sweep on this machine, or go on with it, as `evosim sweep run` does. Raises `UserError`."""
    raise UserError("a sweep must be computed by 'evosim sweep run' for now. Use that, and evosim.load of its folder.")


def runs(folders: Iterable[str | Path]) -> list[Run]:
    """Several runs. Raises `UserError` for a folder that is something else."""
    found = [load(folder) for folder in folders]
    for one in found:
        if not isinstance(one, Run):
            raise UserError(f"{one.folder} must be a run, but is a {type(one).__name__.lower()}. Give the folder of a run.")
    return [one for one in found if isinstance(one, Run)]
