"""The account of a run in sentences."""

from __future__ import annotations

import math

from evosim.analysis.behaviour import NO_OVERLAP, SHIFT_KINDS
from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.means_over_seeds import SEED_DEPENDENT
from evosim.analysis.summary import (
    AccountSummary,
    DriveSummary,
    FitnessAtMoment,
    LadderSummary,
    RunHeader,
    RunSummary,
    SearchSummary,
)
from evosim.analysis.terminology import GOOD_IN_MODERN
from evosim.analysis.values import Estimate
from evosim.runtime.words import count_of
from evosim.tables.drive_cost import who_searched
from evosim.tables.formatting import all_alike, number, scaled, small, with_ends


def level_words(header: RunHeader | SearchSummary) -> str:
    """The level of all intervals below, where there can be any."""
    if header.replicates < FEWEST or header.confidence is None:
        return ""
    return f", {level(header.confidence)} intervals"


@scaled
def sentences(summary: RunSummary) -> list[str]:
    """The account in sentences: the three kinds of loss, recovery, intervals, ties, extinctions."""
    header, account = summary.header, summary.account
    out = [*_design_words(account), shift_words(account)]
    if account.shift.path_by_intent_in_ancestral is not None:
        out.append(_other_path(account, account.shift.path_by_intent_in_ancestral))
    if account.ladder.ancestral.steps["search"] is not None:
        out += _loss_by_acts(account)
        out.append(search_words(account))
    out.append(hack_words(summary))
    if account.goes_on_in_modern:
        out += _answer(account)
    out += _intervals(account)
    out.append(_ties(account))
    if header.extinct:
        out.append(
            f"Extinct: {len(header.extinct)} of {count_of(len(header.runs), 'run')}"
            f" (seed{'s' * (len(header.extinct) > 1)} {', '.join(header.extinct)})."
        )
    return out


def _design_words(account: AccountSummary) -> list[str]:
    """Losses by representation and specification, where they are large enough."""
    m, worst, out = account.ladder.modern, account.worst_policy.modern, []
    span = m.rung("optimum") - worst
    if not all_alike(account, "modern") and m.rung("best_for_intent") - worst < 0.1 * span:
        out.append(_representation_words(account))
    most = m.step("specification")
    if most > small():
        least = most - account.left_open["best_for_payoff"]
        out.append(
            f"Specification (payoff is not intent): {_range(least, most)} is lost in M by being"
            " best for payoff instead of for intent"
            f"{'; genomes that tie for payoff differ in it' if most - least > small() else ''}."
        )
    return out


def _other_path(account: AccountSummary, worst: float) -> str:
    """Shift before specification: from the best genome for ancestral intent, at worst `worst`."""
    m = account.ladder.modern
    best = worst + account.left_open.get("path_by_intent_in_ancestral", 0.0)
    r1, r3 = m.rung("best_for_intent"), m.rung("best_ancestral")
    return (
        "The order of the steps matters where payoff is not intent. By the other path, the"
        f" best genome for intent in A gets {_range(worst, best)} in"
        f" M{', by which of those that tie is taken' if best - worst > small() else ''}: shift"
        f" {_range(r1 - best, r1 - worst)}, then specification {_range(worst - r3, best - r3)}."
    )


def _loss_by_acts(account: AccountSummary) -> list[str]:
    """How much of the modern loss is of the shift kinds, where the loss is split by kind."""
    ledger = account.behaviour.modern
    if ledger is None or NO_OVERLAP in ledger.kinds:
        return []
    shift = sum(ledger.kinds[kind] for kind in SHIFT_KINDS)
    text = (
        f"Counted by act, {number(sum(ledger.kinds.values()))} is lost in M against the best"
        f" policy. Acts that are new or have become worse lose {number(shift)}"
    )
    if shift > small():
        by_act = {
            act: sum(by_kind.get(kind, 0.0) for kind in SHIFT_KINDS)
            for act, by_kind in ledger.acts_by_kind.items()
        }
        act = max(by_act, key=lambda name: by_act[name])
        text += f", most by {act.replace('_', ' ')} ({number(by_act[act])})"
    return [text + "."]


