"""Functions of the Python interface: run, search, sweep, load, account and compare.

Nothing is computed here. The functions call the same stages as the command line.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evosim.api.arguments import a_path, flag, maybe_path, removed_argument, whole
from evosim.api.population import Population
from evosim.api.population import account as account_of
from evosim.api.run_result import Run
from evosim.api.search_result import Search
from evosim.api.sweep_result import Sweep
from evosim.config.differences import with_own_words
from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import on_landscape
from evosim.config.resolve import resolve as resolve_tree
from evosim.config.schema import Experiment
from evosim.config.settings import set_value
from evosim.config.toml_files import read_toml
from evosim.errors import UserError
from evosim.runs import execute
from evosim.runs.reader import read_run
from evosim.runs.session import SessionOptions
from evosim.runtime.forked_processes import guarded

if TYPE_CHECKING:
    from evosim.api.comparison import Comparison
    from evosim.sweeps.events import OnEvent

SWEEP_FILE = "sweep.json"
Settings = Mapping[str, Any] | pl.DataFrame
ExperimentSource = str | Path | Mapping[str, Any] | Experiment


@removed_argument("resume", "An interrupted run is continued; force=True starts it again.")
@guarded
def run(
    experiment: ExperimentSource = "three-losses",
    settings: Settings | None = None,
    *,
    seed: int | None = None,
    replicates: int | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    force: bool = False,
    progress: bool = False,
) -> Run:
    """Run an experiment. In the same folder, a finished run is read, an interrupted one continued.

    Parameters
    ----------
    experiment
        A packaged name, the path of a TOML file, a tree, or an `Experiment`.
    settings
        Dotted paths and values, as `--set`, or a polars frame with one row. A null leaves its
        parameter unchanged.
    seed, replicates
        First seed and number of seeds.
    out
        Folder of the run. By default a folder in `results/runs`.
    threads
        Number of threads. Results do not depend on it.
    force
        Replace a finished run, and start an interrupted one again.
    progress
        Show a line on standard error.

    Returns
    -------
    Run
        The recorded run.

    Raises
    ------
    UserError
        An argument, the experiment or the folder is not valid.
    """
    from evosim.runtime.progress import progress_line
    from evosim.runtime.text_layout import Screen

    for name, value in {"force": force, "progress": progress}.items():
        flag(value, name)
    resolved = resolve(experiment, settings, seed=seed, replicates=replicates)
    if on_landscape(resolved):
        raise UserError(
            f"world.name must be a pair of worlds to be run in, but '{resolved.world.name}' is a"
            " landscape over real vectors. Use evosim.search."
        )
    with progress_line(
        Screen(stderr=True, quiet=not progress), execute.number_of_runs(resolved)
    ) as line:
        recorded, _ = execute.run(
            resolved,
            out=maybe_path(out, "out", "'results/mine'"),
            threads=whole(threads, "threads", 1),
            force=force,
            resume=not force,
            options=SessionOptions(progress=line if progress else None),
        )
    return Run(recorded)


@guarded
def search(
    experiment: ExperimentSource,
    settings: Settings | None = None,
    *,
    seed: int | None = None,
    replicates: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
) -> Search:
    """Search a landscape over real vectors. A finished search in the same folder is read back.

    Parameters are those of `run`.

    Raises
    ------
    UserError
        An argument, the experiment or the folder is not valid.
    """
    from evosim.runs.landscape_search import explore
    from evosim.runtime.timing import Clock

    flag(force, "force")
    resolved = resolve(experiment, settings, seed=seed, replicates=replicates)
    if not on_landscape(resolved):
        raise UserError(
            "world.name must be a landscape over real vectors to be searched, but"
            f" '{resolved.world.name}' is a pair of worlds. Use evosim.run."
        )
    summary, _ = explore(
        resolved,
        out=maybe_path(out, "out", "'results/mine'"),
        force=force,
        figures=False,
        clock=Clock(),
    )
    return Search(summary.out)


def resolve(
    experiment: ExperimentSource, settings: Settings | None = None, **more: Any
) -> Experiment:
    r"""An experiment with settings applied and every default filled in. Nothing runs.

    Parameters
    ----------
    experiment, settings
        As in `run`.
    \*\*more
        `seed` and `replicates`.

    Raises
    ------
    UserError
        The experiment or a setting is not valid.
    """
    tree: Any
    if isinstance(experiment, Experiment):
        tree = experiment.model_dump(mode="json", exclude_none=True)
    elif isinstance(experiment, Mapping):
        tree = copy.deepcopy(dict(experiment))
    else:
        path = a_path(experiment, "experiment", "'three-losses'")
        tree = copy.deepcopy(read_experiment(str(path)))
    given = {key: value for key, value in more.items() if value is not None}
    for key, value in (_plain_settings(settings) | given).items():
        set_value(tree, key, value, f"settings['{key}']")
    return with_own_words(resolve_tree(tree))


def _plain_settings(settings: Settings | None) -> dict[str, object]:
    """Dotted paths and plain values. Raises `UserError`."""
    if isinstance(settings, pl.DataFrame):
        if settings.height != 1:
            raise UserError(
                f"settings must be one row of a frame, but has {settings.height}. Run each of"
                " frame.iter_rows(named=True)."
            )
        settings = settings.row(0, named=True)
    if settings is not None and not isinstance(settings, Mapping):
        raise UserError(
            f"settings must be dotted paths and their values, but is a {type(settings).__name__}."
            " Write {'optimizer.population': 100}."
        )
    return {str(key): _plain(value) for key, value in (settings or {}).items() if value is not None}


def _plain(value: Any) -> Any:
    """A value as TOML has it; NumPy and polars values become lists and numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, pl.Series) or type(value).__module__.partition(".")[0] == "numpy":
        value = value.tolist() if hasattr(value, "tolist") else value.to_list()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@guarded
