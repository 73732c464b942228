"""Verdicts of laws as terminal tables and as data."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.runtime.text_layout import say
from evosim.runtime.text_layout import show as show_table
from evosim.runtime.words import count_of
from evosim.verify import FALSE_ALARM, Check, Law, Verdict


def show_laws(console: Console, laws: list[Law]) -> None:
    """Print a list of laws."""
    table = Table(
        "law", "says", "source", "planted faults", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for law in laws:
        table.add_row(law.name, law.statement, law.source, ", ".join(law.faults))
    show_table(console, table)


def show_verdict(console: Console, verdict: Verdict, *, details: bool) -> None:
    """Print one verdict: a line, and its comparisons if `details` or if the law fails.

    A law under a planted fault should fail, so then its comparisons are not printed.
    """
    holds = verdict.holds
    what = (
        f"{verdict.law.name} under the fault '{verdict.fault}'"
        if verdict.fault
        else verdict.law.name
    )
    colour = "green" if holds != bool(verdict.fault) else "bold red"
    red = sum(not check.holds for check in verdict.checks)
    summary = (
        f"{count_of(len(verdict.checks), 'check')}, closest to red: {comparison(verdict.worst)}"
        if holds
        else f"{red} of {len(verdict.checks)} red: {comparison(verdict.worst)}"
    )
    say(
        console,
        Text.assemble((f"{'green' if holds else 'red':5}", colour), " ", (what, "bold")),
        highlight=False,
    )
    say(console, f"      {summary}", indent=8, highlight=False)
    if details or (not holds and not verdict.fault):
        for check in verdict.checks:
            say(
                console,
                f"      {'' if check.holds else 'RED '}{comparison(check)}",
                indent=8,
                highlight=False,
            )


def comparison(check: Check) -> str:
    """One comparison in a line."""
    scale = f"P {check.chance:.2g}" if check.chance is not None else f"tolerance {check.scale:.2g}"
    if check.z is not None:
        scale = f"z {check.z:+.1f}, {scale}"
    return f"{check.what}: {check.measured:.6g}, expected {check.expected:.6g} ({scale})"


def show_summary(console: Console, verdicts: list[Verdict], seconds: float) -> None:
    """Print the summary of all verdicts."""
    sound, planted = [v for v in verdicts if not v.fault], [v for v in verdicts if v.fault]
    checks = sum(len(v.checks) for v in sound)
    red = [v.law.name for v in sound if not v.holds]
    chances = sum(c.chance is not None for v in sound for c in v.checks)
    say(
        console,
        f"\n{len(sound) - len(red)} of {len(sound)} laws hold. Of"
        f" {count_of(checks, 'comparison')} {chances}"
        f" depend on chance. False-alarm rate: {FALSE_ALARM:.1g} each,"
        f" {chances * FALSE_ALARM:.1g} for all.",
    )
    if planted:
        missed = [f"'{v.fault}' in {v.law.name}" for v in planted if v.holds]
        say(
            console,
            f"{len(planted) - len(missed)} of {len(planted)} planted faults were"
            f" seen{': not ' + ', '.join(missed) if missed else ''}.",
        )
    if red:
        say(console, f"Red: {', '.join(red)}.", style="bold red")
    say(console, f"({seconds:.1f} s)")


def summary_as_dict(verdicts: list[Verdict]) -> dict[str, Any]:
    """All verdicts as data: whether all laws hold and all faults are detected; comparisons."""
    sound = [v for v in verdicts if not v.fault]
    missed = [{"law": v.law.name, "fault": v.fault} for v in verdicts if v.fault and v.holds]
    return {
        "green": all(v.holds for v in sound) and not missed,
        "laws": len(sound),
        "red": [v.law.name for v in sound if not v.holds],
        "faults_missed": missed,
        "comparisons": verdicts_as_rows(verdicts),
    }


def verdicts_as_rows(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """Verdicts as rows, one for each comparison."""
    return [
        {
            "law": v.law.name,
            "fault": v.fault,
            "what": c.what,
            "measured": c.measured,
            "expected": c.expected,
            "scale": c.scale,
            "chance": c.chance,
            "z": c.z,
            "green": c.holds,
        }
        for v in verdicts
        for c in v.checks
    ]
