"""The command `evosim figures`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evosim.cli.options import FigureFormats, FigureSize
from evosim.cli.output import warn
from evosim.errors import UserError
from evosim.runtime.interrupts import stoppable
from evosim.runtime.terminal import echo


@stoppable("not all figures were drawn; the same command draws them")
def figures(
    folder: Annotated[
        Path | None,
        typer.Argument(help="The folder of a run, of a sweep, or of a landscape search."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Figures of 'evosim figures --list'. Default: all figures that have data."
        ),
    ] = None,
    size: FigureSize = "screen",
    formats: FigureFormats = "png,svg,pdf",
    usual: Annotated[bool, typer.Option("--usual", help="Only the default figures.")] = False,
    list_only: Annotated[bool, typer.Option("--list", help="List all figures, and stop.")] = False,
) -> None:
    """Draw the figures of a run, a sweep or a landscape search into its folder."""
    from evosim.cli import gallery

    if list_only:
        from evosim.runtime.text_layout import Screen
        from evosim.runtime.text_layout import show as show_table

        show_table(Screen(), gallery.table())
        return
    if folder is None:
        raise UserError(
            "the argument FOLDER is missing. Give the folder of a run; 'evosim figures --list'"
            " lists all figures."
        )
    for path in gallery.draw(
        folder, names or [], gallery.formats_of(formats), size, usual=usual, log=warn
    ):
        echo(str(path))
