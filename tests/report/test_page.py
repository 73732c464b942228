"""The page of a report is safe, complete and accessible in a browser."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evosim.analysis.terminology import AUTHORS
from evosim.report import build, elements
from tests.support.browser import Browser, browser_there, data_of
from tests.support.reports import HOSTILE, Tags


@pytest.mark.slow
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
    assert Tags(files["coarse-drive"].read_text(encoding="utf-8")).texts["h1"] == [HOSTILE]


@pytest.mark.slow
def test_reports_are_the_same_bytes_each_time(
    made: dict[str, Path], files: dict[str, Path], tmp_path: Path
) -> None:
    build.write([made["micro"]], tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == files["micro"].read_bytes()


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(
    fault: str, browser: Browser, files: dict[str, Path], tmp_path: Path
) -> None:
    text = files["search"].read_text(encoding="utf-8")
    assert FAULTS[fault][0] in text
    (tmp_path / "faulty.html").write_text(text.replace(*FAULTS[fault], 1), encoding="utf-8")
    browser.show(tmp_path / "faulty.html")
    assert any(words.startswith(fault) for words in browser.audit()), browser.audit()


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_tooltip_answers_and_the_numbers_stand_below(
    browser: Browser, files: dict[str, Path]
) -> None:
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    browser.show(files["coarse-drive"])
    figure = "#figure-part1-ladders"
    browser.hover(f"{figure} .mark-rect.role-mark path")
    told = browser.run(
        "const it = document.getElementById('vg-tooltip-element'); return it &&"
        " it.classList.contains('visible') ? it.innerText : ''"
    )
    assert re.search(r"\d\.\d+", told), told
    assert "stage" in told, told  # each number has a label next to it
    browser.run(f"document.querySelector('{figure} summary').focus()")
    browser.keys(Keys.ENTER)
    rows = WebDriverWait(browser.driver, 10).until(  # sections that open announce it later
        lambda _: browser.run(
            f"return [...document.querySelectorAll('{figure} .numbers tbody tr')].map((row) =>"
            " [...row.cells].map((cell) => cell.textContent))"
        )
    )
    assert rows
    described = data_of(files["coarse-drive"].read_text(encoding="utf-8"))
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


@pytest.mark.slow
def test_the_switch_changes_labels_and_no_number(browser: Browser, files: dict[str, Path]) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    browser.show(files["coarse-drive"])

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
        for step in ("representation", "dominance", "specification", "shift", "search", "hack")
    )
    assert len(browser.run(KEY)) == 7  # the shift has two
    assert "Shimi" in browser.run("return document.getElementById('said').textContent")
    browser.run(f"document.getElementById('author-{shimi}').focus()")
    browser.keys(Keys.ARROW_RIGHT)
    by_keys = browser.run(CALLED)
    assert numbers(by_keys) == numbers(before)
    assert all(label.startswith("davidad: ") for label in labels(by_keys))
    assert all(label.startswith("davidad: ") for label in browser.run(KEY))
    assert labels(by_keys)


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_report_fits_a_narrow_screen_and_paper(browser: Browser, files: dict[str, Path]) -> None:
    for name in ("coarse-drive", "sweep", "all"):
        browser.show(files[name], width=320, height=600)
        assert browser.run("return document.documentElement.scrollWidth") <= 320, name
    browser.show(files["coarse-drive"])
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


@pytest.mark.slow
def test_a_report_without_scripts_has_its_figures(browser: Browser, files: dict[str, Path]) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get(files["coarse-drive"].resolve().as_uri())
        html = Tags(browser.driver.page_source)
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    images = [attributes for tag, attributes in html.tags if tag == "img"]
    assert len(images) == len(data_of(files["coarse-drive"].read_text(encoding="utf-8"))["charts"])
    assert all(
        (attributes["src"] or "").startswith("data:image/") and len(attributes["alt"] or "") > 8
        for attributes in images
    )
    assert browser.run(
        "return [...document.images].every((image) => image.complete && image.naturalWidth > 100)"
    )


@pytest.mark.slow
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
