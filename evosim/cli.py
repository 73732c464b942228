"""The command line: parse, print, exit. Heavy imports happen inside the commands, so that help is quick."""

from __future__ import annotations

import sys
from pathlib import Path

from evosim import whole

if __name__ == "__main__" or Path(sys.argv[0]).stem == "evosim":
    whole.begin()

import contextlib
import json
import os
import shlex
import time
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from evosim.claims.commands import claims
from evosim.clock import Clock
from evosim.errors import Interrupted, Stop, UserError, in_one_line, of_system
from evosim.machine import check_addresses
from evosim.new import new
from evosim.output import UNHEARD, ReaderGone, Unheard, open_what_is_closed, told
from evosim.report.commands import report
from evosim.sweeps.commands import sweep
from evosim.terminal import echo
from evosim.version import __version__
from evosim.watch import Watch, how_read, seconds_of, stoppable, wall_time_of

ALLOW = "allow_import"


def _allow(modules: list[str] | None) -> None:
    """Let files name these modules, in this process and in those that it starts."""
    if modules:
        from evosim.installed import allow_import

        allow_import(*modules)


Allow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODULE", help="Import this module if a file names it as gymnasium:MODULE:Env. May be repeated.",
        callback=_allow, is_eager=True, expose_value=False,
    ),
]  # fmt: skip


@cache
def _allowing() -> Any:
    """The option `--allow-import`, made as that of any command."""
    of_none = typer.Typer()

    @of_none.command()
    def none(allow_import: Allow = None) -> None:
        """Nothing but its option is used."""

    return next(option for option in typer.main.get_command(of_none).params if option.name == ALLOW)


class _Whole(TyperGroup):
    """A group of commands whose help has the whole first sentence of each, and not its beginning.

    Each of its commands has the option `--allow-import`.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, with a short help that is not cut."""
        command = super().get_command(ctx, cmd_name)
        if command is None:
            return command
        if command.help and not command.short_help:
            command.short_help = command.help.partition("\n\n")[0].partition("\f")[0]
        grouped = isinstance(command, TyperGroup)
        if not grouped and all(option.name != ALLOW for option in command.params):
            command.params.append(_allowing())
        return command


app = typer.Typer(
    name="evosim",
    cls=_Whole,
    help="A laboratory for base and mesa optimizers: evolve planners, swap the world, say where the loss came from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # panels cut words where a terminal is narrow
)
app.add_typer(sweep, name="sweep", cls=_Whole)
app.add_typer(new, name="new", cls=_Whole)
app.command()(claims)
app.command()(report)

