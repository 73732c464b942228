"""Warnings and last lines of commands."""

from __future__ import annotations

import pytest
from rich.console import Console

from evosim.cli import output
from evosim.config.experiments import read_experiment
from evosim.config.external_code import Choice
from evosim.config.resolve import resolve


def test_warnings_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    output.warn("be careful")
    assert capsys.readouterr() == ("", "evosim: be careful\n")


def test_usual_values_give_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    output.warn_of_unusual_values(resolve(read_experiment("micro")))
    output.warn_of_imports(Choice("micro"))  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("width", "lines"), [(80, 1), (20, 2)])
def test_the_time_follows_if_there_is_room(
    width: int, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_end(Console(width=width), "Tables: results/x", "(1.0 s)")
    assert len(capsys.readouterr().out.strip().splitlines()) == lines
