"""The command line: parse, print, exit. Heavy imports happen inside the commands, so that help is quick."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from evosim import __version__
from evosim.clock import Clock
from evosim.errors import Interrupted, UserError, in_one_line
from evosim.sweeps.commands import sweep

app = typer.Typer(
    name="evosim",
    help="A laboratory for base and mesa optimizers: evolve planners, swap the world, say where the loss came from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(sweep, name="sweep")

Which = Annotated[str, typer.Argument(help="An experiment of 'evosim list', or a TOML file.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter, e.g. optimizer.population=100.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
RunFolder = Annotated[Path, typer.Argument(help="A run's folder.")]
LEAST_TOLD = 0.05  # seconds
FORMATS = ("png", "svg", "pdf")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"evosim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """A laboratory for base and mesa optimizers."""


@app.command()
def run(
    experiment: Which = "birth-control",
    settings: Settings = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first replicate.")] = None,
    replicates: Annotated[int | None, typer.Option(help="Number of replicates; seeds count up from --seed.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run. Default: results/runs/NAME-DIGEST-sSEED.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the kernels; results do not depend on it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Repeat the run if its folder already holds it.")] = False,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the figures.")] = True,
    as_json: AsJson = False,
) -> None:
    """Run an experiment (default: birth-control) and print the split of the loss."""
    clock = Clock()
    with clock.stage("imports"):
        from rich.console import Console

        from evosim import workflow
        from evosim.compose import resolve
        from evosim.easel import Easel
        from evosim.params import apply_settings, read_experiment
        from evosim.progress import shown

    extra = [f"{name}={value}" for name, value in (("seed", seed), ("replicates", replicates)) if value is not None]
    chosen = resolve(apply_settings(read_experiment(experiment), [*(settings or []), *extra]))
    with Easel() as easel:
        with shown(Console(stderr=True, quiet=as_json), workflow.number_of_runs(chosen)) as progress:
            recorded, fresh = workflow.run(
                chosen, out=out, threads=threads, force=force, progress=progress, clock=clock,
                meanwhile=easel.get_ready if figures else lambda: None,
            )  # fmt: skip
        if not fresh and not as_json:
            typer.echo(f"{recorded.folder} already holds this run; showing it again (--force repeats it).")
        _warn_of_other_code(recorded)
        with clock.stage("analysis"):
            summary = workflow.summary_of(recorded, again=fresh) | {"shown_again": not fresh}
        if figures and (fresh or not workflow.figures_there(recorded)):
            with clock.stage("figures"), workflow.drawing(recorded):
                if not easel.draw(recorded.folder, FORMATS):
                    workflow.draw(recorded, formats=FORMATS)
    _print(recorded, summary, as_json, clock)


@app.command()
def analyze(
    folder: RunFolder,
    genome: Annotated[int | None, typer.Option("--class", help="Account for one class of the grid instead.")] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Also print what each author calls each step.")] = False,
    as_json: AsJson = False,
) -> None:
    """Account for a recorded run again, from its tables, with the reference code."""
    clock = Clock()
    with clock.stage("imports"):
        from evosim import workflow
        from evosim.record import read_run

    recorded = read_run(folder)
    if genome is not None:
        typer.echo(json.dumps(workflow.account_of_class(recorded, genome), indent=1))
        return
    _warn_of_other_code(recorded)
    with clock.stage("analysis"):
        summary = workflow.summary_of(recorded, again=True)
    _print(recorded, summary, as_json, clock, labels=labels)


@app.command()
def figures(
    folder: RunFolder,
    formats: Annotated[str, typer.Option("--format", help="Comma-separated: png, svg, pdf.")] = "png,svg,pdf",
) -> None:
    """Draw the figures of a run into its folder."""
    from evosim import workflow
    from evosim.record import read_run

    recorded = read_run(folder)
    _warn_of_other_code(recorded)
    for path in workflow.draw(recorded, formats=tuple(f.strip() for f in formats.split(","))):
        typer.echo(str(path))


@app.command(name="list")
def list_() -> None:
    """List experiments, worlds, genomes and base optimizers."""
    from rich.console import Console
    from rich.table import Table

    from evosim.optimizers.catalogue import WHAT
    from evosim.params import named_experiments, read_toml
    from genomes import GENOMES
    from worlds import WORLDS

    groups: dict[str, dict[str, str]] = {
        "experiment": {name: read_toml(path).get("title", "") for name, path in named_experiments().items()},
        "world": {name: entry.what for name, entry in WORLDS.items()},
        "genome": {name: entry.what for name, entry in GENOMES.items()},
        "optimizer": WHAT,
    }
    table = Table("kind", "name", "what it is", box=None)
    for kind, entries in groups.items():
        for name, what in entries.items():
            table.add_row(kind, name, what)
    Console().print(table)


@app.command()
def show(experiment: Which = "birth-control", settings: Settings = None) -> None:
    """Print an experiment with every parameter filled in: a TOML file to start one's own from."""
    from evosim.compose import build, resolve
    from evosim.params import apply_settings, read_experiment

    resolved = resolve(apply_settings(read_experiment(experiment), settings or []))
    build(resolved)
    from evosim.compose import commented

    typer.echo(commented(resolved), nl=False)


