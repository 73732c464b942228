"""Expressions for the sources of documents: stored tables, records, experiments, and formats.

A source is a Jinja template in the folder of its page: `docs/findings.md.j2` makes
`docs/findings.md`. Every number in it is an expression. A word that depends on a number is written
with its condition: `checked("falls", late < early)`. The build fails if the condition is false.
`literal` marks a name or a choice that is not a result.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import polars as pl
from jinja2 import nodes

from evosim.claims.stored_results import format_seconds, latest_times, read_jobs
from evosim.theory import two_locus

ROOT = Path(__file__).resolve().parents[2]
JOBS = read_jobs(ROOT / "scripts")
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


class Wrong(Exception):
    """A source says what its tables do not."""


# Numbers in words


def number(value: float | None, digits: int = 2, *, dot: bool = False) -> str:
    """A number with so many decimals, and no negative zero; `dot` leaves out the 0 before the
    point. Raises `Wrong` for what is no number.
    """
    if value is None or not np.isfinite(value):
        raise Wrong(f"{value} is no number")
    # Tables are decimal: 0.4305 is a half
    exact = Decimal(repr(round(value, 12))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    out = f"{abs(exact) if exact == 0 else exact:,f}"
    return re.sub(r"^(-?)0\.", r"\1.", out) if dot else out


def percent(value: float, digits: int = 0) -> str:
    """A share in percent."""
    return f"{number(100 * value, digits)}%"


def significant(value: float, digits: int) -> str:
    """A number rounded to so many digits, without exponent, without zeros at the end of its
    decimals.
    """
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(rounded)))))
    out = f"{rounded:,.{decimals}f}"
    return out.rstrip("0").rstrip(".") if "." in out else out


def span(values: Iterable[float], digits: int = 2) -> str:
    """The least and the largest, as `0.22-0.37`; one number where both read alike."""
    some = list(values)
    low, high = number(min(some), digits), number(max(some), digits)
    return low if low == high else f"{low}-{high}"


def listed(values: Iterable[float], digits: int = 2, last: str = ", ") -> str:
    """Numbers one after the other; `last` stands before the last one."""
    words = [number(value, digits) for value in values]
    return last.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


WORDS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]


def words(value: float) -> str:
    """A small whole number in letters. Raises `Wrong` for others."""
    if value != int(value) or not 0 <= value < len(WORDS):
        raise Wrong(f"{value} has no word")
    return WORDS[int(value)]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, if it has one."""

    value: float
    low: float | None = None
    high: float | None = None

    def __call__(
        self, digits: int = 3, *, dot: bool = False, scale: float = 1.0, sign: str = ""
    ) -> str:
        """As `0.97 [0.96, 0.98]`. `scale` multiplies; `sign` `%` writes all in percent."""
        if sign == "%":
            scale *= 100.0
        numbers = [
            number(x * scale, digits, dot=dot) + sign
            for x in (self.value, self.low, self.high)
            if x is not None
        ]
        return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]" if len(numbers) == 3 else numbers[0]

    def __neg__(self) -> Estimate:
        return Estimate(
            -self.value,
            None if self.high is None else -self.high,
            None if self.low is None else -self.low,
        )

    def within(self, other: float, by: float) -> bool:
        """Whether it is not farther than `by` from another number."""
        return abs(self.value - other) <= by


def checked(text: str, holds: Any) -> str:
    """Return words whose condition is true. Raises `Wrong` if it is false."""
    if not isinstance(holds, bool | np.bool_):
        raise Wrong(f"{text!r} depends on {holds!r}, which is neither true nor false")
    if not holds:
        raise Wrong(f"the condition of {text!r} is false")
    return text


def literal(text: str) -> str:
    """Return digits that are not a result: a name, a choice of the study, a number of the model."""
    return text


# Stored results


