"""The command `evosim figures`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evosim.cli.common import warn
from evosim.errors import UserError
from evosim.runtime.interrupts import stoppable
from evosim.runtime.terminal import echo


@stoppable("not all figures were drawn; the same command draws them")
def figures(
    folder: Annotated[
        Path | None,
        typer.Argument(help="The folder of a run, of a sweep, or of a landscape's search."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Figures of 'evosim figures --list'. Default: all that there is something of."
        ),
    ] = None,
    size: Annotated[
        str, typer.Option(help="screen; one: a column of 85 mm; two: two columns, 178 mm.")
    ] = "screen",
    formats: Annotated[
        str, typer.Option("--format", help="Comma-separated: png, svg, pdf, html.")
    ] = "png,svg,pdf",
    usual: Annotated[
        bool, typer.Option("--usual", help="Only those that are drawn unasked.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List all figures, and stop.")] = False,
) -> None:
    """Draw figures of a run, of a sweep, or of the search of a landscape into its folder."""
    from evosim.cli import gallery

    if listed:
        from evosim.runtime.text_layout import Screen
        from evosim.runtime.text_layout import show as show_table

        show_table(Screen(), gallery.table())
        return
    if folder is None:
        raise UserError(
            "FOLDER must be given, but is not. 'evosim figures --list' lists all figures."
        )
    for path in gallery.draw(
        folder, names or [], gallery.formats_of(formats), size, usual=usual, tell=warn
    ):
        echo(str(path))
