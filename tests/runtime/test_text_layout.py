"""Nothing that a terminal shows is cut: every table of every command, on narrow and wide terminals,
over real output.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from evosim import verify
from evosim.analysis.recorded_run import Recorded
from evosim.runs import accounts
from evosim.runtime import checksums, text_layout
from tests.support.command import evosim
from tests.support.settings import command

WIDTHS = (40, 60, 80, 120, 200)
WIDE = 1000  # all columns fit into the width
SWEEP = """
name = "trial"
experiment = "micro"
replicates = 5
[set]
"phases.0.generations" = 4
"phases.1.generations" = 3
[grid]
"world.modern.breed_danger" = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
"optimizer.population" = [20, 30]
"""
LONG = f"genome.weights.toil.alleles=[{','.join(str(i / 10) for i in range(20))}]"
COMMANDS = {
    "run": ["run", "theorem", "--no-figures", "--out", "theorem"],
    "changed": [*command("micro", LONG), "--no-figures", "--replicates", "5", "--out", "other"],
    "analyze": ["analyze", "greedy", "--labels", "--details"],
    "rungs": ["analyze", "greedy", "--rungs"],
    "class": ["analyze", "run", "--class", "5", "--loses-at-most", "0.5", "--never", "dead"],
    "compare": ["compare", "run", "other"],
    "list": ["list"],
    "figures": ["figures", "--list"],
    "export": ["export", "run", "--list"],
    "verify": ["verify", "--list"],
    "law": ["verify", "driver-spread", "--details"],
    "claims": ["claims", "--list"],
    "status": ["sweep", "status", "sweep"],
    "sweep": ["sweep", "analyze", "sweep", "--of", "*"],
    "search": [
        "run",
        "claim-06-demons",
        "--set",
        "phases.0.generations=300",
        "--replicates",
        "5",
        "--no-figures",
        "--out",
        "search",
    ],
    "help": ["--help"],
    "help of run": ["run", "--help"],
    "help of sweep": ["sweep", "--help"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs, a sweep and a search, which all tests share."""
    folder = tmp_path_factory.mktemp("layout")
    with pytest.MonkeyPatch.context() as patch, pytest.MonkeyPatch.context() as wide:
        patch.chdir(folder)
        wide.setenv("COLUMNS", "200")
        (folder / "trial.toml").write_text(SWEEP)
        greedy = [*command("coarse-drive"), "--replicates", "5", "--no-figures", "--out", "greedy"]
        micro = [*command("micro"), "--replicates", "5", "--no-figures", "--out", "run"]
        for arguments in (
            greedy,
            micro,
            COMMANDS["run"],
            COMMANDS["changed"],
            COMMANDS["search"],
            ["sweep", "run", "trial.toml", "--out", "sweep", "--workers", "1"],
        ):
            _run(arguments)
    return folder


def _run(arguments: list[str]) -> None:
    import contextlib
    import sys

    from evosim.cli import main

    before, sys.argv = sys.argv, ["evosim", *arguments]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            main.main()
    finally:
        sys.argv = before


def words(out: str) -> set[str]:
    """The words and numbers of an output, without rules, times, and the colons of rows that are
    printed as lists.
    """
    out = re.sub(r"\([0-9.]+ s[^)]*\)", "", out)
    return {word.rstrip(":") for word in out.split() if set(word) - {"─"}}


