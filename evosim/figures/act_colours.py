"""Colours and letters of acts, so that they differ even in grey."""

from __future__ import annotations

from typing import Any

import altair as alt

# Light ones first, so that letters on them are readable. Letters differ where greys are alike.
TILE_COLOURS = (
    "#E69F00",
    "#DDDDDD",
    "#56B4E9",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#F0E442",
    "#009E73",
    "#7F7F7F",
    "#332288",
    "#B2DF8A",
    "#882255",
)
HALF_WAY = 0.179  # luminance at which white and black have the same contrast
SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def letters(acts: tuple[str, ...]) -> dict[str, str]:
    """One letter per act: a free initial, otherwise another letter of it, otherwise any letter."""
    out: dict[str, str] = {}
    for act in acts:
        words = act.replace("-", "_").split("_")
        tries = [word[:1] for word in words] + list("".join(words)) + list(SPARE)
        out[act] = next(
            (x.upper() for x in tries if x.strip() and x.upper() not in out.values()), act
        )
    return out


def named(acts: tuple[str, ...]) -> dict[str, str]:
    """Legend entry of each act: its letter, then its name."""
    return {act: f"{letter} {act.replace('_', ' ')}" for act, letter in letters(acts).items()}


def colours(acts: tuple[str, ...]) -> dict[str, str]:
    """Colour of each act, by its place in the world's list.

    Many acts share colours; their letters differ.
    """
    return {act: TILE_COLOURS[i % len(TILE_COLOURS)] for i, act in enumerate(acts)}


def ink(acts: tuple[str, ...]) -> dict[str, str]:
    """Colour of the letter on each act's colour: white or black, for the larger contrast."""
    return {
        act: "white" if luminance(colour) < HALF_WAY else "black"
        for act, colour in colours(acts).items()
    }


def luminance(colour: str) -> float:
    """Relative luminance of a colour `#RRGGBB` (WCAG 2.1)."""
    shares = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def fill(acts: tuple[str, ...], shown: set[str], **legend: Any) -> Any:
    """Fill by the column `label`, with a legend of the acts that are shown.

    Fill is another channel than colour, so that panels can share it.
    """
    here = [act for act in acts if act in shown]
    scale = alt.Scale(
        domain=[named(acts)[act] for act in here], range=[colours(acts)[act] for act in here]
    )
    return alt.Fill(
        "label:N",
        title="act",
        scale=scale,
        legend=alt.Legend(symbolType="square", symbolOpacity=1, symbolStrokeWidth=0, **legend),
    )
