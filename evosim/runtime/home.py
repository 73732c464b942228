"""A home folder for libraries that ask for one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def has_home() -> bool:
    """Whether this user has a home folder. In containers a user may have none."""
    try:
        Path.home()
    except RuntimeError:
        return False
    return True


def use_temporary_home() -> None:
    """Name the folder for temporary files as home, in this process and in those that it starts."""
    os.environ["HOME"] = tempfile.gettempdir()
