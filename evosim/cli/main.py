"""The command line: parse, print, exit.

Heavy imports happen inside the commands, so that help is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path

from evosim.runtime import installation

if Path(sys.argv[0]).stem == "evosim" or "evosim.cli" in sys.orig_argv:
    installation.begin()

import contextlib
import os
from collections.abc import Callable
from typing import Annotated

import typer

from evosim.cli.analyze import analyze, compare, export
from evosim.cli.claims import claims
from evosim.cli.common import Whole, warn
from evosim.cli.figures import figures
from evosim.cli.inspect import list_, show, verify
from evosim.cli.new import new
from evosim.cli.report import report
from evosim.cli.run import run
from evosim.cli.sweep import sweep
from evosim.errors import Interrupted, Stop, UserError, in_one_line, of_system
from evosim.runtime.machine import check_addresses
from evosim.runtime.output import UNHEARD, ReaderGone, Unheard, open_what_is_closed, told
from evosim.runtime.terminal import echo
from evosim.version import __version__

app = typer.Typer(
    name="evosim",
    cls=Whole,
    help=(
        "A laboratory for base and mesa optimizers: evolve planners, swap the world, say where the"
        " loss came from."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # panels cut words where a terminal is narrow
)
app.add_typer(sweep, name="sweep", cls=Whole)
app.add_typer(new, name="new", cls=Whole)
COMMANDS: dict[str, Callable[..., None]] = {
    "claims": claims,
    "report": report,
    "run": run,
    "analyze": analyze,
    "compare": compare,
    "export": export,
    "figures": figures,
    "list": list_,
    "show": show,
    "verify": verify,
}
for name, function in COMMANDS.items():
    app.command(name)(function)
# Commands that compute; a sweep's workers look for themselves
COMPILING = ("run", "analyze", "verify", "claims")


def _version(asked: bool) -> None:
    if asked:
        echo(f"evosim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A laboratory for base and mesa optimizers."""
    if ctx.invoked_subcommand in COMPILING and "--help" not in sys.argv:
        check_addresses()  # before any library is loaded that ends the process


INTERRUPTED = 130

# The base of the parser's own complaints; which package it lives in depends on the version of
# typer.
_Complaint: type[Exception] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)


def main() -> None:
    """Entry point: mistakes are one line and exit code 2, a signal is 128 and its number (Ctrl-C:
    130), the wall time 75.
    """
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:  # how the parser reports Ctrl-C
            raise KeyboardInterrupt
        sys.exit(code)
    except UserError as error:
        warn(str(error))
        sys.exit(2)
    except _Complaint as complaint:
        words = " ".join(complaint.format_message().split())  # type: ignore[attr-defined]
        warn(f"{in_one_line(words.rstrip('.'))}. See 'evosim --help'.")
        sys.exit(2)
    except MemoryError as error:
        words = in_one_line(str(error).rstrip(".")) or "it is used up"
        warn(
            f"there must be enough memory for this, but there is not: {words}. Make population,"
            " grid or world smaller."
        )
        sys.exit(2)
    except Interrupted as error:
        warn(str(error))
        sys.exit(error.code)
    except Stop as stop:
        warn(f"stopped by {stop}; nothing was begun")
        sys.exit(stop.code)
    except (KeyboardInterrupt, typer.Abort) as abort:
        # The parser takes the end of any file for a Ctrl-C
        if isinstance(abort.__cause__, EOFError):
            raise abort.__cause__ from None
        warn("interrupted")
        sys.exit(INTERRUPTED)
    except ReaderGone:
        sys.stdout = None
        sys.exit(0)
    except Unheard as error:
        sys.stdout = None  # what is left in its buffer would fail again
        warn(str(error))
        sys.exit(UNHEARD)
    except BaseException as error:
        if isinstance(error, SystemExit) or (mine := of_system(error)) is None:
            raise
        warn(str(mine))
        sys.exit(2)


def command() -> None:
    """`main`, and then out at once: to take compilers and drawing engines down would take another
    half second.
    """
    # Python processes that this one starts import nothing from the current folder, which may be a
    # stranger's.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    # A closed stream's number would go to the next file, and libraries print to it
    for number in range(3):
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
            warn(str(error))
            code = code or UNHEARD
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None:
                sys.stderr.flush()
        os._exit(code)
