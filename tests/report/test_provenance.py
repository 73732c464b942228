"""The files in a report repeat the run."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from evosim.config.resolve import resolve
from tests.support.reports import SWEEP, Tags


@pytest.mark.slow
def test_the_file_in_a_report_makes_the_same_run(
    made: dict[str, Path], files: dict[str, Path]
) -> None:
    for name in ("coarse-drive", "micro", "search"):
        codes = Tags(files[name].read_text(encoding="utf-8")).texts["code"]
        again = resolve(tomllib.loads(codes[1]))
        digest = json.loads((made[name] / "provenance.json").read_text(encoding="utf-8"))["digest"]
        assert again.digest() == digest
        assert digest in files[name].read_text(encoding="utf-8")
    sweep = Tags(files["sweep"].read_text(encoding="utf-8")).texts["code"]
    assert sweep[1] == SWEEP
