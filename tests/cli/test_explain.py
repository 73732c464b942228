"""The command `evosim explain`: entries wrapped to the terminal, and mistakes in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from evosim.cli.main import app


def explained(*words: str, width: int = 80) -> str:
    out = CliRunner().invoke(app, ["explain", *words], env={"COLUMNS": str(width)})
    assert out.exit_code == 0, out.output
    return out.output


@pytest.mark.parametrize("width", [40, 80])
def test_an_entry_is_wrapped_to_the_terminal(width: int) -> None:
    out = explained("WASTE", width=width)
    assert out.splitlines()[0] == "waste, masturbation"
    assert max(map(len, out.splitlines())) <= width
    assert "the loss by imperfect search (R3 - R4)" in " ".join(out.split())


def test_words_need_no_quotes() -> None:
    assert explained("left", "open") == explained("Left open")


def test_without_a_word_all_words_are_listed() -> None:
    out = " ".join(explained().split())
    assert all(word in out for word in ("shift", "left open", "R1h", "UserError"))


def test_an_unknown_word_is_one_line_and_exit_code_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evosim.cli", "explain", "wast"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "'waste'" in done.stderr
