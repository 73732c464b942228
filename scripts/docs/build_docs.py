"""Build the documentation as a site, with warnings as errors.

The script also checks that no page requests anything from elsewhere.

python scripts/docs/build_docs.py                # into build/docs; open build/docs/index.html
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FETCHED = {
    "img": "src",
    "script": "src",
    "iframe": "src",
    "source": "src",
    "audio": "src",
    "video": "src",
    "embed": "src",
    "object": "data",
    "link": "href",
}


class Fetched(HTMLParser):
    """Collects what a browser fetches by itself to show a page.

    Links that a reader follows are none of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        given = dict(attrs)
        if tag in FETCHED and given.get("rel") not in ("canonical", "author"):
            self.found.append(given.get(FETCHED[tag]) or "")


def from_elsewhere(site: Path) -> list[str]:
    """`page: address` of everything that pages and style sheets of a site fetch from another
    host.
    """
    out = []
    for page in sorted(site.rglob("*.html")):
        parser = Fetched()
        parser.feed(page.read_text(encoding="utf-8"))
        out += [
            f"{page.name}: {address}"
            for address in parser.found
            if address.startswith(("http:", "https:", "//"))
        ]
    for sheet in sorted(site.rglob("*.css")):
        text = sheet.read_text(encoding="utf-8")
        out += [
            f"{sheet.name}: {mark}"
            for mark in ("url(http", 'url("http', "url(//", "@import")
            if mark in text
        ]
    return out


def build(out: Path) -> int:
    """Build the site into a folder. Gives the exit code."""
    with tempfile.TemporaryDirectory() as trees:
        command = [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-n",
            "-q",
            "-b",
            "html",
            "-d",
            trees,
            str(ROOT / "docs"),
            str(out),
        ]
        code = subprocess.run(command, check=False).returncode
    for line in from_elsewhere(out):
        print(f"fetched from elsewhere: {line}", file=sys.stderr)
        code = code or 1
    return code


def main() -> int:
    """Build, and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs")
    out = parser.parse_args().out
    code = build(out)
    if not code:
        print(out / "index.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