class StoredResults:
    """Tables and records in a folder of results, read once.

    A missing or unexpected entry raises `Wrong`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._read = folder, dict[Path, Any]()

    def table(self, name: str) -> pl.DataFrame:
        """A table by its path without ending: `horizon/evolved`; with a `*`, all that match, one
        below the other.
        """
        if "*" in name:
            return pl.concat(
                [
                    self.table(str(path.relative_to(self.folder))[:-4])
                    for path in sorted(self.folder.glob(f"{name}.csv"))
                ]
            )
        return self._once(name, "csv", lambda path: pl.read_csv(path, infer_schema_length=None))

    def record(self, study: str) -> dict[str, Any]:
        """The provenance of a study."""
        return self._once(
            f"{study}/provenance",
            "json",
            lambda path: dict(json.loads(path.read_text(encoding="utf-8"))),
        )

    def experiment(self, study: str) -> dict[str, Any]:
        """The experiment of a study, every parameter."""
        return self._once(
            f"{study}/experiment",
            "toml",
            lambda path: tomllib.loads(path.read_text(encoding="utf-8")),
        )

    def _once(self, name: str, ending: str, read: Callable[[Path], Any]) -> Any:
        path = self.folder / f"{name}.{ending}"
        if path not in self._read:
            if not path.is_file():
                raise Wrong(f"{path.relative_to(self.folder.parent)} is not kept")
            self._read[path] = read(path)
        return self._read[path]

    def rows(self, name: str, **where: Any) -> pl.DataFrame:
        """Rows of a table with these values. Raises `Wrong` if there are none."""
        out = self.table(name)
        for column, value in where.items():
            if column not in out.columns:
                raise Wrong(f"{name} has no column {column}; there are {', '.join(out.columns)}")
            some = (
                out[column].is_null()
                if value is None
                else (
                    (out[column] - value).abs() < 1e-9
                    if isinstance(value, float)
                    else out[column] == value
                )
            )
            out = out.filter(some)
        if out.is_empty():
            raise Wrong(f"{name} has no row with {where}")
        return out

    def row(self, name: str, **where: Any) -> Row:
        """The one row with these values."""
        some = self.rows(name, **where)
        if some.height != 1:
            raise Wrong(f"{name} has {some.height} rows with {where}")
        return Row(some.to_dicts()[0])

    def measured(self, claim: str, quantity: str) -> Estimate:
        """A quantity of a claim, given by its folder or number."""
        row = self.row(f"claims/{self.claim(claim)}/measured", quantity=quantity)
        return Estimate(row["value"], row["low"], row["high"])

    def claim(self, name: str | int) -> str:
        """The folder of a claim."""
        if isinstance(name, str):
            return name
        return str(self.rows("claims/verdicts", number=name)["claim"][0])

    def verdict(self, claim: str | int, quantity: str, expected: str) -> str:
        """The verdict on a prediction, or on one of several of a quantity.

        Raises `Wrong` if it is not the expected one.
        """
        verdict = self.rows("claims/verdicts", claim=self.claim(claim), quantity=quantity)[
            "verdict"
        ].to_list()
        return _expected(quantity, expected if expected in verdict else str(verdict[0]), expected)

    def overall(self, claim: str | int, expected: str) -> str:
        """The verdict on a whole claim: what is not true by construction, and what failed."""
        return _expected(self.claim(claim), self._overall(self.claim(claim)), expected)

    def _overall(self, claim: str) -> str:
        rows = self.rows("claims/verdicts", claim=claim).filter(
            ~pl.col("by_construction") | (pl.col("verdict") == NOT)
        )
        verdicts = set(rows["verdict"])
        return NOT if NOT in verdicts else OUT if verdicts == {OUT} else "undecided"

    def outcomes(self, expected: str) -> list[int]:
        """Numbers of the claims that as a whole have a verdict."""
        return [i for i, claim in enumerate(self.claims, 1) if self._overall(claim) == expected]

    def whole(self, claim: str | int, expected: str) -> str:
        """The verdict of `overall`, or "not whole" for a claim that is refuted in part."""
        return {NOT: "not whole"}.get(self.overall(claim, expected), expected)

    def not_out(self, claim: str | int, quantity: str) -> str:
        """A refuted prediction, as code."""
        self.verdict(claim, quantity, NOT)
        return f"`{quantity}`"

    def open(self, claim: str | int, quantity: str) -> str:
        """A prediction that is undecided, as code."""
        self.verdict(claim, quantity, "undecided")
        return f"`{quantity}`"

    def asked(self, claim: str | int, quantity: str) -> str:
        """The predicted range of a quantity."""
        return str(
            self.row("claims/verdicts", claim=self.claim(claim), quantity=quantity)["predicted"]
        )

    def seeds_of(self, claim: str | int, quantity: str) -> int:
        """How many seeds were measured."""
        return int(self.row(f"claims/{self.claim(claim)}/measured", quantity=quantity)["seeds"])

    def lived(self, claim: str | int, where: str, who: str) -> float:
        """Ages of a life, as the sum of all that is done in one: quantities `WHERE ACT in a life,
        WHO`.
        """
        rows = self.rows(f"claims/{self.claim(claim)}/measured")
        return float(
            rows.filter(
                pl.col("quantity").str.starts_with(where),
                pl.col("quantity").str.ends_with(f" in a life, {who}"),
            )["value"].sum()
        )

    def verdicts(self, claim: str | int) -> dict[str, int]:
        """How many of a claim's predictions have each verdict, and `all`; those by construction are
        not counted.
        """
        rows = self.rows("claims/verdicts", claim=self.claim(claim)).filter(
            ~pl.col("by_construction")
        )
        return {
            name: rows.filter(pl.col("verdict") == name).height for name in (OUT, NOT, "undecided")
        } | {"all": rows.height}

    def chances(self) -> Row:
        """Largest number of true predictions that fail by chance, by claim and in all.

        It counts those that are evidence and have an interval.
        """
        table = self.table("claims/verdicts")
        judged = table.filter(~pl.col("by_construction") & pl.col("low").is_not_null())
        by_claim = judged.group_by("number").len().sort("len", "number", descending=[True, False])
        most, side = int(by_claim["len"][0]), 0.025
        return Row(
            {
                "most": int(table.group_by("number").len()["len"].max()),  # type: ignore[arg-type]
                "all": judged.height,
                "failures": side * judged.height,
                "claim": int(by_claim["number"][0]),
                "in_claim": most,
                "worst": 1.0 - (1.0 - side) ** most,
            }
        )

    def registered(self, study: str, claim: str, expected: str) -> str:
        """The words of a claim of an earlier study, whose verdict must be the expected one."""
        row = self.row(f"{study}/verdicts", claim=claim)
        _expected(claim, row["verdict"], expected)
        return claim

    def index(self) -> list[dict[str, Any]]:
        """Every study that is kept: what it is, what made it, what lies there, and what it took."""
        taken, out = latest_times(JOBS, ROOT / "results"), []
        for job in (job for job in JOBS if job.script.endswith(".py")):
            folder = self.folder / job.name
            made_by = self.record(job.name)["command"][0]
            if RENAMED_SCRIPTS.get(made_by, made_by) != Path(job.script).name:
                raise Wrong(
                    f"{job.name} is made by {job.script}, but what is kept was made by {made_by}"
                )
            tables, figures = (
                sorted(path.stem for path in folder.glob(f"*.{ending}"))
                for ending in ("csv", "png")
            )
            out.append(
                {
                    "name": job.name,
                    "what": job.makes.rstrip("."),
                    "script": job.script,
                    "tables": tables,
                    "figures": figures,
                    "took": format_seconds(taken[job.name].seconds),
                }
            )
        return out

    def with_earlier_intervals(self) -> list[str]:
        """Names of stored results with intervals of an earlier, narrower kind."""
        names = [job.name for job in JOBS if job.compared and job.name != "population-genetics"]
        others = [name for name in names if name not in ("claims", *COMPUTED_AGAIN)]
        old = [name for name in others if self.record(name)["finished"] < ONE_KIND_SINCE]
        folders = sorted((self.folder / "claims").glob("*/provenance.json"))
        claims = [json.loads(path.read_text(encoding="utf-8"))["finished"] for path in folders]
        return [*old, *(["claims"] if claims and min(claims) < ONE_KIND_SINCE else [])]

    def claims_kept(self) -> list[dict[str, Any]]:
        """Every claim with its verdict and figures."""
        out = []
        for claim in self.claims:
            verdicts_told, figures = (
                self.verdicts(claim),
                sorted(path.stem for path in (self.folder / "claims" / claim).glob("*.png")),
            )
            out.append(
                {
                    "name": claim,
                    "good": verdicts_told[OUT],
                    "all": verdicts_told["all"],
                    "verdict": self._overall(claim),
                    "figures": figures,
                }
            )
        return out

    @cached_property
    def claims(self) -> list[str]:
        """All claims by name, in order."""
        return self.table("claims/verdicts")["claim"].unique(maintain_order=True).to_list()


OUT, NOT = "comes out", "does not come out"
# Scripts that had another name when the stored results were made
RENAMED_SCRIPTS = {"default_seeds.py": "birth_control.py", "coverage.py": "interval_coverage.py"}
ONE_KIND_SINCE = (  # the day from which on all intervals are of one kind; see docs/sweeps.md
    "2026-11-30"
)
# Earlier runs, whose intervals were computed again from their kept seeds
COMPUTED_AGAIN = ("birth-control", "recovery")


def _expected(what: str, got: str, expected: str) -> str:
    if got != expected:
        raise Wrong(f"{what}: the verdict is {got!r}, not {expected!r}")
    return got


class Row(Mapping[str, Any]):
    """A row of a table: `row["share"]` is the number, `row.found("share")` the number with its
    interval.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.values_ = values

    def __getitem__(self, name: str) -> Any:
        if name not in self.values_:
            raise Wrong(f"there is no column {name}; there are {', '.join(self.values_)}")
        return self.values_[name]

    def __iter__(self) -> Any:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)

    def found(self, name: str, low: str = "", high: str = "") -> Estimate:
        """A number and its interval, which stands in columns `name_low` and `name_high` unless they
        are named.
        """
        return Estimate(self[name], self[low or f"{name}_low"], self[high or f"{name}_high"])


