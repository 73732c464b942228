"""Exit codes and one-line errors of the command."""

from __future__ import annotations

import pytest

from evosim.cli import inspect as inspecting
from evosim.cli import main
from evosim.errors import Interrupted, Stop
from tests.support.command import evosim


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MemoryError("no 9 GiB."), 2, "out of memory: no 9 GiB. Make population"),
        (Interrupted("stopped by SIGTERM", 143), 143, "stopped by SIGTERM"),
        (Stop("the wall time", 75), 75, "stopped by the wall time; nothing was started"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (FileNotFoundError(2, "No such file", "x"), 2, "x cannot be used: No such file"),
    ],
)
def test_errors_have_a_line_and_an_exit_code(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    found, out, message = evosim(capsys, "list")
    assert (found, out) == (code, "")
    assert message.startswith(f"evosim: {line}")
    assert message.count("\n") == 1


def test_all_commands_have_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert inspecting.list_ in main.COMMANDS.values()
    _, out, _ = evosim(capsys, "--help")
    for name in (*main.COMMANDS, "sweep", "new"):
        assert f"  {name} " in out
