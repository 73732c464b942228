"""A search in Python has paths, figures and a summary."""

from __future__ import annotations

from pathlib import Path

import pytest

import evosim
from tests.support.api import well_formed


@pytest.mark.slow
def test_a_search_has_paths(tmp_path: Path) -> None:
    small = {"phases.0.generations": 200}
    found = evosim.search("claim-06-demons", small, out=tmp_path / "hills")
    assert found.paths()["evaluation"].max() == 200
    assert {row["quantity"] for row in found.summary["search"]} >= {"x_0 at the end"}
    assert isinstance(evosim.load(tmp_path / "hills"), evosim.Search)
    assert found.figure("paths").to_dict()
    with pytest.raises(evosim.UserError, match=r"Use evosim\.search"):
        evosim.run("claim-06-demons", small)
    with pytest.raises(evosim.UserError, match=r"Use evosim\.run"):
        evosim.search("micro")
    well_formed(found._repr_html_())
    assert "x_0 at the end" in repr(found)