def recursion(
    k: float, two_copies: float, cost: float, generations: int = 4000
) -> dict[str, float]:
    """Where a driver (one copy of which costs nothing) and an unlinked suppressor that restores
    fair meiosis settle, by theory.
    """
    w = np.outer([1.0, 1.0, two_copies], [1.0, 1.0 - cost, 1.0 - cost])
    path, _ = two_locus.iterate(two_locus.haplotypes(0.8, 0.05), 0.5, [k, 0.5, 0.5], w, generations)
    return {
        "driver": two_locus.driver_frequency(path[-1]),
        "suppressor": two_locus.modifier_frequency(path[-1]),
    }


def straight(x: Iterable[float], y: Iterable[float]) -> float:
    """Where a straight line through points (least squares) meets x = 0."""
    return float(np.polyfit(list(x), list(y), 1)[1])


# Building


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
        "whole": results.whole,
        "not_out": results.not_out,
        "open": results.open,
        "asked": results.asked,
        "seeds_of": results.seeds_of,
        "lived": results.lived,
        "recursion": recursion,
        "studies": results.index,
        "earlier_intervals": results.with_earlier_intervals,
        "claims": results.claims_kept,
        "verdict": results.verdict,
        "overall": results.overall,
        "verdicts": results.verdicts,
        "chances": results.chances,
        "registered": results.registered,
        "col": pl.col,
        "n": number,
        "pc": percent,
        "span": span,
        "listed": listed,
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
    templates.filters.update(n=number, pc=percent, span=span, listed=listed, words=words)
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


