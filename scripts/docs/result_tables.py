"""Stored tables, records and experiments, as expressions of documents read them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from number_words import Estimate, Wrong

from evosim.claims.stored_results import format_seconds, latest_times, read_jobs
from evosim.theory import two_locus

ROOT = Path(__file__).resolve().parents[2]
JOBS = read_jobs(ROOT / "scripts")


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

    def outcome(self, claim: str | int, expected: str) -> str:
        """The verdict of `overall`, or "not whole" for a claim that is refuted in part."""
        return {NOT: "not whole"}.get(self.overall(claim, expected), expected)

    def refuted(self, claim: str | int, quantity: str) -> str:
        """A refuted prediction, as code."""
        self.verdict(claim, quantity, NOT)
        return f"`{quantity}`"

    def undecided(self, claim: str | int, quantity: str) -> str:
        """A prediction that is undecided, as code."""
        self.verdict(claim, quantity, "undecided")
        return f"`{quantity}`"

    def predicted(self, claim: str | int, quantity: str) -> str:
        """The predicted range of a quantity."""
        return str(
            self.row("claims/verdicts", claim=self.claim(claim), quantity=quantity)["predicted"]
        )

    def seeds_of(self, claim: str | int, quantity: str) -> int:
        """How many seeds were measured."""
        return int(self.row(f"claims/{self.claim(claim)}/measured", quantity=quantity)["seeds"])

    def ages_of_life(self, claim: str | int, where: str, who: str) -> float:
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

    def stored_claims(self) -> list[dict[str, Any]]:
        """Every claim with its verdict and figures."""
        out = []
        for claim in self.claims:
            counts, figures = (
                self.verdicts(claim),
                sorted(path.stem for path in (self.folder / "claims" / claim).glob("*.png")),
            )
            out.append(
                {
                    "name": claim,
                    "good": counts[OUT],
                    "all": counts["all"],
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
    """A row of a table: `row["share"]` is the number, `row.with_interval("share")` the
    number with its interval.
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

    def with_interval(self, name: str, low: str = "", high: str = "") -> Estimate:
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
