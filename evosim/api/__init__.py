"""The Python API: run, load, and what recorded runs, sweeps and searches say, as polars frames.

See docs/api.md.

Nothing is computed here: these are handles on folders, through the same stages that the command
line strings together.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evosim.analysis.recorded_run import Recorded
from evosim.analysis.summary import RunSummary, SearchSummary
from evosim.api import frames
from evosim.api.accounts import Accounted
from evosim.api.arguments import a_path, flag, found, maybe_path, one_of, texts, whole
from evosim.api.frames import plain_names
from evosim.api.population import Population
from evosim.api.population import account as account_of
from evosim.config.differences import with_own_words
from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import on_landscape
from evosim.config.resolve import resolve as resolved_of
from evosim.config.schema import Experiment
from evosim.config.settings import set_value
from evosim.config.toml_files import read_toml
from evosim.errors import UserError
from evosim.runs import accounts as runs_accounts
from evosim.runs import execute
from evosim.runs import figures as runs_figures
from evosim.runs.reader import read_provenance, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime.forked_processes import Guarded, guarded

if TYPE_CHECKING:
    from evosim.api.comparison import Comparison
    from evosim.sweeps.analysis import Analysis
    from evosim.sweeps.status import State
    from evosim.sweeps.worker import Tell

__all__ = [
    "Population",
    "Run",
    "Search",
    "Sweep",
    "account",
    "compare",
    "load",
    "plain_names",
    "resolve",
    "run",
    "search",
    "sweep",
]

SWEEP_FILE = "sweep.json"
FORMATS = ("png", "svg", "pdf")
Settings = Mapping[str, Any] | pl.DataFrame
Which = str | Path | Mapping[str, Any] | Experiment


class InFolder(Guarded):
    """A result in a folder, whose tables can be written elsewhere."""

    folder: Path

    def save(
        self,
        folder: str | Path,
        tables: Iterable[str] | None = None,
        format: str = "csv",
        *,
        force: bool = False,
        spreadsheets: bool = False,
    ) -> list[Path]:
        """Write tables as files.

        Parameters
        ----------
        folder
            Where the files are written. It is made if it does not exist.
        tables
            Names of tables; by default all of them.
        format
            `csv`, `parquet` or `json`.
        force
            Replace files that exist.
        spreadsheets
            In CSV, put an apostrophe before texts that begin like a formula.

        Returns
        -------
        list of Path
            The files that were written.

        Raises
        ------
        UserError
            If a table is not known, or a file exists and `force` is not given.
        """
        from evosim.api.export import FORMATS as TABLE_FORMATS
        from evosim.api.export import source_of, write

        for name, value in {"force": force, "spreadsheets": spreadsheets}.items():
            flag(value, name)
        place, wanted = (
            a_path(folder, "folder", "'tables'"),
            (None if tables is None else texts(tables, "tables", "['ladder']")),
        )
        return write(
            source_of(self.folder),
            wanted,
            place,
            one_of(format, "format", TABLE_FORMATS),
            force=force,
            spreadsheets=spreadsheets,
        )


class Run(Accounted, InFolder):
    """A recorded run: its tables, its account, its figures.

    Attributes:
        recorded: experiment, provenance and tables as they were written.
        folder: where it lies, as an absolute path.
        experiment: every parameter, resolved.
    """

    def __init__(self, recorded: Recorded) -> None:
        # A notebook may change its folder: what is found now must be found then, too.
        self.folder = recorded.folder.absolute()
        self.recorded, self.experiment = replace(recorded, folder=self.folder), recorded.experiment

    @cached_property
    def typed_summary(self) -> RunSummary:
        """The account in numbers, means over seeds, as a tree of frozen dataclasses.

        It is computed if the folder does not have it.
        """
        return runs_accounts.summary_of(self.recorded, again=False)

    @cached_property
    def accounts(self) -> dict[str, pl.DataFrame]:
        """Tables of the account by name; docs/schema.md has the columns."""
        return runs_accounts.analysed(self.recorded)[0]

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables of the run by name: what was recorded, of controls as `controls/NAME/TABLE`,
        and the account.
        """
        controls = {
            f"controls/{arm}/{name}": table
            for arm, tables in self.recorded.controls.items()
            for name, table in tables.items()
        }
        return {**self.recorded.tables, **controls, **self.accounts}

    @property
    def provenance(self) -> dict[str, Any]:
        """Digest, seed, versions, command: what is quoted with a number."""
        return self.recorded.provenance

    def search(self, *, seeds: bool = False) -> pl.DataFrame:
        """The search ledger (Price equation), summed `when` before and after the swap: `trait`,
        `term`. Terms sum to `change`.
        """
        table = frames.search(
            self.recorded.tables, self.experiment.swap, self.experiment.generations
        )
        return table if seeds else self._means(table, "when", "trait", "term")

    def hack(self, *, seeds: bool = False) -> pl.DataFrame:
        """What unfair meiosis cost: `world`, `quantity` (hack, its parts, its null).

        Empty for runs without controls.
        """
        table = self.accounts["hack"]
        return table if seeds else self._means(table, "world", "quantity")

    def recovery(self, *, seeds: bool = False) -> pl.DataFrame:
        """Worth at the swap and at the end, by `quantity`, of the seeds that lived to see the
        swap.
        """
        table = frames.recovery(self.accounts["recovery"])
        return table if seeds else self._means(table, "quantity")

    def account(self, genome: int | Mapping[str, Any]) -> dict[str, Any]:
        """The account of one genome, a class number or values by locus: worth, ledger and causes in
        both worlds. Raises `UserError`.
        """
        if isinstance(genome, bool) or not isinstance(genome, int | Mapping):
            raise UserError(
                f"genome must be the number of a class or values by locus, but is {found(genome)}."
                " Give for example run.account(0)."
            )
        if isinstance(genome, Mapping):
            genome = int(
                self.population(
                    pl.DataFrame({name: [value] for name, value in genome.items()})
                ).census["class"][0]
            )
        return runs_accounts.account_of_class(self.recorded, genome)

    def population(self, population: pl.DataFrame) -> Population:
        """What a population of one's own would lose in this run's worlds: see `evosim.account`.

        Raises `UserError`.
        """
        return account_of(
            population,
            self.experiment,
            self.recorded.tables["landscape"],
            exact=self.provenance["landscape"]["exact"],
        )

    def figures(self) -> dict[str, str]:
        """Figures by name, each with what it shows in a line."""
        from evosim.figures import FIGURES

        return {name: figure.description for name, figure in FIGURES.items()}

    def figure(self, name: str) -> Any:
        """A figure as an Altair chart.

        Raises `UserError` for a name there is not, or that this run has nothing to draw of.
        """
        known = self.figures()
        one_of(name, "a figure", known)
        from evosim.figures import charts_of
        from evosim.figures.user_charts import handed

        failures: list[str] = []
        for _, chart in charts_of(runs_figures.source_of(self.recorded), [name], failures.append):
            return handed(chart)
        if failures:
            raise UserError(
                f"{failures[0]}. Draw another, or mend the genome or world if it is yours."
            )
        raise UserError(
            f"figure '{name}' must have something to show ({known[name]}), but {self.folder} has"
            " nothing of the kind. Draw another."
        )

    def draw(
        self, names: Iterable[str] | None = None, formats: Sequence[str] = FORMATS
    ) -> list[Path]:
        """Draw figures (the usual ones) into the run's folder; gives their paths.

        Raises `UserError`.
        """
        wanted = None if names is None else texts(names, "names", "['fitness']")
        kinds = tuple(texts(formats, "formats", "['png']", some=True))
        return runs_figures.draw(self.recorded, kinds, names=wanted, required=wanted or ())


