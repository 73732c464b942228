"""Helper processes find the modules that this process finds."""

from __future__ import annotations

import os
import sys

import pytest

from evosim.errors import UserError
from evosim.runtime import forked_processes
from evosim.runtime.forked_processes import check, environment, guarded


def test_a_helper_has_the_search_path_of_this_process() -> None:
    paths = environment()["PYTHONPATH"].split(os.pathsep)
    assert [path for path in paths if path] == list(
        dict.fromkeys(os.path.abspath(path) for path in sys.path if os.pathsep not in path)
    )


def test_a_fork_of_a_process_with_threads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    @guarded
    def double(number: int) -> int:
        return 2 * number

    check()
    assert double(2) == 4
    monkeypatch.setattr(forked_processes, "_forked", True)
    with pytest.raises(UserError, match="spawn"):
        double(2)
