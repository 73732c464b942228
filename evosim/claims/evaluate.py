"""Evaluate claims at one size: compute their parts, judge them, write verdicts and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from evosim.claims import CLAIMS, claim_of
from evosim.claims.claim import NOT, Claim, Measured, overall, verdict
from evosim.claims.part_cache import Task, compute, tables_of, tasks_of
from evosim.config.resolve import resolve
from evosim.config.schema import ClaimChoice, Experiment, Prediction
from evosim.config.toml_files import apply_settings, read_experiment
from evosim.errors import Stop, UserError, unknown
from evosim.runs.provenance import provenance, write_json
from evosim.runtime.atomic_files import write_atomically

SIZES = ("quick", "full")
VERDICTS = {
    "number": pl.Int64,
    "claim": pl.String,
    "quantity": pl.String,
    "predicted": pl.String,
    "measured": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "seeds": pl.Int64,
    "kind": pl.String,
    "unit": pl.String,
    "by_construction": pl.Boolean,
    "verdict": pl.String,
}


@dataclass(frozen=True, eq=False)
class Judged:
    """One claim, tested.

    Attributes:
        name: of its experiment.
        choice: statement and predictions.
        rows: a row of verdicts for each prediction.
        verdict: on the claim as a whole.
    """

    name: str
    choice: ClaimChoice
    rows: list[dict[str, Any]]
    verdict: str

    @property
    def evidence(self) -> list[dict[str, Any]]:
        """The rows of predictions that can fail."""
        return [row for row in self.rows if not row["by_construction"]]


def named(which: Iterable[str]) -> list[str]:
    """Claims by name, by number or by a part of the name that only one has; all of them if none is
    given. Raises `UserError`.
    """
    short = {name.split("-", 2)[2]: name for name in CLAIMS} | {
        str(int(name.split("-", 2)[1])): name for name in CLAIMS
    }
    out = []
    for text in which:
        alike = [name for name in CLAIMS if text and text in name]
        name = short.get(text, alike[0] if len(alike) == 1 else text)
        if name not in CLAIMS:
            raise unknown("a claim", text, CLAIMS)
        out.append(name)
    return list(dict.fromkeys(out)) or list(CLAIMS)


def experiment_of(name: str, size: str) -> Experiment:
    """The experiment of a claim with the settings of a size."""
    tree = read_experiment(name)
    return resolve(apply_settings(tree, list(tree["claim"].get(size, ()))))


class Gate:
    """Claims at one size.

    Parts are kept in `parts`, so that a test goes on where it was stopped.
    """

    def __init__(self, names: list[str], size: str, parts: Path) -> None:
        self.names, self.size = names, size
        self.experiments = {name: experiment_of(name, size) for name in names}
        self.claims: dict[str, Claim] = {name: claim_of(name) for name in names}
        self.tasks: dict[str, list[Task]] = {
            name: tasks_of(name, self.claims[name].parts(self.experiments[name]), parts)
            for name in names
        }

    @property
    def left(self) -> list[Task]:
        """Parts that are not there yet."""
        return [task for tasks in self.tasks.values() for task in tasks if not task.file.is_file()]

    def compute(
        self,
        workers: int,
        should_stop: Callable[[], Stop | None],
        done: Callable[[Task, float], object],
        tell: Callable[[str], object] = lambda words: None,
    ) -> None:
        """Compute what is left. Raises `Stop`."""
        compute(self.left, workers, should_stop=should_stop, done=done, tell=tell)

    def test(self, name: str, out: Path, *, figures: bool = True) -> Judged:
        """Judge a claim whose parts are there, and write its tables and figures into a folder of
        its name.
        """
        experiment, claim = self.experiments[name], self.claims[name]
        assert experiment.claim is not None
        tables = tables_of(self.tasks[name])
        measured = claim.measure(tables, experiment)
        rows = [
            row_of(name, experiment.claim, prediction, measured)
            for prediction in experiment.claim.predictions
        ]
        folder = out / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for stem, table in claim.tables(tables, experiment).items():
                write_atomically(
                    folder / f"{stem}.csv", table.write_csv(float_precision=6).encode()
                )
            write_atomically(
                folder / "measured.csv", frame_of(measured).write_csv(float_precision=6).encode()
            )
            write_atomically(folder / "experiment.toml", experiment.to_toml().encode())
            write_json(folder / "provenance.json", provenance(experiment) | {"size": self.size})
            if figures:
                for stem, chart in claim.figures(tables, experiment).items():
                    save(chart, folder / stem)
        except OSError as error:
            raise UserError(
                f"{folder} must be writable, but is not: {error.strerror or error}. Mend its"
                " permissions or give another --out."
            ) from None
        return Judged(
            name,
            experiment.claim,
            rows,
            overall(
                row["verdict"]
                for row in rows
                if not row["by_construction"] or row["verdict"] == NOT
            ),
        )


def row_of(
    name: str, choice: ClaimChoice, prediction: Prediction, measured: dict[str, Measured]
) -> dict[str, Any]:
    """A row of the table of verdicts."""
    if prediction.quantity not in measured:
        raise unknown(f"{name}: a predicted quantity", prediction.quantity, measured)
    found = measured[prediction.quantity]
    return {
        "number": choice.number,
        "claim": name,
        "quantity": prediction.quantity,
        "predicted": told(prediction),
        "measured": found.value,
        "low": found.low,
        "high": found.high,
        "seeds": found.seeds,
        "kind": found.kind,
        "unit": found.unit,
        "by_construction": prediction.by_construction,
        "verdict": verdict(prediction, found),
    }


def told(prediction: Prediction) -> str:
    """A prediction in words."""
    if prediction.says == "within":
        return f"within {prediction.low:g} to {prediction.high:g}"
    words = {"above": "above", "below": "below", "equals": "equals"}
    return f"{words[prediction.says]} {prediction.value:g}"


def frame_of(measured: dict[str, Measured]) -> pl.DataFrame:
    """All that was measured, predicted or not."""
    rows = [
        {
            "quantity": name,
            "value": m.value,
            "low": m.low,
            "high": m.high,
            "seeds": m.seeds,
            "kind": m.kind,
            "unit": m.unit,
        }
        for name, m in measured.items()
    ]
    schema = {
        "quantity": pl.String,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "seeds": pl.Int64,
        "kind": pl.String,
        "unit": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)


def verdicts_of(tested: Iterable[Judged]) -> pl.DataFrame:
    """The table of verdicts."""
    return pl.DataFrame([row for claim in tested for row in claim.rows], schema=VERDICTS)


def save(chart: Any, stem: Path) -> None:
    """A chart as PNG and SVG."""
    from evosim.figures import drawn
    from evosim.figures.svg_export import print_figure

    svg = drawn(chart.to_dict())
    for ending in (".png", ".svg"):
        print_figure(svg, stem.with_name(stem.name + ending))
