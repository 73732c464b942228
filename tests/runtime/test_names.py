"""Names: what cannot be shown is refused at the door, and what is shown cannot steer a terminal."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.table import Table

from evosim import worlds
from evosim.api.export import encoded
from evosim.config.experiments import read_experiment
from evosim.config.resolve import build, resolve
from evosim.errors import UserError
from evosim.report.elements import from_printed
from evosim.runtime import names, text_layout
from evosim.runtime.terminal import echo
from evosim.sweeps.schema import read_sweep
from evosim.worlds import micro

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = [
    "a\x1b[31mb",
    "a\x00",
    "a\x7f",
    "a\x9b",
    "\u202ea",
    "a\u2066",
    "a\u200b",
    "a\ufffe",
    "\ufdd0",
    "\ud800",
    "\U0001ffff",
    "a\u2028b",
    "a\u3164",
    "\ufeffa",
]
UNFIT = [*HOSTILE, "", "  ", "\u00a0", " a", "a ", "a\nb", "a\tb", "x" * 201]


@pytest.mark.parametrize("name", UNFIT, ids=ascii)
def test_a_name_that_does_not_show_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UserError) as caught:
        names.check_name(name, "a state")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name",
    ["[/]", "[red]", "<b>", "a b", "Zürich", "日本", "-1", "a/b", "x" * 200, "🦊", "a\u0301b"],
)
def test_a_name_that_shows_is_a_name(name: str) -> None:
    names.check_name(name, "a state")
    assert names.printable(name) == name


def test_two_names_that_look_alike_are_refused() -> None:
    with pytest.raises(UserError, match=r"'.' \(U\+00E9\) and '..' \(U\+0301\) look alike"):
        names.check_names(["\u00e9", "e\u0301"], "an act")
    names.check_names(["Eat", "eat"], "an act")


def renamed(**new: Any) -> Any:
    """Micro's entry with other names in both worlds."""

    def make(params: Any, modern: Any) -> worlds.WorldPair:
        pair = micro.build(params, modern)
        a, m = (dataclasses.replace(world, **new) for world in (pair.ancestral, pair.modern))
        return worlds.WorldPair("micro", a, m, pair.observe, pair.classes, "lie", {})

    return dataclasses.replace(worlds.WORLDS["micro"], build=make)


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        ("states", ("hungry", "f\x1bed", "dead")),
        ("acts", ("eat", "breed", "breed\ufffe", "display", "lie")),
        ("states", ("hungry", " ", "dead")),
        ("features", ("fullness", "pleasure", "vanity", "toil", "off\u202espring")),
        ("states", (1, 2, 3)),
    ],
)
def test_names_of_a_world_are_checked_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, kind: str, held: tuple[Any, ...]
) -> None:
    monkeypatch.setitem(worlds.WORLDS, "micro", renamed(**{kind: held}))
    with pytest.raises(
        UserError,
        match=(
            rf"a {kind.removesuffix('s')} of world 'micro' must|an? {kind.removesuffix('s')} of"
            r" world 'micro' must"
        ),
    ) as caught:
        build(resolve(read_experiment("micro")))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("key", ["title", "question", "expected"])
@pytest.mark.parametrize("text", ["a\x1b]0;x\x07", "a\u202eb", "a\ufffe", "\x7f"], ids=ascii)
def test_texts_of_an_experiment_are_checked(key: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{key} must be text that can be shown, but holds U"):
        resolve(read_experiment("micro") | {key: text})
    (tmp_path / "s.toml").write_text(
        f'name = "s"\nexperiment = "micro"\ntitle = {json.dumps(text)}\n'
    )
    with pytest.raises(UserError) as caught:
        read_sweep(tmp_path / "s.toml")
    assert str(caught.value).isprintable()


def test_a_question_may_have_lines_and_a_title_may_not() -> None:
    assert resolve(read_experiment("micro") | {"question": "One?\nTwo?"}).question == "One?\nTwo?"
    with pytest.raises(UserError, match=r"^title must be one line"):
        resolve(read_experiment("micro") | {"title": "One\nTwo"})


def told(thing: Any) -> str:
    """A text or a table as a screen shows it."""
    out = io.StringIO()
    screen = text_layout.Screen(file=out, width=100)
    text_layout.show(screen, thing) if isinstance(thing, Table) else screen.print(thing)
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["[/]", "[red]", "[bold]", "[bold]x", ":warning:", "[link=a]b[/link]"]
)
def test_markup_stands_for_itself(name: str) -> None:
    table = Table(title=name, box=None)
    table.add_column(name)
    table.add_row(name)
    assert told(table).split() == [name, name, name]
    assert told(name).strip() == name
    assert [cell.text for cell in from_printed(table).rows[0]] == [name]
    assert not from_printed(table).rows[0][0].strong


