"""Draw the figures of kept studies again, from their tables alone: another look needs no new run.

Each study that has figures has a module in `scripts/figures/` with one function, `draw(folder)`,
which reads CSV tables and gives charts by name. `drawn.json` beside the figures says of which
tables they were drawn (a test compares), and --check draws again and compares the SVG. Figures of
claims are kept as `evosim claims` drew them; `claims` draws them again into another folder.

Run: python scripts/redraw.py [horizon waste ...] [--results FOLDER] [--out FOLDER] [--format pdf]
[--check]
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evosim.figures import draw_charts
from evosim.runtime.atomic_files import write_atomically

HERE = Path(__file__).resolve().parent
KEPT, FORMATS, DRAWN = HERE.parent / "results", ("png", "svg"), "drawn.json"
ELSEWHERE = "claims"  # drawn beside their tables by another program


def drawable() -> dict[str, Callable[[Path], dict[str, Any]]]:
    """What draws the figures of a study, by the name of its folder."""
    names = sorted(path.stem for path in (HERE / "figures").glob("*.py") if path.stem != "__init__")
    return {
        name.replace("_", "-"): importlib.import_module(f"figures.{name}").draw for name in names
    }


def redraw(study: Path, out: Path | None = None, formats: tuple[str, ...] = FORMATS) -> list[Path]:
    """Draw the figures of a study's folder, into it if no other is named; gives the files.

    Nothing for a study without figures.
    """
    draw = drawable().get(study.name)
    if draw is None:
        return []
    out = out or study
    out.mkdir(parents=True, exist_ok=True)
    files = draw_charts(out, draw(study).items(), formats)
    if out == study and formats == FORMATS:
        facts = {"figures": sorted({file.stem for file in files}), "tables": digests(study)}
        write_atomically(study / DRAWN, (json.dumps(facts, indent=1) + "\n").encode())
    return files


def digests(study: Path) -> dict[str, str]:
    """SHA-256 of each table of a study."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(study.glob("*.csv"))
    }


def stale(study: Path) -> list[str]:
    """Figures that are not what their tables now give, by drawing them again."""
    with tempfile.TemporaryDirectory() as scratch:
        files = redraw(study, Path(scratch), ("svg",))
        return [f"{study.name}/{file.stem}" for file in files if not _same(file, study / file.name)]


def _same(new: Path, kept: Path) -> bool:
    return kept.is_file() and _unnumbered(new) == _unnumbered(kept)


def _unnumbered(svg: Path) -> str:
    """A figure without the numbers of gradients and clips, which count whatever a process has
    drawn.
    """
    return re.sub(r"\b(gradient|clip)_?\d+", r"\1", svg.read_text(encoding="utf-8"))


def main() -> None:
    """Draw or check the studies that are named, or all."""
    known = drawable()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "names", nargs="*", metavar="STUDY", help=f"of {', '.join(known)}; all, if none is named"
    )
    parser.add_argument("--results", type=Path, default=KEPT, help="folder of studies")
    parser.add_argument("--out", type=Path, help="where figures go (default: beside their tables)")
    parser.add_argument(
        "--format",
        action="append",
        choices=("png", "svg", "pdf"),
        help="may be given more than once (default: png and svg)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="draw nothing anew; end with 1 if a kept SVG is not what its tables give",
    )
    given = parser.parse_args()
    for name in given.names:
        if name not in known:
            parser.error(f"{name} is no study with figures. There are {', '.join(known)}.")
    if ELSEWHERE in given.names and (given.check or not given.out):
        parser.error(
            "claims must be drawn into a folder of their own, because those that are kept are"
            " 'evosim claims' own. Give --out."
        )
    found = []
    for name in given.names or [name for name in known if name != ELSEWHERE]:
        if given.check:
            found += stale(given.results / name)
        else:
            out = given.out / name if given.out else None
            print(*redraw(given.results / name, out, tuple(given.format or FORMATS)), sep="\n")
    if found:
        sys.exit(
            f"not what their tables give: {', '.join(found)}. Draw them again: python"
            " scripts/redraw.py"
        )


if __name__ == "__main__":
    main()
