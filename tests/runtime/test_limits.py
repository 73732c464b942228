"""A lack of memory, files or threads costs one line, and changes no number."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evosim import figures
from evosim.config.toml_files import MAX_KEY_PARTS, read_toml
from evosim.errors import UserError
from evosim.figures import drawing_engine
from evosim.figures.drawing_engine import DrawingEngine, NoDrawingEngine
from evosim.runtime import machine
from tests.support.command import evosim
from tests.support.paths import ROOT

GIB = 2**30


def limited(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(
        resource, "getrlimit", lambda which: (size, size) if which == resource.RLIMIT_AS else (0, 0)
    )


def test_too_few_addresses_are_one_line_with_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for size in (GIB // 4, GIB):
        limited(monkeypatch, size)
        code, out, err = evosim(capsys, "run", "micro")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"allows {size / GIB:.1f} GiB. Do 'ulimit -v " in err
    kilobytes = int(err.partition("Do 'ulimit -v ")[2].partition("'")[0])
    limited(monkeypatch, kilobytes * 1024)
    machine.check_addresses()
    limited(monkeypatch, resource.RLIM_INFINITY)
    machine.check_addresses()


def test_commands_that_need_little_are_not_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limited(monkeypatch, GIB // 2)
    for command in (["list", "worlds"], ["run", "--help"], ["--version"]):
        assert evosim(capsys, *command)[0] == 0


def test_figures_without_addresses_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limited(monkeypatch, 4 * GIB)
    with pytest.raises(
        NoDrawingEngine,
        match=(
            r"^figures need 66 GiB of address space .* allows 4\.0 GiB\. Draw them .*'evosim"
            r" figures FOLDER'\.$"
        ),
    ):
        figures.draw_charts(tmp_path / "figures", iter(()), ("svg",))
    assert not (tmp_path / "figures").exists()


@pytest.mark.slow
def test_a_drawing_engine_that_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {"vl_spec": {"mark": "point"}, "vl_version": figures.VERSION}
    mine = DrawingEngine()
    try:
        first = mine.ask("vegalite_to_svg", **drawn)
        assert first.startswith("<svg")
        process = mine._process
        assert process
        monkeypatch.setattr(process, "poll", lambda: None)  # it dies later than this is asked
        os.kill(process.pid, signal.SIGTRAP)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(
            NoDrawingEngine,
            match=(
                r"^figures need the drawing engine, but it ended with signal SIGTRAP\. Give it more"
                r" memory"
            ),
        ):
            mine.ask("vegalite_to_svg", **drawn)
        assert mine.ask("vegalite_to_svg", **drawn) == first
        with pytest.raises(ValueError, match=r"\w"):
            mine.ask("vegalite_to_svg", vl_spec={"mark": 3, "encoding": 1}, vl_version="no version")
    finally:
        mine.close()


def test_a_process_that_cannot_be_started_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(drawing_engine.subprocess, "Popen", refused)
    with pytest.raises(
        NoDrawingEngine,
        match=r"cannot be started: Resource temporarily unavailable\. Raise 'ulimit -u'",
    ):
        DrawingEngine().ask("vegalite_to_svg")


@pytest.mark.parametrize(
    "text",
    ["{0} = 1", "[{0}]\nx = 1", "[[{0}]]\nx = 1", "x = {{{0} = 1}}", 'x = "y"\n"a b".{0} = 1'],
)
def test_a_key_of_very_many_parts_is_one_line_at_once(tmp_path: Path, text: str) -> None:
    """The parser would take minutes for it."""
    file = tmp_path / "x.toml"
    file.write_text(text.format(".".join(["a"] * 100_000)))
    with pytest.raises(
        UserError,
        match=r"must hold at most 50 tables and lists within each other, but holds more\.",
    ):
        read_toml(file)


def test_many_dots_that_are_no_key_are_read(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    numbers, words = [0.5] * (2 * MAX_KEY_PARTS), "a." * 2 * MAX_KEY_PARTS
    file.write_text(f"numbers = {numbers}\nwords = {json.dumps(words)}\n")
    assert read_toml(file) == {"numbers": numbers, "words": words}


def test_a_wall_time_of_400_digits_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = evosim(capsys, "run", "micro", "--wall-time", "1" * 400)
    assert code == 2
    assert err.endswith("Write 90m for minutes, or 90s for seconds.\n")


@pytest.mark.parametrize("group", ["new", "sweep"])
def test_a_group_without_a_command_prints_its_help(
    capsys: pytest.CaptureFixture[str], group: str
) -> None:
    code, out, err = evosim(capsys, group)
    assert (code, err) == (0, "")
    assert f"evosim {group} [OPTIONS] COMMAND" in out
    assert out.count("\n") > 5


def test_the_end_of_a_file_is_no_ctrl_c(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parser takes it for one, and a command once said 'interrupted' of a damaged file."""

    def ends(*_: object) -> None:
        raise EOFError("Ran out of input")

    monkeypatch.setattr("evosim.config.registry.offered", ends)
    with pytest.raises(EOFError):
        evosim(capsys, "list")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_stop_nobody(closed: str) -> None:
    """The number of a closed stream goes to no other file."""
    code = (
        "import os; from evosim.cli import main as cli; cli.main = lambda: os._exit(sum(not"
        " os.path.exists(f'/proc/self/fd/{n}') for n in range(3))); cli.command()"
    )
    assert (
        subprocess.run(
            ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, code], cwd=ROOT, check=False
        ).returncode
        == 0
    )
