"""The command `evosim run`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from evosim.cli.common import (
    FORMATS,
    AsJson,
    Settings,
    Which,
    note,
    print_account,
    show_end,
    warn,
    warn_of_imports,
    warn_of_other_code,
    warn_of_read_only,
)
from evosim.errors import Interrupted, UserError
from evosim.runtime.interrupts import Watch, how_read, seconds_of, wall_time_of
from evosim.runtime.terminal import echo
from evosim.runtime.timing import Clock


def run(
    experiment: Which = "birth-control",
    settings: Settings = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first replicate.")] = None,
    replicates: Annotated[
        int | None, typer.Option(help="Number of replicates; seeds count up from --seed.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run. Default: results/runs/NAME-DIGEST-sSEED."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of the kernels; results do not depend on it.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Repeat the run if its folder already holds it.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with this run if it was interrupted.")
    ] = False,
    wall_time: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Stop within this time, e.g. 02:00:00 or 90m, to be resumed; exit code 75.",
        ),
    ] = None,
    checkpoint_every: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Keep what a killed run needs to be resumed so often; 0: only when stopped.",
        ),
    ] = "5m",
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="Draw the figures.")
    ] = True,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Time a few generations, say what the run will take, and write nothing.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run an experiment (default: birth-control) and print the split of the loss.

    EXPERIMENT may also be the folder of an interrupted run (FOLDER.partial).
    """
    clock = Clock()
    every = seconds_of(checkpoint_every, "--checkpoint-every")
    if resume and force:
        raise UserError(
            "--resume must not be given with --force, which starts afresh, but is. Leave one of"
            " them out."
        )
    with Watch(None if wall_time is None else wall_time_of(wall_time)) as watch:
        try:
            limit = how_read(wall_time) if wall_time is not None else None
            _run(
                clock,
                watch,
                every,
                limit,
                experiment,
                settings,
                seed,
                replicates,
                out,
                threads,
                force,
                resume,
                figures,
                dry_run,
                as_json,
            )
        except Exception as error:
            if stop := watch.behind(error):
                raise stop from None
            raise


