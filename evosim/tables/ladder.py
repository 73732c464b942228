"""Text tables of the ladder."""

from __future__ import annotations

from rich.table import Table

from evosim.analysis.ladder import RUNG_CODES, RUNGS, steps_down
from evosim.analysis.summary import AccountSummary, RunSummary
from evosim.tables.formatting import number, seeds_words, small, table_of

RUNG_WORDS = {
    "optimum": "the best policy",
    "best_heterozygote": "best genotype",
    "best_for_intent": "best genome for intent",
    "best_for_payoff": "best genome for payoff",
    "best_ancestral": "best ancestral genome",
    "best_on_sample": "best genome, as selected",
    "all_cases": "population, selected on all",
    "control": "population, fair meiosis",
    "population": "population at the swap",
}
UNLISTED = ("optimum", "all_cases", "control", "population")


def ladder_table(account: AccountSummary, unit: str, replicates: int) -> Table:
    """Table of the two ladders, one row per rung, in units of payoff."""
    table = table_of(
        f"The ladder: which stage lost it ({unit} in a life)",
        ("", "scored", "A", "lost in A", "M", "lost in M", "by"),
        left=("", "scored", "by"),
    )
    a, m = account.ladder.ancestral, account.ladder.modern
    steps = dict(steps_down(m.rungs))
    for rung in RUNGS:
        if rung not in m.rungs:
            continue
        step = steps.get(rung)
        table.add_row(
            RUNG_CODES[rung],
            rung_words(account, rung),
            number(a.rungs[rung]),
            number(a.steps[step]) if step else "",
            number(m.rungs[rung]),
            number(m.steps[step]) if step else "",
            step or "",
        )
        if step == "search":
            for part, words in (("unfound", "to the best present"), ("load", "and on to the mean")):
                table.add_row(
                    "",
                    f"  {words}",
                    "",
                    number(a.steps[part]),
                    "",
                    number(m.steps[part]),
                    f"  {part}",
                )
    if m.steps["hack"] is None:
        table.add_row("", "greedy genes", "", "-", "", "-", "not measured")
    table.caption = seeds_words(replicates, a.seeds, m.seeds)
    return table


def rung_words(account: AccountSummary, rung: str) -> str:
    """A rung in words; of genomes that tie in A and differ in M, it is the worst."""
    found = "" if account.exact or rung in UNLISTED else " found"
    tied = account.left_open.get(rung, 0.0) > small()
    return f"{RUNG_WORDS[rung]}{found}{' (worst of those that tie)' if tied else ''}"


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it."""
    return [ladder_table(summary.account, summary.header.unit, summary.header.replicates)]
