"""A small claim with known numbers, and parts for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.claims import claim_of
from evosim.claims.claim import Part
from evosim.claims.experiments import claim_experiment, with_settings
from evosim.claims.measurements import Measurement, mean_over_seeds
from evosim.claims.verdicts import judge_prediction
from evosim.config.schema import Experiment
from evosim.errors import UserError

NAME = "claim-99-test"
TEXT = """
name = "claim-99-test"
seed = 0
[world]
name = "micro"
[genome]
name = "planner"
[optimizer]
name = "sexual"
[[phases]]
world = "ancestral"
generations = 2
[claim]
number = 99
statement = "Numbers are positive."
quick = ["replicates=6"]
full = ["replicates=20"]
[[claim.predictions]]
quantity = "mean"
says = "above"
value = 0.0
"""


def numbers(seeds: int, shift: float) -> pl.DataFrame:
    """A part."""
    return pl.DataFrame({"x": np.arange(seeds) * 0.01 + shift})


def slow(seconds: float) -> pl.DataFrame:
    """A part that takes its time."""

    time.sleep(seconds)
    return pl.DataFrame({"x": [seconds]})


def wrong(seconds: float) -> pl.DataFrame:
    """A part that cannot be computed."""
    raise UserError(f"this must work, but takes {seconds}. Wait.")


def parts(experiment: Experiment) -> list[Part]:
    return [Part("some", numbers, (experiment.replicates, 1.0))]


def measure(tables: Any, experiment: Experiment) -> dict[str, Measurement]:
    return {"mean": mean_over_seeds(tables["some"]["x"])}


def figures(tables: Any, experiment: Experiment) -> dict[str, Any]:
    return {"some": alt.Chart(tables["some"]).mark_point().encode(x="x:Q")}


def evosim(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evosim.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )


def small_claim(name: str, *settings: str, size: str = "full") -> Experiment:
    """The experiment of a claim with other settings, and its predictions."""
    whole = claim_experiment(name, size)
    return with_settings(whole, *settings).model_copy(update={"claim": whole.claim})


def tables_of(experiment: Experiment) -> dict[str, pl.DataFrame]:
    """The tables of all parts of a claim."""
    return {
        part.name: part.make(*part.arguments)
        for part in claim_of(experiment.name).parts(experiment)
    }


def verdicts_of(name: str, measured: Mapping[str, Measurement]) -> dict[str, str]:
    """Verdicts on the predictions of a claim, by quantity."""
    choice = claim_experiment(name, "full").claim
    assert choice is not None
    return {p.quantity: judge_prediction(p, measured[p.quantity]) for p in choice.predictions}


def check_measured_and_drawn(experiment: Experiment, tables: Mapping[str, pl.DataFrame]) -> None:
    """All predictions are measured, intervals include their values, and figures can be drawn."""
    claim = claim_of(experiment.name)
    measured = claim.measure(tables, experiment)
    assert verdicts_of(experiment.name, measured)
    for quantity, found in measured.items():
        assert np.isfinite(found.value), quantity
        assert found.low is None or found.low <= found.value <= found.high, quantity  # type: ignore[operator]
    for chart in claim.figures(tables, experiment).values():
        assert "config" in chart.to_dict()
