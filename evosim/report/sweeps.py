"""Sections of a report on a sweep.

Tables and sentences are those of `evosim sweep analyze`, figures those of `evosim sweep figures`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl
import tomli_w

from evosim.analysis.intervals import level
from evosim.analysis.terminology import LABELS
from evosim.config.toml_files import named_experiments
from evosim.report.charts import ChartEmbedder
from evosim.report.elements import (
    Cell,
    Chapter,
    Code,
    Facts,
    Picture,
    Section,
    Table,
    Words,
    from_printed,
)
from evosim.report.provenance import provenance_rows
from evosim.runtime.names import file_names
from evosim.runtime.words import count_of
from evosim.sweeps import effect_tables, queries
from evosim.sweeps import figures as sweeps_figures
from evosim.sweeps import tables as sweeps_tables
from evosim.sweeps.analysis import analysis_of
from evosim.sweeps.analysis_tables import STEPS_OF_LOSSES, Analysis, QuantityRow
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.charts import words_of
from evosim.sweeps.collect import manifest_of
from evosim.sweeps.factors import DESIGN, short_factors
from evosim.sweeps.schema import SweepFile, read_alone
from evosim.sweeps.store import RUNS, Store
from evosim.tables.formatting import decimals_in, number

MOST_CELLS = 1000
MOST_VALUES = 12
MOST_ERRORS = 20


def chapter(name: str, store: Store, embedder: ChartEmbedder, *, same_code: bool) -> Chapter:
    """All about one sweep. Raises `UserError` if nothing of it is done."""
    analysis = analysis_of(store)
    quantities = queries.chosen(analysis, [])
    facts, tree = analysis.facts, store.manifest.tree
    inputs = ChartInputs(analysis, read_alone(store.folder / "sweep.toml"), None, None)
    charts = (
        sweeps_figures.charts(inputs, quantities) if inputs.factors or inputs.sampled else iter(())
    )
    charts_by_name = dict(charts)
    pictures = list(
        embedder.embed(name, charts_by_name.items(), _steps(charts_by_name, quantities))
    )
    cells = from_printed(sweeps_tables.cells(analysis, quantities, MOST_CELLS))
    phases = [picture for picture in pictures if picture.name.startswith(f"{name}-phase-")]
    losses = [picture for picture in pictures if picture.name.startswith(f"{name}-losses-")]
    steps = [picture for picture in pictures if picture.name.startswith(f"{name}-steps-")]
    diagrams = [*losses, *phases, *steps]
    of_all = Section("cells", "Cells", [_labelled(cells, quantities)])
    sections = [
        Section("summary", "Summary", [_outcome(analysis, tree, quantities)]),
        Section("parameters", "What varies", [_varies(analysis), *_shared(inputs.sweep.settings)]),
        *([Section("diagrams", "Figures", diagrams)] if diagrams else []),
        Section(
            "effects",
            "Effects of the parameters",
            list(_effects(name, analysis, quantities, pictures)),
        ),
        of_all,
        *_not_measured(store, analysis),
        _provenance(store, analysis, same_code=same_code),
        _repeat(store, inputs.sweep),
    ]
    line = (
        f"{facts.name}, {count_of(facts.cells, 'cell')} of {count_of(facts.replicates, 'seed')},"
        f" sweep {facts.sweep[:8]}"
    )
    return Chapter(
        name,
        "sweep",
        facts.title or facts.name,
        tree.get("question", ""),
        line,
        sections,
        labelled=True,
    )


def _outcome(analysis: Analysis, tree: Mapping[str, Any], quantities: list[str]) -> Facts:
    rows: list[tuple[str, Any]] = [
        ("A, M", "the ancestral and the modern world: training and deployment"),
        ("Experiment", tree.get("title") or tree["name"]),
    ]
    if tree.get("expected"):
        rows.append(("Expected of it, without this sweep's settings", tree["expected"]))
    rows.append(("What was computed", sweeps_tables.header(analysis.facts)))
    if said := sweeps_tables.sentences(analysis, quantities):
        rows.append(("To be known", said))
    if verdicts := [_verdict(analysis, name) for name in quantities]:
        rows.append(("What came", [words for words in verdicts if words]))
    return Facts(rows)


def _verdict(analysis: Analysis, name: str) -> str:
    """Effect of the parameters on one quantity, in one sentence."""
    cells = analysis.tables["cells"].filter(pl.col("quantity") == name).drop_nulls("mean")
    rows = analysis.tables["quantities"].filter(pl.col("quantity") == name)
    if cells.is_empty():
        return ""
    decimals = decimals_in((mean, None, None) for mean in cells["mean"])[0]
    low, high = (number(end, decimals) for end in (cells["mean"].min(), cells["mean"].max()))  # type: ignore[arg-type]
    ends = f"from {low} to {high} between cells"
    words = _capital(words_of(name, desires=analysis.has_desires))
    if rows.is_empty() or rows["refused"][0]:
        return f"{words}: {ends}; effects are not shown, see below."
    row = QuantityRow(**rows.row(0, named=True))
    if reason := effect_tables.no_effect_words(row, analysis.facts.confidence):
        return f"{words}: {ends}; {reason}."
    shares = (
        analysis.tables["shares"]
        .filter((pl.col("quantity") == name) & (pl.col("order") == "first"))
        .drop_nulls("share")
        .sort("share", descending=True)
    )
    if shares.is_empty():
        return f"{words}: {ends}."
    most = shares.row(0, named=True)
    short = short_factors(analysis.facts.factors)
    return (
        f"{words}: {ends}; {short[most['factor']]} alone makes {effect_tables.share_words(shares)}"
        " of the variance."
    )


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _varies(analysis: Analysis) -> Table:
    """Every factor and its levels."""
    rows = []
    for factor in analysis.facts.factors:
        parameters = Cell(", ".join(factor.parameters))
        if factor.name == DESIGN:
            rows.append((parameters, Cell(f"{factor.count:,}"), Cell("points of a design")))
            continue
        levels = list(factor.labels)
        shown = (
            levels
            if len(levels) <= MOST_VALUES
            else [*levels[: MOST_VALUES // 2], "...", *levels[-MOST_VALUES // 2 :]]
        )
        rows.append((parameters, Cell(f"{len(levels):,}"), Cell("; ".join(shown))))
    if not rows:
        rows = [(Cell("nothing"), Cell("1"), Cell("one cell"))]
    return Table(
        "Parameters that vary",
        (Cell("parameter"), Cell("levels"), Cell("values")),
        rows,
        frozenset({0, 2}),
    )


def _shared(settings: Mapping[str, object]) -> Iterator[Table]:
    """Settings of all cells that differ from the experiment's own."""
    if settings:
        rows = [(Cell(key), Cell(json.dumps(value))) for key, value in settings.items()]
        yield Table(
            "Changed in all cells", (Cell("parameter"), Cell("value")), rows, frozenset({0, 1})
        )


