"""One module for each study that has figures: `draw(folder)` reads its kept tables and gives its
charts by name.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any


def provenance(study: Path) -> dict[str, Any]:
    """What is known of how a study was made."""
    return dict(json.loads((study / "provenance.json").read_text(encoding="utf-8")))


def experiment(study: Path) -> dict[str, Any]:
    """The experiment of a study, with every default."""
    return tomllib.loads((study / "experiment.toml").read_text(encoding="utf-8"))