@app.command()
def verify(
    laws: Annotated[list[str] | None, typer.Argument(help="Laws to check, hyphens for spaces; all by default ('evosim verify --list').")] = None,
    slow: Annotated[bool, typer.Option("--slow", help="Every case with all replicates: minutes.")] = False,
    faults: Annotated[bool, typer.Option("--faults", help="Also plant faults: each must turn its law red.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List laws, their sources and their faults, and stop.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Print every comparison.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check this installation against population genetics. Exit code 1 if a law does not hold."""
    from rich.console import Console

    from evosim.errors import unknown
    from evosim.verify import LAWS, gate, telling

    console = Console()
    start = time.perf_counter()

    wanted = [name.replace("-", " ") if name not in LAWS else name for name in laws or ()]
    for name in wanted:
        if name not in LAWS:
            raise unknown("a law", name, LAWS)
    chosen = [LAWS[name] for name in wanted] or list(LAWS.values())
    if listed:
        telling.show_laws(console, chosen)
        return
    say = (lambda verdict: None) if as_json else (lambda verdict: telling.show_verdict(console, verdict, details=details))
    verdicts = gate(chosen, slow=slow, faults=faults, tell=say)
    wrong = [v for v in verdicts if v.green == bool(v.fault)]
    if as_json:
        typer.echo(json.dumps(telling.gate_as_data(verdicts), indent=1))
    else:
        telling.show_gate(console, verdicts, time.perf_counter() - start)
    if wrong:
        raise typer.Exit(1)


def _warn_of_other_code(recorded: Any) -> None:
    """Say on standard error where a run was made by other sources than these; `same_code` in JSON says it too."""
    from evosim import workflow

    if not workflow.same_code(recorded):
        made_by = recorded.provenance["evosim"]
        typer.echo(f"evosim: {recorded.folder} was made by other code (evosim {made_by}); --force repeats it.", err=True)


def _print(recorded: Any, summary: dict[str, Any], as_json: bool, clock: Clock, *, labels: bool = False) -> None:
    from evosim import workflow

    seconds = clock.told()
    whole = {"elapsed_s": round(sum(seconds.values()), 3), "seconds": seconds}
    summary = {**summary, "same_code": workflow.same_code(recorded), **whole}
    if as_json:
        typer.echo(json.dumps(summary, indent=1))
        return
    from rich.console import Console

    from evosim import screen

    console = Console()
    screen.show(console, recorded.experiment.title or recorded.experiment.name, summary)
    if labels:
        screen.show_labels(console, summary)
    what = "Tables, accounts and figures" if workflow.figures_there(recorded) else "Tables and accounts"
    spent = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items() if value >= LEAST_TOLD)
    console.print(f"\n{what}: {recorded.folder}   ({summary['elapsed_s']:.1f} s: {spent})", soft_wrap=True, markup=False)


INTERRUPTED = 130

# The base of the parser's own complaints; which package it lives in depends on the version of typer.
_Complaint: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def main() -> None:
    """Entry point: mistakes are one line and exit code 2, an interrupt is exit code 130."""
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:  # how the parser reports Ctrl-C
            raise KeyboardInterrupt
        sys.exit(code)
    except UserError as error:
        typer.echo(f"evosim: {error}", err=True)
        sys.exit(2)
    except _Complaint as complaint:
        words = " ".join(complaint.format_message().split())  # type: ignore[attr-defined]
        typer.echo(f"evosim: {in_one_line(words.rstrip('.'))}. See 'evosim --help'.", err=True)
        sys.exit(2)
    except MemoryError as error:
        words = in_one_line(str(error).rstrip(".")) or "it is used up"
        typer.echo(f"evosim: there must be enough memory for this, but there is not: {words}. Make population, grid or world smaller.", err=True)
        sys.exit(2)
    except Interrupted as error:
        typer.echo(f"evosim: interrupted; what was done is in {error}", err=True)
        sys.exit(INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("evosim: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stdout = None
        sys.exit(0)


def command() -> None:
    """`main`, and then out at once: to take compilers and drawing engines down would take another half second."""
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream:
                    stream.flush()
            except BrokenPipeError:  # the reader of a pipe has seen enough
                continue
            except (OSError, ValueError) as error:
                os.write(2, f"evosim: what was to be printed could not be written: {error}\n".encode())
                code = code or 2
        os._exit(code)


if __name__ == "__main__":
    command()
