"""Chapter of a report about a run. Tables and sentences are those of the screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table as Printed

from evosim.accounts import accounts_with_text
from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.ladder import RUNG_CODES, RUNGS, STEPS, steps_down
from evosim.analysis.summary import AccountSummary, LadderSummary, RunSummary
from evosim.analysis.terminology import AUTHORS, LABELS
from evosim.config.schema import Experiment
from evosim.figures import FIGURES, Source, charts_of
from evosim.report.charts import ChartEmbedder
from evosim.report.elements import (
    Cell,
    Chapter,
    Facts,
    Picture,
    Section,
    Table,
    Words,
    from_printed,
)
from evosim.report.parameters import set_here
from evosim.report.provenance import provenance_section, repeat_section
from evosim.tables import formatting, losses, screen, sentences
from evosim.tables.formatting import number, scaled
from evosim.tables.ladder import RUNG_WORDS, rung_words

FIRST = ("losses", "fitness")  # figures of the summary, in this order
UNMEASURED = "not measured"
SHARES = "Below each number: its share of the best genome of that world."
LOST = "lost at the switch"
WORLDS = (
    "A is the ancestral world, M the modern one. Numbers are in {unit} in a life, means over seeds,"
    " unless a heading says otherwise."
)


def chapter(
    name: str,
    source: Source,
    embedder: ChartEmbedder,
    *,
    same_code: bool,
    every_figure: bool = True,
) -> Chapter:
    """All about one run; without `every_figure`, those alone that runs draw by themselves."""
    recorded, summary = source.run, source.summary
    account, unit = summary.account, summary.header.unit
    experiment = recorded.experiment
    failures: list[str] = []
    charts = charts_of(source, list(FIGURES) if every_figure else None, failures.append)
    embedded = embedder.embed(
        name,
        charts,
        {"ladders": _steps_of(account)},
        {key: figure.description for key, figure in FIGURES.items()},
        failures.append,
    )
    pictures = {picture.name.removeprefix(f"{name}-"): picture for picture in embedded}
    first = [pictures.pop(figure) for figure in FIRST if figure in pictures]
    summed = Section(
        "summary", "Summary", [*_losses(summary), *first[:1], *_expected(summary), *first[1:]]
    )
    accounts = Section(
        "accounts",
        "Accounts",
        [
            Words([WORLDS.format(unit=unit)]),
            Words(sentences.sentences(summary), listed=True),
            *_accounts(summary, pictures, experiment.analysis.confidence),
        ],
    )
    said = [Words([f"{words[0].upper()}{words[1:]}." for words in failures])] if failures else []
    rest = (
        [Section("figures", "More figures", [*pictures.values(), *said])]
        if pictures or said
        else []
    )
    seeds = (
        f"seed {experiment.seed}"
        if experiment.replicates == 1
        else f"{experiment.replicates} seeds from {experiment.seed}"
    )
    return Chapter(
        name,
        "run",
        experiment.title or experiment.name,
        experiment.question,
        f"{experiment.name}, {seeds}, digest {recorded.provenance['digest'][:8]}",
        [
            summed,
            Section("parameters", "Parameters", _parameters(source)),
            accounts,
            *rest,
            provenance_section(recorded, summary.cost, same_code=same_code),
            repeat_section(recorded),
        ],
        labelled=True,
        headline=headline(summary) | _level_of(experiment),
        unit=unit,
    )


def _level_of(experiment: Experiment) -> dict[str, str]:
    """Level of a run's intervals, as a row of the comparison of runs."""
    return (
        {"level of the intervals": level(experiment.analysis.confidence)}
        if experiment.replicates >= FEWEST
        else {}
    )


def _steps_of(account: AccountSummary) -> list[str]:
    """The steps of `LABELS` that this run's ladder has."""
    there = {step for _, step in steps_down(account.ladder.modern.rungs)}
    return [step for step in LABELS if step.partition(",")[0] in there]


@scaled
def _losses(summary: RunSummary) -> list[Table | Words]:
    """First content of a run: fitness and the three losses in both worlds, and sentences."""
    account = summary.account.losses
    caption = f"Fitness: {summary.header.unit} in a life"
    return [
        _in_both_worlds(caption, "", losses.fitness_rows(account), SHARES),
        _in_both_worlds("The three losses", LOST, losses.loss_rows(account), losses.MEANING),
        Words(losses.sentences(summary), listed=True),
    ]


