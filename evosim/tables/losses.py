"""The three losses as tables and sentences: the first thing that a run shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table

from evosim.analysis import loss_causes
from evosim.analysis.intervals import FEWEST
from evosim.analysis.loss_summary import (
    NICKNAMES,
    Level,
    Loss,
    LossSummary,
    NearOptimal,
    ShiftParts,
)
from evosim.analysis.summary import AccountSummary, RunHeader, RunSummary
from evosim.runtime.text_layout import bold
from evosim.runtime.words import count_of
from evosim.tables.formatting import number, small

ROWS = {
    "best": "best genome",
    "best_ancestral": "ancestral best",
    "population": "population at switch",
    "population_at_end": "{} later",
}
HEADINGS = ("ancestral world", "modern world")
MEANING = "SHIFT: the world changed. WASTE: imperfect search. HACK: a gene cheats."
ABOVE_ALL = 1.005  # the least share that is printed as more than 100%
MOST_SENTENCES = 5
MOST_SEEDS = 5  # seeds that a sentence lists
WORLDS = ("ancestral", "modern")
NEAR = 0.05  # the sentence about near-optimal genomes takes the widest tolerance up to this one


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it."""
    return [
        fitness_table(summary),
        loss_table(summary.account.losses),
        MEANING,
        *sentences(summary),
    ]


