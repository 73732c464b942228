"""Reports: one file that needs nothing else, says what the screen says, and can be used by
everybody. Looked at in a real browser.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evosim import api
from evosim.analysis.terminology import AUTHORS, LABELS
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.report import build, elements, page, runs
from evosim.report import charts as report_charts
from evosim.report.parameters import set_here
from evosim.runs import accounts, execute
from evosim.runs.landscape_search import explore
from evosim.runtime.timing import Clock
from evosim.sweeps.collect import collect
from evosim.sweeps.execute import begin
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.worker import run_chunk
from evosim.tables import formatting, screen, sentences
from tests.support.browser import Browser, browser_there, data_of, session
from tests.support.settings import quick

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    '</title><script>document.title = "taken"</script><img src="http://example.org/x.png"'
    ' onerror="document.title=1"> & "drive"'
)
SWEEP = """
name = "small"
title = "<i>Sizes</i> & mutations"
experiment = "micro"
replicates = 5
[set]
phases.0.generations = 6
phases.1.generations = 4
[grid]
optimizer.population = [10, 20]
genome.mutation_scale = [0.5, 4.0]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of two runs, a sweep and a search."""
    top = tmp_path_factory.mktemp("made")
    hostile = [
        f"title={json.dumps(HOSTILE)}",
        f"question={json.dumps(HOSTILE)}",
        f"expected={json.dumps(HOSTILE)}",
    ]
    for name, settings in (("greedy-genes", hostile), ("micro", ["replicates=2"])):
        experiment = resolve(apply_settings(read_experiment(name), quick(name, *settings)))
        recorded, _ = execute.run(experiment, out=top / name)
        accounts.analyze(recorded)
    (top / "sweep.toml").write_text(SWEEP, encoding="utf-8")
    written = read_sweep(top / "sweep.toml")
    store = begin(written, top / "sweep")
    for chunk in range(make_plan(written).chunks):
        run_chunk(store.folder, chunk)
    collect(store)
    search = resolve(
        apply_settings(
            read_experiment("claim-06-demons"), ["phases.0.generations=60", "replicates=2"]
        )
    )
    explore(search, out=top / "search", force=False, figures=False, clock=Clock())
    return {name: top / name for name in ("greedy-genes", "micro", "sweep", "search")}


@pytest.fixture(scope="module")
def files(made: dict[str, Path]) -> dict[str, Path]:
    """Reports of each, and one of all."""
    out = {}
    for name, folder in made.items():
        build.write([folder], folder / build.FILE)
        out[name] = folder / build.FILE
    out["all"] = made["micro"].parent / "all.html"
    build.write(list(made.values()), out["all"])
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with session() as found:
        yield found


class Tags(HTMLParser):
    """Start tags with their attributes, and the texts of some elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("h1", "code", "th", "td", "script"):
            self._open = [tag]
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = [name for name in self._open if name != tag]

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.texts[tag][-1] += data


def test_a_report_loads_nothing_and_escapes_text_of_files(files: dict[str, Path]) -> None:
    for path in files.values():
        tags = Tags(path.read_text(encoding="utf-8"))
        for tag, attributes in tags.tags:
            assert not {key for key in attributes if key.startswith("on")}, (tag, attributes)
            for key in ("src", "href", "srcset", "action"):
                assert (attributes.get(key) or "#").startswith(("#", "data:")), (tag, attributes)
        assert len(tags.texts["h1"]) == 1
        assert [attributes.get("type") for tag, attributes in tags.tags if tag == "script"] == [
            "application/json",
            "module",
            "module",
        ]
    assert Tags(files["greedy-genes"].read_text(encoding="utf-8")).texts["h1"] == [HOSTILE]


def test_numbers_are_those_of_the_screen(made: dict[str, Path], files: dict[str, Path]) -> None:
    run = api.load(made["greedy-genes"])
    assert isinstance(run, api.Run)
    cells = [
        text.strip()
        for kind in ("td", "th")
        for text in Tags(files["greedy-genes"].read_text(encoding="utf-8")).texts[kind]
    ]
    compared = 0
    parts = [
        (name, part)
        for name, texts in screen.accounts(run.typed_summary).items()
        for part in texts
        if not isinstance(part, str) and name != "ladder"
    ]
    for name, table in parts:
        for column in table.columns:
            for text in column.cells:
                assert any(cell.startswith(str(text).strip()) for cell in cells), (name, text)
                compared += 1
    ladder = runs.ladder(run.typed_summary, 0.95)
    for world, column in (("ancestral", 1), ("modern", 3)):
        shown = [row[column].text for row in ladder.rows if row[0].text.startswith("R")]
        assert shown == [
            formatting.number(value) for value in run.summary["ladder"][world]["rungs"].values()
        ]
    assert compared > 100
    text = files["greedy-genes"].read_text(encoding="utf-8")
    assert all(
        parts_of.partition("'")[0].partition("&")[0][:60] in text
        for parts_of in sentences.sentences(run.typed_summary)
    )


