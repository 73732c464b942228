"""Notes on a comparison of runs: what may differ, and what the intervals mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evosim.analysis.comparison import detected_differences, pairing_of
from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.recorded_run import Recorded
from evosim.config.resolve import payoff_unit
from evosim.errors import in_one_line
from evosim.runs.source_hash import known_sources

if TYPE_CHECKING:
    from evosim.api.compared_runs import ComparedRuns


def enumerated(run: Recorded) -> bool:
    """Whether every genome of a run's grid was tried."""
    return bool(run.provenance["landscape"]["exact"])


def notes_on(c: ComparedRuns) -> list[str]:
    """Notes in sentences."""
    facts = {row["fact"]: row for row in c.provenance.iter_rows(named=True)}
    out = []
    other_code = _other_code(c)
    if facts["digest"]["same"]:
        out.append(
            "These are the same run: equal parameters and seeds (digest"
            f" {facts['digest'][c.base][:8]})."
            + (" Different code made them." if other_code else "")
        )
    elif facts["setting"]["same"]:
        out.append("Only the seeds differ: every difference is chance.")
    elif facts["landscape"]["same"] and all(map(enumerated, c.recorded)):
        out.append(
            "Worlds and genome are the same, so that rungs R0 to R3 are; populations may differ."
        )
    elif facts["landscape"]["same"]:
        out.append(
            "Worlds and genome are the same, and so is rung R0; populations may differ, and what"
            " was found."
        )
    if not all(map(enumerated, c.recorded)):
        out.append(
            "A grid was searched and not enumerated. Its rungs R1 to R3 are the best found, and"
            " differences of them are not exact."
        )
    if other_code and not facts["digest"]["same"]:
        out.append(
            f"Different code made them ({', '.join(other_code)}): what differs may be of the code."
            " 'evosim run ... --force' repeats a run."
        )
    if len({payoff_unit(run.experiment) for run in c.recorded}) > 1:
        out.append(
            "Their worlds count payoff in different things, so that differences of payoff mean"
            " little."
        )
    for name in c.names[1:]:
        out += _of_intervals(c, name)
    return out


def _other_code(c: ComparedRuns) -> list[str]:
    """Packages (evosim included) that several runs use with code that is known to differ.

    Runs of one installation have the same code, though they may have chosen different packages.
    """
    known = [known_sources(run.provenance, run.experiment) for run in c.recorded]
    digests: dict[str, set[str]] = {"evosim": set()}
    for sources in known:
        for package, digest in sources.items():
            digests.setdefault(package, set()).add(digest)
    versions = list(
        dict.fromkeys(in_one_line(str(run.provenance.get("evosim"))) for run in c.recorded)
    )
    return [
        f"evosim {' and '.join(versions)}" if package == "evosim" else in_one_line(package)
        for package, versions_of in digests.items()
        if len(versions_of) > 1 or (package == "evosim" and len(versions) > 1)
    ]


def _of_intervals(c: ComparedRuns, name: str) -> list[str]:
    differences = c.differences.filter(pl.col("run") == name)
    with_intervals = differences.drop_nulls("low")
    base, other = c.recorded[0].experiment, c.recorded[c.names.index(name)].experiment
    prefix = f"{name}: " if len(c.names) > 2 else ""
    common, pairing = len(set(base.seeds) & set(other.seeds)), pairing_of(base.seeds, other.seeds)
    if pairing == "overlapping":
        are = "seed is" if common == 1 else "seeds are"
        return [
            f"{prefix}no intervals: {common} {are} in both runs, so that these are not independent,"
            f" and pairing takes {FEWEST}. Run both with the same {FEWEST} seeds or more (--seed,"
            " --replicates)."
        ]
    least = min(differences["seeds_base"].drop_nulls().to_list(), default=common)
    if not differences.filter(pl.col("how").is_in(["paired", "unpaired", "alike"])).height:
        return [
            f"{prefix}no intervals: each run needs {FEWEST} seeds or more. Only rows marked exact"
            " can be trusted."
        ]
    if pairing == "paired":
        left = (
            "" if common == max(len(base.seeds), len(other.seeds)) else "; the others are left out"
        )
        method = (
            f"paired over the {common} common seeds (the same random numbers){left}; means are of"
            " these"
            + (
                f", of some quantities of {least} in which they were measured"
                if least < common
                else ""
            )
        )
    else:
        method = "unpaired, for the runs have no seed in common"
    out = [
        f"{prefix}[ ]: {level(base.analysis.confidence)} confidence intervals of the difference,"
        f" {method}. Quantities of worlds and grid have no interval. Neither have quantities in"
        f" fewer than {FEWEST} seeds, or alike in all seeds (=). Alike does not mean exact."
    ]
    detected, chance = (
        detected_differences(with_intervals).height,
        (1.0 - base.analysis.confidence) * with_intervals.height,
    )
    if with_intervals.height:
        out.append(
            f"{prefix}{detected} of {with_intervals.height} intervals do not hold 0 (*). If nothing"
            f" differed, {chance:.1f} would by chance. Most of these would occur together, because"
            " the quantities are not independent."
        )
    return out
