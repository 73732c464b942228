"""Labels of authors, and whether optima are good."""

from __future__ import annotations

import pytest

from evosim.analysis.terminology import AUTHORS, LABELS, ancestral_optima, labels_of_steps


@pytest.mark.parametrize(
    ("worst", "best", "verdict"),
    [(0.95, 1.0, "all"), (0.2, 0.9, "some"), (0.2, 0.5, "none"), (None, 1.0, "not defined")],
)
def test_ancestral_optima_are_judged(worst: float | None, best: float | None, verdict: str) -> None:
    assert ancestral_optima(worst, best) == verdict


def test_every_step_has_a_name_by_every_author() -> None:
    labels = labels_of_steps({"search": 0.5})
    assert set(labels) == set(LABELS)
    assert labels["search"].value == 0.5
    assert labels["hack"].value is None
    assert all(set(entry.names) == set(AUTHORS) for entry in labels.values())