def _representation_words(account: AccountSummary) -> str:
    """Why no genome comes near the best policy: what genomes pay for planning, or what they do."""
    whole = account.ladder.modern.step("representation")
    upkeep = account.steps_by_act.modern["representation"].get("upkeep", 0.0)
    text = "Representation loses more than 90%: no genome of this grid comes near the best policy."
    if upkeep > small():
        text += (
            f" Of the {number(whole)} that it loses in M, {number(upkeep)} is upkeep (what planning"
            " costs), whatever the genome does."
        )
    if whole - upkeep > small():
        text += " A genome desires only what its file names; start from 'evosim show'."
    return text


def _answer(account: AccountSummary) -> list[str]:
    """Fitness of the population after the swap; empty if no seed survived to the swap.

    Values are shares of the best, or in units of payoff where shares are undefined.
    """
    recovery = account.recovery
    if recovery is None or recovery.modern_at_swap.mean is None:
        return []
    swap, end, fair = recovery.modern_at_swap, recovery.modern_at_end, recovery.modern_at_end_fair
    if swap.share_of_best is not None:
        with_fair_meiosis = (
            ""
            if fair is None or fair.share_of_best is None
            else f"; with fair meiosis, to {_share(fair)}"
        )
        return [
            f"Recovery in M: from {_share(swap)} of the best genome's"
            f" fitness{_from_worst(account)} at the swap to {_share(end)} at the"
            f" end{with_fair_meiosis}."
        ]
    in_payoff = (
        "" if fair is None or fair.mean is None else f"; with fair meiosis, to {number(fair.mean)}"
    )
    return [
        f"Recovery in M: fitness goes from {number(swap.mean)} at the swap to"
        f" {number(end.mean)} at the end{in_payoff}. Shares of the best are not defined there:"
        f" {_why_not_defined(account)}."
    ]


def _share(moment: FitnessAtMoment) -> str:
    """A share of the best, with its interval."""
    ends = moment.ends_of_share
    return f"{moment.share_of_best:.0%}" + (f" [{ends[0]:.0%}, {ends[1]:.0%}]" if ends else "")


def _why_not_defined(account: AccountSummary) -> str:
    """Why there are no shares of the best in M."""
    best, worst = account.ladder.modern.rung("best_for_intent"), account.worst_policy.modern
    if worst - best <= small():
        return f"the best genome gets what the worst policy gets, {number(worst)}"
    return (
        f"upkeep alone brings every genome{'' if account.exact else ' found'} below the worst"
        f" policy ({number(best)} at most, against {number(worst)})"
    )


def _range(least: float, most: float) -> str:
    """One number, or both ends where they differ."""
    return f"{number(least)} to {number(most)}" if most - least > small() else number(least)


def _from_worst(account: AccountSummary) -> str:
    """Where shares begin, unless that is 0."""
    worst = account.worst_policy.modern
    return f", counted from the worst policy's {number(worst)}," if abs(worst) > small() else ""


@scaled
def shift_words(account: AccountSummary) -> str:
    """The cost of the shift, and whether a search could have avoided it: birth-control style."""
    optimum = (
        "the optimum of a perfect ancestral optimizer"
        if account.exact
        else "the best ancestral genome found"
    )
    shift = account.ladder.modern.step("shift")
    (old, old_worst, old_best), (new, new_worst, new_best) = (
        _fitness_of_tied(account, rung) for rung in ("best_ancestral", "best_for_payoff")
    )
    text = (
        f"Birth-control style (the world shifted): in M {optimum} gets {old}, the best genome for"
        f" modern payoff gets {new}. "
    )
    tied = old_best - old_worst > small() or new_best - new_worst > small()
    if tied:
        text += _shift_of_tied(new_worst - old_best, new_best - old_worst, new_best - new_worst)
    elif shift > small():
        text += (
            f"The shift step loses {number(shift)}: no search that reaches the ancestral optimum"
            " could have avoided it."
        )
    elif shift < -small():
        text += (
            f"The shift step gains {number(-shift)}. Being best for the past is better here than"
            " being best for what is paid now."
        )
    else:
        text += "The shift step loses nothing."
    if not account.exact and (tied or shift > small()):
        text += " (The grid was not enumerated: these are the best found.)"
    return text