class Sweep(InFolder):
    """A sweep: the table of its runs, and what its parameters do.

    Attributes:
        folder: where it lies, as an absolute path.
        store: its files.
    """

    def __init__(self, folder: str | Path) -> None:
        from evosim.sweeps.store import Store

        self.folder = a_path(folder, "folder", "'results/sweeps/FOLDER'").absolute()
        self.store = Store(self.folder)

    @property
    def status(self) -> State:
        """How far it is: runs that are done, failed, died out; chunks; damage."""
        from evosim.sweeps.status import state_of

        return state_of(self.store)

    @cached_property
    def analysis(self) -> Analysis:
        """What the runs that are done came to, analysed (and collected) if that was not done.

        Raises `UserError`.
        """
        from evosim.sweeps.analysis import analysis_of

        return analysis_of(self.store)

    def runs(self) -> pl.DataFrame:
        """One row a run: what was planned, how it ended, and every number of its account by dotted
        name. Raises `UserError`.
        """
        return self.table("runs")

    def table(self, name: str) -> pl.DataFrame:
        """A collected table: `runs`, or one that the sweep keeps. Raises `UserError`."""
        from evosim.sweeps.analysis import fresh_digest

        one_of(name, "a table", ["runs", *self.store.keep])
        fresh_digest(self.store)
        try:
            return self.store.collected(name).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            words = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
            raise UserError(
                f"{self.folder / name}.parquet must be a table, but {words}. Make it again with"
                " 'evosim sweep collect'."
            ) from None

    @property
    def parameters(self) -> list[str]:
        """What varies: parameters of the grid, those that advance together joined by a plus, those
        of a design.
        """
        from evosim.sweeps.analysis import parameters_of

        return parameters_of(self.analysis)

    @property
    def quantities(self) -> list[str]:
        """What was measured of every run, by dotted name as in `summary`."""
        from evosim.sweeps.analysis import chosen

        return chosen(self.analysis, ["*"])

    @property
    def headlines(self) -> list[str]:
        """The quantities that come first: worth of the population, steps of the ladder, and who
        died out, where they were measured.
        """
        from evosim.sweeps.analysis import HEADLINES

        known = set(self.quantities)
        return [name for name in HEADLINES if name in known]

    def cells(self, quantity: str | None = None) -> pl.DataFrame:
        """One row a cell and quantity: its parameters, `mean`, `low`, `high`, and how many runs
        ended how.
        """
        return self._of("cells", quantity)

    def effects(self, quantity: str | None = None) -> pl.DataFrame:
        """Means at each level of each parameter over all levels of the others, with intervals."""
        return self._of("effects", quantity)

    def contrasts(self, quantity: str | None = None) -> pl.DataFrame:
        """Differences between levels, seed by seed, with intervals."""
        return self._of("contrasts", quantity)

    def shares(self, quantity: str | None = None) -> pl.DataFrame:
        """Shares of the variance between cells: of parameters alone, in pairs, and in all.

        `share` is the estimate as it is, which chance can bring below 0 or above 1. `low` and
        `high` are cut to 0 and 1.
        """
        return self._of("shares", quantity)

    def figures(
        self, of: Sequence[str] = (), *, x: str | None = None, y: str | None = None
    ) -> dict[str, Any]:
        """Altair charts by name: phase diagrams, main effects, steps of the ladder.

        `of` names quantities; `x` and `y` parameters. Raises `UserError`.
        """
        from evosim.figures.user_charts import handed
        from evosim.sweeps.analysis import chosen, factor_named
        from evosim.sweeps.figures import Easel, charts
        from evosim.sweeps.schema import read_alone

        for name, option in ((x, "x"), (y, "y")):
            if not isinstance(name, str | None):
                raise UserError(
                    f"{option} must be the name of a parameter, but is {found(name)}. Use one of"
                    f" {', '.join(self.parameters)}."
                )
        named = [
            factor_named(self.analysis, name, option) if name else None
            for name, option in ((x, "x"), (y, "y"))
        ]
        wanted = texts(of, "of", "['ladder.modern.steps.shift']")
        easel = Easel(self.analysis, read_alone(self.folder / "sweep.toml"), *named)
        if not easel.factors and not easel.sampled:
            raise UserError(
                f"{self.folder} must have a parameter with two values to be drawn, but has one"
                " cell. Draw a run of it."
            )
        return {name: handed(chart) for name, chart in charts(easel, chosen(self.analysis, wanted))}

    def figure(
        self, name: str, of: Sequence[str] = (), *, x: str | None = None, y: str | None = None
    ) -> Any:
        """One of `figures`. Raises `UserError`."""
        drawn = self.figures(of, x=x, y=y)
        return drawn[one_of(name, "a figure", drawn)]

    def _of(self, table: str, quantity: str | None) -> pl.DataFrame:
        from evosim.sweeps.analysis import chosen

        rows = self.analysis.tables[table]
        if quantity is None:
            return rows
        if not isinstance(quantity, str):
            raise UserError(
                f"quantity must be text, but is {found(quantity)}. Give for example"
                " 'ladder.modern.steps.shift'; sweep.quantities lists all."
            )
        return rows.filter(pl.col("quantity").is_in(chosen(self.analysis, [quantity])))

    def __repr__(self) -> str:
        from evosim.api.display import parts_of_sweep, text_of

        return text_of(*parts_of_sweep(self))

    def _repr_html_(self) -> str:
        from evosim.api.display import html_of, parts_of_sweep

        return html_of(*parts_of_sweep(self))


