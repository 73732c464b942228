"""Figures: sizes in print, letters, formats, colours that can be told apart, words, and the
gallery.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pytest

from evosim.cli import gallery
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.figures import FIGURES, Source, charts_of, html, to_svg
from evosim.figures.page_layout import SIZES, broken, fit_to_column, text_width, width_of
from evosim.figures.theme import (
    ACT_COLOURS,
    ARM_COLOURS,
    ARM_DASHES,
    KIND_COLOURS,
    LOCUS_COLOURS,
    LOCUS_DASHES,
    PLACES,
    TERM_COLOURS,
    TERM_DASHES,
    WORLD_COLOURS,
    WORLD_DASHES,
    locus_scales,
    themed,
)
from evosim.runs import execute, figures
from tests.support.command import evosim
from tests.support.settings import quick
from tests.support.sweeps import begun, compute

ROOT = Path(__file__).resolve().parents[2]
MILLIMETRES = {"one": 85.0, "two": 178.0}
LEAST_POINTS = 6.0

# Colours

LINES, AREAS = 15.0, 6.5  # of lightness, between lines and between touching areas of equal dash
UNLIKE = 9.0  # of CIELAB, as the red-green blind see them
BLIND = {  # Machado, Oliveira and Fernandes (2009), severity 1
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
Palette = dict[str, tuple[str, tuple[float, ...]]]


def linear(colour: str) -> Any:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: Any) -> Any:
    """CIELAB of linear RGB, D65."""
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ np.clip(rgb, 0.0, 1.0)
        / [0.9505, 1.0, 1.089]
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16.0 / 116.0)
    return np.array([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


def alike(palette: Palette, apart: float) -> list[tuple[str, str, str]]:
    """Pairs that cannot be told apart in grey, or by the red-green blind, and have the same
    dashes.
    """
    out = []
    for (one, (colour, dash)), (other, (second, second_dash)) in itertools.combinations(
        palette.items(), 2
    ):
        if dash != second_dash:
            continue
        a, b = linear(colour), linear(second)
        if abs(lab(a)[0] - lab(b)[0]) < apart:
            out.append((one, other, "grey"))
        out += [
            (one, other, kind)
            for kind, m in BLIND.items()
            if np.linalg.norm(lab(np.array(m) @ a) - lab(np.array(m) @ b)) < UNLIKE
        ]
    return out


def dashed(
    names: Sequence[str], colours: Sequence[str], dashes: Sequence[Sequence[float]]
) -> Palette:
    return {
        name: (colour, tuple(dash))
        for name, colour, dash in zip(names, colours, dashes, strict=True)
    }


LINE_PALETTES = {
    "worlds": dashed(WORLD_COLOURS.domain, WORLD_COLOURS.range, WORLD_DASHES.range),
    "loci": dashed([str(i) for i in range(9)], LOCUS_COLOURS, LOCUS_DASHES),
    "terms": dashed(
        list(TERM_COLOURS),
        list(TERM_COLOURS.values()),
        [TERM_DASHES[name] for name in TERM_COLOURS],
    ),
    "arms": dashed(["run", "fair", "absent"], ARM_COLOURS, ARM_DASHES),
}
IN_ANCESTRAL = ("waste", "misspecified", "upkeep")
IN_MODERN = (
    "misspecified",
    "novel",
    "missed",
    "stale",
    "amplified",
    "inherited",
    "upkeep",
    "no overlap",
)
AREA_PALETTES = {
    "kinds in A": {name: (KIND_COLOURS[name], ()) for name in IN_ANCESTRAL},
    "kinds in M": {name: (KIND_COLOURS[name], ()) for name in IN_MODERN},
    "acts": {str(i): (colour, ()) for i, colour in enumerate(ACT_COLOURS)},
}


@pytest.mark.parametrize("name", LINE_PALETTES)
def test_lines_can_be_told_apart(name: str) -> None:
    assert alike(LINE_PALETTES[name], LINES) == []


@pytest.mark.parametrize("name", AREA_PALETTES)
def test_touching_areas_can_be_told_apart(name: str) -> None:
    assert alike(AREA_PALETTES[name], AREAS) == []


def test_a_bad_palette_is_seen() -> None:
    red_green = dashed(["a", "b"], ["#D55E00", "#009E73"], [[1, 0], [1, 0]])  # equally light
    assert ("a", "b", "grey") in alike(red_green, LINES)
    assert alike(dashed(["a", "b"], ["#D55E00", "#009E73"], [[1, 0], [3, 2]]), LINES) == []
    assert {
        kind
        for _, _, kind in alike(dashed(["a", "b"], ["#E69F00", "#9FBF20"], [[1, 0], [1, 0]]), 0.0)
    } & set(BLIND)


def test_a_desire_has_one_colour_wherever_it_is() -> None:
    for names in (
        ["ease", "company", "pleasure", "solo", "young"],
        ["pleasure", "vanity", "fullness"],
        ["red", "door", "ease"],
    ):
        colours, dashes = locus_scales(names)
        assert colours.domain == names
        assert colours.range == [LOCUS_COLOURS[PLACES[name]] for name in names]
        assert dashes.range == [LOCUS_DASHES[PLACES[name]] for name in names]
    unknown = [f"wish {i}" for i in range(9)]
    assert len(set(locus_scales(unknown)[0].range)) == 9


# A run's figures


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    chosen = resolve(
        apply_settings(
            read_experiment("micro"), [*quick("micro"), "replicates=2", "optimizer.population=30"]
        )
    )
    run, _ = execute.run(chosen, out=tmp_path_factory.mktemp("figures") / "run")
    return figures.source_of(run)


@pytest.fixture(scope="module")
def described(source: Source) -> dict[str, dict[str, Any]]:
    return {name: chart.to_dict() for name, chart in charts_of(source, list(FIGURES))}


def units(chart: Any) -> Iterator[dict[str, Any]]:
    if isinstance(chart, dict):
        if "mark" in chart:
            yield chart
        for part in chart.values():
            yield from units(part)
    elif isinstance(chart, list):
        for part in chart:
            yield from units(part)


def points_of(svg: str) -> list[float]:
    """Sizes of all letters, in points of the page."""
    found = re.match(r'<svg[^>]* width="([\d.]+)mm"[^>]*viewBox="0 0 ([\d.]+) ', svg)
    assert found
    scale = float(found[1]) / 25.4 * 72.0 / float(found[2])
    return [float(size) * scale for size in re.findall(r'font-size="([\d.]+)px"', svg)]


def test_every_figure_says_numbers_and_answers(described: dict[str, dict[str, Any]]) -> None:
    assert {"fitness", "ladders", "behaviour", "loci", "search"} <= set(described)
    for name, chart in described.items():
        assert re.search(r"\d", chart["description"]), name
        assert len(chart["description"]) > 60, name
        tips = [tip for unit in units(chart) for tip in unit.get("encoding", {}).get("tooltip", [])]
        assert len(tips) >= 2, name


@pytest.mark.parametrize("size", MILLIMETRES)
def test_print_has_its_width_and_letters_to_read(
    described: dict[str, dict[str, Any]], size: str
) -> None:
    column = SIZES[size]
    assert column
    for name in ("fitness", "ladders", "behaviour", "loci", "search"):
        _, svg = fit_to_column(described[name], column, to_svg)
        found = re.match(r'<svg[^>]* width="([\d.]+)mm" height="([\d.]+)mm"', svg)
        assert found, name
        assert float(found[1]) == MILLIMETRES[size]
        assert float(found[2]) < 240.0, name
        sizes = points_of(svg)
        assert min(sizes) >= LEAST_POINTS, name
        assert max(sizes) < 12.0, name


def test_small_letters_are_seen(described: dict[str, dict[str, Any]]) -> None:
    tiny = json.loads(json.dumps(described["ladders"]))
    tiny["config"]["axis"]["labelFontSize"] = 7
    column = SIZES["one"]
    assert column
    assert min(points_of(fit_to_column(tiny, column, to_svg)[1])) < LEAST_POINTS


def test_panels_are_stacked_in_one_column(described: dict[str, dict[str, Any]]) -> None:
    one, two = SIZES["one"], SIZES["two"]
    assert one
    assert two
    before = json.dumps(described["ladders"])
    stacked, _ = fit_to_column(described["ladders"], one, to_svg)
    assert len(stacked["vconcat"]) == 2
    assert "hconcat" in fit_to_column(described["ladders"], two, to_svg)[0]
    assert json.dumps(described["ladders"]) == before  # what was described stays as it is
    assert stacked["config"]["legend"]["orient"] == "bottom"


def test_lines_are_broken_where_they_are_too_wide() -> None:
    words = (
        "representation: what no genome can do; shift: a perfect ancestral optimizer loses it too"
    )
    lines = broken(words, 11.0, 200.0)
    assert " ".join(lines) == words
    assert len(lines) > 2
    assert max(text_width(line, 11.0) for line in lines) <= 200.0
    long = {
        "mark": "text",
        "encoding": {},
        "data": {"values": [{}]},
        "width": 10,
        "title": {"text": words, "fontSize": 11, "fontWeight": "normal", "anchor": "start"},
    }
    # Widths of letters are those of the engine
    assert width_of(to_svg(long)) == pytest.approx(text_width(words, 11.0) + 10.0, rel=0.06)


# Formats


def test_text_is_text_in_a_pdf(source: Source) -> None:
    figures.draw(source.run, ("pdf", "png", "svg"), names=["ladders"], size="one")
    folder = source.run.folder / "figures" / "one"
    page = pypdf.PdfReader(folder / "ladders.pdf").pages[0]
    text = page.extract_text()
    for words in ("The ladder", "expected offspring", "ancestral world", "population"):
        assert words in text
    assert float(page.mediabox.width) == pytest.approx(85.0 / 25.4 * 72.0, abs=0.1)
    fonts = page["/Resources"]["/Font"]
    assert fonts
    for font in fonts.values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)
    png = (folder / "ladders.png").read_bytes()
    place = png.index(b"pHYs") + 4
    per_inch = int.from_bytes(png[place : place + 4], "big") * 0.0254
    assert per_inch >= 300.0 - 0.1
    assert int.from_bytes(png[16:20], "big") / per_inch * 25.4 == pytest.approx(85.0, abs=0.2)


def test_a_page_asks_nobody_and_runs_nothing_of_its_data(source: Source, tmp_path: Path) -> None:
    chart = next(chart for _, chart in charts_of(source, ["fitness"]))
    evil = "</script><script>alert(1)</script><!-- & \u2028"
    told = themed(chart, evil, [evil], evil).to_dict()
    page = html.page("fitness", told, to_svg(told))
    assert "alert(1)</script>" not in page
    assert "&lt;/script&gt;" in page
    assert html.POLICY in page
    assert "default-src 'none'" in html.POLICY
    assert not re.search(r'(src|href)="?(https?:)?//', page)
    data = re.search(r'<script type="application/json" id="described">(.*?)</script>', page)
    assert data
    assert json.loads(data[1])["fitness"]["title"]["text"] == evil
    files = figures.draw(source.run, ("html",), names=["fitness"])
    assert [file.name for file in files] == ["fitness.html"]


def test_lines_answer_along_their_way(described: dict[str, dict[str, Any]]) -> None:
    def hidden(chart: Any) -> list[dict[str, Any]]:
        return [
            unit
            for unit in units(chart)
            if isinstance(unit["mark"], dict) and unit["mark"].get("opacity") == 0
        ]

    assert hidden(described["fitness"]) == []
    points = hidden(html.interactive(described["fitness"]))
    assert len(points) == 1
    assert {tip["field"] for tip in points[0]["encoding"]["tooltip"]} >= {
        "world",
        "generation",
        "mean",
    }
    svg = to_svg(html.interactive(described["search"]))
    assert 'class="mark-symbol role-mark' in svg


# The gallery


def test_every_figure_hangs_in_the_gallery() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    parts = re.split(r"^## Figures of a (\w+)$", page, flags=re.MULTILINE)
    of = dict(zip(parts[1::2], parts[2::2], strict=True))
    pictures = {path.name for path in (ROOT / "docs" / "gallery").iterdir()}
    for entry in gallery.entries():
        section = of[entry.of].split(f"### {entry.name}\n")
        assert len(section) == 2, entry.name
        assert entry.what[1:] in section[1].split("### ")[0], entry.name
        assert f"(gallery/{entry.of}-{entry.name}.png)" in section[1].split("### ")[0]
    assert pictures == {f"{entry.of}-{entry.name}.png" for entry in gallery.entries()}
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "gallery").iterdir()) < 2e6


def test_figures_are_listed_chosen_and_refused(
    capsys: pytest.CaptureFixture[str], source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    folder = str(source.run.folder)
    code, out, _ = evosim(capsys, "figures", "--list")
    assert code == 0
    assert all(entry.name in out for entry in gallery.entries())
    code, out, _ = evosim(capsys, "figures", folder, "ladders", "--size", "two", "--format", "svg")
    assert (code, out.split()) == (0, [f"{folder}/figures/two/ladders.svg"])
    code, out, err = evosim(capsys, "figures", folder, "drive", "--format", "svg")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "figure 'drive' must have something to show" in err
    code, out, err = evosim(capsys, "figures", folder, "behaviour", "drive", "--format", "svg")
    assert (code, out) == (2, ""), "all that is asked for, or nothing"
    for wrong, words in (
        ((folder, "ladder"), "'ladder'"),
        ((folder, "phase"), "phase is a figure of a sweep, but the folder holds a run"),
        ((folder, "--size", "three"), "--size must be one of"),
        ((folder, "--format", "gif"), "--format must be one of"),
        ((), "the argument FOLDER is missing"),
    ):
        code, out, err = evosim(capsys, "figures", *wrong)
        assert (code, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1


def test_sweeps_are_drawn_too(tmp_path: Path) -> None:
    store = begun(tmp_path / "sweep")
    compute(store)
    files = gallery.draw(store.folder, ["steps"], ["svg"], "one")
    assert files
    assert all(file.parent.name == "one" and file.name.startswith("steps-") for file in files)
    assert 'width="85mm"' in files[0].read_text(encoding="utf-8")
    with pytest.raises(UserError, match="a figure must be one of"):
        gallery.draw(store.folder, ["phase-nothing"], ["svg"], "screen")
    with pytest.raises(UserError, match="is a figure of a run, but the folder holds a sweep"):
        gallery.draw(store.folder, ["fitness"], ["svg"], "screen")