# Typed numbers


# A digit within a word belongs to a name: R3, float64, x_0
TYPED = re.compile(r"(?<![A-Za-z_\d])\d")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\([^)]*\)")
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
HEADING = re.compile(r"^#+ .*$", re.MULTILINE)


def typed(text: str) -> list[str]:
    """Digits in a source that are in no expression, code span, link target or heading: `line: what
    stands there`.
    """
    for what in (EXPRESSION, CODE, LINK, HEADING):
        text = what.sub(lambda match: "".join(c for c in match[0] if c == "\n"), text)
    return [
        f"{i}: {line.strip()}" for i, line in enumerate(text.splitlines(), 1) if TYPED.search(line)
    ]


def typed_in_expressions(text: str) -> list[str]:
    """Digits that expressions print as they are written.

    Examples are `{{ 3 }}`, `{{ "3 of" }}` and `checked("3 of", ...)`. `literal` is allowed.
    """
    out, parsed = [], environment(StoredResults(ROOT / "results")).parse(text)
    shown = [node for printed in parsed.find_all(nodes.Output) for node in printed.nodes]
    lists = [loop.iter for loop in parsed.find_all(nodes.For) if isinstance(loop.iter, nodes.List)]
    # Titles of a table's rows
    shown += [row.items[0] for rows in lists for row in rows.items if isinstance(row, nodes.Tuple)]
    for node in shown:
        out += [
            f"{constant.lineno}: {constant.value!r}"
            for constant in _printed(node)
            if TYPED.search(str(constant.value))
        ]
    return out


def _printed(node: nodes.Node) -> list[nodes.Const]:
    """Constants that an expression may print as they are."""
    if isinstance(node, nodes.Const):
        return [node]
    if (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Name)
        and node.node.name == "checked"
    ):
        return _printed(node.args[0])
    if isinstance(node, nodes.CondExpr):
        return [x for part in (node.expr1, node.expr2) if part is not None for x in _printed(part)]
    if isinstance(node, nodes.Concat):
        return [x for part in node.nodes for x in _printed(part)]
    if isinstance(node, nodes.Filter) and node.node is not None:
        return _printed(node.node)
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Dict):
        return [x for pair in node.node.items for x in _printed(pair.value)]
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.List):
        return [x for part in node.node.items for x in _printed(part)]
    # Sums of constants and the like
    return [] if node.find(nodes.Name) else list(node.find_all(nodes.Const))