@pytest.fixture
def computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first command computes its numbers; the same command again only prints them."""
    summary_of, check_laws = accounts.summary_of, verify.check_laws
    known: list[Any] = []

    def summary_again(recorded: Recorded, *, again: bool) -> Any:
        known.append(recorded.folder)
        return summary_of(recorded, again=again and known.count(recorded.folder) == 1)

    def verdicts_again(*chosen: Any, on_verdict: Callable[[Any], object], **options: Any) -> Any:
        if not known:
            return known.append(check_laws(*chosen, on_verdict=on_verdict, **options)) or known[0]
        for verdict in known[0]:
            on_verdict(verdict)
        return known[0]

    monkeypatch.setattr(accounts, "summary_of", summary_again)
    monkeypatch.setattr(verify, "check_laws", verdicts_again)


@pytest.mark.slow
@pytest.mark.usefixtures("computed_once")
@pytest.mark.parametrize("name", COMMANDS)
def test_no_width_cuts_a_word_or_a_number(
    capsys: pytest.CaptureFixture[str], made: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(made)
    seen = {}
    for width in (WIDE, *WIDTHS):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, err = evosim(capsys, *COMMANDS[name])
        assert code == 0, err
        assert "\u2026" not in out
        assert not re.search(r"\w\.\.\.(?!\S)", out), "the beginning of a word or a sentence"
        seen[width] = words(out)
        # (lines for grep; the parser's own)
        if name not in ("list", "status") and not name.startswith("help"):
            assert [
                line
                for line in out.splitlines()
                if len(line.rstrip()) > width
                and " " in line.strip()
                and "already holds" not in line
            ] == []
    for width in WIDTHS:
        if not name.startswith("help"):  # the parser's help breaks at hyphens too
            assert seen[width] == seen[WIDE], width


def test_a_title_is_as_wide_as_the_terminal_not_as_its_table() -> None:
    console = Console(width=60, record=True, file=io.StringIO())
    table = Table("act", title="Steps of the ladder by act, and what each loses")
    text_layout.show(console, table)
    assert (
        console.export_text().splitlines()[0] == "Steps of the ladder by act, and what each loses"
    )


@pytest.mark.parametrize("width", range(40, 201, 7))
def test_a_table_of_long_names_and_large_numbers_is_whole(width: int) -> None:
    name, number, sentence = (
        "world.ancestral.contraceptive_pleasure_of_all_acts",
        "1000090.000",
        "a sentence of many words " * 9,
    )
    console = Console(width=width, record=True, file=io.StringIO())
    table = Table(title=sentence, caption=sentence)
    table.add_column("parameter [x]", justify="left")
    for heading in ("representation A", "lost", "what it is"):
        table.add_column(heading, justify="left" if heading == "what it is" else "right")
    table.add_row(name, number, f"[{number}, {number}]", sentence)
    table.add_row(text_layout.bold("sum"), text_layout.bold(number), "-", "\u4e16\u754c " * 20)
    text_layout.show(console, table)
    out = console.export_text()
    for word in (
        name,
        number,
        f"[{number},",
        "representation",
        "[x]",
        "sum",
        "\u4e16\u754c",
        "sentence",
        "many",
    ):
        assert word in out.replace("\n", " ").split() or f"{word}:" in out.split() or word == "[x]"
    assert "\u2026" not in out
    assert out.count(number) == 4
    assert "[bold]" not in out


@pytest.mark.slow
def test_words_of_a_packaged_experiment_stay_with_its_settings(
    capsys: pytest.CaptureFixture[str], made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Title, question and expectation are of the packaged settings: seeds leave them true, other
    settings do not.
    """
    monkeypatch.chdir(made)
    title, expected = "Outer alignment + no generalization error", "0 to rounding"

    def shown(*arguments: str) -> str:
        code, out, err = evosim(capsys, "show", *arguments)
        assert code == 0, err
        return out

    assert title in shown("theorem")
    for true in ("seed=5", "replicates=3", "analysis.bootstrap=300"):
        assert title in (out := shown("theorem", "--set", true))
        assert expected in out
    for changed in ("world.ancestral.death=0.2", "world.modern.death=0.2", "analysis.restarts=3"):
        assert title not in (out := shown("theorem", "--set", changed))
        assert expected not in out
        assert 'title = "theorem, changed"' in out
    packaged = shown("theorem")
    copy = packaged.replace('name = "theorem"', 'name = "mine"', 1)
    Path("mine.toml").write_text(copy)
    assert title in shown("mine.toml")
    assert expected not in shown("mine.toml", "--set", "world.modern.death=0.2")
    Path("mine.toml").write_text(
        re.sub(r"^title = .*$", 'title = "My own words"', copy, flags=re.MULTILINE)
    )
    assert "My own words" in (out := shown("mine.toml", "--set", "world.modern.death=0.2"))
    assert expected not in out
    code, out, _ = evosim(capsys, "analyze", "other")
    assert code == 0
    assert "expected:" not in out
    assert out.splitlines()[0] == "micro, changed"
    shutil.copytree("other", "old")  # a run that was recorded with the words of another
    text = Path("old/experiment.toml").read_text()
    Path("old/experiment.toml").write_text(
        re.sub(
            r"^title = .*$", f"title = {_title_of('micro')!r}", text, count=1, flags=re.MULTILINE
        )
    )
    checksums.write_sums(Path("old"), ["experiment.toml"], checksums.read_sums(Path("old")))
    assert evosim(capsys, "analyze", "old")[1].splitlines()[0] == "micro, changed"


def _title_of(name: str) -> str:
    from evosim.config.experiments import read_experiment

    return str(read_experiment(name)["title"])