def test_the_file_in_a_report_makes_the_same_run(
    made: dict[str, Path], files: dict[str, Path]
) -> None:
    for name in ("greedy-genes", "micro", "search"):
        codes = Tags(files[name].read_text(encoding="utf-8")).texts["code"]
        again = resolve(tomllib.loads(codes[1]))
        digest = json.loads((made[name] / "provenance.json").read_text(encoding="utf-8"))["digest"]
        assert again.digest() == digest
        assert digest in files[name].read_text(encoding="utf-8")
    sweep = Tags(files["sweep"].read_text(encoding="utf-8")).texts["code"]
    assert sweep[1] == SWEEP


def test_reports_are_the_same_bytes_each_time(
    made: dict[str, Path], files: dict[str, Path], tmp_path: Path
) -> None:
    build.write([made["micro"]], tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == files["micro"].read_bytes()


def test_parameters_that_differ_from_the_defaults() -> None:
    experiment = resolve(
        apply_settings(
            read_experiment("birth-control"),
            ["optimizer.population=77", "genome.weights.solo.mutation=0.125"],
        )
    )
    rows = {row[0].text: [cell.text for cell in row[1:3]] for row in set_here(experiment).rows}
    assert rows["optimizer.population"] == ["77", "500"]
    assert rows["genome.weights.solo.mutation"] == ["0.125", "0.002"]
    assert rows["world.modern.contraception"] == ["true", "false"]
    assert rows["world.modern.death"][1] == str(experiment.world.ancestral["death"])
    assert not [
        key
        for key in rows
        if key.startswith(("genome.weights.ease.mutation", "world.ancestral.death", "analysis."))
    ]


def test_runs_stand_beside_each_other_with_what_differs(files: dict[str, Path]) -> None:
    text = files["all"].read_text(encoding="utf-8")
    assert "The runs beside each other" in text
    assert "Parameters in which they differ" in text
    for part in ("part1", "part2", "part3", "part4"):
        assert f'href="#{part}"' in text
        assert f'<h2 id="{part}">' in text


def test_every_author_has_a_label_for_every_step() -> None:
    for step in {label.partition(",")[0] for label in LABELS}:
        assert [author for author, _ in elements.called(step)] == list(AUTHORS)
        assert all(words for _, words in elements.called(step))
    assert "left open by the data: inner" in dict(elements.called("shift"))["Shimi"]
    assert dict(elements.called("shift"))["Wentworth, argument"] == "outer"
    assert elements.called("unfound") == ()


def test_data_are_rounded_below_what_is_read_and_kept_once() -> None:
    rows: list[dict[str, Any]] = [
        {"x": 1, "y": 0.1 + 0.2, "z": None},
        {"x": 2, "y": -1.23456789123, "z": "a"},
        {"x": 3, "y": 6.02214076e23, "z": True},
    ]
    data = report_charts.by_columns(rows)
    assert data == {
        "columns": ["x", "y", "z"],
        "rows": [[1, 0.3, None], [2, -1.2345679, "a"], [3, 6.0221408e23, True]],
    }
    for row, kept in zip(rows, data["rows"], strict=True):
        assert f"{row['y']:.4g}" == f"{kept[1]:.4g}"


def test_a_large_figure_stays_a_picture_and_says_so(
    made: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = build.contents([made["micro"]])
    whole = page.page(*told).decode()
    monkeypatch.setattr(page, "MOST", len(whole.encode()) - 1000)
    smaller = page.page(*told).decode()
    assert len(smaller.encode()) <= page.MOST
    assert len(data_of(smaller)["charts"]) == len(data_of(whole)["charts"]) - 1
    assert (whole.count("This figure is a picture"), smaller.count("This figure is a picture")) == (
        0,
        1,
    )
    assert smaller.count("<figure") == whole.count("<figure")
    monkeypatch.setattr(page, "MOST", 10_000)  # less than can be had
    least = page.page(*told).decode()
    assert data_of(least) == {"data": {}, "charts": {}, "manyPoints": page.MANY_POINTS}
    assert least.count("data:image/") == whole.count("data:image/")
    assert "vegaEmbed" not in least.replace(
        Path(page.HERE / "page.js").read_text(encoding="utf-8"), ""
    )
    described = {
        "mark": "point",
        "datasets": {"a": [{"x": i, "y": 1.0} for i in range(9)]},
        "data": {"name": "a"},
    }
    monkeypatch.setattr(report_charts, "MOST_SPEC", 50)
    monkeypatch.setattr(report_charts, "spec_of", lambda chart: described)
    (still,) = report_charts.ChartEmbedder().embed("x", [("y", None)])
    assert still.chart is None
    assert "would make the report hard to send" in still.why


def test_a_large_drawing_is_painted() -> None:
    def drawing(count: int) -> str:
        circles = "".join(f'<circle cx="{i % 60}" cy="{i % 53}" r="1"/>' for i in range(count))
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60">{circles}</svg>'

    few, many = drawing(10), drawing(10_000)
    assert report_charts.as_image(few).startswith("data:image/svg+xml;base64,")
    painted = report_charts.as_image(many)
    assert painted.startswith("data:image/png;base64,")
    assert len(painted) < len(many) / 10
    coloured = few.replace(
        "<circle", '<rect fill="url(#gradient_7)"/><linearGradient id="gradient_7"/><circle', 1
    )
    assert report_charts.as_image(coloured) == report_charts.as_image(
        coloured.replace("gradient_7", "gradient_12")
    )
    assert b'url(#drawn_0)"/><linearGradient id="drawn_0"' in base64.b64decode(
        report_charts.as_image(coloured).partition("base64,")[2]
    )


def test_nothing_is_written_where_a_report_cannot_be(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "mine.html"
    foreign.write_text("<html>mine</html>", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    folder = str(made["micro"])
    for arguments, words in (
        ([str(tmp_path / "nowhere")], "must be of folders"),
        ([str(tmp_path / "empty")], "must be a run's folder"),
        ([folder, folder + "/."], "given once"),
        ([folder, "--out", str(tmp_path)], "must be a file"),
        ([folder, "--out", str(tmp_path / "no" / "x.html")], "a folder that is there"),
        ([folder, "--out", str(foreign)], "a report must not be written over what is there"),
    ):
        out = subprocess_of("report", *arguments) if arguments[0].endswith("nowhere") else None
        if out:
            assert (out.returncode, out.stderr.count("\n")) == (2, 1), out.stderr
        with pytest.raises(UserError, match=words):
            CliRunner().invoke(
                commands_app(),
                ["report", *arguments],
                catch_exceptions=False,
                standalone_mode=False,
            )
    assert foreign.read_text(encoding="utf-8") == "<html>mine</html>"

    def broken(*_: Any) -> bytes:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(page, "page", broken)
    with pytest.raises(RuntimeError):
        build.write([made["micro"]], tmp_path / "half.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "mine.html"]


def commands_app() -> Any:
    from evosim.cli.main import app

    return app


def subprocess_of(*arguments: str) -> subprocess.CompletedProcess[str]:
    import sys

    return subprocess.run(
        [sys.executable, "-m", "evosim.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_the_command_writes_into_the_folder_and_over_its_own(
    made: dict[str, Path], files: dict[str, Path]
) -> None:
    before = files["search"].read_bytes()
    told = CliRunner().invoke(
        commands_app(), ["report", str(made["search"]), "--json"], standalone_mode=False
    )
    assert json.loads(told.stdout)["file"] == str(files["search"])
    assert json.loads(told.stdout)["bytes"] == len(before)
    assert files["search"].read_bytes() == before


def test_a_sweep_tells_what_varies_and_what_is_missing(files: dict[str, Path]) -> None:
    tags = Tags(files["sweep"].read_text(encoding="utf-8"))
    cells = [text.strip() for kind in ("td", "th") for text in tags.texts[kind]]
    assert {"optimizer.population", "genome.mutation_scale", "10; 20", "0.5; 4"} <= set(cells)
    assert "4 cells, 5 seeds (the same in every cell), 20 runs" in files["sweep"].read_text(
        encoding="utf-8"
    )
    assert tags.texts["h1"] == ["<i>Sizes</i> & mutations"]


def test_the_whole_of_a_report_in_a_browser(browser: Browser, files: dict[str, Path]) -> None:
    for name, path in files.items():
        browser.show(path)
        charts = data_of(path.read_text(encoding="utf-8"))["charts"]
        assert charts
        assert browser.run(
            "return [...document.querySelectorAll('[data-chart]')].filter((place) =>"
            " place.querySelector('svg.marks, canvas.marks')).length"
        ) == len(charts), name
        report_charts = re.findall(
            r'data-chart="([^"]+)"><img src="[^"]*" width="(\d+)" height="(\d+)"',
            path.read_text(encoding="utf-8"),
        )
        live = browser.run(
            "return [...document.querySelectorAll('[data-chart]')].map((place) => { const box ="
            " place.querySelector('svg.marks, canvas.marks').getBoundingClientRect(); return"
            " [place.dataset.chart, box.width, box.height]; })"
        )
        assert len(live) == len(report_charts)
        # The engine draws what the picture showed, and not an empty frame
        for (chart, *size), (same, *drawn) in zip(live, report_charts, strict=True):
            assert chart == same
            assert all(
                0.8 < now / int(then) < 1.25 for now, then in zip(size, drawn, strict=True)
            ), (name, chart, size, drawn)
        assert browser.audit() == [], name
        for author in range(len(AUTHORS) + 1):  # labels are texts as well
            browser.run(f"(document.getElementById('author-{author}') || {{click() {{}}}}).click()")
        assert browser.audit() == [], name
        assert browser.complaints() == [], name
        assert browser.run("return document.title") != "taken"


FAULTS = {
    "an image has no name": ('role="img" aria-label="', 'role="img" aria-title="'),
    "something asks a network": (
        "</main>",
        '<img alt="a picture of something" src="https://example.org/a.png"></main>',
    ),
    "an id is not unique": ("</main>", '<p id="main">again</p></main>'),
    "headings: h5 after h3": ("</main>", "<h3>deep</h3><h5>deeper</h5></main>"),
    "contrast": ("--quiet: #4d4d4d", "--quiet: #b0b0b0"),
    "a table has no caption": ("<caption ", "<caption></caption><caption "),
    "a control or region has no name": ("</main>", "<button></button></main>"),
    "a link leads nowhere": ("</main>", '<a href="#nowhere">there</a></main>'),
    "what scrolls cannot be reached": (
        "</main>",
        '<div style="overflow-x:auto;width:5rem"><p style="width:50rem">long</p></div></main>',
    ),
    "a heading of a table has no scope": ('<th scope="row"', "<th"),
    "landmarks": ("</footer>", "</footer><footer>again</footer>"),
    "the page names no language": ('<html lang="en">', "<html>"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(
    fault: str, browser: Browser, files: dict[str, Path], tmp_path: Path
) -> None:
    text = files["search"].read_text(encoding="utf-8")
    assert FAULTS[fault][0] in text
    (tmp_path / "faulty.html").write_text(text.replace(*FAULTS[fault], 1), encoding="utf-8")
    browser.show(tmp_path / "faulty.html")
    assert any(words.startswith(fault) for words in browser.audit()), browser.audit()


def test_a_script_that_is_not_ours_does_not_run(
    browser: Browser, files: dict[str, Path], tmp_path: Path
) -> None:
    text = (
        files["search"]
        .read_text(encoding="utf-8")
        .replace("</main>", "<script>document.title = 'taken'</script></main>", 1)
    )
    (tmp_path / "faulty.html").write_text(text, encoding="utf-8")
    browser.show(tmp_path / "faulty.html")
    assert browser.run("return document.title") != "taken"
    assert any("Content Security Policy" in words for words in browser.complaints())


def test_a_tooltip_answers_and_the_numbers_stand_below(
    browser: Browser, files: dict[str, Path]
) -> None:
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    browser.show(files["greedy-genes"])
    figure = "#figure-part1-ladders"
    browser.hover(f"{figure} .mark-rect.role-mark path")
    told = browser.run(
        "const it = document.getElementById('vg-tooltip-element'); return it &&"
        " it.classList.contains('visible') ? it.innerText : ''"
    )
    assert re.search(r"\d\.\d+", told), told
    assert "stage" in told, told  # what a number is stands beside it
    browser.run(f"document.querySelector('{figure} summary').focus()")
    browser.keys(Keys.ENTER)
    rows = WebDriverWait(browser.driver, 10).until(  # what opens tells of it later
        lambda _: browser.run(
            f"return [...document.querySelectorAll('{figure} .numbers tbody tr')].map((row) =>"
            " [...row.cells].map((cell) => cell.textContent))"
        )
    )
    assert rows
    described = data_of(files["greedy-genes"].read_text(encoding="utf-8"))
    data = [
        row
        for name in described["charts"]["part1-ladders"]["data"]
        for row in described["data"][name]["rows"]
    ]
    assert [[shown(value) for value in row] for row in data] == rows
    assert browser.audit() == []


def shown(value: Any) -> str:
    """A value as the page writes it."""
    if value is None:
        return "\u2013"
    return str(value) if isinstance(value, str) else js_number(float(f"{value:.6g}"))


def js_number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


CALLED = """
const shown = (element) => element.checkVisibility();
const rows = [...document.querySelectorAll('#part1-accounts-ladder ~ .wide tbody tr')];
const texts = (nodes, between) => nodes.map((node) => node.textContent).join(between);
const plain = (node) => node.nodeType === 3 || node.tagName === 'SMALL';
return rows.slice(0, 12).map((row) => [...row.cells].map((cell) =>
  texts([...cell.childNodes].filter(plain), ' ') + '|' +
  texts([...cell.querySelectorAll('.by')].filter(shown), ';')));
"""
KEY = (
    "return [...document.querySelectorAll('#figure-part1-ladders .by')].filter((label) =>"
    " label.checkVisibility()).map((label) => label.textContent)"
)


def test_the_switch_changes_labels_and_no_number(browser: Browser, files: dict[str, Path]) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    browser.show(files["greedy-genes"])

    def numbers(rows: list[list[str]]) -> list[list[str]]:
        return [[cell.partition("|")[0] for cell in row] for row in rows]

    def labels(rows: list[list[str]]) -> list[str]:
        return [cell.partition("|")[2] for row in rows for cell in row if cell.partition("|")[2]]

    before = browser.run(CALLED)
    assert len(before) >= 6
    assert labels(before) == []
    assert browser.run(KEY) == []
    shimi = AUTHORS.index("Shimi") + 1
    browser.driver.find_element(By.CSS_SELECTOR, f"label:has(#author-{shimi})").click()
    by_mouse = browser.run(CALLED)
    assert numbers(by_mouse) == numbers(before)
    assert f"Shimi: {dict(elements.called('hack'))['Shimi']}" in labels(by_mouse)
    assert len(labels(by_mouse)) == sum(
        bool(elements.called(step))
        for step in ("representation", "specification", "shift", "search", "hack")
    )
    assert len(browser.run(KEY)) == 6  # the shift has two
    assert "Shimi" in browser.run("return document.getElementById('said').textContent")
    browser.run(f"document.getElementById('author-{shimi}').focus()")
    browser.keys(Keys.ARROW_RIGHT)
    by_keys = browser.run(CALLED)
    assert numbers(by_keys) == numbers(before)
    assert all(label.startswith("davidad: ") for label in labels(by_keys))
    assert all(label.startswith("davidad: ") for label in browser.run(KEY))
    assert labels(by_keys)


def test_keys_lead_past_the_contents(browser: Browser, files: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.show(files["micro"])
    browser.keys(Keys.TAB)
    assert browser.run("return document.activeElement.className") == "skip"
    assert browser.run(
        "const box = document.activeElement.getBoundingClientRect(); return box.left >= 0 &&"
        " box.top >= 0"
    )
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    browser.keys(Keys.ENTER)
    assert browser.run("return document.activeElement.id") == "main"


def test_a_report_fits_a_narrow_screen_and_paper(browser: Browser, files: dict[str, Path]) -> None:
    for name in ("greedy-genes", "sweep", "all"):
        browser.show(files[name], width=320, height=600)
        assert browser.run("return document.documentElement.scrollWidth") <= 320, name
    browser.show(files["greedy-genes"])
    printed = base64.b64decode(browser.driver.print_page())
    assert printed.startswith(b"%PDF")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not browser.run("return document.querySelector('nav').checkVisibility()")
        assert browser.run(
            "return [...document.querySelectorAll('.wide')].every((box) =>"
            " getComputedStyle(box).overflowX === 'visible')"
        )
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_report_without_scripts_has_its_figures(browser: Browser, files: dict[str, Path]) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get(files["greedy-genes"].resolve().as_uri())
        html = Tags(browser.driver.page_source)
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    images = [attributes for tag, attributes in html.tags if tag == "img"]
    assert len(images) == len(data_of(files["greedy-genes"].read_text(encoding="utf-8"))["charts"])
    assert all(
        (attributes["src"] or "").startswith("data:image/") and len(attributes["alt"] or "") > 8
        for attributes in images
    )
    assert browser.run(
        "return [...document.images].every((image) => image.complete && image.naturalWidth > 100)"
    )


def test_a_report_is_drawn_where_there_is_no_network(
    files: dict[str, Path], tmp_path: Path
) -> None:
    there, alone = browser_there(), shutil.which("unshare")
    if (
        not there
        or not alone
        or subprocess.run([alone, "-rn", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("a process without network cannot be had here")
    command = [
        alone,
        "-rn",
        there[0],
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=20000",
        "--timeout=60000",
        "--dump-dom",
        files["micro"].resolve().as_uri(),
    ]
    dumped = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"HOME": str(tmp_path)},
    ).stdout
    assert 'data-rendered="yes"' in dumped
    assert dumped.count('class="marks"') == len(
        data_of(files["micro"].read_text(encoding="utf-8"))["charts"]
    )


def test_without_a_browser_tests_fail_if_one_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support import browser as module

    monkeypatch.setattr(module, "browser_there", lambda: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception):
        module.wanted()
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception):
        module.wanted()


def test_figures_of_the_first_runs_alone_keep_a_report_small(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, out = (
        [made["micro"], made["greedy-genes"], made["search"], made["sweep"]],
        tmp_path / "many.html",
    )
    heard: list[tuple[int, int]] = []
    size, left_out = build.write(folders, out, lambda done, total: heard.append((done, total)))
    assert (left_out, heard[-1]) == ([], (8, 8))
    assert [done for done, _ in heard] == list(range(1, 9))
    drawings = {
        i: len(
            "".join(
                re.findall(
                    rf'id="figure-part{i}-.*?src="([^"]*)"',
                    out.read_text(encoding="utf-8"),
                    re.DOTALL,
                )
            )
        )
        for i in range(1, 5)
    }
    assert all(drawings.values())
    texts = len(page._page(*without_pictures(folders))) + len(page.engine())
    monkeypatch.setattr(page, "MOST", texts + drawings[1] + drawings[2] + drawings[3] // 2 + 40_000)
    size, left_out = build.write(folders, out)
    text = out.read_text(encoding="utf-8")
    assert size == len(text.encode()) <= page.MOST
    # From the first that does not fit, none
    assert left_out == [str(made["search"]), str(made["sweep"])]
    assert set(re.findall(r'id="figure-(part\d)', text)) == {"part1", "part2"}
    for folder in left_out:
        assert text.count(f"A report of it alone has them: &#39;evosim report {folder}&#39;.") == 1
    monkeypatch.setattr(page, "MOST", texts - 5_000)
    size, left_out = build.write(folders, out)
    text = out.read_text(encoding="utf-8")
    assert size <= page.MOST
    assert left_out == [str(folder) for folder in folders]
    cut = [i for i in range(1, 5) if f'id="part{i}-provenance"' not in text]
    assert cut == list(range(5 - len(cut), 5))  # the last ones
    assert text.count("The accounts, parameters and figures of this") == len(cut) > 0
    monkeypatch.setattr(page, "MOST", 900_000)
    with pytest.raises(
        UserError,
        match=r"must stay below 0\.9 MB, but summaries of 4 folders do not\. Give fewer folders\.",
    ):
        build.write(folders, tmp_path / "no.html")
    assert not (tmp_path / "no.html").exists()


def without_pictures(folders: list[Path]) -> Any:
    nothing = report_charts.ChartEmbedder()
    nothing.bytes_left = -1
    chapters = [
        build._chapter(f"part{i + 1}", api.load(folder), nothing, every_figure=False)
        for i, folder in enumerate(folders)
    ]
    return chapters, [], nothing