def _plain_table(heading: str) -> Table:
    """A table without lines: a column of names, and two for each world."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(heading)
    for name in HEADINGS:
        table.add_column(name, justify="left")
        table.add_column("", justify="right")
    return table


def fitness_rows(losses: LossSummary) -> list[tuple[str, ...]]:
    """Name, then fitness and share of the best in each world; one row for each subject."""
    rows: list[tuple[str, ...]] = []
    for row in losses.fitness:
        words = ROWS[row.name].format(count_of(losses.modern_generations, "generation"))
        if row.name in ("best", "best_ancestral"):
            words += ", exact" if row.modern.exact else " found"
        rows.append((words, *_level(row.ancestral), *_level(row.modern)))
    return rows


def loss_rows(losses: LossSummary) -> list[tuple[str, ...]]:
    """Name, then the loss and its share of the best in each world; one row for each loss."""
    words = losses.nicknames
    rows: list[tuple[str, ...]] = [
        (
            f"{name.upper():<5}  {f'({words[name]})' if name in words else ''}".rstrip(),
            *_loss(losses, losses.loss(name, "ancestral")),
            *_loss(losses, losses.loss(name, "modern")),
        )
        for name in NICKNAMES
    ]
    if losses.specification:
        rows.insert(1, ("SPECIFICATION", "none", "", *_loss(losses, losses.specification)))
    return rows


def fitness_table(summary: RunSummary) -> Table:
    """Fitness of best genomes and populations in both worlds, with shares of the best."""
    table = _plain_table("fitness")
    for row in fitness_rows(summary.account.losses):
        table.add_row(*row)
    return table


def loss_table(losses: LossSummary) -> Table:
    """Shift, waste and hack in both worlds, with intervals and shares of the best genome."""
    table = _plain_table("lost at the switch")
    for name, *cells in loss_rows(losses):
        table.add_row(bold(name), *cells)
    return table


def _level(level: Level) -> tuple[str, str]:
    """Fitness, and its share of the best."""
    if level.mean is None:
        return "not measured", ""
    if level.most is None or level.most - level.mean <= small():
        words = _with_ends(level.mean, level.low, level.high)
        return words, _percent(level.share_of_best)
    share = f"{_percent(level.share_of_best)[:-1]}-{_percent(level.share_of_most)}"
    return f"{number(level.mean)} to {number(level.most)}", share.strip("-")


def _with_ends(mean: float, low: float | None, high: float | None) -> str:
    """A mean, with the ends of its interval if there is one."""
    ends = "" if low is None or high is None else f" [{number(low)}, {number(high)}]"
    return number(mean) + ends


def _percent(share: float | None) -> str:
    """A share in percent; no negative zero."""
    if share is None:
        return ""
    text = f"{share:.0%}"
    return "0%" if text == "-0%" else text


def _loss(losses: LossSummary, loss: Loss) -> tuple[str, str]:
    """One loss: its mean with interval, or why there is none; and its share of the best."""
    parts = losses.shift_parts
    if loss.mean is None and loss.name == "shift" and parts:
        return f"{number(parts.forced)} to {number(parts.forced + parts.left_open)}", ""
    if loss.mean is None:
        return "not measured", ""
    left_open = bool(loss.name == "shift" and loss.n and parts and parts.left_open > small())
    if abs(loss.mean) <= small() and not loss.n:
        return "none", ""
    gain = loss.mean < -small()
    low, high = loss.low, loss.high
    if gain and low is not None and high is not None:
        low, high = -high, -low
    words = _with_ends(abs(loss.mean), low, high)
    if parts and left_open:
        words += f" ({number(parts.forced)} to {number(parts.forced + parts.left_open)})"
    if loss.exact:
        words += " exact"
    share = loss.share_of_best
    if gain:
        return f"gain {words}", _percent(None if share is None else -share)
    return words, _percent(share)


def sentences(
    summary: RunSummary, fits: Callable[[Sequence[str]], bool] = lambda lines: True
) -> list[str]:
    """The largest loss, recovery, near-optimal genomes, and cautions: a few sentences.

    Parameters
    ----------
    summary : RunSummary
        The run.
    fits : callable
        Whether there is room for some sentences. Cautions come first, then findings in order.

    Returns
    -------
    list of str
        Sentences.
    """
    account, header = summary.account, summary.header
    losses = account.losses
    findings = [*_largest(account), *_waste(account), *_recovery(account)]
    findings += _near_optimal(account)
    notes = [*_not_measured(losses), *_cautions(account, header)]
    # Cautions first: the screen has room for so many sentences
    findings = findings[: max(1, MOST_SENTENCES - len(notes))]
    while len(findings) > 1 and not fits([*findings, *notes]):
        findings.pop()
    return findings + notes


def _not_measured(losses: LossSummary) -> list[str]:
    """Each reason why losses were not measured, and the command that measures them."""
    reasons: dict[str, list[str]] = {}
    for loss in losses.losses:
        if loss.why_not and loss.world == "modern":
            reasons.setdefault(loss.why_not, []).append(loss.name.upper())
    return [f"{' and '.join(names)} not measured: {why}." for why, names in reasons.items()]


def _largest(account: AccountSummary) -> list[str]:
    """The loss of the populations in the modern world, and its largest part."""
    losses = account.losses
    best, population = losses.row("best"), losses.row("population")
    measured = {
        loss.name: loss.mean
        for loss in losses.losses
        if loss.world == "modern" and loss.mean is not None
    }
    if population is None or best is None or population.modern.mean is None:
        return list(filter(None, [_avoidable(account)]))
    if losses.specification and losses.specification.mean is not None:
        measured["specification"] = losses.specification.mean
    whole = (best.modern.mean or 0.0) - population.modern.mean
    if whole <= small():
        return ["The population at the switch lost nothing in the modern world."]
    # Losses over fewer seeds than the population are no parts of its distance from the best
    of_all_seeds = abs(sum(measured.values()) - whole) <= small()
    if not of_all_seeds or not {"shift", "waste"} <= set(measured):
        return [
            f"In the modern world the population at the switch is {number(whole)} below the best"
            f" genome's {number(best.modern.mean)}. {_avoidable(account)}"
        ]
    name = max(measured, key=lambda loss: measured[loss])
    start = (
        f"At the switch the population is {number(whole)} below the modern best of"
        f" {number(best.modern.mean)}"
    )
    largest = f"{number(measured[name])} by {name.upper()}"
    won = [
        f"; {loss.upper()} wins back {number(-value)}"
        for loss, value in measured.items()
        if value < -small()
    ]
    parts = [f"{start}: {largest}{_by_act(account, name)}{''.join(won)}."]
    parts.append(_avoidable(account, "it" if name == "shift" else "the shift"))
    return [" ".join(filter(None, parts))]


def _by_act(account: AccountSummary, name: str) -> str:
    """The act that costs most of a loss."""
    parts = account.losses.shift_parts
    if account.losses.specification or (parts and parts.left_open > small()):
        return ""  # the step of the ladder is that of another genome
    step = {"shift": "shift", "waste": "search", "hack": "hack"}[name]
    acts = {
        act: value
        for act, value in account.steps_by_act.modern.get(step, {}).items()
        if act != "upkeep"
    }
    if not acts:
        return ""
    act = max(acts, key=lambda one: acts[one])
    return f", mostly by act '{act.replace('_', ' ')}'" if acts[act] > small() else ""


def _avoidable(account: AccountSummary, it: str = "the shift") -> str:
    """Whether a perfect search in the ancestral world would have avoided the shift.

    `it` names the shift, where the sentence before is about it.
    """
    losses = account.losses
    parts = losses.shift_parts
    if parts is None or losses.equal_worlds:
        return ""
    genomes = count_of(losses.genomes, "genome that breeds true", "genomes that breed true")
    if not account.exact:
        return _of_the_best_found(parts, genomes)
    if parts.forced + parts.left_open <= small():
        return f"Perfect ancestral search over the {genomes} would lose nothing by the shift."
    if parts.left_open > small():
        if parts.forced <= small():
            return (
                f"Training left the shift open: ancestral optima among the {genomes} lose from 0 to"
                f" {number(parts.left_open)}."
            )
        return (
            f"Every ancestral optimum among the {genomes} loses {number(parts.forced)} by the"
            f" shift; training left {number(parts.left_open)} more open."
        )
    return (
        f"Perfect ancestral search would not avoid {it}: the best of {genomes} loses"
        f" {number(parts.forced)}."
    )


def _of_the_best_found(parts: ShiftParts, genomes: str) -> str:
    """The shift where the grid was searched: what is known of the best genomes found."""
    if parts.left_open > small():
        ends = f"{number(parts.forced)} to {number(parts.forced + parts.left_open)}"
        return f"The best ancestral genomes found, of {genomes}, lose {ends} by the shift."
    loses = number(parts.forced) if parts.forced > small() else "nothing"
    return f"The best ancestral genome found, of {genomes}, loses {loses} by the shift."


def _waste(account: AccountSummary) -> list[str]:
    """The part of the ancestral waste that desires carry: that part alone is masturbation style."""
    causes = account.part(loss_causes.Summary)
    by_step = causes.worlds.ancestral if causes else {}
    waste, loss = by_step.get("waste"), account.losses.loss("waste", "ancestral").mean
    if waste is None or loss is None or abs(loss) <= small() or "sampling" in by_step:
        return []
    part = waste.causes["objective"]
    desires = part.mean
    if desires is None or abs(desires) <= small():
        return []
    low, high = part.low, part.high
    if desires < 0.0 and low is not None and high is not None:
        low, high = -high, -low
    rest = float(number(loss)) - float(number(desires))  # so that printed numbers add up
    verb = {True: "cost", False: "win back"}
    words = f"{_with_ends(abs(desires), low, high)} (masturbation style)"
    if abs(rest) <= small():
        return [f"Of the ancestral WASTE, wrong desires {verb[desires > 0.0]} {words}."]
    return [
        f"The ancestral WASTE is a sum: wrong desires {verb[desires > 0.0]} {words}, and foresight,"
        f" upkeep and the rest {verb[rest >= 0.0]} {number(abs(rest))}."
    ]


def _recovery(account: AccountSummary) -> list[str]:
    """Where populations stand at the end of the modern generations."""
    recovery = account.recovery
    if recovery is None or not account.goes_on_in_modern:
        return []
    end, fair = recovery.modern_at_end, recovery.modern_at_end_fair
    if end.share_of_best is None:
        return []

    def share(value: float, ends: tuple[float, float] | None) -> str:
        return f"{value:.0%}" + (f" [{ends[0]:.0%}, {ends[1]:.0%}]" if ends else "")

    words = (
        f"After {count_of(account.losses.modern_generations, 'modern generation')} the population"
        " has"
        f" {share(end.share_of_best, end.ends_of_share)} of the best"
    )
    if fair is not None and fair.share_of_best is not None:
        without = share(fair.share_of_best, fair.ends_of_share)
        words += f"; in control runs without cheating {without}"
    return [f"{words}."]


def _near_optimal(account: AccountSummary) -> list[str]:
    """Shares of the modern best that genomes near the ancestral best keep."""
    rows = [
        row for row in account.losses.near_optimal if row.within is not None and row.within <= NEAR
    ]
    row = rows[-1] if rows else None
    if row is None or not row.genomes or row.genomes == 1 or row.smallest is None:
        return []
    return [
        f"The {row.genomes:,} genomes within {row.within:.0%} of the ancestral best keep"
        f" {share_range(row)} of the modern best, exact."
    ]


def share_range(row: NearOptimal) -> str:
    """The share that near-optimal genomes keep: one number, or a range with its median."""
    if row.smallest is None or row.median is None or row.largest is None:
        return "-"
    low, middle, high = (_percent(value) for value in (row.smallest, row.median, row.largest))
    return low if low == high else f"{low} to {high} (median {middle})"


def _cautions(account: AccountSummary, header: RunHeader) -> list[str]:
    """Reasons not to quote a number, and what is not measured."""
    losses, out = account.losses, []
    if losses.equal_worlds:
        out.append("Both worlds are equal: no shift to measure. 'evosim run three-losses' has one.")
    if header.digest and losses.fitness and not losses.modern_generations:
        out.append("Recovery not measured: no modern phase; 'evosim run three-losses' has one.")
    if header.extinct:
        out.append(_died_out(account, header))
    population = losses.row("population")
    seeds = population.modern.n if population else header.replicates
    if 0 < seeds < FEWEST:
        few = "One seed has" if seeds == 1 else f"{seeds} seeds have"
        more = FEWEST if seeds == header.replicates else 2 * max(FEWEST, header.replicates)
        out.append(f"{few} no intervals: quote exact numbers only, or add --replicates {more}.")
    hack = losses.loss("hack", "modern")
    if population and hack.mean is not None and hack.n < population.modern.n:
        out.append(
            f"Losses are over the {hack.n} of {population.modern.n} seeds in which the control"
            " lived, too."
        )
    shift = losses.loss("shift", "modern")
    if population and 0 < shift.n < population.modern.n:
        out.append(
            f"Modern SHIFT and WASTE are over the {shift.n} of {population.modern.n} seeds with"
            " enough ancestral optima (a tenth of individuals)."
        )
    dominance = [account.ladder.of(world).steps.get("dominance") or 0.0 for world in WORLDS]
    if max(dominance) > small():
        out.append(
            f"A heterozygote exceeds the best that breeds true by {number(dominance[0])} in the"
            f" ancestral and {number(dominance[1])} in the modern world (dominance)."
        )
    shares = [loss.share_of_best or 0.0 for loss in losses.losses]
    if max(shares, default=0.0) >= ABOVE_ALL:
        out.append(
            "A share above 100%: shares count from the worst policy (0%). Genes have costs, such as"
            " upkeep, so populations can be worse than that."
        )
    if losses.specification:
        cost = losses.specification.mean
        free = cost is not None and abs(cost) <= small()
        out.append(
            "SPECIFICATION: payoff is not intent, "
            + (
                "but that costs nothing here."
                if free
                else "and the best for one is not the best for the other."
            )
        )
    if not account.exact:
        out.append(
            "Best genomes are the best found. To try all: --set"
            f" analysis.max_enumerated={losses.grid_size}"
        )
    return out


def _died_out(account: AccountSummary, header: RunHeader) -> str:
    """The seeds that died out, and how they are counted."""
    seeds = header.extinct[:MOST_SEEDS]
    more = len(header.extinct) - len(seeds)
    listed = ", ".join(seeds) + (f" and {more} more" if more else "")
    words = (
        f"{len(header.extinct)} of {count_of(len(header.runs), 'seed')} died out"
        f" (seed{'s' * (len(header.extinct) > 1)} {listed})"
    )
    population = account.losses.row("population")
    before = len(header.runs) - (population.modern.n if population else 0)
    if before >= len(header.extinct):
        left_out = "It is" if len(header.extinct) == 1 else "They are"
        return f"{words}, before the switch. {left_out} left out."
    if not before:
        counts = "It counts with its" if len(header.extinct) == 1 else "They count with their"
        return f"{words}, after the switch. {counts} last generation."
    return (
        f"{words}, {before} of them before the switch. Only those that died out later count, with"
        " their last generation."
    )
