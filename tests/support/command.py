"""The command line, run in this process."""

from __future__ import annotations

import sys

import pytest

from evosim.cli import main


def evosim(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process; gives exit code, standard output, standard error."""
    before = sys.argv
    sys.argv = ["evosim", *arguments]
    try:
        main.main()
        code: object = 0
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    assert isinstance(code, int)
    return code, out, err