class Search(InFolder):
    """The search of a landscape over real vectors: its paths, and where they came to.

    Attributes:
        folder: where it lies, as an absolute path.
        experiment: every parameter, resolved.
        provenance: digest, seed, versions, command.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = a_path(folder, "folder", "'results/runs/FOLDER'").absolute()
        self.provenance = read_provenance(self.folder)
        self.experiment = resolved_of(read_toml(self.folder / "experiment.toml"))

    @cached_property
    def typed_summary(self) -> SearchSummary:
        """The result of the search, as a tree of frozen dataclasses."""
        from evosim.runs.landscape_search import summary_there

        return summary_there(self.folder)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The result of the search as nested dictionaries: what `evosim run --json` prints."""
        return self.typed_summary.as_dict()

    def paths(self) -> pl.DataFrame:
        """One row a seed and recorded evaluation: where it was and what it had found. docs/hills.md
        has the columns.
        """
        from evosim.api.export import source_of

        return source_of(self.folder).table("paths")

    def figures(self) -> dict[str, str]:
        """Figures by name, each with what it shows in a line."""
        from evosim.figures.registry import SEARCH_FIGURES

        return {name: figure.description for name, figure in SEARCH_FIGURES.items()}

    def figure(self, name: str = "paths") -> Any:
        """A figure as an Altair chart. Raises `UserError`."""
        one_of(name, "a figure", self.figures())
        from evosim.figures.inputs import Searched
        from evosim.figures.registry import SEARCH_FIGURES
        from evosim.figures.user_charts import handed

        return handed(SEARCH_FIGURES[name].draw(Searched(self.paths(), self.experiment)))

    def __repr__(self) -> str:
        from evosim.api.display import parts_of_search, text_of

        return text_of(*parts_of_search(self))

    def _repr_html_(self) -> str:
        from evosim.api.display import html_of, parts_of_search

        return html_of(*parts_of_search(self))


