"""Prefetching memory."""

from __future__ import annotations

import numpy as np

from evosim.kernels.compilation import serial
from evosim.kernels.prefetch import prefetch


@serial
def _sum_with_prefetch(values):  # type: ignore[no-untyped-def]
    total = 0
    for i in range(values.size):
        prefetch(values, i)
        total += values[i]
    return total


def test_prefetching_changes_no_value() -> None:
    values = np.arange(1000)
    assert _sum_with_prefetch(values) == values.sum()
