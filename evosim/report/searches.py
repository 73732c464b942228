"""Chapter of a report about the search of a landscape over real vectors."""

from __future__ import annotations

from pathlib import Path

from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.summary import SearchSummary
from evosim.config.schema import Experiment
from evosim.config.toml_out import to_commented_toml
from evosim.figures.inputs import Searched
from evosim.figures.registry import SEARCH_FIGURES
from evosim.report.charts import ChartEmbedder
from evosim.report.elements import Cell, Chapter, Facts, Section, Table, Words
from evosim.report.parameters import set_here
from evosim.report.provenance import Provenance, provenance_rows, repeat_with
from evosim.report.runs import between
from evosim.runs.landscape_search import paths_there, summary_there
from evosim.tables.formatting import decimals_of, number


def chapter(
    name: str,
    folder: Path,
    experiment: Experiment,
    facts: Provenance,
    embedder: ChartEmbedder,
    *,
    same_code: bool,
) -> Chapter:
    """All about one search. Raises `UserError` where its files are damaged."""
    summary = summary_there(folder)
    source = Searched(paths_there(folder), experiment)
    charts = ((key, figure.draw(source)) for key, figure in SEARCH_FIGURES.items())
    there = ((key, chart) for key, chart in charts if chart is not None)
    pictures = list(
        embedder.embed(
            name,
            there,
            descriptions={key: figure.description for key, figure in SEARCH_FIGURES.items()},
        )
    )
    came = result_table(summary, experiment.analysis.confidence)
    words = summary.expected or summary.expected_note
    expected = [Facts([("Expected", words)])] if words else []
    changed = (
        [
            Words(
                [
                    f"Changed from the packaged experiment '{experiment.name}':"
                    f" {', '.join(summary.changed)}."
                ]
            )
        ]
        if summary.changed
        else []
    )
    seeds = (
        f"seed {experiment.seed}"
        if experiment.replicates == 1
        else f"{experiment.replicates} seeds from {experiment.seed}"
    )
    sections = [
        Section("summary", "Summary", [*expected, came]),
        Section("figures", "The path of the search", pictures),
        Section("parameters", "Parameters", [*changed, set_here(experiment)]),
        Section("provenance", "Provenance", [Facts(provenance_rows(facts, same_code=same_code))]),
        repeat_with(folder, to_commented_toml(experiment), facts, "a search"),
    ]
    line = (
        f"{experiment.name}, {experiment.optimizer['name']} on {experiment.world.name}, {seeds},"
        f" digest {summary.digest[:8]}"
    )
    return Chapter(
        name, "search", experiment.title or experiment.name, experiment.question, line, sections
    )


def result_table(summary: SearchSummary, confidence: float) -> Table:
    """Means over seeds of the result of a search, with intervals."""
    rows = []
    for row in summary.search:
        decimals = decimals_of(row.mean, *(row.interval or (None, None)))
        rows.append(
            (
                Cell(row.quantity),
                Cell(number(row.mean, decimals)),
                Cell(between(row.interval, decimals) if row.interval else ""),
            )
        )
    note = (
        ""
        if all(row.interval for row in summary.search)
        else f"No interval: it takes {FEWEST} seeds that do not all agree."
    )
    return Table(
        "Results of the search: means over seeds",
        tuple(map(Cell, ("quantity", "mean", f"{level(confidence)} interval"))),
        rows,
        frozenset({0}),
        note,
    )
