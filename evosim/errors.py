"""User errors: what, which rule, how to mend it, in one line. The command line prints them and exits with 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in what the user gave. The message is one line: offender, rule, remedy."""


class Stop(BaseException):
    """Work is to end here: a signal came, or the time it was given is over. The message is what it was stopped by."""

    def __init__(self, by: str = "request", code: int = 130) -> None:
        super().__init__(by)
        self.code = code


class Interrupted(Exception):
    """A run was stopped. The message is one line: by what, how far it had come, and how it goes on. `code` is the exit code."""

    def __init__(self, message: str, code: int = 130) -> None:
        super().__init__(message)
        self.code = code


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a list: all options, and the closest one first."""
    options = sorted(known)
    close = difflib.get_close_matches(name, options, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else "Use one of them."
    return UserError(f"{kind} must be one of {', '.join(options)}, but is '{name}'. {hint}")
