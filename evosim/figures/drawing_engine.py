"""The drawing engine (V8) in a process of its own. It draws one chart after another.

V8 reserves 64 GiB of addresses and ends its process if it cannot have them. In a process of its
own, that costs the caller one error message. The process also does not block other threads.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from typing import Any

from evosim.errors import UserError
from evosim.runtime.forked_processes import environment

ADDRESSES = 66 * 2**30  # bytes; vl-convert 1.9 starts within 66 GiB, and not within 64


class NoDrawingEngine(UserError):
    """The drawing engine cannot start here, or it ended while it drew."""


class DrawingEngine:
    """The engine's process. It starts when it is first needed, and again after its end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0  # the process that started it; a fork of that must start its own
        self._lock = threading.Lock()

    def ask(self, function: str, **arguments: Any) -> str:
        """Call a function of the engine.

        Parameters
        ----------
        function : str
            A function of `vl_convert` that returns text.
        **arguments : Any
            Its arguments, which must be JSON.

        Returns
        -------
        str
            The text.

        Raises
        ------
        NoDrawingEngine
            If the engine cannot start, or ended.
        ValueError
            If the engine refuses the chart.
        """
        with self._lock:
            process = self._started()
            answer = self._answer(process, json.dumps([function, arguments]))
        if "error" in answer:
            raise ValueError(answer["error"])
        return str(answer["made"])

    def _started(self) -> subprocess.Popen[str]:
        if (
            self._process is not None
            and self._owner == os.getpid()
            and self._process.poll() is None
        ):
            return self._process
        check_addresses()
        # -P: import the code that runs here. A session of its own: the terminal's signals are for
        # the caller.
        command = [sys.executable, "-P", "-m", "evosim.figures.drawing_engine"]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise NoDrawingEngine(
                "figures need a process for the drawing engine, but it cannot be started:"
                f" {error.strerror}. Raise 'ulimit -u' and 'ulimit -n', or draw them elsewhere with"
                " 'evosim figures FOLDER'."
            ) from None
        self._owner = os.getpid()
        return self._process

    def _answer(self, process: subprocess.Popen[str], line: str) -> dict[str, object]:
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(OSError):  # the process ended; the loop below notices
            process.stdin.write(line + "\n")
            process.stdin.flush()
        for text in process.stdout:
            with contextlib.suppress(ValueError):  # a line from something else
                answer = json.loads(text)
                if isinstance(answer, dict):
                    return answer
        self._process = None
        code = process.wait()
        process.stdout.close()
        with contextlib.suppress(OSError):  # the last line did not reach the process
            process.stdin.close()
        end = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise NoDrawingEngine(
            f"figures need the drawing engine, but it ended with {end}. Give it more memory,"
            " threads and files ('ulimit -a'), or draw them elsewhere with 'evosim figures"
            " FOLDER'."
        )

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.communicate()
            self._process = None


def check_addresses() -> None:
    """Refuse to start the engine if its process may not reserve enough addresses.

    Raises
    ------
    NoDrawingEngine
        The message says how many bytes are needed, and how many are allowed.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < ADDRESSES:
        raise NoDrawingEngine(
            f"figures need {ADDRESSES / 2**30:.0f} GiB of address space (little of it is used), but"
            f" 'ulimit -v' allows {limit / 2**30:.1f} GiB. Draw them where there is no such limit,"
            " with 'evosim figures FOLDER'."
        )


ENGINE = DrawingEngine()
atexit.register(ENGINE.close)


def main() -> None:
    """Read one JSON request per line and answer each with one line, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import vl_convert

    for line in sys.stdin:
        function, arguments = json.loads(line)
        try:
            answer = {"made": getattr(vl_convert, function)(**arguments)}
        except Exception as error:  # from the engine, of many classes
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    os._exit(0)  # an orderly exit of the engine takes as long as its start


if __name__ == "__main__":
    main()
