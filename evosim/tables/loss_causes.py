"""Text tables of waste and hack by cause."""

from __future__ import annotations

from rich.table import Table

from evosim.analysis.loss_causes import CAUSES, FORESIGHT, NOT_SPLIT, LossByCause, Summary
from evosim.analysis.summary import RunSummary
from evosim.analysis.values import ByWorld, Estimate
from evosim.runtime.text_layout import bold
from evosim.tables.formatting import number, small, table_of

NOT_APPLICABLE = "Losses by cause: not applicable; these genomes do not plan.\n"
NOT_MEASURED = "Losses by cause: not measured; no population lived to the swap of worlds.\n"
TITLES = {"sampling": "Sampling by cause", "waste": "Waste by cause", "hack": "Hack by cause"}
WORDS = {
    "objective": "objective",
    "foresight": "foresight",
    "horizon": "  horizon",
    "discount": "  discount",
    NOT_SPLIT: "not split",
}
NOTES = {
    "waste": (
        "objective is waste in masturbation style: desires that are not payoff; the other parts"
        " are not"
    ),
    "hack": "drivers: what drivers and modifiers take from fitness directly",
}
EACH = "Shapley values; negative: the rung below has less of this fault than the rung above"


def loss_table(step: str, losses: ByWorld[LossByCause | None], unit: str) -> Table:
    """Table of one step in both worlds, one row per cause."""
    table = table_of(
        f"{TITLES[step]} ({unit})", ("", "ancestral", "interval", "modern", "interval"), left=("",)
    )
    both = [losses.ancestral, losses.modern]
    found = [loss for loss in both if loss]
    for cause in _order():
        intervals = [_interval(loss, cause) for loss in both]
        if any(abs(x.mean) > small() for x in intervals if x and x.mean is not None):
            table.add_row(WORDS.get(cause, cause), *_cells(intervals))
    sums = [loss.loss if loss else None for loss in both]
    table.add_row(bold("sum"), *(bold(cell) for cell in _cells(sums)))
    if step == "waste":
        table.add_row("or: not found", *_cells([loss.not_found if loss else None for loss in both]))
        table.add_row("    load", *_cells([loss.load if loss else None for loss in both]))
    notes = [NOTES[step], EACH] if step in NOTES else [EACH]
    covered = min(loss.covered for loss in found)
    if covered < 1.0 - 1e-9:
        notes.append(f"causes are those of the most common genomes ({covered:.0%} of newborns)")
    table.caption = "; ".join(notes)
    return table


def _order() -> list[str]:
    """Names of rows: foresight stands before its parts."""
    first = CAUSES.index(FORESIGHT[0])
    return [*CAUSES[:first], "foresight", *CAUSES[first:], NOT_SPLIT]


def _interval(loss: LossByCause | None, cause: str) -> Estimate | None:
    if loss is None:
        return None
    return loss.foresight if cause == "foresight" else loss.causes[cause]


def _cells(intervals: list[Estimate | None]) -> list[str]:
    cells = []
    for x in intervals:
        ends = x is not None and x.low is not None
        cells += [
            number(x.mean if x else None),
            f"[{number(x.low)}, {number(x.high)}]" if x and ends else "-",
        ]
    return cells


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it."""
    losses = summary.account.part(Summary)
    if losses is None:
        return [NOT_APPLICABLE]
    ancestral, modern = losses.worlds.ancestral, losses.worlds.modern
    steps = [step for step in TITLES if step in ancestral or step in modern]
    tables: list[Table | str] = [
        loss_table(step, ByWorld(ancestral.get(step), modern.get(step)), summary.header.unit)
        for step in steps
    ]
    return tables or [NOT_MEASURED]
