"""The number of threads of the kernels."""

from __future__ import annotations

import pytest

from evosim.errors import UserError
from evosim.runtime.threads import check_threads


def test_threads_must_be_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    check_threads(None)
    check_threads(2)
    for threads in (0, 3):
        with pytest.raises(UserError, match="--threads"):
            check_threads(threads)
