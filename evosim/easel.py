"""Easels: processes that get ready to draw while a run is still computing, and draw it when it is there.

The drawing engine takes a second to load and holds up all of Python meanwhile and while it draws. As processes of their own two of
them do so on cores that a run hardly uses. If they cannot be had, or fail, figures are drawn by the process that asks; they are the
same.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from evosim.errors import UserError

DONE = "drawn"
MOST = 1


class Easels:
    """Draw one run, once, while the block lasts."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []
        cores, pipe = os.cpu_count() or 1, subprocess.PIPE
        with contextlib.suppress(OSError):  # no room for more processes
            for _ in range(MOST if cores > 1 else 0):
                command = [sys.executable, "-m", "evosim.easel"]
                self._processes.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True))

    def __enter__(self) -> Easels:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def draw(self, folder: Path, formats: tuple[str, ...]) -> bool:
        """Draw the figures of the run in a folder; tells whether that was done. Raises `UserError` as `workflow.draw` does."""
        n = len(self._processes)
        for i, process in enumerate(self._processes):
            assert process.stdin
            with contextlib.suppress(BrokenPipeError):  # it is gone; what it told says so
                process.stdin.write(json.dumps([str(folder.resolve()), formats, [i, n]]) + "\n")
                process.stdin.flush()
        told = [process.communicate()[0] for process in self._processes]
        self._processes = []
        for words in told:
            if words.startswith("{"):
                raise UserError(json.loads(words)["error"])
        return n > 0 and all(words.strip() == DONE for words in told)


def main() -> None:
    """Get ready, read what is to be drawn from standard input, draw it, and say so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this one decides when it ends
    from evosim import workflow

    workflow.ready_to_draw()
    asked = sys.stdin.readline()
    if asked:
        from evosim.record import read_run

        folder, formats, part = json.loads(asked)
        try:
            workflow.draw(read_run(Path(folder)), tuple(formats), part=tuple(part))
            print(DONE, flush=True)
        except UserError as error:
            print(json.dumps({"error": str(error)}), flush=True)
    os._exit(0)  # to take the engine down would take as long as to start it


if __name__ == "__main__":
    main()
