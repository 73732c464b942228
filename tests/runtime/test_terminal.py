"""Lines for a terminal: text from files cannot control it."""

from __future__ import annotations

import pytest

from evosim.runtime.terminal import echo


def test_control_characters_are_spelled_out(capsys: pytest.CaptureFixture[str]) -> None:
    echo("a\x1b[2Jb")
    echo("warning", err=True)
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out
    assert captured.out.startswith("a")
    assert captured.out.endswith("b\n")
    assert captured.err == "warning\n"
