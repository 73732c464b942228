"""Text tables of the behaviour ledger."""

from __future__ import annotations

from rich.table import Table

from evosim.analysis.behaviour import NO_OVERLAP, SPLIT
from evosim.analysis.summary import AccountSummary, RunSummary
from evosim.runtime.text_layout import bold
from evosim.tables.formatting import number, seeds_words, small, table_of


def behaviour_table(account: AccountSummary, unit: str, replicates: int) -> Table:
    """Table of losses by act and kind. The account must have a behaviour ledger."""
    ancestral, modern = account.behaviour.ancestral, account.behaviour.modern
    assert ancestral is not None
    assert modern is not None
    kinds = [k for k, value in modern.kinds.items() if k != "upkeep" and abs(value) > small()]
    table = table_of(
        f"Loss by act (#: times per life; other columns: {unit} lost)",
        ("act", "# A", "waste", "# M", *kinds, "all M"),
    )
    for act, times in account.times_per_life.ancestral.items():
        by_kind = modern.acts_by_kind.get(act, {})
        table.add_row(
            act.replace("_", " "),
            number(times, 2),
            number(ancestral.acts.get(act, 0.0)),
            number(account.times_per_life.modern[act], 2),
            *(number(by_kind.get(kind, 0.0)) for kind in kinds),
            number(modern.acts.get(act, 0.0)),
        )
    table.add_row(
        "upkeep",
        "",
        number(ancestral.kinds["upkeep"]),
        "",
        *("" for _ in kinds),
        number(modern.kinds["upkeep"]),
    )
    table.add_row(
        bold("sum"),
        "",
        bold(number(sum(ancestral.kinds.values()))),
        "",
        *(bold(number(modern.kinds[kind])) for kind in kinds),
        bold(number(sum(modern.kinds.values()))),
    )
    if NO_OVERLAP in modern.kinds:
        where = (
            " in some seeds, and there" if any(kind in modern.kinds for kind in SPLIT) else ", so"
        )
        table.caption = (
            f"no overlap: the modern world lies outside the ancestral one's reach{where} kinds are"
            " not split"
        )
    if of := seeds_words(replicates, ancestral.seeds, modern.seeds):
        table.caption = f"{table.caption}; {of}" if table.caption else of
    return table


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it; empty if no seed reached the modern world."""
    if summary.account.behaviour.modern is None:
        return []
    return [behaviour_table(summary.account, summary.header.unit, summary.header.replicates)]
