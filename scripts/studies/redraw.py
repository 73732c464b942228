"""Draw the figures of stored studies from their tables, without a new run.

Each study with figures has a function `draw(folder)` in its file. It reads CSV tables and returns
charts by name. `drawn.json` next to the figures has the digests of the tables, which a test
compares. The option --check draws the figures again and compares the SVG files.

The stored figures of claims are made by `evosim claims`. The name `claims` draws them into another
folder.

Run: python scripts/studies/redraw.py [horizon waste ...] [--out FOLDER] [--format pdf] [--check]
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl

from evosim.claims import claim_of
from evosim.claims.claim import Claim
from evosim.claims.study import FORMATS, Draw, draw_study, stored_experiment
from evosim.config.resolve import resolve

HERE = Path(__file__).resolve().parent
KEPT = HERE.parents[1] / "results"
CLAIMS = "claims"  # `evosim claims` draws them next to their tables
# The default of `Claim.tables`: store all computed tables
WHOLE = next(field.default for field in fields(Claim) if field.name == "tables")


def drawable() -> dict[str, Draw]:
    """The function that draws the figures of a stored study, by the name of its folder."""
    names = sorted(path.stem for path in HERE.glob("*.py") if "\ndef draw(" in path.read_text())
    studies = {name.replace("_", "-"): importlib.import_module(name).draw for name in names}
    return dict(sorted((studies | {CLAIMS: draw_claims}).items()))


def draw_claims(folder: Path) -> dict[str, Any]:
    """Charts of the claims, named by number and chart: `claim-04-hack`.

    Claims that store sums instead of whole tables are left out. `evosim claims NAME --full` draws
    those.
    """
    charts: dict[str, Any] = {}
    for study in sorted(folder.glob("claim-*")):
        number, claim = study.name.split("-", 2)[1], claim_of(study.name)
        if claim.tables is not WHOLE:
            continue
        tables = {
            path.stem: pl.read_csv(path, infer_schema_length=None)
            for path in study.glob("*.csv")
            if path.stem != "measured"
        }
        charts |= {
            f"claim-{number}-{name}": chart
            for name, chart in claim.figures(tables, resolve(stored_experiment(study))).items()
        }
    return charts


def redraw(study: Path, out: Path | None = None, formats: tuple[str, ...] = FORMATS) -> list[Path]:
    """Draw the figures of a stored study, and return the files; none if the study has none."""
    draw = drawable().get(study.name)
    return draw_study(study, draw, out, formats) if draw else []


def stale(study: Path) -> list[str]:
    """Names of stored figures that differ from new ones."""
    with tempfile.TemporaryDirectory() as scratch:
        files = redraw(study, Path(scratch), ("svg",))
        return [f"{study.name}/{file.stem}" for file in files if not _same(file, study / file.name)]


def _same(new: Path, stored: Path) -> bool:
    return stored.is_file() and _unnumbered(new) == _unnumbered(stored)


def _unnumbered(svg: Path) -> str:
    """The text of a figure without the numbers of gradients and clips.

    These numbers count everything that a process has drawn.
    """
    return re.sub(r"\b(gradient|clip)_?\d+", r"\1", svg.read_text(encoding="utf-8"))


def main() -> None:
    """Draw or check the named studies, or all."""
    known = drawable()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "names", nargs="*", metavar="STUDY", help=f"of {', '.join(known)}; all, if none is named"
    )
    parser.add_argument("--results", type=Path, default=KEPT, help="folder of studies")
    parser.add_argument(
        "--out", type=Path, help="folder for figures (default: next to their tables)"
    )
    parser.add_argument(
        "--format",
        action="append",
        choices=("png", "svg", "pdf"),
        help="may be given more than once (default: png and svg)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if a stored SVG differs from a new one",
    )
    given = parser.parse_args()
    for name in given.names:
        if name not in known:
            parser.error(f"unknown study {name}. Studies with figures: {', '.join(known)}")
    if CLAIMS in given.names and (given.check or not given.out):
        parser.error(
            "'evosim claims' makes the stored figures of claims. Draw them into another folder:"
            " redraw.py claims --out FOLDER"
        )
    different = []
    for name in given.names or [name for name in known if name != CLAIMS]:
        if given.check:
            different += stale(given.results / name)
        else:
            out = given.out / name if given.out else None
            print(*redraw(given.results / name, out, tuple(given.format or FORMATS)), sep="\n")
    if different:
        sys.exit(
            f"differ from their tables: {', '.join(different)}. Draw them again: python"
            " scripts/studies/redraw.py"
        )


if __name__ == "__main__":
    main()
