"""Standard output whose reader may be gone, or whose disk may be full.

A reader that is gone (`evosim list | head -1`) is no mistake. A disk that is full is one, but not
of what was computed.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

OUTPUT_LOST = 74  # exit code: EX_IOERR of sysexits.h


class ReaderClosed(BaseException):
    """The reader of a pipe has seen enough.

    No `Exception`, so that the libraries that print do not end the command their way.
    """


class OutputLost(BaseException):
    """Standard output could not be written. The message is one line."""


def open_what_is_closed() -> None:
    """Give a closed standard stream (`evosim list >&-`) a place to go.

    Otherwise the next file that is opened has its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)
            setattr(sys, f"__{name}__", nowhere)  # an object without references is closed


class _WatchedOutput(io.FileIO):
    """Writes to standard output, and says what went wrong by the errors above."""

    def write(self, data: Any) -> int:
        """Write bytes; gives how many were written. Raises `ReaderClosed`, `OutputLost`."""
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ReaderClosed from None
        except OSError as error:
            words = (
                f"standard output must be writable, but is not: {error.strerror}. Free some space,"
                " or send it elsewhere; what was written to files is whole."
            )
            raise OutputLost(words) from None


def watched_stream(stream: TextIO) -> TextIO:
    """Wrap standard output, so that a failure to write to it is known for one.

    Parameters
    ----------
    stream : TextIO
        A stream of the system; nothing must have been printed to it.

    Returns
    -------
    TextIO
        A stream to the same place. Names of files that are not UTF-8 are written as they are.
    """
    try:
        raw = _WatchedOutput(stream.fileno(), "wb", closefd=False)
    except (OSError, ValueError):  # no stream of the system
        return stream
    unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
    errors = "surrogateescape" if unicode else "backslashreplace"
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, errors, line_buffering=stream.isatty()
    )
