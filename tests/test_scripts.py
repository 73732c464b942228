"""Studies: their settings are valid, and what they keep is there with its provenance."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.settings import setting

ROOT = Path(__file__).resolve().parent.parent
STUDIES = {
    "default_seeds": "birth-control",
    "horizon": "horizon",
    "reflexes": "reflexes",
    "robustness": "robustness",
    "temperature": "temperature",
    "waste": "waste",
}


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    yield
    for name in [*STUDIES, "study"]:
        sys.modules.pop(name, None)


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_every_script_is_listed_here() -> None:
    assert {path.stem for path in (ROOT / "scripts").glob("*.py")} == {*STUDIES, "study"}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_imports_and_says_how_to_run_it(name: str) -> None:
    module = script(name)
    assert callable(module.main)
    assert f"python scripts/{name}.py" in str(module.__doc__)


def test_every_variant_of_the_robustness_table_is_a_setting() -> None:
    variants = script("robustness").variants()
    assert len(variants) > 60
    for settings in variants.values():
        setting("birth-control", *settings)


@pytest.mark.parametrize("name", STUDIES.values())
def test_what_is_kept_has_provenance(name: str) -> None:
    folder = ROOT / "results" / name
    facts = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert facts["evosim"]
    assert facts["command"][0].endswith(".py")
    tables = list(folder.glob("*.csv"))
    assert tables
    for path in tables:
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert rows
        assert "nan" not in path.read_text(encoding="utf-8").lower().split(",")


def test_the_loss_stands_in_every_variant_that_was_tried() -> None:
    """Read from the kept table: the best ancestral genome loses in M, whatever parameter moved by a fifth."""
    with (ROOT / "results" / "robustness" / "robustness.csv").open(encoding="utf-8") as file:
        shares = {row["variant"]: float(row["R3_max_over_R2"]) for row in csv.DictReader(file)}
    assert max(shares.values()) < 1.0
    assert 0.2 < shares["default"] < 0.8
