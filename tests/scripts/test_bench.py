"""The benchmark times experiments as a user types them."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.mark.parametrize("names", [(), ("coarse-savanna",)])
def test_an_experiment_is_timed_as_typed(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a name it is `evosim run` alone, which runs the default experiment."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "scripts" / "benchmarks"))
    typed: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        typed.append(command[3:])
        return SimpleNamespace(stdout=json.dumps({"seconds": {"evolution": 2.0}}))

    monkeypatch.setattr(subprocess, "run", run)
    table, stages = importlib.import_module("bench").experiment(*names, warm=2)
    runs = [command for command in typed if command[0] == "run"]
    assert [command[: 1 + len(names)] for command in runs] == 3 * [["run", *names]]
    assert all(command[1 + len(names)] == "--json" for command in runs)
    assert table["run"].to_list() == ["cold", "warm 1", "warm 2", "--help", "--version"]
    assert stages == {"evolution": 2.0}
