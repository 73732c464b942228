"""Colours that differ in grey and for red-green blind readers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

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
)

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
    """Pairs with the same dashes that look alike in grey or to red-green blind readers."""
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
