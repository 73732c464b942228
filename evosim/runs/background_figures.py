"""A process that prepares drawing while a run is computing, and draws when the run is there.

The drawing engine takes a second to load and holds up all of Python meanwhile and while it draws.
As a process of its own it does so on a core that a run hardly uses; who asked for figures prints
them in other formats as they come. If the process cannot be had, or fails, figures are drawn by the
one that asks; they are the same.
"""

from __future__ import annotations

import contextlib
import json
import os
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


class Easel:
    """Draws one run, once, while the block lasts."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def get_ready(self) -> None:
        """Start the process."""
        if processors() > 1:
            # The code that runs here, and nothing else that happens to lie in the current folder
            # (-P).
            command, pipe = (
                [sys.executable, "-P", "-m", "evosim.runs.background_figures"],
                subprocess.PIPE,
            )
            with contextlib.suppress(OSError):  # no room for another process
                self._process = subprocess.Popen(
                    command,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    env=environment(),
                )

    def __enter__(self) -> Easel:
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
        """Draw the figures of the run in a folder, as SVG and in other formats; tells whether that
        was done.

        `failed` hears in one line of each figure that could not be drawn.

        Raises `UserError` as `workflow.draw` does.
        """
        if not self._process:
            return False
        try:
            return self._drawn(self._process, folder, formats, failed)
        except BaseException:
            self._end()  # or it would go on drawing where nothing is wanted any more
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
        with contextlib.suppress(BrokenPipeError):  # it is gone, and will not say that it is done
            process.stdin.write(json.dumps([str(folder.resolve()), [DRAWN_AS]]) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            try:
                told = json.loads(line)
            except ValueError:  # something else spoke
                continue
            if "error" in told:
                raise UserError(told["error"])
            if "failed" in told:
                failed(told["failed"])
            if "file" in told:
                try:
                    _print_more(Path(told["file"]), formats)
                except OSError as error:
                    raise UserError(
                        f"{folder} must be writable for figures, but is not: {error.strerror}. Mend"
                        " its permissions."
                    ) from None
            done |= "done" in told
        return done


def _print_more(drawn: Path, formats: tuple[str, ...]) -> None:
    """Print a drawn figure in the other formats."""
    from evosim.figures.svg_export import export_svg

    svg = drawn.read_text(encoding="utf-8")
    for kind in formats:
        if kind != DRAWN_AS:
            export_svg(svg, drawn.with_suffix(f".{kind}"))


def main() -> None:
    """Get ready, read what is to be drawn from standard input, draw it, and say so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this one decides when it ends
    from evosim.runs import figures

    figures.ready_to_draw()
    asked = sys.stdin.readline()
    if asked:
        from evosim.runs.reader import read_run

        folder, formats = json.loads(asked)
        try:
            figures.draw(
                read_run(Path(folder)),
                tuple(formats),
                on_file=lambda file: _tell(file=str(file)),
                on_failure=lambda words: _tell(failed=words),
            )
            _tell(done=True)
        except UserError as error:
            _tell(error=str(error))
    os._exit(0)  # to take the engine down would take as long as to start it


def _tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
