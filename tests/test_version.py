"""The version of the package is the one of its metadata files."""

from __future__ import annotations

import re

import evosim
from evosim import version


def test_the_version_has_three_numbers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", version.__version__)
    assert evosim.__version__ == version.__version__
