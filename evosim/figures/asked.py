"""Figures of a run that are drawn when they are asked for: each from a source to a themed chart with a text alternative, or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from evosim.analysis import acting, cross_section, lives
from evosim.analysis.causes import SWITCHES
from evosim.analysis.inquiry import Inquiry
from evosim.analysis.ladder import Peaks
from evosim.figures.acts import STATES
from evosim.figures.causes import NOTHING, causes
from evosim.figures.desires import desires
from evosim.figures.landscape import MOST_POINTS, Binned, landscape
from evosim.figures.life import life
from evosim.figures.policies import left_out, policies, shown_places
from evosim.figures.source import BANDS, Source
from evosim.figures.theme import themed
from evosim.figures.ties import ties, told
from evosim.figures.trajectories import trajectories
from evosim.figures.variation import variation
from genomes import GENOMES

UNDRIVEN = "; what drivers cost is not in it"
WHISKERS = "whiskers hold 95% of them"
COMMON = 5  # classes whose lives are compared
WORLDS = ("ancestral", "modern")


def _intent_differs(s: Source) -> bool:
    modern = s.conducts.pair.modern
    return not np.array_equal(modern.intent, modern.payoff)


def _payoff(s: Source) -> str:
    """What payoff is counted in."""
    return str(s.summary.get("unit", "payoff"))


def _unit(s: Source) -> str:
    """What worth in M is counted in: intent, where that is not payoff."""
    return "expected intent" if _intent_differs(s) else _payoff(s)


def landscape_of(s: Source) -> Any:
    """The cross-section of the landscape."""
    table, populations = s.run.tables["landscape"], s.run.tables["populations"]
    facts = s.run.provenance["landscape"]
    if facts["grid"] == 1:
        return None  # there is nothing to compare
    if table.height <= MOST_POINTS:
        every: Any = cross_section.distinct(table)
    else:
        edges = cross_section.edges_of(table)
        every = Binned(cross_section.density(table, edges), cross_section.given_ancestral(table, edges[0]))
    tolerances = list(s.run.experiment.analysis.near_ties) or [0.0]
    close = cross_section.near_best(table, sorted({0.0, *tolerances}), s.conducts.spans["ancestral"])
    moments = {"swap": "population at the swap"}
    if s.run.experiment.swap < s.run.experiment.generations:
        moments["end"] = "population at the end"
    people = {words: some for moment, words in moments.items() if (some := cross_section.inhabitants(table, populations, moment)).height}
    peaks = _peaks(s, table)
    worth = {"ancestral": f"fitness in A ({_payoff(s)})", "modern": f"{'intent' if _intent_differs(s) else 'fitness'} in M ({_unit(s)})"}
    chart = landscape(every, close, people, peaks, worth)
    if table.height == facts["grid"]:
        which = f"all {table.height:,} genomes of the grid"
    elif facts["exact"]:
        which = f"{table.height:,} of {facts['grid']:,} genomes: the best, those near them, and those that lived; all were tried"
    else:
        which = f"{table.height:,} of {facts['grid']:,} genomes: those that lived or were tried; the best are the best found"
    widest = max(tolerances)
    low, high = float(close["modern_intent"].min()), float(close["modern_intent"].max())  # type: ignore[arg-type]
    found = int(close["classes"].sum())
    genomes, they = ("1 genome is", "it is") if found == 1 else (f"{found:,} genomes are", "they are")
    range_of = f"worth {low:.3g} in M" if found == 1 or high - low < 1e-12 else f"worth from {low:.3g} to {high:.3g} in M"
    finding = f"{genomes} {told(widest)}{' of the best' if widest else ''} in A; {they} {range_of}"
    where = "; ".join(
        f"the {words} is on average worth {_mean(some, 'ancestral'):.3g} in A and {_mean(some, 'modern_intent'):.3g} in M by what it does" for words, some in people.items()
    )
    if isinstance(every, Binned):
        most = int(every.density["classes"].max())  # type: ignore[arg-type]
        which += f"; darker: more of them, up to {most:,} (log scale); short lines: the median of M given A"
    about = f"{s.which}; of populations the mean share over them" if s.run.experiment.replicates > 1 else s.which
    about += UNDRIVEN if s.summary["drivers"] else ""
    notes = [f"{about}; {s.died.partition(',')[0]}, at the end its last newborns stand for a seed that did" if s.died else about, f"{which}; marks of populations are as large as their shares", finding]
    words = f"Fitness in A against worth in M. {'. '.join(notes)}. {where}."
    return themed(chart, "What fitness in A says about M", notes, words)


def _peaks(s: Source, table: pl.DataFrame) -> pl.DataFrame:
    peaks = Peaks.of(table, s.conducts.spans, exact=bool(s.run.provenance["landscape"]["exact"]))
    rungs = [("best for A", "R3, the worst in M of those that are best in A", peaks.ancestral.worst)]
    if peaks.ancestral.best != peaks.ancestral.worst:
        rungs.append(("best for A", "the best in M of those that are best in A", peaks.ancestral.best))
    rungs.append(("best for M", "R2, best for payoff in M", peaks.modern.worst))
    if _intent_differs(s):
        rungs.append(("best for intent in M", "R1, best for intent in M", peaks.modern_intent.worst))
    named = pl.DataFrame(rungs, schema=["what", "words", "class"], orient="row").with_columns(pl.col("class").cast(table["class"].dtype))
    return named.join(table.select("class", "ancestral", "modern_intent"), on="class", how="left", maintain_order="left")


def _mean(people: pl.DataFrame, column: str) -> float:
    return float(people.select((pl.col("share") * pl.col(column)).sum() / pl.col("share").sum()).item())


def policies_of(s: Source) -> Any:
    """What the commonest class does in each state."""
    number, which = s.shown
    frame = acting.acting(s.conducts, number)
    if frame.is_empty():
        return None
    pair = s.conducts.pair
    what = acting.places_of(s.conducts)
    chart = policies(frame, pair.ancestral.acts, what)
    shown = shown_places(frame)
    many, lived = left_out(frame, shown)
    notes = [s.which, "; ".join(x for x in (which, "where several letters stand it does any of them" if (frame["chance"] < 1.0).any() else "", _empty(frame)) if x)]
    reading = STATES.get(pair.name.partition(" ")[0], "") if what == "state" else ""
    rest = f"{many} {what}s are not shown, in which it spends {lived['ancestral']:.1%} of its life in A and {lived['modern']:.1%} in M" if many else ""
    if reading or rest:
        notes.append("; ".join(x for x in (f"{what}s: {reading}" if reading else "", rest) if x))
    return themed(chart, "What it does, state by state", notes, f"What a genome does in each {what}. {'. '.join(notes)}. {_differences(frame, what)}")


def _empty(frame: pl.DataFrame) -> str:
    """What an empty tile means, if there is any."""
    tiles = frame.unique(["world", "place", "column"]).height
    if tiles == len(WORLDS) * frame["place"].n_unique() * frame["column"].n_unique():
        return ""
    return "empty: it never comes there" + (" with so much of life left" if frame["column"].n_unique() > 1 else "")


def _differences(frame: pl.DataFrame, what: str) -> str:
    """In how many of the places that it comes to in both worlds it acts otherwise, and where most of that time is spent."""
    keys = ["place", "column"]
    by = {w: frame.filter(pl.col("world") == w) for w in WORLDS}
    both = by["ancestral"].join(by["modern"], on=[*keys, "act"], how="full", coalesce=True, suffix=":m", maintain_order="left_right")
    common = by["ancestral"].select(keys).unique(maintain_order=True).join(by["modern"].select(keys).unique(maintain_order=True), on=keys, maintain_order="left")
    apart = both.join(common, on=keys, maintain_order="left").with_columns(gap=(pl.col("chance").fill_null(0.0) - pl.col("chance:m").fill_null(0.0)).abs()).filter(pl.col("gap") > 1e-6)
    total = common["place"].n_unique()
    changed = apart["place"].unique(maintain_order=True).to_list()
    times = {w: by[w].group_by("act", maintain_order=True).agg((pl.col("chance") * pl.col("occupancy")).sum().alias("times")).sort("times", "act", descending=[True, False]) for w in WORLDS}
    done = "; ".join(
        f"in {short} it does " + ", ".join(f"{act.replace('_', ' ')} {n:.3g}" for act, n in times[w].head(4).iter_rows()) + " times in a life" for w, short in zip(WORLDS, "AM", strict=True)
    )
    return f"Of {total} {what}s that it comes to in both worlds it acts otherwise in M in {len(changed)}; {done}."


def life_of(s: Source) -> Any:
    """One life of the commonest class."""
    number, which = s.shown
    found = lives.life(s.conducts, number, s.run.experiment.seed)
    if found.rows.is_empty():
        return None
    counted = {"ancestral": "payoff", "modern": "intent" if _intent_differs(s) else "payoff"}
    ages = {w: int((found.rows["world"] == w).sum()) for w in WORLDS}
    headings = {w: f"{w} world: {ages[w]} ages, {counted[w]} {found.came_to[w]:.3g} (mean {found.expected[w]:.3g})" for w in WORLDS}
    amounts = {w: f"{counted[w]} of the act" for w in WORLDS}
    acts = s.conducts.pair.ancestral.acts
    chart = life(found.rows, acts, headings, amounts)
    rule = f"of {found.drawn} lives drawn by seed {s.run.experiment.seed}, the one nearest to the mean of both worlds (life {found.number})"
    signs = "triangles: acts that pay, larger where they pay more" + ("; crosses: acts that cost" if (found.rows["amount"] < 0.0).any() else "")
    notes = [s.which, which, f"the same random numbers in both worlds; {rule}", signs]
    if reading := STATES.get(s.conducts.pair.name.partition(" ")[0], ""):
        notes[-1] += f"; below: {reading}"
    return themed(chart, "One life, act by act", notes, f"One life, act by act. {'. '.join(notes)}. " + "; ".join(f"{headings[w]}: {_times(found.rows, w)}" for w in WORLDS) + ".")


def _times(rows: pl.DataFrame, world: str) -> str:
    done = rows.filter(pl.col("world") == world).group_by("act", maintain_order=True).len().sort("len", "act", descending=[True, False])
    return ", ".join(f"{act.replace('_', ' ')} {n} times" for act, n in done.iter_rows())


def trajectories_of(s: Source) -> Any:
    """All that is recorded through time."""
    generations, loci = s.adopted("generations"), s.adopted("loci")
    if generations["generation"].n_unique() < 2:
        return None
    genome = s.run.experiment.genome
    if genome["name"] in GENOMES:
        weights = [w for w, locus in genome.get("weights", {}).items() if len(locus["alleles"]) > 1]
    else:
        weights = [name for name in s.loci[0] if name != "horizon"]
    best = {world: float(s.run.tables["landscape"][world].max()) for world in WORLDS}  # type: ignore[arg-type]
    chart = trajectories(generations, loci, weights, s.run.experiment.swap, best, s.summary.get("unit", "payoff"))
    shown = generations["generation"]
    ends = {g: generations.filter(shown == g).mean() for g in (int(shown.min()), int(shown.max()))}  # type: ignore[arg-type]
    told_of = "; ".join(
        f"in generation {g} mean fitness is {row['ancestral_mean'][0]:.3g} in A and {row['modern_mean'][0]:.3g} in M, of {row['classes'][0]:.3g} distinct genomes" for g, row in ends.items()
    )
    notes = [s.many(BANDS), f"dotted: the best genome {'' if s.run.provenance['landscape']['exact'] else 'found '}of each world; upright line: the world changes"]
    return themed(chart, "Trajectories", notes, f"Trajectories. {'. '.join(notes)}. {told_of}.")


def ties_of(s: Source) -> Any:
    """What near ties in A are worth in M."""
    table = s.analysis["ties"]
    if table.is_empty() or s.run.provenance["landscape"]["grid"] == 1:
        return None
    rungs = s.summary["ladder"]["modern"]["rungs"]
    best = f"best genome{'' if s.run.provenance['landscape']['exact'] else ' found'} for {'payoff in ' if _intent_differs(s) else ''}M"
    chart = ties(table, rungs["best_for_payoff"], rungs.get("population"), _unit(s), best)
    exact = "" if s.run.provenance["landscape"]["exact"] else "; of the genomes that were tried"
    notes = [s.many("population: mean over them"), f"bars: from the least to the largest worth in M of genomes so good in A{exact}"]
    found = "; ".join(f"{told(t)} in A: {n:,} genomes worth {low:.3g} to {high:.3g} in M" for t, n, low, high in table.sort("tolerance").select("tolerance", "classes", "modern_min", "modern_max").iter_rows())
    return themed(chart, "Equally good in A, and in M?", notes, f"What near ties in A are worth in M. {'. '.join(notes)}. {found}.")


def causes_of(s: Source) -> Any:
    """Shapley causes of loss."""
    table = s.analysis["causes"]
    if table.is_empty():
        return None
    covered = table.filter(pl.col("subject") == "population")["covered"]
    share = f"of populations their commonest genomes, {float(covered.mean()):.0%} of them" if covered.len() else "no population was there at the swap"  # type: ignore[arg-type]
    notes = [s.many(WHISKERS), f"what setting each part of the planner right would gain: Shapley values, which sum to the loss; {share}{UNDRIVEN if s.summary['drivers'] else ''}"]
    means = table.group_by("subject", "world", "cause", maintain_order=True).agg(pl.col("value").mean())
    largest = means.sort(pl.col("value").abs(), descending=True).group_by("subject", "world", maintain_order=True).first()
    most = [f"most by {r['cause']} ({r['value']:.3g})" if abs(r["value"]) > NOTHING else "nothing by any" for r in largest.iter_rows(named=True)]
    found = "; ".join(f"{r['subject'].replace('_', ' ')} in the {r['world']} world: {words}" for r, words in zip(largest.iter_rows(named=True), most, strict=True))
    return themed(causes(table, SWITCHES), "Causes: what of the loss is desire, belief and planning", notes, f"Causes of loss. {'. '.join(notes)}. {found}.")


def desires_of(s: Source) -> Any:
    """Ledger and causal number of each desire."""
    table = s.analysis["desires"]
    if table.is_empty():
        return None
    notes = [s.many(WHISKERS), "lost: regret by the acts that serve a desire; gained (or lost): when its weight alone is 0, at the swap"]
    means = table.group_by("feature", maintain_order=True).agg(pl.col("weight", "ledger_modern", "gain_modern").mean())
    found = "; ".join(f"{r['feature']} (weight {r['weight']:.3g}): acts lose {r['ledger_modern']:.3g} in M, without it {r['gain_modern']:+.3g}" for r in means.iter_rows(named=True))
    return themed(desires(table), "Desires: what they lose, and what would be without them", notes, f"Desires. {'. '.join(notes)}. {found}.")


def variation_of(s: Source) -> Any:
    """The total variation bound, of rungs, populations, and their common classes."""
    table = s.analysis["variation"]
    if table.is_empty():
        return None
    asker = Inquiry(s.conducts)
    mine = s.run.tables["populations"].filter(pl.col("moment") == "swap")
    common = mine.group_by("class").agg(pl.col("count").sum()).sort("count", "class", descending=[True, False]).head(COMMON)["class"].to_list()
    single = [{"subject": "class", "class": int(c), **{k: getattr(v, k) for k in ("least", "most", "exact", "range", "payoff_change", "bound", "difference", "slack")}} for c in common for v in [asker.variation(int(c))]]
    columns = ["subject", "seed", "least", "most", "exact", "range", "payoff_change", "bound", "difference", "slack"]
    rows = pl.concat([table.select(columns), pl.DataFrame(single, schema_overrides={"exact": pl.Float64}).select("subject", pl.lit(None, dtype=pl.Int64).alias("seed"), *columns[2:])]) if single else table.select(columns)
    notes = [s.many("a circle each"), "no point can lie above the line: it is a theorem; gross of upkeep, which takes the same share in both worlds"]
    used = rows.filter(pl.col("bound") > 0.0)
    most = float((used["difference"] / used["bound"]).max()) if used.height else 0.0  # type: ignore[arg-type]
    found = f"Of {rows.height} subjects the difference is at most {most:.0%} of its bound"
    return themed(variation(rows, _payoff(s)), "How differently it lives, and what that can cost", notes, f"Total variation bound. {'. '.join(notes)}. {found}.")