@guarded
def run(
    experiment: Which = "birth-control",
    settings: Settings | None = None,
    *,
    seed: int | None = None,
    replicates: int | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    force: bool = False,
    resume: bool = False,
    progress: bool = False,
) -> Run:
    """Run an experiment, or read it back if its folder already holds it whole.

    `experiment` is a packaged name, the path of a TOML file, a tree, or a resolved `Experiment`;
    `settings` are dotted paths and their values, as `--set`, or a polars frame of one row; a null
    leaves its parameter alone. `progress` shows a line on standard error. Raises `UserError`.
    """
    from evosim.runtime.progress import shown
    from evosim.runtime.text_layout import Screen

    for name, value in {"force": force, "resume": resume, "progress": progress}.items():
        flag(value, name)
    chosen = resolve(experiment, settings, seed=seed, replicates=replicates)
    if on_landscape(chosen):
        raise UserError(
            f"world.name must be a pair of worlds to be run in, but '{chosen.world.name}' is a"
            " landscape over real vectors. Use evosim.search."
        )
    with shown(Screen(stderr=True, quiet=not progress), execute.number_of_runs(chosen)) as line:
        recorded, _ = execute.run(
            chosen,
            out=maybe_path(out, "out", "'results/mine'"),
            threads=whole(threads, "threads", 1),
            force=force,
            resume=resume,
            options=SessionOptions(progress=line if progress else None),
        )
    return Run(recorded)


@guarded
def search(
    experiment: Which,
    settings: Settings | None = None,
    *,
    seed: int | None = None,
    replicates: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
) -> Search:
    """Search a landscape over real vectors, or read the search back if its folder already holds it
    whole. Raises `UserError`.
    """
    from evosim.runs.landscape_search import explore
    from evosim.runtime.timing import Clock

    flag(force, "force")
    chosen = resolve(experiment, settings, seed=seed, replicates=replicates)
    if not on_landscape(chosen):
        raise UserError(
            "world.name must be a landscape over real vectors to be searched, but"
            f" '{chosen.world.name}' is a pair of worlds. Use evosim.run."
        )
    summary, _ = explore(
        chosen,
        out=maybe_path(out, "out", "'results/mine'"),
        force=force,
        figures=False,
        clock=Clock(),
    )
    return Search(summary.out)


