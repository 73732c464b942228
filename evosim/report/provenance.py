"""Provenance of a run, search or sweep, and how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evosim.analysis.recorded_run import Recorded
from evosim.analysis.summary import AnalysisCost
from evosim.config.toml_out import to_commented_toml
from evosim.report.elements import Code, Facts, Section, Words
from evosim.runtime.words import count_of

Provenance = Mapping[str, Any]  # the content of `provenance.json` or `sweep.json`


def provenance_section(recorded: Recorded, cost: AnalysisCost, *, same_code: bool) -> Section:
    """Provenance of a run: digest, versions, time, and size of its grid."""
    facts = recorded.provenance
    runs = facts["runs"]
    generations = sum(run["generations"] for run in runs.values())
    rows = [
        *provenance_rows(facts, same_code=same_code),
        (
            "runs",
            f"{len(runs)}, {count_of(generations, 'generation')}"
            + (f"; controls: {', '.join(facts['controls'])}" if facts.get("controls") else ""),
        ),
        (
            "grid",
            (
                f"{count_of(facts['landscape']['grid'], 'genome')}, "
                + ("every one tried" if facts["landscape"]["exact"] else "searched, not enumerated")
            ),
        ),
        ("interruptions", str(len(facts.get("interruptions", [])))),
        (
            "analysis",
            (
                f"{cost.analysis_seconds or 0.0:.1f} s, peak memory"
                f" {cost.peak_memory_mib or 0.0:,.0f} MiB"
            ),
        ),
    ]
    return Section("provenance", "Provenance", [Facts(rows)])


def provenance_rows(facts: Provenance, *, same_code: bool) -> list[tuple[str, str]]:
    """Names and values of the facts that every recorded folder has."""
    seconds = facts.get("seconds", {})
    spent = ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items() if value >= 0.05)
    other = (
        "the sources that made this report"
        if same_code
        else "not the sources that made this report"
    )
    rows = [
        ("digest", facts["digest"]),
        ("setting", facts.get("setting", "")),
        ("evosim", facts["evosim"]),
        ("commit", facts.get("commit") or "not from a checkout"),
        ("sources", f"{facts.get('sources', '')} ({other})"),
        ("command", shlex.join(facts.get("command", []))),
        ("finished", facts.get("finished", "")),
        ("time", f"{sum(seconds.values()):.1f} s: {spent}" if seconds else ""),
        ("peak memory", f"{facts.get('peak_memory_mib', 0.0):,.0f} MiB"),
        ("Python", facts.get("python", "")),
        ("platform", facts.get("platform", "")),
        (
            "packages",
            ", ".join(f"{name} {version}" for name, version in facts.get("packages", {}).items()),
        ),
    ]
    return [(name, value) for name, value in rows if value]


def repeat_section(recorded: Recorded) -> Section:
    """How to repeat a run."""
    return repeat_with(
        recorded.folder, to_commented_toml(recorded.experiment), recorded.provenance, "a run"
    )


def repeat_with(folder: Path, toml: str, facts: Provenance, what: str) -> Section:
    """Commands and the experiment file that repeat a run or a search.

    Parameters
    ----------
    folder : Path
        The recorded folder.
    toml : str
        Its experiment, as TOML.
    facts : mapping
        Its provenance.
    what : str
        `a run` or `a search`.
    """
    name = folder.resolve().name
    checkout = (
        [f"git checkout {facts['commit']}  # in a checkout of evosim"]
        if facts.get("commit")
        else []
    )
    commands = [
        *checkout,
        f"evosim run experiment.toml --out {shlex.quote(f'results/runs/{name}')}",
        f"evosim report {shlex.quote(f'results/runs/{name}')}",
    ]
    words = (
        f"With evosim {facts['evosim']} installed, save the file below as experiment.toml. Results"
        f" depend on it and on its seeds alone. For {what} of the same experiment,"
        f" provenance.json of the new folder has the digest {facts['digest']}. The same sources"
        " also give the same bytes in tables/."
    )
    return Section(
        "repeat",
        "How to repeat it",
        [Words([words]), Code("Commands", "\n".join(commands)), Code("experiment.toml", toml)],
    )
