"""User errors: what, which rule, how to mend it, in one line. The command line prints them and exits with 2."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

LONGEST = 2000  # of a message; names and values that a file holds may be of any length


class UserError(Exception):
    """A mistake in what the user gave. The message is one line: offender, rule, remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(in_one_line(message))


class Stop(BaseException):
    """Work is to end here: a signal came, or the time it was given is over. The message is what it was stopped by."""

    def __init__(self, by: str = "request", code: int = 130) -> None:
        super().__init__(by)
        self.code = code


class AtOnce(KeyboardInterrupt):
    """A second Ctrl-C. A plain `KeyboardInterrupt` may be the first one, as libraries that look for signals themselves raise it."""


class Interrupted(Exception):
    """A run was stopped. The message is one line: by what, how far it had come, and how it goes on. `code` is the exit code."""

    def __init__(self, message: str, code: int = 130) -> None:
        super().__init__(message)
        self.code = code


def in_one_line(text: str) -> str:
    """A text with whatever does not print escaped (line breaks, control characters, half characters), without the middle of very long words and texts."""
    text = re.sub(r"(\S{100})\S{100,}(\S{50})", r"\1[...]\2", text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} [...] {text[-LONGEST // 2 :]}"
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a list: all options, and the closest one first."""
    options = sorted(known)
    close = difflib.get_close_matches(name[:100], options, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else "Use one of them."
    return UserError(f"{kind} must be one of {', '.join(options)}, but is '{name}'. {hint}")