def _effects(
    chapter_name: str, analysis: Analysis, quantities: list[str], pictures: list[Picture]
) -> Iterator[Section]:
    """Of each quantity its main effects as a figure and as tables, or why there are none."""
    refused, slugs = queries.refused(analysis, quantities), file_names(quantities)
    for quantity in quantities:
        words, slug = words_of(quantity, desires=analysis.has_desires), slugs[quantity]
        parts: list[Any] = [
            picture
            for picture in pictures
            if picture.name in (f"{chapter_name}-effects-{slug}", f"{chapter_name}-design-{slug}")
        ]
        if quantity in refused:
            parts.append(
                Words([f"Effects of the grid's parameters are refused: {refused[quantity]}."])
            )
        else:
            tables = [
                (
                    effect_tables.effects(analysis, quantity)
                    if analysis.facts.grid_factors
                    else None
                ),
                effect_tables.shares(analysis, quantity),
            ]
            captions = (
                f"Means of the levels: {words}",
                f"Shares of the variance between cells: {words}",
            )
            parts += [
                from_printed(made, caption)
                for made, caption in zip(tables, captions, strict=True)
                if made
            ]
        for fit in analysis.fits(quantity):
            if fit.refused:
                parts.append(
                    Words([f"Effects of the design's parameters are refused: {fit.refused}."])
                )
                continue
            sampled = effect_tables.sampled(analysis, quantity, fit)
            parts.append(from_printed(sampled, f"{sampled.title}: {words}"))
            if more := effect_tables.sampled_pairs(analysis, quantity):
                parts.append(from_printed(more, f"Pairs of parameters of the design: {words}"))
        if parts:
            yield Section(f"of-{slug}", _capital(words), parts)


