"""The command `evosim run`."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evosim.cli.options import FORMATS, AsJson, ExperimentName, Settings, with_option_groups
from evosim.cli.output import (
    print_account,
    print_end,
    warn,
    warn_of_imports,
    warn_of_other_code,
    warn_of_read_only,
    warn_of_unusual_values,
)
from evosim.errors import Interrupted, UserError
from evosim.runtime.interrupts import StopRequests, describe_wall_time, seconds_of, wall_time_of
from evosim.runtime.terminal import echo
from evosim.runtime.timing import Clock

if TYPE_CHECKING:
    from evosim.config.schema import Experiment
    from evosim.runs.background_figures import FigureProcess


@dataclass(frozen=True)
class RunOptions:
    """The options of `evosim run`."""

    seed: Annotated[int | None, typer.Option(help="Seed of the first replicate.")] = None
    replicates: Annotated[
        int | None, typer.Option(help="Number of replicates; seeds count up from --seed.")
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run. Default: results/runs/NAME-DIGEST-sSEED."),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(help="Threads and processes of the run; results do not depend on it."),
    ] = None
    force: Annotated[
        bool, typer.Option("--force", help="Repeat the run if its folder already holds it.")
    ] = False
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue this run if it was interrupted.")
    ] = False
    wall_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Stop within this time, e.g. 02:00:00 or 90m. Resume later. Exit code 75.",
        ),
    ] = None
    checkpoint_every: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="How often to save a checkpoint (0: only when interrupted)."
        ),
    ] = "5m"
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the figures.")] = (
        True
    )
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time, memory and disk, and write nothing.")
    ] = False
    details: Annotated[
        bool, typer.Option("--details", help="Also print all accounts, not the losses alone.")
    ] = False
    as_json: AsJson = False


@with_option_groups
def run(
    experiment: ExperimentName = "three-losses", settings: Settings = None, *, options: RunOptions
) -> None:
    """Run an experiment (default: three-losses) and print the split of the loss.

    EXPERIMENT may also be the folder of an interrupted run (FOLDER.partial).
    """
    clock = Clock()
    interval = seconds_of(options.checkpoint_every, "--checkpoint-every")
    if options.resume and options.force:
        raise UserError(
            "--resume continues a run and --force starts it again, but both are given. Leave one"
            " of them out."
        )
    wall_time = options.wall_time
    with StopRequests(None if wall_time is None else wall_time_of(wall_time)) as stop_requests:
        try:
            limit = describe_wall_time(wall_time) if wall_time is not None else None
            chosen, out = _choose(experiment, settings or [], options, clock)
            if limit:
                warn(limit)
            warn_of_imports(chosen)
            _start(chosen, out, options, interval, clock, stop_requests)
        except Exception as error:
            if stop := stop_requests.behind(error):
                raise stop from None
            raise


def _choose(
    experiment: str, settings: list[str], options: RunOptions, clock: Clock
) -> tuple[Experiment, Path | None]:
    """The resolved experiment, and the folder of the run if the user chose one."""
    with clock.stage("imports"):
        from evosim.config.differences import with_own_words
        from evosim.config.experiments import read_experiment
        from evosim.config.resolve import resolve
        from evosim.config.settings import apply_settings

    given = {"seed": options.seed, "replicates": options.replicates}
    from_options = [f"{name}={value}" for name, value in given.items() if value is not None]
    experiment, out = _of_partial(experiment, options.out)
    tree = apply_settings(read_experiment(experiment), [*settings, *from_options])
    return with_own_words(resolve(tree)), out


def _start(
    experiment: Experiment,
    out: Path | None,
    options: RunOptions,
    interval: float,
    clock: Clock,
    stop_requests: StopRequests,
) -> None:
    """Estimate the run, search a landscape, or run the experiment."""
    with clock.stage("imports"):
        from evosim.config.landscape_search import on_landscape
        from evosim.runs.background_figures import FigureProcess

    if options.dry_run:
        _estimate(experiment, out, options, stop_requests)
    elif on_landscape(experiment):
        _search_landscape(experiment, out, options, clock, stop_requests)
    else:
        with FigureProcess() as figure_process:
            recorded, fresh = _execute(
                experiment, out, options, interval, clock, stop_requests, figure_process
            )
            _account(recorded, fresh, options, clock, stop_requests, figure_process)


def _execute(
    experiment: Experiment,
    out: Path | None,
    options: RunOptions,
    interval: float,
    clock: Clock,
    stop_requests: StopRequests,
    figure_process: FigureProcess,
) -> tuple[Any, bool]:
    """Run an experiment into its folder. Returns the recorded run, and whether it is new."""
    with clock.stage("imports"):
        from evosim.runs import execute
        from evosim.runs.estimate import RuntimeEstimator
        from evosim.runs.session import SessionOptions
        from evosim.runtime.progress import progress_line
        from evosim.runtime.text_layout import Screen

    def on_ready() -> None:
        """Called when everything is accepted, before the first generation."""
        warn_of_unusual_values(experiment)
        if options.figures:
            figure_process.start()

    screen = Screen(stderr=True, quiet=options.as_json)
    with progress_line(screen, execute.number_of_runs(experiment)) as progress:
        recorded, fresh = execute.run(
            experiment,
            out=out,
            threads=options.threads,
            force=options.force,
            resume=options.resume,
            clock=clock,
            options=SessionOptions(
                stop_requested=stop_requests,
                checkpoint_requested=stop_requests.checkpoint_requested,
                interval=interval,
                log=warn,
                progress=RuntimeEstimator(experiment, warn, progress),
                on_ready=on_ready,
            ),
        )
    if not fresh and not options.as_json:
        echo(f"{recorded.folder} already holds this run; showing it again (--force repeats it).")
    warn_of_other_code(recorded)
    return recorded, fresh


def _account(
    recorded: Any,
    fresh: bool,
    options: RunOptions,
    clock: Clock,
    stop_requests: StopRequests,
    figure_process: FigureProcess,
) -> None:
    """Analyse a whole run, draw its figures and print its account."""
    from evosim.runs import accounts

    try:
        with clock.stage("analysis"):
            summary = accounts.summary_of(recorded, again=fresh)
        _draw(recorded, fresh, options.figures, clock, figure_process)
        print_account(
            recorded,
            summary,
            options.as_json,
            clock,
            details=options.details,
            shown_again=not fresh,
        )
    except BaseException as error:
        if (stop := stop_requests.behind(error)) is None:
            raise
        name = shlex.quote(str(recorded.folder))
        commands = f"'evosim analyze {name}'"
        if options.figures:
            commands += f" and 'evosim figures {name}'"
        raise Interrupted(
            f"stopped by {stop}; the run is whole in {recorded.folder}. To complete its account:"
            f" {commands}",
            stop.code,
        ) from None


def _draw(
    recorded: Any, fresh: bool, wanted: bool, clock: Clock, figure_process: FigureProcess
) -> None:
    """Draw the figures that are missing, where this user can write."""
    from evosim.figures.drawing_engine import NoDrawingEngine
    from evosim.runs import accounts, figures
    from evosim.runtime.atomic_files import may_write

    if not fresh and not may_write(recorded.folder):
        missing = wanted and not figures.has_figures(recorded)
        if accounts.only_in_memory(recorded) or missing:
            warn_of_read_only(recorded)
        return
    if not wanted or (not fresh and figures.has_figures(recorded)):
        return
    names = figures.figures_missing(recorded.folder)
    try:
        with clock.stage("figures"):
            if names or not figure_process.draw(recorded.folder, FORMATS, warn):
                figures.draw(recorded, formats=FORMATS, names=names, on_failure=warn)
    except NoDrawingEngine as error:
        warn(str(error))


def _estimate(
    experiment: Experiment, out: Path | None, options: RunOptions, stop_requests: StopRequests
) -> None:
    """Time a few generations, and print what the run would take."""
    from dataclasses import asdict

    from evosim.config.landscape_search import on_landscape
    from evosim.config.resolve import build
    from evosim.runs import estimate
    from evosim.runs.folder import run_folder
    from evosim.runtime import threads as runtime_threads
    from evosim.runtime.atomic_files import free_at

    if on_landscape(experiment):
        raise UserError(
            f"--dry-run needs a pair of worlds, but '{experiment.world.name}' is a landscape over"
            " real vectors. Leave --dry-run out: such a search takes seconds."
        )
    runtime_threads.use_threads(options.threads)
    setting = build(experiment)
    warn_of_unusual_values(experiment)
    if not options.as_json:
        warn("timing a few generations ...")
    cost = estimate.estimate_run(
        setting, figures=options.figures, threads=options.threads, stop_requested=stop_requests
    )
    free = free_at(run_folder(experiment, out))
    if options.as_json:
        typer.echo(json.dumps(asdict(cost) | {"seconds": cost.seconds, "free": free}, indent=1))
        return
    for line in estimate.format_cost(cost, setting, free):
        echo(line)


def _search_landscape(
    experiment: Experiment,
    out: Path | None,
    options: RunOptions,
    clock: Clock,
    stop_requests: StopRequests,
) -> None:
    """Search a landscape over real vectors, and print the result."""
    with clock.stage("imports"):
        from evosim.runs.landscape_search import explore, same_code
        from evosim.runtime.text_layout import Screen

    summary, fresh = explore(
        experiment,
        out=out,
        force=options.force,
        figures=options.figures,
        clock=clock,
        stop_requested=stop_requests,
    )
    warn_of_unusual_values(experiment)
    folder, seconds = Path(summary.out), clock.as_dict()
    same = same_code(folder)
    if not same:
        warn(f"{folder} was made by other code; --force repeats the run.")
    if options.as_json:
        facts = {
            "shown_again": not fresh,
            "same_code": same,
            "elapsed_s": round(sum(seconds.values()), 3),
            "seconds": seconds,
        }
        typer.echo(json.dumps(summary.as_dict() | facts, indent=1))
        return
    from evosim.runs.figures import figures_missing
    from evosim.tables import screen

    if not fresh:
        echo(f"{folder} already holds this run; showing it again (--force repeats it).")
    console = Screen()
    screen.show_search(console, experiment.title or experiment.name, summary)
    contents = "Paths and figures" if figures_missing(folder) == [] else "Paths"
    print_end(console, f"{contents}: {folder}", f"({sum(seconds.values()):.1f} s)")


def _of_partial(experiment: str, out: Path | None) -> tuple[str, Path | None]:
    """The experiment file and the folder of an interrupted run, if its folder was given.

    Parameters
    ----------
    experiment : str
        The argument of the command: a name, a file or a folder.
    out : Path or None
        The option `--out`.

    Returns
    -------
    str
        The experiment file in the folder, or `experiment` itself if that is no such folder.
    Path or None
        The folder of the run (which may be whole by now), or `out`.

    Raises
    ------
    UserError
        If `--out` names another folder.
    """
    from evosim.runtime.output_folders import folder_of

    partial = Path(experiment)
    folder = folder_of(partial)
    if folder is None:
        return experiment, out
    holding = next(
        (path for path in (partial, folder) if (path / "experiment.toml").is_file()), None
    )
    if holding is None:
        return experiment, out
    if out not in (None, folder):
        raise UserError(
            f"an interrupted run continues in its own folder, {folder}, but --out is {out}. Leave"
            " --out out."
        )
    return str(holding / "experiment.toml"), folder
