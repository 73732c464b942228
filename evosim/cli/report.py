"""The command `evosim report`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from evosim.cli.options import AsJson
from evosim.cli.output import warn
from evosim.runtime.terminal import echo


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="Folders of runs, sweeps, or searches of a landscape.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=(
                "The file. Default: report.html in the folder, or in the current folder for several"
                " folders."
            ),
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open it in a browser.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write one HTML file about runs, sweeps or searches. It needs no network."""
    from evosim.report.build import report_path, write
    from evosim.runtime.progress import bar

    start = time.perf_counter()
    path = report_path(folders, out, force=force)
    with bar("reporting") as progress:
        size, left_out = write(folders, path, progress)
    seconds = time.perf_counter() - start
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "file": str(path),
                    "bytes": size,
                    "without_figures": left_out,
                    "elapsed_s": round(seconds, 3),
                },
                indent=1,
            )
        )
    else:
        echo(f"{path}: {size / 1e6:.2f} MB, {seconds:.1f} s")
        if left_out:
            warn(
                "to keep it small, the report has figures of only the first"
                f" {len(folders) - len(left_out)} folders. A report of one folder has all: 'evosim"
                f" report {left_out[0]}'."
            )
    if open_:
        typer.launch(path.resolve().as_uri())