Which = Annotated[str, typer.Argument(help="An experiment of 'evosim list', or a TOML file.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter, e.g. optimizer.population=100.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
RunFolder = Annotated[Path, typer.Argument(help="A run's folder.")]
LEAST_TOLD = 0.05  # seconds
FORMATS = ("png", "svg", "pdf")
COMPILING = ("run", "analyze", "verify", "claims")  # commands that compute; a sweep's workers look for themselves


def _version(asked: bool) -> None:
    if asked:
        echo(f"evosim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """A laboratory for base and mesa optimizers."""
    if ctx.invoked_subcommand in COMPILING and "--help" not in sys.argv:
        check_addresses()  # before any library is loaded that ends the process


@app.command()
def run(
    experiment: Which = "birth-control",
    settings: Settings = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first replicate.")] = None,
    replicates: Annotated[int | None, typer.Option(help="Number of replicates; seeds count up from --seed.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run. Default: results/runs/NAME-DIGEST-sSEED.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the kernels; results do not depend on it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Repeat the run if its folder already holds it.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with this run if it was interrupted.")] = False,
    wall_time: Annotated[str | None, typer.Option(metavar="TIME", help="Stop within this time, e.g. 02:00:00 or 90m, to be resumed; exit code 75.")] = None,
    checkpoint_every: Annotated[str, typer.Option(metavar="TIME", help="Keep what a killed run needs to be resumed so often; 0: only when stopped.")] = "5m",
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the figures.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Time a few generations, say what the run will take, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run an experiment (default: birth-control) and print the split of the loss.

    EXPERIMENT may also be the folder of an interrupted run (FOLDER.partial).
    """
    clock = Clock()
    every = seconds_of(checkpoint_every, "--checkpoint-every")
    if resume and force:
        raise UserError("--resume must not be given with --force, which starts afresh, but is. Leave one of them out.")
    with Watch(None if wall_time is None else wall_time_of(wall_time)) as watch:
        try:
            limit = how_read(wall_time) if wall_time is not None else None
            _run(clock, watch, every, limit, experiment, settings, seed, replicates, out, threads, force, resume, figures, dry_run, as_json)
        except Exception as error:
            if stop := watch.behind(error):
                raise stop from None
            raise


def _run(
    clock: Clock, watch: Watch, every: float, limit: str | None, experiment: str, settings: list[str] | None, seed: int | None, replicates: int | None,
    out: Path | None, threads: int | None, force: bool, resume: bool, figures: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """What `run` does while signals and time are watched."""
    with clock.stage("imports"):
        from evosim import workflow
        from evosim.compose import on_landscape, resolve, with_own_words
        from evosim.cost import Foresight
        from evosim.easel import Easel
        from evosim.files import may_write
        from evosim.layout import Screen
        from evosim.params import apply_settings, read_experiment
        from evosim.pen import NoPen
        from evosim.progress import shown

    extra = [f"{name}={value}" for name, value in (("seed", seed), ("replicates", replicates)) if value is not None]
    experiment, out = _of_partial(experiment, out)
    chosen = with_own_words(resolve(apply_settings(read_experiment(experiment), [*(settings or []), *extra])))
    if limit:
        _warn(limit)
    _warn_of_imports(chosen)
    if dry_run:
        _foresee(chosen, out, threads, figures, as_json, watch)
        return
    if on_landscape(chosen):
        _explore(chosen, out, force, figures, as_json, clock, watch)
        return

    def begun() -> None:
        """What is done when all was accepted, and the first generation is about to come."""
        _note(chosen)
        if figures:
            easel.get_ready()

    with Easel() as easel:
        with shown(Screen(stderr=True, quiet=as_json), workflow.number_of_runs(chosen)) as progress:
            recorded, fresh = workflow.run(
                chosen, out=out, threads=threads, force=force, progress=Foresight(chosen, _warn, progress), clock=clock,
                meanwhile=begun, resume=resume, watch=watch, every=every, tell=_warn, asked=watch.asked,
            )  # fmt: skip
        if not fresh and not as_json:
            echo(f"{recorded.folder} already holds this run; showing it again (--force repeats it).")
        _warn_of_other_code(recorded)
        try:
            with clock.stage("analysis"):
                summary = workflow.summary_of(recorded, again=fresh) | {"shown_again": not fresh}
            if not fresh and not may_write(recorded.folder):
                if workflow.only_in_memory(recorded) or (figures and not workflow.figures_there(recorded)):
                    _warn_of_read_only(recorded)
            elif figures and (fresh or not workflow.figures_there(recorded)):
                missing = workflow.figures_missing(recorded.folder)
                try:
                    with clock.stage("figures"):
                        if missing or not easel.draw(recorded.folder, FORMATS, _warn):
                            workflow.draw(recorded, formats=FORMATS, names=missing, failed=_warn)
                except NoPen as error:
                    _warn(str(error))
            _print(recorded, summary, as_json, clock)
        except BaseException as error:
            if (stop := watch.behind(error)) is None:
                raise
            name = shlex.quote(str(recorded.folder))
            rest = f"'evosim analyze {name}'" + (f" and 'evosim figures {name}' do" if figures else " does")
            raise Interrupted(f"stopped by {stop}; the run is whole in {recorded.folder}: {rest} what is left", stop.code) from None


def _foresee(chosen: Any, out: Path | None, threads: int | None, figures: bool, as_json: bool, watch: Watch) -> None:
    """Say what a run will take."""
    from dataclasses import asdict

    from evosim import cost, workflow
    from evosim.compose import build, on_landscape
    from evosim.files import free_at
    from evosim.record import run_folder

    if on_landscape(chosen):
        raise UserError("--dry-run must be of a run in worlds to be lived in, but this searches a landscape. Leave it out: such searches take seconds.")
    workflow.use_threads(threads)
    setting = build(chosen)
    _note(chosen)
    if not as_json:
        _warn("timing a few generations ...")
    found, free = cost.foresee(setting, figures=figures, watch=watch), free_at(run_folder(chosen, out))
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"seconds": found.seconds, "free": free}, indent=1))
        return
    for line in cost.told(found, setting, free):
        echo(line)


def _explore(chosen: Any, out: Path | None, force: bool, figures: bool, as_json: bool, clock: Clock, watch: Watch) -> None:
    """Search a landscape over real vectors, and print what came of it."""
    with clock.stage("imports"):
        from evosim.explore import explore, same_code
        from evosim.layout import Screen

    summary, fresh = explore(chosen, out=out, force=force, figures=figures, clock=clock, watch=watch)
    _note(chosen)
    same, seconds = same_code(Path(summary["out"])), clock.told()
    if not same:
        _warn(f"{summary['out']} was made by other code; --force repeats it.")
    if as_json:
        told = {"shown_again": not fresh, "same_code": same, "elapsed_s": round(sum(seconds.values()), 3), "seconds": seconds}
        typer.echo(json.dumps(summary | told, indent=1))
        return
    from evosim import screen
    from evosim.workflow import figures_missing

    if not fresh:
        echo(f"{summary['out']} already holds this run; showing it again (--force repeats it).")
    console = Screen()
    screen.show_search(console, chosen.title or chosen.name, summary)
    _show_end(console, f"{'Paths and figures' if figures_missing(Path(summary['out'])) == [] else 'Paths'}: {summary['out']}", f"({sum(seconds.values()):.1f} s)")


def _of_partial(experiment: str, out: Path | None) -> tuple[str, Path | None]:
    """What to run, and where, if the folder of an interrupted run was given, or of one that is whole by now. Raises `UserError`."""
    from evosim.places import folder_of

    partial = Path(experiment)
    folder = folder_of(partial)
    if folder is None:
        return experiment, out
    holding = next((path for path in (partial, folder) if (path / "experiment.toml").is_file()), None)
    if holding is None:
        return experiment, out
    if out not in (None, folder):
        raise UserError(f"--out must be left out where an interrupted run is given, but is {out}. Its folder is {folder}.")
    return str(holding / "experiment.toml"), folder


@app.command()
@stoppable("the account was not written; the same command makes it")
def analyze(
    folder: RunFolder,
    genome: Annotated[int | None, typer.Option("--class", help="Account for one class of the grid instead.")] = None,
    never: Annotated[
        list[str] | None, typer.Option("--never", metavar="STATE", help="With --class: certify that it never enters this state (beginning of a name, *), in every world of the experiment.")
    ] = None,
    loses_at_most: Annotated[float | None, typer.Option("--loses-at-most", metavar="LOSS", help="With --class: certify that it loses at most this against the best policy.")] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Also print what each author calls each step.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Also print how far lives in A and in M can differ at all (total variation).")] = False,
    rungs: Annotated[bool, typer.Option("--rungs", help="Print the classes behind the rungs R1 to R5, with their genomes, and stop.")] = False,
    states: Annotated[bool, typer.Option("--states", help="List the states of the worlds, for --never, and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Account for a recorded run again, from its tables, with the reference code."""
    clock = Clock()
    with clock.stage("imports"):
        from evosim import workflow
        from evosim.record import read_run

    recorded = read_run(folder)
    if genome is None and (never or loses_at_most is not None):
        raise UserError(f"--class must be given with --never and --loses-at-most, but is not. Say which class; 'evosim analyze {folder} --rungs' names some.")
    if loses_at_most is not None and not 0.0 <= loses_at_most < float("inf"):
        raise UserError(f"--loses-at-most must be a finite loss of at least 0, but is {loses_at_most}. Change it.")
    if sum((genome is not None, rungs, states)) > 1:
        raise UserError("--class, --rungs and --states must be asked for one at a time, but several are. Leave the others out.")
    if genome is not None or rungs or states:
        _print_part(recorded, genome, never, loses_at_most, rungs, as_json)
        return
    _warn_of_other_code(recorded)
    with clock.stage("analysis"):
        summary = workflow.summary_of(recorded, again=True)
    if workflow.only_in_memory(recorded):
        _warn_of_read_only(recorded)
    _print(recorded, summary, as_json, clock, labels=labels, details=details)


def _print_part(recorded: Any, genome: int | None, never: list[str] | None, loses_at_most: float | None, rungs: bool, as_json: bool) -> None:
    """One class, the classes of the rungs, or the states of the worlds."""
    from evosim import screen, workflow
    from evosim.layout import Screen

    found: Any
    if genome is not None:
        found = workflow.account_of_class(recorded, genome, never or (), loses_at_most)
    else:
        found = workflow.classes_of_rungs(recorded) if rungs else workflow.states_of(recorded)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    elif genome is not None:
        screen.show_class(Screen(), found)
    elif rungs:
        screen.show_rungs(Screen(), found)
    else:
        for world, names in found.items():
            echo(f"{world} ({len(names)} states):")
            for name in names:
                echo(f"  {name}")


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Folders of runs; the first is what the others are held against.")],
    draw: Annotated[bool, typer.Option("--figures", help="Draw figures, into compare-BASE-OTHER beside the base.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the figures.")] = None,
    formats: Annotated[str, typer.Option("--format", help="Of the figures, comma-separated: png, svg, pdf.")] = "png,svg,pdf",
    force: Annotated[bool, typer.Option("--force", help="With --out: write over figures that are there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold runs against each other: parameters that differ, accounts side by side, differences with intervals."""
    from evosim import comparison
    from evosim.errors import unknown
    from evosim.layout import Screen
    from evosim.record import read_run

    wanted = tuple(f.strip() for f in formats.split(","))
    for name in wanted:
        if name not in FORMATS:
            raise unknown("--format", name, FORMATS)
    if out is not None and not draw:
        raise UserError("--out must be given with --figures, which it is for, but is not. Add --figures.")
    found = comparison.compared([read_run(folder) for folder in folders])
    drawn = found.draw(out, wanted, force=force or out is None) if draw else []
    if as_json:
        typer.echo(json.dumps(found.as_data() | {"figures": [str(path) for path in drawn]}, indent=1, allow_nan=False))
        return
    console = Screen()
    comparison.show(console, found)
    if drawn:
        console.print(f"\nFigures: {drawn[0].parent}", soft_wrap=True, markup=False)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a run, a sweep, a search, or of kept results (CSV).")],
    tables: Annotated[list[str] | None, typer.Argument(metavar="[TABLE]...", help="Tables by name; all by default.")] = None,
    format_: Annotated[str, typer.Option("--format", help="csv, parquet or json.")] = "csv",
    out: Annotated[str | None, typer.Option(metavar="DIR|-", help="Folder of the files, or - to print one table. Default: NAME-FORMAT here.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the tables, with rows and what they are, and stop.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    spreadsheets: Annotated[
        bool, typer.Option("--for-spreadsheets", help="CSV: put ' before texts that a spreadsheet would compute (= + - @).")
    ] = False,
) -> None:
    """Write tables as CSV, Parquet or JSON: every digit, nothing for what was not measured."""
    from evosim import export as exporting

    if format_ not in exporting.FORMATS:
        from evosim.errors import unknown

        raise unknown("--format", format_, exporting.FORMATS)
    source = exporting.source_of(folder)
    if listed:
        _list_tables(source)
        return
    if out == "-":
        if len(tables or ()) != 1:
            raise UserError(f"--out - must be given with one table, but is with {len(tables or ()) or 'all'}. Name one; '--list' lists them.")
        name = (tables or [""])[0]
        sys.stdout.flush()
        sys.stdout.buffer.write(exporting.encoded(source.table(name), name, format_, spreadsheets=spreadsheets))
        return
    target = Path(out) if out is not None else exporting.folder_for(source, format_)
    for path in exporting.write(source, tables, target, format_, force=force, spreadsheets=spreadsheets):
        echo(str(path))


def _list_tables(source: Any) -> None:
    from rich.table import Table

    from evosim.layout import Screen
    from evosim.layout import show as show_table

    shown = Table(box=None)
    for column in ("table", "rows", "what it is"):
        shown.add_column(column, justify="right" if column == "rows" else "left")
    for row in source.listed().iter_rows(named=True):
        shown.add_row(row["table"], f"{row['rows']:,}", row["what"])
    show_table(Screen(), shown)


@app.command()
@stoppable("not all figures were drawn; the same command draws them")
def figures(
    folder: Annotated[Path | None, typer.Argument(help="The folder of a run, of a sweep, or of a landscape's search.")] = None,
    names: Annotated[list[str] | None, typer.Argument(help="Figures of 'evosim figures --list'. Default: all that there is something of.")] = None,
    size: Annotated[str, typer.Option(help="screen; one: a column of 85 mm; two: two columns, 178 mm.")] = "screen",
    formats: Annotated[str, typer.Option("--format", help="Comma-separated: png, svg, pdf, html.")] = "png,svg,pdf",
    usual: Annotated[bool, typer.Option("--usual", help="Only those that are drawn unasked.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List all figures, and stop.")] = False,
) -> None:
    """Draw figures of a run, of a sweep, or of the search of a landscape into its folder."""
    from evosim import gallery

    if listed:
        from evosim.layout import Screen
        from evosim.layout import show as show_table

        show_table(Screen(), gallery.table())
        return
    if folder is None:
        raise UserError("FOLDER must be given, but is not. 'evosim figures --list' lists all figures.")
    for path in gallery.draw(folder, names or [], gallery.formats_of(formats), size, usual=usual, tell=_warn):
        echo(str(path))


@app.command(name="list")
def list_(
    what: Annotated[str | None, typer.Argument(help="One kind (worlds, genomes, ...) or one name. Default: all.")] = None,
) -> None:
    """List experiments, worlds, genomes and base optimizers."""
    from rich.table import Table

    from evosim.installed import broken, offered
    from evosim.layout import Screen
    from evosim.layout import show as show_table
    from evosim.optimizers.catalogue import WHAT
    from evosim.optimizers.vectors import VECTOR_WHAT
    from evosim.params import named_experiments, read_toml
    from worlds import LANDSCAPES

    groups: dict[str, dict[str, str]] = {
        "experiments": {name: read_toml(path).get("title", "") for name, path in named_experiments().items()},
        "worlds": offered("world"),
        "landscapes": {name: entry.what for name, entry in LANDSCAPES.items()},
        "genomes": offered("genome"),
        "optimizers": WHAT,
        "optimizers on a landscape": VECTOR_WHAT,
    }
    groups = _chosen(groups, what) if what is not None else groups
    for words in broken():
        _warn(words)
    console = Screen()
    widest = max(len(name) for entries in groups.values() for name in entries)
    for kind, entries in groups.items():
        console.print(kind, style="bold", highlight=False)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column()
        table.add_column()
        for name, what in entries.items():
            if not console.is_terminal:  # for grep: a line each
                echo(f"  {name:{widest}}  {what}")
            table.add_row(f"  {name:{widest}}", what)
        if console.is_terminal:
            show_table(console, table)


def _chosen(groups: dict[str, dict[str, str]], what: str) -> dict[str, dict[str, str]]:
    """The groups of a kind, in the singular or the plural, or the entries of a name. Raises `UserError`."""
    from evosim.errors import unknown

    wanted = what.lower()
    for kind in groups:
        if wanted in (kind, kind.removesuffix("s")):
            return {name: entries for name, entries in groups.items() if name.startswith(kind)}
    named = {kind: {name: words for name, words in entries.items() if name == what} for kind, entries in groups.items()}
    found = {kind: entries for kind, entries in named.items() if entries}
    if not found:
        raise unknown("what is listed", what, {*groups, *(name for entries in groups.values() for name in entries)})
    return found


@app.command()
def show(experiment: Which = "birth-control", settings: Settings = None) -> None:
    """Print an experiment with every parameter filled in: a TOML file to start one's own from."""
    from evosim.compose import build, build_landscape, commented, on_landscape, resolve, with_own_words
    from evosim.params import apply_settings, read_experiment

    resolved = with_own_words(resolve(apply_settings(read_experiment(experiment), settings or [])))
    if on_landscape(resolved):
        build_landscape(resolved, resolved.seed)
    else:
        build(resolved)

    _note(resolved)
    echo(commented(resolved), nl=False)


@app.command()
@stoppable("not all laws were checked; nothing was written")
def verify(
    laws: Annotated[list[str] | None, typer.Argument(help="Laws to check, hyphens for spaces; all by default ('evosim verify --list').")] = None,
    slow: Annotated[bool, typer.Option("--slow", help="Every case with all replicates: minutes.")] = False,
    faults: Annotated[bool, typer.Option("--faults", help="Also plant faults: each must turn its law red.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List laws, their sources and their faults, and stop.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Print every comparison.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check this installation against population genetics. Exit code 1 if a law does not hold."""
    from evosim.errors import unknown
    from evosim.layout import Screen
    from evosim.verify import LAWS, gate, telling

    console = Screen()
    start = time.perf_counter()

    wanted = [name.replace("-", " ") if name not in LAWS else name for name in laws or ()]
    for name in wanted:
        if name not in LAWS:
            raise unknown("a law", name, LAWS)
    chosen = [LAWS[name] for name in wanted] or list(LAWS.values())
    if listed:
        telling.show_laws(console, chosen)
        return
    if slow and len(chosen) == len(LAWS):
        _warn("every case with all replicates: about 6 min on two processors that have nothing else to do" + (", and the faults" if faults else ""))
    say = (lambda verdict: None) if as_json else (lambda verdict: telling.show_verdict(console, verdict, details=details))
    verdicts = gate(chosen, slow=slow, faults=faults, tell=say)
    wrong = [v for v in verdicts if v.green == bool(v.fault)]
    if as_json:
        typer.echo(json.dumps(telling.gate_as_data(verdicts), indent=1))
    else:
        telling.show_gate(console, verdicts, time.perf_counter() - start)
    if wrong:
        raise typer.Exit(1)


def _warn_of_imports(chosen: Any) -> None:
    """Say which modules are about to be imported because a file names them."""
    from evosim.installed import will_import
    from evosim.record import choice_of

    for words in will_import([choice_of(chosen)]):
        _warn(words)


def _warn_of_other_code(recorded: Any) -> None:
    """Say on standard error where a run was made by other sources than these; `same_code` in JSON says it too."""
    from evosim import workflow

    if not workflow.same_code(recorded):
        made_by = recorded.provenance["evosim"]
        echo(f"evosim: {recorded.folder} was made by other code (evosim {made_by}); --force repeats it.", err=True)


def _warn_of_read_only(recorded: Any) -> None:
    """Say on standard error that this user may not write into the folder of a run."""
    _warn(f"{recorded.folder} is read-only for this user: accounts are shown and not kept, and no figures are drawn there.")


def _print(recorded: Any, summary: dict[str, Any], as_json: bool, clock: Clock, *, labels: bool = False, details: bool = False) -> None:
    from evosim import workflow

    seconds = clock.told()
    whole = {"elapsed_s": round(sum(seconds.values()), 3), "seconds": seconds}
    summary = {**summary, "same_code": workflow.same_code(recorded), **whole}
    if as_json:
        typer.echo(json.dumps(summary, indent=1))
        return
    from evosim import screen
    from evosim.layout import Screen

    console = Screen()
    screen.show(console, recorded.experiment.title or recorded.experiment.name, summary, details=details)
    if labels:
        screen.show_labels(console, summary)
    whole_account = "Tables" if workflow.only_in_memory(recorded) else "Tables, accounts" if workflow.figures_there(recorded) else "Tables and accounts"
    what = f"{whole_account} and figures" if workflow.figures_there(recorded) else whole_account
    spent = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items() if value >= LEAST_TOLD)
    _show_end(console, f"{what}: {recorded.folder}", f"({summary['elapsed_s']:.1f} s: {spent})")


def _show_end(console: Any, where: str, spent: str) -> None:
    """Where all is, in a line that no break of ours cuts, and the time it took: behind it or, without room, below it."""
    from evosim.layout import say

    beside = len(where) + 3 + len(spent) <= console.width
    console.print(f"\n{where}{f'   {spent}' if beside else ''}", soft_wrap=True, markup=False)
    if not beside:
        say(console, spent)


def _note(chosen: Any) -> None:
    """Note legal values that look like slips, on standard error."""
    from evosim.compose import oddities

    for words in oddities(chosen):
        _warn(words)


def _warn(words: str) -> None:
    """A line on standard error, if somebody is still there to read it."""
    with contextlib.suppress(OSError):
        echo(f"evosim: {words}", err=True)


INTERRUPTED = 130

# The base of the parser's own complaints; which package it lives in depends on the version of typer.
_Complaint: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def main() -> None:
    """Entry point: mistakes are one line and exit code 2, a signal is 128 and its number (Ctrl-C: 130), the wall time 75."""
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        whole.check()
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:  # how the parser reports Ctrl-C
            raise KeyboardInterrupt
        sys.exit(code)
    except UserError as error:
        _warn(str(error))
        sys.exit(2)
    except _Complaint as complaint:
        words = " ".join(complaint.format_message().split())  # type: ignore[attr-defined]
        _warn(f"{in_one_line(words.rstrip('.'))}. See 'evosim --help'.")
        sys.exit(2)
    except MemoryError as error:
        words = in_one_line(str(error).rstrip(".")) or "it is used up"
        _warn(f"there must be enough memory for this, but there is not: {words}. Make population, grid or world smaller.")
        sys.exit(2)
    except Interrupted as error:
        _warn(str(error))
        sys.exit(error.code)
    except Stop as stop:
        _warn(f"stopped by {stop}; nothing was begun")
        sys.exit(stop.code)
    except (KeyboardInterrupt, typer.Abort) as abort:
        if isinstance(abort.__cause__, EOFError):  # the parser takes the end of any file for a Ctrl-C
            raise abort.__cause__ from None
        _warn("interrupted")
        sys.exit(INTERRUPTED)
    except ReaderGone:
        sys.stdout = None
        sys.exit(0)
    except Unheard as error:
        sys.stdout = None  # what is left in its buffer would fail again
        _warn(str(error))
        sys.exit(UNHEARD)
    except BaseException as error:
        if isinstance(error, SystemExit) or (mine := of_system(error)) is None:
            raise
        _warn(str(mine))
        sys.exit(2)



def command() -> None:
    """`main`, and then out at once: to take compilers and drawing engines down would take another half second."""
    # Python processes that this one starts import nothing from the current folder, which may be a stranger's.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    for number in range(3):  # a closed stream's number would go to the next file, and libraries print to it
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    open_what_is_closed()
    sys.stdout = told(sys.stdout)
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except ReaderGone:
            pass
        except Unheard as error:
            _warn(str(error))
            code = code or UNHEARD
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None:
                sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    command()
