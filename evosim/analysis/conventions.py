"""Conventions: what each author would call a step. The numbers are fixed; labels are the reader's choice.

Wentworth appears twice: the argument of "Inner alignment failures which are actually outer alignment failures", and its
UPDATE, in which he adopts others' words. Halmes: "The inner alignment problem" (2024). Shimi: his comment on
Wentworth's post, with its two tests. davidad: "Reframing inner alignment". "Not discussed" is an answer. Christiano,
quoted by davidad, does not believe that the problems will split into these at all.
"""

from __future__ import annotations

# An ancestral optimum is called good in M if it has at least this share of what the best genome has there.
GOOD_IN_MODERN = 0.9

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
    "representation": ("not discussed", "not discussed", "not discussed", "not discussed", "policy learning"),
    "search": (
        "imperfect optimization; inner only where an inner objective carries it",
        "not full optimization",
        "inner by its 'objective' cause, else not discussed",
        "not discussed",
        "policy learning",
    ),
    "hack": ("the true inner problem", "mesa-optimizers' own problem", "not discussed", "not discussed", "policy learning"),
}


def good_from(best: float) -> float:
    """The least worth that is called good where the best is worth `best`: 90% of it.

    Where the best is below 0, it is the worth that lies below the best by no more than 10% of the best's size: 90% of a
    negative number would be more than the best.

    Parameters
    ----------
    best : float
        The largest worth there, in the world's unit.

    Returns
    -------
    float
        The least worth that is good, in the same unit; never more than `best`.
    """
    return GOOD_IN_MODERN * best if best >= 0.0 else (2.0 - GOOD_IN_MODERN) * best


def ancestral_optima(worst: float, best: float, good: float) -> str:
    """Whether `all`, `some` or `none` of the ancestral optima are good in M: worth at least `good` there.

    Wentworth reads the worst of the tie set, Shimi the best; nobody its mean.
    """
    if worst >= good:
        return "all"
    return "some" if best >= good else "none"


def labelled(values: dict[str, float | None]) -> dict[str, dict[str, float | str | None]]:
    """For each step of `LABELS` its value (null: not measured) and what each author calls it."""
    return {
        step: {"value": values.get(step), **dict(zip(AUTHORS, labels, strict=True))} for step, labels in LABELS.items()
    }
