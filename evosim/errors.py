"""User errors: what, which rule, how to mend it, in one line. The command line prints them and exits with 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in what the user gave. The message is one line: offender, rule, remedy."""


class Interrupted(Exception):
    """A run was stopped by hand. The message is the folder that holds what was done."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a list: all options, and the closest one first."""
    options = sorted(known)
    close = difflib.get_close_matches(name, options, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else "Use one of them."
    return UserError(f"{kind} must be one of {', '.join(options)}, but is '{name}'. {hint}")
