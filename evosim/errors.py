"""Errors for users: one line with what was found, what was expected, and what works.

The command line prints them and exits with 2.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
from collections.abc import Iterable

FULL = (errno.ENOSPC, errno.EDQUOT)
LONGEST = 2000  # characters of a message; names and values in a file may be of any length
LONGEST_NAME = 100  # characters that are compared with known names


class UserError(Exception):
    """An error in the input. The message is one line: what is wrong, the rule, what works."""

    def __init__(self, message: str) -> None:
        super().__init__(in_one_line(message))


class Stop(BaseException):
    """A request to stop now, after a signal or at the wall-time limit.

    Parameters
    ----------
    by : str
        The origin of the request.
    code : int
        The exit code.
    """

    def __init__(self, by: str = "request", code: int = 130) -> None:
        super().__init__(by)
        self.code = code


class AtOnce(KeyboardInterrupt):
    """A second Ctrl-C.

    A plain `KeyboardInterrupt` may be the first Ctrl-C: some libraries raise it themselves.
    """


class Interrupted(Exception):
    """A run was stopped.

    Parameters
    ----------
    message : str
        One line: the origin of the stop, the progress, and how to continue.
    code : int
        The exit code.
    """

    def __init__(self, message: str, code: int = 130) -> None:
        super().__init__(message)
        self.code = code


def of_system(error: BaseException) -> UserError | None:
    """Convert an error of the system, or of a library that reads files, to one line.

    Parameters
    ----------
    error : BaseException
        An `OSError`, or the panic of a library.

    Returns
    -------
    UserError or None
        The line. None for all other errors.
    """
    if isinstance(error, OSError):
        paths = [
            repr(os.fsdecode(name))[1:-1]
            for name in (error.filename, error.filename2)
            if isinstance(name, str | bytes)
        ]
        reason = error.strerror or str(error) or type(error).__name__
        if error.errno in FULL:
            return UserError(
                f"no space left for {' and '.join(paths) or 'output'}: {reason}. Free some space,"
                " and rerun the command."
            )
        if not paths:
            return UserError(
                f"the system refused: {reason}. Check disk and permissions, and rerun the command."
            )
        return UserError(
            f"{' and '.join(paths)} cannot be used: {reason}. Check it with 'ls -ld"
            f" {shlex.quote(paths[0])}', or give another path."
        )
    # Python before 3.13 raises this for ELOOP.
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):
        return UserError(f"a path is a symbolic link to itself: {error}. Give another path.")
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        return UserError("the name of a file is not UTF-8. Rename the file, or give another path.")
    if type(error).__name__ == "PanicException":  # of polars, which is not imported for this
        return UserError(
            f"a table cannot be read ({error}). Restore the file from a copy, or create it again."
        )
    return None


def in_one_line(text: str) -> str:
    """A text in one line: unprintable characters are escaped, very long texts are shortened."""
    text = re.sub(r"(\S{100})\S{100,}(\S{50})", r"\1[...]\2", text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} [...] {text[-LONGEST // 2 :]}"
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    )


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a list.

    Parameters
    ----------
    kind : str
        The kind of the name, for the message.
    name : str
        The unknown name.
    known : iterable of str
        All names in the list.

    Returns
    -------
    UserError
        Names all options, and the closest one.
    """
    options = sorted(known)
    if not options:
        return UserError(f"{kind} is '{name}', but there is none to choose from. Leave it out.")
    near = closest(name, options)
    hint = f"Did you mean '{near}'?" if near else f"Use for example '{options[0]}'."
    return UserError(f"{kind} must be one of {', '.join(options)}, but is '{name}'. {hint}")


def closest(name: str, options: Iterable[str]) -> str | None:
    """The option with the smallest edit distance to a name, if it is close.

    An option is close if at most a third of its characters (at least one) must be edited. An option
    is also close if it is the only one that begins with the name.

    Parameters
    ----------
    name : str
        Names and values that the user wrote.
    options : iterable of str
        Known names.

    Returns
    -------
    str or None
        The closest option. None if no option is close.
    """
    name = name[:LONGEST_NAME].lower()
    distances = {option: edit_distance(name, option.lower()) for option in options}
    near = min(sorted(distances), key=lambda option: distances[option], default=None)
    if near is not None and distances[near] <= max(1, max(len(name), len(near)) // 3):
        return near
    beginnings = [option for option in distances if name and option.lower().startswith(name)]
    return beginnings[0] if len(beginnings) == 1 else None


def edit_distance(a: str, b: str) -> int:
    """The number of edits from one text to another (optimal string alignment).

    Edits are insertions, deletions, substitutions, and swaps of adjacent characters.
    """
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, right in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and right == a[i - 2]:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
