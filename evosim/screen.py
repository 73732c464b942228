"""The account of a run as tables and sentences a person can read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.analysis.behaviour import NO_OVERLAP, SHIFT_KINDS, SPLIT
from evosim.analysis.causes import SWITCHES
from evosim.analysis.conventions import AUTHORS, GOOD_IN_MODERN
from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.ladder import RUNG_CODES, RUNGS, steps_down
from evosim.analysis.summary import VARYING
from evosim.layout import bold, say
from evosim.layout import show as show_table
from evosim.reference.planning import ROUNDING

RUNG_WORDS = {
    "optimum": "the best policy",
    "best_for_intent": "best genome for intent",
    "best_for_payoff": "best genome for payoff",
    "best_ancestral": "best ancestral genome",
    "best_on_sample": "best genome, as selected",
    "all_cases": "population, selected on all",
    "control": "population, fair meiosis",
    "population": "population at the swap",
}
UNLISTED = ("optimum", "all_cases", "control", "population")
DIGITS, FEW = 3, 9  # decimals of a number; with more than these few, powers of ten are written
LARGE = 1e9  # from here on, nine digits are written, and a power of ten
LARGEST, SMALL, MOST_DIGITS = 1e15, 1e-3, 15  # with given decimals: where powers of ten begin, and where digits end
MOST_APART = 2  # places by which intervals in a column may differ and still have the same decimals

Given = ParamSpec("Given")
Made = TypeVar("Made")
_more: ContextVar[int] = ContextVar("more", default=0)  # decimals that a small scale takes besides


@contextmanager
def to_scale(*summaries: dict[str, Any]) -> Iterator[None]:
    """Write numbers so that the differences between policies can be seen.

    A world whose policies differ by 0.0002 needs more decimals than one where they differ by 2.
    With three decimals its account would say that nothing is lost.

    Parameters
    ----------
    *summaries : dict
        Summaries of runs. The smallest span of a world, from its worst policy to its best, decides.
    """
    with _scale_of(
        summary["ladder"][which]["rungs"]["optimum"] - worst
        for summary in summaries
        for which, worst in summary["worst_policy"].items()
        if not all_alike(summary, which)
    ):
        yield


@contextmanager
def _scale_of(amounts: Iterable[float]) -> Iterator[None]:
    """Write numbers with the decimals that the smallest of some amounts takes."""
    spans = [abs(amount) for amount in amounts if amount]
    more = -math.floor(math.log10(min(spans))) - 1 if spans else 0
    token = _more.set(max(0, more))
    try:
        yield
    finally:
        _more.reset(token)


def scaled(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let a function that has a summary among its arguments write numbers to its scale."""

    @wraps(function)
    def inside(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        with to_scale(next(x for x in args if isinstance(x, dict))):
            return function(*args, **kwargs)

    return inside


def small(more: int = 0) -> float:
    """Half of the last decimal: what is less is written as 0."""
    return float(0.5 * 10.0 ** -(DIGITS + more + _more.get()))


def all_alike(summary: dict[str, Any], which: str) -> bool:
    """Whether all policies of a world are worth the same, but for rounding."""
    best, worst = summary["ladder"][which]["rungs"]["optimum"], summary["worst_policy"][which]
    return bool(best - worst <= ROUNDING * max(abs(best), abs(worst)))


@scaled
def show(console: Console, title: str, summary: dict[str, Any], *, details: bool = False) -> None:
    """Print the account; with `details`, also how far lives in A and in M can differ at all."""
    _show_which(console, title, summary)
    say(console, "A: ancestral world, M: modern world. Words: docs/glossary.md" + ("" if summary.get("offset") else "\n"))
    if paid := summary.get("offset"):
        a, m = paid["ancestral"], paid["modern"]
        say(console, f"Rungs include {f'{a:g}' if a == m else f'{a:g} (A), {m:g} (M)'} paid to everybody at birth (offset); losses do not.\n")
    for name, account in accounts(summary).items():
        if details or name != "variation":
            say(console, account) if isinstance(account, str) else show_table(console, account)
    for sentence in sentences(summary):
        say(console, f"* {sentence}", hang=2)


NO_CAUSES = "Causes (desire, belief, planning): not applicable; these genomes do not plan.\n"


@scaled
def accounts(summary: dict[str, Any]) -> dict[str, Table | str]:
    """The tables of the account by name, in the order of reading; words where an account does not apply."""
    out: dict[str, Table | str] = {"ladder": _ladder(summary)}
    if summary["behaviour"]["modern"] is not None:
        out["behaviour"] = _behaviour(summary)
    out["steps"] = _steps(summary)
    if summary["desires"]:
        out["desires"] = _desires(summary)
    out["causes"] = _causes(summary["causes"]) if summary["causes"] else NO_CAUSES
    out["variation"] = _variation(summary)
    if summary["family"]:
        out["family"] = _family(summary["family"])
    if summary["hack"]:
        out |= {"hack": _hack(summary["hack"], unit(summary)), "frequencies": _frequencies(summary["hack"]["frequencies"])}
    if summary["search"] and summary["search"]["traits"]:
        out["search"] = _search(summary["search"])
    return out


def show_search(console: Console, title: str, summary: dict[str, Any]) -> None:
    """Print what the search of a landscape came to."""
    _show_which(console, title, summary)
    table = Table("", "mean", "interval" if any(row["interval"] for row in summary["search"]) else "", box=None, padding=(0, 2, 0, 0))
    for row in summary["search"]:
        ends = row["interval"] or (None, None)
        decimals = decimals_of(row["mean"] or 0.0, *ends)
        between = " to ".join(number(end, decimals) for end in row["interval"]) if row["interval"] else ""
        table.add_row(row["quantity"], number(row["mean"], decimals), between)
    console.print()
    show_table(console, table)


def _level(summary: dict[str, Any]) -> str:
    """The level of all intervals below, where there can be any."""
    known = summary["replicates"] >= FEWEST and "confidence" in summary  # older summaries do not say it
    return f", {level(summary['confidence'])} intervals" if known else ""


def _show_which(console: Console, title: str, summary: dict[str, Any]) -> None:
    """Print what was run, and what was expected of it."""
    replicates = summary["replicates"]
    say(console, f"\n{title}", style="bold")
    say(console, f"seed {summary['seed']}" if replicates == 1 else f"{replicates} seeds from {summary['seed']}; means over seeds{_level(summary)}")
    if summary["changed"]:
        say(console, f"changed: {', '.join(summary['changed'])}")
    if summary["expected"]:
        say(console, f"expected: {summary['expected']}")


def show_class(console: Console, found: dict[str, Any]) -> None:
    """Print the account of one class."""
    with _scale_of(found[which]["optimum"] for which in ("ancestral", "modern")):
        _show_class(console, found)


def _show_class(console: Console, found: dict[str, Any]) -> None:
    of = unit(found)
    true = "breeds true" if found["breeds_true"] else "does not breed true: no homozygote expresses it"
    say(console, Text.assemble("\n", (f"Class {found['class']}", "bold"), f" ({true})"), highlight=False)
    say(console, f"  {_genome(found['loci'])}", highlight=False, hang=2)
    a, m = found["ancestral"], found["modern"]
    table = _table(f"What it is worth ({of} in a life)", ("", "A", "M"), left=("",))
    table.add_row("the best policy", number(a["optimum"]), number(m["optimum"]))
    table.add_row("this class, payoff", number(a["fitness"]), number(m["fitness"]))
    table.add_row("this class, intent", "", number(m["intent"]))
    table.add_row("lost (payoff in A, intent in M)", number(a["optimum"] - a["fitness"]), number(m["optimum"] - m["intent"]))
    show_table(console, table)
    _show_ledger(console, found["behaviour"])
    if found["causes"]:
        causes = _table("Causes: what of the loss is desire, belief, planning (Shapley values; negative: it helps)", ("", "A", "M"), left=("",))
        for name in SWITCHES:
            row = [found["causes"][world][name] for world in ("ancestral", "modern")]
            if any(abs(value) > small() for value in row):
                causes.add_row(name, *(number(value) for value in row))
        show_table(console, causes)
    v = found["variation"]
    say(
        console, f"Its lives in A and in M differ by a total variation of {number(v['least'])} to {number(v['most'])}, so that payoff can differ by at most "
        f"{number(v['bound'])}; it differs by {number(v['difference'])}.", highlight=False,
    )  # fmt: skip
    for world, told in found.get("certificates", {}).items():
        for line in _certified(told):
            say(console, f"* {world}: {line}", highlight=False, hang=2)


def _show_ledger(console: Console, found: dict[str, Any]) -> None:
    kinds = [kind for kind, value in found["modern"]["kinds"].items() if kind != "upkeep" and abs(value) > small()]
    table = _table("Which acts lost it", ("act", "waste A", *kinds, "all M"))
    for act in dict.fromkeys([*found["ancestral"]["acts"], *found["modern"]["acts"]]):
        by_kind = found["modern"]["acts_by_kind"].get(act, {})
        values = [found["ancestral"]["acts"].get(act, 0.0), *(by_kind.get(kind, 0.0) for kind in kinds), found["modern"]["acts"].get(act, 0.0)]
        if any(abs(value) > small() for value in values):
            table.add_row(act.replace("_", " "), *(number(value) for value in values))
    table.add_row("upkeep", number(found["ancestral"]["kinds"]["upkeep"]), *("" for _ in kinds), number(found["modern"]["kinds"]["upkeep"]))
    sums = [sum(found["ancestral"]["kinds"].values()), *(found["modern"]["kinds"][kind] for kind in kinds), sum(found["modern"]["kinds"].values())]
    table.add_row(bold("sum"), *(bold(number(value)) for value in sums))
    show_table(console, table)


def _certified(told: dict[str, Any]) -> list[str]:
    """Certificates of one world as sentences."""
    out = []
    for pattern, never in told["never"].items():
        if never["holds"]:
            out.append(f"it never enters '{pattern}': no possible life does")
            continue
        path = " -> ".join(step["state"] if step["act"] is None else f"({step['act']}) {step['state']}" for step in never["counterexample"])
        out.append(f"it does enter '{pattern}', with chance {number(never['chance'], 4)}; the likeliest way, of chance {never['its_chance']:.2g}: {path}")
    if "loses_at_most" in told:
        asked = told["loses_at_most"]
        most = f", most of it by {asked['by_act_most'][0]} ({number(asked['by_act_most'][1])})" if asked["by_act_most"] else ""
        out.append(f"by its acts (upkeep apart) it loses {number(asked['loss'])}, which is {'at most' if asked['holds'] else 'more than'} {asked['asked']:g}{most}")
    return out


def _genome(loci: dict[str, Any]) -> str:
    """Expressed values in a line."""
    return ", ".join(f"{name} {value if isinstance(value, str) else f'{value:g}'}" for name, value in loci.items())


def show_rungs(console: Console, rows: list[dict[str, Any]]) -> None:
    """Print the classes behind the rungs, and what they express: loci in which they differ, and below those that are alike in all."""
    with _scale_of(max(abs(row[key]) for row in rows) for key in ("ancestral", "modern_intent")):
        _show_rungs(console, rows)


def _show_rungs(console: Console, rows: list[dict[str, Any]]) -> None:
    loci = list(rows[0]["loci"])
    varying = [name for name in loci if len({row["loci"][name] for row in rows}) > 1]
    table = _table("Classes behind the rungs", ("", "class", "share", "A", "M", "genome"), left=("", "genome"))
    for row in rows:
        share = "" if row["share"] is None else f"{row['share']:.1%}"
        genome = _genome({name: row["loci"][name] for name in varying})
        table.add_row(f"{RUNG_CODES[row['rung']]} {RUNG_WORDS[row['rung']]}", str(row["class"]), share, number(row["ancestral"]), number(row["modern_intent"]), genome)
    show_table(console, table)
    same = {name: rows[0]["loci"][name] for name in loci if name not in varying}
    if same:
        say(console, f"alike in all: {_genome(same)}", highlight=False)
    say(
        console, "R1 to R3: the class that stands for the tie set (of equals, the worst in M). R4, R5: the most common at the swap over all seeds, with their share. "
        "'evosim analyze RUN --class N' accounts for one.", highlight=False,
    )  # fmt: skip


@scaled
def show_labels(console: Console, summary: dict[str, Any]) -> None:
    """Print what each author would call each step."""
    say(console, Text.assemble("\n", ("What each author calls it", "bold"), " (Christiano: the problems will not split like this)"))
    for step, entry in summary["labels"].items():
        value = number(entry["value"]) if entry["value"] is not None else "not measured"
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        for author in AUTHORS:
            table.add_row(author, entry[author])
        say(console, Text.assemble("\n", (step, "bold"), f", in M: {value}"))
        show_table(console, table)


def number(value: float | None, digits: int | None = None, *, more: int = 0) -> str:
    """A number for reading; a dash for what was not measured; no negative zero.

    `digits` are decimals whatever the scale is, below 0 too (`decimals_of`); without, there are
    three, `more`, and those that the scale of the account takes (`to_scale`).
    """
    if value is None:
        return "-"
    if digits is not None:
        return _to_place(value, digits)
    decimals = DIGITS + more + _more.get()
    if abs(value) >= LARGE:
        return f"{value:.9g}"
    if decimals > FEW:
        return "0" if abs(value) < 0.5 * 10.0**-decimals else f"{value:.{DIGITS + more}g}"
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text


def _to_place(value: float, decimals: int) -> str:
    """A number with so many decimals; as a power of ten where it is large, or where nothing else would stand after the point but noughts."""
    if abs(value) < 0.5 * 10.0**-decimals and decimals > FEW:
        return "0"
    if math.isfinite(value) and value and ((abs(value) >= LARGE and decimals < 0) or abs(value) >= LARGEST or (decimals > FEW and abs(value) < SMALL)):
        return f"{value:.{min(max(power_of(value) + decimals, 0), MOST_DIGITS)}e}"
    text = f"{value:.{min(max(decimals, 0), MOST_DIGITS)}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text


def power_of(value: float, digits: int = 2) -> int:
    """The power of ten of the first of so many digits, after rounding: -1 of 0.0996, which is 0.10."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def significant(value: float, digits: int = DIGITS) -> str:
    """A number with so many significant digits; of a large one all digits before the point."""
    return number(value, digits - 1 - power_of(value, digits) if value else digits)


def decimals_of(mean: float, low: float | None, high: float | None) -> int | None:
    """How many decimals an interval takes.

    Parameters
    ----------
    mean : float
        What was measured.
    low, high : float or None
        The ends of its interval. One of them may be infinite.

    Returns
    -------
    int or None
        With these decimals half the interval has two significant digits. Below 0 they count places before the
        point. None where there is no interval, or none with a width.
    """
    if low is None or high is None:
        return None
    half = high / 2.0 - low / 2.0
    if not math.isfinite(half):
        half = max((abs(mean - end) for end in (low, high) if math.isfinite(end)), default=0.0)
    return 1 - power_of(half) if half > ROUNDING * abs(mean) else None


Measured = tuple[float | None, float | None, float | None]  # a mean, and the ends of its interval


def decimals_in(column: Iterable[Measured], usual: int = DIGITS) -> list[int]:
    """How many decimals each number in a column of a table takes.

    Parameters
    ----------
    column : iterable of tuple
        Means and the ends of their intervals; None for what was not measured.
    usual : int
        Decimals where there are no intervals, unless the numbers are so small that they take more.

    Returns
    -------
    list of int
        All take those of the narrowest interval, unless that is more than two places narrower than
        the widest one. Then each interval has its own.
    """
    rows = list(column)
    own = [None if mean is None else decimals_of(mean, low, high) for mean, low, high in rows]
    known = [decimals for decimals in own if decimals is not None]
    if not known:
        largest = max((abs(mean) for mean, *_ in rows if mean is not None and math.isfinite(mean)), default=0.0)
        return [1 if largest >= 100.0 else max(usual, DIGITS - 1 - power_of(largest, DIGITS)) if largest else usual] * len(rows)
    most, least = max(known), min(known)
    if most - least <= MOST_APART:
        return [most] * len(rows)
    return [max(least, usual) if decimals is None else decimals for decimals in own]


def with_ends(mean: float, low: float | None, high: float | None, decimals: int | None = None) -> str:
    """A number and its interval, on the screen, in reports and in verdicts.

    Parameters
    ----------
    mean : float
        What was measured.
    low, high : float or None
        The ends of its interval.
    decimals : int, optional
        Of its column (`decimals_in`). Without, those that its own interval takes.

    Returns
    -------
    str
        Such as `0.123 [0.087, 0.159]`. Without an interval, or with one that has no width, the number alone.
    """
    own = decimals_of(mean, low, high)
    digits = decimals if decimals is not None else own
    if digits is None:
        return significant(mean, DIGITS + 1)
    text = number(mean, digits)
    return text if own is None else f"{text} [{number(low, digits)}, {number(high, digits)}]"


def unit(summary: dict[str, Any]) -> str:
    """The unit of payoff, as the world calls it."""
    return str(summary.get("unit", "payoff"))


def _table(title: str, headings: tuple[str, ...], left: tuple[str, ...] = ("act",)) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading in left else "right")
    return table


def _ladder(summary: dict[str, Any]) -> Table:
    table = _table(f"The ladder: which stage lost it ({unit(summary)} in a life)", ("", "scored", "A", "lost in A", "M", "lost in M", "by"), left=("", "scored", "by"))
    a, m = summary["ladder"]["ancestral"], summary["ladder"]["modern"]
    steps = dict(steps_down(m["rungs"]))
    for rung in RUNGS:
        if rung not in m["rungs"]:
            continue
        step = steps.get(rung)
        table.add_row(
            RUNG_CODES[rung],
            rung_words(summary, rung),
            number(a["rungs"][rung]),
            number(a["steps"][step]) if step else "",
            number(m["rungs"][rung]),
            number(m["steps"][step]) if step else "",
            step or "",
        )
        if step == "search":
            for part, words in (("unfound", "to the best present"), ("load", "and on to the mean")):
                table.add_row("", f"  {words}", "", number(a["steps"][part]), "", number(m["steps"][part]), f"  {part}")
    if m["steps"]["hack"] is None:
        table.add_row("", "greedy genes", "", "-", "", "-", "not measured")
    table.caption = seeds_words(summary, a["seeds"], m["seeds"])
    return table


def rung_words(summary: dict[str, Any], rung: str) -> str:
    """What a rung is, in words; of genomes that tie in A and differ in M, it is the worst."""
    found = "" if summary["exact"] or rung in UNLISTED else " found"
    tied = summary["left_open"].get(rung, 0.0) > small()
    return f"{RUNG_WORDS[rung]}{found}{' (worst of those that tie)' if tied else ''}"


def seeds_words(summary: dict[str, Any], *seeds: int) -> str | None:
    """Of how many seeds the means of a table are, where these are not all seeds of the run.

    Parameters
    ----------
    summary
        Of the run.
    seeds
        How many seeds each part of the table has. 0 for a part without means.

    Returns
    -------
    Words for below the table, or None.
    """
    of, known = summary.get("replicates"), sorted({n for n in seeds if n})
    if of is None or known in ([], [of]):
        return None
    return f"means over the {' and '.join(map(str, known))} of {of} seeds in which all of this was measured"


def _behaviour(summary: dict[str, Any]) -> Table:
    ancestral, modern = summary["behaviour"]["ancestral"], summary["behaviour"]["modern"]
    kinds = [k for k, value in modern["kinds"].items() if k != "upkeep" and abs(value) > small()]
    table = _table(
        "The behaviour ledger: which acts lost it (# times a life; the rest is regret)",
        ("act", "# A", "waste", "# M", *kinds, "all M"),
    )
    for act, times in summary["times_per_life"].get("ancestral", {}).items():
        by_kind = modern["acts_by_kind"].get(act, {})
        table.add_row(
            act.replace("_", " "),
            number(times, 2),
            number(ancestral["acts"].get(act, 0.0)),
            number(summary["times_per_life"]["modern"][act], 2),
            *(number(by_kind.get(kind, 0.0)) for kind in kinds),
            number(modern["acts"].get(act, 0.0)),
        )
    table.add_row("upkeep", "", number(ancestral["kinds"]["upkeep"]), "", *("" for _ in kinds), number(modern["kinds"]["upkeep"]))
    table.add_row(
        bold("sum"),
        "",
        bold(number(sum(ancestral["kinds"].values()))),
        "",
        *(bold(number(modern["kinds"][kind])) for kind in kinds),
        bold(number(sum(modern["kinds"].values()))),
    )
    if NO_OVERLAP in modern["kinds"]:
        where = " in some seeds, and there" if any(kind in modern["kinds"] for kind in SPLIT) else ", so"
        table.caption = f"no overlap: the modern world lies outside the ancestral one's reach{where} kinds are not split"
    if of := seeds_words(summary, ancestral.get("seeds", 0), modern.get("seeds", 0)):
        table.caption = f"{table.caption}; {of}" if table.caption else of
    return table


def _steps(summary: dict[str, Any]) -> Table | str:
    steps = summary["steps_by_act"]
    shown = [
        (world, step)
        for world, names in (
            ("ancestral", ("representation", "sampling", "search", "hack")),
            ("modern", ("representation", "specification", "shift", "sampling", "search", "hack")),
        )
        for step in names
        if any(abs(value) > small() for value in steps[world].get(step, {}).values())
    ]
    if not shown:
        return "Steps of the ladder by act: no step loses or gains anything.\n"
    headings = [f"{step} {world[0].upper()}" for world, step in shown]
    table = _table("Steps of the ladder by act (what the step loses; negative: gains)", ("act", *headings))
    for act in steps["modern"]["representation"]:
        row = [steps[world][step][act] for world, step in shown]
        if any(abs(value) > small() for value in row):
            table.add_row(act.replace("_", " "), *(number(value) for value in row))
    sums = [sum(steps[world][step].values()) for world, step in shown]
    table.add_row(bold("sum"), *(bold(number(value)) for value in sums))
    return table


def _desires(summary: dict[str, Any]) -> Table:
    table = _table(
        "Desires: regret by the acts that serve them; gain without the desire",
        ("desire", "weight", "sought by", "waste A", "gain A", "regret M", "gain M"),
        left=("desire", "sought by"),
    )
    for row in summary["desires"]:
        table.add_row(
            row["feature"],
            number(row["weight"], 2),
            row["acts"].replace("_", " "),
            *(number(row[key]) for key in ("ledger_ancestral", "gain_ancestral", "ledger_modern", "gain_modern")),
        )
    return table


def _causes(found: dict[str, Any]) -> Table:
    columns = [(subject, world) for subject in found for world in ("ancestral", "modern")]
    headings = [f"{RUNG_CODES[subject]} in {world[0].upper()}" for subject, world in columns]
    table = _table("Causes: what of the loss is desire, belief, planning (Shapley values; negative: it helps)", ("", *headings), left=("",))
    for cause in SWITCHES:
        if any(abs(found[subject][world][cause]) > small() for subject, world in columns):
            table.add_row(cause, *(number(found[subject][world][cause]) for subject, world in columns))
    table.add_row(bold("sum"), *(bold(number(sum(found[subject][world][cause] for cause in SWITCHES))) for subject, world in columns))
    notes = ["genomes that act alike may be split differently: belief and desire cannot be told apart from behaviour"]
    if "best_for_payoff" in found:
        notes.insert(0, "R2 in A: the best modern genome (for payoff in M), scored in the ancestral world")
    if "population" in found and found["population"]["modern"]["covered"] < 1.0 - 1e-9:
        notes.insert(0, f"R5: its most common classes, {found['population']['modern']['covered']:.0%} of it")
    table.caption = "; ".join(notes)
    return table


def _variation(summary: dict[str, Any]) -> Table:
    table = _table(
        "Total variation between lives in A and in M, and how far expected payoff can differ for it",
        ("", "at least", "at most", "bound", "differs by"),
        left=("",),
    )
    for subject, row in summary["variation"].items():
        name = f"{RUNG_CODES[subject]}" + (f" ({row['covered']:.0%} of it)" if row["covered"] < 1.0 - 1e-9 else "")
        table.add_row(name, *(number(row[key]) for key in ("least", "most", "bound", "difference")))
    return table


def _family(found: dict[str, Any]) -> Table:
    table = _table(f"Over a family of worlds ({', '.join(found['worlds'])})", ("", "verdict", "kind", "share"), left=("", "verdict", "kind"))
    for subject, rows in found["subjects"].items():
        for row in rows:
            table.add_row(RUNG_CODES[subject], row["verdict"], row["kind"] or "", number(row["share"], 2))
    return table


HACK_WORDS = {
    "hack": "hack: fair minus run",
    "own_cost": "  their own cost",
    "behaviour": "  through behaviour",
    "null": "null: fair minus fair",
    "presence": "no driver minus run",
    "instantaneous": "drivers turned wild",
}


def _hack(found: dict[str, Any], of: str) -> Table:
    table = _table(f"Greedy genes: what unfair meiosis cost ({of})", ("", "A", "interval in A", "M", "interval in M"), left=("",))
    for quantity, words in HACK_WORDS.items():
        cells = []
        for world in ("ancestral", "modern"):
            entry = found.get(world, {}).get(quantity)
            ends = entry.get("interval") if entry else None
            cells += [number(entry["mean"], more=1) if entry else "-", f"[{number(ends[0], more=1)}, {number(ends[1], more=1)}]" if ends else "-"]
        table.add_row(words, *cells)
    return table


def _who_searched(summary: dict[str, Any]) -> str:
    """Whose step `search` is."""
    of_all = "all_cases" in summary["ladder"]["ancestral"]["rungs"]
    return f"the population{' that was selected on all of A' if of_all else ''}{' with fair meiosis' if summary['hack'] else ''}"


def _frequencies(rows: list[dict[str, Any]]) -> Table:
    arms = [name for name in rows[0] if name not in ("locus", "allele")]
    table = _table("Frequency among newborns at the swap", ("locus", "allele", *(arm.replace("_", " ") for arm in arms)), left=("locus", "allele"))
    for row in rows:
        table.add_row(row["locus"], row["allele"], *(number(row[arm]) for arm in arms))
    return table


def _search(found: dict[str, Any]) -> Table:
    terms = [t for t in found["terms"] if any(abs(row[t] or 0.0) > small(1) for row in found["traits"])]
    table = _table(
        "The search ledger: what moved it before the swap (Price equation, summed)",
        ("trait", "change", *terms, "order"),
        left=("trait",),
    )
    for row in found["traits"]:
        table.add_row(row["trait"], number(row["change"]), *(number(row[t]) for t in terms), number(row["order_spread"]))
    table.caption = "order: at most this much of an entry hangs on the order in which forces are switched on"
    return table


@scaled
def sentences(summary: dict[str, Any]) -> list[str]:
    """What the account comes to, in the three kinds of loss."""
    a, m = summary["ladder"]["ancestral"], summary["ladder"]["modern"]
    out = []
    worst = summary["worst_policy"]["modern"]
    if not all_alike(summary, "modern") and m["rungs"]["best_for_intent"] - worst < 0.1 * (m["rungs"]["optimum"] - worst):
        out.append(_representation_words(summary))
    if m["steps"]["specification"] > small():
        least, most = (m["steps"]["specification"] - summary["left_open"]["best_for_payoff"], m["steps"]["specification"])
        lost = _range(least, most)
        out.append(
            f"Specification (payoff is not intent): {lost} is lost by being best for what is paid in M instead of what was intended"
            f"{'; genomes that tie for payoff differ in it' if most - least > small() else ''}."
        )
    out.append(shift_words(summary))
    if summary["shift"]["path_by_intent_in_ancestral"] is not None:
        other = summary["shift"]["path_by_intent_in_ancestral"]
        best = other + summary["left_open"].get("path_by_intent_in_ancestral", 0.0)
        r1, r3 = m["rungs"]["best_for_intent"], m["rungs"]["best_ancestral"]
        out.append(
            "The order of the steps matters where payoff is not intent. By the other path, the best "
            f"genome for intent in A is worth {_range(other, best)} in M{', by which of those that tie is taken' if best - other > small() else ''}: "
            f"shift {_range(r1 - best, r1 - other)}, then specification {_range(other - r3, best - r3)}."
        )
    if a["steps"]["search"] is not None:
        kinds = (summary["behaviour"]["modern"] or {"kinds": {NO_OVERLAP: None}})["kinds"]
        if NO_OVERLAP not in kinds:
            shift = sum(kinds[kind] for kind in SHIFT_KINDS)
            text = (
                f"By acts, the population is {number(sum(kinds.values()))} below the best policy in M; {number(shift)} of it is of "
                "the shift kinds (new, or worse than it was)"
            )
            by_act = {
                act: sum(by_kind.get(kind, 0.0) for kind in SHIFT_KINDS)
                for act, by_kind in summary["behaviour"]["modern"]["acts_by_kind"].items()
            }
            if shift > small():
                act = max(by_act, key=lambda name: by_act[name])
                text += f", the largest part by {act.replace('_', ' ')} ({number(by_act[act])})"
            out.append(text + ".")
        out.append(search_words(summary))
    out.append(hack_words(summary))
    if summary["goes_on_in_modern"] and summary["recovery"]["modern_at_swap"]["mean"] is not None:
        out.append(_answer(summary))
    out += _intervals(summary)
    out.append(_ties(summary))
    extinct = [seed for seed, facts in summary["runs"].items() if facts["status"] == "extinct"]
    if extinct:
        out.append(f"Extinct: {len(extinct)} of {len(summary['runs'])} runs (seeds {', '.join(extinct)}).")
    return out


def _representation_words(summary: dict[str, Any]) -> str:
    """Why no genome comes near the best policy: what genomes pay for planning, or what they do."""
    whole = summary["ladder"]["modern"]["steps"]["representation"]
    upkeep = summary["steps_by_act"]["modern"]["representation"].get("upkeep", 0.0)
    text = "Representation loses more than 90%: no genome of this grid comes near the best policy."
    if upkeep > small():
        text += f" Of the {number(whole)} that it loses in M, {number(upkeep)} is upkeep (what planning costs), whatever the genome does."
    if whole - upkeep > small():
        text += " A genome desires only what its file names; start from 'evosim show'."
    return text


def _answer(summary: dict[str, Any]) -> str:
    """What became of the population after the swap: in shares of the best, or in payoff where shares are not defined."""
    swap, end = (summary["recovery"][f"modern_at_{moment}"] for moment in ("swap", "end"))
    if swap["share_of_best"] is not None:
        return (
            f"Selection's answer: from {swap['share_of_best']:.0%}{_ends(summary, 'modern_at_swap')} of what the best genome has in M{_from_worst(summary)} at the swap "
            f"to {end['share_of_best']:.0%}{_ends(summary, 'modern_at_end')} at the end{_answer_with_fair_meiosis(summary)}."
        )
    fair = summary["recovery"].get("modern_at_end_fair", {}).get("mean")
    return (
        f"Selection's answer: worth in M goes from {number(swap['mean'])} at the swap to {number(end['mean'])} at the end"
        f"{'' if fair is None else f'; with fair meiosis, to {number(fair)}'}. Shares of the best are not defined there: {_why_not_defined(summary)}."
    )


def _why_not_defined(summary: dict[str, Any]) -> str:
    """Why there are no shares of the best in M."""
    best, worst = summary["ladder"]["modern"]["rungs"]["best_for_intent"], summary["worst_policy"]["modern"]
    if worst - best <= small():
        return f"the best genome gets what the worst policy gets, {number(worst)}"
    return f"upkeep alone brings every genome{'' if summary['exact'] else ' found'} below the worst policy ({number(best)} at most, against {number(worst)})"


def _range(least: float, most: float) -> str:
    """One number, or both ends where they differ."""
    return f"{number(least)} to {number(most)}" if most - least > small() else number(least)


def _from_worst(summary: dict[str, Any]) -> str:
    """Where shares begin, unless that is 0."""
    worst = summary["worst_policy"]["modern"]
    return f", counted from the worst policy's {number(worst)}," if abs(worst) > small() else ""


@scaled
def shift_words(summary: dict[str, Any]) -> str:
    """What the shift cost, and who could have avoided it: birth-control style."""
    m = summary["ladder"]["modern"]
    perfect = "what a perfect ancestral optimizer finds" if summary["exact"] else "the best ancestral genome found"
    shift = m["steps"]["shift"]
    (old, old_worst, old_best), (new, new_worst, new_best) = (_worth_of_tied(summary, rung) for rung in ("best_ancestral", "best_for_payoff"))
    text = f"Birth-control style (the world shifted): in M {perfect} is worth {old}, the best genome for modern payoff {new}. "
    tied = old_best - old_worst > small() or new_best - new_worst > small()
    if tied:
        least, most = new_worst - old_best, new_best - old_worst
        lost = f"loses {number(least)} to {number(most)}"
        if least < -small():
            lost = f"is between a gain of {number(-least)} and {'a loss' if most >= 0.0 else 'a gain'} of {number(abs(most))}"
        which = "of the genomes that tie for best in A is found; the ancestral world leaves that open"
        if new_best - new_worst > small():
            which = "of the genomes that tie are taken"
        text += f"The shift step {lost}, by which {which}."
        if least > small():
            text += f" {number(least)} is lost by every one of them: no search that reaches one could have avoided it."
    elif shift > small():
        text += f"The shift step loses {number(shift)}: no search that reaches the ancestral optimum could have avoided it."
    elif shift < -small():
        text += f"The shift step gains {number(-shift)}: being best for the past is better here than being best for what is paid now."
    else:
        text += "The shift step loses nothing."
    if not summary["exact"] and (tied or shift > small()):
        text += " (The grid was not enumerated: these are the best found.)"
    return text


def _worth_of_tied(summary: dict[str, Any], rung: str) -> tuple[str, float, float]:
    """What a rung is worth in M in words, and the worst and the best of the genomes that tie for it."""
    worst = summary["ladder"]["modern"]["rungs"][rung]
    best = worst + summary["left_open"][rung]
    if best - worst <= small():
        return number(worst), worst, best
    many = f"{summary['ties'][0]['classes']} genomes tie" if rung == "best_ancestral" else "of those that tie"
    return f"{number(worst)} to {number(best)} ({many})", worst, best


@scaled
def search_words(summary: dict[str, Any]) -> str:
    """What imperfect search left: masturbation style."""
    a = summary["ladder"]["ancestral"]
    if a["steps"]["search"] is None:
        why = "nobody lived to see the swap"
        if summary["behaviour"]["modern"] is not None:
            why = "some population saw the swap, but no seed has the controls without which it is not told from what else was lost"
        return f"Masturbation style (search is imperfect): not measured; {why}. That is not the same as 0."
    return (
        f"Masturbation style (search is imperfect): in A {_who_searched(summary)} is {number(a['steps']['search'])} below the best "
        f"genome{'' if summary['exact'] else ' found'}{' for what selection saw' if 'best_on_sample' in a['rungs'] else ''} "
        f"({number(a['steps']['unfound'])} not found, {number(a['steps']['load'])} between the best present and the mean). "
        "This is the step 'search'; what it loses by which act stands in the table of steps."
    )


def _answer_with_fair_meiosis(summary: dict[str, Any]) -> str:
    fair = summary["recovery"].get("modern_at_end_fair", {}).get("share_of_best")
    return "" if fair is None else f"; with fair meiosis, to {fair:.0%}{_ends(summary, 'modern_at_end_fair')}"


@scaled
def hack_words(summary: dict[str, Any]) -> str:
    """What exploited the search itself, and whether it can be told from chance: greedy genes."""
    found = (summary["hack"] or {}).get("ancestral", {})
    if "hack" not in found:
        why = "this run has no driver"
        if summary["drivers"]:
            why = "controls were switched off, so that the search step holds it too"
        if summary["hack"]:
            why = "the control or the run died out before the swap"
        return f"Greedy genes (a hack of the search): not measured; {why}. That is not the same as 0.{_died(summary)}"

    def told(quantity: str) -> str:
        ends = found[quantity].get("interval")
        return with_ends(found[quantity]["mean"], *ends) if ends else number(found[quantity]["mean"], more=1)

    return (
        f"Greedy genes (a hack of the search): unfair meiosis costs {told('hack')} in A, of which drivers and modifiers take "
        f"{told('own_cost')} by themselves and {told('behaviour')} is what they do through behaviour.{_doubts(summary)}{_null(summary)}{_died(summary)}"
    )


def _doubts(summary: dict[str, Any]) -> str:
    """What a reader must know before believing the hack step."""
    found = summary["hack"]
    if not any(row["run"] for row in found["frequencies"]):
        return " No driver is in any population at the swap: it was lost, or never brought in before."
    whole, through_behaviour = found["verdicts"]
    if whole["low"] is None:
        few = found["ancestral"]["hack"]["seeds"] < FEWEST
        return " These are too few seeds to tell it from chance." if few else " All seeds agree, which does not tell it from chance."
    if whole["verdict"] == "undecided":
        return " The hack step cannot be told from chance: its interval holds 0."
    if whole["verdict"] == "does not come out":
        return " Unfair meiosis does not lower fitness here: the whole interval is at or below 0."
    if through_behaviour["verdict"] != "comes out":
        return " The part through behaviour is not told from 0." if through_behaviour["verdict"] == "undecided" else " Behaviour takes nothing: the whole interval of its part is at or below 0."
    return ""


def _null(summary: dict[str, Any]) -> str:
    """What two fair controls differ by: a check, because it is 0 in expectation."""
    parts = []
    for row, through in zip(summary["hack"]["verdicts"], ("", "through behaviour "), strict=True):
        if row["null"] is None:
            return ""
        ends = None if row["null_low"] is None else (row["null_low"], row["null_high"])
        told = with_ends(row["null"], *ends) if ends else number(row["null"], more=1)
        off = ", which leaves out 0, as chance alone does now and then" if ends and not ends[0] <= 0.0 <= ends[1] else ""
        parts.append(f"{through}by {told}{off}")
    return f" Two fair controls, which chance alone tells apart, differ {'; '.join(parts)}."


def _died(summary: dict[str, Any]) -> str:
    """What is left out of the hack step because somebody died out."""
    if not summary["hack"] or not any(summary["hack"]["died_before_the_swap"].values()):
        return ""
    of = summary["replicates"]
    parts = [f"{n} of {of} {arm.replace('_', ' ')}" for arm, n in summary["hack"]["died_before_the_swap"].items() if n]
    measured = summary["hack"].get("ancestral", {}).get("hack", {}).get("seeds", 0)
    return f" Died out before the swap: {', '.join(parts)}; the step is over the {measured} seeds that have both ends of it."


def _ends(summary: dict[str, Any], column: str) -> str:
    ends = summary["recovery"][column].get("interval_of_share")
    return f" [{ends[0]:.0%}, {ends[1]:.0%}]" if ends else ""


def _intervals(summary: dict[str, Any]) -> list[str]:
    """Intervals of the ladders, and where there are none because all seeds agree."""
    parts, agreed = [], []
    for world, letter in (("ancestral", "A"), ("modern", "M")):
        found = summary["ladder"][world]
        for name, (low, high) in found["intervals"].items():
            parts.append(f"{name} in {letter} [{number(low)}, {number(high)}]")
        agreed += [f"{name} in {letter}" for name in alike(found)]
    out = [f"Bootstrap intervals over seeds: {', '.join(parts)}."] if parts else []
    if agreed:
        out.append(f"All seeds agree, which gives no interval and does not make a number exact: {', '.join(agreed)}.")
    return out


def alike(ladder: dict[str, Any]) -> list[str]:
    """What of one world's ladder has no interval because all seeds agree.

    Parameters
    ----------
    ladder
        One world's part of `summary["ladder"]`.

    Returns
    -------
    Names of rungs and steps that runs can change. None where seeds are too few for intervals.
    """
    known = {name: value for name, value in (ladder["rungs"] | ladder["steps"]).items() if value is not None and math.isfinite(value)}
    names = [name for name in VARYING if name in known and name not in ladder["intervals"]]
    return names if ladder["seeds"] >= FEWEST else []


def _ties(summary: dict[str, Any]) -> str:
    exact, *others = summary["ties"]
    found = "" if summary["exact"] else " found"
    verdict = {"all": "all are good there", "some": "some are good there", "none": "none is good there"}
    good = summary["shift"]["ancestral_optima_good_in_modern"]
    told = f"whether they are good there is not defined: {_why_not_defined(summary)}"
    if good in verdict:
        told = f"{verdict[good]} (at least {GOOD_IN_MODERN:.0%} of the best{_from_worst(summary).rstrip(',')})"
    text = (
        f"Ancestral optima{found}: {_many(exact['classes'], 'genome')} of {_many(exact['behaviours'], 'behaviour')} in A, worth "
        f"{number(exact['modern_min'])} to {number(exact['modern_max'])} in M; {told}."
    )
    near = [t for before, t in zip(summary["ties"], others, strict=False) if t["classes"] > before["classes"]]
    if near:
        words = [
            f"within {100 * t['tolerance']:.3g}% {t['classes']}{found}, worth {number(t['modern_min'])} to {number(t['modern_max'])}"
            for t in near
        ]
        text += f" Near the best in A: {'; '.join(words)}."
    true = summary["best_breeding_true"]
    if true and exact["breeding_true"] == 0:
        close = true["near"]
        text += (
            f" None of the optima breeds true (gives offspring like itself); the best{found} that does has "
            f"{number(true['ancestral'])} in A and {number(true['modern_intent'])} in M, those within {close['within']:.0%} of it "
            f"{number(close['modern_min'])} to {number(close['modern_max'])}."
        )
    return text


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
