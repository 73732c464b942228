"""Print lines to a terminal. Text from files cannot control it."""

from __future__ import annotations

import typer

from evosim.runtime.names import printable


def echo(words: str, *, err: bool = False, nl: bool = True) -> None:
    """Print words as they are, with whatever a terminal would obey spelled out.

    Parameters
    ----------
    words : str
        The words. JSON is not for this: it is printed by `typer.echo` and escapes by itself.
    err : bool
        Whether they go to standard error.
    nl : bool
        Whether a line ends behind them.
    """
    typer.echo(printable(words), err=err, nl=nl)