def _shift_of_tied(least: float, most: float, span_of_new: float) -> str:
    """The range of the shift step over genomes that tie."""
    lost = f"loses {number(least)} to {number(most)}"
    if least < -small():
        lost = (
            f"is between a gain of {number(-least)} and {'a loss' if most >= 0.0 else 'a gain'}"
            f" of {number(abs(most))}"
        )
    choice = "of the genomes that tie for best in A is found; the ancestral world leaves that open"
    if span_of_new > small():
        choice = "of the genomes that tie are taken"
    text = f"The shift step {lost}, by which {choice}."
    if least > small():
        text += (
            f" {number(least)} is lost by every one of them: no search that reaches one could"
            " have avoided it."
        )
    return text


def _fitness_of_tied(account: AccountSummary, rung: str) -> tuple[str, float, float]:
    """Modern fitness of a rung in words, and of the worst and the best genome that tie for it."""
    worst = account.ladder.modern.rung(rung)
    best = worst + account.left_open[rung]
    if best - worst <= small():
        return number(worst), worst, best
    many = (
        f"{account.ties[0].classes} genomes tie"
        if rung == "best_ancestral"
        else "of those that tie"
    )
    return f"{number(worst)} to {number(best)} ({many})", worst, best


@scaled
def search_words(account: AccountSummary) -> str:
    """The loss by imperfect search: masturbation style, where there are desires."""
    name = "Masturbation style" if account.losses.has_desires else "Waste"
    a = account.ladder.ancestral
    if a.steps["search"] is None:
        why = "all populations died out before the swap"
        if account.behaviour.modern is not None:
            why = (
                "some population lived to the swap, but no seed has the controls that separate this"
                " loss from others"
            )
        return f"{name} (search is imperfect): not measured, which is not 0: {why}."
    found = "" if account.exact else " found"
    seen = " for what selection saw" if "best_on_sample" in a.rungs else ""
    return (
        f"{name} (search is imperfect): in A {who_searched(account)} is"
        f" {number(a.steps['search'])} below the best genome{found}{seen}."
        f" {number(a.steps['unfound'])} was not found, and {number(a.steps['load'])} lies between"
        " the best present and the mean. This is the step 'search'; the table of steps splits it by"
        " act."
    )


@scaled
def hack_words(summary: RunSummary) -> str:
    """The cost of exploiting the search, and whether it differs from chance: greedy genes."""
    account, drive = summary.account, summary.account.hack
    died = _died(drive, summary.header.replicates) if drive else ""
    if drive is None or "hack" not in drive.quantities.ancestral:
        why = "no gene of this experiment can cheat. Try 'evosim run greedy-genes'"
        if account.drivers:
            why = "controls were switched off, so the search step includes it"
        if drive:
            why = "the control or the run died out before the swap"
        return f"Greedy genes (a hack of the search): not measured, which is not 0: {why}.{died}"
    parts = drive.quantities.ancestral
    return (
        "Greedy genes (a hack of the search): unfair meiosis costs"
        f" {_with_interval(parts['hack'])} in A. Of this, drivers and modifiers take"
        f" {_with_interval(parts['own_cost'])} by themselves;"
        f" {_with_interval(parts['behaviour'])} is through"
        f" behaviour.{_doubts(drive)}{_null(drive)}{died}"
    )


def _with_interval(estimate: Estimate) -> str:
    mean = estimate.mean
    if mean is None or estimate.interval is None:
        return number(mean, more=1)
    return with_ends(mean, *estimate.interval)


