"""Text tables of single genome classes and of rungs."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from evosim.analysis.causes import SWITCHES
from evosim.analysis.ladder import RUNG_CODES
from evosim.runtime.text_layout import bold, say
from evosim.runtime.text_layout import show as show_table
from evosim.tables.formatting import number, scale_of, small, table_of
from evosim.tables.ladder import RUNG_WORDS


def show_class(console: Console, found: dict[str, Any]) -> None:
    """Print the account of one class."""
    with scale_of(found[which]["optimum"] for which in ("ancestral", "modern")):
        _show_class(console, found)


def _show_class(console: Console, found: dict[str, Any]) -> None:
    of = found.get("unit", "payoff")
    true = (
        "breeds true" if found["breeds_true"] else "does not breed true: no homozygote expresses it"
    )
    say(
        console,
        Text.assemble("\n", (f"Class {found['class']}", "bold"), f" ({true})"),
        highlight=False,
    )
    say(console, f"  {_genome(found['loci'])}", highlight=False, hang=2)
    a, m = found["ancestral"], found["modern"]
    table = table_of(f"What it is worth ({of} in a life)", ("", "A", "M"), left=("",))
    table.add_row("the best policy", number(a["optimum"]), number(m["optimum"]))
    table.add_row("this class, payoff", number(a["fitness"]), number(m["fitness"]))
    table.add_row("this class, intent", "", number(m["intent"]))
    table.add_row(
        "lost (payoff in A, intent in M)",
        number(a["optimum"] - a["fitness"]),
        number(m["optimum"] - m["intent"]),
    )
    show_table(console, table)
    _show_ledger(console, found["behaviour"])
    if found["causes"]:
        causes = table_of(
            "Causes: what of the loss is desire, belief, planning (Shapley values; negative: it"
            " helps)",
            ("", "A", "M"),
            left=("",),
        )
        for name in SWITCHES:
            row = [found["causes"][world][name] for world in ("ancestral", "modern")]
            if any(abs(value) > small() for value in row):
                causes.add_row(name, *(number(value) for value in row))
        show_table(console, causes)
    v = found["variation"]
    say(
        console,
        f"Its lives in A and in M differ by a total variation of {number(v['least'])} to"
        f" {number(v['most'])}, so that payoff can differ by at most {number(v['bound'])}; it"
        f" differs by {number(v['difference'])}.",
        highlight=False,
    )
    for world, told in found.get("certificates", {}).items():
        for line in _certified(told):
            say(console, f"* {world}: {line}", highlight=False, hang=2)


def _show_ledger(console: Console, found: dict[str, Any]) -> None:
    kinds = [
        kind
        for kind, value in found["modern"]["kinds"].items()
        if kind != "upkeep" and abs(value) > small()
    ]
    table = table_of("Which acts lost it", ("act", "waste A", *kinds, "all M"))
    for act in dict.fromkeys([*found["ancestral"]["acts"], *found["modern"]["acts"]]):
        by_kind = found["modern"]["acts_by_kind"].get(act, {})
        values = [
            found["ancestral"]["acts"].get(act, 0.0),
            *(by_kind.get(kind, 0.0) for kind in kinds),
            found["modern"]["acts"].get(act, 0.0),
        ]
        if any(abs(value) > small() for value in values):
            table.add_row(act.replace("_", " "), *(number(value) for value in values))
    table.add_row(
        "upkeep",
        number(found["ancestral"]["kinds"]["upkeep"]),
        *("" for _ in kinds),
        number(found["modern"]["kinds"]["upkeep"]),
    )
    sums = [
        sum(found["ancestral"]["kinds"].values()),
        *(found["modern"]["kinds"][kind] for kind in kinds),
        sum(found["modern"]["kinds"].values()),
    ]
    table.add_row(bold("sum"), *(bold(number(value)) for value in sums))
    show_table(console, table)


def _certified(told: dict[str, Any]) -> list[str]:
    """Certificates of one world as sentences."""
    out = []
    for pattern, never in told["never"].items():
        if never["holds"]:
            out.append(f"it never enters '{pattern}': no possible life does")
            continue
        path = " -> ".join(
            step["state"] if step["act"] is None else f"({step['act']}) {step['state']}"
            for step in never["counterexample"]
        )
        out.append(
            f"it does enter '{pattern}', with chance {number(never['chance'], 4)}; the likeliest"
            f" way, of chance {never['its_chance']:.2g}: {path}"
        )
    if "loses_at_most" in told:
        asked = told["loses_at_most"]
        most = (
            f", most of it by {asked['by_act_most'][0]} ({number(asked['by_act_most'][1])})"
            if asked["by_act_most"]
            else ""
        )
        out.append(
            f"by its acts (upkeep apart) it loses {number(asked['loss'])}, which is"
            f" {'at most' if asked['holds'] else 'more than'} {asked['asked']:g}{most}"
        )
    return out


def _genome(loci: dict[str, Any]) -> str:
    """Expressed values in a line."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else f'{value:g}'}"
        for name, value in loci.items()
    )


def show_rungs(console: Console, rows: list[dict[str, Any]]) -> None:
    """Print the classes behind the rungs, and what they express: loci in which they differ, and
    below those that are alike in all.
    """
    with scale_of(max(abs(row[key]) for row in rows) for key in ("ancestral", "modern_intent")):
        _show_rungs(console, rows)


def _show_rungs(console: Console, rows: list[dict[str, Any]]) -> None:
    loci = list(rows[0]["loci"])
    varying = [name for name in loci if len({row["loci"][name] for row in rows}) > 1]
    table = table_of(
        "Classes behind the rungs", ("", "class", "share", "A", "M", "genome"), left=("", "genome")
    )
    for row in rows:
        share = "" if row["share"] is None else f"{row['share']:.1%}"
        genome = _genome({name: row["loci"][name] for name in varying})
        table.add_row(
            f"{RUNG_CODES[row['rung']]} {RUNG_WORDS[row['rung']]}",
            str(row["class"]),
            share,
            number(row["ancestral"]),
            number(row["modern_intent"]),
            genome,
        )
    show_table(console, table)
    same = {name: rows[0]["loci"][name] for name in loci if name not in varying}
    if same:
        say(console, f"alike in all: {_genome(same)}", highlight=False)
    say(
        console,
        "R1 to R3: the class that stands for the tie set (of equals, the worst in M). R4, R5: the"
        " most common at the swap over all seeds, with their share. 'evosim analyze RUN --class N'"
        " accounts for one.",
        highlight=False,
    )
