"""Standard output whose reader is gone."""

from __future__ import annotations

import io
import os

import pytest

from evosim.runtime.output import ReaderClosed, watched_stream


def test_a_reader_that_is_gone_is_reported() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        wrapped = watched_stream(stream)
        assert isinstance(wrapped, io.TextIOWrapper)
        with pytest.raises(ReaderClosed):
            wrapped.buffer.raw.write(b"x")  # type: ignore[attr-defined]
