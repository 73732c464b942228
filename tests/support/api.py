"""A small sweep and settings for the Python API."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from tests.support.settings import QUICK


def settings(name: str) -> dict[str, object]:
    return {key: json.loads(value) for key, value in (item.split("=", 1) for item in QUICK[name])}


# Sweeps and searches

SWEEP = {
    "name": "small",
    "experiment": "micro",
    "replicates": 5,
    "set": settings("micro"),
    "grid": {"world.modern.find": [0.2, 0.6]},
    "keep": ["ladder"],
}


def well_formed(html: str) -> str:
    """The text of a piece of HTML that is also XML; with what would be markup in words escaped."""
    tree = ElementTree.fromstring(html)
    assert not list(tree.iter("script"))
    return " ".join(tree.itertext())