def test_bold_cells_are_bold_in_reports() -> None:
    table = Table()
    table.add_column("a")
    table.add_row(text_layout.bold("sum"))
    assert from_printed(table).rows[0][0].strong


def test_no_screen_reads_markup() -> None:
    """Consoles are made in one place, and lines of progress read none."""
    sources = [path for path in (ROOT / "evosim").rglob("*.py") if path.name != "layout.py"]
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert " Console(" not in text, path
        assert all(
            "markup=False" in given for given in re.findall(r"TextColumn\(([^()]*)\)", text)
        ), path


def test_a_terminal_is_not_steered(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "run\x1b]0;owned\x07 \u202ex\udcff"
    echo(hostile)
    echo(hostile, err=True)
    said = capsys.readouterr()
    assert said.out == said.err == "run\\x1b]0;owned\\x07 \\u202ex\\udcff\n"
    table = Table(title=hostile, caption=hostile)
    table.add_column(hostile)
    table.add_row(hostile)
    without_control_signs = told(table) + told(hostile) + told(text_layout.Text(hostile))
    assert "\x1b" not in without_control_signs
    assert "\x07" not in without_control_signs
    assert "\u202e" not in without_control_signs
    assert without_control_signs.count("\\x1b]0;owned") == 6


def test_what_no_picture_can_hold_is_spelled_out() -> None:
    described = {"title": "a\x1bb", "datasets": {"x": [{"act": "a\ufffe", "n": 1.5}, {"act": "b"}]}}
    assert names.without_control_signs(described) == {
        "title": "a\\x1bb",
        "datasets": {"x": [{"act": "a\\ufffe", "n": 1.5}, {"act": "b"}]},
    }
    plain = {"datasets": {"x": [{"act": "é\nb"}]}}
    assert names.without_control_signs(plain) is plain


def test_names_of_files_differ_and_fit_every_disk() -> None:
    given = [
        "behaviour.modern.acts.eat",
        "behaviour.modern.acts.Eat",
        "a/../b",
        "a\\b",
        "c:d",
        "日" * 200,
        "日" * 201,
    ]
    made = names.file_names(given)
    assert made["behaviour.modern.acts.eat"] == "behaviour-modern-acts-eat"
    assert len({name.casefold() for name in made.values()}) == len(given)
    assert all(
        len(name.encode()) < 160 and not set(name) & set('/\\:*?"<>|') for name in made.values()
    )


def test_a_spreadsheet_computes_no_text() -> None:
    table = pl.DataFrame(
        {
            "=x": ["=1+1", "@a", "+b", "-c", "\t=d", "plain", None, ""],
            "n": [-1.0, 2.0, -3.5, 4.0, 5.0, 6.0, 7.0, 8.0],
        }
    )
    assert encoded(table, "t", "csv") == table.write_csv().encode()
    safe = pl.read_csv(io.BytesIO(encoded(table, "t", "csv", spreadsheets=True)))
    assert safe.columns == ["'=x", "n"]
    assert safe["'=x"].to_list()[:6] == ["'=1+1", "'@a", "'+b", "'-c", "'\t=d", "plain"]
    assert safe["n"].to_list() == table["n"].to_list()
    with pytest.raises(UserError, match="--for-spreadsheets must be given for CSV"):
        encoded(table, "t", "json", spreadsheets=True)