def _run(
    clock: Clock,
    watch: Watch,
    every: float,
    limit: str | None,
    experiment: str,
    settings: list[str] | None,
    seed: int | None,
    replicates: int | None,
    out: Path | None,
    threads: int | None,
    force: bool,
    resume: bool,
    figures: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """What `run` does while signals and time are watched."""
    with clock.stage("imports"):
        from evosim.config.landscape_search import on_landscape
        from evosim.config.resolve import resolve
        from evosim.config.toml_files import apply_settings, read_experiment
        from evosim.config.toml_out import with_own_words
        from evosim.figures.drawing_engine import NoPen
        from evosim.runs import accounts, execute
        from evosim.runs import figures as runs_figures
        from evosim.runs.background_figures import Easel
        from evosim.runs.estimate import Foresight
        from evosim.runtime.atomic_files import may_write
        from evosim.runtime.progress import shown
        from evosim.runtime.text_layout import Screen

    extra = [
        f"{name}={value}"
        for name, value in (("seed", seed), ("replicates", replicates))
        if value is not None
    ]
    experiment, out = _of_partial(experiment, out)
    chosen = with_own_words(
        resolve(apply_settings(read_experiment(experiment), [*(settings or []), *extra]))
    )
    if limit:
        warn(limit)
    warn_of_imports(chosen)
    if dry_run:
        _foresee(chosen, out, threads, figures, as_json, watch)
        return
    if on_landscape(chosen):
        _explore(chosen, out, force, figures, as_json, clock, watch)
        return

    def begun() -> None:
        """What is done when all was accepted, and the first generation is about to come."""
        note(chosen)
        if figures:
            easel.get_ready()

    with Easel() as easel:
        with shown(Screen(stderr=True, quiet=as_json), execute.number_of_runs(chosen)) as progress:
            recorded, fresh = execute.run(
                chosen,
                out=out,
                threads=threads,
                force=force,
                progress=Foresight(chosen, warn, progress),
                clock=clock,
                meanwhile=begun,
                resume=resume,
                watch=watch,
                every=every,
                tell=warn,
                asked=watch.asked,
            )
        if not fresh and not as_json:
            echo(
                f"{recorded.folder} already holds this run; showing it again (--force repeats it)."
            )
        warn_of_other_code(recorded)
        try:
            with clock.stage("analysis"):
                summary = accounts.summary_of(recorded, again=fresh) | {"shown_again": not fresh}
            if not fresh and not may_write(recorded.folder):
                if accounts.only_in_memory(recorded) or (
                    figures and not runs_figures.figures_there(recorded)
                ):
                    warn_of_read_only(recorded)
            elif figures and (fresh or not runs_figures.figures_there(recorded)):
                missing = runs_figures.figures_missing(recorded.folder)
                try:
                    with clock.stage("figures"):
                        if missing or not easel.draw(recorded.folder, FORMATS, warn):
                            runs_figures.draw(recorded, formats=FORMATS, names=missing, failed=warn)
                except NoPen as error:
                    warn(str(error))
            print_account(recorded, summary, as_json, clock)
        except BaseException as error:
            if (stop := watch.behind(error)) is None:
                raise
            name = shlex.quote(str(recorded.folder))
            rest = f"'evosim analyze {name}'" + (
                f" and 'evosim figures {name}' do" if figures else " does"
            )
            raise Interrupted(
                f"stopped by {stop}; the run is whole in {recorded.folder}: {rest} what is left",
                stop.code,
            ) from None


def _foresee(
    chosen: Any, out: Path | None, threads: int | None, figures: bool, as_json: bool, watch: Watch
) -> None:
    """Say what a run will take."""
    from dataclasses import asdict

    from evosim.config.landscape_search import on_landscape
    from evosim.config.resolve import build
    from evosim.runs import estimate
    from evosim.runs.folder import run_folder
    from evosim.runtime import threads as runtime_threads
    from evosim.runtime.atomic_files import free_at

    if on_landscape(chosen):
        raise UserError(
            "--dry-run must be of a run in worlds to be lived in, but this searches a landscape."
            " Leave it out: such searches take seconds."
        )
    runtime_threads.use_threads(threads)
    setting = build(chosen)
    note(chosen)
    if not as_json:
        warn("timing a few generations ...")
    found, free = (
        estimate.foresee(setting, figures=figures, watch=watch),
        free_at(run_folder(chosen, out)),
    )
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"seconds": found.seconds, "free": free}, indent=1))
        return
    for line in estimate.told(found, setting, free):
        echo(line)


def _explore(
    chosen: Any,
    out: Path | None,
    force: bool,
    figures: bool,
    as_json: bool,
    clock: Clock,
    watch: Watch,
) -> None:
    """Search a landscape over real vectors, and print what came of it."""
    with clock.stage("imports"):
        from evosim.runs.landscape_search import explore, same_code
        from evosim.runtime.text_layout import Screen

    summary, fresh = explore(
        chosen, out=out, force=force, figures=figures, clock=clock, watch=watch
    )
    note(chosen)
    same, seconds = same_code(Path(summary["out"])), clock.told()
    if not same:
        warn(f"{summary['out']} was made by other code; --force repeats it.")
    if as_json:
        told = {
            "shown_again": not fresh,
            "same_code": same,
            "elapsed_s": round(sum(seconds.values()), 3),
            "seconds": seconds,
        }
        typer.echo(json.dumps(summary | told, indent=1))
        return
    from evosim.runs.figures import figures_missing
    from evosim.tables import screen

    if not fresh:
        echo(f"{summary['out']} already holds this run; showing it again (--force repeats it).")
    console = Screen()
    screen.show_search(console, chosen.title or chosen.name, summary)
    show_end(
        console,
        f"{'Paths and figures' if figures_missing(Path(summary['out'])) == [] else 'Paths'}:"
        f" {summary['out']}",
        f"({sum(seconds.values()):.1f} s)",
    )


def _of_partial(experiment: str, out: Path | None) -> tuple[str, Path | None]:
    """What to run, and where, if the folder of an interrupted run was given, or of one that is
    whole by now. Raises `UserError`.
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
            f"--out must be left out where an interrupted run is given, but is {out}. Its folder is"
            f" {folder}."
        )
    return str(holding / "experiment.toml"), folder
