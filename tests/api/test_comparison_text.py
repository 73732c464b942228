"""A comparison as text and in a notebook."""

from __future__ import annotations

import pytest
import rich.console
import rich.jupyter

import evosim

SMALL = {"optimizer.population": 20, "phases.0.generations": 8, "phases.1.generations": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run("micro", SMALL, replicates=2, out=tmp_path_factory.mktemp("python") / "micro")


def test_a_comparison_is_shown_once_in_a_notebook(
    run: evosim.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    monkeypatch.setattr(rich.jupyter, "display", lambda *what: shown.append(what))
    page = evosim.compare(run, run)._repr_html_()
    assert "same run" in page
    assert not shown