def _doubts(drive: DriveSummary) -> str:
    """Reasons to doubt the hack step."""
    if not any(row.arms["run"] for row in drive.frequencies):
        return (
            " No driver is in any population at the swap: it was lost, or never brought in before."
        )
    whole, through_behaviour = drive.verdicts
    if whole.measured.low is None:
        return (
            " Too few seeds: chance may explain it."
            if drive.quantities.ancestral["hack"].n < FEWEST
            else " All seeds agree, so there is no interval: chance may explain it."
        )
    if whole.verdict == "undecided":
        return " No hack detected: the interval of the step includes 0."
    if whole.verdict == "does not come out":
        return " Unfair meiosis does not lower fitness here: the whole interval is at or below 0."
    if through_behaviour.verdict != "comes out":
        return (
            " No part through behaviour detected: its interval includes 0."
            if through_behaviour.verdict == "undecided"
            else " Nothing is lost through behaviour: that interval lies at or below 0."
        )
    return ""


def _null(drive: DriveSummary) -> str:
    """The difference of two fair controls: a check, because its expectation is 0."""
    parts = []
    for row, through in zip(drive.verdicts, ("", "through behaviour "), strict=True):
        if row.null is None:
            return ""
        off = ""
        if row.null.interval and not row.null.interval[0] <= 0.0 <= row.null.interval[1]:
            off = ", an interval without 0, as happens by chance now and then"
        parts.append(f"{through}by {_with_interval(row.null)}{off}")
    return f" Two fair controls, which differ only by chance, differ {'; '.join(parts)}."


def _died(drive: DriveSummary, replicates: int) -> str:
    """How many seeds the hack step leaves out because a population died out."""
    parts = [
        f"{n} of {replicates} {arm.replace('_', ' ')}"
        for arm, n in drive.died_before_the_swap.items()
        if n
    ]
    if not parts:
        return ""
    hack = drive.quantities.ancestral.get("hack")
    return (
        f" Died out before the swap: {', '.join(parts)}; the step is over the"
        f" {count_of(hack.n if hack else 0, 'seed')} with both populations."
    )


def _intervals(account: AccountSummary) -> list[str]:
    """Intervals of the ladders, and where there are none because all seeds agree."""
    parts, agreed = [], []
    for world, ladder in account.ladder.items():
        letter = world[0].upper()
        for name, estimate in ladder.intervals.items():
            parts.append(f"{name} in {letter} [{number(estimate.low)}, {number(estimate.high)}]")
        agreed += [f"{name} in {letter}" for name in alike(ladder)]
    out = [f"Bootstrap intervals over seeds: {', '.join(parts)}."] if parts else []
    if agreed:
        out.append(
            "No interval, because all seeds agree (these numbers are not exact):"
            f" {', '.join(agreed)}."
        )
    return out


def alike(ladder: LadderSummary) -> list[str]:
    """Rungs and steps of one world that have no interval because all seeds agree.

    Parameters
    ----------
    ladder : LadderSummary
        Of one world.

    Returns
    -------
    list of str
        Names. Empty where seeds are too few for intervals.
    """
    known = {
        name: value
        for name, value in {**ladder.rungs, **ladder.steps}.items()
        if value is not None and math.isfinite(value)
    }
    names = [name for name in SEED_DEPENDENT if name in known and name not in ladder.intervals]
    return names if ladder.seeds >= FEWEST else []


def _ties(account: AccountSummary) -> str:
    exact, *others = account.ties
    found = "" if account.exact else " found"
    verdict = {
        "all": "all are good there",
        "some": "some are good there",
        "none": "none is good there",
    }
    good = account.shift.ancestral_optima_good_in_modern
    if good in verdict:
        judged = (
            f"{verdict[good]} (at least {GOOD_IN_MODERN:.0%} of the"
            f" best{_from_worst(account).rstrip(',')})"
        )
    else:
        judged = f"whether they are good there is not defined: {_why_not_defined(account)}"
    text = (
        f"Ancestral optima{found}: {count_of(exact.classes, 'genome')} of"
        f" {count_of(exact.behaviours, 'behaviour')} in A, with fitness"
        f" {number(exact.modern_min)} to {number(exact.modern_max)} in M; {judged}."
    )
    near = [
        f"within {100 * tie.tolerance:.3g}% {tie.classes}{found}, with fitness"
        f" {number(tie.modern_min)} to {number(tie.modern_max)}"
        for before, tie in zip(account.ties, others, strict=False)
        if tie.classes > before.classes
    ]
    if near:
        text += f" Near the best in A: {'; '.join(near)}."
    return text
