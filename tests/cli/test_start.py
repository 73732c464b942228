"""Starting quickly, and leaving nothing odd behind."""

from __future__ import annotations

import subprocess
import sys

import pytest


def said(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_run_neither_loads_nor_breaks_scipy_s_algebra() -> None:
    assert (
        said(
            "import evosim.fitness.landscape, evosim.simulation.loop, evosim.runs.execute, sys;"
            " print('scipy.linalg' in sys.modules)"
        )
        == "False\n"
    )
    assert (
        said(
            "import evosim.fitness.landscape, numpy as np, numba, scipy.linalg, scipy.stats\n"
            "assert scipy.linalg.solve(2 * np.eye(2), np.ones(2)).tolist() == [0.5, 0.5]\n"
            "import scipy.linalg.cython_blas\n"
            "assert scipy.linalg.cython_blas.__name__ == 'scipy.linalg.cython_blas'\n"
            "print(numba.njit(lambda a: a @ a)(3 * np.eye(2))[1, 1])"
        )
        == "9.0\n"
    )


def test_help_does_not_load_the_compiler() -> None:
    assert (
        said(
            "import sys, evosim.cli; print([m for m in ('numba', 'polars', 'altair') if m in"
            " sys.modules])"
        )
        == "[]\n"
    )