def resolve(experiment: Which, settings: Settings | None = None, **more: Any) -> Experiment:
    """An experiment with settings put in and every default filled in; nothing runs.

    `more` are `seed` and `replicates`. Raises `UserError`.
    """
    if isinstance(experiment, Experiment):
        tree: dict[str, Any] = experiment.model_dump(mode="json", exclude_none=True)
    elif isinstance(experiment, Mapping):
        tree = copy.deepcopy(dict(experiment))
    else:
        tree = copy.deepcopy(
            read_experiment(str(a_path(experiment, "experiment", "'birth-control'")))
        )
    for key, value in (
        _settings(settings) | {key: value for key, value in more.items() if value is not None}
    ).items():
        set_value(tree, key, value, f"settings['{key}']")
    return with_own_words(resolved_of(tree))


def _settings(settings: Settings | None) -> dict[str, Any]:
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
    """A value as TOML has it: of NumPy and polars what they hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, pl.Series) or type(value).__module__.partition(".")[0] == "numpy":
        value = value.tolist() if hasattr(value, "tolist") else value.to_list()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@guarded
def load(folder: str | Path) -> Run | Sweep | Search:
    """What a folder holds: a run, a sweep, or a search of a landscape.

    Raises `UserError` if it is none of them.
    """
    folder = a_path(folder, "folder", "'results/runs/FOLDER'")
    if (folder / SWEEP_FILE).is_file():
        return Sweep(folder)
    if (
        (folder / "experiment.toml").is_file()
        and (folder / "provenance.json").is_file()
        and on_landscape(resolved_of(read_toml(folder / "experiment.toml")))
    ):
        return Search(folder)
    return Run(read_run(folder))


@guarded
def account(
    population: pl.DataFrame, experiment: Which = "birth-control", settings: Settings | None = None
) -> Population:
    """What a population of one's own would lose in an experiment's worlds: "what would your
    population lose?".

    Columns of `population`: `class` (numbers of the grid), or one for each locus that varies: its
    expressed value, or a list of its alleles. `count`: how many (1). `seed`: several populations at
    once, for intervals (0). `kept`: what drivers leave of fitness (1). The grid is enumerated for
    it: seconds, or more if it is large; `run.population(frame)` uses what a run has recorded.
    Raises `UserError`.
    """
    return account_of(population, resolve(experiment, settings))


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
    """Compute a sweep on this machine, or go on with it, as `evosim sweep run` does.

    `file` is the path of a sweep file, or what it says as a tree: `{"name": ..., "experiment": ...,
    "grid": {"optimizer.population": [100, 200]}}`. `workers` are processes: one for each processor.
    `progress` shows a line on standard error. Raises `UserError`; runs that fail are told in
    `status` and in column `error`.
    """
    import tomli_w

    from evosim.config.validation import check_plain
    from evosim.sweeps.execute import begin, go_on
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
        asked = written(tomli_w.dumps(tree).encode(), Path("sweep.toml"))
    else:
        asked = read_sweep(a_path(file, "file", "'sweep.toml'"))
    workers, threads = whole(workers, "workers", 2), whole(threads, "threads", 1)
    store = begin(
        asked, maybe_path(out, "out", "'results/sweeps/mine'"), other_sources=other_sources
    )
    more: dict[str, Any] = {"showing": _progressing} if progress else {}
    go_on(
        store,
        workers=workers,
        threads=threads,
        retry_failed=retry_failed,
        other_sources=other_sources,
        **more,
    )
    return Sweep(store.folder)


@contextmanager
def _progressing(runs: int, chunks: int) -> Iterator[Tell]:
    from evosim.runtime.text_layout import Screen
    from evosim.sweeps.progress import progressing

    with progressing(Screen(stderr=True), runs, 0, 0) as tell:
        yield tell


@guarded
def compare(
    base: Run | str | Path, other: Run | str | Path, *others: Run | str | Path
) -> Comparison:
    """Runs held against the first of them: parameters that differ, accounts side by side,
    differences with intervals. Raises `UserError`.
    """
    from evosim.api.comparison import compared

    return compared([_a_run(one).recorded for one in (base, other, *others)])


def _a_run(one: Run | str | Path) -> Run:
    found = one if isinstance(one, Run) else load(one)
    if not isinstance(found, Run):
        raise UserError(
            f"{found.folder} must be a run to be compared, but is a {type(found).__name__.lower()}."
            " Give the folder of a run."
        )
    return found
