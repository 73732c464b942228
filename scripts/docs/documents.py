"""Expressions for the sources of documents: stored tables, records, experiments, and formats.

A source is a Jinja template in the folder of its page: `docs/findings.md.j2` makes
`docs/findings.md`. Every number in it is an expression. A word that depends on a number is written
with its condition: `checked("falls", late < early)`. The build fails if the condition is false.
`literal` marks a name or a choice that is not a result.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
from number_words import (
    Estimate,
    Wrong,
    checked,
    joined,
    literal,
    number,
    percent,
    significant,
    span,
    words,
)
from result_tables import ROOT, StoredResults, recursion, straight

SOURCES = ("docs/findings.md", "docs/claims.md", "docs/speed.md", "results/README.md")
# Pages of which only what stands between marks is made
PARTS = (
    "README.md",
    "docs/deception.md",
    "docs/hills.md",
    "docs/selection.md",
    "docs/clusters.md",
    "docs/worlds.md",
    "docs/sweeps.md",
)
MARK = re.compile(
    r"(<!-- made from (\S+), do not edit -->\n).*?(<!-- end of what is made -->)", re.DOTALL
)


def names(results: StoredResults) -> dict[str, Any]:
    """Names that expressions may use."""
    return {
        "T": results.table,
        "rows": results.rows,
        "row": results.row,
        "record": results.record,
        "experiment": results.experiment,
        "m": results.measured,
        "outcomes": results.outcomes,
        "outcome": results.outcome,
        "refuted": results.refuted,
        "undecided": results.undecided,
        "predicted": results.predicted,
        "seeds_of": results.seeds_of,
        "ages_of_life": results.ages_of_life,
        "recursion": recursion,
        "studies": results.index,
        "earlier_intervals": results.with_earlier_intervals,
        "claims": results.stored_claims,
        "verdict": results.verdict,
        "overall": results.overall,
        "verdicts": results.verdicts,
        "chances": results.chances,
        "registered": results.registered,
        "col": pl.col,
        "n": number,
        "pc": percent,
        "span": span,
        "joined": joined,
        "words": words,
        "checked": checked,
        "literal": literal,
        "straight": straight,
        "significant": significant,
        "Estimate": Estimate,
        "abs": abs,
        "all": all,
        "min": min,
        "max": max,
        "sum": sum,
        "zip": zip,
        "len": len,
    }


def environment(results: StoredResults) -> jinja2.Environment:
    """Where sources are read and what they may use."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.do"],
    )
    templates.globals.update(names(results))
    templates.filters.update(n=number, pc=percent, span=span, joined=joined, words=words)
    return templates


def render(source: str, results: StoredResults | None = None) -> str:
    """Render a source, given by its path below the root. Raises `Wrong` with the line."""
    templates = environment(results or StoredResults(ROOT / "results"))
    try:
        return templates.get_template(source).render()
    except (
        Wrong,
        jinja2.TemplateError,
        pl.exceptions.PolarsError,
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
        IndexError,
    ) as error:
        raise Wrong(f"{_where(error, source)}: {str(error).splitlines()[0]}") from error


def _where(error: BaseException, source: str) -> str:
    """Source and line of an error in a template."""
    trace, line = error.__traceback__, getattr(error, "lineno", None)
    while trace:
        if trace.tb_frame.f_code.co_filename.endswith(source):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{source}, line {line}" if line else source


def pages(results: StoredResults | None = None) -> dict[Path, str]:
    """Every made page with what it must hold."""
    results = results or StoredResults(ROOT / "results")
    out = {}
    for page in SOURCES:
        head = (
            f"<!-- made from {Path(page).name}.j2 by scripts/docs/build_documents.py;"
            " do not edit -->\n"
        )
        out[ROOT / page] = head + render(f"{page}.j2", results)
    for page in PARTS:
        text = (ROOT / page).read_text(encoding="utf-8")
        out[ROOT / page] = MARK.sub(
            lambda match: match[1] + render(match[2], results) + match[3], text
        )
    return out
