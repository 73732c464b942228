"""Checks of genomes raise one kind of error, which is also a ValueError."""

from __future__ import annotations

import pytest

from evosim.genomes.errors import InvalidGenome


def test_invalid_genomes_are_value_errors_with_their_message() -> None:
    with pytest.raises(ValueError, match="ploidy must be 1 or 2"):
        raise InvalidGenome("ploidy must be 1 or 2, but is 3")
