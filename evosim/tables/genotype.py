"""Text tables of single genome classes and of rungs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.analysis.certificates import PolicyCertificates
from evosim.analysis.class_account import ClassAccount, Loci, RungClass
from evosim.analysis.ladder import RUNG_CODES
from evosim.analysis.planner_causes import SWITCHES
from evosim.analysis.summary import LedgerSummary
from evosim.analysis.values import Amounts, ByWorld
from evosim.runtime.text_layout import bold, say
from evosim.runtime.text_layout import show as show_table
from evosim.tables.formatting import number, scale_of, small, table_of
from evosim.tables.ladder import RUNG_WORDS


def show_class(console: Console, account: ClassAccount) -> None:
    """Print the account of one class."""
    with scale_of((account.ancestral.optimum, account.modern.optimum)):
        _show_class(console, account)


def _show_class(console: Console, account: ClassAccount) -> None:
    true = (
        "breeds true" if account.breeds_true else "does not breed true: no homozygote expresses it"
    )
    say(
        console,
        Text.assemble("\n", (f"Class {account.class_id}", "bold"), f" ({true})"),
        highlight=False,
    )
    say(console, f"  {_genome(account.loci)}", highlight=False, indent=2)
    show_table(console, _fitness_table(account))
    show_table(console, _ledger_table(account.behaviour))
    if account.causes:
        show_table(console, _causes_table(account.causes))
    v = account.variation
    say(
        console,
        f"The total variation between lives in A and in M is {number(v.least)} to"
        f" {number(v.most)}. So payoff can differ by at most {number(v.bound)}. It differs by"
        f" {number(v.difference)}.",
        highlight=False,
    )
    for world, certificates in (account.certificates or {}).items():
        for line in _certified(certificates):
            say(console, f"* {world}: {line}", highlight=False, indent=2)


def _fitness_table(account: ClassAccount) -> Table:
    """Fitness of the class and of the best policy, in both worlds."""
    a, m = account.ancestral, account.modern
    assert m.intent is not None
    table = table_of(f"Fitness ({account.unit} in a life)", ("", "A", "M"), left=("",))
    table.add_row("the best policy", number(a.optimum), number(m.optimum))
    table.add_row("this class, payoff", number(a.fitness), number(m.fitness))
    table.add_row("this class, intent", "", number(m.intent))
    table.add_row(
        "lost (payoff in A, intent in M)",
        number(a.optimum - a.fitness),
        number(m.optimum - m.intent),
    )
    return table


def _causes_table(causes: ByWorld[Amounts]) -> Table:
    """Loss by cause in both worlds; causes that are 0 are left out."""
    table = table_of(
        "Causes: loss by desire, belief, planning (Shapley values; negative: it helps)",
        ("", "A", "M"),
        left=("",),
    )
    for name in SWITCHES:
        row = (causes.ancestral[name], causes.modern[name])
        if any(abs(value) > small() for value in row):
            table.add_row(name, *(number(value) for value in row))
    return table


def _ledger_table(behaviour: ByWorld[LedgerSummary | None]) -> Table:
    """Loss by act and kind in both worlds; acts that lose nothing are left out."""
    ancestral, modern = behaviour.ancestral, behaviour.modern
    assert ancestral is not None
    assert modern is not None
    kinds = [
        kind for kind, value in modern.kinds.items() if kind != "upkeep" and abs(value) > small()
    ]
    table = table_of("Loss by act", ("act", "waste A", *kinds, "all M"))
    for act in dict.fromkeys([*ancestral.acts, *modern.acts]):
        by_kind = modern.acts_by_kind.get(act, {})
        values = [
            ancestral.acts.get(act, 0.0),
            *(by_kind.get(kind, 0.0) for kind in kinds),
            modern.acts.get(act, 0.0),
        ]
        if any(abs(value) > small() for value in values):
            table.add_row(act.replace("_", " "), *(number(value) for value in values))
    table.add_row(
        "upkeep",
        number(ancestral.kinds["upkeep"]),
        *("" for _ in kinds),
        number(modern.kinds["upkeep"]),
    )
    sums = [
        sum(ancestral.kinds.values()),
        *(modern.kinds[kind] for kind in kinds),
        sum(modern.kinds.values()),
    ]
    table.add_row(bold("sum"), *(bold(number(value)) for value in sums))
    return table


def _certified(certificates: PolicyCertificates) -> list[str]:
    """Certificates of one world as sentences."""
    out = []
    for pattern, never in certificates.never.items():
        if never.holds:
            out.append(f"it never enters '{pattern}': no possible life does")
            continue
        path = " -> ".join(
            step.state if step.act is None else f"({step.act}) {step.state}"
            for step in never.counterexample
        )
        out.append(
            f"it does enter '{pattern}', with chance {number(never.chance, 4)}; the likeliest"
            f" way, of chance {never.its_chance:.2g}: {path}"
        )
    if bound := certificates.loses_at_most:
        most = (
            f", most of it by {bound.by_act_most[0]} ({number(bound.by_act_most[1])})"
            if bound.by_act_most
            else ""
        )
        out.append(
            f"by its acts (upkeep apart) it loses {number(bound.loss)}, which is"
            f" {'at most' if bound.holds else 'more than'} {bound.limit:g}{most}"
        )
    return out


def _genome(loci: Loci) -> str:
    """Expressed values in a line."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else f'{value:g}'}"
        for name, value in loci.items()
    )


def show_rungs(console: Console, rows: Sequence[RungClass]) -> None:
    """Print the classes behind the rungs: loci that differ, and below them loci that agree."""
    with scale_of(
        (max(abs(row.ancestral) for row in rows), max(abs(row.modern_intent) for row in rows))
    ):
        _show_rungs(console, rows)


def _show_rungs(console: Console, rows: Sequence[RungClass]) -> None:
    loci = list(rows[0].loci)
    varying = [name for name in loci if len({row.loci[name] for row in rows}) > 1]
    table = table_of(
        "Classes behind the rungs", ("", "class", "share", "A", "M", "genome"), left=("", "genome")
    )
    for row in rows:
        share = "" if row.share is None else f"{row.share:.1%}"
        genome = _genome({name: row.loci[name] for name in varying})
        table.add_row(
            f"{RUNG_CODES[row.rung]} {RUNG_WORDS[row.rung]}",
            str(row.class_id),
            share,
            number(row.ancestral),
            number(row.modern_intent),
            genome,
        )
    show_table(console, table)
    same = {name: rows[0].loci[name] for name in loci if name not in varying}
    if same:
        say(console, f"alike in all: {_genome(same)}", highlight=False)
    say(
        console,
        "R1 to R3: the class that stands for the tie set (of equals, the worst in M). R4, R5: the"
        " most common at the swap over all seeds, with their share. For one class, run"
        " 'evosim analyze RUN --class N'.",
        highlight=False,
    )
