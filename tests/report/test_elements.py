"""Elements of a report: every author has a label for every step."""

from __future__ import annotations

from evosim.analysis.terminology import AUTHORS, LABELS
from evosim.report import elements


def test_every_author_has_a_label_for_every_step() -> None:
    for step in {label.partition(",")[0] for label in LABELS}:
        assert [author for author, _ in elements.called(step)] == list(AUTHORS)
        assert all(words for _, words in elements.called(step))
    assert "left open by the data: inner" in dict(elements.called("shift"))["Shimi"]
    assert dict(elements.called("shift"))["Wentworth, argument"] == "outer"
    assert elements.called("unfound") == ()
