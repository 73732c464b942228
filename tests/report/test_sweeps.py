"""A report of a sweep says what varies and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.reports import Tags


@pytest.mark.slow
def test_a_sweep_tells_what_varies_and_what_is_missing(files: dict[str, Path]) -> None:
    tags = Tags(files["sweep"].read_text(encoding="utf-8"))
    cells = [text.strip() for kind in ("td", "th") for text in tags.texts[kind]]
    assert {"optimizer.population", "genome.mutation_scale", "10; 20", "0.5; 4"} <= set(cells)
    assert "4 cells, 5 seeds (the same in every cell), 20 runs" in files["sweep"].read_text(
        encoding="utf-8"
    )
    assert tags.texts["h1"] == ["<i>Sizes</i> & mutations"]
