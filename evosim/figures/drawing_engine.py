"""The drawing engine (V8) in a process of its own, which draws one described chart after another.

V8 reserves 64 GiB of addresses and ends its process where it cannot have them. As a process of its
own, its end costs a caller one line. It also holds up no other thread while it draws.
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

ADDRESSES = 66 * 2**30  # bytes; with vl-convert 1.9 it starts within 66 GiB, and not within 64


class NoPen(UserError):
    """The drawing engine cannot be had here, or it ended while it drew.

    No mistake in what is drawn.
    """


class Pen:
    """The engine's process: started when it is first needed, and again after its end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._owner = (
            0  # the process that started it: one that is forked from it must start its own
        )
        self._one = threading.Lock()

    def ask(self, what: str, **how: Any) -> str:
        """Have the engine make something.

        Parameters
        ----------
        what : str
            A function of `vl_convert` that gives text.
        **how : Any
            Its arguments, as JSON has them.

        Returns
        -------
        str
            The text.

        Raises
        ------
        NoPen
            If the engine cannot be started, or ended.
        ValueError
            If the engine refuses what is to be drawn.
        """
        with self._one:
            process = self._started()
            told = self._told(process, json.dumps([what, how]))
        if "error" in told:
            raise ValueError(told["error"])
        return str(told["made"])

    def _started(self) -> subprocess.Popen[str]:
        if (
            self._process is not None
            and self._owner == os.getpid()
            and self._process.poll() is None
        ):
            return self._process
        check_addresses()
        # The code that runs here (-P). A session of its own: signals of a terminal are for the
        # caller.
        command, pipe = (
            [sys.executable, "-P", "-m", "evosim.figures.drawing_engine"],
            subprocess.PIPE,
        )
        try:
            self._process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise NoPen(
                "figures need a process for the drawing engine, but it cannot be started:"
                f" {error.strerror}. Raise 'ulimit -u' and 'ulimit -n', or draw them elsewhere with"
                " 'evosim figures FOLDER'."
            ) from None
        self._owner = os.getpid()
        return self._process

    def _told(self, process: subprocess.Popen[str], line: str) -> dict[str, Any]:
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(OSError):  # it ended; what it says then is nothing
            process.stdin.write(line + "\n")
            process.stdin.flush()
        for answer in process.stdout:
            with contextlib.suppress(ValueError):  # something else spoke
                told = json.loads(answer)
                if isinstance(told, dict):
                    return told
        self._process = None
        code = process.wait()
        process.stdout.close()
        with contextlib.suppress(OSError):  # what was said last never reached it
            process.stdin.close()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise NoPen(
            f"figures need the drawing engine, but it ended with {how}. Give it more memory,"
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
    """Refuse to start the engine where its process may not have enough addresses.

    Raises
    ------
    NoPen
        How many it needs, and how many there may be.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < ADDRESSES:
        raise NoPen(
            f"figures need {ADDRESSES / 2**30:.0f} GiB of address space (little of it is used), but"
            f" 'ulimit -v' allows {limit / 2**30:.1f} GiB. Draw them where there is no such limit,"
            " with 'evosim figures FOLDER'."
        )


PEN = Pen()
atexit.register(PEN.close)


def main() -> None:
    """Read what is to be made, a line of JSON each, and answer with a line, until nobody asks any
    more.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import vl_convert

    for line in sys.stdin:
        what, how = json.loads(line)
        try:
            answer = {"made": getattr(vl_convert, what)(**how)}
        except Exception as error:  # (of the engine, of many kinds)
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    os._exit(0)  # to take the engine down would take as long as to start it


if __name__ == "__main__":
    main()
