"""The account of a run in sentences."""

from __future__ import annotations

import math
from typing import Any

from evosim.analysis.behaviour import NO_OVERLAP, SHIFT_KINDS
from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.summary import VARYING
from evosim.analysis.terminology import GOOD_IN_MODERN
from evosim.tables.drive_cost import who_searched
from evosim.tables.formatting import all_alike, number, scaled, small, with_ends


def level_words(summary: dict[str, Any]) -> str:
    """The level of all intervals below, where there can be any."""
    # Older summaries do not say it
    known = summary["replicates"] >= FEWEST and "confidence" in summary
    return f", {level(summary['confidence'])} intervals" if known else ""


@scaled
def sentences(summary: dict[str, Any]) -> list[str]:
    """What the account comes to, in the three kinds of loss."""
    a, m = summary["ladder"]["ancestral"], summary["ladder"]["modern"]
    out = []
    worst = summary["worst_policy"]["modern"]
    if not all_alike(summary, "modern") and m["rungs"]["best_for_intent"] - worst < 0.1 * (
        m["rungs"]["optimum"] - worst
    ):
        out.append(_representation_words(summary))
    if m["steps"]["specification"] > small():
        least, most = (
            m["steps"]["specification"] - summary["left_open"]["best_for_payoff"],
            m["steps"]["specification"],
        )
        lost = _range(least, most)
        out.append(
            f"Specification (payoff is not intent): {lost} is lost by being best for what is paid"
            " in M instead of what was intended"
            f"{'; genomes that tie for payoff differ in it' if most - least > small() else ''}."
        )
    out.append(shift_words(summary))
    if summary["shift"]["path_by_intent_in_ancestral"] is not None:
        other = summary["shift"]["path_by_intent_in_ancestral"]
        best = other + summary["left_open"].get("path_by_intent_in_ancestral", 0.0)
        r1, r3 = m["rungs"]["best_for_intent"], m["rungs"]["best_ancestral"]
        out.append(
            "The order of the steps matters where payoff is not intent. By the other path, the"
            f" best genome for intent in A is worth {_range(other, best)} in"
            f" M{', by which of those that tie is taken' if best - other > small() else ''}: shift"
            f" {_range(r1 - best, r1 - other)}, then specification {_range(other - r3, best - r3)}."
        )
    if a["steps"]["search"] is not None:
        kinds = (summary["behaviour"]["modern"] or {"kinds": {NO_OVERLAP: None}})["kinds"]
        if NO_OVERLAP not in kinds:
            shift = sum(kinds[kind] for kind in SHIFT_KINDS)
            text = (
                f"By acts, the population is {number(sum(kinds.values()))} below the best policy in"
                f" M; {number(shift)} of it is of the shift kinds (new, or worse than it was)"
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
        out.append(
            f"Extinct: {len(extinct)} of {len(summary['runs'])} runs (seeds {', '.join(extinct)})."
        )
    return out


def _representation_words(summary: dict[str, Any]) -> str:
    """Why no genome comes near the best policy: what genomes pay for planning, or what they do."""
    whole = summary["ladder"]["modern"]["steps"]["representation"]
    upkeep = summary["steps_by_act"]["modern"]["representation"].get("upkeep", 0.0)
    text = "Representation loses more than 90%: no genome of this grid comes near the best policy."
    if upkeep > small():
        text += (
            f" Of the {number(whole)} that it loses in M, {number(upkeep)} is upkeep (what planning"
            " costs), whatever the genome does."
        )
    if whole - upkeep > small():
        text += " A genome desires only what its file names; start from 'evosim show'."
    return text


def _answer(summary: dict[str, Any]) -> str:
    """What became of the population after the swap: in shares of the best, or in payoff where
    shares are not defined.
    """
    swap, end = (summary["recovery"][f"modern_at_{moment}"] for moment in ("swap", "end"))
    if swap["share_of_best"] is not None:
        return (
            "Selection's answer: from"
            f" {swap['share_of_best']:.0%}{_ends(summary, 'modern_at_swap')} of what the best"
            f" genome has in M{_from_worst(summary)} at the swap to"
            f" {end['share_of_best']:.0%}{_ends(summary, 'modern_at_end')} at the"
            f" end{_answer_with_fair_meiosis(summary)}."
        )
    fair = summary["recovery"].get("modern_at_end_fair", {}).get("mean")
    return (
        f"Selection's answer: worth in M goes from {number(swap['mean'])} at the swap to"
        f" {number(end['mean'])} at the"
        f" end{'' if fair is None else f'; with fair meiosis, to {number(fair)}'}. Shares of the"
        f" best are not defined there: {_why_not_defined(summary)}."
    )


def _why_not_defined(summary: dict[str, Any]) -> str:
    """Why there are no shares of the best in M."""
    best, worst = (
        summary["ladder"]["modern"]["rungs"]["best_for_intent"],
        summary["worst_policy"]["modern"],
    )
    if worst - best <= small():
        return f"the best genome gets what the worst policy gets, {number(worst)}"
    return (
        f"upkeep alone brings every genome{'' if summary['exact'] else ' found'} below the worst"
        f" policy ({number(best)} at most, against {number(worst)})"
    )


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
    perfect = (
        "what a perfect ancestral optimizer finds"
        if summary["exact"]
        else "the best ancestral genome found"
    )
    shift = m["steps"]["shift"]
    (old, old_worst, old_best), (new, new_worst, new_best) = (
        _worth_of_tied(summary, rung) for rung in ("best_ancestral", "best_for_payoff")
    )
    text = (
        f"Birth-control style (the world shifted): in M {perfect} is worth {old}, the best genome"
        f" for modern payoff {new}. "
    )
    tied = old_best - old_worst > small() or new_best - new_worst > small()
    if tied:
        least, most = new_worst - old_best, new_best - old_worst
        lost = f"loses {number(least)} to {number(most)}"
        if least < -small():
            lost = (
                f"is between a gain of {number(-least)} and {'a loss' if most >= 0.0 else 'a gain'}"
                f" of {number(abs(most))}"
            )
        which = (
            "of the genomes that tie for best in A is found; the ancestral world leaves that open"
        )
        if new_best - new_worst > small():
            which = "of the genomes that tie are taken"
        text += f"The shift step {lost}, by which {which}."
        if least > small():
            text += (
                f" {number(least)} is lost by every one of them: no search that reaches one could"
                " have avoided it."
            )
    elif shift > small():
        text += (
            f"The shift step loses {number(shift)}: no search that reaches the ancestral optimum"
            " could have avoided it."
        )
    elif shift < -small():
        text += (
            f"The shift step gains {number(-shift)}: being best for the past is better here than"
            " being best for what is paid now."
        )
    else:
        text += "The shift step loses nothing."
    if not summary["exact"] and (tied or shift > small()):
        text += " (The grid was not enumerated: these are the best found.)"
    return text


def _worth_of_tied(summary: dict[str, Any], rung: str) -> tuple[str, float, float]:
    """What a rung is worth in M in words, and the worst and the best of the genomes that tie for
    it.
    """
    worst = summary["ladder"]["modern"]["rungs"][rung]
    best = worst + summary["left_open"][rung]
    if best - worst <= small():
        return number(worst), worst, best
    many = (
        f"{summary['ties'][0]['classes']} genomes tie"
        if rung == "best_ancestral"
        else "of those that tie"
    )
    return f"{number(worst)} to {number(best)} ({many})", worst, best


@scaled
def search_words(summary: dict[str, Any]) -> str:
    """What imperfect search left: masturbation style."""
    a = summary["ladder"]["ancestral"]
    if a["steps"]["search"] is None:
        why = "nobody lived to see the swap"
        if summary["behaviour"]["modern"] is not None:
            why = (
                "some population saw the swap, but no seed has the controls without which it is not"
                " told from what else was lost"
            )
        return (
            f"Masturbation style (search is imperfect): not measured; {why}. That is not the same"
            " as 0."
        )
    found = "" if summary["exact"] else " found"
    seen = " for what selection saw" if "best_on_sample" in a["rungs"] else ""
    return (
        f"Masturbation style (search is imperfect): in A {who_searched(summary)} is"
        f" {number(a['steps']['search'])} below the best genome{found}{seen}"
        f" ({number(a['steps']['unfound'])} not found, {number(a['steps']['load'])} between the"
        " best present and the mean). This is the step 'search'; what it loses by which act stands"
        " in the table of steps."
    )


def _answer_with_fair_meiosis(summary: dict[str, Any]) -> str:
    fair = summary["recovery"].get("modern_at_end_fair", {}).get("share_of_best")
    return (
        ""
        if fair is None
        else f"; with fair meiosis, to {fair:.0%}{_ends(summary, 'modern_at_end_fair')}"
    )


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
        return (
            f"Greedy genes (a hack of the search): not measured; {why}. That is not the same as"
            f" 0.{_died(summary)}"
        )

    def told(quantity: str) -> str:
        ends = found[quantity].get("interval")
        return (
            with_ends(found[quantity]["mean"], *ends)
            if ends
            else number(found[quantity]["mean"], more=1)
        )

    return (
        f"Greedy genes (a hack of the search): unfair meiosis costs {told('hack')} in A, of which"
        f" drivers and modifiers take {told('own_cost')} by themselves and {told('behaviour')} is"
        f" what they do through behaviour.{_doubts(summary)}{_null(summary)}{_died(summary)}"
    )


def _doubts(summary: dict[str, Any]) -> str:
    """What a reader must know before believing the hack step."""
    found = summary["hack"]
    if not any(row["run"] for row in found["frequencies"]):
        return (
            " No driver is in any population at the swap: it was lost, or never brought in before."
        )
    whole, through_behaviour = found["verdicts"]
    if whole["low"] is None:
        few = found["ancestral"]["hack"]["seeds"] < FEWEST
        return (
            " These are too few seeds to tell it from chance."
            if few
            else " All seeds agree, which does not tell it from chance."
        )
    if whole["verdict"] == "undecided":
        return " The hack step cannot be told from chance: its interval holds 0."
    if whole["verdict"] == "does not come out":
        return " Unfair meiosis does not lower fitness here: the whole interval is at or below 0."
    if through_behaviour["verdict"] != "comes out":
        return (
            " The part through behaviour is not told from 0."
            if through_behaviour["verdict"] == "undecided"
            else " Behaviour takes nothing: the whole interval of its part is at or below 0."
        )
    return ""


def _null(summary: dict[str, Any]) -> str:
    """What two fair controls differ by: a check, because it is 0 in expectation."""
    parts = []
    for row, through in zip(summary["hack"]["verdicts"], ("", "through behaviour "), strict=True):
        if row["null"] is None:
            return ""
        ends = None if row["null_low"] is None else (row["null_low"], row["null_high"])
        told = with_ends(row["null"], *ends) if ends else number(row["null"], more=1)
        off = (
            ", which leaves out 0, as chance alone does now and then"
            if ends and not ends[0] <= 0.0 <= ends[1]
            else ""
        )
        parts.append(f"{through}by {told}{off}")
    return f" Two fair controls, which chance alone tells apart, differ {'; '.join(parts)}."


def _died(summary: dict[str, Any]) -> str:
    """What is left out of the hack step because somebody died out."""
    if not summary["hack"] or not any(summary["hack"]["died_before_the_swap"].values()):
        return ""
    of = summary["replicates"]
    parts = [
        f"{n} of {of} {arm.replace('_', ' ')}"
        for arm, n in summary["hack"]["died_before_the_swap"].items()
        if n
    ]
    measured = summary["hack"].get("ancestral", {}).get("hack", {}).get("seeds", 0)
    return (
        f" Died out before the swap: {', '.join(parts)}; the step is over the {measured} seeds that"
        " have both ends of it."
    )


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
        out.append(
            "All seeds agree, which gives no interval and does not make a number exact:"
            f" {', '.join(agreed)}."
        )
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
    known = {
        name: value
        for name, value in (ladder["rungs"] | ladder["steps"]).items()
        if value is not None and math.isfinite(value)
    }
    names = [name for name in VARYING if name in known and name not in ladder["intervals"]]
    return names if ladder["seeds"] >= FEWEST else []


def _ties(summary: dict[str, Any]) -> str:
    exact, *others = summary["ties"]
    found = "" if summary["exact"] else " found"
    verdict = {
        "all": "all are good there",
        "some": "some are good there",
        "none": "none is good there",
    }
    good = summary["shift"]["ancestral_optima_good_in_modern"]
    told = f"whether they are good there is not defined: {_why_not_defined(summary)}"
    if good in verdict:
        told = (
            f"{verdict[good]} (at least {GOOD_IN_MODERN:.0%} of the"
            f" best{_from_worst(summary).rstrip(',')})"
        )
    text = (
        f"Ancestral optima{found}: {_many(exact['classes'], 'genome')} of"
        f" {_many(exact['behaviours'], 'behaviour')} in A, worth {number(exact['modern_min'])} to"
        f" {number(exact['modern_max'])} in M; {told}."
    )
    near = [
        t
        for before, t in zip(summary["ties"], others, strict=False)
        if t["classes"] > before["classes"]
    ]
    if near:
        words = [
            f"within {100 * t['tolerance']:.3g}% {t['classes']}{found}, worth"
            f" {number(t['modern_min'])} to {number(t['modern_max'])}"
            for t in near
        ]
        text += f" Near the best in A: {'; '.join(words)}."
    true = summary["best_breeding_true"]
    if true and exact["breeding_true"] == 0:
        close = true["near"]
        text += (
            f" None of the optima breeds true (gives offspring like itself); the best{found} that"
            f" does has {number(true['ancestral'])} in A and {number(true['modern_intent'])} in M,"
            f" those within {close['within']:.0%} of it {number(close['modern_min'])} to"
            f" {number(close['modern_max'])}."
        )
    return text


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