def _in_both_worlds(caption: str, heading: str, rows: Iterable[Sequence[str]], note: str) -> Table:
    """A table of the screen; the share of the best stands below each number."""
    return Table(
        caption,
        tuple(map(Cell, (heading, *losses.HEADINGS))),
        [
            (Cell(" ".join(name.split())), Cell(ancestral, of_ancestral), Cell(modern, of_modern))
            for name, ancestral, of_ancestral, modern, of_modern in rows
        ],
        frozenset(range(3)),  # words wrap in a narrow window
        note,
    )


def _expected(summary: RunSummary) -> list[Facts]:
    """The expected outcome, where the experiment states it."""
    expected = summary.header.expected or summary.header.expected_note
    return [Facts([("Expected", expected)])] if expected else []


def _parameters(source: Source) -> list[Any]:
    changed = source.summary.header.changed
    words = (
        [
            f"Changed from the packaged experiment '{source.run.experiment.name}':"
            f" {', '.join(changed)}."
        ]
        if changed
        else []
    )
    return [*([Words(words)] if words else []), set_here(source.run.experiment)]


def _accounts(
    summary: RunSummary, pictures: dict[str, Picture], confidence: float
) -> Iterator[Section]:
    """Each account, with its figure if there is one. Removes these figures from `pictures`."""
    shown = screen.accounts(summary)
    for name, account in accounts_with_text().items():
        if name == "losses":
            continue  # in the summary
        parts = [_element(name, part) for part in shown.get(name, [])]
        if name == "ladder":
            parts = [ladder(summary, confidence)]
        elif name == "hack" and not parts:
            parts = [Words([_no_drivers(summary)])]
        if parts:
            figure = [pictures.pop(account.figure)] if account.figure in pictures else []
            yield Section(name, account.title, [*parts, *figure])
    yield Section("labels", "Names of the steps by author", [labels(summary.account)])


def _element(name: str, part: Printed | str) -> Table | Words:
    """One table or sentence of the screen as an element of the page."""
    if isinstance(part, str):
        return Words([part.strip()])
    return from_printed(part, steps=STEPS if name == "steps" else ())


def _no_drivers(summary: RunSummary) -> str:
    """The sentence that says why there is nothing about greedy genes."""
    lines = sentences.sentences(summary)
    return next(line for line in lines if line.startswith("Greedy genes"))


@scaled
def ladder(summary: RunSummary, confidence: float) -> Table:
    """The ladder in both worlds, with intervals, and what each author calls a step."""
    account, header = summary.account, summary.header
    modern, worlds = account.ladder.modern, (account.ladder.ancestral, account.ladder.modern)
    steps = dict(steps_down(modern.rungs))
    rows: list[tuple[Cell, ...]] = []
    for rung in RUNGS:
        if rung not in modern.rungs:
            continue
        step = steps.get(rung, "")
        words = rung_words(account, rung)
        numbers = [
            cell for world in worlds for cell in (_rung_cell(world, rung), _step_cell(world, step))
        ]
        rows.append((Cell(f"{RUNG_CODES[rung]} {words}"), *numbers, Cell(step, step=step)))
        if step == "search":
            for part, of in (("unfound", "to the best present"), ("load", "and on to the mean")):
                numbers = [cell for world in worlds for cell in (Cell(""), _step_cell(world, part))]
                rows.append((Cell(f"  {of}"), *numbers, Cell(part)))
    if modern.steps["hack"] is None:
        rows.append(
            (Cell("greedy genes"), Cell(""), Cell("-"), Cell(""), Cell("-"), Cell("not measured"))
        )
    headings = tuple(map(Cell, ("scored", "A", "lost in A", "M", "lost in M", "by the step")))
    shift = account.shift
    split = (
        f" Of the shift step in M, {number(shift.shared_by_all_ancestral_optima)} is shared by all"
        f" ancestral optima, {number(shift.left_open_by_the_data)} left open by the data."
    )
    interval = (
        f"In brackets: {level(confidence)} confidence intervals over seeds; a number that runs can"
        " change has none where all seeds agree."
        if modern.intervals
        else ""
    )
    caption = f"The ladder: which stage lost it ({header.unit} in a life)"
    seeds_note = formatting.seeds_words(header.replicates, *(world.seeds for world in worlds))
    seeds = f" {seeds_note[0].upper()}{seeds_note[1:]}." if seeds_note else ""
    return Table(caption, headings, rows, frozenset({0, 5}), f"{interval}{seeds}{split}".strip())


