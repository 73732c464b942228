"""User errors: what, which rule, how to mend it, in one line.

The command line prints them and exits with 2.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import shlex
from collections.abc import Iterable

FULL = (errno.ENOSPC, errno.EDQUOT)
LONGEST = 2000  # of a message; names and values that a file holds may be of any length


class UserError(Exception):
    """A mistake in what the user gave. The message is one line: offender, rule, remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(in_one_line(message))


class Stop(BaseException):
    """Work is to end here: a signal came, or the time it was given is over.

    The message is what it was stopped by.
    """

    def __init__(self, by: str = "request", code: int = 130) -> None:
        super().__init__(by)
        self.code = code


class AtOnce(KeyboardInterrupt):
    """A second Ctrl-C.

    A plain `KeyboardInterrupt` may be the first one, as libraries that look for signals themselves
    raise it.
    """


class Interrupted(Exception):
    """A run was stopped.

    The message is one line: by what, how far it had come, and how it goes on. `code` is the exit
    code.
    """

    def __init__(self, message: str, code: int = 130) -> None:
        super().__init__(message)
        self.code = code


def of_system(error: BaseException) -> UserError | None:
    """Say in one line what the system, or a reader of files, complains of.

    Parameters
    ----------
    error : BaseException
        What was raised: an `OSError` of a path, or the panic of a library.

    Returns
    -------
    UserError or None
        What was found, what was expected, and a remedy. None if it is neither.
    """
    if isinstance(error, OSError):
        paths = [
            repr(os.fsdecode(name))[1:-1]
            for name in (error.filename, error.filename2)
            if isinstance(name, str | bytes)
        ]
        words = error.strerror or str(error) or type(error).__name__
        if error.errno in FULL:
            return UserError(
                f"{' and '.join(paths) or 'the disk'} must have room, but has none: {words}. Free"
                " some space, and do it again."
            )
        where = " and ".join(paths)
        look = (
            f"Look at it with 'ls -ld {shlex.quote(paths[0])}', and give another path"
            if paths
            else "Check the disk and the permissions, and do it again"
        )
        return UserError(
            f"{where or 'the system'} must do what was asked of it, but does not: {words}. {look}."
        )
    # What Python says of ELOOP before 3.13
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):
        return UserError(
            f"a path must lead to a file or folder, but leads back to itself: {error}. Give another"
            " path."
        )
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        return UserError(
            "names of files must be UTF-8 to be used here, but one is not. Rename it, or give"
            " another path."
        )
    if type(error).__name__ == "PanicException":  # of polars, which is not imported for this
        return UserError(
            f"what is read must be a table, but its reader gave up ({error}). Restore the file from"
            " a copy, or make it again."
        )
    return None


def in_one_line(text: str) -> str:
    """A text with whatever does not print escaped (line breaks, control characters, half
    characters), without the middle of very long words and texts.
    """
    text = re.sub(r"(\S{100})\S{100,}(\S{50})", r"\1[...]\2", text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} [...] {text[-LONGEST // 2 :]}"
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    )


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a list: all options, and the closest one first."""
    options = sorted(known)
    if not options:
        return UserError(
            f"{kind} must be left out, because there is none to choose from, but is '{name}'. Leave"
            " it out."
        )
    close = difflib.get_close_matches(name[:100], options, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else "Use one of them."
    return UserError(f"{kind} must be one of {', '.join(options)}, but is '{name}'. {hint}")
