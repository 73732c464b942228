"""A process that loads the drawing engine during a run, and draws figures after it.

The engine takes a second to load, and it blocks Python then and while it draws. A separate process
does so on a core that a run hardly uses. The main process converts each figure to other formats as
soon as it is drawn. Without such a process, the main process draws the same figures itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from evosim.errors import UserError
from evosim.runtime.forked_processes import environment
from evosim.runtime.machine import processors

DRAWN_AS = "svg"


class FigureProcess:
    """Draws the figures of one run, once, in a process that lives as long as the block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process."""
        if processors() > 1:
            # -P: import the code that runs here, not modules in the current folder
            command, pipe = (
                [sys.executable, "-P", "-m", "evosim.runs.background_figures"],
                subprocess.PIPE,
            )
            with contextlib.suppress(OSError):  # too many processes
                self._process = subprocess.Popen(
                    command,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    env=environment(),
                )

    def __enter__(self) -> FigureProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    def draw(
        self, folder: Path, formats: tuple[str, ...], failed: Callable[[str], object] = id
    ) -> bool:
        """Draw the figures of a run.

        Parameters
        ----------
        folder : Path
            Of the run.
        formats : tuple of str
            Formats in addition to SVG.
        failed : Callable
            Called with one line about each figure that failed.

        Returns
        -------
        bool
            Whether all was drawn. If not, the caller has to draw.

        Raises
        ------
        UserError
            As `evosim.runs.figures.draw`.
        """
        if not self._process:
            return False
        try:
            return self._drawn(self._process, folder, formats, failed)
        except BaseException:
            self._end()  # otherwise it would draw unused figures
            raise

    def _drawn(
        self,
        process: subprocess.Popen[str],
        folder: Path,
        formats: tuple[str, ...],
        failed: Callable[[str], object],
    ) -> bool:
        done = False
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(BrokenPipeError):  # the process has ended, and reports nothing
            process.stdin.write(json.dumps([str(folder.resolve()), [DRAWN_AS]]) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            try:
                message = json.loads(line)
            except ValueError:  # output of a library
                continue
            if "error" in message:
                raise UserError(message["error"])
            if "failed" in message:
                failed(message["failed"])
            if "file" in message:
                try:
                    _convert(Path(message["file"]), formats)
                except OSError as error:
                    raise UserError(
                        f"cannot write figures to {folder}: {error.strerror}. Make it writable:"
                        f" chmod -R u+w {shlex.quote(str(folder))}"
                    ) from None
            done |= "done" in message
        return done


def _convert(folder: Path, formats: tuple[str, ...]) -> None:
    """Convert a drawn figure to the other formats."""
    from evosim.figures.svg_export import export_svg

    svg = folder.read_text(encoding="utf-8")
    for kind in formats:
        if kind != DRAWN_AS:
            export_svg(svg, folder.with_suffix(f".{kind}"))


def main() -> None:
    """Load the engine, read a request from standard input, draw, and report on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends this one
    from evosim.runs import figures

    figures.preload_drawing()
    request = sys.stdin.readline()
    if request:
        from evosim.runs.reader import read_run

        folder, formats = json.loads(request)
        try:
            figures.draw(
                read_run(Path(folder)),
                tuple(formats),
                on_file=lambda file: _report(file=str(file)),
                on_failure=lambda words: _report(failed=words),
            )
            _report(done=True)
        except UserError as error:
            _report(error=str(error))
    os._exit(0)  # a normal exit of the engine takes a second


def _report(**message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
