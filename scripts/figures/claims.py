"""Figures of the claims, from the tables that are kept beside their verdicts.

Claims whose parts are too large to keep (their kept tables are sums of them) are left out: `evosim
claims NAME --full` draws those.
"""

from __future__ import annotations

import importlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl

from evosim.claims.claim import Claim
from evosim.config.resolve import resolve
from figures import experiment

# What keeps all that was computed
WHOLE = next(field.default for field in fields(Claim) if field.name == "tables")


def draw(folder: Path) -> dict[str, Any]:
    """Charts by the claim's number and their own name, `claim-04-hack`."""
    out: dict[str, Any] = {}
    for study in sorted(folder.glob("claim-*")):
        _, number, name = study.name.split("-", 2)
        claim: Claim = importlib.import_module(f"evosim.claims.{name.replace('-', '_')}").CLAIM
        if claim.tables is not WHOLE:
            continue
        tables = {
            path.stem: pl.read_csv(path, infer_schema_length=None)
            for path in study.glob("*.csv")
            if path.stem != "measured"
        }
        out |= {
            f"claim-{number}-{stem}": chart
            for stem, chart in claim.figures(tables, resolve(experiment(study))).items()
        }
    return out
