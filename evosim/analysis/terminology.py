"""Names that each author gives to the steps of the ladder. The numbers are the same.

Wentworth appears twice. His post is "Inner alignment failures which are actually outer alignment
failures". Its UPDATE adopts words of others. Halmes: "The inner alignment problem" (2024). Shimi:
his comment on Wentworth's post, with its two tests. davidad: "Reframing inner alignment". "Not
discussed" is an answer. Christiano, quoted by davidad, does not believe that the problems will
split into these at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from evosim.analysis.summary import StepLabels
from evosim.reference.dynamic_programming import ROUNDING

# An ancestral optimum is called good in M from this share on. It is the share of the way from the
# worst policy there to the best genome.
GOOD_IN_MODERN = 0.9

NOT_DEFINED = "not defined"

AUTHORS = ("Wentworth, argument", "Wentworth, UPDATE", "Halmes", "Shimi", "davidad")

LABELS: dict[str, tuple[str, str, str, str, str]] = {
    "specification": ("outer", "outer", "outer", "outer", "reward specification"),
    "shift, shared by all ancestral optima": (
        "outer",
        "generalization error",
        "inner by its 'objective' cause, else not discussed",
        "his two tests disagree",
        "policy learning; reward specification if J's world-model lacks M",
    ),
    "shift, left open by the data": (
        "outer",
        "generalization error",
        "inner by its 'objective' cause, else not discussed",
        "inner",
        "policy learning",
    ),
    "sampling": (
        "not discussed (outer if the sample is the training environment)",
        "generalization error",
        "not discussed",
        "inner if an aligned optimum exists",
        "policy learning",
    ),
    "representation": (
        "not discussed",
        "not discussed",
        "not discussed",
        "not discussed",
        "policy learning",
    ),
    "dominance": (
        "not discussed",
        "not discussed",
        "not discussed",
        "not discussed",
        "policy learning",
    ),
    "search": (
        "imperfect optimization; inner only where an inner objective carries it",
        "not full optimization",
        "inner by its 'objective' cause, else not discussed",
        "not discussed",
        "policy learning",
    ),
    "hack": (
        "the true inner problem",
        "mesa-optimizers' own problem",
        "not discussed",
        "not discussed",
        "policy learning",
    ),
}


def ancestral_optima(worst: float | None, best: float | None) -> str:
    """Whether the ancestral optima are good in M.

    Wentworth reads the worst of the tie set, Shimi the best.

    Parameters
    ----------
    worst, best
        Shares of the worst and the best optimum. A share is of the way from the worst policy in M
        to the best genome. An optimum that is as good as the best genome has the share 1. None: the
        share is not defined (`evosim.reference.dynamic_programming.Span.share_of`).

    Returns
    -------
    str
        `all`, `some`, `none` or `not defined`.
    """
    if worst is None or best is None:
        return NOT_DEFINED
    if worst >= GOOD_IN_MODERN - ROUNDING:
        return "all"
    return "some" if best >= GOOD_IN_MODERN - ROUNDING else "none"


def labels_of_steps(values: Mapping[str, float | None]) -> dict[str, StepLabels]:
    """For each step of `LABELS` its loss (None: not measured) and the name each author gives it."""
    return {
        step: StepLabels(values.get(step), dict(zip(AUTHORS, labels, strict=True)))
        for step, labels in LABELS.items()
    }