def _step_of(quantity: str) -> str:
    """The step of the ladder that a quantity is; empty if it is none."""
    ladder = STEPS_OF_LOSSES.get(quantity, quantity)
    return ladder.split(".")[3] if ladder.startswith("ladder.") and ".steps." in ladder else ""


def _steps(figures: Iterable[str], quantities: list[str]) -> dict[str, Sequence[str]]:
    """By name of a figure, the steps of the ladder that it names."""
    slugs = file_names(quantities)
    named = {slugs[name]: step for name in quantities if (step := _step_of(name))}
    of = {figure: named.get(figure.partition("-")[2], "") for figure in figures}
    return {
        figure: [
            label
            for label in LABELS
            if figure.startswith(("losses-", "steps-")) or label.partition(",")[0] == step
        ]
        for figure, step in of.items()
    }


def _labelled(table: Table, quantities: list[str]) -> Table:
    """The table of cells with step labels in the headings of its quantities.

    Quantities are the last columns, in the given order.
    """
    steps = {
        sweeps_tables.short_quantities(quantities)[name]: step
        for name in quantities
        if (step := _step_of(name))
    }
    known = {short: step for short, step in steps.items() if step == "shift" or step in LABELS}
    return Table(
        table.caption,
        tuple(Cell(cell.text, cell.note, known.get(cell.text, "")) for cell in table.headings),
        table.rows,
        table.left,
        table.note,
    )


def _not_measured(store: Store, analysis: Analysis) -> Iterator[Section]:
    """Runs that failed, by what they failed of, and those that died out or are missing."""
    runs = analysis.facts.runs
    ended = [
        (sweeps_tables.STATUS_WORDS[key], f"{count:,} of {count_of(runs.planned, 'run')}")
        for key, count in runs.unfinished()
    ]
    if not ended:
        return
    parts: list[Any] = [Facts(ended)]
    if runs.failed:
        table = store.collected(RUNS).filter(pl.col("status") == "failed").select("error").collect()
        counted = (
            table.group_by("error")
            .len()
            .sort("len", "error", descending=[True, False])
            .head(MOST_ERRORS)
        )
        rows = [(Cell(str(error)), Cell(f"{count:,}")) for error, count in counted.iter_rows()]
        parts.append(Table("Why runs failed", (Cell("error"), Cell("runs")), rows))
    yield Section("unmeasured", "Runs that are missing from means", parts)


def _provenance(store: Store, analysis: Analysis, *, same_code: bool) -> Section:
    manifest = manifest_of(store)
    facts = {"digest": f"{store.digest} (of the sweep)", "sources": ", ".join(manifest.sources)}
    rows: list[tuple[str, Any]] = [
        ("runs", f"{manifest.runs:,} done of {store.runs:,}, in {count_of(store.chunks, 'chunk')}"),
        ("content of its runs", manifest.digest),
        (
            "intervals",
            (
                f"{analysis.facts.intervals}, {analysis.facts.resamples:,} resamples,"
                f" confidence {level(analysis.facts.confidence)}"
            ),
        ),
        *provenance_rows({**store.manifest.as_dict(), **facts}, same_code=same_code),
        ("begun", store.manifest.begun),
    ]
    return Section("provenance", "Provenance", [Facts(rows)])


def _repeat(store: Store, sweep: SweepFile) -> Section:
    """The sweep file, and the experiment's own if it is not a packaged one."""
    toml = (store.folder / "sweep.toml").read_text(encoding="utf-8")
    out = shlex.quote(f"results/sweeps/{store.folder.resolve().name}")
    checkout = (
        [f"git checkout {store.manifest.commit}  # in a checkout of evosim"]
        if store.manifest.commit
        else []
    )
    commands = [
        *checkout,
        f"evosim sweep run sweep.toml --out {out}",
        f"evosim sweep analyze {out}",
        f"evosim report {out}",
    ]
    words = (
        "Save the file below as sweep.toml. 'evosim sweep collect' prints the content's digest. It"
        " is the same if experiments and sources are."
    )
    files = [Code("sweep.toml", toml)]
    if sweep.experiment not in named_experiments():
        words += (
            f" It names the experiment's own file, {sweep.experiment}, which is given below it."
        )
        files.append(Code(sweep.experiment, tomli_w.dumps(store.manifest.tree)))
    return Section(
        "repeat",
        "How to repeat it",
        [Words([words]), Code("Commands", "\n".join(commands)), *files],
    )
