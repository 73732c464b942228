"""Evaluate claims: compute their parts, judge their predictions, and write tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from evosim.claims import CLAIMS, claim_of
from evosim.claims.claim import Claim
from evosim.claims.experiments import claim_experiment
from evosim.claims.measurements import Measurement
from evosim.claims.part_cache import Task, compute_parts, load_tables, tasks_of
from evosim.claims.verdicts import NOT, judge_claim, judge_prediction
from evosim.config.schema import ClaimChoice, Prediction
from evosim.errors import Stop, UserError, unknown
from evosim.runs.provenance import Provenance, write_json
from evosim.runtime.atomic_files import write_atomically

SIZES = ("quick", "full")
VERDICT_COLUMNS = {
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
MEASUREMENT_COLUMNS = {
    "quantity": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "seeds": pl.Int64,
    "kind": pl.String,
    "unit": pl.String,
}


@dataclass(frozen=True)
class VerdictRow:
    """A prediction, what was measured, and the verdict: a row of `verdicts.csv`."""

    number: int
    claim: str
    quantity: str
    predicted: str
    measured: float
    low: float | None
    high: float | None
    seeds: int
    kind: str
    unit: str
    by_construction: bool
    verdict: str


@dataclass(frozen=True, eq=False)
class ClaimResult:
    """A tested claim.

    Attributes
    ----------
    name : str
        Name of its experiment.
    choice : ClaimChoice
        Statement and predictions.
    rows : list of VerdictRow
        One row per prediction.
    verdict : str
        Verdict on the claim as a whole.
    """

    name: str
    choice: ClaimChoice
    rows: list[VerdictRow]
    verdict: str

    @property
    def evidence(self) -> list[VerdictRow]:
        """The rows of predictions that can fail."""
        return [row for row in self.rows if not row.by_construction]


def claims_by_name(texts: Iterable[str]) -> list[str]:
    """Find claims by name, number or unique part of the name.

    Returns
    -------
    list of str
        Names of claims. All claims if `texts` is empty.

    Raises
    ------
    UserError
        If a text matches no claim, or more than one.
    """
    short = {name.split("-", 2)[2]: name for name in CLAIMS} | {
        str(int(name.split("-", 2)[1])): name for name in CLAIMS
    }
    names = []
    for text in texts:
        matches = [name for name in CLAIMS if text and text in name]
        name = short.get(text, matches[0] if len(matches) == 1 else text)
        if name not in CLAIMS:
            raise unknown("a claim", text, CLAIMS)
        names.append(name)
    return list(dict.fromkeys(names)) or list(CLAIMS)


class ClaimRunner:
    """Computes and tests claims at one size.

    Parameters
    ----------
    names : list of str
        Names of claims.
    size : str
        `quick` or `full`.
    parts : Path
        Folder that stores computed parts, so that an interrupted test can be resumed.
    """

    def __init__(self, names: list[str], size: str, parts: Path) -> None:
        self.names, self.size = names, size
        self.experiments = {name: claim_experiment(name, size) for name in names}
        self.claims: dict[str, Claim] = {name: claim_of(name) for name in names}
        self.tasks: dict[str, list[Task]] = {
            name: tasks_of(name, self.claims[name].parts(self.experiments[name]), parts)
            for name in names
        }

    @property
    def left(self) -> list[Task]:
        """Parts that are not stored yet."""
        return [task for tasks in self.tasks.values() for task in tasks if not task.file.is_file()]

    def compute(
        self,
        workers: int,
        should_stop: Callable[[], Stop | None],
        on_part: Callable[[Task, float], object],
        log: Callable[[str], object] = lambda text: None,
    ) -> None:
        """Compute the parts that are left. Raises `Stop`."""
        compute_parts(self.left, workers, should_stop=should_stop, on_part=on_part, log=log)

    def test(self, name: str, out: Path, *, figures: bool = True) -> ClaimResult:
        """Judge a claim whose parts are stored, and write its folder below `out`.

        Raises
        ------
        UserError
            If the folder cannot be written.
        """
        experiment, claim = self.experiments[name], self.claims[name]
        assert experiment.claim is not None
        tables = load_tables(self.tasks[name])
        measured = claim.measure(tables, experiment)
        predictions = experiment.claim.predictions
        rows = [verdict_row(name, experiment.claim, each, measured) for each in predictions]
        try:
            self._write(name, out / name, tables, measured, figures=figures)
        except OSError as error:
            raise UserError(
                f"{out / name} cannot be written: {error.strerror or error}. Change its"
                " permissions, or choose another folder with --out."
            ) from None
        verdicts = [row.verdict for row in rows if not row.by_construction or row.verdict == NOT]
        return ClaimResult(name, experiment.claim, rows, judge_claim(verdicts))

    def _write(
        self,
        name: str,
        folder: Path,
        tables: Mapping[str, pl.DataFrame],
        measured: Mapping[str, Measurement],
        *,
        figures: bool,
    ) -> None:
        """Write tables, measurements, experiment, provenance and figures of a claim."""
        experiment, claim = self.experiments[name], self.claims[name]
        folder.mkdir(parents=True, exist_ok=True)
        for stem, table in claim.tables(tables, experiment).items():
            write_atomically(folder / f"{stem}.csv", table.write_csv(float_precision=6).encode())
        text = measurements_table(measured).write_csv(float_precision=6)
        write_atomically(folder / "measured.csv", text.encode())
        write_atomically(folder / "experiment.toml", experiment.to_toml().encode())
        write_json(
            folder / "provenance.json",
            Provenance.of_experiment(experiment).as_dict() | {"size": self.size},
        )
        if figures:
            for stem, chart in claim.figures(tables, experiment).items():
                save_chart(chart, folder / stem)


def verdict_row(
    name: str, choice: ClaimChoice, prediction: Prediction, measured: Mapping[str, Measurement]
) -> VerdictRow:
    """Judge one prediction of a claim. Raises `UserError` if its quantity was not measured."""
    if prediction.quantity not in measured:
        raise unknown(f"{name}: a predicted quantity", prediction.quantity, measured)
    quantity = measured[prediction.quantity]
    return VerdictRow(
        number=choice.number,
        claim=name,
        quantity=prediction.quantity,
        predicted=format_prediction(prediction),
        measured=quantity.value,
        low=quantity.low,
        high=quantity.high,
        seeds=quantity.seeds,
        kind=quantity.kind,
        unit=quantity.unit,
        by_construction=prediction.by_construction,
        verdict=judge_prediction(prediction, quantity),
    )


def format_prediction(prediction: Prediction) -> str:
    """A prediction in words: `above 0.5`."""
    if prediction.says == "within":
        return f"within {prediction.low:g} to {prediction.high:g}"
    return f"{prediction.says} {prediction.value:g}"


def measurements_table(measured: Mapping[str, Measurement]) -> pl.DataFrame:
    """All measured quantities, predicted or not."""
    rows = [{"quantity": name} | asdict(quantity) for name, quantity in measured.items()]
    return pl.DataFrame(rows, schema=MEASUREMENT_COLUMNS)


def verdicts_table(results: Iterable[ClaimResult]) -> pl.DataFrame:
    """The verdicts on all predictions."""
    rows = [asdict(row) for result in results for row in result.rows]
    return pl.DataFrame(rows, schema=VERDICT_COLUMNS)


def save_chart(chart: Any, stem: Path) -> None:
    """Write a chart as PNG and SVG."""
    from evosim.figures import to_svg
    from evosim.figures.svg_export import export_svg

    svg = to_svg(chart.to_dict())
    for ending in (".png", ".svg"):
        export_svg(svg, stem.with_name(stem.name + ending))