def load(folder: str | Path) -> Run | Sweep | Search:
    """The result in a folder: a run, a sweep, or a search of a landscape.

    Raises
    ------
    UserError
        The folder holds none of them.
    """
    folder = a_path(folder, "folder", "'results/runs/FOLDER'")
    if (folder / SWEEP_FILE).is_file():
        return Sweep(folder)
    if (
        (folder / "experiment.toml").is_file()
        and (folder / "provenance.json").is_file()
        and on_landscape(resolve_tree(read_toml(folder / "experiment.toml")))
    ):
        return Search(folder)
    return Run(read_run(folder))


@guarded
def account(
    population: pl.DataFrame,
    experiment: ExperimentSource = "three-losses",
    settings: Settings | None = None,
) -> Population:
    """The account of a population of your own in an experiment's worlds.

    The grid of genomes is enumerated for it. That takes seconds, or longer for a large grid;
    `run.population(frame)` uses the fitness that a run has recorded.

    Parameters
    ----------
    population
        One row per genome. Columns: `class` (number in the grid), or one column per locus that
        varies. Such a column has its expressed value, or a list of its alleles. Optional columns:
        `count` (copies, by default 1) and `seed` (by default 0). Several seeds are several
        populations, which give intervals. The optional column `kept` is the share of fitness that
        drivers leave (by default 1).
    experiment, settings
        As in `run`.

    Raises
    ------
    UserError
        A column, the experiment or a setting is not valid.
    """
    return account_of(population, resolve(experiment, settings))


@guarded
def losses(run: Run | Population | str | Path, *, seeds: bool = False) -> pl.DataFrame:
    """The three losses of a run: shift, waste and hack, in both worlds.

    Parameters
    ----------
    run
        A run, a population, or the folder of a run.
    seeds
        One row for each seed, world and loss, in place of means.

    Returns
    -------
    pl.DataFrame
        As `run.losses()`.

    Raises
    ------
    UserError
        The folder is not that of a run in a pair of worlds.
    """
    thing = load(run) if isinstance(run, str | Path) else run
    if not isinstance(thing, Run | Population):
        raise UserError(
            f"losses are of a run or a population, but this is a {type(thing).__name__}. Pass the"
            " result of evosim.run(...), or the folder of a run."
        )
    return thing.losses(seeds=seeds)


@guarded
def sweep(
    file: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    workers: int | None = None,
    threads: int | None = None,
    retry_failed: bool = False,
    other_sources: bool = False,
    progress: bool = False,
) -> Sweep:
    """Compute a sweep on this machine, or continue it, as `evosim sweep run` does.

    Parameters
    ----------
    file
        Path of a sweep file, or its content as a tree: `{"name": ..., "experiment": ..., "grid":
        {"optimizer.population": [100, 200]}}`.
    out
        Folder of the sweep. By default a folder in `results/sweeps`.
    workers
        Number of processes. By default one per processor.
    threads
        Threads of each process.
    retry_failed
        Compute failed runs again.
    other_sources
        Continue a sweep begun by other code.
    progress
        Show a line on standard error.

    Returns
    -------
    Sweep
        The sweep. Its `status` counts failed runs; the column `error` says why they failed.

    Raises
    ------
    UserError
        An argument, the sweep file or the folder is not valid.
    """
    import tomli_w

    from evosim.config.validation import check_plain
    from evosim.sweeps.execute import RunOptions, begin, resume
    from evosim.sweeps.schema import read_sweep, written

    for name, value in {
        "retry_failed": retry_failed,
        "other_sources": other_sources,
        "progress": progress,
    }.items():
        flag(value, name)
    if isinstance(file, Mapping):
        tree = _plain(file)
        check_plain(tree)
        requested = written(tomli_w.dumps(tree).encode(), Path("sweep.toml"))
    else:
        requested = read_sweep(a_path(file, "file", "'sweep.toml'"))
    workers, threads = whole(workers, "workers", 2), whole(threads, "threads", 1)
    folder = maybe_path(out, "out", "'results/sweeps/mine'")
    store = begin(requested, folder, other_sources=other_sources)
    options = RunOptions(
        workers=workers, threads=threads, retry_failed=retry_failed, other_sources=other_sources
    )
    resume(store, options, progress=_progress_line if progress else _no_progress)
    return Sweep(store.folder)


def _no_progress(runs: int, chunks: int) -> AbstractContextManager[OnEvent]:
    from evosim.sweeps.events import ignore

    return nullcontext(ignore)


@contextmanager
def _progress_line(runs: int, chunks: int) -> Iterator[OnEvent]:
    from evosim.runtime.text_layout import Screen
    from evosim.sweeps.progress import sweep_progress

    with sweep_progress(Screen(stderr=True), runs, 0, 0) as on_event:
        yield on_event


@guarded
def compare(
    base: Run | str | Path, other: Run | str | Path, *others: Run | str | Path
) -> Comparison:
    r"""Compare runs with the first one: parameters, accounts, and differences with intervals.

    Parameters
    ----------
    base, other, \*others
        Runs or their folders.

    Raises
    ------
    UserError
        A folder is not a run.
    """
    from evosim.api.comparison import compared

    return compared([_a_run(one).recorded for one in (base, other, *others)])


def _a_run(one: Run | str | Path) -> Run:
    result = one if isinstance(one, Run) else load(one)
    if not isinstance(result, Run):
        raise UserError(
            f"{result.folder} must be a run to be compared, but is a"
            f" {type(result).__name__.lower()}. Give the folder of a run."
        )
    return result
