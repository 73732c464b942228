"""Seed Python's and NumPy's global random generators for a while, for libraries that use them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def seeded(*address: int) -> Iterator[None]:
    """Seed the global generators by an address in this block, and restore them after it.

    Parameters
    ----------
    address : int
        Numbers of at least 0.
    """
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    words = np.random.SeedSequence(address).generate_state(8, np.uint32)
    random.seed(words[:4].tobytes())
    np.random.seed(words[4:])  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002