def _rung_cell(world: LadderSummary, name: str) -> Cell:
    return _cell(world.rungs, world, name)


def _step_cell(world: LadderSummary, name: str) -> Cell:
    return _cell(world.steps, world, name)


def _cell(values: Mapping[str, float | None], world: LadderSummary, name: str) -> Cell:
    """A rung or step of a ladder with its interval; empty if the ladder does not have it."""
    if name not in values:
        return Cell("")
    value, ends = values[name], world.ends(name)
    return Cell(number(value), note=between(ends) if ends and value is not None else "")


def between(ends: Sequence[float], decimals: int | None = None) -> str:
    """An interval, with so many decimals if they are given."""
    return f"[{number(ends[0], decimals)}, {number(ends[1], decimals)}]"


@scaled
def labels(account: AccountSummary) -> Table:
    """Labels of all authors for all steps."""
    rows = [
        (
            Cell(step),
            Cell(number(entry.value) if entry.value is not None else "not measured"),
            *(Cell(entry.names[author]) for author in AUTHORS),
        )
        for step, entry in account.labels.items()
    ]
    note = (
        "Numbers are the same for all; Christiano, quoted by davidad, does not believe that the"
        " problems will split like this."
    )
    headings = (Cell("step"), Cell("loses in M"), *map(Cell, AUTHORS))
    return Table(
        "Names of each step by author",
        headings,
        rows,
        frozenset({0, *range(2, 2 + len(AUTHORS))}),
        note,
    )


@scaled
def headline(summary: RunSummary) -> dict[str, str]:
    """The numbers by which runs are compared, with intervals over seeds where there are any.

    Rungs and steps that a run does not have are listed, too.
    """
    account, header = summary.account, summary.header
    out = _losses_in_text(summary)
    for world, ladder in account.ladder.items():
        letter = world[0].upper()
        for rung in RUNGS:
            out[f"{RUNG_CODES[rung]} {RUNG_WORDS[rung]}, in {letter}"] = _in_text(
                _rung_cell(ladder, rung)
            )
        for step in STEPS:
            out[f"lost in {letter} by {step}"] = _in_text(_step_cell(ladder, step))
    recovery = account.recovery
    moments = {"swap": recovery.modern_at_swap, "end": recovery.modern_at_end} if recovery else {}
    for moment, fitness in moments.items():
        if fitness.share_of_best is not None:
            ends = fitness.ends_of_share
            out[f"share of the best genome's fitness in M, at the {moment}"] = number(
                fitness.share_of_best
            ) + (f" {between(ends)}" if ends else "")
    return out | {"runs that died out": f"{len(header.extinct)} of {len(header.runs)}"}


def _losses_in_text(summary: RunSummary) -> dict[str, str]:
    """The three losses in both worlds, with shares of the best genome."""
    out = {}
    for name, *cells in losses.loss_rows(summary.account.losses):
        for i, world in enumerate(("ancestral", "modern")):
            value, share = cells[2 * i : 2 * i + 2]
            words = f"{value} ({share} of the best)" if share else value
            out[f"{name.split()[0]}, {world} world"] = words
    return out


def _in_text(cell: Cell) -> str:
    return f"{cell.text} {cell.note}".strip() if cell.text not in ("", "-") else UNMEASURED


def comparison(chapters: Iterable[Chapter]) -> Table:
    """Headline numbers of several runs, a column each."""
    runs = [chapter for chapter in chapters if chapter.headline]
    keys = [
        key
        for key in dict.fromkeys(key for run in runs for key in run.headline)
        if any(run.headline.get(key, UNMEASURED) != UNMEASURED for run in runs)
    ]
    rows = [
        (
            Cell(key, step=key.rpartition(" by ")[2] if key.startswith("lost in") else ""),
            *(Cell(run.headline.get(key, UNMEASURED)) for run in runs),
        )
        for key in keys
    ]
    headings = (
        Cell("A: ancestral, M: modern world; per life"),
        *(Cell(f"{i + 1}", note=f"{run.line}; in {run.unit}") for i, run in enumerate(runs)),
    )
    return Table(
        "The runs side by side",
        headings,
        rows,
        frozenset({0}),
        "In brackets: confidence intervals of the mean over seeds.",
    )
