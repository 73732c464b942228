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
from evosim.cli.explain import explain
from evosim.cli.figures import figures
from evosim.cli.groups import CommandGroup
from evosim.cli.inspect import list_, show, verify
from evosim.cli.new import new
from evosim.cli.output import warn
from evosim.cli.report import report
from evosim.cli.run import run
from evosim.cli.sweep import sweep
from evosim.errors import Interrupted, Stop, UserError, in_one_line, of_system
from evosim.runtime.machine import check_addresses
from evosim.runtime.output import (
    OUTPUT_LOST,
    OutputLost,
    ReaderClosed,
    open_what_is_closed,
    watched_stream,
)
from evosim.runtime.terminal import echo
from evosim.version import __version__

app = typer.Typer(
    name="evosim",
    cls=CommandGroup,
    help=(
        "A laboratory for base and mesa optimizers: evolve planners, swap the world, explain the"
        " loss."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # panels cut words where a terminal is narrow
)
app.add_typer(sweep, name="sweep", cls=CommandGroup)
app.add_typer(new, name="new", cls=CommandGroup)
COMMANDS: dict[str, Callable[..., None]] = {
    "claims": claims,
    "report": report,
    "run": run,
    "analyze": analyze,
    "compare": compare,
    "explain": explain,
    "export": export,
    "figures": figures,
    "list": list_,
    "show": show,
    "verify": verify,
}
for name, function in COMMANDS.items():
    app.command(name)(function)
# Commands that compute. The workers of a sweep check the limits themselves.
COMPILING = ("run", "analyze", "verify", "claims")


def _version(requested: bool) -> None:
    if requested:
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
        # Before any library is loaded that would end the process
        check_addresses()


INTERRUPTED = 130

# The base class of the parser's errors. Its package depends on the version of typer.
_ParserError: type[Exception] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)


def main() -> None:
    """Run a command, and exit.

    The exit code is 2 after a user error, which is one line on standard error. After a signal it is
    128 plus the number of the signal (Ctrl-C: 130), after the wall-time limit 75.
    """
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:  # the parser reports Ctrl-C so
            raise KeyboardInterrupt
        sys.exit(code)
    except UserError as error:
        warn(str(error))
        sys.exit(2)
    except _ParserError as error:
        message = " ".join(error.format_message().split())  # type: ignore[attr-defined]
        warn(f"{in_one_line(message.rstrip('.'))}. See 'evosim --help'.")
        sys.exit(2)
    except MemoryError as error:
        message = in_one_line(str(error).rstrip(".")) or "none is left"
        warn(f"out of memory: {message}. Make population, grid or world smaller.")
        sys.exit(2)
    except Interrupted as error:
        warn(str(error))
        sys.exit(error.code)
    except Stop as stop:
        warn(f"stopped by {stop}; nothing was started")
        sys.exit(stop.code)
    except (KeyboardInterrupt, typer.Abort) as abort:
        # The parser mistakes the end of a file for a Ctrl-C
        if isinstance(abort.__cause__, EOFError):
            raise abort.__cause__ from None
        warn("interrupted")
        sys.exit(INTERRUPTED)
    except ReaderClosed:
        sys.stdout = None
        sys.exit(0)
    except OutputLost as error:
        sys.stdout = None  # its buffer would fail again
        warn(str(error))
        sys.exit(OUTPUT_LOST)
    except BaseException as error:
        if isinstance(error, SystemExit) or (user_error := of_system(error)) is None:
            raise
        warn(str(user_error))
        sys.exit(2)


def command() -> None:
    """Run `main` and end the process at once.

    An orderly shutdown of compilers and drawing engines would take another half second.
    """
    # Python processes that this one starts import nothing from the current folder, which may belong
    # to another user.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    # The next opened file would get the descriptor of a closed stream, and libraries print to it.
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    open_what_is_closed()
    sys.stdout = watched_stream(sys.stdout)
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except ReaderClosed:
            pass
        except OutputLost as error:
            warn(str(error))
            code = code or OUTPUT_LOST
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None:
                sys.stderr.flush()
        os._exit(code)
